from sensorium.deployment.index import SearchIndex
from sensorium.verbs.demo import demo, senses
from sensorium.world.build import WorldConfig

SMALL = [
    "train.epochs=1",
    "train.batch_size=8",
    "model.encoders.image={patch_size: 16, width: 16, depth: 1, heads: 2}",
    "model.encoders.text={width: 16, depth: 1, heads: 2}",
    "model.fusion={width: 16, depth: 1, heads: 2}",
]


def test_the_whole_life_of_a_small_demo(tmp_path):
    world = WorldConfig(train=24, validation=2, test=8)
    done = demo(tmp_path / "demo", SMALL, world=world)
    assert done.summary["samples"] == 24
    assert "test/contrastive/text_to_image/recall_at_1" in done.summary["metrics"]
    assert "test/matching/reranked_text_to_image/recall_at_1" in done.summary["metrics"]
    assert [hit.rank for hit in done.hits] == [1, 2, 3, 4, 5]
    assert all(hit.path.startswith(str(tmp_path / "demo-world")) for hit in done.hits)
    assert done.sheet.read_text(encoding="utf-8").count("data:image/") >= 5


def test_it_can_be_given_again(tmp_path):
    world = WorldConfig(train=16, validation=1, test=4)
    first = demo(tmp_path / "demo", SMALL, world=world)
    again = demo(tmp_path / "demo", SMALL, world=world)
    assert again.summary["metrics"] == first.summary["metrics"]


def test_the_page_of_a_demo_has_every_modality_to_search(tmp_path):
    tiny = "{width: 16, depth: 1, heads: 2}"
    small = [f"model.encoders.{name}={tiny}" for name in ("image", "text", "audio", "video")]
    small += ["train.epochs=1", "train.batch_size=4"]
    world = WorldConfig(train=8, validation=2, test=3)
    senses(tmp_path / "senses", small, world=world)
    index = SearchIndex(tmp_path / "senses/index")
    for modality in ("image", "text", "audio", "video"):
        assert index.row("test.jsonl:1", modality) is not None
