"""An attacker on a run's updates: which attack fits the model, and how close what it rebuilds comes to the records."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from privacy.audits import inversion, likeness
from privacy.audits.inversion import Floats
from scenarios import models
from scenarios.datasets.dataset import Inputs, Labels
from scenarios.records import appearances_of, records_of, untrained
from scenarios.schema import Scenario
from scenarios.threads import one_thread

ANALYTIC = "reading off the first layer (IACR 2017/715)"
MATCHING = "a search for records with such a gradient (arXiv 2001.02610, 2003.14053)"

RECOGNISABLE_DB = 20.0
"""From here on a rebuilt digit is read at a glance: it is off by a tenth of the range, root mean square."""

_MOST_SOUGHT = 8
"""So many records at most are searched for at once: more take minutes and come out as fog."""


@dataclass(frozen=True, eq=False)
class Match:
    """A record and the rebuilt one that is most like it, each float64[...] of the record's shape in 0..1."""

    true: Floats
    rebuilt: Floats
    label: str
    psnr: float
    ssim: float | None


@dataclass(frozen=True, eq=False)
class Inverted:
    """What became of one update: the matches of the records that came out best, best first.

    `psnr` float64[n] is that of every record, `blind` of every record and a guess that needs no update, the mean of the
    held-out records. `strangers` is what as many held-out records have, of which nothing is in the update: so like any
    record is something of all that was rebuilt, by chance. `labels_found` is the share of the records whose label was
    told, counted class by class, and `labels_blind` what the classes' shares of the held-out records tell.
    """

    attack: str
    best: tuple[Match, ...]
    psnr: Floats
    blind: Floats
    strangers: Floats
    labels_found: float
    labels_blind: float

    @property
    def recognised(self) -> npt.NDArray[np.bool_]:
        """Which records come out as well as can be seen, and better than chance makes any stranger's."""
        return np.asarray(self.psnr > max(RECOGNISABLE_DB, float(self.strangers.max())), np.bool_)


@dataclass(frozen=True)
class Attacker:
    """Knows the scenario and so the first round's model, the training settings and the range of the records' values.

    `steps` is how many steps a search takes, `attempts` how often it may begin, `shown` how many matches are kept.
    """

    scenario: Scenario
    steps: int
    attempts: int
    shown: int

    def invert(self, update: Floats, rows: Labels, steps: int, generator: torch.Generator) -> Inverted:
        """Rebuild records from the change of the model, float64[d], in so many steps on as many records as `rows`.

        Which records these are, `rows` of the features, serves for nothing but the comparison.
        """
        appearances, dataset = appearances_of(self.scenario), records_of(self.scenario).dataset
        low, span = _range(dataset.inputs)
        attack, found, labels = self._rebuild(update, len(rows), steps, generator)
        blind = self._blind()
        rebuilt = np.clip((found - low) / span, 0.0, 1.0) if len(found) else blind
        true = (_flat(appearances.features[rows]) - low) / span
        psnr, which = likeness.closest(rebuilt, true)
        shape, actual = appearances.features.shape[1:], appearances.labels[rows]
        held_out = records_of(self.scenario).division.test[: len(rows)]
        strangers = (_flat(dataset.inputs[held_out]) - low) / span
        return Inverted(
            attack=attack,
            best=tuple(
                _match(true[one].reshape(shape), rebuilt[which[one]].reshape(shape), dataset.classes[actual[one]])
                for one in np.argsort(-psnr, kind="stable")[: self.shown]
            ),
            psnr=psnr,
            blind=likeness.closest(blind, true)[0],
            strangers=likeness.closest(rebuilt, strangers)[0],
            labels_found=_overlap(self._counts(labels), self._counts(actual)),
            labels_blind=_overlap(self._expected(len(rows)), self._counts(actual)),
        )

    def _rebuild(
        self, update: Floats, records: int, steps: int, generator: torch.Generator
    ) -> tuple[str, Floats, Labels]:
        """The attack's name, records as it rebuilds them, float64[k, d], and the labels that it tells."""
        module = untrained(self.scenario, self.scenario.seed)
        gradient = (-update / (self.scenario.training.learning_rate * steps)).astype(np.float32)
        arrays = list(models.named_arrays(module, gradient).values())
        labels = inversion.labels_behind(arrays[-1].astype(np.float64), records)
        if _reads_records(module):
            weights, biases = (array.astype(np.float64) for array in arrays[:2])
            return ANALYTIC, inversion.read_off(weights, biases, records), labels
        sought = labels[np.linspace(0, records - 1, min(records, _MOST_SOUGHT)).round().astype(np.int64)]
        shape = appearances_of(self.scenario).features.shape[1:]
        starts = (torch.empty(len(sought), *shape).normal_(generator=generator) for _ in range(self.attempts))
        with one_thread():
            found = inversion.matched(module, [torch.tensor(one) for one in arrays], sought, starts, self.steps)
        return MATCHING, found, labels

    def _blind(self) -> Floats:
        """The mean of the held-out records, float64[1, d] in 0..1: what one who saw no update would say."""
        records = records_of(self.scenario)
        low, span = _range(records.dataset.inputs)
        held_out = _flat(records.dataset.inputs[records.division.test])
        return np.asarray((held_out.mean(0, keepdims=True) - low) / span, np.float64)

    def _counts(self, labels: Labels) -> Floats:
        """How many of each class."""
        return np.bincount(labels, minlength=len(records_of(self.scenario).dataset.classes)).astype(np.float64)

    def _expected(self, records: int) -> Floats:
        """How many of each class so many records have by the held-out ones' shares."""
        known = records_of(self.scenario)
        counts = self._counts(known.dataset.labels[known.division.test])
        return np.asarray(records * counts / counts.sum(), np.float64)


def _overlap(guessed: Floats, actual: Floats) -> float:
    return float(np.minimum(guessed, actual).sum() / actual.sum())


def _reads_records(module: torch.nn.Module) -> bool:
    """Whether the first layer that is trained is fully connected, and has a bias."""
    trained = (part for part in module.modules() if any(True for _ in part.parameters(recurse=False)))
    first = next(trained)
    return isinstance(first, torch.nn.Linear) and first.bias is not None


def _range(inputs: Inputs) -> tuple[float, float]:
    """The smallest value of all records, and how far from it the largest is."""
    low, high = float(inputs.min()), float(inputs.max())
    return low, (high - low) or 1.0


def _flat(inputs: Inputs) -> Floats:
    return inputs.reshape(len(inputs), -1).astype(np.float64)


def _match(true: Floats, rebuilt: Floats, label: str) -> Match:
    """Pictures lose their channels, which the comparison by PSNR does not."""
    psnr = likeness.psnr(rebuilt, true)
    if true.ndim != 3:
        return Match(true, rebuilt, label, psnr, None)
    grey, own = true.mean(0), rebuilt.mean(0)
    return Match(grey, own, label, psnr, likeness.ssim(own, grey))
