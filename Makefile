# Everything a developer does. Each target sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK_OPTIONS := --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q
INSTALLED := $(VENV)/.installed

.PHONY: demo test check format lock clean

## Post a sample call and watch its results land in a customer's bucket.
demo: $(INSTALLED)
	$(BIN)/python -m demo $(if $(RECORDING),--recording "$(RECORDING)") $(if $(CONFIGURATION),--configuration "$(CONFIGURATION)")

## Every check and every test.
test: check
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

## Lint, types, import rules.
check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The lock files are complete; --no-deps keeps out what Resemblyzer names and callpost does not use.
$(INSTALLED): requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

## Resolve the lock files anew from pyproject.toml (needs uv).
lock:
	uv pip compile pyproject.toml --extra models --extra diarization --extra tracing --group dev $(LOCK_OPTIONS) -o requirements-dev.lock
	uv pip compile pyproject.toml --extra models --extra diarization --extra tracing -c requirements-dev.lock $(LOCK_OPTIONS) -o requirements.lock

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
