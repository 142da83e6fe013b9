#!/usr/bin/env python3
"""Cut the embedded subset from the whole MNIST database.

`python -m scenarios.data.cut --source DIR` reads the four published files in DIR, unpacked or
gzipped, and writes the subset beside this script. The same input gives the same bytes everywhere:
images are drawn and ordered by SHA-256 of their index, which no library version can change.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import struct
import sys
import zlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from benchsuite.errors import UsageError
from scenarios.mnist_data import FILES, PUBLISHED_MD5, SUMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

NUM_TRAINING = 10_000
NUM_TEST = 2_000
SEED = "benchsuite"
IMAGE_BYTES = 28 * 28
IMAGES_HEADER = struct.Struct(">4i")
LABELS_HEADER = struct.Struct(">2i")
IMAGES_MAGIC = 2051
LABELS_MAGIC = 2049


def main(arguments: Sequence[str] | None = None) -> None:
    """Cut both parts and write them with their checksums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, required=True, help="folder with the four MNIST files")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, help="default: this folder")
    options = parser.parse_args(arguments)
    try:
        originals = {name: read_original(options.source, name) for name in FILES}
    except (UsageError, OSError, EOFError, zlib.error) as error:
        sys.exit(str(error))
    subset = cut(originals, "train", NUM_TRAINING) | cut(originals, "t10k", NUM_TEST)
    write(options.output, subset)


def read_original(source: Path, name: str) -> bytes:
    """Return one published file's content.

    Raises:
        UsageError: it is not the published file.
        OSError, EOFError, zlib.error: it is missing or cannot be unpacked.
    """
    plain, packed = source / name, source / f"{name}.gz"
    path = plain if plain.is_file() else packed
    content = path.read_bytes() if path is plain else gzip.decompress(path.read_bytes())
    found, expected = hashlib.md5(content, usedforsecurity=False).hexdigest(), PUBLISHED_MD5[name]
    if found != expected:
        raise UsageError(f"{path}: its content has the MD5 {found}, MNIST's is {expected}")
    return content


def cut(originals: Mapping[str, bytes], part: str, size: int) -> dict[str, bytes]:
    """Return the images and labels files of `size` items of one part, `train` or `t10k`."""
    images_name, labels_name = f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"
    images = originals[images_name][IMAGES_HEADER.size :]
    labels = originals[labels_name][LABELS_HEADER.size :]
    chosen = choose(labels, size, part)
    return {
        images_name: IMAGES_HEADER.pack(IMAGES_MAGIC, size, 28, 28)
        + b"".join(images[i * IMAGE_BYTES : (i + 1) * IMAGE_BYTES] for i in chosen),
        labels_name: LABELS_HEADER.pack(LABELS_MAGIC, size) + bytes(labels[i] for i in chosen),
    }


def choose(labels: Sequence[int], size: int, part: str) -> list[int]:
    """Return the indices of `size` items whose classes stand in the proportions of `labels`."""
    wanted = proportional(Counter(labels), size)
    chosen = []
    for index in shuffled(range(len(labels)), f"draw {part}"):
        if wanted[labels[index]] > 0:
            wanted[labels[index]] -= 1
            chosen.append(index)
    # Towards the end of the draw some classes were already complete: only a second shuffle makes
    # every slice a fair sample.
    return shuffled(chosen, f"order {part}")


def proportional(counts: Mapping[int, int], size: int) -> dict[int, int]:
    """Share `size` out in proportion to `counts`, by the largest remainder."""
    total = sum(counts.values())
    shares = {label: divmod(count * size, total) for label, count in sorted(counts.items())}
    missing = size - sum(whole for whole, _ in shares.values())
    rounded_up = sorted(shares, key=lambda label: -shares[label][1])[:missing]
    return {label: whole + (label in rounded_up) for label, (whole, _) in shares.items()}


def shuffled(indices: Iterable[int], purpose: str) -> list[int]:
    """Return the indices in an order that only they, the seed and the purpose decide."""
    return sorted(indices, key=lambda i: hashlib.sha256(f"{SEED} {purpose} {i}".encode()).digest())


def write(output: Path, subset: Mapping[str, bytes]) -> None:
    """Write the files, gzipped without time or name, and the checksums of both forms."""
    sums = []
    for name in FILES:
        path = output / f"{name}.gz"
        with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
            packed.write(subset[name])
        sums += [
            f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n",
            f"{hashlib.sha256(subset[name]).hexdigest()}  {name}\n",
        ]
    (output / SUMS).write_text("".join(sums), encoding="ascii")


if __name__ == "__main__":
    main()
