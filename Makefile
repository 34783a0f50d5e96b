# Two commands for a machine that has Python, make and a package index: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed

.PHONY: demo test lint check slow lock clean

demo: $(STAMP)
	@$(VENV)/bin/speckle2pg demo $(ARGS)

test: $(STAMP) lint
	$(VENV)/bin/pytest -n auto --dist loadfile -m "not slow" $(ARGS)

slow: $(STAMP)
	$(VENV)/bin/pytest -m slow $(ARGS)

lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

$(STAMP): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "speckle2pg needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Pins every dependency with its hashes, for all supported Python versions; no address of an index is written.
LOCK := pip compile pyproject.toml --quiet --no-emit-index-url --no-emit-find-links --no-annotate --generate-hashes \
	--universal --python-version 3.11 --custom-compile-command "make lock"
lock: $(STAMP)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(VENV)/bin/uv $(LOCK) --upgrade --output-file requirements.txt
	$(VENV)/bin/uv $(LOCK) --all-extras --group dev --constraint requirements.txt --output-file requirements-dev.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
