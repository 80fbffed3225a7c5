"""The half of a comparison that runs in another framework's own environment: torch is all it may import.

A program is started with an archive written by `benchmarks/peers.py`, says when it is ready, and then plays the whole
experiment once for every line that it reads, answering with its seconds and its accuracy as JSON.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Case:
    """An experiment: settings as numbers, starting weights, each client's inputs and labels, the test set."""

    model: str
    rounds: int
    cohort: int
    batch_size: int
    learning_rate: float
    start: torch.Tensor
    clients: list[tuple[torch.Tensor, torch.Tensor]]
    test: tuple[torch.Tensor, torch.Tensor]
    test_batch: int

    def build(self) -> torch.nn.Sequential:
        """The module with its starting weights."""
        module = _MODULES[self.model]()
        torch.nn.utils.vector_to_parameters(self.start, module.parameters())
        return module


def serve(play: Callable[[Case], float]) -> None:
    """Answer until the input ends; `play` runs the experiment from its start and returns its last accuracy."""
    torch.set_num_threads(1)
    case = Case(**torch.load(sys.argv[1], weights_only=True))
    answers, sys.stdout = sys.stdout, sys.stderr
    print("ready", file=answers, flush=True)
    for _ in sys.stdin:
        begun = time.perf_counter()
        accuracy = play(case)
        print(json.dumps([time.perf_counter() - begun, accuracy]), file=answers, flush=True)


def _mlp() -> torch.nn.Sequential:
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(784, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)
    )  # fmt: skip


def _cnn() -> torch.nn.Sequential:
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 8, 2, padding=3),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2, 1),
        torch.nn.Conv2d(16, 32, 4, 2),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2, 1),
        torch.nn.Flatten(),
        torch.nn.Linear(512, 32),
        torch.nn.ReLU(),
        torch.nn.Linear(32, 10),
    )


_MODULES = {"mlp": _mlp, "cnn": _cnn}
