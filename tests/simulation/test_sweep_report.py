import pytest
from report_page import Page, read_page
from sweep_results import content, setting, spread, write_sweep

from privacy.errors import ScenarioError
from simulation.report import write


def page_of(folder, results) -> Page:
    write([write_sweep(folder / "sweep", results)], folder / "page.html")
    return read_page(folder / "page.html")


def test_the_page_says_what_was_chosen_and_what_it_costs(tmp_path):
    text = page_of(tmp_path, content()).text
    assert "What does privacy cost?" in text
    assert "3 settings were tried in 2 runs, of which 1 was completed." in text
    assert "privacy: dp-sgd epsilon=1.0 88.0%" in text
    assert "With training.learning_rate 4.0 at ε = 0.980, ± 1.0 points over 3 runs." in text.replace("\xa0", " ")
    assert "failed: the model diverged" in text


def answer(folder, least, best):
    """The answer of a sweep with these accuracies of its most private and its most accurate setting."""
    chosen = [setting("less", 0.5, 1.0, chosen=True), setting("more", 0.5, 8.0, chosen=True)]
    for one, accuracy in zip(chosen, (least, best), strict=True):
        one["accuracy"] = accuracy
    return page_of(folder, content(settings=chosen)).text.replace("\xa0", " ")


@pytest.mark.parametrize(
    ("least", "best", "told"),
    [
        (spread(0.880, 0.01), spread(0.901, 0.01), "at ε = 1.00, 2.1 points less."),
        (
            spread(0.882, 0.01),
            spread(0.901, 0.01),
            "at ε = 1.00, a difference that is within the spread over the seeds.",
        ),
        (spread(0.6, 0.0, 1), spread(0.9, 0.0, 1), "30.0 points less in a single run: another seed may say otherwise."),
    ],
)
def test_a_difference_within_the_spread_is_not_told_as_one(tmp_path, least, best, told):
    assert told in answer(tmp_path, least, best)


def test_of_few_settings_the_answer_says_what_became_of_each(tmp_path):
    plain, hidden = (setting(protection, 0.9, None, chosen=True) for protection in ("none", {"kind": "homomorphic"}))
    found = {
        "visibility: roles that could read single updates": spread(2.0),
        "gradient-inversion: PSNR of the best reconstruction from single updates, dB": spread(49.25),
        "membership-inference: AUC of a threshold on the loss": spread(0.55),
        "membership-inference: AUC of LiRA (offline)": spread(0.6),
    }
    plain |= {"findings": found, "forgetting": spread(0.125)}
    hidden |= {
        "findings": {"visibility: roles that could read single updates": spread(0.0)},
        "accuracy": spread(0.875, 0.0),
        "bytes": spread(8e6),
        "seconds": spread(6.0),
    }
    for one in (plain, hidden):
        one["settings"] = {"protection": one["settings"]["privacy"], "model": "mlp"}
    names = {"protection": {'"none"': "in the clear", '{ kind = "homomorphic" }': "encrypted"}}
    text = page_of(tmp_path / "few", content(settings=[plain, hidden], names=names)).text.replace("\xa0", " ")
    assert (
        "in the clear, model mlp: 90.0% ± 1.0 points of the test records correctly, forgetting 12.5 points, 2 MB, "
        "3.0 s, single updates readable by 2 roles, gradient-inversion PSNR 49.2 dB, membership-inference AUC 0.600 "
        "(0.5 is guessing)"
    ) in text
    assert (
        "encrypted, model mlp: 87.5% ± 0.0 points of the test records correctly (2.5 points less than the best), 8 MB, "
        "6.0 s, single updates readable by nobody"
    ) in text
    assert "The most accurate classifies 90.0%" in text
    plain["seconds"] = spread(3.0, 2.0)
    hidden["seconds"] = spread(6.0, 2.0)
    unsure = page_of(tmp_path / "unsure", content(settings=[plain, hidden], names=names)).text
    assert "8 MB, single updates readable by nobody" in unsure, "seconds that differ as much among runs tell nothing"
    many = [setting(f"model {number}", 0.5, None) for number in range(11)]
    assert "less than the best" not in page_of(tmp_path / "many", content(settings=many)).text


def test_of_few_settings_what_is_within_the_spread_or_of_one_run_is_said_to_be(tmp_path):
    pair = [setting("a", 0.9, 1.0), setting("b", 0.9, 2.0)]
    pair[0]["accuracy"] = spread(0.885, 0.01)
    text = page_of(tmp_path / "spread", content(settings=pair)).text.replace("\xa0", " ")
    assert "correctly (1.5 points less than the best, within the spread over the seeds), at ε = 1.00" in text
    for one in pair:
        one["accuracy"]["count"] = 1
    text = page_of(tmp_path / "single", content(settings=pair)).text
    assert "correctly (1.5 points less than the best, of a single run), at" in text


PROMISE = {
    "statement": "Each sequence of updates is private.",
    "unit": "record",
    "neighbouring_relation": "add or remove one record of one client",
    "sampling": "Poisson: each record independently",
    "trust": "each client trusts its own machine",
    "delta": 1e-5,
    "assumptions": ["no record is held by two clients"],
    "stamp": "reproducible: not private",
    "runs": 6,
}


def test_the_guarantee_is_stated_once_with_the_stamp_of_seeded_runs(tmp_path):
    text = page_of(tmp_path / "one", content(guarantees=[PROMISE])).text
    assert "⚠ reproducible: not private" in text[: text.index("What was chosen")]
    said = text[text.index("The guarantee of each run by itself") :]
    assert said.startswith("The guarantee of each run by itself Of 6 private runs, each with its own ε. That nothing")
    shown = [value for value in PROMISE.values() if isinstance(value, str)]
    assert [value for value in shown if value not in said] == []
    others = {**PROMISE, "stamp": None, "runs": 1, "delta": None}
    text = page_of(tmp_path / "two", content(guarantees=[PROMISE, others])).text
    assert "⚠ 6 private runs: reproducible: not private" in text
    text = page_of(tmp_path / "same", content(guarantees=[PROMISE, {**PROMISE, "runs": 1, "sampling": "none"}])).text
    assert text.count("⚠ reproducible: not private") == 1
    assert "private runs: reproducible" not in text
    text = page_of(tmp_path / "again", content(guarantees=[PROMISE, others])).text
    assert "Of 1 private run, each with its own ε and its own δ." in text
    assert "The guarantee" not in page_of(tmp_path / "none", content()).text


def test_the_cost_of_tuning_stands_beside_the_choice(tmp_path):
    text = page_of(tmp_path, content()).text.replace("\xa0", " ")
    assert "All 6 private runs used the same records" in text
    assert "is ε = 5.50 at δ 10⁻⁵" in text
    assert "3 runs without privacy used the records, too" in text


def test_a_choice_on_the_test_set_is_called_optimistic(tmp_path):
    assert "optimistic" not in page_of(tmp_path / "a", content()).text
    assert "is optimistic" in page_of(tmp_path / "b", content(chosen_by="accuracy", optimistic=True)).text


def test_the_scatter_has_a_point_for_each_setting_with_the_spread_over_its_seeds(tmp_path):
    page = page_of(tmp_path, content())
    rows = page.rows("sweep-accuracy-epsilon")
    assert [(row["cost"], row["accuracy"], row["kind"]) for row in rows] == [
        (0.97, 0.84, "tried"),
        (0.98, 0.88, "chosen"),
    ]
    assert rows[1]["low"] == pytest.approx(0.87)
    assert rows[1]["high"] == pytest.approx(0.89)
    assert [row["cost"] for row in page.rows("sweep-accuracy-epsilon", "front")] == [0.98]
    assert [row["accuracy"] for row in page.rows("sweep-accuracy-epsilon", "level")] == [0.96]
    assert len(page.rows("sweep-accuracy-bytes")) == 3


@pytest.mark.parametrize("marked", [True, False])  # an earlier version marked every one of them
def test_where_nothing_was_chosen_nothing_is_called_so_and_without_an_epsilon_no_chart_is_empty(tmp_path, marked):
    alone = [setting(protection, 0.9, None, chosen=marked) for protection in ("none", {"kind": "homomorphic"})]
    page = page_of(tmp_path / "open", content(settings=alone))
    assert {row["kind"] for row in page.rows("sweep-accuracy-bytes")} == {"tried"}
    assert "chosen" not in page.text
    assert "Accuracy against ε" not in page.text
    assert "The most accurate classifies 90.0%" in page.text
    private = page_of(tmp_path / "private", content(settings=[*alone, setting("noise", 0.8, 1.0, chosen=marked)]))
    assert "Accuracy against ε" in private.text
    none = [setting("none", 0.9, None) | {"accuracy": None}]
    assert "No setting has both" in page_of(tmp_path / "failed", content(settings=none)).text


def test_the_page_runs_its_own_scripts_only_and_shows_its_files_as_text(tmp_path):
    page = page_of(tmp_path, content(name="</title><script>x</script>", question="<img src=x onerror=x>"))
    assert "<img src=x onerror=x>" in page.text
    assert len(page.scripts) == 3
    assert page.policy()["default-src"] == ["'none'"]
    assert len(page.policy()["script-src"]) == 2


DEEP = '{"a":' * 100_000
NESTED = '{"settings": [{"settings": {"k": ' + "[" * 700 + "]" * 700 + "}}]}"
HUGE = content(settings=[setting("none", 1e308, 1e308), setting("none", -5.0, -1.0), setting("none", 0.5, 1e-300)])


@pytest.mark.parametrize(
    "results",
    [
        {},
        {"settings": 3, "runs": "x", "tuning": [], "front": {}},
        {"settings": [None, 1, {}, {"settings": []}, {"accuracy": spread(float("nan"))}], "runs": [{}, 0]},
        content(settings=[]),
        content(front="nothing", tuning={"epsilon": None, "delta": "x"}),
        HUGE,
        NESTED,
        content(name="\ud800", settings=[setting("\x00\x1b[31m", 0.5, 1.0)]),
    ],
)
def test_whatever_the_results_are_there_is_a_page(tmp_path, results):
    assert page_of(tmp_path, results).text


@pytest.mark.parametrize("results", ["", "[]", "{", DEEP])
def test_results_that_are_none_are_refused_in_a_line(tmp_path, results):
    with pytest.raises(ScenarioError, match=r"results\.json: "):
        page_of(tmp_path, results)


def test_a_sweep_without_results_and_one_among_runs_are_refused(tmp_path):
    folder = write_sweep(tmp_path / "sweep", content())
    with pytest.raises(ScenarioError, match="a sweep has a page of its own"):
        write([folder, folder], tmp_path / "page.html")
    (folder / "results.json").unlink()
    with pytest.raises(ScenarioError, match="the sweep has no results yet"):
        write([folder], tmp_path / "page.html")
    with pytest.raises(ScenarioError, match="a sweep has a page and no picture"):
        write([folder], tmp_path / "page.png")
