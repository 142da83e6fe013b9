"""torch.compile in a worker: its cache, its counters and what must be imported before a fork."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

CACHE_VARIABLE = "TORCHINDUCTOR_CACHE_DIR"
LASTING_VARIABLE = "BENCHSUITE_COMPILE_CACHE"
"""Names the folder for what compiling needs once a machine; set for the zygote where something will be compiled."""
IMPORTS_FILE = "torch-modules-of-compiling.json"
GENERATED = "torch._inductor.runtime.compile_tasks."
"""How the names begin of modules that Inductor has written."""


def metrics() -> dict[str, float]:
    """Return graph breaks, recompiles and compile time in ns; empty where nothing was compiled.

    The counters miss some data-dependent breaks; a recompile is an entry of the compilation log
    that gives a reason for it.
    """
    utils = sys.modules.get("torch._dynamo.utils")
    if utils is None or not utils.counters["stats"].get("unique_graphs"):
        return {}
    found = {"graph_breaks": float(sum(utils.counters["graph_break"].values()))}
    with contextlib.suppress(AttributeError):  # private to torch, and has changed before
        compilations = utils.get_compilation_metrics()
        found["recompiles"] = float(sum(1 for entry in compilations if entry.recompile_reason))
        # The backward graph is compiled when it is first needed, and booked apart from its frame.
        forward_us = sum(entry.dynamo_cumulative_compile_time_us or 0 for entry in compilations)
        backward_us = sum(entry.backward_cumulative_compile_time_us or 0 for entry in compilations)
        found["compile_time"] = (forward_us + backward_us) * 1e3
    return found


def holds_package() -> bool:
    """Tell whether this process has loaded a model that AOTInductor compiled.

    It calls its operators out of sight of dispatch modes, and no row of a profile gives it away.
    """
    package = sys.modules.get("torch._inductor.package.package")
    if package is None:
        return False
    return any(type(one) is package.AOTICompiledModel for one in gc.get_objects())


def use_own_cache(folder: str, threads: int) -> None:
    """Keep compiled code in this folder, and generate CPU code for so many threads.

    Inductor generates for as many threads as torch has at that moment: the memory pass, at one, would
    compile everything again, and look at other code than was timed.
    """
    import torch._inductor.config

    os.environ[CACHE_VARIABLE] = folder
    torch._inductor.config.cpp.threads = threads  # noqa: SLF001 - the documented place of its options


def probe_instruction_set() -> None:
    """Find out which vector instructions the C++ compiler can use.

    Inductor compiles test programs for that, 9 to 10 s for each empty cache; done before the fork,
    the answer is inherited and an empty cache costs what compiling the model costs.
    """
    from torch._inductor.cpu_vec_isa import pick_vec_isa

    pick_vec_isa()


def has_remembered() -> bool:
    """Whether `remember_imports` has kept anything on this machine."""
    folder = os.environ.get(LASTING_VARIABLE)
    return folder is not None and (Path(folder) / IMPORTS_FILE).is_file()


def remember_imports() -> None:
    """Keep the names of all of torch's modules that a worker has imported by the time it has compiled something.

    The next zygote imports them before it forks, which saves each later worker a second or two.
    """
    folder = os.environ.get(LASTING_VARIABLE)
    if not folder or not metrics():
        return
    kept = Path(folder) / IMPORTS_FILE
    if not kept.is_file():
        # Neither torchvision, which an eager loop imports or not, nor the code that was generated in this process.
        own = (name for name in sys.modules if name.partition(".")[0] == "torch")
        names = sorted(name for name in own if not name.startswith(GENERATED))
        beside = kept.with_suffix(f".{os.getpid()}")
        with contextlib.suppress(OSError):  # a full disk costs later workers a second, not this one its trial
            beside.write_text(json.dumps(names), encoding="utf-8")
            beside.replace(kept)


def import_remembered() -> None:
    """Import what `remember_imports` kept; what cannot be imported is left for whoever needs it."""
    kept = Path(os.environ[LASTING_VARIABLE]) / IMPORTS_FILE
    with contextlib.suppress(OSError, ValueError, TypeError):
        import_all(json.loads(kept.read_text(encoding="utf-8")))


def import_all(names: Iterable[str]) -> None:
    """Import what can be imported of these modules; what cannot is imported when it is needed."""
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
