# Everything a contributor types. The first run makes .venv; later runs need no network until pyproject.toml or constraints.txt change.
# Only paths relative to this file, so that a checkout may lie anywhere, also under a name with spaces.
#   make demo ARGS="--contacts 5000"      make test ARGS="tests/state -k lease"      make venv PYTHON=python3.12

PYTHON =
ARGS =
# xdist's "auto" is one process a core; more than eight spend longer starting than they save.
PARALLEL = -n auto --maxprocesses 8
VENV_PYTHON = .venv/bin/python
# The defaults in pyproject.toml leave benchmarks and their plug-in out; these put them back.
BENCH = -o addopts="--strict-markers --import-mode=importlib" -m "not chaos"

.PHONY: help demo test lint format bench guards chaos snapshots picture venv clean FORCE
.NOTPARALLEL:

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile

demo: .venv/.runtime ## the console over a sandbox on this machine (without a terminal: the same walk, printed)
	@if [ -t 0 ] && [ -t 1 ]; then .venv/bin/listwarden demo $(ARGS); else .venv/bin/listwarden demo --headless $(ARGS); fi

test: .venv/.dev ## all tests but the long ones
	@$(VENV_PYTHON) -m pytest $(PARALLEL) $(ARGS)

lint: .venv/.dev ## ruff, mypy, the three floors
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m ruff format --check .
	@$(VENV_PYTHON) -m mypy
	@.venv/bin/lint-imports --no-logo

format: .venv/.dev ## put the code into its one form
	@$(VENV_PYTHON) -m ruff check --fix .
	@$(VENV_PYTHON) -m ruff format .

bench: .venv/.dev ## what costs what, as ratios
	@$(VENV_PYTHON) -m pytest $(BENCH) -s tests/benchmarks $(ARGS)

guards: .venv/.dev ## take each guard out in turn and see a test fail
	@$(VENV_PYTHON) -m tests.guards $(ARGS)

chaos: .venv/.dev ## long runs that kill processes at random; prints where, and the seed
	@$(VENV_PYTHON) -m pytest -m chaos -s --hypothesis-profile search $(ARGS)

snapshots: .venv/.dev ## take the pictures of the screens anew (look at the difference before committing)
	@$(VENV_PYTHON) -m pytest --snapshot-update tests/tui $(ARGS)

picture: .venv/.dev ## the README's picture
	@$(VENV_PYTHON) docs/make_picture.py

venv: .venv/.dev ## only the environment, with the tools of development

clean: ## remove what make and the tools made
	@rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks snapshot_report.html
	@find adapters console state tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Scripts in an environment point to the place it was made at: after a move, without its Python, or when another Python is named, it is made anew.
ifneq ($(shell test -x $(VENV_PYTHON) && cat .venv/.place 2>/dev/null)$(PYTHON),$(CURDIR))
.venv/.runtime .venv/.dev: FORCE
endif

.venv/.runtime .venv/.dev: pyproject.toml constraints.txt
	@PYTHON="$(PYTHON)" sh .ci/venv $(subst .,,$(notdir $@))
