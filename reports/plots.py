"""The plots of a scenario, chosen for its question; none where there is nothing to compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.curves import break_even_plot, knee_plots
from reports.figure import Plot, drawing
from reports.learning import learning_plots
from reports.spreads import distribution_plot, speedup_plot

if TYPE_CHECKING:
    from reports.results import ScenarioResult


def scenario_plots(result: ScenarioResult, prefix: str) -> tuple[Plot, ...]:
    """Draw the plots of a scenario; the prefix makes their ids unique in a page."""
    with drawing():
        if result.answer == "reached":
            found = learning_plots(result, prefix)
        elif result.answer == "knee":
            found = knee_plots(result, prefix)
        else:
            found = [speedup_plot(result, prefix)]
            if result.answer == "break_even":
                found += [
                    break_even_plot(context, f"{prefix}-{n}") for n, context in enumerate(result.contexts)
                ]
            found += [
                distribution_plot(context, f"{prefix}-{n}") for n, context in enumerate(result.contexts)
            ]
    return tuple(plot for plot in found if plot is not None)
