from pathlib import Path

import pytest

from privacy.errors import ScenarioError
from scenarios import grid, source
from scenarios.schema import sha256
from scenarios.values import shown, written

TEXT = """\
format = 1
name = "small"

[data]
dataset = "digits"

[model]
kind = "logistic"

[federation]
clients = 4
rounds = 2

[privacy]
kind = "dp-sgd"
noise_multiplier = 1.0

[sweep]
"""


def swept(folder: Path, table: str, *overrides: str) -> grid.Sweep:
    path = folder / "small.toml"
    path.write_text(TEXT + table)
    return grid.read(path, overrides)


def problems(folder: Path, table: str, *overrides: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        swept(folder, table, *overrides)
    return [problem.removeprefix(str(folder / "small.toml")) for problem in caught.value.problems]


def test_a_grid_has_every_combination_and_its_seeds_stand_together(tmp_path: Path) -> None:
    sweep = swept(tmp_path, 'seed = [0, 1]\n"privacy.noise_multiplier" = [0.5, 2.0]\n')
    told = [(point.settings["privacy.noise_multiplier"], point.settings["seed"]) for point in sweep.points]
    assert told == [(0.5, 0), (0.5, 1), (2.0, 0), (2.0, 1)]
    assert [point.loaded.scenario.seed for point in sweep.points] == [0, 1, 0, 1]


def test_a_point_is_the_plain_scenario_that_its_overrides_make_of_the_file(tmp_path: Path) -> None:
    table = (
        'privacy = ["none", { kind = "dp-sgd", epsilon = 8.0 }]\n"model" = ["hog", { kind = "mlp", hidden = [8] }]\n'
    )
    sweep = swept(tmp_path, table, "seed=5")
    for point in sweep.points:
        plain = source.read(tmp_path / "small.toml", point.overrides).scenario
        assert sha256(plain) == point.sha256
        assert plain.seed == 5


def test_keys_without_quotes_are_dotted_too(tmp_path: Path) -> None:
    sweep = swept(tmp_path, "privacy.noise_multiplier = [0.5, 2.0]\n")
    assert [axis.key for axis in sweep.axes] == ["privacy.noise_multiplier"]


def test_none_switches_a_table_off(tmp_path: Path) -> None:
    sweep = swept(tmp_path, 'privacy = ["none"]\nprotection = ["none", "homomorphic"]\n')
    assert [point.loaded.scenario.privacy.kind for point in sweep.points] == ["none", "none"]
    assert [point.loaded.scenario.protection.kind for point in sweep.points] == ["none", "homomorphic"]


def test_a_table_is_set_before_what_is_in_it(tmp_path: Path) -> None:
    table = '"privacy.clip_norm" = [0.25]\nprivacy = [{ kind = "dp-sgd", epsilon = 8.0 }]\n'
    [point] = swept(tmp_path, table).points
    assert point.loaded.scenario.privacy.clip_norm == 0.25


def test_names_differ_and_are_folders(tmp_path: Path) -> None:
    table = 'seed = [0, 1]\nquestion = ["../..", "a/b", "", "' + "x" * 200 + '"]\n'
    names = [point.name for point in swept(tmp_path, table).points]
    assert len(set(names)) == 8
    assert all("/" not in name and not name.startswith((".", "-")) and len(name) < 100 for name in names)


def test_an_unknown_key_and_a_wrong_value_are_refused_with_line_and_point(tmp_path: Path) -> None:
    [unknown] = problems(tmp_path, '\n"privacy.epsilom" = [1.0]\n')
    assert unknown.startswith(":20: privacy.epsilom: unknown key, did you mean 'epsilon'?")
    assert unknown.endswith("(at privacy.epsilom = 1.0)")
    [wrong] = problems(tmp_path, 'seed = [0, 1]\n"privacy.noise_multiplier" = [1.0, "much"]\n')
    assert wrong.startswith(":20: privacy.noise_multiplier: expected a number of at least 0.01 and at most 1000000.0, ")
    assert "not 'much'" in wrong
    assert wrong.endswith("(at privacy.noise_multiplier = much, seed = 0; and at 1 more points)")


def test_a_combination_that_cannot_work_is_refused_with_its_point(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, '"federation.quorum" = [1, 4]\n"federation.clients" = [3, 4]\n')
    assert problem.startswith(":19: federation.quorum: a quorum of 4 is beyond the 3 clients of a round")
    assert problem.endswith("(at federation.quorum = 4, federation.clients = 3)")


def test_a_key_inside_a_table_that_a_point_switches_off_is_refused(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, 'privacy = ["none"]\n"privacy.clip_norm" = [0.5]\n')
    assert problem.startswith(":20: privacy.clip_norm: a key of kind dp-sgd only")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", ":18: sweep: names no key to vary"),
        ("seed = []", ":19: sweep.seed: expected a list of values"),
        ("seed = 3", ":19: sweep.seed: expected a list of values"),
        ("seed = [1, 2, 1]", ":19: sweep.seed: 1 is listed twice"),
        ('name = ["a", "b"]', ":19: sweep.name: cannot be varied"),
        ('privacy.epsilon = [1]\n"privacy.epsilon" = [2]', "given twice"),
        ('seed = [0]\nfront = "model"', ":20: sweep.front: expected a key with a list of values"),
        ('model = ["hog"]\nnames = { seed = ["x"] }', ":20: sweep.names.seed: expected a key with a list of values"),
        ('model = ["hog"]\nnames = ["x"]', ":20: sweep.names: expected a key with a list of values"),
        ('model = ["hog"]\nnames.model = ["x", "y"]', ":20: sweep.names.model: expected a name of its own for each of"),
        ('model = ["hog", "mlp"]\nnames.model = ["x", "x"]', "expected a name of its own for each of the 2 values"),
        ('model = ["hog"]\nnames.model = [3]', ":20: sweep.names.model: expected a list of short names"),
        ('"training.momentum" = [0, 0.0]', "sweep: the same scenario as with training.momentum = 0"),
        ("seed = [" + ", ".join(map(str, range(2001))) + "]", "a grid of 2001 points; at most 2000 are run"),
        ('"training.learning_rate" = { low = 0.1, high = 1.0 }', "a range is searched: add search"),
    ],
)
def test_what_is_no_grid_is_refused(tmp_path: Path, table: str, said: str) -> None:
    assert said in "\n".join(problems(tmp_path, f"{table}\n"))


def test_without_an_epsilon_key_one_setting_is_chosen_of_all(tmp_path: Path) -> None:
    assert swept(tmp_path, '"privacy.noise_multiplier" = [1.0]').front == "privacy.noise_multiplier"
    assert swept(tmp_path, '"training.learning_rate" = [1.0]').front is None
    assert swept(tmp_path, 'model = ["hog"]\nfront = "model"').front == "model"


def test_values_may_have_names(tmp_path: Path) -> None:
    table = '"privacy.noise_multiplier" = [1.0, 2.0]\nnames."privacy.noise_multiplier" = ["some", "more"]'
    assert swept(tmp_path, table).names == {"privacy.noise_multiplier": {"1.0": "some", "2.0": "more"}}


def test_a_sweep_cannot_be_run_unless_its_grid_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(TEXT + "seed = [0, 1]\n")
    with pytest.raises(ScenarioError, match=r"small\.toml:18: sweep: this file is many runs: use fedcrucible sweep"):
        source.read(path)
    path_without = tmp_path / "plain.toml"
    path_without.write_text(TEXT.removesuffix("[sweep]\n"))
    assert source.read(path, ["sweep=none"]).scenario == source.read(path_without).scenario


def test_a_grid_can_be_changed_on_the_command_line(tmp_path: Path) -> None:
    sweep = swept(tmp_path, "seed = [0, 1]\n", "sweep.seed=[7]", 'sweep."privacy.clip_norm"=[0.5, 1.0]')
    assert [dict(point.settings) for point in sweep.points] == [
        {"privacy.clip_norm": 0.5, "seed": 7},
        {"privacy.clip_norm": 1.0, "seed": 7},
    ]
    [problem] = problems(tmp_path, "seed = [0, 1]\n", "sweep.seed=[-1]")
    assert problem.startswith("--set sweep.seed=[-1]: seed: expected")
    assert problems(tmp_path, "seed = [0, 1]\n", "sweep=nan") == [
        "--set sweep=nan: sweep: expected a table of keys with lists of values, or none to leave the grid out, "
        "not a number that is not finite"
    ]


def test_values_are_written_so_that_toml_reads_them_back() -> None:
    value = {"a": [1, 2.5, 1e-05, True], 'odd "key"': {"b": 'x"\\\n\x7fé'}}
    from scenarios.toml_lines import parse

    assert parse(f"value = {written(value)}").values["value"] == value
    assert shown({"kind": "dp-sgd", "epsilon": 8.0}) == "dp-sgd epsilon=8.0"


@pytest.mark.parametrize(
    ("name", "compared"),
    [
        ("class-incremental-dp", {"privacy": ("none", "dp-sgd", "dp-sgd")}),
        ("homomorphic-aggregation", {"protection": ("none", "homomorphic", "homomorphic")}),
        ("replay-costs-privacy", {"learner.replay_sampling": ("uniform", "balanced")}),
        (
            "together-or-alone",
            {"event": ((), (1, 2, 3), (0, 2, 3), (0, 1, 3), (0, 1, 2)), "privacy": ("none", "dp-sgd")},
        ),
    ],
)
def test_a_scenario_of_the_library_that_asks_for_a_comparison_makes_it(name: str, compared: dict[str, tuple]) -> None:
    def told(value: object) -> object:
        if isinstance(value, list):
            return tuple(value[0]["clients"]) if value else ()
        return value["kind"] if isinstance(value, dict) else value

    sweep = grid.read(name)
    values = {axis.key: tuple(map(told, axis.values)) for axis in sweep.axes if axis.key != "seed"}
    assert values == compared
    assert len(sweep.points) <= 30, "it is to be over within minutes"


def test_a_table_that_is_replaced_at_every_point_is_held_to_the_format_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(TEXT.replace("noise_multiplier", "noise_multiplierx") + 'privacy = ["none"]\nmodel = ["mlp"]\n')
    with pytest.raises(ScenarioError) as caught:
        grid.read(path)
    assert [
        problem.startswith(f"{path}:16: privacy.noise_multiplierx: unknown key") for problem in caught.value.problems
    ]


def test_a_misspelt_key_is_told_before_the_names_and_the_front_that_go_by_it(tmp_path: Path) -> None:
    table = 'privacyx = ["none"]\nfront = "privacy"\nnames = { privacy = ["without"] }\n'
    assert [problem.partition(",")[0] for problem in problems(tmp_path, table)] == [":19: privacyx: unknown key"]
