# `make run` and `make test` are all that a fresh machine needs; `make help` lists the rest.

PYTHON ?= python3
# --system-site-packages lets .venv use the packages of $(PYTHON), such as a torch that is already there.
# They are used as they are where they satisfy pyproject.toml, so the pins of constraints.txt do not apply.
VENV_FLAGS ?=
ARGS ?=

BIN := .venv/bin
CONSTRAINTS = $$(grep -q 'include-system-site-packages = true' .venv/pyvenv.cfg || echo -c constraints.txt)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-slow test-oldest bench lint format clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make run ARGS='--quick'                       options for benchsuite run --all"
	@echo "  make run PYTHON=python3.12                    another interpreter, for a new .venv"
	@echo "  make run VENV_FLAGS=--system-site-packages    use the torch that \$$(PYTHON) has, for a new .venv"

run: .venv/installed ## install, measure every scenario and write the report
	$(BIN)/python -m benchsuite run --all $(ARGS)

test: lint ## all checks and the quick tests
	$(BIN)/python -m pytest -m "not slow" $(ARGS)

test-slow: .venv/installed-test ## the tests that take longer
	$(BIN)/python -m pytest -m slow $(ARGS)

test-oldest: ## the quick tests with the oldest versions that pyproject.toml allows, in .venv-oldest
	$(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet uv
	.venv-oldest/bin/uv pip install --python .venv-oldest --resolution lowest-direct -e '.[test]'
	.venv-oldest/bin/python -m pytest -m "not slow" $(ARGS)

bench: .venv/installed-test ## benchmarks of benchsuite itself
	$(BIN)/python -m pytest benchmarks -s $(ARGS)

lint: .venv/installed-test ## ruff, mypy and import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: .venv/installed-test ## format the code and fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove .venv, caches and builds; runs/ stays
	rm -rf .venv .venv-oldest build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .benchmarks
	find benchsuite scenarios reports tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	$(PYTHON) -m venv $(VENV_FLAGS) .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing benchsuite into .venv (on Linux torch brings CUDA: about 5 GB)."
	$(BIN)/python -m pip install $(CONSTRAINTS) -e .
	@touch $@

.venv/installed-test: .venv/installed
	$(BIN)/python -m pip install --quiet $(CONSTRAINTS) -e '.[test]'
	@touch $@
