from __future__ import annotations

import gzip
import hashlib
import shutil
import struct
import zlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.data import cut
from scenarios.mnist_data import FILES, SUMS, bundled_checksums

ORIGINAL_COUNTS = {
    "train": (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
    "t10k": (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
}
SIZES = {"train": 10_000, "t10k": 2_000}
CHI_SQUARE_9_DF = 27.9
"""Exceeded by one fair sample in a thousand."""


def labels_of(embedded, part):
    return gzip.decompress((embedded / f"{part}-labels-idx1-ubyte.gz").read_bytes())[8:]


@pytest.mark.parametrize("part", SIZES)
def test_classes_stand_in_the_originals_proportions(embedded, part):
    originals, size = ORIGINAL_COUNTS[part], SIZES[part]
    counts = Counter(labels_of(embedded, part))
    assert sum(counts.values()) == size
    for label, original in enumerate(originals):
        assert abs(counts[label] - original * size / sum(originals)) < 1


@pytest.mark.parametrize("part", SIZES)
def test_every_slice_is_a_fair_sample(embedded, part):
    labels, originals = labels_of(embedded, part), ORIGINAL_COUNTS[part]
    for start in range(0, len(labels), 1_000):
        counts = Counter(labels[start : start + 1_000])
        expected = [1_000 * original / sum(originals) for original in originals]
        chi_square = sum((counts[i] - e) ** 2 / e for i, e in enumerate(expected))
        assert chi_square < CHI_SQUARE_9_DF


@given(
    st.dictionaries(st.integers(0, 20), st.integers(1, 10_000), min_size=1),
    st.floats(0, 1, exclude_min=True),
)
def test_shares_add_up_and_are_off_by_less_than_one(counts, fraction):
    total = sum(counts.values())
    size = int(total * fraction)
    shares = cut.proportional(counts, size)
    assert sum(shares.values()) == size
    assert all(abs(shares[label] - count * size / total) < 1 for label, count in counts.items())


def test_largest_remainders_are_rounded_up():
    assert cut.proportional({0: 50, 1: 30, 2: 20}, 7) == {0: 4, 1: 2, 2: 1}


def test_checksums_list_the_embedded_files(embedded):
    sums = bundled_checksums()
    for name in FILES:
        packed = (embedded / f"{name}.gz").read_bytes()
        assert hashlib.sha256(packed).hexdigest() == sums[f"{name}.gz"]
        assert hashlib.sha256(gzip.decompress(packed)).hexdigest() == sums[name]


def test_gzip_headers_hold_neither_time_nor_name(embedded):
    for name in FILES:
        _, _, flags, mtime = struct.unpack("<2sBBi", (embedded / f"{name}.gz").read_bytes()[:8])
        assert (flags, mtime) == (0, 0)


def test_embedded_files_are_small(embedded):
    assert sum((embedded / f"{name}.gz").stat().st_size for name in FILES) < 2.1e6


def test_another_source_is_refused(embedded, tmp_path):
    with pytest.raises(SystemExit) as refused:
        cut.main(["--source", str(embedded), "--output", str(tmp_path)])
    message = str(refused.value)
    assert "train-images-idx3-ubyte.gz" in message
    assert "6bbc9ace898e44ae57da46a324031adb" in message
    assert list(tmp_path.iterdir()) == []


def test_a_missing_source_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="train-images-idx3-ubyte"):
        cut.main(["--source", str(tmp_path)])


def test_cutting_again_gives_the_same_bytes(whole_mnist, embedded, tmp_path):
    cut.main(["--source", str(whole_mnist), "--output", str(tmp_path)])
    for name in FILES:
        again, kept = ((folder / f"{name}.gz").read_bytes() for folder in (tmp_path, embedded))
        assert gzip.decompress(again) == gzip.decompress(kept)
        if "ng" not in zlib.ZLIB_RUNTIME_VERSION:  # zlib-ng packs the same content into other bytes
            assert again == kept
    assert (tmp_path / SUMS).read_text().splitlines()[1::2] == (embedded / SUMS).read_text().splitlines()[
        1::2
    ]


@pytest.mark.parametrize("part", SIZES)
def test_every_image_is_an_original_with_its_own_label(whole_mnist, embedded, part):
    def items(folder):
        images, labels = (
            gzip.decompress((folder / f"{part}-{kind}-ubyte.gz").read_bytes())
            for kind in ("images-idx3", "labels-idx1")
        )
        pixels = images[16:]
        return Counter((pixels[784 * i : 784 * (i + 1)], label) for i, label in enumerate(labels[8:]))

    if not (whole_mnist / "train-images-idx3-ubyte.gz").is_file():
        pytest.skip("the whole set lies there in another form")
    assert items(embedded) <= items(whole_mnist)


def test_a_source_may_be_unpacked(whole_mnist, tmp_path):
    name = "t10k-labels-idx1-ubyte"
    packed = whole_mnist / f"{name}.gz"
    if not packed.is_file():
        pytest.skip("the whole set lies there in another form")
    with gzip.open(packed) as content, (tmp_path / name).open("wb") as plain:
        shutil.copyfileobj(content, plain)
    assert cut.read_original(tmp_path, name) == cut.read_original(whole_mnist, name)
