"""A trial, in order: process, seed, set-up, first step, warm-up, turns, peaks, and only then the check."""

from __future__ import annotations

import importlib
import os
import platform
import random
import sys
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

import torch

from benchsuite.errors import UsageError
from benchsuite.origin import Origin, load
from benchsuite.scenario import Scenario, Workload
from benchsuite.task import identity
from benchsuite.worker import (
    claims,
    compilation,
    device,
    energy,
    failure,
    process,
    provenance,
    ranks,
    timing,
    warmup,
)
from benchsuite.worker.contention import Counters, read_counters
from benchsuite.worker.follower import Duties
from benchsuite.worker.protocol import Channel, ChannelClosedError, TrialSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchsuite.task import Task

SOFTWARE = ("torch", "python", "numpy", "cuda", "cpu_capability", "env")
"""What must not change between the two halves of a run that was interrupted."""


def serve(channel: Channel) -> None:
    """Run the one trial that the parent sends, and report how it ended."""
    try:
        spec = TrialSpec.from_json(channel.receive())
        with ranks.assembled(spec, channel, Duties(_set_process, build, run_pass)) as team:
            result = _run(team.part, channel)
        if spec.code is not None:
            result["files"], result["foreign"] = provenance.account_for(spec.code)
        channel.send({"event": "result", **team.total(result)})
    except (ChannelClosedError, ranks.ToldError):
        return
    except BaseException as error:  # noqa: BLE001 - whatever it is, it becomes this trial's record
        channel.send(failure.message_of(error))


def prepare_task(spec: TrialSpec) -> dict[str, Any]:
    """Unpack or download the task's data and say which data and which task it is."""
    task = resolve_task(spec)
    task.prepare()
    software = {name: environment(keeps_freed_memory=False)[name] for name in SOFTWARE}
    return {**identity(task), "software": software}


def resolve_task(spec: TrialSpec) -> Task:
    """Return the task that the spec names, over the data that it names."""
    module = load(Origin(spec.task_module, spec.task_file))
    task = getattr(module, spec.task_attribute, None)
    if task is None:
        raise UsageError(f"{spec.task_file} defines no {spec.task_attribute!r}")
    if isinstance(task, type):
        task = task()
    if spec.dataset is not None:
        from pathlib import Path

        task = task.with_data(spec.dataset, Path(spec.data_dir) if spec.data_dir else None)
    found: Task = task
    return found


def build(spec: TrialSpec) -> Workload:
    """Seed, and build the workload of this trial's variant; with several ranks, on all of them.

    Raises:
        Skip: the scenario says that this variant cannot run here.
        TypeError: the scenario returned something else than a workload, or one with a value of a wrong type.
        ValueError: a value of the workload is out of range.
    """
    ranks.announce_build()
    random.seed(spec.seed)
    torch.manual_seed(spec.seed)
    module = load(Origin(spec.module, spec.file))
    found = [v for v in vars(module).values() if isinstance(v, Scenario) and v.name == spec.scenario]
    if not found:
        raise LookupError(f"{spec.file} no longer defines scenario {spec.scenario!r}")
    workload = found[0].build(found[0].settings_from(spec.settings), resolve_task(spec))
    if not isinstance(workload, Workload):
        raise TypeError(
            f"scenario {spec.scenario!r} returned {type(workload).__name__}, not a benchsuite.Workload"
        )
    # The scenario may have changed it since it was made.
    workload.validate()
    device.note_use()
    return ranks.in_lockstep(workload)


def environment(*, keeps_freed_memory: bool) -> dict[str, Any]:
    """Return what this worker's software is and how it was set: part of the fingerprint."""
    return {
        "torch": torch.__version__,
        "torchvision": _version("torchvision"),
        "memray": _version("memray"),
        "numpy": _version("numpy"),
        "python": platform.python_version(),
        "cuda": torch.version.cuda,
        "threads": torch.get_num_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "blas": "mkl" if torch.backends.mkl.is_available() else "openblas or other",
        "keeps_freed_memory": keeps_freed_memory,
        "env": {k: v for k, v in process.recorded_environment().items() if k != compilation.CACHE_VARIABLE},
        **device.describe(),
        **ranks.describe(),
    }


def run_pass(spec: TrialSpec) -> dict[str, Any]:
    """Run the memory pass, the operator pass or the one that counts calls."""
    kept = False
    if spec.pass_ == "memory":
        from benchsuite.worker import memory

        found = memory.run(lambda: build(spec), spec.artifacts, native_traces=spec.native_traces)
    elif spec.pass_ == "calls":
        from benchsuite.worker import calls

        kept = _keep_freed_memory(spec)
        found = calls.run(lambda: build(spec), (spec.code.root,) if spec.code else spec.paths)
    else:
        from benchsuite.worker import operators

        # As where steps are timed: else a step faults its pages anew, and its operators take longer than it did.
        kept = _keep_freed_memory(spec)
        found = operators.run(lambda: build(spec), spec.artifacts, stacks=spec.stacks)
    return {**found, "environment": environment(keeps_freed_memory=kept)}


def _keep_freed_memory(spec: TrialSpec) -> bool:
    return spec.keeps_freed_memory and process.keep_freed_memory()


def _run(spec: TrialSpec, channel: Channel) -> dict[str, Any]:
    if spec.pass_ == "prepare":
        return prepare_task(spec)
    if spec.pass_ == "ceilings":
        from benchsuite.worker import ceilings

        return {"ceilings": ceilings.measure(spec.threads, cuda=spec.cuda)}
    if spec.pass_ == "imports":
        from benchsuite.worker import compiler_imports

        return compiler_imports.run(resolve_task(spec), cuda=spec.cuda)
    return _run_timing(spec, channel) if spec.pass_ == "timing" else run_pass(spec)


def _run_timing(spec: TrialSpec, channel: Channel) -> dict[str, Any]:
    kept = _keep_freed_memory(spec)
    started = perf_counter_ns()
    workload = build(spec)
    device.synchronize()
    result: dict[str, Any] = {"items_per_step": workload.items_per_step}
    setup_ns = perf_counter_ns() - started
    if workload.num_steps is None:
        result |= _warm_up(workload)
    _call(workload.pause)
    device.reset_peaks()
    process.reset_peak_rss()
    channel.send(
        {
            "event": "ready",
            "step_ns": _typical_step_ns(result),
            "num_steps": workload.num_steps,
            "min_steps": workload.min_steps,
        }
    )
    turns = _take_turns(workload, channel)
    _call(workload.resume)
    before_turns_ns = setup_ns + (result.get("first_step_ns") or 0) + sum(result.get("warmup_ns", ()))
    result |= {**turns, "working_ns": before_turns_ns + turns["working_ns"]}
    # Of several ranks, this one sees its own devices alone; a gate does not judge it.
    used = energy.measure(workload) if spec.ranks == 1 and spec.code is None else {}
    metrics = {
        "setup_time": float(setup_ns),
        **used,
        **process.peak_rss_bytes(),
        **device.peaks(),
        **compilation.metrics(),
    }
    result["environment"] = environment(keeps_freed_memory=kept)
    compilation.remember_imports()
    checking = perf_counter_ns()
    result["checks"] = claims.checks(workload)
    metrics["check_time"] = float(perf_counter_ns() - checking)
    _call(workload.close)
    metrics |= workload.metrics
    result["metrics"] = claims.metrics(metrics)
    result["series"] = claims.series(workload.series)
    return result


def _warm_up(workload: Workload) -> dict[str, Any]:
    first_step_ns = timing.time_first_step(workload.step)
    samples: list[int] = []
    while not warmup.has_settled(samples) and not warmup.must_stop(samples):
        samples += timing.run_steps(workload.step, 1).step_ns
    return {"first_step_ns": first_step_ns, "warmup_ns": samples, "settled": warmup.has_settled(samples)}


def _typical_step_ns(result: dict[str, Any]) -> int:
    last = sorted(result.get("warmup_ns", [])[-warmup.MIN_WINDOW_STEPS :])
    return last[len(last) // 2] if last else 0


def _take_turns(workload: Workload, channel: Channel) -> dict[str, Any]:
    step_ns: list[int] = []
    cpu_ns: list[int] = []
    device_ns: list[int] = []
    disturbed = Counters()
    gpu: dict[str, float] = {}
    elapsed_ns = working_ns = 0
    while (message := channel.receive())["do"] == "turn":
        ranks.announce_steps(message["steps"])
        before = read_counters(ranks=ranks.pids())
        _call(workload.resume)
        samples = timing.run_steps(workload.step, message["steps"])
        _call(workload.pause)
        working_ns += samples.elapsed_ns
        if message["counts"]:
            disturbed += read_counters(ranks=ranks.pids()) - before
            for name, value in device.clocks().items():
                # The lowest clock and the worst of the rest, read while the device is still warm from the turn.
                gpu[name] = (min if name == "gpu_clock_mhz" else max)(gpu.get(name, value), value)
            elapsed_ns += samples.elapsed_ns
            step_ns += samples.step_ns
            cpu_ns += samples.cpu_ns
            device_ns += samples.device_ns
        channel.send({"event": "turn", "elapsed_ns": samples.elapsed_ns, "waited_ns": samples.waited_ns})
    contention = {**disturbed.shares(elapsed_ns), **gpu}
    return {
        "step_ns": step_ns,
        "cpu_ns": cpu_ns,
        "device_ns": device_ns,
        "contention": contention,
        "working_ns": working_ns,
    }


def _call(function: Callable[[], object] | None) -> None:
    if function is not None:
        function()


def _set_process(spec: TrialSpec) -> None:
    process.use_cuda_driver()
    process.prefer_for_oom_kill()
    process.run_on(spec.cores, spec.child_cores)
    torch.set_num_threads(spec.threads)
    if spec.code is not None:
        os.chdir(spec.code.folder)
        provenance.put_first(spec.code.places, spec.code.other_root)
    for path in spec.paths:
        if path not in sys.path:
            sys.path.append(path)
    if spec.compile_cache:
        compilation.use_own_cache(spec.compile_cache, spec.compile_threads)


def _version(module: str) -> str | None:
    try:
        return str(importlib.import_module(module).__version__)
    except ImportError:
        return None
