"""How much faster a cohort trains than a bare PyTorch loop and than a fresh Opacus engine for every client.

    python benchmarks/cohort_kernel.py [--repeats 7] [--json FILE]

One round of local training on 5,000 MNIST digits, one thread, everything side by side in one process; a figure is the
median over the repeats, a ratio the median of the ratios within a repeat.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from opacus import PrivacyEngine
from torch.utils.data import DataLoader, TensorDataset

from clients import training
from clients.jobs import Job
from privacy.steps import PrivateSteps, planned_sampling
from privacy.view import Vector
from scenarios import models
from scenarios.datasets.mnist5k import Mnist5k
from scenarios.models import AnyModel, Cnn, Hog, Mlp
from scenarios.schema import Training

RECORDS = 40
BATCH = 10
CASES: list[tuple[str, AnyModel, int, bool]] = [
    ("MLP", Mlp(), 100, False),
    ("CNN", Cnn(), 10, False),
    ("logistic on HOG", Hog(), 100, False),
    ("MLP, DP", Mlp(), 100, True),
    ("CNN, DP", Cnn(), 10, True),
    ("logistic on HOG, DP", Hog(), 100, True),
]


def jobs_of(model: AnyModel, clients: int, private: bool) -> list[Job]:
    """One job a client, each with its own forty records."""
    dataset = Mnist5k().load()
    features = models.prepared(model, dataset)
    order = np.random.default_rng(1).permutation(len(dataset)).astype(np.int64)
    module = model.build(features.shape[1:], 10)
    models.initialise(module, torch.Generator().manual_seed(1))
    settings = Training(epochs=1, batch_size=BATCH, learning_rate=0.1)
    rate, steps = planned_sampling(RECORDS, BATCH, 1)
    plan = PrivateSteps("all", steps, rate, 1.0, 1.0, 0.1, 0.0) if private else None
    return [
        Job(
            seed=1,
            client=client,
            round=1,
            model=model,
            classes=10,
            start=models.parameters_of(module),
            features=features,
            labels=dataset.labels,
            records=np.sort(order[client * RECORDS : (client + 1) * RECORDS]),
            training=settings,
            private=plan,
        )
        for client in range(clients)
    ]


def bare_loop(jobs: list[Job]) -> list[Vector]:
    """A module and an optimiser for each client, nothing else."""
    updates = []
    for job in jobs:
        module = job.model.build(job.features.shape[1:], job.classes)
        models.assign_parameters(module, job.start)
        inputs, labels = torch.from_numpy(job.features[job.records]), torch.from_numpy(job.labels[job.records])
        optimizer = torch.optim.SGD(module.parameters(), lr=job.training.learning_rate)
        order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(job.client))
        for chosen in torch.split(order, job.training.batch_size):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(module(inputs[chosen]), labels[chosen]).backward()
            optimizer.step()
        updates.append(models.parameters_of(module) - job.start)
    return updates


def opacus_engines(jobs: list[Job]) -> list[Vector]:
    """A fresh PrivacyEngine for each client, as its documentation has it."""
    updates = []
    for job in jobs:
        assert job.private is not None
        module = job.model.build(job.features.shape[1:], job.classes)
        models.assign_parameters(module, job.start)
        data = TensorDataset(torch.from_numpy(job.features[job.records]), torch.from_numpy(job.labels[job.records]))
        optimizer = torch.optim.SGD(module.parameters(), lr=job.private.learning_rate)
        private, noisy, loader = PrivacyEngine().make_private(
            module=module,
            optimizer=optimizer,
            data_loader=DataLoader(data, batch_size=job.training.batch_size),
            noise_multiplier=job.private.noise_multiplier,
            max_grad_norm=job.private.clip_norm,
            noise_generator=torch.Generator().manual_seed(job.client),
        )
        for inputs, labels in loader:
            noisy.zero_grad()
            torch.nn.functional.cross_entropy(private(inputs), labels).backward()
            noisy.step()
        updates.append(models.parameters_of(module) - job.start)
    return updates


def seconds(work: Callable[[list[Job]], list[Vector]], jobs: list[Job]) -> float:
    """How long the work takes."""
    begun = time.perf_counter()
    work(jobs)
    return time.perf_counter() - begun


def measure(model: AnyModel, clients: int, private: bool, repeats: int) -> dict[str, float]:
    """Medians in milliseconds and the median ratio of one case."""
    jobs = jobs_of(model, clients, private)
    reference = opacus_engines if private else bare_loop
    training.train(jobs), reference(jobs[:2])
    pairs = [(seconds(training.train, jobs), seconds(reference, jobs)) for _ in range(repeats)]
    return {
        "cohort_ms": 1e3 * statistics.median(cohort for cohort, _ in pairs),
        "reference_ms": 1e3 * statistics.median(other for _, other in pairs),
        "ratio": statistics.median(other / cohort for cohort, other in pairs),
    }


def main() -> None:
    """Print the table; write it as JSON where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = {}
    print(f"{'one round':<22} {'clients':>7} {'cohort':>10} {'reference':>10} {'ratio':>6}")
    for name, model, clients, private in CASES:
        row = measure(model, clients, private, options.repeats)
        found[name] = row
        reference = "Opacus" if private else "loop"
        times = f"{row['cohort_ms']:>7.1f} ms {row['reference_ms']:>7.1f} ms"
        print(f"{name:<22} {clients:>7} {times} {row['ratio']:>6.2f} x ({reference})", flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
