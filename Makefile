# Two commands: `make demo` and `make test`. Both set up first; nothing else is needed but Python 3.11+, git and make.
PYTHON ?= python3
BIN := .venv/bin
export SAM_CLI_TELEMETRY := 0
export AWS_DEFAULT_REGION ?= eu-west-1
export PIP := $(CURDIR)/$(BIN)/python -m pip
unexport PYTHONDONTWRITEBYTECODE # pytest would rewrite every test for every process that collects them
# Lines of one target stay together, where make can do that (GNU make 4).
OUTPUT_SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.DEFAULT_GOAL := help
.PHONY: help setup demo test bench screenshots static lint types templates build pytest lock clean

help: ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/installed ## make .venv with everything, pinned and checked by hash

.venv/installed: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 15) else "Python 3.11 to 3.14 is needed, this is " + sys.version.split()[0] + "; try: make PYTHON=python3.13 ...")'
	@echo "Setting up .venv (about a minute)"
	@$(PYTHON) -m venv --clear .venv
	@$(PIP) install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements.lock
	@touch $@

demo: setup ## watch accounts travel from tagged to connected, on an AWS that lives in one process
	@$(BIN)/python -m sandbox demo

test: lint ## every check CI makes: the tests, and the static ones meanwhile
	@$(MAKE) --no-print-directory --jobs=2 pytest static

static:
	@$(MAKE) --no-print-directory $(OUTPUT_SYNC) types templates build

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy

templates: setup
	$(BIN)/cfn-lint template.yaml stacks/*.yaml layers/consumer/consumer_role.yaml
	$(BIN)/sam validate --lint
	$(BIN)/sam validate --lint --config-env forwarding
	$(BIN)/sam validate --lint --config-env boundaries

build: setup ## a real `sam build`: what `sam deploy` would upload
	@PYTHONPATH=layers/control_plane $(BIN)/python -m control_plane.profiles layers/consumer/profiles.yaml
	$(BIN)/sam build

pytest: setup
	$(BIN)/pytest --numprocesses auto --dist worksteal

bench: setup ## measure what this commit has no figures of: bench/results.json, the tables of bench/README.md, the plot
	@$(BIN)/python -m bench

screenshots: setup ## pictures of quickctl's report as Chromium shows it, in .build/screenshots
	@PYTHONPATH=layers/control_plane $(BIN)/python -m tests.screenshots

# A release that was taken over by somebody is mostly found and withdrawn within days: what is younger is not taken.
COOL_DOWN := --exclude-newer "7 days"

lock: setup ## pin anew, with hashes, what pyproject.toml asks for
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 $(COOL_DOWN) --generate-hashes --no-emit-index-url --no-strip-extras --upgrade --output-file requirements.lock
	$(BIN)/uv pip compile --group functions --universal --python-version 3.13 --constraint requirements.lock $(COOL_DOWN) --generate-hashes --no-emit-index-url --no-strip-extras --output-file layers/dependencies/requirements.txt

clean: ## remove what was made here
	rm -rf .venv .aws-sam .build .mypy_cache .ruff_cache .pytest_cache .hypothesis
