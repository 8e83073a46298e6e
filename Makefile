# Two commands for a fresh machine: `make quickstart` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: quickstart test browser bench clean

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "wulff needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/installed-test: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

quickstart: .venv/installed
	$(BIN)/wulff quickstart

test: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2 --dist worksteal

# A headless Chromium for the tests of the report page; without one they are skipped, and say so.
browser: .venv/installed-test
	@for name in chromium-headless-shell chromium google-chrome chromium-browser; do \
	  if command -v $$name >/dev/null; then exit 0; fi; done; \
	{ apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium-headless-shell >/dev/null; } \
	  || $(BIN)/playwright install --only-shell chromium

.venv/installed-benchmarks: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[benchmarks]'
	@touch $@

bench: .venv/installed-benchmarks
	$(BIN)/python benchmarks/$(NAME).py

clean:
	rm -rf .venv build quickstart
