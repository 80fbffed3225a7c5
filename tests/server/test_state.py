"""What the server goes on with: late updates, kept states, and all of it as named arrays."""

import numpy as np
import pytest

from privacy.view import Contribution, View
from server.rounds.state import Late, State, held_back, with_late
from server.rules import fedavg


def view(round_=4, **updates):
    """What was seen of each client as (weight, update): `c0=(0.5, [1.0, 2.0])`."""
    told = {int(name[1:]): (weight, np.array(values, np.float32)) for name, (weight, values) in updates.items()}
    return View(
        round_,
        total=sum((weight * update.astype(np.float64) for weight, update in told.values()), np.zeros(2)),
        contributions=tuple(Contribution(client, weight, 100) for client, (weight, _) in told.items()),
        updates={client: update for client, (_, update) in told.items()},
    )


THREE = view(c0=(0.5, [1.0, 2.0]), c1=(0.25, [8.0, -4.0]), c2=(0.25, [0.0, 4.0]))


def test_a_late_update_is_not_in_the_sum():
    seen, [late] = held_back(THREE, {1: 3})
    assert seen.total.tolist() == [0.5, 2.0]
    assert [one.client for one in seen.contributions] == [0, 2]
    assert set(seen.updates) == {0, 2}
    assert (late.due, late.sent, late.client, late.update.tolist()) == (7, 4, 1, [8.0, -4.0])


def test_without_delays_a_view_stays_as_it_is():
    assert held_back(THREE, {}) == (THREE, ())


def test_a_client_that_is_late_and_did_not_answer_brings_nothing():
    seen, late = held_back(view(c0=(0.5, [1.0, 2.0])), {1: 3})
    assert seen.total.tolist() == [0.5, 1.0]
    assert late == ()


def test_an_update_that_comes_three_rounds_late_enters_with_half_its_weight():
    late = Late(7, 4, 1, np.array([8.0, -4.0], np.float32))
    seen = with_late(view(7, c0=(0.75, [1.0, 2.0])), {late: 0.25})
    assert seen.total.tolist() == [0.75 + 0.125 * 8.0, 1.5 - 0.125 * 4.0]
    assert [(one.client, one.weight) for one in seen.contributions] == [(0, 0.75), (1, 0.125)]


def test_the_mean_is_over_the_discounted_weights():
    late = Late(7, 4, 1, np.array([8.0, 8.0], np.float32))
    seen = with_late(view(7, c0=(0.375, [4.0, 0.0])), {late: 0.25})
    # (0.375 * 4 + 0.125 * 8) / 0.5 and (0.375 * 0 + 0.125 * 8) / 0.5
    assert fedavg.apply(np.zeros(2, np.float32), seen).tolist() == [5.0, 2.0]


def test_where_everybody_is_late_the_model_waits():
    seen, late = held_back(THREE, {0: 1, 1: 1, 2: 1})
    assert len(late) == 3
    assert fedavg.apply(np.array([7.0, 7.0], np.float32), seen).tolist() == [7.0, 7.0]


def test_a_kept_state_comes_back_with_what_the_learner_kept_and_without_late_updates():
    early = State(np.zeros(2, np.float32), {"teacher": np.ones(2, np.float32)}).keep(3)
    late = Late(9, 8, 1, np.ones(2, np.float32))
    now = State(np.full(2, 9.0, np.float32), {}, (late,), early.kept)
    back = now.back_to(3)
    assert back.model.tolist() == [0.0, 0.0]
    assert back.learned["teacher"].tolist() == [1.0, 1.0]
    assert back.late == ()
    assert set(back.kept) == {3}


def test_a_state_that_was_never_kept_is_not_made_up():
    with pytest.raises(KeyError):
        State(np.zeros(2, np.float32)).back_to(3)


def test_a_state_survives_a_checkpoint():
    state = State(
        np.arange(2, dtype=np.float32),
        {"statistics": np.array([0.1, 0.2])},
        (Late(9, 8, 1, np.ones(2, np.float32)),),
    ).keep(3)
    back = State.from_arrays(state.to_arrays())
    assert back.to_arrays().keys() == state.to_arrays().keys()
    assert all(np.array_equal(back.to_arrays()[name], array) for name, array in state.to_arrays().items())
    assert back.learned["statistics"].dtype == np.float64
    assert back.kept[3].learned["statistics"].tolist() == [0.1, 0.2]


def test_late_updates_come_back_in_the_order_in_which_they_are_added():
    # As texts, round 10 sorts before round 9 and client 10 before client 2: float sums would have other bits.
    sent = [(9, 2), (9, 10), (10, 1)]
    late = tuple(Late(12, round_, client, np.zeros(2, np.float32)) for round_, client in sent)
    back = State.from_arrays(State(np.zeros(2, np.float32), late=late).to_arrays())
    assert [(one.sent, one.client) for one in back.late] == sent
