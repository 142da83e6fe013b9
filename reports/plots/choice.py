"""The plots of a scenario, chosen for its question and by what was recorded; none where there is nothing to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.bounds import Step
from reports.plots.curves import break_even_plot, knee_plots
from reports.plots.figure import Plot, drawing
from reports.plots.learning import learning_plots
from reports.plots.memory import heap_plot, heaps_differ, step_memory_plot
from reports.plots.roofline import roofline_plots
from reports.plots.scaling import scaling_plot
from reports.plots.spreads import distribution_plot, speedup_plot
from reports.plots.timeline import timeline_plot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reports.results import ContextResult, ScenarioResult


def scenario_plots(result: ScenarioResult, prefix: str) -> tuple[Plot, ...]:
    """Draw the plots of a scenario, those that answer its question first; the prefix makes their ids unique in a page."""
    with drawing():
        found = [*_answering(result, prefix), *_explaining(result, prefix)]
    return tuple(plot for plot in found if plot is not None)


def _answering(result: ScenarioResult, prefix: str) -> Iterator[Plot | None]:
    """Draw what the answer rests on."""
    contexts = [(context, f"{prefix}-{number}") for number, context in enumerate(result.contexts)]
    if result.answer == "reached":
        yield from learning_plots(result, prefix)
        return
    if result.answer == "knee":
        yield from knee_plots(result, prefix)
        yield scaling_plot(result, prefix)
        return
    yield speedup_plot(result, prefix)
    yield scaling_plot(result, prefix)
    if result.answer == "break_even":
        yield from (break_even_plot(*one) for one in contexts)
    if result.answer == "trade_off":
        yield from (plot for one in contexts for plot in _memory(result, *one))
    yield from (distribution_plot(*one) for one in contexts)


def _explaining(result: ScenarioResult, prefix: str) -> Iterator[Plot | None]:
    """Draw why it is so."""
    contexts = [(context, f"{prefix}-{number}") for number, context in enumerate(result.contexts)]
    yield from roofline_plots(result, prefix)
    yield from (timeline_plot(*one) for one in contexts)
    if result.answer != "trade_off":
        yield from (plot for one in contexts for plot in _memory(result, *one))


def _memory(result: ScenarioResult, context: ContextResult, prefix: str) -> Iterator[Plot | None]:
    """Draw a context's memory: what steps take where they run, and the heap if they run on the CPU and it tells variants apart."""
    steps = [step for v in context.variants if (step := Step.of(v, result.ceilings)) is not None]
    on_gpu = any(step.on_gpu for step in steps)
    if not on_gpu and heaps_differ(context):
        yield heap_plot(context, prefix)
    yield step_memory_plot(context, prefix, on_gpu=on_gpu)
