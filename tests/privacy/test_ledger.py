import json
import math
from pathlib import Path

import dp_accounting
import pytest
from dp_accounting.pld import PLDAccountant
from hypothesis import given, settings
from hypothesis import strategies as st
from opacus.accountants import RDPAccountant

from privacy import ledger
from privacy.ledger import Charge

VECTORS = json.loads((Path(__file__).parent / "accounting.json").read_text())["vectors"]


def rows_of(vector):
    return tuple(
        Charge("all", "dp-sgd", row["noise_multiplier"], row["sampling_rate"], row["steps"]) for row in vector["ledger"]
    )


@pytest.mark.parametrize("vector", VECTORS)
def test_rdp_reproduces_the_reference_values(vector):
    assert ledger.epsilon(rows_of(vector), vector["delta"]) == pytest.approx(vector["opacus_rdp"], rel=0.01)


@pytest.mark.parametrize("vector", VECTORS)
def test_prv_reproduces_the_reference_values(vector):
    assert ledger.epsilon(rows_of(vector), vector["delta"], "prv") == pytest.approx(vector["opacus_prv"], rel=0.01)


@pytest.mark.parametrize("vector", VECTORS)
def test_rdp_agrees_with_googles_accountant(vector):
    from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent, SelfComposedDpEvent
    from dp_accounting.rdp import RdpAccountant

    accountant = RdpAccountant(orders=list(ledger.ORDERS))
    for row in rows_of(vector):
        step = PoissonSampledDpEvent(row.sampling_rate, GaussianDpEvent(row.noise_multiplier))
        accountant.compose(SelfComposedDpEvent(step, row.steps))
    expected = accountant.get_epsilon(vector["delta"])
    assert ledger.epsilon(rows_of(vector), vector["delta"]) == pytest.approx(expected, rel=0.01)


def test_equal_rows_add_their_steps():
    row = Charge("all", "dp-sgd", 1.0, 0.1, 5)
    assert ledger.add(ledger.add((), row), row) == (Charge("all", "dp-sgd", 1.0, 0.1, 10),)


def test_disjoint_segments_cost_the_worst_of_them():
    light, heavy = Charge("a", "dp-sgd", 2.0, 0.1, 5), Charge("b", "dp-sgd", 1.0, 0.1, 5)
    assert ledger.epsilon((light, heavy), 1e-5) == ledger.epsilon((heavy,), 1e-5)


def test_an_empty_ledger_costs_nothing():
    assert ledger.epsilon((), 1e-5) == 0.0


def test_no_noise_is_no_privacy():
    assert ledger.epsilon((Charge("a", "dp-sgd", 0.0, 0.1, 1),), 1e-5) == float("inf")


def test_a_ledger_survives_json():
    rows = (Charge("a", "dp-sgd", 1.5, 0.1, 5), Charge("b", "dp-sgd", 1.0, 0.2, 7))
    assert ledger.from_json(ledger.to_json(rows)) == rows


@pytest.mark.parametrize(
    ("key", "value"), [("sampling_rate", 1.5), ("steps", 0), ("noise_multiplier", -1.0), ("steps", None)]
)
def test_an_impossible_row_is_refused(key, value):
    row = {
        "segment": "a",
        "mechanism": "dp-sgd",
        "noise_multiplier": 1.0,
        "sampling_rate": 0.1,
        "steps": 1,
        key: value,
    }
    with pytest.raises(ValueError, match=r"charge|invalid literal"):
        ledger.from_rows([row])


@pytest.mark.parametrize("target", [1.0, 3.0, 8.0])
def test_calibrated_noise_spends_just_under_the_target(target):
    def rows_at(noise):
        return (Charge("all", "dp-sgd", noise, 0.5, 40),)

    spent = ledger.epsilon(rows_at(ledger.calibrate(rows_at, target, 1e-5)), 1e-5)
    assert 0.99 * target < spent <= target


@pytest.mark.parametrize("target", [0.3, 8.0, 2000.0])
@pytest.mark.parametrize(("rate", "steps"), [(0.003, 1000), (0.5, 40), (1.0, 1)])
def test_calibration_gives_what_halving_gives_and_asks_for_fewer_epsilons(rate, steps, target):
    asked = []

    def rows_at(noise):
        asked.append(noise)
        return (Charge("all", "dp-sgd", noise, rate, steps),)

    low, high = 0.05, 1000.0
    while high / low > 1.001:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if ledger.epsilon(rows_at(middle), 1e-5) > target else (low, middle)
    halving = len(asked)
    asked.clear()
    assert ledger.calibrate(rows_at, target, 1e-5) == high
    assert len(asked) <= 0.8 * halving


@pytest.mark.parametrize("noise", [0.6, 1.0, 2.6, 20.0])
@pytest.mark.parametrize(("rate", "steps"), [(0.01, 1000), (0.1, 1), (0.5, 60), (1.0, 10)])
def test_the_search_over_orders_finds_opacus_minimum(noise, rate, steps):
    accountant = RDPAccountant()
    accountant.history = [(noise, rate, steps)]
    rows = (Charge("all", "dp-sgd", noise, rate, steps),)
    assert ledger.epsilon(rows, 1e-5) == pytest.approx(accountant.get_epsilon(1e-5), rel=1e-9)


def test_the_search_over_orders_asks_for_few_of_them(monkeypatch):
    asked, least_bound = [], ledger._least_bound
    monkeypatch.setattr(ledger, "_least_bound", lambda *given: asked.append(given) or least_bound(*given))
    ledger.epsilon((Charge("all", "dp-sgd", 1.03, 0.21, 37),), 1e-5)
    orders = [float(order) for given_orders, *_ in asked for order in given_orders]
    assert len(orders) <= 20
    assert sum(not order.is_integer() for order in orders) <= 8


@given(
    st.floats(0, 1e12),
    st.floats(1e-12, 1),
    st.integers(1, 10**12),
    st.sampled_from([1e-300, 1e-5, 0.5]),
)
@settings(max_examples=150, deadline=None)
def test_every_possible_row_has_an_epsilon(noise, rate, steps, delta):
    assert ledger.epsilon((Charge("all", "dp-sgd", noise, rate, steps),), delta) >= 0


@pytest.mark.parametrize(
    "text", ["", "7", "null", '"x"', "[7]", '["segment"]', "{}x", "[" * 5000, '[{"segment": 1}]', "[{}]" * 2]
)
def test_a_text_that_is_no_ledger_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - json's own errors are ValueErrors too
        ledger.from_json(text)


def test_one_run_composed_costs_what_it_costs_and_two_cost_what_their_rows_together_do():
    rows = (Charge("all", "dp-sgd", 1.0, 0.1, 10),)
    more = (Charge("all", "dp-sgd", 1.0, 0.1, 30),)
    assert ledger.composed([[rows]], 1e-5) == ledger.epsilon(rows, 1e-5)
    assert ledger.composed([[rows], [more, rows]], 1e-5) == pytest.approx(
        ledger.epsilon(ledger.add_all((), [*rows, *more]), 1e-5)
    )
    assert ledger.composed([], 1e-5) == ledger.composed([[]], 1e-5) == 0.0


def test_over_runs_the_worst_client_of_each_counts_whoever_it_is():
    cheap, dear = (Charge("all", "dp-sgd", 2.0, 0.1, 10),), (Charge("all", "dp-sgd", 1.0, 0.1, 10),)
    assert ledger.composed([[cheap, dear], [dear, cheap]], 1e-5) == ledger.composed([[dear], [dear]], 1e-5)


@pytest.mark.filterwarnings("error")
def test_prv_of_whole_batches_is_that_of_the_gaussian_mechanism():
    rows = (Charge("all", "dp-sgd", 14.0, 1.0, 15),)
    stated = ledger.epsilon(rows, 1e-5, "prv")
    accountant = PLDAccountant()
    accountant.compose(dp_accounting.GaussianDpEvent(14.0), 15)
    assert stated == pytest.approx(accountant.get_epsilon(1e-5), abs=0.02)
    assert stated < ledger.epsilon(rows, 1e-5)


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
    each = [ledger.epsilon(rows, 1e-5) for rows in ledgers]
    assert ledger.largest(ledgers, 1e-5) == max(each, default=0.0)


def test_the_largest_epsilon_of_many_is_found_without_reckoning_all(monkeypatch):
    reckoned, epsilon_rdp = [], ledger._epsilon_rdp
    monkeypatch.setattr(ledger, "_epsilon_rdp", lambda *given: reckoned.append(given) or epsilon_rdp(*given))
    ledger.largest([(Charge("all", "dp-sgd", 1.5, 0.2, steps),) for steps in range(1, 200)], 1e-5)
    assert len(reckoned) <= 5
