"""A client's replay memory: how many records it keeps, which, and for how long."""

import itertools

import numpy as np
import pytest
from flwr.app import RecordDict
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.memory import Memory, recall, remember
from clients.replay import brought_up_to_date
from scenarios.schema import Scenario
from scenarios.segments import Segment, holding

LABELS = np.arange(10_000) % 4
PRIVATE = {"kind": "dp-sgd", "noise_multiplier": 1.0}


def scenario(memory=200, selection="reservoir", privacy="none", seed=5):
    return Scenario.model_validate(
        {
            "format": 1,
            "name": "replayed",
            "seed": seed,
            "data": {"dataset": "digits"},
            "model": "logistic",
            "federation": {"clients": 2, "rounds": 10},
            "stream": {"kind": "data-incremental", "experiences": 5, "rounds_per_experience": 2},
            "learner": {"kind": "replay", "memory": memory, "selection": selection},
            "privacy": privacy,
        }
    )


def segment(number, size=1000, begin=None):
    begin = 1000 * number if begin is None else begin
    return holding(f"increment {number}", number, False, np.arange(begin, begin + size))


def kept_of(planned, *past, before=None, labels=LABELS):
    return brought_up_to_date(planned, 0, before or {}, past, labels)


def count(kept):
    return sum(len(records) for records in kept.values())


def lived_through(planned, experiences):
    """The memory after each of the experiences, the next segment taken in each time."""
    kept, seen = {}, []
    for number in range(1, experiences + 1):
        kept = kept_of(planned, *(segment(earlier) for earlier in range(1, number + 1)), before=kept)
        seen.append(kept)
    return seen


def test_a_reservoir_keeps_exactly_as_many_as_the_memory_holds():
    assert [count(kept) for kept in lived_through(scenario(200), 4)] == [200] * 4


def test_a_memory_that_is_not_full_keeps_everything():
    kept = kept_of(scenario(200), segment(1, 150))
    assert kept["increment 1"].tolist() == segment(1, 150).records.tolist()


def test_every_segment_has_its_share_of_a_reservoir():
    # Of 4,000 records 200 are kept: 50 a segment, with a standard deviation of sqrt(200 * 1/4 * 3/4) = 6.
    last = lived_through(scenario(200), 4)[-1]
    assert all(abs(len(records) - 50) < 5 * 6.2 for records in last.values())


def test_every_record_is_kept_as_often_as_any_other():
    # 400 seeds keep 20 of 100 each, by two steps: each record about 80 times, with a standard deviation of 8.
    times = np.zeros(100)
    for seed in range(400):
        planned = scenario(20, seed=seed)
        first, second = segment(1, 60, begin=0), segment(2, 40, begin=60)
        before = kept_of(planned, first)
        for records in kept_of(planned, first, second, before=before).values():
            times[records] += 1
    assert times.sum() == 400 * 20
    assert abs(times[:60].mean() - times[60:].mean()) < 4
    assert 45 < times.min() <= times.max() < 115


def test_a_balanced_memory_has_as_many_of_each_class():
    labels = np.where(np.arange(10_000) % 10 == 0, 1, 0)  # nine zeros for each one
    kept = kept_of(scenario(100, "class-balanced"), segment(1), labels=labels)
    assert np.bincount(labels[kept["increment 1"]]).tolist() == [50, 50]


def test_what_a_rare_class_leaves_goes_to_the_others():
    labels = np.where(np.arange(10_000) % 100 == 0, 1, 0)  # ten ones in a thousand
    kept = kept_of(scenario(100, "class-balanced"), segment(1), labels=labels)
    assert np.bincount(labels[kept["increment 1"]]).tolist() == [90, 10]


def test_a_private_memory_holds_so_many_on_average():
    # 1,000 coins of 1/5: 200 with a standard deviation of 12.6.
    counts = [count(kept_of(scenario(200, privacy=PRIVATE, seed=seed), segment(1))) for seed in range(50)]
    assert abs(np.mean(counts) - 200) < 5 * 12.65 / 50**0.5
    assert len(set(counts)) > 10


def test_a_record_that_has_fallen_out_never_comes_back():
    for privacy in ("none", PRIVATE):
        memories = lived_through(scenario(200, privacy=privacy), 5)
        for before, after in itertools.pairwise(memories):
            assert all(set(after[name]) <= set(records) for name, records in before.items())


def test_an_unlearned_segment_falls_out_and_makes_no_fallen_record_come_back():
    for privacy in ("none", PRIVATE):
        planned = scenario(200, privacy=privacy)
        before = lived_through(planned, 3)[-1]
        after = kept_of(planned, segment(1), segment(3), before=before)
        assert list(after) == ["increment 1", "increment 3"]
        assert all(set(after[name]) <= set(before[name]) for name in after)


def test_where_everything_is_unlearned_nothing_is_kept():
    planned = scenario(200)
    assert kept_of(planned, before=kept_of(planned, segment(1))) == {}


def test_asked_again_the_memory_stays_as_it_is():
    before = kept_of(scenario(200), segment(1), segment(2))
    assert kept_of(scenario(200), segment(1), segment(2), before=before) is before


def test_clients_and_segments_draw_apart():
    planned, one = scenario(200), segment(1)
    mine, theirs = (brought_up_to_date(planned, client, {}, [one], LABELS) for client in (0, 1))
    assert set(mine["increment 1"]) != set(theirs["increment 1"])


@given(st.integers(0, 999), st.integers(1, 900), st.integers(0, 2**32), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_under_dp_one_records_presence_never_decides_about_another(place, memory, seed, experiences):
    planned = scenario(memory, privacy=PRIVATE, seed=seed)
    first = segment(1)
    without = Segment(first.name, 1, False, first.size, np.delete(first.records, place))
    one, other = {}, {}
    for number in range(1, experiences + 1):
        later = [segment(earlier) for earlier in range(2, number + 1)]
        one, other = kept_of(planned, first, *later, before=one), kept_of(planned, without, *later, before=other)
    apart = [set(one[name]) ^ set(other[name]) for name in one]
    assert set().union(*apart) <= {int(first.records[place])}


@pytest.mark.parametrize("records", [[], [3, 1, 2]])
def test_a_memory_survives_the_clients_state(records):
    state, kept = RecordDict(), {"classes 0, 1": np.array(records, np.int64)}
    remember(state, Memory(replay=kept, round=3, done=("train", "consolidate")))
    back = recall(state)
    assert back.replay["classes 0, 1"].tolist() == records
    assert (back.round, back.done) == (3, ("train", "consolidate"))
