# make demo and make test do all their own set-up; the second start takes seconds.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# The tests run on the built wheel, in an environment that sees the packages of the other one.
WHEEL  := .venv-wheel
CODE   := $(shell find coral streams detectors -type f -not -path '*/__pycache__/*')
# On a terminal pip shows how far it is.
PIP    := $(BIN)/python -m pip --disable-pip-version-check $(shell test -t 2 || echo --quiet)

# Tests of a broker wait most of their time: two at a time on each core.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(2 * (os.cpu_count() or 1))')

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast lint types imports unit bounds unit-fast release-check sizes kafka kafka-stop fuzz operations soak evaluate trigger noticing graph life speed record live docs clean peers proof image image-check cluster-test

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "CORAL needs Python 3.11 or later; make PYTHON=python3.x chooses one"; exit 2; }
	@$(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "no venv: on Debian, apt-get install python3-venv"; exit 2; }

$(VENV)/installed: $(BIN)/python pyproject.toml constraints.txt
	@echo "installing CORAL into $(VENV) ..."
	@$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@echo "installing the development tools into $(VENV) ..."
	@$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(VENV)/installed ## replay a bundled incident of a real system
	@$(BIN)/coral demo

test: lint types imports bounds unit ## everything CI runs

test-fast: lint types imports unit-fast ## the same without the tests that need a real Kafka

lint: $(VENV)/installed-dev ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev ## mypy --strict
	$(BIN)/mypy
	$(BIN)/mypy benchmarks deploy tests tools

imports: $(VENV)/installed-dev ## the layout's import rules
	$(BIN)/lint-imports

$(WHEEL)/installed: $(VENV)/installed-dev $(CODE) README.md LICENSE
	@echo "building the wheel and installing it into $(WHEEL) ..."
	@rm -rf $(WHEEL) dist/wheel
	@$(PIP) wheel --no-deps -w dist/wheel .
	@$(BIN)/python -m venv --without-pip $(WHEEL)
	@$(BIN)/python -c 'import pathlib, sysconfig; here = sysconfig.get_path("purelib"); \
	  [(p / "packages.pth").write_text(here + "\n") for p in pathlib.Path("$(WHEEL)").glob("lib/*/site-packages")]'
	@$(PIP) --python $(WHEEL)/bin/python install --no-deps dist/wheel/*.whl
	@touch $@

# From another folder: the packages of the checkout must not stand before those of the wheel.
unit: $(WHEEL)/installed ## pytest, on the built wheel
	cd $(WHEEL) && bin/python -m pytest -c ../pyproject.toml --rootdir .. -n $(WORKERS) --dist worksteal ../tests

bounds: $(VENV)/installed-dev ## the kernels' tests with every index checked
	NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=$(VENV)/bounds $(BIN)/python -m pytest -n auto \
	  $(shell find tests -name 'test_*kernels.py')

unit-fast: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n auto -m 'not broker'

release-check: $(VENV)/installed-dev ## build sdist and wheel, and install and start both in fresh environments
	rm -rf dist && $(BIN)/python -m build --outdir dist .
	set -e; for made in dist/*.tar.gz dist/*.whl; do \
	  rm -rf .venv-release && $(PYTHON) -m venv .venv-release; \
	  .venv-release/bin/python -m pip --disable-pip-version-check --quiet install -c constraints.txt $$made; \
	  (cd .venv-release && bin/coral --version && bin/coral demo --speed max --out /dev/null | tail -n 3); \
	  echo "$$made installs and starts"; done; rm -rf .venv-release

sizes: $(VENV)/installed ## what is long, to look at before adding to it
	@$(BIN)/python tools/sizes.py

kafka: ## start a real Kafka here (NODES=3: three of them), in place of the last one
	@$(PYTHON) deploy/kafka start --nodes $(or $(NODES),1)

kafka-stop: ## stop it and delete its data
	@$(PYTHON) deploy/kafka stop

# Everything that these need is fetched or built once, into the user's cache; nothing is installed.
IN_NAMESPACES = PYTHONPATH=tests:tests/kubernetes:tools/kubernetes:deploy/kafka:deploy/image:deploy/cluster $(BIN)/python

image: ## build the image of the daemon, with buildah (as root; BASE=python:3.11-slim where a registry is)
	$(PYTHON) deploy/image/make_image.py $(if $(BASE),--base $(BASE))

image-check: $(VENV)/installed-dev ## run it as Kubernetes would, against a real Kafka, in 512 MB (as root)
	$(IN_NAMESPACES) tests/kubernetes/image_check.py

cluster-test: $(VENV)/installed-dev ## run it by its chart in a real Kubernetes, and break things (as root)
	$(IN_NAMESPACES) tests/kubernetes/cluster_run.py

$(VENV)/installed-fuzz: $(VENV)/installed-dev tests/fuzz/requirements.txt
	@$(PIP) install -r tests/fuzz/requirements.txt
	@touch $@

fuzz: $(VENV)/installed-fuzz ## bytes of all kinds at every reader, SECONDS=60 each (20 minutes)
	PYTHONPATH=tests:deploy/kafka $(BIN)/python tests/fuzz/run.py --seconds $(or $(SECONDS),60) \
	  --json benchmarks/results/fuzz.json

operations: $(VENV)/installed-dev ## what running costs, and its tables (20 minutes; on a machine that does nothing else)
	set -e; for part in operations capacity outside; do \
	  $(BIN)/python benchmarks/$$part.py --json benchmarks/results/$$part.json; done
	$(BIN)/python tools/docs/tables.py --only operations_costs --only operations_restores \
	  --only operations_fuzz --only operations_outside

soak: $(VENV)/installed-dev ## kill -9 coral run KILLS=100 times, then an outage of a minute (20 minutes)
	PYTHONPATH=tests:deploy/kafka $(BIN)/python tests/recovery/soak.py --kills $(or $(KILLS),100) \
	  --json benchmarks/results/soak.json
	CORAL_TEST_OUTAGE_S=60 $(BIN)/python -m pytest tests/recovery/test_run_faults.py -k outage

evaluate: $(VENV)/installed-dev ## scorecards over CASES=DIR, both modes
	@test -n "$(CASES)" || { echo "usage: make evaluate CASES=DIR"; exit 2; }
	$(BIN)/python benchmarks/accuracy.py $(CASES) --mode oracle --json benchmarks/results/oracle.json
	$(BIN)/python benchmarks/accuracy.py $(CASES) --mode online --json benchmarks/results/online.json

peers: $(VENV)/installed-dev ## peers and baselines over CASES=DIR, in environments of their own (hours)
	@test -n "$(CASES)" || { echo "usage: make peers CASES=DIR"; exit 2; }
	$(BIN)/python benchmarks/peers/run.py $(CASES) --json benchmarks/results/peers.json

proof: $(VENV)/installed-dev ## robustness, ablations, constants, rules, calibration over CASES=DIR (an hour)
	@test -n "$(CASES)" || { echo "usage: make proof CASES=DIR"; exit 2; }
	$(BIN)/python benchmarks/robustness.py $(CASES) --json benchmarks/results/robustness.json
	$(BIN)/python benchmarks/calibration.py $(CASES) benchmarks/recordings \
	  --json benchmarks/results/calibration.json
	$(BIN)/python benchmarks/ablations.py $(CASES) --leave-one-out \
	  --json benchmarks/results/ablations.json
	$(BIN)/python benchmarks/left_out_rules.py $(CASES) benchmarks/recordings \
	  --json benchmarks/results/left_out_rules.json

trigger: $(VENV)/installed-dev ## full run of benchmarks/trigger.py over CASES=DIR
	@test -n "$(CASES)" || { echo "usage: make trigger CASES=DIR"; exit 2; }
	$(BIN)/python benchmarks/trigger.py $(CASES) --json benchmarks/results/trigger.json \
	  --figures docs/evaluation/figures

noticing: $(VENV)/installed-dev ## the quick part of it: what is found, paged and false, over CASES=DIR
	@test -n "$(CASES)" || { echo "usage: make noticing CASES=DIR"; exit 2; }
	$(BIN)/python benchmarks/trigger.py $(CASES) --quick --json benchmarks/results/noticing.json

graph: $(VENV)/installed-dev ## full runs of benchmarks/graph*.py, the ranking over CASES=DIR
	@test -n "$(CASES)" || { echo "usage: make graph CASES=DIR"; exit 2; }
	for part in graph graph_priors graph_threads graph_wide; do \
	  $(BIN)/python benchmarks/$$part.py --json benchmarks/results/$$part.json || exit 1; done
	$(BIN)/python benchmarks/graph_ranking.py $(CASES) --json benchmarks/results/graph_ranking.json

life: $(VENV)/installed-dev ## weeks of a simulated system's life, with and without change events (hours)
	cd benchmarks && PYTHONPATH=. ../$(BIN)/python -m life --json results/life.json

speed: $(VENV)/installed-dev ## full run of benchmarks/speed.py
	$(BIN)/python benchmarks/speed.py --json benchmarks/results/speed.json

$(VENV)/installed-record: $(VENV)/installed benchmarks/record/requirements.txt
	@$(PIP) install -r benchmarks/record/requirements.txt
	@touch $@

record: $(VENV)/installed-record ## record an incident: FAULT=kind [TARGET=service] [OUT=DIR]
	@test -n "$(FAULT)" || { $(BIN)/python benchmarks/record/record.py --list; exit 2; }
	$(BIN)/python benchmarks/record/record.py $(FAULT) $(if $(TARGET),--target $(TARGET)) \
	  --out $(or $(OUT),benchmarks/recordings)

$(VENV)/installed-live: $(VENV)/installed-record benchmarks/live/requirements.txt
	@$(PIP) install -r benchmarks/live/requirements.txt
	@touch $@

live: $(VENV)/installed-live ## coral run on a real agent pipeline, faults after MINUTES=5,10,20,30,45,60
	$(BIN)/python benchmarks/live.py $(if $(MINUTES),--schedule $(MINUTES)) \
	  --json benchmarks/results/live.json --log benchmarks/results/live.log

docs: $(VENV)/installed-dev ## write the generated tables and figures into README.md and docs/
	$(BIN)/python tools/docs/tables.py
	$(BIN)/python tools/docs/tutorial.py
	$(BIN)/python tools/docs/configuration.py
	$(BIN)/python tools/docs/policies.py
	$(BIN)/python tools/docs/helm_values.py
	cp deploy/grafana/coral.json deploy/helm/coral/files/dashboard.json
	cp deploy/prometheus/alerts.yaml deploy/helm/coral/files/alerts.yaml
	$(BIN)/python tools/kubernetes/kustomize.py
	$(BIN)/python tools/docs/graph_figure.py >/dev/null
	$(BIN)/python tools/docs/graph_cost.py

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .fuzz .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
