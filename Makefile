# `make demo` and `make test` set up everything that they need and say what they do; the second run
# needs no network. All that is installed lives in .venv and is pinned by hash in requirements/.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
# Two workers, as on the smallest machine; the tests of one file share what is dear to set up. In
# their own order: those against real nodes take longest and must not come last.
PYTEST_ARGS ?= --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: help demo test lint format lock demo-data clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{ printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## set up, and audit the embedded demonstration
	@python="$$(scripts/python)"; "$$python" scripts/setup_venv.py run
	@scripts/demo

test: .venv-dev ## set up, and run all tests
	@scripts/test $(PYTEST_ARGS)

lint: .venv-dev ## linter, formatter, types, layers, stale pages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/make_reference.py --check

format: .venv-dev ## let the linter mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: .venv-dev ## renew requirements/*.txt (make lock UPGRADE=--upgrade for newer versions)
	scripts/lock $(UPGRADE)

demo-data: .venv-dev ## make examples/demo anew, with a real node
	BITCOIND=$$(scripts/get-bitcoind) $(BIN)/python scripts/make_demo.py

clean: ## remove what was set up and cached in this folder
	rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.PHONY: .venv-dev
.venv-dev:
	@python="$$(scripts/python)"; "$$python" scripts/setup_venv.py dev
