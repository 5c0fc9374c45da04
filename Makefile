# Each target sets up what it needs, in .venv, from nothing but Python 3.11 or newer.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo test check fuzz bench clean

help:
	@echo 'make demo    eight songs and two lyrics on the emulator, saved under demo-output/'
	@echo 'make test    lint, types and tests'
	@echo 'make check   lint and types'
	@echo 'make fuzz    51 000 callbacks from strangers'
	@echo 'make bench   the numbers of the README'

demo: .venv/demo
	$(BIN)/python examples/demo.py

test: check
	$(BIN)/python -m pytest

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/basedpyright

fuzz: .venv/dev
	FUZZ=17000 $(BIN)/python -m pytest tests/test_fuzz.py

bench: .venv/dev
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv demo-output .mypy_cache .pytest_cache .ruff_cache

.venv/pip:
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer is needed; set PYTHON=...'; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) install --upgrade 'pip>=25.1'
	@touch $@

.venv/demo: .venv/pip pyproject.toml
	$(PIP) install --editable '.[emulator]'
	@touch $@

.venv/dev: .venv/demo pyproject.toml
	$(PIP) install --group dev
	@touch $@
