import pytest
from outlooks import outlook, scenario

from privacy import accounting
from privacy.errors import ScenarioError
from scenarios.work import work_at
from server.rounds import planning
from server.rounds.planning import Outlook


def drawn(count=2):
    return scenario(federation={"clients": 4, "rounds": 6, "sampling": {"kind": "fixed", "count": count}})


def cohorts(planned):
    return [list(planned.cohort(round_, "train")) for round_ in range(1, planned.scenario.federation.rounds + 1)]


def test_everybody_takes_part_by_default():
    assert cohorts(outlook(scenario())) == [[0, 1, 2, 3]] * 6


def test_a_fixed_cohort_has_its_size_and_is_reproducible():
    found = cohorts(outlook(drawn()))
    assert all(len(set(cohort)) == 2 for cohort in found)
    assert found == cohorts(outlook(drawn()))
    assert len({tuple(cohort) for cohort in found}) > 1


def test_a_fixed_cohort_is_no_larger_than_those_who_are_there():
    events = [{"kind": "leave", "at": 2, "clients": [0, 1, 3], "until": 2}]
    left = scenario(**drawn().model_dump(include={"federation"}), event=events)
    assert [len(cohort) for cohort in cohorts(outlook(left))] == [2, 1, 2, 2, 2, 2]
    assert cohorts(outlook(left))[1] == [2]


def test_a_poisson_cohort_varies_in_size():
    sampling = {"kind": "poisson", "rate": 0.5}
    sizes = [
        len(cohort)
        for cohort in cohorts(outlook(scenario(federation={"clients": 4, "rounds": 60, "sampling": sampling})))
    ]
    assert 1.5 < sum(sizes) / 60 < 2.5
    assert len(set(sizes)) > 2


def test_a_poisson_coin_falls_the_same_whoever_else_is_there():
    federation = {"clients": 4, "rounds": 60, "sampling": {"kind": "poisson", "rate": 0.5}}
    alone = scenario(federation=federation, event=[{"kind": "leave", "at": 1, "clients": [0, 2]}])
    together = cohorts(outlook(scenario(federation=federation)))
    assert cohorts(outlook(alone)) == [[client for client in cohort if client in (1, 3)] for cohort in together]


def test_weights_are_shares_of_the_records_and_sum_to_one():
    plans = planning.plan_round(outlook(scenario()), {}, 1, "run")
    assert [plan.weight for plan in plans] == [0.1, 0.1, 0.1, 0.7]


def test_weights_are_shares_of_those_who_are_there():
    away = scenario(event=[{"kind": "leave", "at": 1, "until": 1, "clients": [3, 0]}])
    assert [plan.weight for plan in planning.plan_round(outlook(away), {}, 1, "run")] == [0.5, 0.5]


def test_any_round_can_be_planned_alone():
    full = [planning.plan_round(outlook(scenario()), {}, round_, "run") for round_ in range(1, 7)]
    assert planning.plan_round(outlook(scenario()), {}, 4, "run") == full[3]


def test_calibrated_noise_spends_the_target_over_the_whole_run():
    private = outlook(scenario(privacy={"kind": "dp-sgd", "epsilon": 4.0, "delta": 1e-4}))
    noise, asked = planning.noise_by_client(private), planning.taking_part(private)
    for client in range(4):
        rows = planning.planned_ledger(private.scenario, asked[client], noise[client])
        assert 0.99 * 4.0 < accounting.epsilon(rows, 1e-4) <= 4.0
        assert sum(row.steps for row in rows) == 6 * (2 if client < 3 else 14)


def test_given_noise_is_not_changed():
    private = scenario(privacy={"kind": "dp-sgd", "noise_multiplier": 1.5})
    assert planning.noise_by_client(outlook(private)) == {0: 1.5, 1: 1.5, 2: 1.5, 3: 1.5}


def test_without_privacy_there_is_no_noise():
    assert planning.noise_by_client(outlook(scenario())) == {}


@pytest.mark.parametrize("round_", [0, 7])
def test_a_round_outside_the_run_is_refused(round_):
    with pytest.raises(ValueError, match=r"outside 1\.\.6"):
        planning.plan_round(outlook(scenario()), {}, round_, "run")


def test_the_draws_of_a_run_are_walked_through_once_for_all_clients(monkeypatch):
    sampling = {"kind": "poisson", "rate": 0.5}
    private = outlook(
        scenario(
            federation={"clients": 4, "rounds": 6, "sampling": sampling}, privacy={"kind": "dp-sgd", "epsilon": 4.0}
        )
    )
    walked, cohort = [], Outlook.cohort
    monkeypatch.setattr(Outlook, "cohort", lambda *args: walked.append(args[1]) or cohort(*args))
    planning.noise_by_client(private)
    assert walked == [1, 2, 3, 4, 5, 6]


def test_what_a_client_is_asked_for_is_counted_over_the_rounds_for_which_it_is_drawn():
    planned = outlook(drawn())
    asked, found = planning.taking_part(planned), cohorts(planned)
    assert {client: counts.total() for client, counts in asked.items()} == {
        client: sum(client in cohort for cohort in found) for client in range(4)
    }


def test_a_run_in_which_all_rounds_are_alike_is_counted_without_walking(monkeypatch):
    planned = outlook(scenario())
    monkeypatch.setattr(planning, "asked", lambda outlook: pytest.fail("walked through the run"))
    assert {client: counts.total() for client, counts in planning.taking_part(planned).items()} == dict.fromkeys(
        range(4), 6
    )


def test_rounds_that_find_the_same_data_share_their_work():
    planned = outlook(scenario(event=[{"kind": "leave", "at": 3, "until": 4, "clients": [1]}]))
    assert planned.works(1, "train")[0] is planned.works(6, "train")[0]
    assert list(planned.works(3, "train")) == [0, 2, 3]


def test_both_sides_work_out_the_same_plan():
    planned = outlook(scenario())
    for client, work in planned.works(2, "train").items():
        own = work_at(planned.scenario, planned.holdings[client], client, planned.world(2), "train")
        assert (own.task, own.parts, own.steps) == (work.task, work.parts, work.steps)


def test_an_epsilon_that_no_noise_reaches_is_refused_by_its_key():
    private = outlook(scenario(privacy={"kind": "dp-sgd", "epsilon": 0.0001}))
    with pytest.raises(ScenarioError, match=r"^privacy\.epsilon: epsilon 0\.0001 cannot be reached"):
        planning.noise_by_client(private)
