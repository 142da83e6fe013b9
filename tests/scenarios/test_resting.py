from __future__ import annotations

import torch
from torch import nn

from scenarios.resting import resting


def model():
    return nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(4), nn.LSTM(4, 4, num_layers=2, dropout=0.5))


def test_random_layers_rest_and_others_are_trained():
    made = model()
    with resting(made):
        assert [layer.training for layer in made] == [False, True, True]
        assert not made.training
        inputs = torch.randn(8, 4)
        assert torch.equal(made(inputs)[0], made(inputs)[0])
    assert all(layer.training for layer in made.modules())
    assert made[2].dropout == 0.5


def test_what_is_not_trained_is_left_as_it_is():
    made = model().eval()
    with resting(made):
        assert not any(layer.training for layer in made.modules())
    assert not any(layer.training for layer in made.modules())
