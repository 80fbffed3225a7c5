import pytest

from simulation.report.drawings.bundle import charting_script


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_script_is_kept_and_is_the_same_from_there(cache):
    made = charting_script()
    [kept] = (cache / "fedcrucible").iterdir()
    kept.write_text("// kept")
    assert "vegaEmbed" in made
    assert charting_script() == "// kept"


def test_a_cache_that_cannot_be_written_is_no_failure(cache):
    cache.write_text("a file where the directory would be")
    assert "vegaEmbed" in charting_script()


def test_the_script_cannot_end_its_own_element(cache):
    made = charting_script().lower()
    assert "</script" not in made
    assert "<!--" not in made
