# Everything starts from a fresh machine with nothing but Python >= 3.11 and its venv module.
# `make help` lists the targets; ARGS is handed to the command behind a target.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := .make/install.py
ARGS ?=
SEEDS ?= 25
SECONDS ?= 300
# Without bytecode files each process compiles a thousand modules at its start, and tests start hundreds.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo dev test test-fast check lint format interop bench soak fuzz simulate scenes attacks console documents lock

help: ## list the targets
	@echo "Usage: make TARGET [ARGS=...]"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "Examples: make demo ARGS=--once    make test ARGS=tests/domain"

setup: .venv/ready ## install the whole environment into .venv

.venv/ready: $(INSTALL) requirements-dev.txt requirements-build.txt pyproject.toml
	@$(PYTHON) $(INSTALL) dev
	@touch .venv/runtime $@

.venv/runtime: $(INSTALL) requirements.txt requirements-build.txt pyproject.toml
	@$(PYTHON) $(INSTALL) runtime
	@touch $@

demo: .venv/runtime ## run the main job on the embedded database, with a Canvas of its own
	@$(BIN)/easeboard demo $(ARGS)

dev: setup ## serve on the embedded database, and restart when a source file changes
	$(BIN)/watchfiles --filter python --sigint-timeout 15 "$(BIN)/easeboard serve $(ARGS)" \
		domain application infrastructure projections interfaces

test: setup ## run the whole test suite, or the part that ARGS names
	$(BIN)/python -m tests $(ARGS)

test-fast: setup ## run the tests that need no database and no process (seconds)
	$(BIN)/python -m pytest -n auto -m unit $(ARGS)

check: lint test ## what CI runs: format, lint, types, import contracts and tests

lint: setup ## check format, lint, types and import contracts, without tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## format the code and apply the safe fixes of the linter
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

interop: setup ## let programs of others judge our proofs, and be witnesses for each other
	$(BIN)/python -m tests.interop $(ARGS)

bench: setup ## run the benchmarks with their peers
	$(BIN)/python -m tests.benchmarks $(ARGS)

soak: setup ## kill and cut off processes SEEDS times, and try each law of the event log for long
	$(BIN)/python -m pytest -n 2 tests/faults --seeds=$(SEEDS) $(ARGS)
	EASEBOARD_SOAK=1 $(BIN)/python -m pytest -n 2 tests/event_store_cases $(ARGS)

fuzz: setup ## fuzz Canvas responses, Canvas addresses and page links, SECONDS each
	$(BIN)/python -m tests.fuzzing response -max_total_time=$(SECONDS)
	$(BIN)/python -m tests.fuzzing address -max_total_time=$(SECONDS)
	$(BIN)/python -m tests.fuzzing link -max_total_time=$(SECONDS)

simulate: setup ## simulate a day of a million connections on a virtual clock
	$(BIN)/python -m tests.simulation $(ARGS)

scenes: setup ## play a Canvas host that is away, and one that revokes all tokens
	$(BIN)/python -m tests.scenes $(ARGS)

attacks: setup ## attack a served process, and measure what health checks and students notice
	$(BIN)/python -m tests.attacks $(ARGS)

console: setup ## check and build the console, whose built files are part of the repository
	$(BIN)/python -m tests.build_console

documents: setup ## generate the documents that are made from the code
	$(BIN)/python -m tests.generate_documents

# Needs uv on the PATH. The files name neither a package index nor this machine.
LOCK := uv pip compile --quiet pyproject.toml --extra embedded --extra telemetry --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header
lock: ## pin all dependencies with hashes (needs uv)
	$(LOCK) --output-file requirements.txt
	$(LOCK) --group dev --output-file requirements-dev.txt
	uv pip compile --quiet --group build --constraint requirements-dev.txt --universal --python-version 3.11 \
		--no-annotate --generate-hashes --no-emit-index-url --no-header --output-file requirements-build.txt
