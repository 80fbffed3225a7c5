import importlib.util

import pytest
from small_sweeps import VALIDATED, manifests, results, sweep

from privacy.errors import ScenarioError
from runs import SMALL, write
from scenarios import grid
from scenarios.axes import Axis, Range, Search
from simulation.sweeps import planned, sweeping
from simulation.sweeps import search as searching
from simulation.sweeps.search import Random, Score, searchers

RATE = '[sweep]\n"training.learning_rate" = { low = 0.01, high = 1.0, log = true }\n'
RANDOM = f'{RATE}seed = [0, 1]\nsearch = {{ kind = "random", trials = 3, seed = 5 }}\n'


def axis(key, low, high, log=False):
    return Axis(key, (key,), "here", (low, high), Range(low=low, high=high, log=log))


def drawn(one, count=200):
    searcher = Random([one], Search(kind="random", trials=count), 0)
    return [searcher.ask()[one.key] for _ in range(count)]


def test_random_values_lie_in_their_range_and_a_logarithm_spreads_them():
    assert all(1.0 <= value <= 100.0 for value in drawn(axis("a", 1.0, 100.0)))
    assert 60 < sum(value < 10 for value in drawn(axis("a", 1.0, 100.0, log=True))) < 140
    assert set(drawn(axis("a", 1, 3))) == {1, 2, 3}


def test_the_same_seed_searches_the_same_settings():
    assert drawn(axis("a", 0.0, 1.0)) == drawn(axis("a", 0.0, 1.0))


def test_a_search_plays_every_trial_with_every_seed_and_chooses_one(tmp_path):
    directory = sweep(tmp_path, VALIDATED + RANDOM)
    told = results(directory)
    assert (len(told["runs"]), len(told["settings"])) == (6, 3)
    assert all(0.01 <= run["settings"]["training.learning_rate"] <= 1.0 for run in told["runs"])
    assert sum(one["chosen"] for one in told["settings"]) == 1
    before = {name: manifest["run"] for name, manifest in manifests(directory).items()}
    sweep(tmp_path, VALIDATED + RANDOM)
    assert {name: manifest["run"] for name, manifest in manifests(directory).items()} == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            VALIDATED + RANDOM.replace("random", "magic"),
            "sweep.search.kind: Input should be 'random', 'tpe' or 'nsga2'",
        ),
        (SMALL + RANDOM, "sweep.search: needs data.validation_fraction above 0"),
        (VALIDATED + RANDOM.replace("low = 0.01", "low = 2.0"), "low must lie below high"),
        (VALIDATED + RANDOM.replace("low = 0.01", "low = 0.0"), "and above 0 with log = true"),
        (
            VALIDATED + RANDOM.replace("low = 0.01", "low = -1.0").replace(", log = true", ""),
            "expected a number above 0",
        ),
        (VALIDATED + '[sweep]\nseed = [0]\nsearch = { kind = "random", trials = 3 }', "there is nothing to search"),
    ],
)
def test_what_cannot_be_searched_is_refused(tmp_path, text, said):
    with pytest.raises(ScenarioError) as caught:
        grid.read(write(tmp_path, text))
    assert said in str(caught.value)


def dry_run(file, overrides):
    return list(planned.describe(file, overrides, None))


@pytest.mark.parametrize("read", [dry_run, sweeping.start])
def test_without_optuna_a_search_that_needs_it_says_how_to_get_it(tmp_path, monkeypatch, read):
    monkeypatch.setattr(searching.importlib.util, "find_spec", lambda name: None)
    path = write(tmp_path, VALIDATED + RANDOM.replace("random", "tpe"))
    with pytest.raises(ScenarioError, match=r'tpe needs Optuna: pip install "fedcrucible\[search\]"'):
        read(str(path), [])


def test_each_value_of_the_front_is_searched_by_itself(tmp_path):
    privacy = 'privacy = ["none", { kind = "dp-sgd", epsilon = 8.0, delta = 1e-4 }]\n'
    swept = grid.read(write(tmp_path, VALIDATED + RANDOM + privacy))
    assert [kept["privacy"] for kept, _ in searchers(swept, swept.search)] == list(swept.axes[1].values)


@pytest.mark.skipif(importlib.util.find_spec("optuna") is None, reason="Optuna is an extra")
@pytest.mark.parametrize("kind", ["tpe", "nsga2"])
def test_optuna_goes_where_it_was_good_and_the_same_way_again(tmp_path, kind):
    def played():
        text = VALIDATED + RATE + f'search = {{ kind = "{kind}", trials = 80 }}\n'
        swept = grid.read(write(tmp_path, text))
        [(_, searcher)] = searchers(swept, swept.search)
        asked = []
        for place in range(80):
            rate = searcher.ask()["training.learning_rate"]
            asked.append(rate)
            searcher.tell(place, None if place == 3 else Score(rate, 1.0))
        return asked

    asked = played()
    assert played() == asked
    # With a single key NSGA-II has nothing to cross, and mutates at random.
    assert kind == "nsga2" or sum(asked[60:]) > 1.5 * sum(asked[:20])
