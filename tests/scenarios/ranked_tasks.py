"""Tasks that some ranks get wrong, and models that cannot be shared out."""

from __future__ import annotations

import functools

import torch
from torch import distributed, nn
from torch.distributed import pipelining

from benchsuite import Task
from scenarios.mnist import MnistTask


class SameHalfTask(MnistTask):
    """The second rank is given the first one's half of the batch."""

    def example_batch(self, size):
        inputs, target = super().example_batch(size)
        if distributed.is_initialized() and distributed.get_rank() == 1:
            return inputs.roll(size // 2, 0), target.roll(size // 2, 0)
        return inputs, target


class NothingReducedTask(MnistTask):
    """Each rank keeps its own gradients."""

    def make_model(self):
        torch.nn.parallel.DistributedDataParallel = lambda model, **_options: model
        return super().make_model()


class SummedGradientsTask(MnistTask):
    """The gradients of micro-batches are added up where their mean is meant."""

    def make_model(self):
        pipelining.ScheduleGPipe = functools.partial(pipelining.ScheduleGPipe, scale_grads=False)
        return super().make_model()


class WithDropout(MnistTask):
    def make_model(self):
        model = super().make_model()
        model.block1 = nn.Sequential(model.block1, nn.Dropout(0.5))
        return model


class SameHalfWithDropout(WithDropout, SameHalfTask):
    """A fault that random layers must not hide."""


class SummedGradientsWithDropout(WithDropout, SummedGradientsTask):
    """Another one."""


class Vectors(Task):
    """A user's own model over vectors; it need not know of ranks."""

    name = "vectors"

    def __init__(self, *layers):
        self.layers = layers

    def make_model(self):
        return nn.Sequential(*(layer() for layer in self.layers))

    def example_batch(self, size):
        return torch.randn(size, 64), torch.randint(0, 10, (size,))

    def loss(self, output, target):
        return nn.functional.cross_entropy(output, target)


class DependsOnData(nn.Linear):
    def forward(self, x):
        return super().forward(x if x.sum().item() > 0 else -x)


def wide():
    return nn.Linear(64, 64)


def narrow():
    return nn.Linear(64, 10)


same_half, nothing_reduced, summed_gradients = SameHalfTask(), NothingReducedTask(), SummedGradientsTask()
same_half_dropped, summed_gradients_dropped = SameHalfWithDropout(), SummedGradientsWithDropout()
perceptron = Vectors(wide, nn.ReLU, narrow)
dropped = Vectors(wide, functools.partial(nn.Dropout, 0.5), narrow)
normalised = Vectors(wide, functools.partial(nn.BatchNorm1d, 64), narrow)
depends_on_data = Vectors(wide, functools.partial(DependsOnData, 64, 10))
empty_half = Vectors(nn.ReLU, narrow)
one_module = Vectors(narrow)
