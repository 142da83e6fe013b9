"""How a card is read: what is special to its question; what holds for all stands once on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.findings import KNEE_SHARE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reports.results import ScenarioResult

KINDS = {
    "best": "A winner is named only where its whole interval lies more than 1 % above the baseline's speed.",
    "knee": f"The knee is the smallest setting that reaches {100 * KNEE_SHARE:.0f} % of the best throughput measured: beyond it, "
    "more costs memory and brings little.",
    "break_even": "What is compiled pays back its long first step little by little: it has paid once the steps have "
    "saved what the first one and the compiler's imports cost. A filled compile cache makes the first step cheaper.",
    "trade_off": "Speed is one side, memory or accuracy the other: no row wins as such, each says what it gives and takes.",
    "reached": "A work of fixed length, done once: it says how far the training gets, and is compared with nothing.",
    "stack": "Each row adds one more of the settings that pay to the row above it; every factor is against the "
    "reference loop, not against the row above. What the answer says of a step is against the row above, in the same rounds.",
}
LATENCY = "Latency is what one request waits: of a hundred requests, one takes longer than the p99."
COLUMNS = {
    "Step time": "the median over the turns of a round, then the geometric mean over rounds. Its 95 % interval is wide "
    "where the machine's level moved between rounds.",
    "Throughput": "items of a step over its time.",
    "Speed against baseline": "how many times the baseline's items a second, with its interval. Both took turns within "
    "seconds of each other, so that what moves the machine moves both: this is the number to trust.",
    "Verdict": "faster and slower: the whole interval lies more than 1 % away from the baseline. same: it lies within 3 %. open: "
    "these rounds could show neither. check failed: what it computed was wrong, so it never wins.",
    "First step": "apart from the timed steps: it holds what is prepared or compiled once.",
    "FLOP/byte": "operations for each byte that the operators move; with it, how much of what the machine allows at most "
    "is reached (Of the roofline).",
    "Waiting for data": "share of the turns' time in which the loop waited for its next batch; on a GPU the wait may be "
    "hidden behind the device's work.",
    "Epoch start": "until the first batch of a new epoch has come.",
    "Energy a step": "what the GPU's own counter added up over the timed turns, for one step.",
    "Peak heap": "what the process held on the heap at its peak while it built the model and ran 20 steps at one "
    "thread, in a pass of its own.",
    "Allocations a step": "calls that took memory from the heap, of one step.",
    "CUDA allocated": "the most that tensors held of the GPU's memory; CUDA reserved: what the allocator kept for them.",
    "Accuracy": "on images that the training has not seen.",
    "Disturbed": "rounds whose timing was taken under contention: others kept the worker from its core.",
}
"""What each column shows, by its title."""
EVERYWHERE = "Intervals hold together at 95 % for all variants of a context."
WHERE = "Decided by fixed rules from what the passes recorded. What would be saved is a bound: as if that part took no time at all, and nothing else took more."


def card_reading(result: ScenarioResult) -> str:
    """Return what is special to reading one scenario's card."""
    parts = [KINDS.get(result.answer, KINDS["best"])]
    if result.metric == "latency":
        parts.append(LATENCY)
    return " ".join(parts)


def glossary(titles: Iterable[str], notes: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return what the columns that a page has show, by title, and what its notes rest on."""
    shown = list(titles)
    found = [
        (title, f"{text[0].upper()}{text[1:]}")
        for title, text in COLUMNS.items()
        if any(one == title or one.startswith(f"{title},") for one in shown)
    ]
    where = any(note.startswith("Where the time goes") for note in notes)
    return (*found, *[("Where the time goes", WHERE)] * where)
