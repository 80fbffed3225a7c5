import subprocess
import sys
from pathlib import Path

import pytest

from privacy.errors import ScenarioError
from scenarios import shape
from scenarios.events import DriftEvent, PoisonEvent
from scenarios.schema import Scenario
from scenarios.source import Loaded, library, read

TEXT = """\
format = 1
name = "small"

[data]
dataset = "digits"
partition = { kind = "dirichlet", alpha = 0.3 }

[model]
kind = "logistic"

[federation]
clients = 4
rounds = 2

[privacy]
kind = "dp-sgd"
noise_multiplier = 1.0
clip_norm = 0.5
"""

ATTACK = '{ kind = "label-flip" }'
POISON = f'kind = "poison", at = 2, clients = [1], attack = {ATTACK}'
DRIFT = 'kind = "drift", at = 2, clients = [1], shift = { kind = "rotation",'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(TEXT)
    return path


def problems(path: str | Path, *overrides: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        read(path, overrides)
    return caught.value.problems


def problems_if_any(path: Path, *overrides: str) -> list[str]:
    try:
        read(path, overrides)
    except ScenarioError as error:
        return error.problems
    return []


def problem_of(file: Path, old: str, new: str) -> str:
    """The one problem of the text with a change, without the file's folder."""
    assert old in TEXT
    file.write_text(TEXT.replace(old, new))
    [problem] = problems(file)
    return problem.removeprefix(str(file.parent / "small.toml"))


def test_a_file_is_read_with_its_text_and_place(file: Path) -> None:
    loaded = read(file)
    assert isinstance(loaded, Loaded)
    assert (loaded.scenario.name, loaded.opened.text, loaded.opened.path) == ("small", TEXT, file)
    assert loaded.scenario.data.dataset.kind == "digits"


def test_a_misspelt_key_is_told_with_line_and_choices(file: Path) -> None:
    assert problem_of(file, "rounds =", "rounds = 2\nrouds =") == (
        ":14: federation.rouds: unknown key, did you mean 'rounds'?; "
        "valid keys: clients, rounds, sampling, quorum, rule"
    )


def test_the_table_of_what_is_varied_is_a_key_of_the_file(file: Path) -> None:
    told = problem_of(file, "format = 1", "format = 1\nswep = {}")
    assert "swep: unknown key, did you mean 'sweep'?; valid keys: format, " in told


def test_an_unknown_kind_is_told_with_the_kinds(file: Path) -> None:
    assert problem_of(file, 'kind = "dp-sgd"', 'kind = "dpsgd"') == (
        ":16: privacy.kind: unknown kind 'dpsgd', did you mean 'dp-sgd'?; valid kinds: dp-sgd, none"
    )


def test_a_number_out_of_range_is_told_with_the_range(file: Path) -> None:
    assert problem_of(file, "clients = 4", "clients = 0") == (
        ":12: federation.clients: expected a whole number from 1 to 10000, not 0"
    )


@pytest.mark.parametrize(
    ("override", "told"),
    [
        (
            "protection={ kind = 'homomorphic', value_range = 1e7 }",
            "value_range: expected a number above 0",
        ),
        ("learner={ kind = 'ewc', strength = 1e300 }", "strength: expected a number above 0 and at most 1000000000"),
        ("learner={ kind = 'lwf', strength = 1e39 }", "strength: expected a number above 0 and at most 1000000000"),
        ("learner={ kind = 'additive-statistics', ridge = 5e-324 }", "ridge: expected a number of at least 1e-12"),
        (f"event=[{{ {POISON}, boost = 1e308 }}]", "boost: expected a number of at least 1 and at most 1000000"),
        (f"event=[{{ {DRIFT} degrees = 1e20 }} }}]", "degrees: expected a number of at least -3600 and at most 3600"),
    ],
)
def test_what_would_overflow_or_mean_nothing_is_refused_with_the_range(file: Path, override: str, told: str) -> None:
    assert told in " ".join(problems(file, override))


def test_noise_as_good_as_none_is_refused(file: Path) -> None:
    assert problem_of(file, "noise_multiplier = 1.0", "noise_multiplier = 0.009") == (
        ":17: privacy.noise_multiplier: expected a number of at least 0.01 and at most 1000000.0, not 0.009"
    )


def test_a_wrong_type_is_told_with_both_types(file: Path) -> None:
    assert problem_of(file, "clip_norm = 0.5", 'clip_norm = "0.5"') == (
        ":18: privacy.clip_norm: expected a number of at least 1e-06 and at most 1000000.0, not '0.5'"
    )


def test_a_key_of_another_kind_names_that_kind(file: Path) -> None:
    file.write_text(TEXT.replace('kind = "dp-sgd"', 'kind = "none"'))
    assert problems(file) == [
        f"{file}:17: privacy.noise_multiplier: a key of kind dp-sgd only; valid keys here: kind",
        f"{file}:18: privacy.clip_norm: a key of kind dp-sgd only; valid keys here: kind",
    ]


def test_a_bad_item_of_a_list_is_told_once(file: Path) -> None:
    assert problem_of(file, 'kind = "logistic"', 'kind = "mlp"\nhidden = [\n  0,\n]') == (
        ":10: model.hidden[0]: expected a whole number from 1 to 4096, not 0"
    )


def test_a_missing_key_is_told_at_its_table(file: Path) -> None:
    assert problem_of(file, "rounds = 2\n", "") == (
        ":11: federation.rounds: missing; expected a whole number from 1 to 100000"
    )


def test_a_missing_kind_is_told_with_the_kinds(file: Path) -> None:
    assert problem_of(file, 'kind = "dp-sgd"\n', "") == ":15: privacy: needs a kind, one of: dp-sgd, none"


def test_a_syntax_error_has_its_line(file: Path) -> None:
    assert problem_of(file, "clients = 4", "clients 4").startswith(":12: not valid TOML: ")


def test_problems_come_in_the_order_of_the_file(file: Path) -> None:
    file.write_text(TEXT.replace("clip_norm = 0.5", "clip_norm = 0").replace('name = "small"', "name = 3"))
    assert [problem.split(":")[1] for problem in problems(file)] == ["2", "18"]


def test_many_problems_are_cut_short(file: Path) -> None:
    file.write_text(TEXT + "".join(f"extra{number} = 1\n" for number in range(100)))
    found = problems(file)
    assert len(found) == 21
    assert found[-1].endswith(": and 80 more problems")


@pytest.mark.parametrize(
    ("before", "line"),
    [
        ('question = """\n\\"""\n[federation]\nclients = 4\n"""\n', 17),
        ("question = '''\nclients = 4'''''\n", 14),
        ("# clients = 4\n\n", 14),
        ('question = "[federation] \\" # clients"\r\n', 13),
    ],
)
def test_lines_survive_strings_and_comments(file: Path, before: str, line: int) -> None:
    text = TEXT.replace('name = "small"\n', 'name = "small"\n' + before).replace(
        "clients = 4\nrounds", "clients = 0\nrounds"
    )
    file.write_bytes(text.encode())
    assert [problem.split(":")[1:3] for problem in problems(file)] == [[str(line), " federation.clients"]]


def test_dotted_and_quoted_keys_have_lines(file: Path) -> None:
    file.write_text(TEXT.replace("[federation]\nclients = 4", '[federation]\n"sampling" . kind = "fixed"\nclients=4'))
    [problem] = problems(file)
    assert ":11: federation.sampling.count: missing" in problem.replace(":12:", ":11:")


def test_byte_order_mark_and_windows_line_ends_are_accepted(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    assert read(file).scenario.name == "small"


@pytest.mark.parametrize(
    ("written", "meant"),
    [("mine.csv", "{folder}/mine.csv"), ("~/mine.csv", "{home}/mine.csv"), ("/data/mine.csv", "/data/mine.csv")],
)
def test_a_data_file_is_beside_the_scenario_file_or_at_home(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str, meant: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    file.write_text(TEXT.replace('"digits"', f'{{ kind = "file", path = "{written}" }}'))
    path = read(file).scenario.data.dataset.model_dump()["path"]
    assert path == meant.format(folder=file.parent, home=tmp_path / "home")


def test_data_in_a_folder_whose_name_is_not_utf_8_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "\udcff"
    folder.mkdir()
    (folder / "mine.toml").write_text(TEXT)
    assert read(folder / "mine.toml").scenario.name == "small"
    (folder / "mine.toml").write_text(TEXT.replace('"digits"', '{ kind = "file", path = "mine.csv" }'))
    [problem] = problems(folder / "mine.toml")
    assert problem.startswith("data.dataset.path: ")
    assert problem.endswith("\\udcff/mine.csv: not a name in UTF-8; rename the file or its folder")


def test_an_override_changes_one_key(file: Path) -> None:
    scenario = read(file, ["federation.clients=7", "seed=3", "name=other"]).scenario
    assert (scenario.federation.clients, scenario.seed, scenario.name) == (7, 3, "other")
    assert scenario.federation.rounds == 2


def test_an_override_makes_the_tables_it_needs(file: Path) -> None:
    assert read(file, ["training.batch_size=8"]).scenario.training.batch_size == 8


def test_an_override_of_the_kind_drops_what_the_other_kind_needed(file: Path) -> None:
    assert read(file, ["privacy.kind=none", "data.partition.kind=iid"]).scenario.privacy.kind == "none"


@pytest.mark.parametrize("override", ["privacy=none", 'privacy="none"', "privacy={kind='none'}"])
def test_a_string_stands_for_a_table_with_that_kind(file: Path, override: str) -> None:
    assert read(file, [override]).scenario.privacy.kind == "none"


def test_a_string_stands_for_a_shift_or_an_attack_that_needs_nothing_else(file: Path) -> None:
    shifted, poisoned = read(
        file,
        [
            'event=[{ kind = "drift", at = 2, clients = [1], shift = "inversion" },'
            ' { kind = "poison", at = 2, clients = [1], attack = "label-flip" }]'
        ],
    ).scenario.event
    assert isinstance(shifted, DriftEvent)
    assert isinstance(poisoned, PoisonEvent)
    assert (shifted.shift.kind, poisoned.attack.kind) == ("inversion", "label-flip")
    misspelt, incomplete = (
        problems(file, f"event=[{{ {POISON.replace(ATTACK, attack)} }}]") for attack in ("'backdoors'", "'backdoor'")
    )
    assert "unknown kind 'backdoors', did you mean 'backdoor'?" in misspelt[0]
    assert "target: missing" in incomplete[0]


def test_an_override_reaches_below_a_kind_given_as_a_string(file: Path) -> None:
    scenario = read(file, ["protection=homomorphic", "protection.key_holder=2"]).scenario
    assert scenario.protection.model_dump()["key_holder"] == 2


def test_none_takes_an_optional_key_away(file: Path) -> None:
    privacy = read(file, ["privacy.noise_multiplier=none", "privacy.epsilon=8"]).scenario.privacy
    assert privacy.model_dump()["noise_multiplier"] is None


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        (
            "federation.clients=0",
            "--set federation.clients=0: federation.clients: expected a whole number from 1 to 10000, not 0",
        ),
        (
            "federation.clients.x=1",
            "--set federation.clients.x=1: federation.clients.x: "
            "federation.clients is 4, not a table: nothing below it can be set",
        ),
        ("federation.clients", "--set federation.clients: expected key=value with a dotted key"),
        ("question='\udcff'", "--set question='\\udcff': expected text in UTF-8"),
        (
            "seed=1\nname='x'",
            "--set seed=1\\nname='x': seed: "
            "expected a whole number from 0 to 9223372036854775807, not \"1\\nname='x'\"",
        ),
        (
            "privacy.epsilon=3",
            "--set privacy.epsilon=3: privacy: "
            "noise_multiplier and epsilon are both given, and one follows from the other: leave one out",
        ),
    ],
)
def test_a_problem_of_an_override_names_the_override(file: Path, override: str, problem: str) -> None:
    assert problems(file, override) == [problem]


SHARES = 'audit=[{{ kind = "property-inference", shares = {} }}]'
CARELESS = ["nan", "-inf", "true", "-1", '"x"', "[]", "[nan]", "{}", "[{}]", "{ kind = nan }", "1979-05-27", "1e400"]


@pytest.mark.parametrize("value", ["nan", "[nan, 0.4]", '["a", 0.4]', "[0.1, {}]", "[1.5, 2]"])
def test_a_pair_is_refused_in_words_that_say_what_is_valid(file: Path, value: str) -> None:
    told = problems(file, SHARES.format(value))
    assert "audit[0].shares" in told[0]
    assert "expected a " in told[0]
    assert not [problem for problem in told if "Input should" in problem]


def test_no_careless_value_anywhere_is_refused_in_the_validators_own_words(file: Path) -> None:
    keys = [(key, place) for key, place in shape.root().keys.items() if key != "name"]
    settings = [f"{key}={value}" for key, _ in keys for value in CARELESS]
    settings += [f"{key}.{below}={value}" for key, place in keys for below in place.keys for value in CARELESS]
    settings += [
        f'{key}=[{{ kind = "{kind}", {below} = {value} }}]'
        for key, place in keys
        for kind, item in place.items.kinds.items()
        for below in item.keys
        if below != "kind"
        for value in CARELESS
    ]
    refused = [(setting, problem) for setting in settings for problem in problems_if_any(file, setting)]
    assert len(refused) > 500
    assert [(setting, problem) for setting, problem in refused if "Input should" in problem] == []


def test_a_library_scenario_is_found_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quickstart").write_text("nothing")
    assert read("quickstart").scenario.name == "quickstart"


def test_an_unknown_name_lists_the_library() -> None:
    [problem] = problems("quickstrt")
    assert problem.startswith("'quickstrt' is no scenario of the library (broken-noise, ")


@pytest.mark.parametrize("name", [".", "..", "folder"])
def test_what_is_there_is_read_or_refused_as_what_it_is(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "mine").write_text(TEXT)
    assert read("mine").scenario.name == "small"
    assert problems(name) == [f"{name}: not a file but a folder"]


@pytest.mark.parametrize("entry", library(), ids=lambda entry: entry.name)
def test_the_library_can_be_read_and_asks_something(entry: tuple[str, str, Path]) -> None:
    name, question, path = entry
    scenario = read(path, ["sweep=none"]).scenario
    assert (scenario.name, scenario.question) == (name, question)
    assert question.endswith("?")
    assert Scenario.model_validate(scenario.model_dump(mode="json")) == scenario
    assert hash(scenario) == hash(read(path, ["sweep=none"]).scenario)


def test_reading_imports_nothing_heavy() -> None:
    code = "import sys; from scenarios.source import read; read('quickstart'); sys.exit(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    imported = set(done.stderr.split())
    assert "scenarios.source" in imported
    assert imported.isdisjoint({"torch", "flwr", "opacus", "sklearn", "tenseal", "kymatio", "skimage"})
