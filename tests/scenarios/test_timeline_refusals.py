"""Timelines that cannot happen: each is refused with the line, the key and the reason, before anything runs."""

import re
import tomllib

import pytest

from privacy.errors import ScenarioError
from scenarios.source import read
from server.run_directory.opening import load

BASE = """format = 1
name = "impossible"
[data]
dataset = "digits"
[model]
kind = "logistic"
[federation]
clients = 4
rounds = 20
"""
STATISTICS = 'learner = "additive-statistics"\nmodel = { kind = "random-features", features = 20 }\n'
STREAM = '[stream]\nkind = "class-incremental"\nexperiences = 5\nrounds_per_experience = 4\n'
PRIVATE = '[privacy]\nkind = "dp-sgd"\nnoise_multiplier = 1.0\n'
ENCRYPTED = '[protection]\nkind = "homomorphic"\n'
BACKDOOR = 'attack = { kind = "backdoor", target = 0 }'


def happens(kind, at, *lines):
    return "\n".join(["[[event]]", f'kind = "{kind}"', f"at = {at}", *lines, ""])


def with_statistics(text):
    return STATISTICS + BASE.replace('[model]\nkind = "logistic"\n', "") + text


# The text after BASE, the key that is refused (its line is looked up in the text), and the reason.
REFUSED = {
    "no such client": (happens("leave", 3, "clients = [4]"), "event[0].clients", "there is no client 4"),
    "joins twice": (
        happens("join", 3, "clients = [1]") + happens("join", 5, "clients = [1]"),
        "event[1].clients",
        "client 1 cannot join twice",
    ),
    "leaves when absent": (
        happens("leave", 3, "clients = [1]") + happens("leave", 5, "clients = [1, 2]"),
        "event[1].clients",
        "client 1 cannot be concerned: not there in round 5",
    ),
    "leaves before it joins": (
        happens("join", 5, "clients = [1]") + happens("leave", 3, "clients = [1]"),
        "event[1].clients",
        "not there in round 3",
    ),
    "drops out when absent": (
        happens("leave", 3, "clients = [1]") + happens("dropout", 5, "clients = [1]", "rate = 0.5"),
        "event[1].clients",
        "not there in round 5",
    ),
    "straggles when absent": (
        happens("leave", 3, "clients = [1]") + happens("straggle", 5, "clients = [1]"),
        "event[1].clients",
        "not there in round 5",
    ),
    "drifts when absent": (
        happens("leave", 3, "clients = [1]") + happens("drift", 5, "clients = [1]", 'shift = { kind = "inversion" }'),
        "event[1].clients",
        "not there in round 5",
    ),
    "poisons when absent": (
        happens("leave", 3, "clients = [1]") + happens("poison", 5, "clients = [1]", BACKDOOR),
        "event[1].clients",
        "not there in round 5",
    ),
    "outside the run": (happens("leave", 21, "clients = [1]"), "event[0].at", "round 21 lies outside the run"),
    "until before at": (
        happens("leave", 5, "until = 4", "clients = [1]"),
        "event[0].until",
        "round 4 lies outside 5 (at) to 20",
    ),
    "until behind the run": (
        happens("dropout", 5, "until = 21", "rate = 0.5"),
        "event[0].until",
        "round 21 lies outside 5 (at) to 20",
    ),
    "a budget that is not there": (happens("budget", 5, "epsilon = 2.0"), "event[0].kind", "no privacy.budget"),
    "a budget without a first one": (
        PRIVATE + happens("budget", 5, "epsilon = 2.0"),
        "event[0].kind",
        "no privacy.budget",
    ),
    "late updates that nobody sees": (
        ENCRYPTED + happens("straggle", 5, "clients = [1]", 'late = "use"'),
        "event[0].late",
        '"use" needs single updates',
    ),
    "a gradual drift without an end": (
        happens("drift", 5, 'pattern = "gradual"', 'shift = { kind = "inversion" }'),
        "event[0].pattern",
        '"gradual" needs until',
    ),
    "a recurring drift without a period": (
        happens("drift", 5, 'pattern = "recurring"', 'shift = { kind = "inversion" }'),
        "event[0].period",
        '"recurring" needs a period',
    ),
    "a recurring drift without a period before another event": (
        happens("drift", 5, 'pattern = "recurring"', 'shift = { kind = "inversion" }')
        + happens("leave", 6, "clients = [1]"),
        "event[0].period",
        '"recurring" needs a period',
    ),
    "a period of a sudden drift": (
        happens("drift", 5, "period = 2", 'shift = { kind = "inversion" }'),
        "event[0].period",
        "no other pattern has one",
    ),
    "two segments of one name": (
        happens("new-segment", 5, "clients = [1]", "share = 0.5", 'name = "more"')
        + happens("new-segment", 6, "clients = [2]", "share = 0.5", 'name = "more"'),
        "event[1].name",
        "two segments are called 'more'",
    ),
    "sums that were never made": (
        happens("unlearn", 5, "clients = [1]", 'method = "subtract-statistics"'),
        "event[0].method",
        'only the learner "additive-statistics" can subtract',
    ),
    "unlearned a second time": (
        happens("unlearn", 5, "clients = [1]", 'method = "rollback"')
        + happens("unlearn", 6, "clients = [1]", 'method = "rollback"'),
        "event[1].clients",
        "client 1: everything is unlearned already",
    ),
    "a stream that is longer than the run": (
        STREAM.replace("rounds_per_experience = 4", "rounds_per_experience = 5"),
        "stream.experiences",
        "experience 5 would begin in round 21, and the run has 20",
    ),
    "an unknown kind": (happens("arrive", 5), "event[0].kind", "unknown kind 'arrive'"),
    "an unknown method": (
        happens("unlearn", 5, "clients = [1]", 'method = "forget"'),
        "event[0].method",
        "expected 'retrain' or 'rollback'",
    ),
    "nobody": (happens("leave", 5, "clients = []"), "event[0].clients", "expected"),
    "no source of domains": (
        STREAM.replace("class-incremental", "domain-incremental"),
        "stream",
        "needs either key, a natural key of the data, or transform",
    ),
}

OF_STATISTICS = {
    "statistics are not trained anew": (
        happens("unlearn", 5, "clients = [1]", 'method = "retrain"'),
        "event[0].method",
        'unlearns exactly by "subtract-statistics"',
    ),
    "statistics do not drop out": (happens("dropout", 5, "rate = 0.5"), "event[0].kind", "missing for good"),
    "statistics do not come late": (
        happens("straggle", 5, "clients = [1]"),
        "event[0].kind",
        "release that comes late",
    ),
    "statistics do not drift": (
        happens("drift", 5, 'shift = { kind = "inversion" }'),
        "event[0].kind",
        "records are seen once",
    ),
    "statistics are not poisoned": (
        happens("poison", 5, "clients = [1]", BACKDOOR),
        "event[0].kind",
        "records are seen once",
    ),
    "statistics of who has left": (
        happens("leave", 3, "clients = [1]") + happens("unlearn", 5, "clients = [1]", 'method = "subtract-statistics"'),
        "event[1].clients",
        "not there in round 5",
    ),
}

CASES = {name: (BASE + text, key, reason) for name, (text, key, reason) in REFUSED.items()} | {
    name: (with_statistics(text), key, reason) for name, (text, key, reason) in OF_STATISTICS.items()
}
CASES["class balance under privacy"] = (
    'learner = { kind = "replay", selection = "class-balanced" }\n' + BASE + PRIVATE,
    "learner.selection",
    "number of records of each class",
)
CASES["statistics of a network"] = (
    'learner = "additive-statistics"\n' + BASE.replace("logistic", "mlp"),
    "model.kind",
    "need a linear model",
)
CASES["statistics of some"] = (
    with_statistics("").replace("rounds = 20", 'rounds = 20\nsampling = { kind = "fixed", count = 2 }'),
    "federation.sampling",
    "everybody is asked",
)


def line_of(text, key):
    """Where a person would look for a key: its own line in its table, or where the table begins."""
    names = [(name, int(number or -1)) for name, number in re.findall(r"(\w+)(?:\[(\d+)\])?", key)]
    lines, begin = text.splitlines(), 0
    for name, number in names[:-1]:
        headers = [place for place, line in enumerate(lines) if line.strip("[]") == name and line.startswith("[")]
        begin = headers[max(0, number)] if headers else 0
    own = [place for place in range(begin, len(lines)) if re.match(rf"\[?{names[-1][0]}\b", lines[place])]
    following = [place for place in range(begin + 1, len(lines)) if lines[place].startswith("[")]
    inside = [place for place in own if begin == 0 or place < min([*following, len(lines)])]
    return (inside[0] if inside else begin) + 1


@pytest.mark.parametrize("what", CASES)
def test_a_timeline_that_cannot_be_is_refused_with_line_key_and_reason(what, tmp_path):
    text, key, reason = CASES[what]
    tomllib.loads(text)
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        read(path)
    *_, problem = caught.value.problems
    assert problem.startswith(f"{path}:{line_of(text, key)}: {key}: "), problem
    assert reason in problem
    assert problem.isprintable()


OF_THE_DATA = {
    "no such segment": (
        happens("unlearn", 5, "clients = [1]", 'segments = ["more"]', 'method = "rollback"'),
        "event[0].segments: client 1 has no segment 'more'; it has 'all'",
    ),
    "a backdoor for no class": (
        happens("poison", 5, "clients = [1]", 'attack = { kind = "backdoor", target = 10 }'),
        "event[0]: target must be one of the classes 0 to 9, not 10",
    ),
    "a mark that does not fit": (
        happens("poison", 5, "clients = [1]", 'attack = { kind = "backdoor", target = 0, size = 9 }'),
        "event[0]: size must be at most 8",
    ),
    "labels that do not go round": (
        happens("drift", 5, 'shift = { kind = "labels", permute = [1, 0] }'),
        "event[0]: permute must list each of the classes",
    ),
    "nobody is left": (
        "quorum = 3\n" + happens("leave", 5, "clients = [0, 1]"),
        "federation.quorum: round 5 has 2 clients, and 3 are needed",
    ),
    "too many are lost": (
        "quorum = 3\n" + happens("straggle", 5, "clients = [0, 1]"),
        "federation.quorum: round 5 has 4 clients, of whom 2 drop out, and 3 are needed",
    ),
}


@pytest.mark.parametrize("what", OF_THE_DATA)
def test_a_timeline_that_the_data_do_not_give_is_refused_by_its_key(what, tmp_path):
    text, told = OF_THE_DATA[what]
    path = tmp_path / "bad.toml"
    path.write_text(BASE + text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load(str(path), [])
    place, _, problem = caught.value.problems[0].partition(": ")
    file, _, line = place.rpartition(":")
    assert file == str(path)
    assert re.findall(r"[a-z]+", told.partition(":")[0])[-1] in (BASE + text).splitlines()[int(line) - 1]
    assert problem.startswith(told)


def test_a_rotation_of_a_table_is_refused(tmp_path):
    path = tmp_path / "bad.toml"
    drift = happens("drift", 5, 'shift = { kind = "rotation", degrees = 45.0 }')
    path.write_text(BASE.replace('"digits"', '"heart-disease"') + drift, encoding="utf-8")
    with pytest.raises(ScenarioError, match=r'event\[0\]: "rotation" needs pictures'):
        load(str(path), [])


def test_every_problem_of_a_timeline_is_told_at_once(tmp_path):
    path = tmp_path / "bad.toml"
    text = BASE + happens("leave", 21, "clients = [1]") + happens("join", 3, "clients = [9]")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        read(path)
    first, second = caught.value.problems
    assert "event[0].at" in first
    assert "event[1].clients" in second
