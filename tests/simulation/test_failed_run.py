"""A run that fails below its quorum in the middle: what its summary, its report and `verify` still say."""

import json
import shutil

import pytest
from report_page import read_page

from privacy import accounting, ledger
from privacy.errors import RunFailed
from runs import typed
from simulation import running

_CHANGES = (
    "federation.rounds=40",
    "federation.quorum=3",
    'privacy.budget={epsilon = 6.0, on_exhausted = "retire-client"}',
)


@pytest.fixture(scope="module")
def failed(tiny, tmp_path_factory):
    """Clients of unlike sizes use up the same budget at different times, until one is missing for the quorum."""
    directory = tmp_path_factory.mktemp("failed") / "run"
    with pytest.raises(RunFailed, match="below the quorum of 3"):
        running.start(str(tiny), _CHANGES, "local", 1, directory)
    return directory


@pytest.fixture(scope="module")
def last_line(failed):
    return json.loads((failed / "journal.jsonl").read_text().splitlines()[-1])


def test_the_summary_counts_what_the_failed_round_has_cost(failed, last_line):
    assert last_line["kind"] == "round-failed"
    stated = json.loads((failed / "summary.json").read_text())["epsilon"]["per_client"]
    spent = {
        client: accounting.epsilon(ledger.from_rows(report["ledger"]), 1e-4)
        for client, report in last_line["reports"].items()
    }
    assert {client: stated[client]["max"] for client in stated} == pytest.approx(spent)


def test_the_report_gives_the_reason_and_the_clients_that_were_missing(failed, last_line):
    page = read_page(failed / "report.html")
    [missing] = [client for client, report in last_line["reports"].items() if report["status"] == "retired"]
    assert f"✗ Failed. round {last_line['round']}: 2 usable updates, below the quorum of 3" in page.text
    assert f"retired in round {last_line['round']}" in page.text
    assert f"client {missing}" in page.text


def test_an_intact_record_of_a_failed_run_is_told_with_the_failure(failed, last_line):
    result = typed("verify", failed)
    assert result.returncode == 0, result.stderr
    intact, told = result.stdout.splitlines()
    assert intact.startswith(f"{failed}: the journal is intact; epsilon recomputed")
    assert told == f"{failed}: the run itself failed: round {last_line['round']}: {last_line['reason']}"


@pytest.mark.parametrize(
    ("reason", "told"), [(None, "no reason is recorded"), ("", "no reason is recorded"), ("a\n\x1b[31mb", "a ?[31mb")]
)
def test_an_odd_reason_of_a_failure_stays_in_its_line(failed, tmp_path, reason, told):
    directory = shutil.copytree(failed, tmp_path / "run")
    manifest = json.loads((directory / "manifest.json").read_text())
    (directory / "manifest.json").write_text(json.dumps({**manifest, "reason": reason}))
    assert typed("verify", directory).stdout.splitlines()[1:] == [f"{directory}: the run itself failed: {told}"]
