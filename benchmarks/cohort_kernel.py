"""How much faster a cohort trains than a bare PyTorch loop and than a fresh Opacus engine for every client.

    python benchmarks/cohort_kernel.py [--quick] [--repeats N] [--json FILE]

One round of local training on 5,000 MNIST digits, one thread, everything side by side in one process; a figure is the
median over the repeats, a ratio the median of the ratios within a repeat.
"""

import numpy as np
import torch
from opacus import PrivacyEngine
from side_by_side import timing
from torch.utils.data import DataLoader, TensorDataset

from clients import training
from clients.jobs import Job
from privacy.ledger import Charge
from privacy.steps import MECHANISM, PrivateSteps, planned_sampling
from privacy.view import Vector
from scenarios import models
from scenarios.datasets.mnist5k import Mnist5k
from scenarios.models import AnyModel, Cnn, Hog, Mlp
from scenarios.schema import Training

RECORDS = 40
BATCH = 10
WIDTHS = [22, 7, 10, 10, 7, 8]
CASES: list[tuple[str, AnyModel, int, bool]] = [
    ("MLP", Mlp(), 100, False),
    ("CNN", Cnn(activation="relu"), 10, False),
    ("logistic on HOG", Hog(), 100, False),
    ("MLP, DP", Mlp(), 100, True),
    ("CNN, DP", Cnn(activation="relu"), 10, True),
    ("logistic on HOG, DP", Hog(), 100, True),
]


def jobs_of(model: AnyModel, clients: int, private: bool) -> list[Job]:
    """One job a client, each with its own forty records."""
    dataset = Mnist5k().load()
    features = models.prepared(model, dataset)
    order = np.random.default_rng(1).permutation(len(dataset)).astype(np.int64)
    module = model.build(features.shape[1:], 10)
    models.initialise(module, torch.Generator().manual_seed(1))
    start = models.parameters_of(module)  # one array for all, as a round's model is
    settings = Training(epochs=1, batch_size=BATCH, learning_rate=0.1)
    rate, steps = planned_sampling(RECORDS, BATCH, 1)
    charge = Charge("all", MECHANISM, 1.0, rate, steps)
    plan = PrivateSteps((charge,), steps, 1.0, 1.0, 0.1, 0.0) if private else None
    return [
        Job(
            seed=1,
            client=client,
            round=1,
            model=model,
            classes=10,
            start=start,
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


def measure(model: AnyModel, clients: int, private: bool, repeats: int) -> dict[str, float]:
    """Medians in milliseconds and the median ratio of one case."""
    jobs = jobs_of(model, clients, private)
    reference = opacus_engines if private else bare_loop
    training.train(jobs), reference(jobs[:2])
    seconds = timing.alternate(
        {"cohort": timing.timed(lambda: training.train(jobs)), "reference": timing.timed(lambda: reference(jobs))},
        repeats,
    )
    return {
        **{f"{side}_ms": 1e3 * value for side, value in timing.medians(seconds).items()},
        "ratio": timing.ratio(seconds, "reference", "cohort"),
    }


def main() -> None:
    """Print the table and write the figures."""
    options = timing.options_of(timing.parser("cohort_kernel", __doc__ or "", repeats=7).parse_args())
    timing.use_cores(1)
    found: dict[str, object] = {}
    timing.print_row(["one round", "clients", "cohort", "reference", "ratio", ""], WIDTHS)
    for name, model, clients, private in CASES:
        row = measure(model, clients, private, options.repeats)
        found[name] = row
        times = [f"{row[side]:.1f} ms" for side in ("cohort_ms", "reference_ms")]
        reference = "(Opacus)" if private else "(loop)"
        timing.print_row([name, clients, *times, f"{row['ratio']:.2f} x", reference], WIDTHS)
    timing.write(options.json, found)


if __name__ == "__main__":
    main()
