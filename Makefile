# Bare `make` prints the targets.
.DEFAULT_GOAL := help
.PHONY: help setup test browser chaos bench check format demo

help: ## print the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-10s %s\n", $$1, $$2}'

setup: ## make the environment in .venv
	uv sync

test: ## run all tests
	uv run pytest

browser: ## install Debian's Chromium, which tests/browser drive, if there is none
	@command -v chromium >/dev/null || \
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends \
			chromium fonts-liberation; } >/dev/null

chaos: ## kill workers and databases for ten minutes, by new seeds
	uv run python -m tests.chaos.run --minutes 10

bench: ## measure Soniq and its peers, for hours
	uv run python -m bench

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
