"""How records are seen in the course of a run, record by record."""

import itertools

import numpy as np
import pytest
from timelines import BACKDOOR, event, scenario

from privacy.errors import ScenarioError
from scenarios.concepts import AS_IT_IS, Appearances
from scenarios.datasets import Digits, load
from scenarios.division import divide
from scenarios.timeline import world_at

DIGITS = load(Digits())
COUNT = len(DIGITS)
ALL = np.arange(COUNT)
INVERSION = {"kind": "inversion"}


def appearances(planned):
    return Appearances(planned, DIGITS, divide(planned, DIGITS).experiences)


def shifted(planned, round_, client=None):
    """bool[n]: which records are seen otherwise than they are."""
    return appearances(planned).seen(ALL, world_at(planned, round_), client) != ALL


def test_without_events_a_row_is_a_record():
    assert not shifted(scenario(), 1, 0).any()


def test_a_sudden_drift_is_of_every_record_and_of_the_test_records():
    planned = scenario(event("drift", 5, shift=INVERSION))
    assert [bool(shifted(planned, round_, client).any()) for round_ in (4, 5) for client in (0, None)] == [
        False,
        False,
        True,
        True,
    ]
    assert shifted(planned, 5, 0).all()


def test_a_drifted_record_is_the_shifted_one():
    planned = scenario(event("drift", 5, shift=INVERSION))
    found = appearances(planned)
    rows = found.seen(ALL[:10], world_at(planned, 5), 0)
    assert np.allclose(found.features[rows], 1 - found.features[ALL[:10]])
    assert np.array_equal(found.labels[rows], DIGITS.labels[:10])


def test_a_gradual_drift_only_adds_to_what_has_drifted():
    planned = scenario(event("drift", 1, until=4, pattern="gradual", shift=INVERSION))
    seen = [shifted(planned, round_, 0) for round_ in (1, 2, 3, 4)]
    assert [float(one.mean()) for one in seen] == pytest.approx([0.25, 0.5, 0.75, 1.0], abs=0.05)
    assert all(((later | earlier) == later).all() for earlier, later in itertools.pairwise(seen))


def test_only_the_clients_of_a_drift_see_it_and_the_test_records_in_their_share():
    planned = scenario(event("drift", 5, clients=[1], shift=INVERSION))
    assert not shifted(planned, 5, 0).any()
    assert shifted(planned, 5, 1).all()
    assert abs(shifted(planned, 5).mean() - 0.25) < 0.05


def test_the_test_records_follow_the_clients_that_are_there():
    planned = scenario(event("drift", 5, clients=[1], shift=INVERSION), event("leave", 7, clients=[2, 3]))
    assert abs(shifted(planned, 7).mean() - 0.5) < 0.06


def test_poison_is_of_the_share_of_the_hostile_clients_records():
    planned = scenario(event("poison", 5, clients=[1], attack=BACKDOOR, share=0.5))
    assert not shifted(planned, 5, 0).any()
    assert not shifted(planned, 5, None).any()
    hostile = shifted(planned, 5, 1)
    assert abs(hostile.mean() - 0.5) < 0.05
    found = appearances(planned)
    rows = found.seen(ALL, world_at(planned, 5), 1)
    assert set(found.labels[rows[hostile]]) == {0}


def test_a_domain_is_seen_shifted_from_its_experience_on_and_the_first_as_it_is():
    stream = {"kind": "domain-incremental", "transform": "rotation", "experiences": 2, "rounds_per_experience": 5}
    planned = scenario(stream=stream)
    found = appearances(planned)
    other = found.rows(ALL, AS_IT_IS) != ALL
    assert np.array_equal(other, found.experiences.of == 2)


def test_two_drifts_follow_one_another():
    planned = scenario(event("drift", 2, shift=INVERSION), event("drift", 4, shift={"kind": "labels"}))
    found = appearances(planned)
    rows = found.seen(ALL[:10], world_at(planned, 4), 0)
    assert np.allclose(found.features[rows], 1 - found.features[ALL[:10]])
    assert np.array_equal(found.labels[rows], (DIGITS.labels[:10] + 1) % 10)


def test_more_ways_of_seeing_than_memory_holds_are_refused():
    drifts = [event("drift", at, shift=INVERSION) for at in range(1, 8)]  # 2^7 combinations
    with pytest.raises(ScenarioError, match="128 ways; at most 64"):
        appearances(scenario(*drifts))
