"""How fast does a Vision Transformer answer on a CPU, and how near is what it says?

    python benchmarks/inference.py --threads 2
    python benchmarks/inference.py --batches 1,32 --steps 10 --json out.json

ViT-S/16 at 224, random weights, pictures in memory, one vector of each out. Ours in float32 and in
bfloat16 (the path of `precision=auto`), our graph by ONNX Runtime in float32 and int8, and the
same sizes in Hugging Face's ViT, where transformers is installed. All in one process and in turn;
medians count. Differences are from ours in float32, of unit vectors.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from side_by_side import add_measuring_options, describe_machine, figures, time_in_turn
from torch import Tensor

from sensorium.batch import Inputs
from sensorium.data import DataConfig
from sensorium.deployment.graphs.make import write_graphs
from sensorium.deployment.graphs.quantize import quantize
from sensorium.deployment.graphs.runtime import GraphModel, Graphs
from sensorium.deployment.half import HalfModel
from sensorium.encoders import ENCODERS, ImageEncoderConfig
from sensorium.model import Model
from sensorium.tasks import Mixture

SIZE, PATCH = 224, 16
WIDTH, DEPTH, HEADS = 384, 12, 6
PACKAGES = ("torch", "onnxruntime", "transformers")
OURS = "sensorium float32"

Answer = Callable[[Tensor], Tensor]
"""uint8 [B, 3, H, W] -> [B, D]."""


def contenders_of(folder: Path) -> dict[str, Answer]:
    """Who -> what they make of pictures."""
    torch.manual_seed(0)
    config = ImageEncoderConfig(width=WIDTH, depth=DEPTH, heads=HEADS, patch_size=PATCH)
    model = Model({"image": ENCODERS["image"](config, image_size=SIZE)}).eval()
    mixture = Mixture(model, {}, {}).eval()
    data = DataConfig.model_validate({"image": {"size": SIZE}})
    found: dict[str, Answer] = {
        OURS: pooled(model),
        "sensorium bfloat16": pooled(HalfModel(model).eval()),
    }
    for name in ("float32", "int8"):
        (folder / name).mkdir()
        (graph,) = write_graphs(mixture, data, folder / name)
        if name == "int8":
            quantize(folder / name / graph.file)
        found[f"ONNX Runtime {name}"] = pooled(GraphModel(model, Graphs(folder / name, mixture)))
    return found | hugging_face()


def pooled(model: Model) -> Answer:
    def answer(pictures: Tensor) -> Tensor:
        present = torch.ones(len(pictures), dtype=torch.bool)
        return model.encode_modality("image", Inputs(pictures, None, present)).pooled

    return answer


def hugging_face() -> dict[str, Answer]:
    """The same sizes, with weights of their own; nothing where it is not installed."""
    try:
        from transformers import ViTConfig, ViTModel
    except ImportError:
        return {}
    config = ViTConfig(
        hidden_size=WIDTH,
        num_hidden_layers=DEPTH,
        num_attention_heads=HEADS,
        intermediate_size=4 * WIDTH,
        image_size=SIZE,
        patch_size=PATCH,
    )
    found: dict[str, Answer] = {}
    for dtype in (torch.float32, torch.bfloat16):
        model = ViTModel(config, add_pooling_layer=False).eval().to(dtype)

        def answer(pictures: Tensor, model: ViTModel = model, dtype: torch.dtype = dtype) -> Tensor:
            pixels = (pictures.to(dtype) - 127.5) / 127.5
            return model(pixel_values=pixels).last_hidden_state[:, 0].float()

        found[f"HF ViT {str(dtype).removeprefix('torch.')}"] = answer
    return found


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", default="1,32", help="pictures at a time, by commas")
    add_measuring_options(parser, steps=10)
    options = parser.parse_args()
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    facts = describe_machine(torch.device("cpu"), PACKAGES)
    for what, fact in facts.items():
        print(f"{what}: {fact}")
    folder = Path(tempfile.mkdtemp())
    results = {}
    try:
        with torch.inference_mode(False):
            contenders = contenders_of(folder)
        for size in map(int, options.batches.split(",")):
            chance = torch.Generator().manual_seed(size)
            pictures = torch.randint(0, 256, (size, 3, SIZE, SIZE), generator=chance)
            results[size] = measure(contenders, pictures.to(torch.uint8), options)
    finally:
        shutil.rmtree(folder)
    if options.json is not None:
        options.json.write_text(json.dumps({**facts, "batches": results}, indent=1))


def measure(
    contenders: dict[str, Answer], pictures: Tensor, options: argparse.Namespace
) -> dict[str, dict[str, float]]:
    """Print a line for each contender, with its speed over that of ONNX Runtime in float32."""
    steps = {who: lambda number, of=answer: of(pictures) for who, answer in contenders.items()}
    seconds = time_in_turn(steps, options.steps, options.warmup, torch.device("cpu"))
    measured = figures(seconds, len(pictures))
    exact = F.normalize(contenders[OURS](pictures), dim=1)
    peer = measured["ONNX Runtime float32"]["samples_per_second"]
    print(f"batch {len(pictures)}: pictures/s, over ONNX Runtime float32, largest difference")
    for who, figure in measured.items():
        said = ""
        if not who.startswith("HF"):
            other = F.normalize(contenders[who](pictures), dim=1)
            figure["difference"] = (other - exact).abs().max().item()
            said = f"{figure['difference']:.1e}"
        speed = figure["samples_per_second"]
        print(f"  {who:24} {speed:7.1f}  {speed / peer:5.2f} x  {said}")
    return measured


if __name__ == "__main__":
    main()
