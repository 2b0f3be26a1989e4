# afterbay. `make help` lists the targets. Needs only Python 3.11+ (with venv) and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
PYTEST_ARGS ?=
# One process more than processors, four at most: many tests wait for processes of their own. `make test WORKERS=0` runs
# them in one.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))') --dist worksteal

.DEFAULT_GOAL := help
SERVERS := $(filter-out %/common.sh,$(wildcard scripts/servers/*.sh))

.PHONY: help setup servers demo test test-long check fix bench lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */\1\t/' | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(STAMP)  ## the virtual environment, with the product, its tools and the AWS CLI

$(STAMP): requirements.lock requirements-awscli.lock pyproject.toml scripts/setup.sh
	PYTHON="$(PYTHON)" scripts/setup.sh "$(VENV)"
	@touch $@

demo: setup  ## the orders pipeline, live: poison record, dead letter, and a proof that replay changes nothing
	$(BIN)/afterbay demo $(ARGS)

# Before the tests, since each of those has a time-out. 3: the machine lacks something, which the script has said.
servers: setup  ## fetch the servers that the tests of sinks start
	@for one in $(SERVERS); do "$$one" install || [ $$? -eq 3 ] || exit 1; done

test: setup servers  ## the whole suite but the long runs (PYTEST_ARGS=... is passed on)
	$(BIN)/python -m pytest -n $(WORKERS) -m "not long" $(PYTEST_ARGS)

test-long: setup servers  ## everything, the long runs too
	$(BIN)/python -m pytest -n $(WORKERS) $(PYTEST_ARGS)

check: setup  ## what CI checks besides the tests: ruff, mypy, pyright, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports

fix: setup  ## let ruff mend and format what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup  ## the benchmarks (ONLY=name for one); writes benchmarks/latest.json
	$(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY))

lock:  ## write the lock files anew (needs uv)
	scripts/lock.sh --upgrade

clean:  ## remove the virtual environment and all caches
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
