"""The lines that hold a variant's memory, as memray and CUDA's allocator saw them: the table below a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchsuite.stacks import holder
from reports import format as fmt
from reports.amounts import amount_column
from reports.leaks import is_leaking
from reports.table import Cell, Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchsuite.record import AllocationSite, SiteKind
    from reports.results import VariantResult

MOST_ROWS: Final[Mapping[SiteKind, int]] = {"peak": 8, "cuda_peak": 8, "temporary": 4, "leak": 4}
WORDS: Final[Mapping[SiteKind, str]] = {
    "peak": "at the peak",
    "cuda_peak": "on the GPU at its peak",
    "temporary": "freed at once, a step",
    "leak": "left behind, a step",
}


def memory_table(variant: VariantResult, most_rows: int = max(MOST_ROWS.values())) -> Table:
    """Return the lines that hold most at the peak, and those whose memory is freed at once or never.

    A line is the innermost one of the scenario's own code; beside it stands the call that asked for the memory.

    Args:
        variant: whose memory pass is shown.
        most_rows: so many lines of each kind, or fewer.
    """
    columns = (
        Column("Memory"),
        amount_column("Size", fmt.size),
        Column("Blocks", numeric=True),
        Column("Line"),
        Column("Allocated in"),
    )
    kinds = [kind for kind in MOST_ROWS if kind != "leak" or is_leaking(variant)]
    usual = [site for kind in kinds for site in variant.sites(kind)[: MOST_ROWS[kind]]]
    shown = [site for kind in kinds for site in variant.sites(kind)[: min(most_rows, MOST_ROWS[kind])]]
    left = len(usual) - len(shown)
    notes = [f"{left} further lines are left out."] if left else []
    overhead = variant.metric("memray_overhead")
    if overhead is not None:
        notes.append(fmt.overhead(overhead, "under memray"))
    return Table(columns, tuple(map(_row, shown)), tuple(notes))


def _row(site: AllocationSite) -> Row:
    line, innermost = holder(site.stack), site.stack[0] if site.stack else ""
    return Row(
        (
            Cell(WORDS[site.kind], site.kind),
            Cell(fmt.size(site.size_bytes), site.size_bytes),
            Cell(fmt.count(site.allocations), site.allocations),
            Cell(fmt.name(line) or fmt.NOTHING, line),
            Cell(fmt.name(innermost) or fmt.NOTHING, innermost),
        )
    )
