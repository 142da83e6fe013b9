from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from scenarios.cnn import CNN

BATCH = torch.randn(100, 1, 28, 28)


def test_it_has_21_840_parameters():
    assert sum(parameter.numel() for parameter in CNN().parameters()) == 21_840


def test_a_forward_pass_of_100_images_is_96_1_mflop():
    model = CNN()
    with FlopCounterMode(display=False) as counter:
        model(BATCH)
    assert counter.get_total_flops() == 96_100_000


def test_forward_and_backward_of_100_images_are_259_5_mflop():
    model = CNN()
    with FlopCounterMode(display=False) as counter:
        cross_entropy(model(BATCH), torch.zeros(100, dtype=torch.int64)).backward()
    assert counter.get_total_flops() == 259_500_000


def test_it_gives_ten_logits_an_image_in_either_memory_format():
    model = CNN()
    logits = model(BATCH)
    assert logits.shape == (100, 10)
    other = model.to(memory_format=torch.channels_last)(BATCH.to(memory_format=torch.channels_last))
    torch.testing.assert_close(other, logits)
