"""`gate --self-test`: how often does the gate err on this machine?"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchsuite import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchsuite.gate.self_test.decisions import Decision, SelfTest, SelfTestDirectory
    from benchsuite.gate.self_test.plan import Part
    from benchsuite.scenario import Device

ACCURACY_FILE = "gate-accuracy.md"
PARTS: tuple[Part, ...] = ("time", "exact")


def self_test(  # noqa: PLR0917 - the options of a command
    directory: Path | None, resume: Path | None, loads: tuple[int, ...], seed: int, runs_dir: Path,
    out: terminal.Terminal, as_json: bool, parts: tuple[Part, ...] = PARTS, limit: int | None = None,
    device: Device = "cpu",
) -> None:  # fmt: skip
    """Measure the gate's error rates through the gate itself, show them, and write them to `gate-accuracy.md`, after an interruption too.

    The caller must not hold the machine's lock: each gate command takes it.

    Args:
        directory: where decisions and runs go; None: a new folder below `runs_dir`.
        resume: an interrupted self-test to go on with, by its own plan; loads, seed, parts and device are ignored then.
        loads: numbers of busy neighbours.
        seed: of everything random.
        runs_dir: where run directories are.
        out: the terminal.
        as_json: whether stdout gets the result as one JSON document.
        parts: decisions about times, about exact metrics, or both.
        limit: run no more than so many gate commands now.
        device: where the steps run.

    Raises:
        UsageError: the folder, the self-test to resume, or git cannot be used, or the machine lacks the device.
        NotComparableError: the self-test to resume was begun with other code, other versions or on another machine.
        NothingMeasuredError: no decision has been made.
        BenchsuiteError: the gate ended without a verdict three times in a row.
        KeyboardInterrupt: the user interrupted; the self-test can be resumed.
    """
    from benchsuite.errors import NothingMeasuredError
    from benchsuite.gate.self_test import words
    from benchsuite.gate.self_test.decisions import SelfTestDirectory
    from benchsuite.gate.self_test.runner import run_batches
    from benchsuite.gate.self_test.tally import tally

    if resume is not None:
        kept = SelfTestDirectory(resume)
        begun = kept.header()
        _demand_device(begun.device)
        _demand_same(resume, begun, _header(loads, seed, parts, begun.device))
    else:
        _demand_device(device)
        path = directory or runs_dir / f"self-test-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        kept = SelfTestDirectory.create(path, _header(loads, seed, parts, device))
    header = kept.header()
    try:
        failed = run_batches(header.batches, kept, out, limit)
    except BaseException:
        page = _write_page(kept, header, kept.decisions(header.batches))
        told = f" and told in {page}" if page else ""
        out.note(f"what was decided is kept{told}; go on with it: {_resuming(kept)}")
        raise
    decisions = kept.decisions(header.batches)
    if not decisions:
        raise NothingMeasuredError(f"no decision has been made: see above, then {_resuming(kept)}")
    found = tally(decisions)
    page = _write_page(kept, header, decisions)
    if as_json:
        terminal.print_json(words.document(header, found, len(decisions)))
    for table in words.tables(found):
        out.line(table.title, style="bold")
        out.table(table.columns, table.rows)
    open_batches = len(header.batches) - len({decision.batch for decision in decisions})
    if open_batches:
        why = f", {failed} of them failed" if failed else ""
        out.note(f"{open_batches} of {len(header.batches)} batches are open{why}: {_resuming(kept)}")
    out.line(str(page))


def _write_page(kept: SelfTestDirectory, header: SelfTest, decisions: Sequence[Decision]) -> Path | None:
    """Write what the decisions until now say, and return the page; None: there is none yet."""
    from benchsuite.gate.self_test import words
    from benchsuite.gate.self_test.tally import tally

    if not decisions:
        return None
    page = kept.path / ACCURACY_FILE
    page.write_text(words.markdown(header, tally(decisions), len(decisions)), encoding="utf-8")
    return page


def _demand_device(device: Device) -> None:
    """Refuse to begin what every gate command would skip."""
    from benchsuite.environment import unmet
    from benchsuite.errors import UsageError
    from benchsuite.scenario import CUDA

    reason = unmet(CUDA) if device == "cuda" else None
    if reason:
        raise UsageError(f"a self-test on CUDA cannot run here: {reason}")


def _header(loads: Sequence[int], seed: int, parts: tuple[Part, ...], device: Device) -> SelfTest:
    import platform
    from importlib.metadata import version

    from benchsuite import __version__
    from benchsuite.commands.request import describe_commit
    from benchsuite.environment import read_machine
    from benchsuite.gate.self_test.decisions import SelfTest
    from benchsuite.gate.self_test.plan import COUNTS, make_plan
    from benchsuite.origin import PROJECT_ROOT

    loads = tuple(dict.fromkeys(loads))
    return SelfTest(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=seed,
        loads=loads,
        batches=make_plan(loads, seed, parts, COUNTS[device], device),
        versions={
            "benchsuite": __version__,
            "Python": platform.python_version(),
            **{package: version(package) for package in ("torch", "memray")},
        },
        commit=describe_commit(PROJECT_ROOT) if (PROJECT_ROOT / ".git").exists() else None,
        machine=read_machine(),
        device=device,
    )


def _demand_same(path: Path, begun: SelfTest, now: SelfTest) -> None:
    """Refuse to count decisions together that different gates have made."""
    from benchsuite.environment import differences
    from benchsuite.errors import NotComparableError

    changed = differences(_facts(begun), _facts(now))
    if changed:
        named = "; ".join(f"{name} was {then}, is {is_}" for name, (then, is_) in changed.items())
        raise NotComparableError(f"{path}: it was begun with something else ({named}): start a new self-test")


def _facts(header: SelfTest) -> dict[str, str]:
    from benchsuite.environment import comparable_facts

    return {
        "commit": str(header.commit),
        **header.versions,
        **comparable_facts(dataclasses.asdict(header.machine), {}, {}),
    }


def _resuming(kept: SelfTestDirectory) -> str:
    return f"python -m benchsuite gate --self-test --resume {kept.path}"
