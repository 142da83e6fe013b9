from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1]))
from hostile_run import write_empty_run, write_hostile_run, write_interrupted_run

import reports
from benchsuite.errors import UsageError
from benchsuite.store import safe_name
from reports.exports.step_samples import step_samples_ns
from reports.exports.tensorboard_events import write_events


def read(folder: Path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder), size_guidance={"tensors": 0, "scalars": 0}).Reload()


def curve(events, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in events.Scalars(tag)]


def single(points) -> list[tuple[int, float]]:
    return [(int(x), float(np.float32(y))) for x, y in points]


def test_curves_and_step_times_are_read_back_as_they_were_recorded(loaded, tmp_path) -> None:
    write_events(loaded, tmp_path)
    training = read(tmp_path / "training")
    (record,) = (record for record in loaded.run.records if record.variant == "training")
    assert curve(training, "loss/timing 0") == single(record.series["loss"])
    by_time = record.series["validation_accuracy_over_time"]
    assert curve(training, "validation_accuracy_over_time/timing 0") == single(
        (n, y) for n, (_, y) in enumerate(by_time)
    )
    variant = "compile[mode=eager]"
    compiled = read(tmp_path / safe_name(variant))
    rounds = [r for r in loaded.run.records if r.variant == variant and r.pass_ == "timing"]
    for record in rounds:
        found = curve(compiled, f"step_time_ns/round {record.repetition}")
        assert found == single(enumerate(step_samples_ns(record)))


def test_what_was_not_measured_says_why(loaded, tmp_path) -> None:
    write_events(loaded, tmp_path)
    (event,) = read(tmp_path / safe_name("device[device=cuda]")).Tensors("outcome")
    assert event.tensor_proto.string_val[0].decode().startswith("- skipped: no CUDA device")
    (event,) = read(tmp_path / safe_name("batch_size[batch_size=2048]")).Tensors("outcome")
    assert "timing pass failed: the worker was killed" in event.tensor_proto.string_val[0].decode()


@pytest.mark.parametrize("write", [write_hostile_run, write_interrupted_run, write_empty_run])
def test_any_run_gives_one_folder_for_each_variant(write, tmp_path) -> None:
    data = reports.load(write(tmp_path))
    folder = tmp_path / "events"
    folder.mkdir()
    write_events(data, folder)
    assert len(list(folder.iterdir())) == len(data.variants)
    for place in folder.iterdir():
        events = read(place)
        tags = events.Tags()
        assert not {letter for tag in tags["scalars"] for letter in tag} & set("\x00\x1b\n")
        for tag in tags["tensors"]:
            assert "<script" not in events.Tensors(tag)[0].tensor_proto.string_val[0].decode()


def test_without_tensorboard_it_says_what_to_install(loaded, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    for name in [name for name in sys.modules if name.startswith("tensorboard.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(UsageError, match=r"pip install 'benchsuite\[tensorboard\]'"):
        write_events(loaded, tmp_path)
    assert not list(tmp_path.iterdir())
