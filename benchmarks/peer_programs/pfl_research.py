"""The experiment on pfl-research: FederatedAveraging on a SimulatedBackend, evaluated centrally each round.

Its datasets keep their batches cut, so a client sees the same batches in every round: that is the fastest it offers.
"""

from types import MethodType

import torch
from pfl.aggregate.simulate import SimulatedBackend
from pfl.algorithm.base import NNAlgorithmParams
from pfl.algorithm.federated_averaging import FederatedAveraging
from pfl.callback.central_evaluation import CentralEvaluationCallback
from pfl.data.dataset import Dataset
from pfl.data.federated_dataset import FederatedDataset
from pfl.data.sampling import get_user_sampler
from pfl.hyperparam import NNEvalHyperParams, NNTrainHyperParams
from pfl.metrics import Weighted
from pfl.model.pytorch import PyTorchModel
from serving import Case, serve


def play(case: Case) -> float:
    """One whole simulation; returns the accuracy after the last round."""
    module = case.build()
    module.loss = MethodType(_loss, module)
    module.metrics = MethodType(_metrics, module)
    model = PyTorchModel(module, torch.optim.SGD, torch.optim.SGD(module.parameters(), lr=1.0))
    users = {client: Dataset(list(tensors), user_id=str(client)) for client, tensors in enumerate(case.clients)}
    training = FederatedDataset(users.__getitem__, get_user_sampler("minimize_reuse", list(range(len(users)))))
    test = Dataset(list(case.test))
    evaluation = CentralEvaluationCallback(test, NNEvalHyperParams(local_batch_size=case.test_batch))
    FederatedAveraging().run(
        algorithm_params=NNAlgorithmParams(
            central_num_iterations=case.rounds,
            evaluation_frequency=case.rounds + 1,
            train_cohort_size=case.cohort,
            val_cohort_size=0,
        ),
        backend=SimulatedBackend(training, training),
        model=model,
        model_train_params=NNTrainHyperParams(
            local_num_epochs=1, local_learning_rate=case.learning_rate, local_batch_size=case.batch_size
        ),
        callbacks=[evaluation],
        send_metrics_to_platform=False,
    )
    with torch.no_grad():
        return float((module(case.test[0]).argmax(1) == case.test[1]).float().mean())


def _loss(self: torch.nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.cross_entropy(self(inputs), labels)


@torch.no_grad()
def _metrics(self: torch.nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> dict[str, Weighted]:
    return {"accuracy": Weighted(int((self(inputs).argmax(1) == labels).sum()), len(labels))}


if __name__ == "__main__":
    serve(play)
