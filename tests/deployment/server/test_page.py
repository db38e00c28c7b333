"""The page in a real browser, against a real server of tiny models."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from tests.conftest import small_mixture, small_model, small_model_config
from tests.deployment.server.conftest import Running, running

from sensorium.data import DataConfig, TextConfig, Tokenizer, build_modalities
from sensorium.deployment.predictor import Predictor
from sensorium.deployment.server.served import Example, Served
from sensorium.run import Run
from sensorium.verbs.serve import _limits, _opened

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no chromium on this machine")


def untrained(task: str, picture: bytes) -> Served:
    """A model with random weights that has one task."""
    tokenizer = Tokenizer.train(["how many are red"], TextConfig(vocabulary=300, context_tokens=12))
    data = DataConfig.model_validate({"image": {"size": 16}, "text": {"context_tokens": 12}})
    torch.manual_seed(0)
    model = small_model(small_model_config("cross_attention"))
    model.encoders["text"].embedding = torch.nn.Embedding(tokenizer.size, 16)
    mixture = small_mixture(task, model=model)
    if task == "detection":
        known = mixture.tasks[task]
        known.config = known.config.model_copy(update={"told_from": 0.0})
    example = Example("a.png", {"image": picture, "text": "how many are red"})
    return Served(task, Predictor(mixture, build_modalities(data, tokenizer)), examples=[example])


@pytest.fixture(scope="module")
def site(indexed: Run, picture: bytes) -> Iterator[Running]:
    bounds = _limits({"request_megabytes": 2})
    models = _opened([indexed.folder], "cpu", "float32", bounds)
    models += [untrained(task, picture) for task in ("question_answering", "detection")]
    with running(models, bounds) as served:
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(site: Running, browser: Any) -> Iterator[Any]:
    """The page, just opened. What it asks of others, and what it complains of, fails the test,
    but for what the test takes from `page.complaints`."""
    origin = f"http://127.0.0.1:{site.port}"
    context = browser.new_context(locale="en-GB", color_scheme="light")
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.complaints = []
    abroad: list[str] = []
    page.on("console", lambda said: page.complaints.append(said.text) if wrong(said) else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda asked: abroad.append(asked.url) if leaves(asked, origin) else None)
    page.goto(origin)
    page.wait_for_selector("[role=tab]")
    yield page
    context.close()
    assert abroad == []
    assert page.complaints == []


def wrong(said: Any) -> bool:
    return said.type in ("error", "warning")


def leaves(asked: Any, origin: str) -> bool:
    return not asked.url.startswith((f"{origin}/", f"blob:{origin}/", "data:"))


def a_picture(content: bytes, name: str = "mine.png") -> dict[str, Any]:
    return {"name": name, "mimeType": "image/png", "buffer": content}


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


def test_a_question_is_answered_and_explained(page, picture):
    page.get_by_role("tab", name="Ask").click()
    panel = page.locator("#panel-ask")
    panel.locator("input[type=file]").set_input_files(a_picture(picture))
    panel.get_by_label("Question").fill("how many are red")
    panel.get_by_label("Show what the answer rests on").check()
    panel.get_by_role("button", name="Ask", exact=True).click()
    panel.locator(".said").wait_for()
    assert panel.locator(".bars").first.locator("dd").count() > 1
    assert panel.locator(".heat canvas").count() == 1
    assert panel.locator(".shaded span").all_inner_texts() == ["how", "many", "are", "red"]


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


def test_a_broken_file_gets_a_clear_message(page):
    page.get_by_role("tab", name="Detect").click()
    panel = page.locator("#panel-detect")
    panel.locator("input[type=file]").set_input_files(a_picture(b"no picture", "broken.png"))
    panel.get_by_role("button", name="Detect", exact=True).click()
    said = panel.get_by_role("alert").inner_text()
    assert said.startswith("This cannot be read")
    assert "not a picture: the file holds text" in said
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
    page.keyboard.type("how many are red")
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


@pytest.mark.parametrize("width", [360, 1240])
def test_nothing_is_wider_than_the_window(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    for tab in page.locator("[role=tab]").all():
        tab.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
