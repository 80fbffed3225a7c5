import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = sorted((Path(__file__).parents[2] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("script", BENCHMARKS, ids=lambda script: script.stem)
def test_a_benchmark_finds_what_it_measures(script):
    told = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
