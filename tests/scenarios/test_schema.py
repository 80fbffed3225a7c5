import json

import pytest
from pydantic import ValidationError

from scenarios.schema import Data, DpSgd, Scenario, sha256

SMALLEST = {
    "format": 1,
    "name": "smallest",
    "data": {"dataset": "digits"},
    "model": "logistic",
    "federation": {"clients": 4, "rounds": 2},
}


def scenario(**changes: object) -> Scenario:
    return Scenario.model_validate({**SMALLEST, **changes})


def refused(**changes: object) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        scenario(**changes)
    return [(".".join(str(part) for part in error["loc"]), error["msg"]) for error in caught.value.errors()]


def test_only_data_model_and_federation_are_needed() -> None:
    smallest = scenario()
    assert smallest.privacy.kind == "none"
    assert smallest.protection.kind == "none"
    assert smallest.federation.sampling.kind == "all"
    assert smallest.training.batch_size == 32


def test_json_gives_the_same_scenario_back() -> None:
    before = scenario(
        model={"kind": "mlp"},
        privacy={"kind": "dp-sgd", "epsilon": 8, "budget": {"epsilon": 8.0}},
        protection={"kind": "homomorphic", "scheme": "ckks"},
        federation={"clients": 4, "rounds": 2, "sampling": {"kind": "poisson", "rate": 0.5}},
    )
    text = json.dumps(before.model_dump(mode="json"))
    assert Scenario.model_validate(json.loads(text)) == before
    assert Scenario.model_validate_json(text) == before


def test_hash_counts_values_and_not_how_they_are_written() -> None:
    written_out = scenario(model={"kind": "logistic"}, seed=0, training={"learning_rate": 0.1})
    assert sha256(scenario()) == sha256(written_out)
    assert sha256(scenario()) != sha256(scenario(seed=1))
    assert len(sha256(scenario())) == 64


def test_a_scenario_can_be_a_dictionary_key() -> None:
    assert hash(scenario()) == hash(scenario())


def test_whole_numbers_stand_for_numbers() -> None:
    privacy = scenario(privacy={"kind": "dp-sgd", "noise_multiplier": 1}).privacy
    assert isinstance(privacy, DpSgd)
    assert privacy.noise_multiplier == 1.0


@pytest.mark.parametrize("both", [{}, {"epsilon": 8.0, "noise_multiplier": 1.0}])
def test_noise_comes_from_exactly_one_key(both: dict[str, float]) -> None:
    [(key, reason)] = refused(privacy={"kind": "dp-sgd", **both})
    assert key == "privacy.dp-sgd"
    assert "noise_multiplier" in reason
    assert "epsilon" in reason


def test_a_plan_cannot_cost_more_than_the_budget() -> None:
    [(_, reason)] = refused(privacy={"kind": "dp-sgd", "epsilon": 8.0, "budget": {"epsilon": 3.0}})
    assert "epsilon 8, more than the budget of 3" in reason


def test_more_clients_than_there_are_cannot_be_drawn() -> None:
    [(key, reason)] = refused(
        federation={"clients": 4, "rounds": 2, "sampling": {"kind": "fixed", "count": 5}, "quorum": 4}
    )
    assert key == "federation.sampling.count"
    assert reason == "5 clients a round cannot be drawn from 4"


@pytest.mark.parametrize(
    ("sampling", "quorum", "reason"),
    [
        ("all", 5, "a quorum of 5 is beyond the 4 clients of a round"),
        ({"kind": "fixed", "count": 2}, 3, "a quorum of 3 is beyond the 2 clients of a round"),
        ({"kind": "poisson", "rate": 0.5}, 5, "a quorum of 5 is beyond the 4 clients of a round"),
    ],
)
def test_a_quorum_must_be_within_reach(sampling: object, quorum: int, reason: str) -> None:
    federation = {"clients": 4, "rounds": 2, "sampling": sampling, "quorum": quorum}
    assert refused(federation=federation) == [("federation.quorum", reason)]


def test_the_key_holder_must_be_a_client() -> None:
    [(key, reason)] = refused(protection={"kind": "homomorphic", "key_holder": 4})
    assert key == "protection.key_holder"
    assert "numbered from 0 to 3" in reason


@pytest.mark.parametrize(
    "federation",
    [{"clients": 1, "rounds": 2}, {"clients": 4, "rounds": 2, "sampling": {"kind": "fixed", "count": 1}}],
)
def test_an_encrypted_sum_needs_two_clients(federation: dict[str, object]) -> None:
    [(key, reason)] = refused(federation=federation, protection="homomorphic")
    assert key == "protection"
    assert "sum of a single client" in reason


def test_an_encrypted_sum_is_exact_for_so_many_clients() -> None:
    federation = {"clients": 4097, "rounds": 2}
    assert refused(federation=federation, protection="homomorphic") == [
        ("federation.clients", "homomorphic sums are exact for 4096 clients, not for 4097")
    ]
    assert scenario(federation=federation).federation.clients == 4097


def test_every_conflict_is_told_at_once() -> None:
    found = refused(
        federation={"clients": 4, "rounds": 2, "quorum": 9},
        protection={"kind": "homomorphic", "key_holder": 4},
    )
    assert [key for key, _ in found] == ["federation.quorum", "protection.key_holder"]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", ".hidden", "a" * 65, "a\n"])
def test_a_name_can_be_a_folder(name: str) -> None:
    assert [key for key, _ in refused(name=name)] == ["name"]


def test_a_validation_split_that_is_none_does_not_change_the_hash() -> None:
    data = Data.model_validate({"dataset": "digits"})
    assert "validation_fraction" not in data.model_dump(mode="json")
    assert Data.model_validate({"dataset": "digits", "validation_fraction": 0.0}) == data
    held_out = Data.model_validate({"dataset": "digits", "validation_fraction": 0.25})
    assert Data.model_validate(held_out.model_dump(mode="json")) == held_out
