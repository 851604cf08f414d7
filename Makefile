# Everything starts from a fresh machine with nothing but Python >= 3.11 and its venv module.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
SEEDS ?= 25
SECONDS ?= 300

.PHONY: setup demo test check bench soak fuzz simulate documents lock

setup: .venv/ready

.venv/ready: requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "easeboard needs Python 3.11 or newer; name one with PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup
	$(BIN)/easeboard demo $(ARGS)

test: setup
	$(BIN)/python -m pytest -n auto $(ARGS)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n auto $(ARGS)

bench: setup
	$(BIN)/python -m tests.benchmarks $(ARGS)

# Kills, freezes and cuts off real processes under load; [worker-7] is repeated by -k worker-7.
soak: setup
	$(BIN)/python -m pytest -n 2 tests/faults --seeds=$(SEEDS) $(ARGS)

# One after the other, SECONDS each: what Canvas answers, what people give as its address, its pages.
fuzz: setup
	$(BIN)/python -m tests.fuzzing answer -max_total_time=$(SECONDS)
	$(BIN)/python -m tests.fuzzing address -max_total_time=$(SECONDS)
	$(BIN)/python -m tests.fuzzing link -max_total_time=$(SECONDS)

# A day of a million connections on a virtual clock; ARGS=--help names what can be changed.
simulate: setup
	$(BIN)/python -m tests.simulation $(ARGS)

# What the application says of itself: docs/openapi.json and docs/authorisation.md.
documents: setup
	$(BIN)/python -m tests.generate_documents

# Needs uv on the PATH; the files name neither an index nor this machine.
LOCK := uv pip compile --quiet pyproject.toml --extra embedded --extra telemetry --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header
lock:
	$(LOCK) --output-file requirements.txt
	$(LOCK) --group dev --output-file requirements-dev.txt
