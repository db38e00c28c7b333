"""The real process: it starts by the verb, and ends without cutting anybody off."""

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
from tests.deployment.server.conftest import until


def test_sigterm_answers_what_is_under_way_and_ends(indexed):
    limits = ("--limit", "batch_wait_milliseconds=4000", "--precision", "float32", "--port", "0")
    command = [sys.executable, "-m", "sensorium", "serve", str(indexed.folder), *limits]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(json.loads(line))
            if "running on" in lines[-1]["message"]:
                break
        address = lines[-1]["message"].split()[3]
        with ThreadPoolExecutor(1) as clients, httpx.Client(base_url=address) as http:
            asked = clients.submit(httpx.post, f"{address}/v1/embeddings", json={"input": "a"})
            until(lambda: 'sensorium_queue_rows{model="run"} 1.0' in http.get("/metrics").text)
            process.send_signal(signal.SIGTERM)
            until(lambda: http.get("/readyz").status_code == 503)
            assert asked.result().status_code == 200
        assert process.wait(30) == 0
        told = [json.loads(line) for line in process.stderr]
    (request,) = [one for one in told if one.get("path") == "/v1/embeddings"]
    assert (request["status"], request["inputs"]) == (200, 1)
    assert request["request_id"]
    assert request["milliseconds"] > 1000
