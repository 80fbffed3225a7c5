import pytest

from privacy import ledger
from privacy.errors import ScenarioError
from scenarios.schema import Scenario
from scenarios.world import World
from server import planning


def scenario(**tables):
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


BEGINNING = World({0: 100, 1: 100, 2: 100, 3: 700})


def test_everybody_takes_part_by_default():
    assert planning.cohort_at(scenario(), BEGINNING, 1) == [0, 1, 2, 3]


def test_a_fixed_cohort_has_its_size_and_is_reproducible():
    drawn = scenario(federation={"clients": 4, "rounds": 6, "sampling": {"kind": "fixed", "count": 2}})
    cohorts = [planning.cohort_at(drawn, BEGINNING, round_) for round_ in range(1, 7)]
    assert all(len(set(cohort)) == 2 for cohort in cohorts)
    assert cohorts == [planning.cohort_at(drawn, BEGINNING, round_) for round_ in range(1, 7)]
    assert len({tuple(cohort) for cohort in cohorts}) > 1


def test_a_poisson_cohort_varies_in_size():
    drawn = scenario(federation={"clients": 4, "rounds": 60, "sampling": {"kind": "poisson", "rate": 0.5}})
    sizes = [len(planning.cohort_at(drawn, BEGINNING, round_)) for round_ in range(1, 61)]
    assert 1.5 < sum(sizes) / 60 < 2.5
    assert len(set(sizes)) > 2


def test_weights_are_shares_of_the_records_and_sum_to_one():
    plans = planning.plan_round(scenario(), BEGINNING, {}, 1, "run")
    assert [plan.weight for plan in plans] == [0.1, 0.1, 0.1, 0.7]


def test_any_round_can_be_planned_alone():
    full = [planning.plan_round(scenario(), BEGINNING, {}, round_, "run") for round_ in range(1, 7)]
    assert planning.plan_round(scenario(), BEGINNING, {}, 4, "run") == full[3]


def test_calibrated_noise_spends_the_target_over_the_whole_run():
    private = scenario(privacy={"kind": "dp-sgd", "epsilon": 4.0, "delta": 1e-4})
    noise = planning.noise_by_client(private, BEGINNING)
    for client, records in BEGINNING.records.items():
        rows = planning.planned_ledger(private, records, noise[client], 6)
        assert 0.99 * 4.0 < ledger.epsilon(rows, 1e-4) <= 4.0


def test_given_noise_is_not_changed():
    private = scenario(privacy={"kind": "dp-sgd", "noise_multiplier": 1.5})
    assert planning.noise_by_client(private, BEGINNING) == {0: 1.5, 1: 1.5, 2: 1.5, 3: 1.5}


@pytest.mark.parametrize("round_", [0, 7])
def test_a_round_outside_the_run_is_refused(round_):
    with pytest.raises(ValueError, match=r"outside 1\.\.6"):
        planning.plan_round(scenario(), BEGINNING, {}, round_, "run")


def test_the_draws_of_a_run_are_walked_through_once_for_all_clients(monkeypatch):
    sampling = {"kind": "poisson", "rate": 0.5}
    private = scenario(
        federation={"clients": 4, "rounds": 6, "sampling": sampling}, privacy={"kind": "dp-sgd", "epsilon": 4.0}
    )
    drawn, draw = [], planning.cohort_at
    monkeypatch.setattr(planning, "cohort_at", lambda *args: drawn.append(args[2]) or draw(*args))
    planning.noise_by_client(private, BEGINNING)
    assert drawn == [1, 2, 3, 4, 5, 6]


def test_rounds_of_a_client_are_those_for_which_it_is_drawn():
    drawn = scenario(federation={"clients": 4, "rounds": 6, "sampling": {"kind": "fixed", "count": 2}})
    rounds = planning.rounds_by_client(drawn, BEGINNING)
    cohorts = [planning.cohort_at(drawn, BEGINNING, round_) for round_ in range(1, 7)]
    assert rounds == {client: sum(client in cohort for cohort in cohorts) for client in range(4)}


def test_an_epsilon_that_no_noise_reaches_is_refused_by_its_key():
    private = scenario(privacy={"kind": "dp-sgd", "epsilon": 0.0001})
    with pytest.raises(ScenarioError, match=r"^privacy\.epsilon: epsilon 0\.0001 cannot be reached"):
        planning.noise_by_client(private, BEGINNING)
