from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parents[1]))
from hostile_run import write_empty_run, write_hostile_run, write_interrupted_run

import reports
from reports.exports.csv_files import FORMULA, cell, write_csv
from reports.exports.parquet_files import write_parquet
from reports.exports.run_frames import NAMES

LARGE = """
import sys
from dataclasses import replace
from pathlib import Path
sys.path[:0] = [sys.argv[2]]
from sample_run import make_info, trial, write_run
from benchsuite.record import Turn
root = Path(sys.argv[1])
samples = tuple(range(1_000_000, 1_100_000))
records = [
    replace(
        trial(f"layout[mode={name}]", name, 0, 1e6),
        step_ns=samples, cpu_ns=samples, turns=(Turn(0, 100_000, 10**11),),
    )
    for name in ("plain", "a", "b", "c")
]
write_run(root, make_info(scenarios=()), records)
"""
EXPORT = """
import sys
from pathlib import Path
import reports
from reports.exports.csv_files import write_csv
from reports.exports.parquet_files import write_parquet
data = reports.load(next(path for path in Path(sys.argv[1]).iterdir() if (path / "run.json").is_file()))
{"csv": write_csv, "parquet": write_parquet}[sys.argv[3]](data, Path(sys.argv[1]))
# Not getrusage: a program that is started inherits the peak of the process that starts it.
(peak,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:")]
print(len(data.samples), 1024 * int(peak))
"""


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_parquet_gives_the_frames_back_with_their_types(loaded, tmp_path) -> None:
    write_parquet(loaded, tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {f"{name}.parquet" for name in NAMES}
    for name in NAMES:
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / f"{name}.parquet"), getattr(loaded, name))


def test_csv_holds_every_row_and_value(loaded, tmp_path) -> None:
    write_csv(loaded, tmp_path)
    for name in NAMES:
        assert len(read_csv(tmp_path / f"{name}.csv")) == len(getattr(loaded, name))
    rows = {row["variant"]: row for row in read_csv(tmp_path / "variants.csv")}
    expected = loaded.variants.set_index("variant")["step_ns"]["compile[mode=eager]"]
    assert float(rows["compile[mode=eager]"]["step_ns"]) == expected
    assert rows["device[device=cuda]"]["step_ns"] == ""
    assert "signal 9" in rows["batch_size[batch_size=2048]"]["reason"]
    samples = read_csv(tmp_path / "samples.csv")
    assert [float(row["ns"]) for row in samples[:50]] == list(loaded.samples["ns"][:50])


@pytest.mark.parametrize("write", [write_hostile_run, write_interrupted_run, write_empty_run])
def test_any_run_gives_files_that_can_be_read(write, tmp_path) -> None:
    data = reports.load(write(tmp_path))
    write_csv(data, tmp_path)
    write_parquet(data, tmp_path)
    for name in NAMES:
        rows = read_csv(tmp_path / f"{name}.csv")
        assert len(rows) == len(getattr(data, name)) == len(pd.read_parquet(tmp_path / f"{name}.parquet"))
        for row in rows:
            for title in ("scenario", "variant", "name", "label", "reason", "line", "stack"):
                text = row.get(title) or ""
                assert not text.startswith(FORMULA), (name, title)
                assert "\x00" not in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("=1+1", "'=1+1"),
        ("+x", "'+x"),
        ("-x", "'-x"),
        ("@x", "'@x"),
        ("\t=1", "'\t=1"),
        ("\r=1", "\N{REPLACEMENT CHARACTER}=1"),
        ("a\r\nb", "a\nb"),
        ("a\x00b", "a\N{REPLACEMENT CHARACTER}b"),
        ("", ""),
    ],
)
def test_no_text_is_a_formula(text: str, shown: str) -> None:
    assert cell(text) == shown


@given(st.text())
def test_no_text_whatever_it_holds_begins_a_formula(text: str) -> None:
    assert not cell(text).startswith(FORMULA)
    assert cell(text).removeprefix("'") == cell(text.removeprefix("'")).removeprefix("'") or text[:1] == "'"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read as on Linux")
@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_a_hundred_thousand_samples_a_variant_take_less_than_a_gigabyte(format_, tmp_path) -> None:
    helpers = str(Path(__file__).parents[1])
    outputs = [
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path), helpers, format_],
            check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        ).stdout
        for program in (LARGE, EXPORT)
    ]  # fmt: skip
    rows, peak = map(int, outputs[-1].split())
    assert rows >= 800_000
    assert peak < 10**9
