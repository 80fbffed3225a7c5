"""The experiment on BlazeFL: its own FedAvg with the trainer that takes clients one after another in one process."""

import os

os.environ["TQDM_DISABLE"] = "1"  # its progress bars are read when tqdm is imported

import torch
from blazefl.contrib import FedAvgBaseClientTrainer, FedAvgBaseServerHandler
from blazefl.contrib.fedavg import FedAvgPartitionType
from serving import Case, serve
from torch.utils.data import DataLoader, TensorDataset


class Models:
    """Builds the case's module whatever the name."""

    def __init__(self, case: Case) -> None:
        self._case = case

    def select_model(self, model_name: str) -> torch.nn.Module:
        """A module with the starting weights."""
        return self._case.build()


class Records:
    """Each client's records, and the test set."""

    def __init__(self, case: Case) -> None:
        self._case = case

    def get_dataset(self, type_: FedAvgPartitionType, cid: int | None) -> TensorDataset:
        """The records of a client, or the test set."""
        test = type_ == FedAvgPartitionType.TEST or cid is None
        return TensorDataset(*(self._case.test if test else self._case.clients[cid]))

    def get_dataloader(
        self, type_: FedAvgPartitionType, cid: int | None, batch_size: int | None, generator: torch.Generator | None
    ) -> DataLoader:
        """A loader of them: shuffled for training, in order for testing."""
        dataset = self.get_dataset(type_, cid)
        if type_ == FedAvgPartitionType.TEST:
            return DataLoader(dataset, batch_size=self._case.test_batch)
        return DataLoader(dataset, batch_size=batch_size, shuffle=True, generator=generator)


def play(case: Case) -> float:
    """One whole simulation; returns the accuracy after the last round."""
    common = {"model_selector": Models(case), "model_name": case.model, "dataset": Records(case), "seed": 7}
    common |= {"device": "cpu", "num_clients": len(case.clients), "batch_size": case.batch_size}
    server = FedAvgBaseServerHandler(
        **common, global_round=case.rounds, sample_ratio=case.cohort / len(case.clients)
    )  # fmt: skip
    trainer = FedAvgBaseClientTrainer(**common, epochs=1, lr=case.learning_rate)
    summary: dict[str, float] = {}
    while not server.if_stop():
        trainer.local_process(server.downlink_package(), server.sample_clients())
        for package in trainer.uplink_package():
            server.load(package)
        summary = server.get_summary()
    return summary["server_acc"]


if __name__ == "__main__":
    serve(play)
