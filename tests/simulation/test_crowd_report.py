"""The page of a run with many clients: small, with every client on it, found by a search."""

import base64
import json
import re
import zlib

import pytest
from chromium import visit
from report_page import read_page
from run_directories import write_run

from simulation.report import write_report

CLIENTS = 10_000


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """The page of a run of 10,000 clients with 10 classes, all of them in three rounds."""
    home = tmp_path_factory.mktemp("crowd")
    write_report([write_run(home / "run", clients=CLIENTS, rounds=3)], home / "report.html")
    return home / "report.html"


@pytest.fixture(scope="module")
def page(path):
    return read_page(path)


@pytest.fixture(scope="module")
def listings(page):
    """The rows of the long tables."""
    packed = [attributes["data-rows"] for attributes in page.attributes("div") if "data-rows" in attributes]
    columns = [json.loads(zlib.decompress(base64.b64decode(one))) for one in packed]
    return [list(zip(*one, strict=True)) for one in columns]


def test_a_page_of_ten_thousand_clients_stays_small(page):
    assert len(page.html.encode()) < 2_000_000


def test_every_client_stands_in_each_long_table(listings):
    epsilon, sights, holdings = listings
    names = [f"client {client}" for client in range(CLIENTS)]
    for table in (epsilon, sights, holdings):
        assert [row[0] for row in table] == names
    assert [row[5] for row in sights[:2]] == ["–", "–"]
    assert {row[1] for row in sights} == {"3 of 3"}


def test_without_javascript_a_long_table_shows_its_first_rows_and_says_what_more_needs(page):
    for title in ("ε of every client", "What the server saw of each client", "Every client&#39;s records by class"):
        table = re.search(rf'aria-label="{title}">(.*?)</table>(.*?)</noscript>', page.html, re.DOTALL)
        assert re.findall(r'<th scope="row">(.*?)</th>', table[1]) == [f"client {client}" for client in range(20)]
        assert "the first 20 of 10,000 rows" in table[2]


def test_each_spread_counts_every_client_once(page, path):
    records = page.rows("run-1-records")
    assert sum(row["clients"] for row in records) == CLIENTS
    manifest = json.loads((path.parent / "run" / "manifest.json").read_text())
    held = [client["records"] for client in manifest["clients"].values()]
    for row in records:
        assert row["clients"] == sum(row["from"] < count < row["to"] for count in held)
    assert sum(row["clients"] for row in page.rows("run-1-epsilon-by-client")) == CLIENTS


def test_the_caption_names_who_stands_at_the_ends(page, path):
    summary = json.loads((path.parent / "run" / "summary.json").read_text())
    spent = {client: one["max"] for client, one in summary["epsilon"]["per_client"].items()}
    assert re.search(rf"to ε = \S+ \(client {max(spent, key=spent.get)}\); the median client has", page.text)


def test_some_clients_are_drawn_with_their_classes_from_the_fewest_records_to_the_most(page, path):
    clients = json.loads((path.parent / "run" / "manifest.json").read_text())["clients"].values()
    drawn = page.charts["run-1-holdings"]["layer"][0]["encoding"]["y"]["scale"]["domain"]
    held = {client["name"]: client["records"] for client in clients}
    assert len(drawn) == 60
    assert [held[name] for name in drawn] == sorted(held[name] for name in drawn)
    assert (held[drawn[0]], held[drawn[-1]]) == (min(held.values()), max(held.values()))


@pytest.mark.parametrize(("clients", "listed"), [(200, 0), (201, 3)])
def test_only_of_many_clients_rows_wait_for_somebody_to_look(tmp_path, clients, listed):
    write_report([write_run(tmp_path / "run", clients=clients, rounds=2)], tmp_path / "report.html")
    page = read_page(tmp_path / "report.html")
    assert sum("data-rows" in attributes for attributes in page.attributes("div")) == listed
    assert ("run-1-records" in page.charts) == (listed > 0)


ACTING = """<script>
{
  const listing = document.querySelectorAll(".listing")[%d];
  const search = (text) => {
    const box = listing.querySelector("input");
    box.value = text;
    box.dispatchEvent(new Event("input"));
  };
  const heads = listing.querySelectorAll("thead button");
  const waiting = setInterval(() => {
    if (!listing.querySelector("[role=status]").textContent.includes(" of ")) return;
    clearInterval(waiting);
    %s;
    document.title = JSON.stringify([
      listing.querySelector("[role=status]").textContent,
      ...[...listing.querySelectorAll("tbody tr")]
        .slice(0, 3)
        .map((row) => [...row.cells].map((cell) => cell.textContent)),
    ]);
  }, 20);
}
</script>
"""


def acted(path, tmp_path, listing, script):
    """What a long table says and its first rows after a script of the test has acted on it.

    The page's policy, which forbids such a script, is taken out.
    """
    html = re.sub(r"<meta http-equiv[^>]*>", "", path.read_text(encoding="utf-8"), count=1)
    body, end = html.rsplit("</body>", 1)
    acting = tmp_path / "acting.html"
    acting.write_text(f"{body}{ACTING % (listing, script)}</body>{end}", encoding="utf-8")
    [title] = re.findall(r"<title>(.*?)</title>", visit(acting, tmp_path / "profile").dom)
    return json.loads(title)


@pytest.mark.browser
def test_a_long_table_is_drawn_as_far_as_somebody_looks(path, tmp_path):
    seen = visit(path, tmp_path / "profile")
    assert seen.console == ()
    assert seen.dom.count("100 of 10,000 rows") == 3
    assert 'class="drawn"' in seen.dom


@pytest.mark.browser
def test_a_client_is_found_by_its_number(path, tmp_path, listings):
    said, *rows = acted(path, tmp_path, 0, "search('4711')")
    assert said == "1 of 1 rows, found among 10,000"
    assert rows == [list(listings[0][4711])]


@pytest.mark.browser
def test_a_long_table_is_sorted_by_a_column(path, tmp_path, listings):
    said, *rows = acted(path, tmp_path, 2, "heads[1].click()")
    most = sorted(listings[2], key=lambda row: -int(row[1].replace(",", "")))[:3]
    assert said == "100 of 10,000 rows"
    assert rows == [list(row) for row in most]
