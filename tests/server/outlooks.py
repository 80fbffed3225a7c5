"""Scenarios with made-up holdings for the tests of planning: no data set is loaded."""

import itertools

import numpy as np

from scenarios.schema import Scenario
from scenarios.segments import WHOLE_LIFE, holding
from server.rounds.planning import Outlook


def scenario(**tables):
    """Four clients, six rounds, batches of fifty; tables replace those."""
    base = {
        "format": 1,
        "name": "planned",
        "seed": 5,
        "data": {"dataset": "digits"},
        "model": "logistic",
        "federation": {"clients": 4, "rounds": 6},
        "training": {"batch_size": 50, "epochs": 1},
    }
    return Scenario.model_validate({**base, **tables})


def outlook(planned, sizes=(100, 100, 100, 700)):
    """Each client holds one segment of so many records."""
    return segmented(planned, *([(WHOLE_LIFE, 1, size)] for size in sizes))


def segmented(planned, *clients):
    """Each client holds the segments that are listed for it as (name, experience, size)."""
    begins = itertools.count(0, 100_000)
    return Outlook(
        planned,
        tuple(
            tuple(
                holding(name, experience, False, next(begins) + np.arange(size)) for name, experience, size in segments
            )
            for segments in clients
        ),
    )
