# Needs python3 (3.11 or newer) and make; everything else it installs into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
KERNEL := $(wildcard src/kernel/*) tools/build_kernel.py
BOOKS := tests/book tests/market tests/fanout tests/wire tests/venues
UPDATES ?= 10000000
FUZZ_SECONDS ?= 60
.PHONY: help demo test twins sanitize fuzz check bench kernel lock clean

help: ## Say what there is to make
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

demo: $(VENV)/ready ## Serve a recording (RECORDING=file VENUE=name) and watch it
	@RECORDING='$(RECORDING)' VENUE='$(VENUE)' $(BIN)/python tools/demo.py

test: $(VENV)/ready-dev ## Run all tests, those of books on both kernels
	$(BIN)/pytest
	@$(BIN)/python -c 'import sys; from deltawire.book import kernel; sys.exit(not kernel.COMPILED)' \
		|| { echo "one kernel is all there is: nothing to run again"; exit 0; } \
		&& DELTAWIRE_PURE=1 $(BIN)/pytest -q $(BOOKS) --deselect tests/venues/test_damage.py::TestRecordings

twins: $(VENV)/ready-dev ## Compare both kernels on 10 million random updates (UPDATES=)
	DELTAWIRE_UPDATES=$(UPDATES) $(BIN)/pytest -q tests/book/test_kernel.py -k random
	DELTAWIRE_UPDATES=$$(( $(UPDATES) / 20 )) $(BIN)/pytest -q tests/venues/test_kernels.py -k random

check: $(VENV)/ready-dev ## Format, lint and type check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)-bench/ready ## Measure against peers, as ratios
	$(VENV)-bench/bin/python -m bench

$(VENV)/ready: requirements/runtime.txt pyproject.toml $(KERNEL)
	$(PYTHON) tools/bootstrap.py $(VENV) requirements/runtime.txt

$(VENV)/ready-dev: requirements/dev.txt pyproject.toml $(KERNEL)
	$(PYTHON) tools/bootstrap.py $(VENV) requirements/dev.txt
	@touch $(VENV)/ready

$(VENV)-fuzz/ready: requirements/fuzz.txt pyproject.toml $(KERNEL)
	$(PYTHON) tools/bootstrap.py $(VENV)-fuzz requirements/fuzz.txt

$(VENV)-bench/ready: requirements/bench.txt pyproject.toml $(KERNEL)
	$(PYTHON) tools/bootstrap.py $(VENV)-bench requirements/bench.txt

sanitize: $(VENV)/ready-dev ## Run the kernel's tests under AddressSanitizer and UndefinedBehaviorSanitizer
	$(BIN)/python tools/sanitize.py

fuzz: $(VENV)-fuzz/ready ## Fuzz both kernels against each other, each target for FUZZ_SECONDS
	@for target in levels sides streams; do \
		echo "fuzz: $$target for $(FUZZ_SECONDS) s"; \
		$(VENV)-fuzz/bin/python -m fuzz.$$target -max_total_time=$(FUZZ_SECONDS) -verbosity=1 -print_final_stats=1 || exit 1; \
	done

kernel: $(VENV)/ready-dev ## Build the compiled kernel anew (FLAGS= for the compiler)
	$(BIN)/python tools/build_kernel.py $(FLAGS)

lock: $(VENV)/ready-dev ## Resolve the dependencies anew, with hashes
	$(BIN)/python tools/lock.py

clean: ## Forget everything that was installed
	rm -rf $(VENV) $(VENV)-bench $(VENV)-fuzz build
