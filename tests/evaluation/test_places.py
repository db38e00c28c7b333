"""Pictures of what was found: the best, the worst and others, never one of them twice."""

import io

from PIL import Image

from sensorium.evaluation.examples import Shown
from sensorium.evaluation.places import galleries
from sensorium.tasks.places import Located, Place

CAT = Place([1.0, 2.0, 10.0, 12.0], "cat", 0, 0.8, True)


def shown(row: int) -> Shown:
    content = io.BytesIO()
    Image.new("RGB", (20, 16), "grey").save(content, "PNG")
    return Shown(f"{row}.png", None, content.getvalue())


def located(*scores: float) -> list[Located]:
    return [Located(row, [CAT], [CAT], score) for row, score in enumerate(scores)]


def test_the_best_the_worst_and_others() -> None:
    scores = (0.1, 0.9, 0.5, 0.4, 1.0, 0.0, 0.6)
    (gallery,) = galleries({"detection": located(*scores), "grounding": []}, shown)
    assert (gallery.task, gallery.pictures) == ("detection", 7)
    kinds = {kind: [one.score for one in of] for kind, of in gallery.kinds.items()}
    assert kinds["Best"] == [1.0, 0.9]
    assert kinds["Worst"] == [0.0, 0.1]
    assert set(kinds["At random"]) <= {0.5, 0.4, 0.6}
    sight = gallery.kinds["Best"][0]
    assert sight.told.words == "4.png"
    assert (sight.told.width, sight.told.height) == (20, 16)
    assert sight.told.marks[0].words == "cat"


def test_without_pictures_nothing_is_shown() -> None:
    (gallery,) = galleries({"detection": located(0.5)}, lambda row: Shown("a", None, b"damaged"))
    assert gallery.kinds == {}
