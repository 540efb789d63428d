# Bare `make` prints the targets.
.DEFAULT_GOAL := help
.PHONY: help setup test cover chaos bench check format demo

help: ## print the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-10s %s\n", $$1, $$2}'

setup: ## make the environment in .venv
	uv sync

test: ## run all tests
	uv run pytest

chaos: ## kill workers and databases for ten minutes, by new seeds
	uv run python -m tests.chaos.run --minutes 10

bench: ## measure Soniq and its peers, for hours
	uv run python -m bench

cover: ## run all tests and show which branches they miss
	uv run pytest --cov --cov-report=term

check: ## ruff, mypy, pyright, import-linter
	uv run ruff check
	uv run ruff format --check
	uv run mypy
	uv run pyright
	uv run lint-imports --no-logo

format: ## mend what ruff can mend by itself
	uv run ruff check --fix
	uv run ruff format

demo: ## run real jobs over Python's standard library
	uv run soniq demo
