from __future__ import annotations

import torch
from torch.nn import Conv2d, Linear
from torch.nn.functional import cross_entropy, max_pool2d, relu
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


def test_weights_and_logits_are_bitwise_those_of_the_network_written_out():
    torch.manual_seed(3)
    model = CNN()
    torch.manual_seed(3)
    conv1, conv2, fc1, fc2 = Conv2d(1, 10, 5), Conv2d(10, 20, 5), Linear(320, 50), Linear(50, 10)
    layers = [parameter for layer in (conv1, conv2, fc1, fc2) for parameter in layer.parameters()]
    for parameter, expected in zip(model.parameters(), layers, strict=True):
        assert torch.equal(parameter, expected)
    x = relu(max_pool2d(conv1(BATCH), 2))
    x = relu(max_pool2d(conv2(x), 2))
    assert torch.equal(model(BATCH), fc2(relu(fc1(x.flatten(1)))))


def test_its_children_are_a_chain_of_blocks():
    model = CNN()
    x = BATCH
    for child in model.children():
        x = child(x)
    assert torch.equal(model(BATCH), x)
