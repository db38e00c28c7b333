"""What the endpoints give, as the library itself gives it."""

import base64

import numpy as np
import pytest
from tests.deployment.server.conftest import problem, running, uri

from sensorium.deployment.server.media import media_type
from sensorium.errors import SensoriumError
from sensorium.verbs.export import export
from sensorium.verbs.load import load, open_trained
from sensorium.verbs.serve import _limits, _opened, serve

WORDS = "a red thing"


def test_predictions_are_those_of_the_library(server, indexed, picture):
    response = server.predict({"image": uri(picture), "text": WORDS}, {"image": "%"})
    assert response.status_code == 200
    one, broken = response.json()["predictions"]
    told = load(indexed.folder, device="cpu").predict(image=picture, text=WORDS)
    assert one.keys() == told.keys()
    assert one["contrastive"]["image_and_text"] == pytest.approx(
        told["contrastive"]["image_and_text"], abs=1e-5
    )
    assert broken["error"].startswith("inputs[1].image: expected a file in base64")
    assert response.json()["timing"].keys() == {"queued_ms", "model_ms"}


def test_runs_and_bundles_are_served_side_by_side(indexed, trained, picture, tmp_path):
    bundle = export(trained.folder, out=tmp_path / "bundled").folder
    bounds = _limits({})
    models = _opened([indexed.folder, bundle], "cpu", "float32", bounds)
    with running(models, bounds) as served:
        row = {"image": uri(picture), "text": WORDS}
        of_run, of_bundle = (
            served.predict(row, model=name).json() for name in (indexed.folder.name, "bundled")
        )
        assert of_run["model"] != of_bundle["model"]
        assert of_run["predictions"] == of_bundle["predictions"]
        asked = served.http.post("/v1/search", json={"text": WORDS, "model": "bundled"})
        assert problem(asked)[:2] == (404, "not_found")
        assert problem(served.predict(row, model="none"))[:2] == (404, "not_found")
    with pytest.raises(SensoriumError, match="rename a folder"):
        serve(bundle, bundle)
    with pytest.raises(SensoriumError, match="did you mean 'queue'"):
        serve(bundle, limits={"queu": 5})


def test_a_form_says_the_same_as_json(server, picture):
    form = server.http.post("/v1/predict", files={"image": picture}, data={"text": WORDS})
    as_json = server.predict({"image": base64.b64encode(picture).decode(), "text": WORDS})
    assert form.json()["predictions"] == as_json.json()["predictions"]


def test_an_explanation_stands_beside_its_answer(server, picture):
    (told,) = server.predict({"image": uri(picture), "text": WORDS}, explain=True).json()[
        "predictions"
    ]
    assert told["explanation"]["contrastive"]["modalities"].keys() == {"image", "text"}
    assert [one[:16] for one in told["seen"]["image"]] == ["data:image/webp;"]


def test_embeddings_have_the_form_of_openai(server, indexed, picture):
    def embedded(given, **more):
        return server.http.post("/v1/embeddings", json={"input": given, **more}).json()

    told = embedded([WORDS, "a"])
    assert [one["index"] for one in told["data"]] == [0, 1]
    assert told["usage"]["prompt_tokens"] == told["usage"]["total_tokens"] > 0
    vector = np.array(told["data"][0]["embedding"])
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    packed = embedded(WORDS, encoding_format="base64")["data"][0]["embedding"]
    assert np.frombuffer(base64.b64decode(packed), "<f4") == pytest.approx(vector, abs=1e-5)
    (seen,) = embedded({"image": uri(picture)})["data"]
    trained = open_trained(indexed.folder, device="cpu")
    sample = trained.predictor().read({"image": picture})
    (expected,) = trained.embedder().embed([sample], "image")
    assert seen["embedding"] == pytest.approx(expected.tolist(), abs=1e-5)


def test_a_search_finds_what_it_is_given_and_shows_it(server, trained):
    content = (trained.folder.parent / "data" / "13.png").read_bytes()
    response = server.http.post("/v1/search", files={"image": content}, data={"limit": "3"})
    hits = response.json()["hits"]
    assert len(hits) == 3
    assert (hits[0]["id"], hits[0]["file"]) == ("test.jsonl:2", "13.png")
    assert hits[0]["score"] == pytest.approx(1, abs=1e-4)
    small = server.http.get(hits[0]["thumbnail"])
    assert (small.status_code, small.headers["content-type"]) == (200, "image/webp")
    assert server.http.get(hits[0]["media"]).content == content
    words = server.http.post("/v1/search", json={"text": WORDS, "find": "text"}).json()["hits"]
    assert {hit["modality"] for hit in words} == {"text"}


@pytest.mark.parametrize("id", ["../../etc/passwd", "/etc/passwd", "x' OR 'a'='a", "13.png"])
@pytest.mark.parametrize("what", ["thumbnail", "media"])
def test_only_what_is_in_the_index_can_be_had(server, id, what):
    response = server.http.get(f"/v1/{what}", params={"id": id, "modality": "image"})
    assert problem(response)[:2] == (404, "not_found")


def test_what_the_server_tells_of_itself(server):
    (model,) = server.http.get("/v1/models").json()["data"]
    assert model["modalities"] == ["image", "text"]
    assert (model["search"], model["explain"], model["engine"]) == (
        *(True, True),
        "float32 by PyTorch",
    )
    examples = server.http.get("/v1/examples").json()["examples"]
    assert len(examples) == 8
    assert server.http.get(examples[0]["inputs"]["image"]).content[:4] == b"\x89PNG"
    assert server.http.get("/healthz").json() == {"status": "ok"}
    assert server.http.get("/readyz").json() == {"status": "ready"}
    described = server.http.get("/openapi.json").json()
    assert {"/v1/predict", "/v1/embeddings", "/v1/search"} <= described["paths"].keys()
    assert server.counted("sensorium_requests_total") > 0
    assert server.http.get("/docs").status_code == 404  # it would load scripts from elsewhere


def test_a_request_keeps_its_name(server):
    named = server.http.get("/healthz", headers={"x-request-id": "mine-1"})
    assert named.headers["x-request-id"] == "mine-1"
    drawn = server.http.get("/healthz", headers={"x-request-id": "not a name"})
    assert drawn.headers["x-request-id"] != "not a name"


def test_a_browser_is_told_to_show_media_and_nothing_that_it_would_run():
    assert media_type("a.wav").startswith("audio/")
    assert (media_type("a.png"), media_type("a.mp4")) == ("image/png", "video/mp4")
    for name in ("a.svg", "a.html", "a.js", ""):
        assert media_type(name) == "application/octet-stream"
