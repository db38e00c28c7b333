"""LitServe with a run's embedding of pictures: run by the Python where LitServe is installed.

    python litserve_peer.py RUN PORT BATCH WAIT_SECONDS

It reads, decodes and computes with the same code as our server, and answers the same JSON.
"""

import base64
import sys

import litserve
import torch

from sensorium.verbs.load import open_trained


class Embedding(litserve.LitAPI):
    """{"input": {"image": base64}} -> {"data": [{"embedding": base64}]}."""

    def __init__(self, run, **settings):
        super().__init__(**settings)
        self.run = run

    def setup(self, device):
        torch.set_num_threads(1)
        trained = open_trained(self.run, device="cpu", precision="float32")
        self.predictor, self.embedder = trained.predictor(), trained.embedder()

    def decode_request(self, request):
        content = base64.b64decode(request["input"]["image"], validate=True)
        return self.predictor.read({"image": {"bytes": content}})

    def batch(self, inputs):
        return inputs

    def predict(self, x):
        found = self.embedder.embed(x if isinstance(x, list) else [x], "image")
        return found if isinstance(x, list) else found[0]

    def unbatch(self, output):
        return list(output)

    def encode_response(self, output):
        vector = base64.b64encode(output.numpy().astype("<f4").tobytes()).decode("ascii")
        return {"object": "list", "data": [{"object": "embedding", "embedding": vector}]}


if __name__ == "__main__":
    run, port, batch, wait = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    api = Embedding(run, max_batch_size=batch, batch_timeout=wait, api_path="/v1/embeddings")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, fast_queue=False)
    server.run(host="127.0.0.1", port=port, generate_client_file=False, log_level="warning")
