"""The page in a real browser, against a real server of tiny models."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.deployment.server.conftest import WORDS, Running, running, untrained

from sensorium.data import Quarantine, open_dataset
from sensorium.deployment.index import SearchIndex
from sensorium.deployment.server.limits import Limits
from sensorium.deployment.server.served import Example, Served
from sensorium.run import Run
from sensorium.verbs.serve import _limits, _opened
from sensorium.world.build import WorldConfig, build_world

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no chromium on this machine")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page") / "world"
    build_world(folder, WorldConfig(train=1, validation=4, test=1, modalities=("audio", "video")))
    return folder


@pytest.fixture(scope="module")
def site(indexed: Run, picture: bytes, world: Path) -> Iterator[Running]:
    bounds = _limits({"request_megabytes": 2})
    clip = (world / "videos/validation/00000.mp4").read_bytes()
    asked = [Example("a clip", {"video": clip, "text": WORDS}, {"video": "a.mp4"})]
    seen = [Example("a picture", {"image": picture}, {"image": "a.png"})]
    detection = untrained("detection", ["image"], bounds, examples=seen)
    known = detection.predictor.mixture.tasks["detection"]
    known.config = known.config.model_copy(update={"told_from": 0.0})
    models = _opened([indexed.folder], "cpu", "float32", bounds)
    models.append(untrained("question_answering", ["video", "text"], bounds, examples=asked))
    models += [detection, of_sounds(world, bounds)]
    with running(models, bounds) as served:
        yield served


def of_sounds(world: Path, bounds: Limits) -> Served:
    """A model in whose space the sounds and the clips of a world can be searched."""
    model = untrained("contrastive", ["audio", "video"], bounds)
    assert model.embedder is not None
    read = model.predictor.inputs["audio"]
    config = read.config.model_copy(update={"fields": {"audio": "audio", "video": "video"}})
    none = Quarantine(None, 0, budget=0.0)
    dataset = open_dataset(world / "validation.jsonl", config, read.tokenizer, none)
    model.index = SearchIndex(world / "index")
    model.index.build(dataset, model.embedder, none)
    return model


@pytest.fixture(scope="module")
def window(site: Running) -> Iterator[Any]:
    """A browser's window, which notes what it asks of others, and what it complains of."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        window = chromium.new_page(locale="en-GB")
        window.set_default_timeout(10_000)
        window.origin = f"http://127.0.0.1:{site.port}"
        window.complaints, window.abroad = [], []
        window.on("console", lambda said: window.complaints.append(said.text) if wrong(said) else 0)
        window.on("pageerror", lambda error: window.complaints.append(str(error)))
        window.on("request", lambda asked: window.abroad.append(asked.url) if leaves(asked) else 0)
        yield window
        chromium.close()


@pytest.fixture
def page(window: Any) -> Iterator[Any]:
    """The page, opened anew. What it asks of others, and what it complains of, fails the test, but
    for what the test takes from `page.complaints`."""
    window.emulate_media(color_scheme="light")
    window.goto(window.origin)
    window.wait_for_selector("[role=tab]")
    yield window
    complaints, abroad = window.complaints[:], window.abroad[:]
    window.complaints.clear(), window.abroad.clear()
    window.unroute_all()
    window.evaluate("localStorage.clear()")
    assert (abroad, complaints) == ([], [])


def wrong(said: Any) -> bool:
    return said.type in ("error", "warning")


def leaves(asked: Any) -> bool:
    origin = asked.frame.page.origin
    return not asked.url.startswith((f"{origin}/", f"blob:{origin}/", "data:"))


def a_file(content: bytes, name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "mimeType": kind, "buffer": content}


def test_tabs_are_what_the_models_can_do(page):
    tabs = page.locator("[role=tab]").all_inner_texts()
    assert tabs == ["Search", "Ask", "Detect", "Compare"]


def test_a_search_by_words_finds_pictures_and_one_of_these_finds_others(page):
    page.get_by_label("Query").fill("a red thing")
    page.get_by_label("Query").press("Enter")
    page.wait_for_selector(".hit img")
    shown = "image => image.decode().then(() => image.naturalWidth)"
    assert page.locator(".hit img").first.evaluate(shown) > 0
    page.locator(".hit >> text=More like this").first.click()
    page.wait_for_selector(".given img")
    page.wait_for_selector(".hit")
    first = page.locator(".hit .score").first.inner_text()
    assert float(first) == pytest.approx(1, abs=0.01)


def test_a_search_by_a_sound_finds_sounds_that_can_be_heard(page, world):
    panel = page.locator("#panel-search")
    panel.get_by_label("Model").select_option("contrastive")
    panel.get_by_role("radiogroup", name="Search by").get_by_label("Sound").check()
    panel.get_by_role("radiogroup", name="Find").get_by_label("Sounds").check()
    panel.locator("input[type=file]").set_input_files(world / "sounds/validation/00001.wav")
    panel.get_by_role("button", name="Search", exact=True).click()
    first = panel.locator(".hit").first
    assert float(first.locator(".score").inner_text()) == pytest.approx(1, abs=0.01)
    bands = "image => image.decode().then(() => image.naturalWidth)"
    assert first.locator("img").evaluate(bands) > 0
    first.get_by_label("Play").click()
    first.get_by_label("Pause").wait_for()


def test_a_question_about_a_clip_is_answered_and_explained(page):
    page.get_by_role("tab", name="Ask").click()
    panel = page.locator("#panel-ask")
    panel.get_by_label("Show what the answer rests on").check()
    panel.locator(".example").click()
    panel.locator(".said").wait_for()
    assert panel.locator(".given").inner_text() == "a.mp4"
    assert panel.locator(".bars").first.locator("dd").count() > 1
    frames = panel.locator(".heat")
    assert frames.locator("img").count() == frames.locator("canvas").count() == 4
    assert panel.locator(".shaded span").all_inner_texts() == WORDS.split()


def test_boxes_are_drawn_over_the_picture_that_was_dropped(page, picture):
    page.get_by_role("tab", name="Detect").click()
    panel = page.locator("#panel-detect")
    handle = page.evaluate_handle(
        """bytes => {
            const carried = new DataTransfer();
            const content = new Uint8Array(bytes);
            carried.items.add(new File([content], "dropped.png", { type: "image/png" }));
            return carried;
        }""",
        list(picture),
    )
    panel.locator(".drop").dispatch_event("drop", {"dataTransfer": handle})
    panel.get_by_role("button", name="Detect", exact=True).click()
    panel.locator(".boxes rect").first.wait_for()
    drawn = panel.locator(".boxes rect").count()
    assert panel.locator(".boxes .tag").count() == drawn
    panel.locator("input[type=range]").fill("100")
    assert panel.locator(".boxes rect").count() < drawn


@pytest.mark.parametrize(
    ("tab", "kind", "reason"),
    [
        ("detect", "image/png", "picture 'mine': not a picture: the file holds text"),
        ("ask", "video/mp4", "video 'mine': the file is truncated, damaged or no sound or video"),
    ],
)
def test_a_broken_file_gets_a_clear_message(page, tab, kind, reason):
    page.locator(f"#tab-{tab}").click()
    panel = page.locator(f"#panel-{tab}")
    panel.locator("input[type=file]").set_input_files(a_file(b"no such thing", "mine", kind))
    panel.locator("button.main").click()
    said = panel.get_by_role("alert").inner_text()
    assert said.startswith("This cannot be read")
    assert reason in said
    (complaint,) = page.complaints  # the browser's own note of the answer
    assert "422" in complaint
    page.complaints.clear()


def test_a_busy_server_is_asked_again_when_it_says_so(page):
    refused = []

    def refuse_once(route):
        if refused:
            return route.continue_()
        refused.append(route.request.url)
        error = {"type": "overloaded", "message": "the queue is full", "request_id": "1"}
        return route.fulfill(status=429, headers={"retry-after": "1"}, json={"error": error})

    page.route("**/v1/search", refuse_once)
    page.get_by_label("Query").fill("a red thing")
    page.get_by_label("Query").press("Enter")
    page.get_by_text("Trying again in 1 s").wait_for()
    page.wait_for_selector(".hit")
    assert len(refused) == 1
    page.complaints.clear()  # the browser's own note of the answer


def test_the_language_is_switched_in_place_and_remembered(page):
    page.get_by_label("Query").fill("a red thing")
    page.locator("#language").click()
    assert page.locator("[role=tab]").first.inner_text() == "搜索"
    assert page.locator("textarea").first.input_value() == "a red thing"
    page.reload()
    page.wait_for_selector("[role=tab]")
    assert page.locator("[role=tab]").first.inner_text() == "搜索"
    assert page.locator("html").get_attribute("lang") == "zh-CN"


def test_the_theme_follows_the_system_until_it_is_switched(page):
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(ground)
    assert light != dark
    page.locator("#theme").click()
    assert page.evaluate(ground) == light
    page.reload()
    assert page.evaluate(ground) == light


def test_all_can_be_done_by_keyboard(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "tab-search"
    page.keyboard.press("ArrowRight")
    assert page.locator("[role=tab][aria-selected=true]").inner_text() == "Ask"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "file"
    page.keyboard.press("Tab")
    page.keyboard.type(WORDS)
    page.keyboard.press("Enter")
    page.locator("#panel-ask .said").wait_for()


def test_every_sentence_has_both_languages(page):
    unequal = page.evaluate(
        """async () => {
            const { tables } = await import("/words.js");
            const [one, other] = tables().map((table) => Object.keys(table).sort().join());
            return one !== other;
        }"""
    )
    assert not unequal


def test_nothing_is_wider_than_the_window(page):
    for tab in page.locator("[role=tab]").all():
        tab.click()
        for width in (360, 1280):
            page.set_viewport_size({"width": width, "height": 720})
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_likeliest_comes_first_also_where_names_are_numbers(page):
    names = page.evaluate(
        """async () => {
            const { answer } = await import("/answers.js");
            const said = { answer: "yes", probabilities: { yes: 0.6, 1: 0.4 } };
            const content = { predictions: [{ question_answering: said }], timing: {} };
            const shown = answer(content, ["question_answering"], {});
            const names = shown.flatMap((one) => [...one.querySelectorAll("dt")]);
            return names.map((one) => one.textContent);
        }"""
    )
    assert names == ["yes", "1"]
