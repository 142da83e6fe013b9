"""Refuses to look at a process that something else is already looking at: instruments distort one another."""

from __future__ import annotations

import sys
import threading
import tracemalloc

from torch._C._autograd import _profiler_enabled

from benchsuite.scenario import Skip


def demand_none() -> None:
    """Demand that no other profiler is active in this process.

    Raises:
        Skip: one is; the line names it.
    """
    if found := active():
        raise Skip(f"{found} is active in this process: two instruments would measure each other")


def active() -> str:
    """Return the name of a profiler that is active in this process; empty: there is none."""
    if threading.getprofile() is not None and "memray" in getattr(threading.getprofile(), "__module__", ""):
        return "a memray tracker"
    if sys.getprofile() is not None or threading.getprofile() is not None:
        return "a profiler (sys.setprofile)"
    if tracemalloc.is_tracing():
        return "tracemalloc"
    if _profiler_enabled():
        return "torch.profiler"
    # From Python 3.12 on.
    monitoring = getattr(sys, "monitoring", None)
    tools = [] if monitoring is None else [monitoring.get_tool(number) for number in range(6)]
    name = next((name for name in tools if name), "")
    return f"{name} (sys.monitoring)" if name else ""
