"""Build CIFAR-10: 60,000 photographs of 32x32 in ten classes, as Parquet.

    curl -O https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz
    python benchmarks/datasets/cifar10.py OUT_DIR --source cifar-10-python.tar.gz

The archive holds raw pixels, in pickles. Here they become JPEG of quality 75 (photographs as
people have them, a tenth of the size), numbered within their class in the archive's order, then
shuffled once with seed 0, so that a streamed prefix holds every class. The columns carry the
Hugging Face features Image and ClassLabel.

Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009. The authors
state no licence; cite the report.
"""

import argparse
import io
import json
import pickle
import random
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from PIL import Image

CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
BATCHES = {
    "train": tuple(f"data_batch_{number}" for number in range(1, 6)),
    "test": ("test_batch",),
}
FEATURES = {
    "image": {"_type": "Image"},
    "label": {"names": list(CLASSES), "_type": "ClassLabel"},
}
SCHEMA = pa.schema(
    {
        "image": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
        "label": pa.int64(),
    },
    metadata={"huggingface": json.dumps({"info": {"features": FEATURES}})},
)
ADMITTED = {
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class ArrayUnpickler(pickle.Unpickler):
    """An unpickler that can build NumPy arrays and plain values, and nothing else.

    A pickle is a program: it may name any function on this machine and have it called. The
    archive comes from the network, so only the three names that rebuild an array are admitted.
    """

    def find_class(self, module: str, name: str) -> Any:
        try:
            return ADMITTED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"the pickle asks for {module}.{name}, which CIFAR-10 does not need; "
                "this is not the official archive"
            ) from None


def read_batch(archive: tarfile.TarFile, name: str) -> tuple[np.ndarray, list[int]]:
    """Read one batch of the archive.

    Returns:
        Pixels [N, 32, 32, 3], uint8, and the N labels.

    Raises:
        ValueError: the batch is missing, or is not shaped like one of CIFAR-10.
    """
    path = f"cifar-10-batches-py/{name}"
    try:
        member = archive.extractfile(path)
    except KeyError:
        member = None
    if member is None:
        raise ValueError(f"{path} is not in the archive; cifar-10-python.tar.gz is expected")
    batch = ArrayUnpickler(member, encoding="bytes").load()
    if not isinstance(batch, dict) or not batch.keys() >= {b"data", b"labels"}:
        raise ValueError(f"{path} holds no `data` and `labels`; this is not the official archive")
    pixels, labels = batch[b"data"], batch[b"labels"]
    if pixels.dtype != np.uint8 or pixels.shape != (len(labels), 3 * 32 * 32):
        raise ValueError(
            f"{path}: expected uint8 pixels of shape ({len(labels)}, 3072), one row per label, "
            f"found {pixels.dtype} of shape {pixels.shape}"
        )
    return pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels


def encode(pixels: np.ndarray) -> bytes:
    """Encode one photograph [32, 32, 3] as JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=75)
    return buffer.getvalue()


def read_rows(archive: tarfile.TarFile, split: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of one split in the archive's order."""
    numbers: Counter[int] = Counter()
    for name in BATCHES[split]:
        for pixels, label in zip(*read_batch(archive, name), strict=True):
            path = f"{split}/{CLASSES[label]}/{numbers[label]:04d}.jpg"
            numbers[label] += 1
            yield {"image": {"bytes": encode(pixels), "path": path}, "label": label}


def build(folder: Path, source: Path) -> dict[str, int]:
    """Write one Parquet file per split, and count the rows of each."""
    folder.mkdir(parents=True, exist_ok=True)
    counts = {}
    with tarfile.open(source) as archive:
        for split in BATCHES:
            rows = sorted(read_rows(archive, split), key=lambda row: row["image"]["path"])
            random.Random(0).shuffle(rows)
            table = pa.Table.from_pylist(rows, schema=SCHEMA)
            parquet.write_table(
                table, folder / f"{split}.parquet", row_group_size=1000, compression="zstd"
            )
            counts[split] = len(rows)
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out_dir", type=Path, help="data root; the set goes to OUT_DIR/cifar10")
    parser.add_argument(
        "--source",
        type=Path,
        required=True,
        metavar="ARCHIVE",
        help="cifar-10-python.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html",
    )
    arguments = parser.parse_args()
    folder = arguments.out_dir / "cifar10"
    try:
        counts = build(folder, arguments.source)
    except (OSError, ValueError, EOFError, tarfile.TarError, pickle.UnpicklingError) as error:
        sys.exit(f"cifar10.py: {arguments.source}: {error}")
    print(
        f"wrote {counts['train']} train and {counts['test']} test photographs to {folder}; "
        f"use them with SENSORIUM_DATA={arguments.out_dir} or data.root={arguments.out_dir}"
    )


if __name__ == "__main__":
    main()
