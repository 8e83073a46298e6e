# Commands for a fresh machine: `make quickstart` and `make test`; for working on the code: `make fast`, `make lint`.
# Another interpreter has an environment of its own: `make test PYTHON=python3.13 VENV=.venv-3.13`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Tests run in two processes; threads that wait for each other would take their time.
export OMP_NUM_THREADS ?= 1
export NO_MKDOCS_2_WARNING = 1
# Tests start many processes, which would each compile all modules where none may be kept.
export PYTHONDONTWRITEBYTECODE =

.PHONY: quickstart test lint fast docs drill build lowest newest browser bench clean

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "wulff needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) -c constraints.txt -e .
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(PIP) -c constraints.txt -e '.[test]'
	@touch $@

quickstart: $(VENV)/installed
	$(BIN)/wulff quickstart

# With COVERAGE=1 it prints which branches the tests take, fails where they are too few, and is slower for it.
test: $(VENV)/installed-test
	$(BIN)/pytest -n 2 --dist worksteal $(if $(COVERAGE),--cov --cov-report=term:skip-covered)

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

# The tests of what was changed, for at most a minute of CPU time in each of two processes.
fast: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/pytest -n 2 --dist worksteal --budget 50 $$($(BIN)/python -m tests.changed)

# Every command and example of the documentation is run, and the site is built into build/site, without a warning.
docs: $(VENV)/installed-test
	$(BIN)/pytest tests/test_documentation.py tests/test_site.py
	$(BIN)/mkdocs build

# Plants faults that make radii too large, one at a time: the tests must catch each. FAULTS=2 plants two of them.
drill: $(VENV)/installed-test
	$(BIN)/python tests/fault_drill.py $(FAULTS)

# The source distribution and the wheel, in dist/; the former must be able to run its own tests.
build: $(VENV)/installed-test
	rm -rf dist build
	$(BIN)/python -m build --outdir dist
	mkdir -p build/unpacked && tar xzf dist/wulff-*.tar.gz -C build/unpacked --strip-components 1
	cd build/unpacked && PYTHONPATH=src $(abspath $(BIN))/python -m pytest -q tests/test_cases.py tests/test_imports.py

# The suite with the lowest versions of everything that is allowed, and with the newest that there are.
lowest:
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-lowest.txt -e '.[test]'
	.venv-lowest/bin/pytest -n 2 --dist worksteal $(TESTS)

newest:
	$(PYTHON) -m venv .venv-newest
	.venv-newest/bin/python -m pip install --quiet --disable-pip-version-check --upgrade --upgrade-strategy eager -e '.[test]'
	.venv-newest/bin/pytest -n 2 --dist worksteal $(TESTS)

# A headless Chromium for the tests of the report page; without one they are skipped, and say so.
browser: $(VENV)/installed-test
	@for name in chromium-headless-shell chromium google-chrome chromium-browser; do \
	  if command -v $$name >/dev/null; then exit 0; fi; done; \
	{ apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium-headless-shell >/dev/null; } \
	  || $(BIN)/playwright install --only-shell chromium

$(VENV)/installed-benchmarks: $(VENV)/installed
	$(PIP) -c constraints.txt -e '.[benchmarks]'
	@touch $@

bench: $(VENV)/installed-benchmarks
	$(BIN)/python benchmarks/$(NAME).py

clean:
	rm -rf .venv .venv-* build dist quickstart
