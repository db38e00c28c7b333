"""Shapes are checked at run time in every test; small models, batches and a run are at hand."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jaxtyping import install_import_hook

CHECKED = [f"sensorium.{part}" for part in ("layers", "encoders", "fusion", "model", "tasks")]
install_import_hook(CHECKED, "beartype.beartype")

import pytest  # noqa: E402
import torch  # noqa: E402

from sensorium.batch import Batch, Inputs, Learned  # noqa: E402
from sensorium.cli import main  # noqa: E402
from sensorium.encoders import EncodersConfig  # noqa: E402
from sensorium.fusion import (  # noqa: E402
    BottleneckConfig,
    ConcatConfig,
    CrossAttentionConfig,
    FusionSettings,
    GatedConfig,
    LowRankConfig,
    PerceiverConfig,
    SelfAttentionConfig,
    SumConfig,
    TensorConfig,
)
from sensorium.model import Model, ModelConfig, build_model  # noqa: E402
from sensorium.recipe import Recipe  # noqa: E402
from sensorium.run import Run  # noqa: E402
from sensorium.tasks import Mixture, TasksConfig, Vocabulary, build_mixture  # noqa: E402
from sensorium.verbs.pretrain import pretrain  # noqa: E402
from tests.pairs import tiny_tree, write_pairs  # noqa: E402

torch.set_num_threads(1)  # small tensors: more threads only wait for each other

IMAGE_SIZE, VOCABULARY, CONTEXT_TOKENS = 16, 40, 12
VIDEO_SIZE, FRAMES = 8, 4
MEL_BINS, SOUND_FRAMES = 8, 20
PAD, START, END, MASK = range(4)
WORDS = Vocabulary(VOCABULARY, CONTEXT_TOKENS, PAD, START, END, MASK)
LEARNED = {
    "label": Learned(["cat", "dog", "emu"], [5, 3, 2], 10),
    "number": Learned(total=10, mean=3.0, deviation=2.0),
    "answer": Learned(["yes", "no", "two", "red"], [4, 3, 2, 1], 10),
    "question_type": Learned(["count", "is it"], [4, 6], 10),
    "boxes": Learned(["cell", "dot"], [14, 6], 10),
    "box": Learned(total=10),
    "wrong_text": Learned(total=10),
    "wrong_type": Learned(["colour", "count"], [5, 5], 10),
}


# a tiny one of every fusion, for the contracts that all of them keep
FUSION_CONFIGS: dict[str, FusionSettings] = {
    "concat": ConcatConfig(width=16),
    "sum": SumConfig(width=16),
    "gated": GatedConfig(width=16),
    "tensor": TensorConfig(width=16, side=3),
    "low_rank": LowRankConfig(width=16, rank=2),
    "self_attention": SelfAttentionConfig(width=16, depth=2, heads=2),
    "cross_attention": CrossAttentionConfig(width=16, depth=2, heads=2),
    "bottleneck": BottleneckConfig(width=16, depth=2, heads=2, bottlenecks=3),
    "perceiver": PerceiverConfig(width=16, depth=2, heads=2, latents=3),
}


# what the tiny encoder of a modality needs beside its width, depth and heads
ENCODER_SETTINGS: dict[str, dict[str, object]] = {
    "image": {"patch_size": 4},
    "text": {},
    "audio": {"patch_frames": 4, "patch_bins": 4},
    "video": {"patch_size": 4},
}


def small_model_config(
    fusion: str = "cross_attention",
    *,
    modalities: Sequence[str] = ("image", "text"),
    **encoder: object,
) -> ModelConfig:
    """Tiny encoders and a fusion; other keywords go to all encoders."""
    sizes = {"width": 16, "depth": 2, "heads": 2} | encoder
    encoders = {name: ENCODER_SETTINGS[name] | sizes for name in modalities}
    return ModelConfig(
        encoders=EncodersConfig.model_validate(encoders), fusion=FUSION_CONFIGS[fusion]
    )


def small_model(config: ModelConfig | None = None) -> Model:
    torch.manual_seed(0)
    sizes = {
        "image": {"image_size": IMAGE_SIZE},
        "text": {"vocabulary": VOCABULARY, "context_tokens": CONTEXT_TOKENS},
        "audio": {"mel_bins": MEL_BINS, "frames": SOUND_FRAMES},
        "video": {"image_size": VIDEO_SIZE, "frames": FRAMES},
    }
    return build_model(config or small_model_config(), sizes)


# what a task of a small mixture has beside its defaults
TASK_SETTINGS: dict[str, dict[str, object]] = {
    name: {"decoder": {"width": 16, "depth": 2, "heads": 2}}
    for name in ("captioning", "answer_generation")
} | {"detection": {"width": 16, "depth": 1}}


def small_mixture(*tasks: str, model: Model | None = None) -> Mixture:
    """A tiny model with some tasks, by name."""
    config = TasksConfig.model_validate({task: TASK_SETTINGS.get(task, {}) for task in tasks})
    return build_mixture(config, model or small_model(), vocabulary=WORDS, learned=LEARNED)


def small_batch(
    samples: int = 5,
    *,
    image: list[bool] | None = None,
    text: list[bool] | None = None,
    audio: list[bool] | None = None,
    video: list[bool] | None = None,
    seed: int = 0,
) -> Batch:
    """Random pictures and texts of different lengths; `image` and `text` say who has them, by
    default everybody. Others are in the batch only if it is said who has them. Everybody has every
    target.
    """
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (samples, 3, IMAGE_SIZE, IMAGE_SIZE), generator=generator)
    ids = torch.randint(4, VOCABULARY, (samples, CONTEXT_TOKENS - 2), generator=generator)
    lengths = torch.randint(4, CONTEXT_TOKENS - 1, (samples,), generator=generator)
    mask = torch.arange(CONTEXT_TOKENS - 2) < lengths[:, None]
    ids[:, 0] = START
    ids[torch.arange(samples), lengths - 1] = END
    ids = ids.masked_fill(~mask, PAD)
    has_image = torch.tensor(image if image is not None else [True] * samples)
    has_text = torch.tensor(text if text is not None else [True] * samples)
    inputs = {
        "image": Inputs(pixels[has_image].to(torch.uint8), None, has_image),
        "text": Inputs(ids[has_text], mask[has_text], has_text),
    }
    if audio is not None:
        inputs["audio"] = small_sounds(torch.tensor(audio), generator)
    if video is not None:
        inputs["video"] = _small_videos(torch.tensor(video), generator)
    targets = {
        name: torch.randint(0, len(known.names), (samples,), generator=generator)
        for name, known in LEARNED.items()
        if known.names and name != "boxes"
    }
    words = torch.randint(4, VOCABULARY, (samples, 4), generator=generator)
    words[:, 0], words[:, 3] = START, END
    words[::2, 2:] = torch.tensor([END, PAD])  # one word, else two
    targets["answer_tokens"] = words
    targets["boxes"] = _small_boxes(samples, generator)
    targets["box"] = targets["boxes"][:, 0, :4]
    targets["number"] = 3 + 2 * torch.randn(samples, generator=generator)
    return Batch([f"made.jsonl:{i + 1}" for i in range(samples)], inputs, targets)


def _small_boxes(samples: int, generator: torch.Generator) -> torch.Tensor:
    """[B, 3, 6]: one to three boxes of every picture."""
    first = torch.rand(samples, 3, 2, generator=generator) * IMAGE_SIZE / 2
    sides = 2 + torch.rand(samples, 3, 2, generator=generator) * IMAGE_SIZE / 3
    classes = torch.randint(0, 2, (samples, 3, 1), generator=generator)
    classes[::2, 1:] = -1
    crowd = torch.zeros(samples, 3, 1)
    return torch.cat([first, first + sides, classes, crowd], dim=2)


def _small_videos(present: torch.Tensor, generator: torch.Generator) -> Inputs:
    """Noise in clips of different lengths."""
    shape = (int(present.sum()), FRAMES, 3, VIDEO_SIZE, VIDEO_SIZE)
    frames = torch.randint(0, 256, shape, generator=generator).to(torch.uint8)
    lengths = torch.randint(1, FRAMES + 1, shape[:1], generator=generator)
    return Inputs(frames, torch.arange(FRAMES) < lengths[:, None], present)


def small_sounds(present: torch.Tensor, generator: torch.Generator) -> Inputs:
    """Random spectrograms of different lengths, for the samples that are `present` [B]."""
    frames = torch.randn(int(present.sum()), SOUND_FRAMES, MEL_BINS, generator=generator)
    lengths = torch.randint(3, SOUND_FRAMES + 1, (len(frames), 1), generator=generator)
    real = torch.arange(SOUND_FRAMES) < lengths
    return Inputs(frames * real[:, :, None], real, present)


@pytest.fixture
def model() -> Model:
    return small_model().eval()


@pytest.fixture
def batch() -> Batch:
    return small_batch()


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@dataclass(frozen=True)
class Answer:
    """What a command left: its exit status, and what it wrote to standard output and error."""

    status: int
    out: str
    err: str


Command = Callable[..., Answer]


@pytest.fixture
def sensorium(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """(*arguments) -> the answer of the command line, run in this process."""

    def run(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["sensorium", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        return Answer(int(left.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of a few steps on `tests/pairs.py`, its data in `data` beside it. Do not change it."""
    folder = tmp_path_factory.mktemp("trained")
    tree = tiny_tree(write_pairs(folder / "data"), steps=6)
    return pretrain(Recipe.model_validate(tree), run_dir=folder / "run").run
