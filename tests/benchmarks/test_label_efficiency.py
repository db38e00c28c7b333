"""Which rows labels are drawn from, and that no variant of a test drawing is among them."""

from __future__ import annotations

import json
from collections import Counter

from tests.benchmarks.scripts import load_script

from sensorium.recipe import parse_recipe

groups = load_script("datasets/emoji_groups.py")
efficiency = load_script("label_efficiency.py")
chart = load_script("label_chart.py")

NAMED = {"😀": "Smileys", "👍": "People & Body", "👍🏽": "People & Body", "❤": "Smileys"} | {
    "❤\u200d🔥": "Smileys",
    "🐈": "Animals",
    "🐈\u200d⬛": "Animals",
    "🇫🇷": "Flags",
    "🇫🇮": "Flags",
    "🏻": "Component",
}


def test_no_variant_is_on_both_sides():
    train = [{"emoji": one} for one in ("😀", "👍", "❤\ufe0f", "❤\ufe0f\u200d🔥", "🐈", "🇫🇷", "🏻")]
    test = [{"emoji": one} for one in ("👍🏽", "🐈\u200d⬛", "🇫🇮")]
    found = groups.splits_of(train, test, NAMED)
    learnt = {row["emoji"] for split in ("train", "validation") for _, row in found[split]}
    assert learnt == {"😀", "❤\ufe0f", "🐈", "🇫🇷"}
    assert [(group, row["emoji"]) for group, row in found["test"]] == [("Flags", "🇫🇮")]


def test_labels_are_drawn_of_each_class_and_more_hold_fewer(tmp_path):
    rows = [{"picture": f"{n}.png", "kind": "ab"[n % 2], "things": n % 4 // 2} for n in range(40)]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    fields = {"image": "picture", "label": "kind"}
    tree = {
        "name": "kinds",
        "data": {"root": str(tmp_path), "train": "train.jsonl", "fields": fields},
        "model": {"encoders": {"image": {"width": 16, "depth": 1, "heads": 2}}},
        "tasks": {"classification": {}},
        "train": {"steps": 1},
    }
    known = efficiency.rows_of(parse_recipe(tree, "kinds"), "train", "things=1")
    assert len(known) == 20
    assert known[0] == {"picture": str(tmp_path / "2.png"), "kind": "a"}

    def drawn(labels: int, seed: int) -> list[dict]:
        return efficiency.few(known, "kind", labels, seed)

    three = drawn(3, seed=0)
    assert Counter(row["kind"] for row in three) == {"a": 3, "b": 3}
    assert all(row in three for row in drawn(1, seed=0))
    assert drawn(3, seed=1) != three
    assert len(drawn(efficiency.ALL, seed=0)) == 20


def test_the_chart_has_a_panel_for_each_file_and_is_the_same_again(tmp_path):
    figures = {
        "fine-tuned": {"1": [0.2, 0.4], "0": [0.9]},
        "from scratch": {"1": [0.1], "0": [0.8]},
    }
    pages = []
    for name in ("one.svg", "other.svg"):
        chart.draw([{"figures": figures}] * 2, ["emoji", "world"], tmp_path / name)
        pages.append((tmp_path / name).read_text())
    assert pages[0] == pages[1]
    assert all(word in pages[0] for word in ("emoji", "world", "fine-tuned", "from scratch", "all"))
