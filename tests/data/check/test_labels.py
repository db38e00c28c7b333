"""Labels that names or order give away are found; those that chance explains are not."""

import numpy as np

from sensorium.data.check.labels import LabelColumn, giveaways

DRAW = np.random.default_rng(0)
RANDOM = [f"class {n}" for n in DRAW.integers(0, 4, 400)]
SHUFFLED = [f"{n:05d}.png" for n in DRAW.permutation(400)]


def column(labels: list[str]) -> LabelColumn:
    made = LabelColumn()
    for row, label in enumerate(labels):
        made.add(row, label)
    return made


def told(labels: list[str], files: list[str]) -> list[str]:
    return [one.by for one in giveaways("label", column(labels), dict(enumerate(files)))]


def test_random_labels_follow_from_nothing() -> None:
    assert told(RANDOM, SHUFFLED) == []
    assert told(RANDOM, [f"{n}.png" for n in range(400)]) == []
    assert told(["rare", *["common"] * 399], SHUFFLED) == []
    assert told(RANDOM[:10], [f"{label}.png" for label in RANDOM[:10]]) == []


def test_a_part_of_the_name() -> None:
    files = [f"data/{label[-1]}_{file}" for label, file in zip(RANDOM, SHUFFLED, strict=True)]
    (found,) = giveaways("label", column(RANDOM), dict(enumerate(files)))
    assert found.by.startswith("part 2 of the file name, as in ")
    assert found.accuracy == 1
    assert 0.25 <= found.chance < 0.32


def test_the_order_of_rows() -> None:
    assert told(sorted(RANDOM), SHUFFLED) == ["the order of the rows"]
    cycle = [f"class {n % 4}" for n in range(400)]
    assert told(cycle, SHUFFLED) == ["the order of the rows, every 4 rows anew"]


def test_the_order_of_numbers_in_names() -> None:
    labels = [f"class {int(file[:5]) // 100}" for file in SHUFFLED]
    (by,) = told(labels, SHUFFLED)
    assert by.startswith("the order of part 1 of the file name")


def test_what_holds_labels() -> None:
    assert column(["a", "b"] * 4).holds_labels
    assert not column(["a"] * 9).holds_labels, "one class is none"
    assert not column([str(n) for n in range(30)]).holds_labels
    assert not column([str(n % 2000) for n in range(20_000)]).holds_labels, "too many classes"
    assert column(["a", "b", "b", "b", "c"] * 9).counts() == {"b": 27, "a": 9, "c": 9}
