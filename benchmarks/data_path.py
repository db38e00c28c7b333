"""How fast do files become batches, beside Pillow, OpenCV, simplejpeg and `datasets`?

    python benchmarks/data_path.py
    python benchmarks/data_path.py --parts pictures,workers --steps 20 --json out.json

pictures   decode, resize, normalise and stack: pictures/s of everybody, in turn, on one thread
workers    the whole loader, files to batches, in this process and in one and two others
sounds     seconds of sound a second: files to padded spectrograms
videos     frames a second: files to padded clips
padding    share of padding in batches of pictures of many shapes, by chance and of alike ones
memory     resident memory over thousands of decodes: is it flat?
waiting    share of its time that training on the emoji waits for data

What is not there (a peer, the public data, a modality) is skipped, by name.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from statistics import mean, median
from typing import Any

import torch
from contenders.decoders import DECODERS
from contenders.peers import MissingPeerError
from contenders.photographs import SHAPES, data_folder, made_photographs, real_photographs
from rich.console import Console
from rich.table import Table
from side_by_side import add_measuring_options, describe_machine, figures, time_in_turn

from sensorium.data import DataConfig, Dataset, Loader, Quarantine, Tokenizer, open_source
from sensorium.data.image import ImageConfig, decode_image
from sensorium.data.modalities import MODALITIES, build_modalities
from sensorium.recipe import load_recipe
from sensorium.verbs.pretrain import pretrain

PACKAGES = ("torch", "pillow", "opencv-python-headless", "simplejpeg", "datasets", "av")
SIZES = (64, 224)
BATCH = 32
console = Console(highlight=False, width=100)


class MissingDataError(Exception):
    """Public data, or a part of ours, that is not here."""


def pictures(options: argparse.Namespace) -> dict[str, Any]:
    """Decoders in turn, on one thread."""
    sets = {"made": made_photographs(BATCH), "blood cells": real_photographs(BATCH)}
    results = {}
    for name, files in sets.items():
        for size in SIZES if files else ():
            steps = {}
            for who, build in DECODERS.items():
                try:
                    decode = build(size)
                except MissingPeerError as missing:
                    console.print(str(missing), markup=False)
                    continue
                steps[who] = lambda _, decode=decode, files=files: decode(files)
            seconds = time_in_turn(steps, options.steps, options.warmup, options.device)
            measured = figures(seconds, BATCH)
            show(f"{name} photographs to {size}x{size}", measured, "Pillow, plainly")
            results[f"{name} {size}"] = measured
    return results


def workers(options: argparse.Namespace) -> dict[str, Any]:
    """A loader that caches nothing, in turn with none, one and two worker processes.

    Each gets a loader of its own in every round, and is timed once it runs, so that nothing is
    prepared while another is measured.
    """
    results: dict[str, Any] = {}
    batches = 30
    with tempfile.TemporaryDirectory() as folder:
        write_pictures(Path(folder), made_photographs(20 * BATCH))
        for size in SIZES:
            data = open_pictures(Path(folder), image={"size": size})
            seconds: dict[str, list[float]] = {f"{count} workers": [] for count in (0, 1, 2)}
            for _ in range(options.steps):
                for count, who in enumerate(seconds):
                    loader = batches_without_end(data, workers=count)
                    for _ in range(5):
                        next(loader)
                    started = time.perf_counter()
                    for _ in range(batches):
                        next(loader)
                    seconds[who].append(time.perf_counter() - started)
                    del loader  # ends its processes
            measured = figures(seconds, batches * BATCH)
            show(f"a loader, files to {batches} batches, {size}x{size}", measured, "0 workers")
            results[str(size)] = measured
    return results


def sounds(options: argparse.Namespace) -> dict[str, Any]:
    """Recordings of the spoken digits, in batches."""
    folder = data_folder() / "fsdd/audio"
    files = sorted(folder.glob("*.wav"))[: 4 * BATCH]
    if not files or "audio" not in MODALITIES:
        raise MissingDataError(f"sounds need the modality audio and {folder}")
    way = build_modalities(DataConfig(), Tokenizer.train([], DataConfig().text))["audio"]
    values = [way.decode(way.read(file.name, folder)) for file in files]
    rate = way.config.audio.sample_rate
    length = sum(len(value) for value in values) / rate

    def step(_: int) -> object:
        decoded = [way.decode(way.read(file.name, folder)) for file in files]
        return way.collate([way.finish(value, None) for value in decoded])

    seconds = time_in_turn({"sensorium": step}, options.steps, options.warmup, options.device)
    measured = figures(seconds, 1)
    speed = length / median(seconds["sensorium"])
    console.print(f"sounds: {speed:.0f} s of sound a second ({len(files)} files, {length:.0f} s)")
    return measured | {"sound_seconds_per_second": speed}


def videos(options: argparse.Namespace) -> dict[str, Any]:
    """The clips that are at hand, eight frames of each."""
    folder = data_folder() / "clips"
    files = sorted(folder.glob("*.mp4"))
    if not files or "video" not in MODALITIES:
        raise MissingDataError(f"videos need the modality video and {folder}")
    way = build_modalities(DataConfig(), Tokenizer.train([], DataConfig().text))["video"]
    results: dict[str, Any] = {}
    for file in files:
        frames = len(way.decode(way.read(file.name, folder)))

        def step(_: int, file: Path = file) -> object:
            value = way.decode(way.read(file.name, folder))
            return way.collate([way.finish(value, None)])

        seconds = time_in_turn({"sensorium": step}, options.steps, 1, options.device)["sensorium"]
        results[file.name] = {"frames_per_second": frames / median(seconds)}
        console.print(f"{file.name}: {frames / median(seconds):.0f} of its chosen frames a second")
    return results


def padding(options: argparse.Namespace) -> dict[str, Any]:
    """Of the patches of each batch, the share that is no picture's; and of its tokens."""
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_pictures(Path(folder), made_photographs(1024, SHAPES))
        for window in (1, 16):
            image = {"size": 64, "fit": "native"}
            data = open_pictures(Path(folder), image=image, size_window_batches=window)
            masks = []
            for batch in islice(batches_without_end(data), 1024 // BATCH):
                values, mask = batch.inputs["image"].values, batch.inputs["image"].mask
                grid = (len(values), values.shape[2] // 8, values.shape[3] // 8)
                masks.append(torch.ones(grid, dtype=torch.bool) if mask is None else mask)
            real = sum(int(mask.sum()) for mask in masks)
            patches = sum(mask.numel() for mask in masks)
            tokens = sum(len(mask) * int(mask.flatten(1).sum(1).max()) for mask in masks)
            results[f"window {window}"] = {
                "padded_patches": 1 - real / patches,
                "padded_tokens": 1 - real / tokens,
            }
            console.print(
                f"padding, windows of {window} batches: {1 - real / patches:.1%} of the patches, "
                f"{1 - real / tokens:.1%} of the tokens that the Transformer sees"
            )
    return results


def memory(options: argparse.Namespace) -> dict[str, Any]:
    """Megabytes resident after each thousand decodes of pictures of many shapes."""
    files = made_photographs(140, SHAPES)
    config, resident = ImageConfig(size=224, fit="native", patch_size=16), []
    for number in range(options.decodes + 1):
        if number % 1000 == 0:
            resident.append(resident_megabytes())
        decode_image(files[number % len(files)], config)
    grown = resident[-1] - resident[1] if len(resident) > 2 else 0.0
    console.print(
        f"memory: {resident[1]:.1f} MB after 1,000 decodes, {resident[-1]:.1f} MB after "
        f"{options.decodes:,}: {grown:+.1f} MB"
    )
    return {"decodes": options.decodes, "resident_megabytes": resident}


def waiting(options: argparse.Namespace) -> dict[str, Any]:
    """The shipped recipe, for some steps, in memory and from files."""
    if not (data_folder() / "emoji").is_dir():
        raise MissingDataError(f"waiting needs {data_folder() / 'emoji'}")
    results = {}
    for name, cache in (("in memory", 1024), ("from files", 0)):
        with tempfile.TemporaryDirectory() as folder:
            overrides = ["train.epochs=null", "train.steps=60", f"data.cache_megabytes={cache}"]
            run = pretrain(load_recipe("emoji", overrides), run_dir=Path(folder) / "run").run
            lines = (run.folder / "metrics.jsonl").read_text().splitlines()
        shares = [s for line in lines if (s := json.loads(line).get("train/data_wait")) is not None]
        results[name] = {"data_wait": mean(shares[1:]), "each": shares}
        console.print(f"waiting, emoji {name}: {mean(shares[1:]):.2%} of the time")
    return results


def write_pictures(folder: Path, files: Sequence[bytes]) -> None:
    rows = []
    for number, file in enumerate(files):
        (folder / f"{number}.jpg").write_bytes(file)
        rows.append({"image": f"{number}.jpg", "text": f"number {number}"})
    (folder / "train.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def open_pictures(folder: Path, **settings: Any) -> Dataset:
    config = DataConfig.model_validate({"train": "train.jsonl", **settings})
    tokenizer = Tokenizer.train([], config.text)
    source = open_source(folder / "train.jsonl", {"image": "image", "text": "text"})
    return Dataset(source, config, tokenizer, training=True, seed=0)


def batches_without_end(data: Dataset, workers: int = 0) -> Any:
    return iter(
        Loader(
            data,
            batch_size=BATCH,
            seed=0,
            shuffle=True,
            drop_last=True,
            workers=workers,
            quarantine=Quarantine(None, len(data), 0.0),
        )
    )


def resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def show(title: str, measured: dict[str, dict[str, float]], beside: str) -> None:
    """A line for each contender, with its speed over that of one of them."""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("who", no_wrap=True)
    for heading in ("pictures/s", "median ms", "middle half", f"/ {beside}"):
        table.add_column(heading, justify="right", no_wrap=True)
    for who, figure in measured.items():
        ratio = figure["samples_per_second"] / measured[beside]["samples_per_second"]
        table.add_row(
            who,
            f"{figure['samples_per_second']:.0f}",
            f"{figure['median_ms']:.1f}",
            f"{figure['quartile_1_ms']:.1f}-{figure['quartile_3_ms']:.1f}",
            f"{ratio:.2f} x",
        )
    console.print(table)


PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    part.__name__: part for part in (pictures, workers, sounds, videos, padding, memory, waiting)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", default=",".join(PARTS), help="some of these, by commas")
    parser.add_argument("--decodes", type=int, default=10_000, help="of the memory check")
    add_measuring_options(parser, steps=10)
    options = parser.parse_args()
    names = options.parts.split(",")
    if unknown := [name for name in names if name not in PARTS]:
        parser.error(f"--parts: {', '.join(unknown)} is none of {', '.join(PARTS)}")
    torch.set_num_threads(options.threads or 1)
    load = f"{os.getloadavg()[0]:.1f} processes running before the start"
    facts = describe_machine(options.device, PACKAGES) | {"load": load}
    for what, fact in facts.items():
        console.print(f"{what}: {fact}", markup=False)
    results: dict[str, Any] = {}
    started = time.perf_counter()
    for name in names:
        try:
            results[name] = PARTS[name](options)
        except MissingDataError as missing:
            console.print(f"{name}: {missing}: skipped", markup=False)
    console.print(f"{time.perf_counter() - started:.0f} s in all")
    if options.json is not None:
        options.json.write_text(json.dumps({**facts, **results}, indent=1))


if __name__ == "__main__":
    main()
