import json
from pathlib import Path

import dp_accounting
import pytest
from dp_accounting.pld import PLDAccountant
from hypothesis import given, settings
from hypothesis import strategies as st
from opacus.accountants import RDPAccountant

from privacy import accounting, ledger
from privacy.ledger import Charge

VECTORS = json.loads((Path(__file__).parent / "accounting.json").read_text())["vectors"]


def rows_of(vector):
    return tuple(
        Charge("all", "dp-sgd", row["noise_multiplier"], row["sampling_rate"], row["steps"]) for row in vector["ledger"]
    )


@pytest.mark.parametrize("vector", VECTORS)
def test_rdp_reproduces_the_reference_values(vector):
    assert accounting.epsilon(rows_of(vector), vector["delta"]) == pytest.approx(vector["opacus_rdp"], rel=0.01)


@pytest.mark.parametrize("vector", VECTORS)
def test_prv_reproduces_the_reference_values(vector):
    assert accounting.epsilon(rows_of(vector), vector["delta"], "prv") == pytest.approx(vector["opacus_prv"], rel=0.01)


@pytest.mark.parametrize("vector", VECTORS)
def test_rdp_agrees_with_googles_accountant(vector):
    from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent, SelfComposedDpEvent
    from dp_accounting.rdp import RdpAccountant

    accountant = RdpAccountant(orders=list(accounting.ORDERS))
    for row in rows_of(vector):
        step = PoissonSampledDpEvent(row.sampling_rate, GaussianDpEvent(row.noise_multiplier))
        accountant.compose(SelfComposedDpEvent(step, row.steps))
    expected = accountant.get_epsilon(vector["delta"])
    assert accounting.epsilon(rows_of(vector), vector["delta"]) == pytest.approx(expected, rel=0.01)


def test_disjoint_segments_cost_the_worst_of_them():
    light, heavy = Charge("a", "dp-sgd", 2.0, 0.1, 5), Charge("b", "dp-sgd", 1.0, 0.1, 5)
    assert accounting.epsilon((light, heavy), 1e-5) == accounting.epsilon((heavy,), 1e-5)


def test_an_empty_ledger_costs_nothing():
    assert accounting.epsilon((), 1e-5) == 0.0


def test_no_noise_is_no_privacy():
    assert accounting.epsilon((Charge("a", "dp-sgd", 0.0, 0.1, 1),), 1e-5) == float("inf")


@pytest.mark.parametrize("noise", [0.6, 1.0, 2.6, 20.0])
@pytest.mark.parametrize(("rate", "steps"), [(0.01, 1000), (0.1, 1), (0.5, 60), (1.0, 10)])
def test_the_search_over_orders_finds_opacus_minimum(noise, rate, steps):
    accountant = RDPAccountant()
    accountant.history = [(noise, rate, steps)]
    rows = (Charge("all", "dp-sgd", noise, rate, steps),)
    assert accounting.epsilon(rows, 1e-5) == pytest.approx(accountant.get_epsilon(1e-5), rel=1e-9)


def test_the_search_over_orders_asks_for_few_of_them(monkeypatch):
    asked, least_bound = [], accounting._least_bound
    monkeypatch.setattr(accounting, "_least_bound", lambda *given: asked.append(given) or least_bound(*given))
    accounting.epsilon((Charge("all", "dp-sgd", 1.03, 0.21, 37),), 1e-5)
    orders = [float(order) for given_orders, *_ in asked for order in given_orders]
    assert len(orders) <= 20
    assert sum(not order.is_integer() for order in orders) <= 8


@given(
    st.one_of(st.floats(0, 1e12), st.floats(1e12, 1e308)),
    st.floats(1e-12, 1),
    st.integers(1, 10**12),
    st.sampled_from([1e-300, 1e-5, 0.5]),
)
@settings(max_examples=150, deadline=None)
def test_every_possible_row_has_an_epsilon(noise, rate, steps, delta):
    assert accounting.epsilon((Charge("all", "dp-sgd", noise, rate, steps),), delta) >= 0


def test_one_run_composed_costs_what_it_costs_and_two_cost_what_their_rows_together_do():
    rows = (Charge("all", "dp-sgd", 1.0, 0.1, 10),)
    more = (Charge("all", "dp-sgd", 1.0, 0.1, 30),)
    assert accounting.composed([[rows]], 1e-5) == accounting.epsilon(rows, 1e-5)
    assert accounting.composed([[rows], [more, rows]], 1e-5) == pytest.approx(
        accounting.epsilon(ledger.add_all((), [*rows, *more]), 1e-5)
    )
    assert accounting.composed([], 1e-5) == accounting.composed([[]], 1e-5) == 0.0


def test_over_runs_the_worst_client_of_each_counts_whoever_it_is():
    cheap, dear = (Charge("all", "dp-sgd", 2.0, 0.1, 10),), (Charge("all", "dp-sgd", 1.0, 0.1, 10),)
    assert accounting.composed([[cheap, dear], [dear, cheap]], 1e-5) == accounting.composed([[dear], [dear]], 1e-5)


@pytest.mark.filterwarnings("error")
def test_prv_of_whole_batches_is_that_of_the_gaussian_mechanism():
    rows = (Charge("all", "dp-sgd", 14.0, 1.0, 15),)
    stated = accounting.epsilon(rows, 1e-5, "prv")
    accountant = PLDAccountant()
    accountant.compose(dp_accounting.GaussianDpEvent(14.0), 15)
    assert stated == pytest.approx(accountant.get_epsilon(1e-5), abs=0.02)
    assert stated < accounting.epsilon(rows, 1e-5)


@given(
    st.lists(
        st.lists(
            st.builds(
                Charge,
                st.sampled_from(["a", "b"]),
                st.just("dp-sgd"),
                st.sampled_from([0.0, 0.4, 0.7, 1.1, 3.0, 80.0]),
                st.sampled_from([0.01, 0.2, 1.0]),
                st.sampled_from([1, 40, 3000]),
            ),
            max_size=3,
        ).map(tuple),
        max_size=6,
    )
)
@settings(max_examples=60, deadline=None)
def test_the_largest_epsilon_of_many_is_that_of_one_of_them(ledgers):
    each = [accounting.epsilon(rows, 1e-5) for rows in ledgers]
    assert accounting.largest(ledgers, 1e-5) == max(each, default=0.0)


def test_the_largest_epsilon_of_many_is_found_without_reckoning_all(monkeypatch):
    reckoned, epsilon_rdp = [], accounting._epsilon_rdp
    monkeypatch.setattr(accounting, "_epsilon_rdp", lambda *given: reckoned.append(given) or epsilon_rdp(*given))
    accounting.largest([(Charge("all", "dp-sgd", 1.5, 0.2, steps),) for steps in range(1, 200)], 1e-5)
    assert len(reckoned) <= 5


@pytest.mark.parametrize("delta", [0.3, 0.9, 1e-15, 1e-20])
def test_prv_gives_an_epsilon_where_its_arithmetic_has_none(delta):
    rows = (Charge("all", "dp-sgd", 1.0, 0.5, 4),)
    bound = accounting.epsilon(rows, delta, "rdp")
    assert 0.0 <= accounting.epsilon(rows, delta, "prv") <= bound


def test_a_limit_is_kept_exactly_where_epsilon_is_at_most_that():
    for accountant in ("rdp", "prv"):
        for steps in (1, 20, 400):
            rows = (Charge("a", "dp-sgd", 1.2, 0.05, steps), Charge("b", "dp-sgd", 1.2, 0.01, steps))
            spent = accounting.epsilon(rows, 1e-5, accountant)
            assert accounting.within(rows, spent, 1e-5, accountant)
            assert not accounting.within(rows, spent - 1e-9, 1e-5, accountant)


def test_nothing_is_within_any_limit_and_no_noise_within_none():
    assert accounting.within((), 0.0, 1e-5)
    assert not accounting.within((Charge("a", "dp-sgd", 0.0, 0.1, 1),), 1e9, 1e-5)
