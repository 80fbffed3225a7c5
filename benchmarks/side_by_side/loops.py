"""The same experiments without an engine: the shortest federated loops one would write in PyTorch.

Same clients, records, starting weights, cohorts, batches and test records, and an evaluation each round. One module
serves every client: it is loaded with the global weights, so nothing is copied that need not be.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from opacus import PrivacyEngine
from torch.utils.data import DataLoader, TensorDataset

from privacy.guarantees import DpSgd
from scenarios import models
from scenarios.datasets.dataset import Labels
from scenarios.records import appearances_of, records_of
from scenarios.schema import Scenario
from scenarios.seeds import stream, torch_stream
from server.rounds import planning

TEST_BATCH = 250

Batch = torch.Tensor
"""Positions in a client's records, int64[n]."""


@dataclass(frozen=True)
class Setting:
    """An experiment in torch's hands, all that can be done before the first round already done.

    `start` are the starting weights, `clients` each client's inputs and labels, `rounds` who trains and, for each of
    them, the batches: those that the scenario's own clients draw.
    """

    scenario: Scenario
    module: torch.nn.Module
    start: list[torch.Tensor]
    clients: list[tuple[torch.Tensor, torch.Tensor]]
    test: tuple[torch.Tensor, torch.Tensor]
    rounds: list[dict[int, list[Batch]]]

    def accuracy(self) -> float:
        """Of the module on the test records, in batches: all at once takes a convolutional network longer."""
        correct, (inputs, labels) = 0, self.test
        with torch.no_grad():
            for some, theirs in zip(torch.split(inputs, TEST_BATCH), torch.split(labels, TEST_BATCH), strict=True):
                correct += int((self.module(some).argmax(1) == theirs).sum())
        return correct / len(labels)


def set_up(scenario: Scenario) -> Setting:
    """Cut the records into tensors, draw the starting weights, the cohorts and the batches."""
    records, features = records_of(scenario), appearances_of(scenario).features
    module = scenario.model.build(features.shape[1:], len(records.dataset.classes))
    models.initialise(module, torch_stream(scenario.seed, "model"))

    def tensors(chosen: Labels) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.from_numpy(features[chosen]), torch.from_numpy(records.dataset.labels[chosen])

    return Setting(
        scenario=scenario,
        module=module,
        start=[parameter.detach().clone() for parameter in module.parameters()],
        clients=[tensors(own) for own in records.division.train],
        test=tensors(records.division.test),
        rounds=list(_rounds(scenario)),
    )


def federated(setting: Setting) -> float:
    """Federated averaging, each client's training plain or with a fresh PrivacyEngine; returns the last accuracy."""
    parameters, weights, accuracy = list(setting.module.parameters()), setting.start, 0.0
    private = isinstance(setting.scenario.privacy, DpSgd)
    noise = torch.Generator().manual_seed(setting.scenario.seed)
    for round_ in setting.rounds:
        total = sum(len(setting.clients[client][1]) for client in round_)
        averaged = [torch.zeros_like(weight) for weight in weights]
        for client, batches in round_.items():
            _load(parameters, weights)
            if private:
                _train_privately(setting, client, noise)
            else:
                _train(setting, client, batches)
            with torch.no_grad():
                for sum_, parameter in zip(averaged, parameters, strict=True):
                    sum_.add_(parameter, alpha=len(setting.clients[client][1]) / total)
        weights = averaged
        _load(parameters, weights)
        accuracy = setting.accuracy()
    return accuracy


def one_model(setting: Setting) -> float:
    """The floor: one model sees the samples of each step of the whole cohort as one batch; nothing is federated."""
    scenario, accuracy = setting.scenario, 0.0
    _load(list(setting.module.parameters()), setting.start)
    optimizer = torch.optim.SGD(setting.module.parameters(), lr=scenario.training.learning_rate)
    for round_ in setting.rounds:
        inputs = torch.cat([setting.clients[client][0] for client in round_])
        labels = torch.cat([setting.clients[client][1] for client in round_])
        size = scenario.training.batch_size * len(round_)
        for some, theirs in zip(torch.split(inputs, size), torch.split(labels, size), strict=True):
            _step(setting.module, optimizer, some, theirs)
        accuracy = setting.accuracy()
    return accuracy


def _rounds(scenario: Scenario) -> Iterator[dict[int, list[Batch]]]:
    outlook, training = planning.outlook_of(scenario), scenario.training
    for round_ in range(1, scenario.federation.rounds + 1):
        drawn = {}
        for client, work in outlook.cohort(round_, "train").items():
            rng = stream(scenario.seed, "client", client, "round", round_, "batches")
            orders = [torch.from_numpy(rng.permutation(work.records)) for _ in range(training.epochs)]
            drawn[client] = [batch for order in orders for batch in torch.split(order, training.batch_size)]
        yield drawn


def _load(parameters: list[torch.nn.Parameter], weights: list[torch.Tensor]) -> None:
    with torch.no_grad():
        for parameter, weight in zip(parameters, weights, strict=True):
            parameter.copy_(weight)


def _train(setting: Setting, client: int, batches: list[Batch]) -> None:
    inputs, labels = setting.clients[client]
    optimizer = torch.optim.SGD(setting.module.parameters(), lr=setting.scenario.training.learning_rate)
    for chosen in batches:
        _step(setting.module, optimizer, inputs[chosen], labels[chosen])


def _step(
    module: torch.nn.Module, optimizer: torch.optim.Optimizer, inputs: torch.Tensor, labels: torch.Tensor
) -> None:
    optimizer.zero_grad()
    torch.autograd.backward(torch.nn.functional.cross_entropy(module(inputs), labels))
    optimizer.step()


def _train_privately(setting: Setting, client: int, noise: torch.Generator) -> None:
    """One epoch as Opacus' documentation has it; the hooks come off the shared module afterwards."""
    privacy, training = setting.scenario.privacy, setting.scenario.training
    assert isinstance(privacy, DpSgd)
    assert privacy.noise_multiplier is not None
    private, optimizer, loader = PrivacyEngine().make_private(
        module=setting.module,
        optimizer=torch.optim.SGD(setting.module.parameters(), lr=training.learning_rate),
        data_loader=DataLoader(TensorDataset(*setting.clients[client]), batch_size=training.batch_size),
        noise_multiplier=privacy.noise_multiplier,
        max_grad_norm=privacy.clip_norm,
        noise_generator=noise,
    )
    for inputs, labels in loader:
        _step(private, optimizer, inputs, labels)
    private.to_standard_module()
