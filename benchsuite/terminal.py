"""The only module that prints: progress on stderr, results on stdout."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import time
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.markup import escape

from benchsuite import streams
from benchsuite.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.progress import Progress, TaskID

    from benchsuite.record import Record

FILE_WIDTH = 160
"""Characters in a line where nobody's window limits them."""
LONGEST_ERROR = 2000
"""Characters; of a longer message, its beginning and its end are shown."""
REMINDER_S = 60.0
"""Without a terminal, how long nothing is said while the phase stays the same."""
MARKS = {"ok": "[green]ok  [/]", "warn": "[yellow]warn[/]", "bad": "[red]bad [/]"}


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the entry point what it means that nobody reads on; rich would exit with 1."""
        raise BrokenPipeError


class Terminal:
    """Writes for a person: results to stdout, everything else to stderr."""

    def __init__(self, *, quiet_stdout: bool = False) -> None:
        """With `quiet_stdout`, stdout is left to one JSON document."""
        self._results = _Console(stderr=quiet_stdout, highlight=False)
        if not self._results.is_terminal and "COLUMNS" not in os.environ:
            self._results.width = FILE_WIDTH
        self._status = _Console(stderr=True, highlight=False)

    @property
    def width(self) -> int:
        """How many characters fit in a line."""
        return self._results.width

    def line(self, text: str = "", style: str = "") -> None:
        """Print one line of results."""
        self._results.print(escape(text), style=style, soft_wrap=True)

    def note(self, text: str) -> None:
        """Print one line that is no result."""
        self._status.print(escape(text), style="dim" if self._status.is_terminal else "", soft_wrap=True)

    def finding(self, level: str, name: str, message: str, remedy: str) -> None:
        """Print one finding about the machine; its remedy where something is wrong."""
        hint = f": {remedy}" if remedy and level != "ok" else ""
        self._results.print(
            f"{MARKS[level]} [bold]{escape(name)}[/] {escape(message)}{escape(hint)}", soft_wrap=True
        )

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[str]], numeric: Sequence[bool] = ()
    ) -> None:
        """Print a table of ready strings; numeric columns stand to the right."""
        from rich import box
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
        right = [*numeric, *[False] * (len(columns) - len(numeric))]
        for column, is_number in zip(columns, right, strict=True):
            table.add_column(
                escape(column), justify="right" if is_number else "left", overflow="fold", no_wrap=is_number
            )
        for row in rows:
            table.add_row(*map(escape, row))
        self._results.print(table)

    def progress(self, *, tells_phases: bool = False) -> RunProgress:
        """Return what shows how a run goes.

        Args:
            tells_phases: whether it prints a line now and then where there is no terminal; for those that report no trials.
        """
        return RunProgress(self._status, tells_phases=tells_phases)


class RunProgress:
    """Shows how a run goes, and draws only between groups: a redraw would run beside what is timed."""

    def __init__(self, console: Console, *, tells_phases: bool = False) -> None:
        self._console = console
        self._tells_phases = tells_phases
        self._phase = ""
        self._told_s = -math.inf
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            from rich.progress import BarColumn, Progress, TextColumn

            columns = (
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[left]}"),
            )
            self._progress = Progress(*columns, console=self._console, auto_refresh=False, transient=True)
            self._task = self._progress.add_task("", total=1.0, left="")
            self._progress.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def working_on(self, what: str, done_s: float, left_s: float) -> None:
        """Show what is about to be measured and about how long the rest will take.

        Args:
            what: `variants: phase, pair 3 of 16`; without variants or pairs, the phase alone.
            done_s: seconds spent.
            left_s: seconds that the rest will probably take.
        """
        left = f"about {_rounded_time(left_s)} left"
        if self._progress is None and self._tells_phases:
            self._tell(what, left)
        if self._progress is not None and self._task is not None:
            share = done_s / max(1e-9, done_s + left_s)
            self._progress.update(
                self._task, description=escape(what), completed=share, left=left, refresh=True
            )

    def _tell(self, what: str, left: str) -> None:
        """Print a plain line when the phase changes, and once in a while as long as it lasts."""
        phase = what.rpartition(": ")[2].partition(", pair ")[0]
        now_s = time.monotonic()
        if phase != self._phase or now_s - self._told_s >= REMINDER_S:
            self._console.print(escape(f"{what}; {left}"), soft_wrap=True)
            self._phase, self._told_s = phase, now_s

    def note(self, text: str) -> None:
        """Print one line above what shows how the run goes."""
        (self._progress.console if self._progress is not None else self._console).print(
            escape(text), soft_wrap=True
        )

    def finished(self, record: Record) -> None:
        """Without a terminal, print one plain line for each trial that has ended."""
        if not record.group:
            return  # skipped from the start, and said so then
        if self._progress is None:
            self._console.print(escape(_describe(record)), soft_wrap=True)
        elif record.outcome == "failed":
            self._progress.console.print(
                f"[red]failed[/] {escape(record.variant)}: {escape(_first_line(record.reason))}"
            )


def print_json(document: Any) -> None:
    """Print the one JSON document of a command with `--json`."""
    stdout = streams.document()
    stdout.write(json.dumps(document, indent=1) + "\n")
    stdout.flush()  # `view` goes on after it


def print_document(text: str) -> None:
    """Print a document that says itself, or whose format does, that it is UTF-8: whatever the terminal speaks."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", errors="replace"))
    sys.stdout.buffer.flush()


@contextlib.contextmanager
def heedless_of_readers(*, heedless_of_loss: bool) -> Iterator[None]:
    """Go on where whoever read the output, such as `grep -m1`, has seen enough: the exit code must still tell.

    Args:
        heedless_of_loss: whether to go on, with a message, also where stdout cannot be written.

    Raises:
        OutputError: it cannot be written, and that is what the exit code should tell.
    """
    try:
        yield
    except BrokenPipeError:
        streams.give_up_stdout()
    except OutputError as error:
        if not heedless_of_loss:
            raise
        streams.give_up_stdout()
        print_error(str(error))


def print_error(message: str) -> None:
    """Print one line about what went wrong to stderr, whatever lines the message has."""
    message = " ".join(message.split())
    if len(message) > LONGEST_ERROR:
        message = f"{message[: LONGEST_ERROR // 2]} ... {message[-LONGEST_ERROR // 2 :]}"
    _say(f"benchsuite: {message}\n")


def print_fault(traceback: str) -> None:
    """Print what is needed to mend a fault of this program."""
    _say(traceback)
    print_error("this is a fault of benchsuite itself, not of your scenario: please report the lines above")


def _say(text: str) -> None:
    """Write to stderr; where nobody listens, or a module of the user's has closed it, the exit code still tells."""
    for stream in filter(None, (sys.stderr, sys.__stderr__)):
        with contextlib.suppress(OSError, ValueError):
            stream.write(text)
            stream.flush()
            return


def _describe(record: Record) -> str:
    head = f"{record.outcome:9} {record.pass_:9} {record.variant}"
    if record.outcome != "completed":
        return f"{head}: {_first_line(record.reason)}"
    if record.pass_ == "timing" and record.step_ns:
        typical_ns = sorted(record.step_ns)[len(record.step_ns) // 2]
        return f"{head}: round {record.repetition + 1}, {typical_ns / 1e6:.3g} ms a step"
    if "peak_heap" in record.metrics:
        return f"{head}: peak heap {record.metrics['peak_heap'] / 2**20:.1f} MiB"
    return head


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _rounded_time(seconds: float) -> str:
    if seconds < 90:  # noqa: PLR2004 - below a minute and a half, seconds say more
        return f"{max(5, round(seconds / 5) * 5)} s"
    return f"{round(seconds / 60)} min"
