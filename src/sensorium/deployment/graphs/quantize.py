"""Graphs whose weights are rounded to eight bits, and whose products are computed in them.

Activations are rounded on the fly (dynamic quantization of ONNX Runtime), so no data is needed.
"""

from __future__ import annotations

from pathlib import Path

from sensorium.deployment.graphs.optional import package, quiet

PRODUCTS = ["MatMul", "Gemm"]


def quantize(path: Path) -> None:
    """Round a graph in its place."""
    quantization = package("onnxruntime.quantization")
    whole = path.with_suffix(".float32.onnx")
    path.rename(whole)
    with quiet(""):  # it advises a step that dynamic quantization has no use for
        quantization.quantize_dynamic(
            whole,
            path,
            op_types_to_quantize=PRODUCTS,
            per_channel=True,
            weight_type=quantization.QuantType.QInt8,
        )
    whole.unlink()
