# `make help` lists the targets. Everything is installed into .venv; a machine needs only
# Python 3.11 or newer, git and make.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
FAULT ?= src_column_renamed
WORKERS ?= 2
KEEP ?= .demo

.DEFAULT_GOAL := help
.PHONY: help install demo test fast slow check lint types proofs evaluate live integration bench schemas clean

help: ## List the targets.
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(STAMP) ## Make the environment in .venv.

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "agentic needs Python 3.11 or newer")'
	@echo "Making the environment in $(VENV) (a minute, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: install ## Break the example project, repair it, show the proof. FAULT=<class>, default src_column_renamed.
	@$(BIN)/python -m agentic.evals.demo --fault $(FAULT) --keep $(KEEP)

test: install ## The whole suite but what needs a key.
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal --durations=30 -m "not live and not integration"

fast: install ## The fast part of the suite: no dbt, no git, no database.
	@$(BIN)/python -m pytest -q -m "not slow and not live and not integration" tests/unit

slow: install ## The slow part: real dbt, git, DuckDB, PostgreSQL.
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m "slow" tests/slow

lint: install
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: install
	@$(BIN)/mypy

check: lint types fast ## Lint, types and the fast tests.

proofs: install ## The long proofs; their report is committed in proofs/.
	@$(BIN)/python -m tests.proofs

evaluate: install ## Run what vouches for the agents' prompts; writes evals/prompts.json. LIVE=1 adds the real service.
	@$(BIN)/python -m tests.support.evaluated

live: install ## Evals against the real model service, into docs/evals-live.md; needs ANTHROPIC_API_KEY.
	@$(BIN)/python -m tests.live.evals

integration: install ## Real Airflow, Prefect, Chromium; what is absent says `not run`.
	@$(BIN)/python -m pytest -q -rs -m integration || \
		{ test $$? -eq 5 && echo "Airflow, Prefect, Chromium: not run: no test needs them yet"; }

bench: install ## Benchmarks, side by side in one run; writes benchmarks/README.md's tables.
	@$(BIN)/python -m benchmarks

schemas: install ## Write the JSON Schemas for editors.
	@$(BIN)/agentic schema agents > schemas/agents.schema.json
	@$(BIN)/agentic schema guardrails > schemas/guardrails.schema.json
	@$(BIN)/agentic schema playbooks > schemas/playbooks.schema.json

clean: ## Remove what was made: the environment, caches, the demo.
	@rm -rf $(VENV) .demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
