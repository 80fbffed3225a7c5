import numpy as np
import torch

from scenarios.models import Cnn
from server.evaluation.pooling import PairPool2d, quicken_pooling


def images(count, side):
    pixels = np.random.default_rng(0).random((count, 1, side, side), dtype=np.float32)
    return torch.from_numpy(pixels.round(1))  # many are equal


@torch.no_grad()
def test_pooling_has_torchs_values():
    pixels = images(5, 9)
    pixels[0, 0, 3, 3] = torch.nan
    expected = torch.nn.MaxPool2d(2, 1)(pixels)
    for found in PairPool2d()(pixels), PairPool2d()(pixels.to(memory_format=torch.channels_last)):
        assert torch.equal(found.nan_to_num(-1.0), expected.nan_to_num(-1.0))


def test_only_windows_of_two_by_two_one_apart_are_replaced_and_at_any_depth():
    kept = [
        torch.nn.MaxPool2d(2),
        torch.nn.MaxPool2d(3, 1),
        torch.nn.MaxPool2d(2, 1, padding=1),
        torch.nn.MaxPool2d(2, 1, dilation=2),
        torch.nn.MaxPool2d(2, 1, ceil_mode=True),
    ]
    module = torch.nn.Sequential(*kept, torch.nn.Sequential(torch.nn.MaxPool2d(2, 1)))
    quicken_pooling(module)
    assert list(module)[:-1] == kept
    assert type(module[-1][0]) is PairPool2d


@torch.no_grad()
def test_a_network_scores_as_it_did():
    module = Cnn().build((1, 28, 28), 10)
    for parameter in module.parameters():
        parameter.normal_(0.0, 0.1, generator=torch.Generator().manual_seed(1))
    expected = module(images(3, 28))
    quicken_pooling(module)
    assert sum(type(layer) is PairPool2d for layer in module) == 2
    assert torch.equal(module(images(3, 28)), expected)
