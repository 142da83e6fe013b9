"""Record real step times from the first step on, as test_warmup.py reads them.

    python tests/benchsuite/worker/record_traces.py [NAME...]

Each trace is recorded in a fresh process that is set up as a worker is (one core, one thread, freed
memory kept), with an empty compile cache. Beside each step's time stands how many frames had been
compiled when it ended: that tells where the warm-up truly ended, whatever the times look like.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = Path(__file__).parent / "traces"
CHANGED_STEP = 8
"""The step, from 1, at which the input of `changed-shape` changes."""


def main(names: list[str]) -> None:
    """Record the named traces, by default all."""
    for name in names or list(TRACES):
        print(name)  # noqa: T201
        process = multiprocessing.get_context("spawn").Process(target=record, args=(name,))
        process.start()
        process.join()


def record(name: str) -> None:
    """Record one trace into its file; runs in a process of its own."""
    with tempfile.TemporaryDirectory() as cache:
        os.environ.update({"TORCHINDUCTOR_CACHE_DIR": cache, "GOMP_SPINCOUNT": "0"})
        import torch

        from benchsuite.environment import read_machine
        from benchsuite.worker import process, timing

        machine = read_machine().describe()
        core = max(os.sched_getaffinity(0))
        process.run_on([core])
        torch.set_num_threads(1)
        torch.manual_seed(0)
        process.keep_freed_memory()
        what, steps, neighbours, make = TRACES[name]
        step = make()
        with _busy(core, neighbours):
            first_step_ns = timing.time_first_step(step)
            compiled_first = _compilations()
            step_ns, compilations = [], []
            for _ in range(steps):
                step_ns += timing.run_steps(step, 1).step_ns
                compilations.append(_compilations())
    trace = {
        "what": what,
        "how": f"tests/benchsuite/worker/record_traces.py {name}",
        "recorded": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine,
        "torch": torch.__version__,
        "first_step_ns": first_step_ns,
        "compiled_in_first_step": compiled_first,
        "step_ns": step_ns,
        "compilations": compilations,
    }
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(trace) + "\n", encoding="utf-8")


def _loop(**settings: object) -> Callable[[], object]:
    from scenarios.loop import LoopSettings, make_loop
    from scenarios.mnist import task

    return make_loop(LoopSettings(**settings), task).step  # type: ignore[arg-type]


def _changed_shape() -> Callable[[], object]:
    """Train on batches of 100, then of 64: torch.compile finds that shapes vary and compiles anew."""
    import torch

    from scenarios.loop import make_optimizer
    from scenarios.mnist import task

    model = task.make_model()
    optimizer = make_optimizer(model)
    inputs, target = task.example_batch(100)
    compute = torch.compile(lambda images, labels: task.loss(model(images), labels))
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        size = 100 if done < CHANGED_STEP else 64
        optimizer.zero_grad()
        compute(inputs[:size], target[:size]).backward()
        optimizer.step()

    return step


def _compiled_optimizer() -> Callable[[], object]:
    """Train with a compiled optimizer: it has no momentum in its first step, and is compiled anew in its second."""
    import torch

    from scenarios.mnist import task

    model = task.make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    inputs, target = task.example_batch(100)
    update = torch.compile(optimizer.step)

    def step() -> None:
        optimizer.zero_grad()
        task.loss(model(inputs), target).backward()
        update()

    return step


def _compilations() -> int:
    """Return how often this process has compiled a frame, or a graph for the backward pass."""
    utils = sys.modules.get("torch._dynamo.utils")
    if utils is None:
        return 0
    backward = utils.counters["aot_autograd"]["total"] + utils.counters["inductor"]["fxgraph_cache_miss"]
    return len(utils.get_compilation_metrics()) + backward


@contextmanager
def _busy(core: int, count: int) -> Iterator[None]:
    """Keep neighbours busy on the same core."""
    started = [multiprocessing.get_context("spawn").Process(target=_spin, args=(core,)) for _ in range(count)]
    for process in started:
        process.start()
    if started:
        time.sleep(1)
    yield
    for process in started:
        process.kill()
        process.join()


def _spin(core: int) -> None:
    os.sched_setaffinity(0, [core])
    while True:
        sum(range(100_000))


_BESIDE = "beside a busy neighbour on the same core"
TRACES: dict[str, tuple[str, int, int, Callable[[], Callable[[], object]]]] = {
    "eager-training": ("Eager training, batch 100", 100, 0, _loop),
    "compiled-training": ("Compiled training, batch 100", 100, 0, partial(_loop, compile_mode="default")),
    "max-autotune": (
        "Training with max-autotune, batch 100",
        100,
        0,
        partial(_loop, compile_mode="max-autotune"),
    ),
    "compiled-optimizer": (
        "Eager training with a compiled optimizer with momentum",
        100,
        0,
        _compiled_optimizer,
    ),
    "changed-shape": (
        f"Compiled training, another batch size from step {CHANGED_STEP} on",
        100,
        0,
        _changed_shape,
    ),
    "one-image": ("Eager inference, batch 1", 300, 0, partial(_loop, phase="infer", batch_size=1)),
    "noisy-training": (f"Eager training, batch 100, {_BESIDE}", 100, 1, _loop),
    "noisy-inference": (
        f"Eager inference, batch 32, {_BESIDE}",
        600,
        1,
        partial(_loop, phase="infer", batch_size=32),
    ),
    "noisy-one-image": (
        f"Eager inference, batch 1, {_BESIDE}",
        300,
        1,
        partial(_loop, phase="infer", batch_size=1),
    ),
}
"""By name: what is recorded, how many steps after the first, how many neighbours, and what makes the step."""

if __name__ == "__main__":
    main(sys.argv[1:])
