"""What goes into a model and what comes out, for programs that know nothing of this library.

`signature.json` has names, types, shapes and units of every input and output, how a file becomes an
input, and what to give where a sample lacks a modality.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sensorium.data import DataConfig, Tokenizer
from sensorium.data.modalities import LENGTH_STEP
from sensorium.deployment.graphs.heads import Head, heads_of
from sensorium.deployment.graphs.make import FUSED, PARTS, Graph, part_name
from sensorium.tasks import Contrastive, Mixture
from sensorium.tasks.pairs import name_of

FITS = {
    "crop": "the largest centred square, (side - shorter) // 2 from the top and left, is resized",
    "pad": "the longer side is resized to size, the other by round(side * scale), at least 1; it "
    "is put on the background, (size - side) // 2 from the top and left",
    "stretch": "both sides are resized to size",
    "native": "shrunk to the area of size x size, both sides multiples of patch_size",
}
RESIZED = (
    "torch.nn.functional.interpolate(mode='bicubic', antialias=True) of the 8-bit pixels; nothing "
    "where the size is right already"
)
SOUND = (
    "mono, resampled to sample_rate; of a longer one the middle evaluation_crops * seconds; "
    "torch.stft with a periodic Hann window of window_seconds, hop_seconds, the next power of two "
    "as n_fft, center=True with zeros, frames at multiples of the hop within the sound; power in "
    "mel_bins triangles of Slaney's scale and area (as librosa.filters.mel) from lowest_hertz to "
    "highest_hertz (half of sample_rate where null); "
    "softest = max(1e-10, loudest / 10^(range / 10)); "
    "2 * log10(max(power, softest) / softest) / (range / 10), so 0 to 2"
)
ABSENCE = (
    "A modality that a sample lacks is not run. Into the fused graph it goes with zeros for tokens "
    "(at least 2) and vector, and false for their mask and for present."
)


def signature_of(
    mixture: Mixture, data: DataConfig, tokenizer: Tokenizer, graphs: Sequence[Graph]
) -> dict[str, Any]:
    """All of it, as plain values.

    Args:
        graphs: those that were written; none of a bundle without.
    """
    heads = heads_of(mixture)
    widths = dict(mixture.model.widths)
    inputs = {m: _input(m, data) for m in widths}
    told: dict[str, Any] = {
        "inputs": inputs,
        "outputs": [_output(head, number) for head in heads for number in range(len(head.outputs))],
        "transforms": {m: _transform(m, data, tokenizer) for m in widths},
        "absence": ABSENCE,
        "graphs": {graph.file: _graph(graph, inputs, widths) for graph in graphs},
    }
    contrastive = dict(mixture.tasks).get("contrastive")
    if isinstance(contrastive, Contrastive):
        told["temperatures"] = {
            name_of(pair): 1 / contrastive.scale(pair).item() for pair in contrastive.pairs
        }
    return told


def _input(modality: str, data: DataConfig) -> dict[str, Any]:
    """The tensor of a modality, and the mask beside it."""
    image, video, audio = data.image, data.video, data.audio
    mask: dict[str, Any] = {
        "name": f"{modality}_mask",
        "dtype": "bool",
        "unit": "true: real, false: padding",
    }
    if modality == "image" and image.fit == "native":
        sides = [f"{image.patch_size} * image_{name}" for name in ("rows", "columns")]
        mask |= {"shape": ["batch", "image_rows", "image_columns"]}
        mask["unit"] = "true: a patch of the picture, which lies at the top left; false: padding"
        unit = "red, green, blue, 0 to 255"
        return {"dtype": "uint8", "shape": ["batch", 3, *sides], "unit": unit, "mask": mask}
    if modality == "image":
        shape = ["batch", 3, image.size, image.size]
        return {"dtype": "uint8", "shape": shape, "unit": "red, green, blue, 0 to 255"}
    if modality == "text":
        mask["shape"] = ["batch", "text_length"]
        said = f"token ids; at most {data.text.context_tokens} tokens"
        return {"dtype": "int64", "shape": mask["shape"], "unit": said, "mask": mask}
    mask["shape"] = ["batch", f"{modality}_length"]
    if modality == "video":
        shape = [*mask["shape"], 3, video.size, video.size]
        unit = f"red, green, blue, 0 to 255; at most {video.frames} frames"
        return {"dtype": "uint8", "shape": shape, "unit": unit, "mask": mask}
    shape = [*mask["shape"], audio.mel_bins]
    return {"dtype": "float32", "shape": shape, "unit": "log-mel, see transforms", "mask": mask}


def _transform(modality: str, data: DataConfig, tokenizer: Tokenizer) -> dict[str, Any]:
    """How a file or a text becomes the input. What is left out of it is in the graph."""
    if modality == "text":
        return {
            "tokenizer": "tokenizer.json, read by the library `tokenizers`",
            "start": tokenizer.start,
            "end": tokenizer.end,
            "pad": tokenizer.pad,
            "cut_to_tokens": data.text.context_tokens,
            "padded": f"at the end, to a multiple of {LENGTH_STEP} or the most; any length will do",
        }
    if modality == "audio":
        settings = data.audio.model_dump(mode="json", exclude={"augment", "max_seconds"})
        return {"rule": SOUND, **settings}
    settings = getattr(data, modality)
    kept = settings.model_dump(mode="json", exclude={"augment", "max_pixels", "max_seconds"})
    rule = (
        f"upright by its EXIF orientation, transparency over the background, then {settings.fit}: "
        f"{FITS[settings.fit]}. Resized by {RESIZED}. Pixels are normalised inside the graph"
    )
    return {"rule": rule, **kept}


def _output(head: Head, number: int) -> dict[str, Any]:
    output = head.outputs[number]
    told: dict[str, Any] = {
        "name": output.name,
        "task": head.task,
        "dtype": "float32",
        "shape": ["batch", *output.axes],
        "unit": output.unit,
        "graph": head.modality or FUSED,
    }
    if head.pair is not None:
        told["fused_of"] = f"{head.pair[0]} and {head.pair[1]} alone: all others as absent"
    if output.names:
        told["names"] = list(output.names)
    return told


def _graph(graph: Graph, inputs: dict[str, Any], widths: dict[str, int]) -> dict[str, Any]:
    if graph.name != FUSED:
        own = {k: v for k, v in inputs[graph.name].items() if k != "mask"}
        told = [{"name": graph.name, **own}]
        if "mask" in inputs[graph.name]:
            told.append(inputs[graph.name]["mask"])
        if graph.own_shape:
            told[1] = told[1] | {"least": 2 * graph.step, "multiple_of": graph.step}
        return {"inputs": told, "outputs": list(graph.outputs)}
    told = []
    for modality, width in widths.items():
        tokens = ["batch", f"{modality}_tokens_length"]
        shapes = ([*tokens, width], tokens, ["batch", width], ["batch"])
        for part, shape, dtype in zip(PARTS, shapes, ("float32", "bool") * 2, strict=True):
            told.append({"name": part_name(modality, part), "dtype": dtype, "shape": shape})
    return {"inputs": told, "outputs": list(graph.outputs)}
