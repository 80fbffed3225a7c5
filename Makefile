# fedcrucible: `make help` lists what there is. Every target does the set-up it needs.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# On Linux PyPI's torch carries gigabytes of CUDA. The public CPU wheel index comes first, in a step of its own;
# where it cannot be reached, pip goes on without it.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-browser check format reference bench clean

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## virtual environment, CPU torch, dependencies and the package itself (once)

$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: install Python 3.11 or say make PYTHON=python3"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing torch (CPU)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --retries 1 --extra-index-url $(TORCH_INDEX) --constraint constraints.txt torch 2>&1 | grep -v WARNING || true
	@$(BIN)/python -c "import torch" 2>/dev/null || { echo "torch could not be installed"; exit 1; }
	@echo "installing fedcrucible and its dependencies"
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: setup  ## ten clients, differential privacy and homomorphic aggregation on real digits; ends with a report
	@$(BIN)/fedcrucible run quickstart

test: setup  ## the whole test suite but the slow proofs and those that need a browser
	@$(BIN)/pytest -n 2 --dist worksteal

test-slow: setup  ## the proofs that take minutes: kills, workers, Flower's own runtime
	@$(BIN)/pytest -m slow

test-browser: setup  ## the report drawn in a real Chromium, which must be on the PATH
	@$(BIN)/pytest -m browser

# Units are all but tests/simulation, which plays whole runs and draws pages.
check: setup  ## what must hold before a commit: ruff, mypy --strict, import-linter, the tests of units (a minute)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -n 2 --dist worksteal --ignore tests/simulation

format: setup  ## let ruff lay out the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

reference: setup  ## docs/scenario.md, made from the scenario format's classes
	@$(BIN)/python -m scenarios.reference

# `make bench BENCH=` measures in full, about four times as long.
BENCH ?= --quick
bench: setup  ## the benchmarks, each a table and a file in benchmarks/results (quick; in full: make bench BENCH=)
	@for file in benchmarks/*.py; do echo; echo "$$file"; $(BIN)/python $$file $(BENCH) || exit 1; done
	@echo; echo "figures: benchmarks/results/*.json"

clean:  ## remove the virtual environment and caches; runs/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
