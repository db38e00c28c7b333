"""Probes find what is there, and no more than fresh weights where nothing is."""

import pytest
import torch

from sensorium.evaluation.probe import Features, Probed, probe
from sensorium.evaluation.probe.panel import probe_panel
from sensorium.evaluation.probe.probe import draw_of_each


def features(count: int, spread: float, seed: int) -> Features:
    """Pictures of four classes of unequal size, as vectors around their class."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.tensor([0, 0, 1, 2, 3] * (count // 5))
    vectors = torch.eye(12)[labels] + spread * torch.randn(count, 12, generator=generator)
    return Features(
        [str(i) for i in range(count)], labels, {"image": vectors}, {"image": torch.arange(count)}
    )


@pytest.fixture(scope="module")
def probed() -> Probed:
    known = {True: features(200, 0.3, 0), False: features(200, 3.0, 1)}
    asked = {True: features(100, 0.3, 2), False: features(100, 3.0, 3)}
    return probe(known, asked, classes=4, labels_per_class=[1, 5, 40, 1000])


def test_what_was_learned_is_read_and_what_was_not_is_not(probed):
    figures = probed.metrics()
    assert figures["probe/accuracy_majority"] == 0.4
    for reader in ("linear", "knn"):
        assert figures[f"probe/image/{reader}_accuracy"] > 0.9
        assert figures[f"probe/image/{reader}_accuracy_untrained"] < 0.6
        assert (
            figures[f"probe/image/{reader}_accuracy_at_1"]
            < figures[f"probe/image/{reader}_accuracy_at_5"]
            <= figures[f"probe/image/{reader}_accuracy"] + 0.02
        )


def test_only_as_few_labels_are_tried_as_every_class_has_more_of(probed):
    assert {tuple(curve.by_labels) for curve in probed.curves} == {(0, 1, 5)}


def test_intervals_hold_their_figure(probed):
    for curve in probed.curves:
        for reading in curve.by_labels.values():
            low, high = reading.interval
            assert low <= reading.accuracy <= high


def test_so_many_of_each_class_are_drawn():
    labels = torch.tensor([0] * 10 + [1] * 3 + [2] * 5)
    rows = draw_of_each(labels, 3, torch.Generator().manual_seed(0))
    assert labels[rows].bincount().tolist() == [3, 3, 3]
    assert len(set(rows.tolist())) == 9
    other = draw_of_each(labels, 3, torch.Generator().manual_seed(1))
    assert rows.tolist() != other.tolist()


def test_the_panel_shows_all_labels_and_draws_the_few(probed):
    panel = probe_panel("test", {"data": "made", **probed.facts()})
    assert panel.facts == "made: 4 classes, learned from 200 labelled samples, judged on 100"
    assert [(row.vector, row.reader) for row in panel.rows] == [
        ("image", "linear probe"),
        ("image", "nearest neighbours"),
    ]
    (chart,) = panel.charts
    assert [label for _, label in chart.steps] == ["1", "5", "all"]
    assert [line.name for line in chart.lines] == [
        "linear probe",
        "linear probe, fresh weights",
        "nearest neighbours",
        "nearest neighbours, fresh weights",
    ]


def test_all_labels_alone_draw_no_chart():
    one = {True: features(50, 0.3, 0), False: features(50, 3.0, 1)}
    alone = probe(one, one, classes=4, labels_per_class=[])
    assert probe_panel("test", {"data": "made", **alone.facts()}).charts == []
