# `make demo` and `make test` work on a fresh clone: they make .venv and install what they need.
# Everything about tools is configured in pyproject.toml.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := joulesplit proof
CHECKED := $(PACKAGES) tests $(wildcard benchmarks fuzz)
RUN := $(VENV)/.run-ready
DEV := $(VENV)/.dev-ready
DOCS := $(VENV)/.docs-ready
PEERS := $(VENV)/peers/.ready
OTHER := $(VENV)/tflite-runtime
RUNS_NETWORKS := $(addprefix tests/partition/,test_runtime.py test_models.py test_six_networks.py \
  checking parts reading/test_shapes.py reading/test_small_networks.py)

# Chosen by the userland: a 32-bit one may run under a 64-bit kernel, which is all that pip can see.
RUNTIME := $(shell $(PYTHON) -c 'import struct, sys; \
  print("litert" if struct.calcsize("P") == 8 else "tflite-runtime" if sys.version_info < (3, 12) else "")')
# On 32 bit, numpy and scipy are the system's own: PyPI has no wheels of them.
VENV_OPTIONS := $(if $(filter litert,$(RUNTIME)),,--system-site-packages)

comma := ,

# As in the program: threads of the BLAS that wait for each other cost more than they bring.
export OPENBLAS_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help demo test kernels cuts campaigns check fix golden schema docs wheel proof fuzz guided large arm clean

help: ## list what there is to make
	@sed -nE 's/^([a-z]+):.*## (.*)$$/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 10

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "joulesplit needs Python 3.11 or later; give one with: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV_OPTIONS) $(VENV) || \
	  { echo "Python's venv module is missing: sudo apt install python3-venv" >&2; rm -rf $(VENV); exit 1; }

$(RUN): pyproject.toml | $(BIN)/python
	@[ -n "$(RUNTIME)" ] || echo "no TFLite runtime has wheels for this Python, 32 bit: networks are not run here" >&2
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[$(RUNTIME)]'
	@touch $@

$(DEV): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev$(addprefix $(comma),$(RUNTIME))]'
	@touch $(RUN) $@

$(DOCS): $(DEV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	@touch $@

# The libraries that ours is compared with; their own dependencies do not build everywhere.
$(PEERS): | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(VENV)/peers \
	  pi-ina219==1.4.1 Adafruit-GPIO==1.0.3 Adafruit-PureIO==1.1.12 \
	  adafruit-circuitpython-ina219==3.5.2 adafruit-circuitpython-busdevice==5.2.17 \
	  adafruit-circuitpython-register==1.13.0 adafruit-circuitpython-typing==1.12.3 \
	  Adafruit-Blinka==10.0.0 \
	  || echo "the peers cannot be installed here: their tests are skipped"
	@mkdir -p $(@D) && touch $@

# tflite-runtime needs numpy < 2 and Python 3.11, so it has an environment of its own.
$(OTHER)/.ready: pyproject.toml | $(BIN)/python
	@rm -rf $(OTHER) && $(BIN)/python -m venv $(OTHER)
	$(OTHER)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[tflite-runtime]' \
	  'hypothesis>=6.100' 'pytest>=8.2' 'pytest-timeout>=2.3' 'pytest-xdist>=3.6' \
	  || echo "tflite-runtime cannot be installed here: no tests are run with it"
	@touch $@

# Tests with the other runtime, or the reason why not. Where everything must run, as in .ci/run,
# it has to be there, but for Pythons it has no wheels for.
define with_other
@if $(OTHER)/bin/python -c 'import tflite_runtime' 2>/dev/null; then \
  set -x; JOULESPLIT_RUNTIME=tflite-runtime $(OTHER)/bin/python -m pytest $(1); \
else \
  echo "SKIPPED with tflite-runtime, which has wheels for Python 3.11 and is not installed: $(1)"; \
  $(BIN)/python -c 'import os, sys; \
    sys.exit("JOULESPLIT_MUST_RUN" in os.environ and sys.version_info < (3, 12))'; \
fi
endef

# Live tests wait for most of their time: more of them than there are cores run at once.
LIVE_AT_ONCE ?= 4

demo: $(RUN) ## the whole loop here, in three minutes: measure, profile, split (simulated sensor)
	$(BIN)/joulesplit demo --full
	@echo "The program is $(BIN)/joulesplit; in this shell it is joulesplit after: . $(BIN)/activate"

test: $(DEV) $(PEERS) $(OTHER)/.ready ## every test that needs no hardware
	$(BIN)/python -m pytest -m "not live"
	$(BIN)/python -m pytest -m "live and not alone" -n $(LIVE_AT_ONCE) --dist worksteal
	$(BIN)/python -m pytest -m "live and alone" -n 0
	$(call with_other,$(RUNS_NETWORKS))

# What rests on rounding if anything does; OPENBLAS_L2_SIZE would choose the kernel's blocking.
NUMERIC := $(addprefix tests/,metrology calibrate/profiles/test_diff.py optimizer/test_search.py \
  optimizer/test_uncertainty.py optimizer/test_decision.py $(addprefix calibrate/estimates/, \
  test_assemble.py test_fitting.py test_head_fits.py test_ratio.py test_uplink.py test_views.py))
KERNELS := Prescott Nehalem Sandybridge Haswell Zen SkylakeX

kernels: $(DEV) ## the numeric tests under every kernel of the BLAS, one by one (x86-64)
	@for kernel in $(KERNELS); do echo "== OPENBLAS_CORETYPE=$$kernel"; \
	  case $$kernel in SkylakeX) needs=avx512bw;; Haswell | Zen) needs=avx2;; \
	    Sandybridge) needs=avx;; *) needs=sse2;; esac; \
	  grep -qw $$needs /proc/cpuinfo || { echo "skipped: no $$needs here"; continue; }; \
	  env -u OPENBLAS_L2_SIZE OPENBLAS_CORETYPE=$$kernel \
	  $(BIN)/python -m pytest -q -m "not campaign and not live and not kernel" $(NUMERIC) || exit 1; \
	done

cuts: export JOULESPLIT_EVERY_CUT = 1
cuts: $(DEV) $(OTHER)/.ready ## compare every cut of six networks, on both runtimes (half an hour)
	$(BIN)/python -m pytest tests/partition/test_six_networks.py
	$(call with_other,tests/partition/test_six_networks.py)

campaigns: export JOULESPLIT_EVERY_CAMPAIGN = 1
campaigns: $(DEV) ## the tests by whole campaigns in virtual time with all of their campaigns (an hour)
	$(BIN)/python -m pytest -m "campaign and not live" --timeout 3600

check: $(DEV) ## read-only: lint, format, types, import contracts
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(DEV) ## mend what the linters can mend
	$(BIN)/ruff check --fix $(CHECKED)
	$(BIN)/ruff format $(CHECKED)

golden: $(DEV) ## write the expected report texts again; look at the diff
	JOULESPLIT_UPDATE_GOLDEN=1 $(BIN)/python -m pytest -q tests/cli

schema: $(DEV) ## write data/schema (profile, journal) and the list of .tflite tables again
	$(BIN)/python data/schema/make_schema.py
	$(BIN)/python data/schema/make_tflite_schema.py

docs: $(DOCS) ## the documentation as a site, with the reference of every public name, into build/site
	$(BIN)/mkdocs build --quiet --strict

wheel: $(DEV) ## build the sdist, and the wheel from it, into dist/, and check both
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/check-wheel-contents dist/*.whl
	$(BIN)/twine check --strict dist/*

proof: $(DEV) ## the proof in full, a thousand campaigns and more; writes docs/proof.md
	$(BIN)/python -m proof --write docs/proof.md

SECONDS ?= 60
fuzz: $(DEV) ## changed models by the thousand for SECONDS, each in bounded time and memory
	@mkdir -p build
	PYTHONPATH=. $(BIN)/python fuzz/thousands.py --seconds $(SECONDS) --kept build/found.tflite

guided: $(DEV) ## the same, guided by coverage (atheris; Python 3.11 to 3.13)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'atheris>=3.0'
	@mkdir -p build/corpus
	PYTHONPATH=. $(BIN)/python fuzz/fuzz_partition.py build/corpus tests/partition/models \
	  -max_total_time=$(SECONDS) -max_len=20000 -timeout=300 -rss_limit_mb=4096

large: $(DEV) ## cut a file of 4 GB (needs so much disk, and a minute)
	JOULESPLIT_LARGE_FILES=1 $(BIN)/python -m pytest -n 0 tests/partition/test_large_files.py

ROOTS ?= arm64-bookworm arm64-trixie armhf-bookworm
arm: ## what the README tells, and the numeric tests, on emulated ARM (as root; half an hour a ROOT)
	@failed=; for root in $(ROOTS); do \
	  echo "== $$root"; status=0; \
	  tests/arm/run_in_root.sh $$root && tests/arm/run_in_root.sh $$root tests/arm/prove.sh $(PROOF) \
	    || status=$$?; \
	  [ $$status != 77 ] || [ -n "$$JOULESPLIT_MUST_RUN" ] || { echo "SKIPPED: $$root"; continue; }; \
	  [ $$status = 0 ] || failed="$$failed $$root"; \
	done; [ -z "$$failed" ] || { echo "failed on:$$failed" >&2; exit 1; }

clean: ## remove the environment and everything built
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
