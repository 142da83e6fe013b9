"""A trained model for the scenarios that ask about inference: trained briefly, once on a machine, and kept."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import time
from typing import TYPE_CHECKING, Any

from benchsuite import demand
from benchsuite.cache import cache_folder
from benchsuite.errors import UsageError
from scenarios.loop import LoopSettings
from scenarios.optimizers import make_optimizer
from scenarios.parity import relative_error
from scenarios.steps import inference_call, training_step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from benchsuite import Task
    from benchsuite.task import Split

BATCH_SIZE = 100
LEARNING_RATE = 0.002
MOST_ITEMS = 10_000
"""So many training items are used at most."""
MOST_STEPS = 1_000
LIMIT_S = 60.0
"""No epoch begins later than this after the first."""
MARGIN = 0.04
"""The training ends as soon as its validation accuracy is this far above what the task demands."""
PROBE_ITEMS = 8
PROBE_TOLERANCE = 1e-3

_IN_PROCESS: dict[tuple[type, str, str], dict[str, Tensor]] = {}
"""Read once in a process: a workload's memory is not that of reading its checkpoint."""


def trained_weights(task: Task) -> dict[str, Tensor]:
    """Return the weights of a briefly trained model, on the CPU and the same for all who ask.

    The first to ask trains it, and keeps it in the cache folder. What lies there is used as long as it
    can be read and the task's model, its data and torch are what they were; else it is made again.

    Raises:
        Skip: the task lacks a loss, a data set or metrics.
        UsageError: the cache folder cannot be written.
    """
    demand(task, "loss", "dataset", "metrics")
    known = (type(task), task.name, json.dumps(dict(task.data_fingerprint()), sort_keys=True))
    if known not in _IN_PROCESS:
        _IN_PROCESS[known] = _kept(task)
    return _IN_PROCESS[known]


def first_items(task: Task, split: Split, most: int) -> tuple[Tensor, Tensor]:
    """Return the first items of a split, at most so many, as tensors in memory: inputs (N, ...) and targets (N, ...)."""
    import torch
    from torch.utils.data import DataLoader, Subset

    dataset = task.dataset(split)
    chosen = Subset(dataset, range(min(most, len(dataset))))  # type: ignore[arg-type]
    parts = list(DataLoader(chosen, batch_size=500))
    return torch.cat([inputs for inputs, _ in parts]), torch.cat([target for _, target in parts])


def _kept(task: Task) -> dict[str, Tensor]:
    with _seeded():
        model = task.make_model()
        path, probe = _path(task, model), _probe(task, model)
        weights = _read(path, probe)
        if weights is None:
            weights = _trained(task, model)
            _write(path, {"weights": weights, "probe": probe})
        return weights


def _path(task: Task, model: nn.Module) -> Path:
    import torch

    known = {
        "task": [task.name, f"{type(task).__module__}.{type(task).__qualname__}"],
        "data": dict(task.data_fingerprint()),
        "torch": torch.__version__,
        "model": repr(model),
        "shapes": {name: list(tensor.shape) for name, tensor in model.state_dict().items()},
        "training": [BATCH_SIZE, LEARNING_RATE, MOST_ITEMS, MOST_STEPS, MARGIN, task.target_accuracy],
    }
    key = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16]
    return cache_folder() / "checkpoints" / f"{key}.pt"


def _probe(task: Task, model: nn.Module) -> Tensor:
    """Return what the untrained model makes of a few inputs: the same layers with another forward pass differ there."""
    return inference_call(model.eval(), LoopSettings(phase="infer"))(task.example_batch(PROBE_ITEMS)[0])


def _read(path: Path, probe: Tensor) -> dict[str, Tensor] | None:
    import torch

    with contextlib.suppress(Exception):  # whatever is wrong with the file, it is made again
        kept: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if relative_error([kept["probe"]], [probe]) <= PROBE_TOLERANCE:
            weights: dict[str, Tensor] = kept["weights"]
            return weights
    return None


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Write a checkpoint in one step: processes may race and may be killed."""
    import torch

    packed = io.BytesIO()
    torch.save(dict(content), packed)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(packed.getbuffer())
        beside.replace(path)
    except OSError as error:
        raise UsageError(
            f"{path.parent}: cannot be written ({error.strerror}): set BENCHSUITE_CACHE_DIR to a folder you can write to"
        ) from error


def _trained(task: Task, model: nn.Module) -> dict[str, Tensor]:
    """Train a fresh model until the task's target is passed, or the limit of steps or of time is reached."""
    import torch

    began = time.monotonic()
    inputs, target = first_items(task, "train", MOST_ITEMS)
    held_out = first_items(task, "validation", MOST_ITEMS)
    optimizer = make_optimizer(model.parameters(), "adam", lr=LEARNING_RATE)
    train = training_step(task, model, (optimizer,), LoopSettings())
    steps, good = 0, False
    while steps < MOST_STEPS and not good and time.monotonic() - began < LIMIT_S:
        model.train()
        for chosen in torch.randperm(len(inputs)).split(BATCH_SIZE):
            train(inputs[chosen], target[chosen])
            steps += 1
        good = _is_good(task, model, *held_out)
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def _is_good(task: Task, model: nn.Module, inputs: Tensor, target: Tensor) -> bool:
    import torch

    if task.target_accuracy is None:
        return False
    infer = inference_call(model.eval(), LoopSettings(phase="infer"))
    output = torch.cat([infer(part) for part in inputs.split(BATCH_SIZE)])
    return task.metrics(output, target).get("accuracy", 0.0) >= task.target_accuracy + MARGIN


@contextlib.contextmanager
def _seeded() -> Iterator[None]:
    """Draw the same random numbers in each process, and leave torch's own seed alone."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
