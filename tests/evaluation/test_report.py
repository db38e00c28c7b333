import base64
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

from sensorium.data.specimen import Specimen
from sensorium.evaluation.curves import MOST_POINTS, charts
from sensorium.evaluation.examples import directions
from sensorium.evaluation.figures import Figure, figures_by_split
from sensorium.evaluation.report import Shown, write_report
from sensorium.evaluation.samples import albums
from sensorium.tasks.calibration import calibrate
from sensorium.tasks.mistakes import Mistake
from sensorium.tasks.reconstruction import Reconstruction
from sensorium.tasks.retrieval import Retrieval
from sensorium.tasks.written import Written

IDS = [f"test.jsonl:{row}" for row in range(1, 9)]
SUMMARY = {
    "metrics": {
        "validation/matching/accuracy": 0.75,
        "test/contrastive/image_to_text/recall_at_1": 0.613,
        "test/contrastive/image_to_text/recall_at_5": 0.8,
        "test/contrastive/image_to_text/recall_at_10": 0.9,
        "test/contrastive/image_to_text/median_rank": 1.0,
        "test/contrastive/image_to_text/chance": 0.02,
        "test/matching/reranked_text_to_image/recall_at_1": 0.7,
        "test/matching/accuracy": 0.91,
        "test/masked_language/accuracy": 0.48,
        "test/masked_language/accuracy_withheld": 0.22,
        "test/counting/error": 0.125,
    },
    "train_seconds": 352.4,
    "samples_per_second": 1312.4,
    "parameters": 4123456,
    "device": "cpu",
    "steps": 600,
    "versions": {"torch": "2.13.0"},
    "quarantined": 2,
}
CURVES = [
    {"step": step, "train/matching/loss": 1 / step, "train/learning_rate": 1e-4}
    for step in range(1, 2001)
]


def picture(colour: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (20, 20), colour).save(file, "PNG")
    return file.getvalue()


def show(row: int) -> Shown:
    return Shown(IDS[row], f"words of {IDS[row]}", picture())


def retrieved(similarity: torch.Tensor, modalities=("image", "text")) -> list[Retrieval]:
    """Both directions of as many samples, each of which has its own."""
    a, b = modalities
    rows = torch.arange(len(similarity))
    own = torch.eye(len(similarity), dtype=torch.bool)
    return [
        Retrieval(a, b, rows, rows, similarity, own),
        Retrieval(b, a, rows, rows, similarity.T, own),
    ]


@pytest.fixture
def write(tmp_path):
    def written(**changed) -> str:
        path = tmp_path / "report.html"
        given = {"title": "emoji", "summary": SUMMARY, "curves": CURVES, "show": show}
        given["retrieved"] = retrieved(torch.eye(8))
        write_report(path, **(given | changed))
        return path.read_text(encoding="utf-8")

    return written


def test_figures_and_facts_are_there(write):
    page = write()
    for part in (
        "61.3%",
        "91.0%",
        "48.0%",
        "22.0%",
        "30.6 times that",
        "5 min 52 s",
        "1,312 samples/s",
        "4,123,456",
    ):
        assert part in page
    assert page.index("the test set") < page.index("the validation set")


def test_accuracies_by_type_stand_beside_blind_ones(write):
    metrics = {
        "test/question_answering/accuracy": 0.9,
        "test/question_answering/accuracy_majority": 0.2,
        "test/question_answering/accuracy_of_colour": 0.875,
        "test/question_answering/accuracy_majority_of_colour": 0.25,
    }
    blind = {"question_answering/accuracy": 0.3, "question_answering/accuracy_of_colour": 0.125}
    withheld = {"test": {"image": blind}}
    (split,) = figures_by_split({"metrics": metrics, "withheld": withheld})
    (types,) = split.types
    assert types.name == "question answering"
    assert types.columns == ["accuracy", "without image", "majority"]
    assert types.rows == {"all": [0.9, 0.3, 0.2], "colour": [0.875, 0.125, 0.25]}
    assert split.others == {"question answering, accuracy": Figure(0.9, None, 0.2, True)}
    page = write(summary=SUMMARY | {"metrics": metrics, "withheld": withheld})
    assert "By type: question answering" in page
    assert "87.5%" in page


def test_nothing_is_loaded_from_outside(write):
    page = write()
    assert not re.search(r"https?://|url\(|@import|<script", page)
    assert all(link.startswith("data:") for link in re.findall(r'(?:src|href)="([^"]*)"', page))


def test_words_are_shown_never_obeyed(write):
    evil = '"><script>alert(1)</script>'
    page = write(
        title=evil,
        summary=SUMMARY | {"device": evil, "metrics": {f"{evil}/a/b": 1.0}},
        show=lambda row: Shown(IDS[row] + evil, evil, picture()),
    )
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_missing_parts_leave_their_section_out(write):
    page = write(summary={}, curves=[], retrieved=[])
    assert "<h2>" not in page
    assert "emoji</h1>" in page


def test_what_was_hidden_is_shown_beside_what_was_told_and_the_whole(write):
    pictures = [torch.full((3, 8, 12), colour, dtype=torch.uint8) for colour in (9, 99, 200)]
    page = write(reconstructed=[Reconstruction("test.jsonl:5", *pictures)])
    assert "Hidden patches" in page
    found = re.findall(r'<img src="data:image/webp;base64,([^"]*)" alt="test.jsonl:5, (\w+)"', page)
    assert [name for _, name in found] == ["left", "told", "whole"]
    for (data, _), expected in zip(found, pictures, strict=True):
        shown = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
        assert torch.equal(torch.from_numpy(np.array(shown)).permute(2, 0, 1), expected)


def test_the_gradient_of_each_task_has_a_chart():
    rows = [{"step": n, "train/a/gradient_norm": 1.0, "train/b/gradient_norm": n} for n in (1, 2)]
    (chart,) = charts(rows)
    assert chart.title == "Gradient of each task on encoders and fusion"
    assert [(line.name, line.last) for line in chart.lines] == [("a", "1"), ("b", "2")]


def test_the_right_one_is_marked_once_per_example(write):
    page = write(examples=2)
    assert page.count("✓") == 2 * 2 * 2
    assert page.count(">rank 1<") == 8


def test_broken_absent_and_unseen_show_their_ids(write):
    torn = {0: b"torn", 1: None}
    page = write(show=lambda row: Shown(IDS[row], None, torn.get(row, picture())))
    assert f'<div class="nothing">{IDS[0]}</div>' in page
    assert "<img" in page
    unseen = write(retrieved=retrieved(torch.eye(8), ("audio", "text")))
    assert f'<div class="nothing">words of {IDS[0]} ({IDS[0]})</div>' in unseen
    assert "Audio → text" in unseen


def test_best_is_furthest_ahead_and_worst_ranks_last():
    similarity = torch.full((8, 8), 0.2).fill_diagonal_(0.5)
    similarity[2, 2] = 0.9
    similarity[5] = torch.tensor([0.9, 0.8, 0.7, 0.6, 0.5, 0.1, 0.4, 0.0])
    there, back = directions(retrieved(similarity), show, examples=2)
    assert there.best[0].query.words == f"words of {IDS[2]}"
    assert there.worst[0].rank == 7
    *first, own = there.worst[0].candidates
    assert [candidate.rank for candidate in first] == [1, 2, 3, 4, 5]
    assert not any(candidate.right for candidate in first)
    assert (own.right, own.rank, own.face.words) == (True, 7, f"words of {IDS[5]}")
    assert own.score == pytest.approx(0.1)
    assert (back.query, back.candidate) == ("text", "image")
    assert back.best[0].query.words == f"words of {IDS[7]}"


def test_a_tie_counts_against_the_own():
    example = directions(retrieved(torch.ones(8, 8)), show, examples=1)[0].worst[0]
    assert example.rank == 8
    assert example.candidates[-1].right


def test_every_candidate_that_belongs_to_the_query_is_right():
    words = torch.tensor([0, 1, 0, 1, 0, 1, 0, 1])
    relevant = torch.arange(2)[:, None] == words
    scores = torch.tensor([[0.9, 0.1] * 4, [0.8, 0.3] * 4])
    rows = torch.arange(8)
    found = Retrieval("text", "audio", rows[:2], rows, scores, relevant)
    (direction,) = directions([found], show, examples=2)
    assert (direction.queries, direction.candidates) == (2, 8)
    best, worst = direction.best[0], direction.worst[0]
    assert [candidate.right for candidate in best.candidates] == [True] * 4 + [False]
    assert worst.rank == 5
    assert [candidate.right for candidate in worst.candidates] == [False] * 4 + [True]


def test_a_single_sample_is_found():
    there, _ = directions(retrieved(torch.ones(1, 1)), show, examples=8)
    assert there.best[0].rank == there.worst[0].rank == 1


def test_figures_keep_what_has_no_place_of_its_own():
    test, validation = figures_by_split(SUMMARY)
    assert [row.name for row in test.retrievals] == ["image → text", "text → image, re-ranked"]
    assert test.retrievals[0].times_chance == pytest.approx(0.613 / 0.02)
    assert test.retrievals[1].recalls == [0.7, None, None]
    assert test.retrievals[1].times_chance is None
    assert test.others == {"counting, error": Figure(0.125)}
    assert validation.split == "validation"
    assert validation.matching == Figure(0.75, None, 0.5, True)


def test_long_curves_are_thinned_and_keep_their_ends():
    loss, learning_rate = charts(CURVES)
    assert (loss.title, learning_rate.title) == ("Loss", "Learning rate")
    points = loss.lines[0].points.split()
    assert len(points) == MOST_POINTS
    assert points[0] == "0.05,0.00"
    assert points[-1].startswith("100.00,")
    assert loss.steps[0] == (0, "0")
    assert loss.values[-1] == (0, "1")


def test_what_is_not_finite_or_stands_alone_is_not_drawn():
    rows = [{"step": step, "train/matching/loss": float("nan")} for step in (1, 2)]
    assert charts([*rows, {"step": 3, "validation/matching/accuracy": 0.5}]) == []


def test_a_constant_zero_is_a_flat_line():
    (chart,) = charts([{"step": step, "train/matching/accuracy": 0.0} for step in (1, 2)])
    assert "nan" not in chart.lines[0].points


def test_figures_without_a_modality_stand_beside_the_whole(write):
    withheld = {"test": {"image": {"masked_language/accuracy": 0.17}, "image+text": {}}}
    page = write(summary=SUMMARY | {"withheld": withheld})
    assert "With a modality withheld" in page
    assert "<td>48.0%</td><td>17.0%</td><td>–</td>" in page
    assert "<th>image + text</th>" in page
    assert "With a modality withheld" not in write()
    test, validation = figures_by_split(SUMMARY | {"withheld": withheld})
    assert "matching, reranked text → image, recall at 1" not in test.withheld.rows
    assert test.withheld.rows["matching, accuracy"] == [0.91, None, None]
    assert validation.withheld is None


def written(scores: list[float]) -> dict[str, list[Written]]:
    return {
        "captioning": [
            Written(row, f"text {row}", (f"text {row % 3}", "other"), score)
            for row, score in enumerate(scores)
        ]
    }


def test_texts_that_are_best_worst_and_any():
    (album,) = albums(written([0.5, 9.0, 3.0, 0.0, 0.1, 7.0, 2.0, 1.0]), show, specimens=2)
    assert (album.task, album.texts) == ("captioning", 8)
    rows = {kind: [one.written.row for one in of] for kind, of in album.kinds.items()}
    assert rows["Best"] == [1, 5]
    assert rows["Worst"] == [3, 4]
    assert len(rows["At random"]) == 2
    assert not set(rows["At random"]) & {1, 5, 3, 4}


def test_few_texts_are_shown_once():
    (album,) = albums(written([0.5]), show, specimens=8)
    assert [one.written.row for one in album.kinds["Best"]] == [0]
    assert albums({"captioning": []}, show, specimens=8) == []


def test_texts_stand_beside_what_is_right_and_never_beside_the_sample_s_own(write):
    page = write(retrieved=[], written=written([2.0, 1.0, 0.0]), examples=8)
    assert page.count('class="right">text') == 3
    for text in ("Captioning", "text 2", "other", "2.00", "At random"):
        assert text in page
    assert "words of" not in page
    assert page.count("<img") == 3


def test_a_question_is_shown_with_its_answer(write):
    answer = Written(0, "red", ("blue",), 0.0, asked="what colour is it?")
    page = write(retrieved=[], written={"answer_generation": [answer]})
    assert "what colour is it?" in page
    assert "Answer generation" in page


def test_figures_of_captions_stand_beside_those_of_the_blind():
    metrics = {
        "test/captioning/cider": 1.5,
        "test/captioning/cider_without_image": 0.25,
        "test/captioning/bleu_4": 0.5,
        "test/counting/error": 0.125,
    }
    (split,) = figures_by_split({"metrics": metrics})
    assert split.captions == {"CIDEr": Figure(1.5, blind=0.25), "BLEU-4": Figure(0.5)}
    assert split.others == {"counting, error": Figure(0.125)}


def test_the_worst_mistakes_are_seen_and_heard(write):
    found = {"classification": [Mistake(n, "cat", "dog", f"{9 - n}0.0% sure") for n in range(3)]}
    seen = [
        Specimen("test.jsonl", "test.jsonl:1", text="a dog", picture="data:image/webp;base64,AA=="),
        Specimen(
            "test.jsonl", "test.jsonl:2", sound="data:audio/mpeg;base64,AA==", waveform="M0 1"
        ),
        Specimen("test.jsonl", "test.jsonl:3", clip="data:video/mp4;base64,AA=="),
    ]
    page = write(mistakes=found, look=lambda row: seen[row])
    assert "Most wrong: classification" in page
    for part in ("<audio", "<video", "a dog", "cat, not dog; 90.0% sure", "test.jsonl:3"):
        assert part in page
    assert page.index("90.0% sure") < page.index("70.0% sure")


def test_calibration_is_drawn_beside_the_line_of_the_honest(write):
    sure = torch.tensor([0.9, 0.9, 0.3, 0.3])
    found = calibrate(sure, torch.tensor([True, True, False, False]))
    page = write(calibrations={"question_answering": found})
    assert "Right by how sure: question answering" in page
    assert "off by <b>20.0%</b>" in page
    assert "30.00,100.00 90.00,0.00" in page
    assert "0,100 100,0" in page
