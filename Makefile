# Needs Python 3.11 to 3.13, git and make; everything else goes into .venv.

PY := .venv/bin/python
STAMP := .venv/.installed
SOURCES := flows tasks grace

.DEFAULT_GOAL := help
.PHONY: help install up down test test-slow bench headline screenshots check fix
# every flow run starts a process, and pays its imports twice without bytecode
unexport PYTHONDONTWRITEBYTECODE

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## make .venv and nothing else

# The stamp comes last, so that an install cut short is done again.
$(STAMP): requirements.lock pyproject.toml
	@$(PY) -c '$(FITS)' 2>/dev/null && $(PY) -m pip --version >/dev/null 2>&1 || { \
		for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11) none; do \
			"$$python" -c '$(FITS)' 2>/dev/null && break; \
		done; \
		test "$$python" != none || { echo "make: $(NO_PYTHON)" >&2; exit 2; }; \
		"$$python" -m venv .venv; }
	@echo "installing into .venv, which takes a minute or two the first time"
	@$(PIP) -r requirements.lock
	@$(PIP) --no-deps -e .
	@# packages that ship templates with the name of a module make compileall complain
	@$(PY) -m compileall -qq -j 0 .venv/lib $(SOURCES) || true
	@touch $@

PIP := $(PY) -m pip install -qq --disable-pip-version-check
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
NO_PYTHON = no Python 3.11, 3.12 or 3.13 found (python3 is $$(python3 --version 2>&1 | tail -n 1)): \
	install one, or name one you have by PYTHON=/path/to/python3

up: install ## the running system with its sample workload; again: no change
	@.venv/bin/grace up --sample

down: install ## end what `make up` started; waiting approvals are kept
	@.venv/bin/grace down

# three at once on two cores: they wait for Prefect more than they compute
test: check ## style, types, imports and the tests
	$(PY) -m pytest -n 3 --dist loadfile

test-slow: install ## the large counts that `make test` leaves out
	$(PY) -m pytest -m slow -n 3 --dist loadfile
	@# the properties that `make test` tries on the same examples every time, here on new ones
	$(PY) -m pytest -m "hypothesis and not slow" --hypothesis-profile searching -n 3

# the headline brings up a system of its own and takes half an hour: `make headline`
BENCHMARKS := $(filter-out _% headline%,$(notdir $(basename $(wildcard benchmarks/*.py))))

bench: install ## every benchmark, one after the other
	@$(PIP) -e ".[bench]"
	@set -e; for name in $(BENCHMARKS); do echo "== $$name"; $(PY) -m benchmarks.$$name; done

headline: install ## a real workload improved, measured and compared with a sweep; 35 minutes
	$(PY) -m benchmarks.headline

screenshots: install ## the pictures in docs/images, of a running system of its own; needs Chromium
	$(PY) -m tests.screenshots

check: install ## style, types and imports; changes nothing
	@# without its cache, which does not notice that a module has come to be ours
	.venv/bin/ruff check --no-cache .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

fix: install ## mend what ruff can mend
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .
