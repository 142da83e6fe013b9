"""A run as event files for TensorBoard: curves, step times, and what was not measured."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any, Final

from benchsuite.errors import UsageError
from benchsuite.store import safe_name
from reports import format as fmt
from reports.columns import encodable
from reports.exports.markdown import prose
from reports.exports.step_samples import step_samples_ns
from reports.facts import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from reports.load import ReportData
    from reports.results import VariantResult

FILE_VERSION: Final = "brain.Event:2"
LARGEST_STEP: Final = 2**63 - 1


def write_events(data: ReportData, folder: Path) -> None:
    """Write one folder with one event file for each variant, which TensorBoard shows as a run.

    Raises:
        UsageError: TensorBoard is not installed.
    """
    try:
        from tensorboard.compat.proto import event_pb2
        from tensorboard.summary.writer.record_writer import RecordWriter
    except ImportError as error:
        raise UsageError(
            "--format tensorboard needs TensorBoard: pip install 'benchsuite[tensorboard]'"
        ) from error
    begun = seconds_of(data.run.info.started) or 0.0
    for variant in (variant for result in data.scenarios for variant in result.variants):
        place = folder / safe_name(encodable(variant.id))
        place.mkdir()
        with (place / f"events.out.tfevents.{max(0, int(begun)):010d}.benchsuite").open("wb") as file:
            writer = RecordWriter(file)
            head = event_pb2.Event(wall_time=begun, file_version=FILE_VERSION)
            for event in itertools.chain([head], _events(variant, begun)):
                writer.write(event.SerializeToString())


def _events(variant: VariantResult, begun: float) -> Iterator[Any]:
    if variant.outcome != "completed" or variant.faults or variant.failed_checks:
        yield _text_event("outcome", _outcome(variant), begun)
    for record in variant.trials:
        started = seconds_of(record.started) or begun
        if record.pass_ == "timing":
            yield from _scalars(f"step_time_ns/round {record.repetition}", step_samples_ns(record), started)
        for name, points in record.series.items():
            tag = f"{_tag(name)}/{record.pass_} {record.repetition}"
            yield from _curve(tag, points, started)


def _curve(tag: str, points: Sequence[tuple[float, float]], started: float) -> Iterator[Any]:
    """Yield a curve's points; where its x are no whole numbers from 0 on, such as seconds, they are numbered."""
    if all(0 <= x <= LARGEST_STEP and x == int(x) for x, _ in points if math.isfinite(x)):
        for x, y in points:
            if math.isfinite(x) and math.isfinite(y):
                yield _scalar(tag, int(x), y, started)
        return
    yield from _scalars(tag, [y for _, y in points], started)


def _scalars(tag: str, values: Sequence[float], started: float) -> Iterator[Any]:
    for step, value in enumerate(values):
        if math.isfinite(value):
            yield _scalar(tag, step, value, started)


def _scalar(tag: str, step: int, value: float, started: float) -> Any:
    """Return one point, in single precision: TensorBoard's quick reader leaves out what has more."""
    from tensorboard.compat.proto import event_pb2, summary_pb2

    found = summary_pb2.Summary.Value(tag=tag, simple_value=value)
    return event_pb2.Event(wall_time=started, step=step, summary=summary_pb2.Summary(value=[found]))


def _text_event(tag: str, text: str, begun: float) -> Any:
    from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, types_pb2

    tensor = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=[text.encode("utf-8", "replace")])
    metadata = summary_pb2.SummaryMetadata(data_class=summary_pb2.DATA_CLASS_TENSOR)
    metadata.plugin_data.plugin_name = "text"
    found = summary_pb2.Summary.Value(tag=tag, tensor=tensor, metadata=metadata)
    return event_pb2.Event(wall_time=begun, summary=summary_pb2.Summary(value=[found]))


def _outcome(variant: VariantResult) -> str:
    """Return in Markdown, which TensorBoard renders, what kept a variant from being measured."""
    failed = [f"check {check.name} did not hold" for check in variant.failed_checks]
    failed += [f"{record.pass_} pass failed: {fmt.one_line(record.reason)}" for record in variant.faults]
    if not failed:
        failed = [f"{variant.outcome}: {fmt.one_line(variant.reason)}"]
    return "\n".join(f"- {prose(text)}" for text in dict.fromkeys(failed))


def _tag(name: str) -> str:
    return encodable(fmt.visible(name)).replace("\n", " ")
