# Needs python3 (3.11 or newer) and make; everything else it installs into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test interop storm durability check bench realism autobahn lock clean

help: ## Say what there is to make
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

demo: $(VENV)/ready ## Start the exchange, or serve a recording (RECORDING=file VENUE=name), and watch it
	@RECORDING='$(RECORDING)' VENUE='$(VENUE)' $(BIN)/python tools/demo.py

test: $(VENV)/ready-dev ## Run all tests
	$(BIN)/pytest

interop: $(VENV)-interop/ready ## Test with more unmodified clients: cryptofeed (needs a C compiler), nautilus_trader (PYTHON=python3.12)
	$(VENV)-interop/bin/python -m pytest tests/interop

storm: $(VENV)/ready-dev ## 2,000 clients reconnect at once; 1,000 readers beside 10 that do not read
	DELTAWIRE_STORM=2000 DELTAWIRE_CROWD=1000 $(BIN)/pytest -s -q tests/gateway/test_storm.py

durability: $(VENV)/ready-dev ## Kill the server 20 times under 1,000 orders/s, and cut its power 20 times
	DELTAWIRE_DURABILITY=20 $(BIN)/pytest -s -q tests/store/test_durability.py tests/store/test_durability_of_the_server.py

check: $(VENV)/ready-dev ## Format, lint and type check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)-bench/ready ## Measure against peers, as ratios
	$(VENV)-bench/bin/python -m bench

autobahn: $(VENV)/ready ## Run Autobahn (WSTEST=its program, CASES="9.* 12.*") against the echo
	@$(BIN)/python tools/autobahn.py $(CASES)

$(VENV)/ready: requirements/runtime.txt pyproject.toml
	$(PYTHON) tools/bootstrap.py $(VENV) requirements/runtime.txt

$(VENV)/ready-dev: requirements/dev.txt pyproject.toml
	$(PYTHON) tools/bootstrap.py $(VENV) requirements/dev.txt
	@touch $(VENV)/ready

$(VENV)-bench/ready: requirements/bench.txt pyproject.toml
	$(PYTHON) tools/bootstrap.py $(VENV)-bench requirements/bench.txt

$(VENV)-interop/ready: requirements/interop.txt pyproject.toml
	$(PYTHON) tools/bootstrap.py $(VENV)-interop requirements/interop.txt

realism: $(VENV)/ready ## Hold an hour of the simulated market against real ones
	$(BIN)/python tools/realism.py

lock: $(VENV)/ready-dev ## Resolve the dependencies anew, with hashes
	$(BIN)/python tools/lock.py

clean: ## Forget everything that was installed
	rm -rf $(VENV) $(VENV)-bench $(VENV)-interop
