# Needs python3 (3.11 or newer) and make; everything else it installs into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
KERNEL := $(wildcard src/kernel/*) tools/build_kernel.py tools/build_hook.py
DASHBOARD := src/deltawire/gateway/dashboard/index.html
# Tests run in so many processes: two more than there are cores, since many wait. Who is done takes from the others.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2)
PARALLEL = -n $(WORKERS) --dist worksteal
# Tests start the command hundreds of times: its modules are compiled once, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE
# What depends on which kernel runs, and of that, what is held to both kernels in one run already.
BOOKS := tests/book tests/venues tests/wire/test_notifications.py tests/wire/test_protobuf.py \
	tests/market/test_market.py tests/market/test_state.py \
	tests/fanout/test_channel_encoding.py tests/fanout/test_outbox.py tests/fanout/test_resume.py \
	tests/fanout/channels/test_books.py tests/fanout/channels/test_book_chains.py \
	tests/gateway/test_outgoing.py tests/gateway/test_book_frames.py tests/gateway/test_determinism.py \
	tests/gateway/test_websocket.py tests/gateway/test_compression.py
BOTH := tests/book/test_kernel.py tests/book/test_fast_path.py $(addprefix tests/venues/test_, kernels.py \
	fast_path.py channels.py doubtful.py more_recordings.py recordings.py damage.py precision.py)
PORT ?= 8080
UPDATES ?= 10000000
FUZZ_SECONDS ?= 60
TIMES ?= 1000
HOURS ?= 24
VENUES ?= binance_usdm,okx,deribit,bybit_linear
INTEROP_JS := tests/interop/js
REQUESTS ?= 400000
PYTHON3 ?= python3.13
MESSAGES ?= 10000000
BYSTANDER_SECONDS ?= 600
STEPS ?= 100000
SECONDS ?= 60
TIMES ?= 1000
RATE ?= 1000
MINUTES ?= 3
CLIENTS ?= 2000
GRACE ?= 20
.PHONY: help live cryptofeed3 vollib soak-receive demo test thorough twins sanitize fuzz bystander rights interop backtest storm lateness durability faults rolling recorder reconnects day check bench realism autobahn autobahn-client kernel dist recording dashboard browser browser-bench screenshot lock clean

help: ## Say what there is to make
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

demo: $(VENV)/ready $(DASHBOARD) ## Start the exchange (PORT=8080), or serve a recording (RECORDING=file VENUE=name), and watch it
	@PORT='$(PORT)' RECORDING='$(RECORDING)' VENUE='$(VENUE)' $(BIN)/python tools/demo.py

test: $(VENV)/ready-dev $(DASHBOARD) ## Run all tests, those of books on both kernels (WORKERS=cores + 2)
	$(BIN)/pytest -q $(PARALLEL)
	@$(BIN)/python -c 'import sys; from deltawire.book import kernel; sys.exit(not kernel.COMPILED)' \
		|| { echo "one kernel is all there is: nothing to run again"; exit 0; } \
		&& DELTAWIRE_PURE=1 $(BIN)/pytest -q $(PARALLEL) $(BOOKS) $(BOTH:%=--ignore=%)

dashboard: $(DASHBOARD) ## Build the dashboard (with the system's Node, or that of PyPI)

browser: $(VENV)-browser/ready $(DASHBOARD) ## Test the dashboard in Chromium (CHROMIUM=its program)
	CHROMIUM='$(CHROMIUM)' $(VENV)-browser/bin/python -m pytest -q tests/browser

browser-bench: $(VENV)-browser/ready $(DASHBOARD) ## Measure the dashboard at RATE=1000 book updates/s beside a ladder in Preact; memory over MINUTES=3
	CHROMIUM='$(CHROMIUM)' $(VENV)-browser/bin/python -m bench.dashboard --rate $(RATE) --minutes $(MINUTES)

screenshot: $(VENV)-browser/ready $(DASHBOARD) ## Take the picture of the dashboard that README.md begins with (minutes)
	CHROMIUM='$(CHROMIUM)' $(VENV)-browser/bin/python -m tools.screenshot

thorough: $(VENV)/ready-dev ## Run all tests with 20 times as many random cases, others at every run, on every event loop over ws and wss
	DELTAWIRE_THOROUGH=1 $(BIN)/pytest -q $(PARALLEL)

twins: $(VENV)/ready-dev ## Compare both kernels on 10 million random updates (UPDATES=)
	DELTAWIRE_UPDATES=$(UPDATES) $(BIN)/pytest -q tests/book/test_kernel.py -k random
	DELTAWIRE_UPDATES=$$(( $(UPDATES) / 20 )) $(BIN)/pytest -q tests/venues/test_kernels.py -k random

interop: $(VENV)-interop/ready $(INTEROP_JS)/node_modules/ready ## Test with more unmodified clients, also for JavaScript (needs a C compiler and npm; nautilus_trader: PYTHON=python3.12)
	$(VENV)-interop/bin/python -m pytest tests/interop

backtest: $(VENV)-backtest/ready ## Test that hftbacktest reads what we export, and has our book
	$(VENV)-backtest/bin/python -m pytest tests/interop/test_hftbacktest.py

storm: $(VENV)/ready-dev ## 2,000 clients reconnect at once; 1,000 readers beside 10 that do not read; over ws and wss
	DELTAWIRE_THOROUGH=1 DELTAWIRE_STORM=2000 DELTAWIRE_CROWD=1000 $(BIN)/pytest -s -q tests/gateway/test_storm.py

rights: $(VENV)/ready-dev ## Hold the server to the model of who may do what, for STEPS=100000 random steps
	HYPOTHESIS_PROFILE=search DELTAWIRE_RIGHTS_STEPS=$(STEPS) $(BIN)/pytest -s -q tests/session/test_rights_model.py

lateness: $(VENV)/ready-dev ## How late 2,000 notifications/s and 1,000 orders/s are, over ws and wss (SECONDS=60)
	DELTAWIRE_SECONDS=$(SECONDS) $(BIN)/python -m bench lateness latency

durability: $(VENV)/ready-dev ## Kill the server 20 times under 1,000 orders/s, and cut its power 20 times
	DELTAWIRE_DURABILITY=20 $(BIN)/pytest -s -q tests/journal/test_durability.py tests/journal/test_durability_of_the_server.py

faults: $(VENV)/ready-dev ## Kill, pause and restart the processes of a bus TIMES=1000 times at random while clients read
	DELTAWIRE_FAULTS=$(TIMES) $(BIN)/pytest -s -q --timeout 0 tests/roles/test_bus_faults.py

rolling: $(VENV)/ready-dev ## Drain and restart three gateways one after the other under CLIENTS=2000 clients (GRACE=20 seconds each)
	DELTAWIRE_ROLLING=$(CLIENTS) DELTAWIRE_GRACE=$(GRACE) $(BIN)/pytest -s -q --timeout 0 tests/roles/test_rolling_restart.py

recorder: $(VENV)/ready-dev ## Kill the recorder 20 times at 20,000 frames/s, and cut its power 20 times
	DELTAWIRE_RECORDER=20 DELTAWIRE_RECORDER_RATE=20000 $(BIN)/pytest -s -q tests/recording/test_recorder_durability.py

recording: $(VENV)/ready-dev ## Sizes recorded and compacted (RECORDING=file), and seeks in 1 GB of JSON (takes minutes)
	DELTAWIRE_RECORDING='$(RECORDING)' $(BIN)/python -m bench recording

reconnects: $(VENV)/ready-dev ## Break a client's connections 1,000 times (TIMES=), and let one read nothing for a minute, over ws and wss
	DELTAWIRE_RECONNECTS=$(TIMES) DELTAWIRE_UNREAD_S=60 $(BIN)/pytest -s -q tests/client/test_reconnects.py

day: $(VENV)/ready-dev ## A day (HOURS=24) at simulated venues (VENUES=okx,…) in virtual time: is a wrong level ever said to be known?
	DELTAWIRE_DAY_HOURS=$(HOURS) DELTAWIRE_DAY_VENUES=$(VENUES) $(BIN)/pytest -s -q --timeout 0 tests/sources/live/test_day.py

check: $(VENV)/ready-dev ## Format, lint and type check, and compare the dashboard's types with the API
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python tools/web_types.py --check

bench: $(VENV)-bench/ready ## Measure against peers, as ratios
	$(VENV)-bench/bin/python -m bench

cryptofeed3: ## An environment for `bench receive` to measure cryptofeed 3 in (AGPL; needs python3.13, see PYTHON3=)
	$(PYTHON3) -m venv $(VENV)-cryptofeed3
	$(VENV)-cryptofeed3/bin/pip install --quiet cryptofeed==3.0.1

vollib: ## An environment for `bench analytics` to measure py_vollib_vectorized in (it needs old versions of py_vollib)
	$(PYTHON) -m venv $(VENV)-vollib
	$(VENV)-vollib/bin/pip install --quiet py_vollib_vectorized==0.1.1 py_vollib==1.0.1 py_lets_be_rational==1.0.1

soak-receive: $(VENV)-bench/ready ## Receive MESSAGES=10000000 from a socket: the memory must stay flat (needs recordings)
	$(VENV)-bench/bin/python -m bench.soak $(MESSAGES)

autobahn: $(VENV)/ready ## Run Autobahn (WSTEST=its program, CASES="9.* 12.*") against the echo
	@$(BIN)/python tools/autobahn.py $(CASES)

autobahn-client: $(VENV)/ready ## Run Autobahn's client cases (WSTEST=its program, CASES=) against the Python client
	@$(BIN)/python tools/autobahn_client.py $(CASES)

$(VENV)/ready: requirements/runtime.txt requirements/build.txt pyproject.toml $(KERNEL)
	$(PYTHON) tools/bootstrap.py $(VENV) requirements/runtime.txt

$(VENV)/ready-dev: requirements/dev.txt requirements/build.txt pyproject.toml $(KERNEL)
	$(PYTHON) tools/bootstrap.py $(VENV) requirements/dev.txt
	@touch $(VENV)/ready

$(VENV)-fuzz/ready: requirements/fuzz.txt requirements/build.txt pyproject.toml $(KERNEL)
	$(PYTHON) tools/bootstrap.py $(VENV)-fuzz requirements/fuzz.txt

$(VENV)-bench/ready: requirements/bench.txt requirements/build.txt pyproject.toml $(KERNEL)
	$(PYTHON) tools/bootstrap.py $(VENV)-bench requirements/bench.txt

$(VENV)-interop/ready: requirements/interop.txt requirements/build.txt pyproject.toml $(KERNEL)
	$(PYTHON) tools/bootstrap.py $(VENV)-interop requirements/interop.txt

$(VENV)-backtest/ready: requirements/backtest.txt requirements/build.txt pyproject.toml $(KERNEL)
	$(PYTHON) tools/bootstrap.py $(VENV)-backtest requirements/backtest.txt

$(VENV)-browser/ready: requirements/browser.txt requirements/build.txt pyproject.toml $(KERNEL)
	$(PYTHON) tools/bootstrap.py $(VENV)-browser requirements/browser.txt

$(DASHBOARD): $(wildcard web/*.* web/src/*.* web/src/*/*.*) tools/build_dashboard.py | $(VENV)/ready
	$(BIN)/python tools/build_dashboard.py

$(INTEROP_JS)/node_modules/ready: $(INTEROP_JS)/package-lock.json
	npm --prefix $(INTEROP_JS) ci --ignore-scripts
	@touch $@

realism: $(VENV)/ready ## Hold an hour of the simulated market against real ones
	$(BIN)/python tools/realism.py

sanitize: $(VENV)/ready-dev ## Run the kernel's tests under AddressSanitizer and UndefinedBehaviorSanitizer
	$(BIN)/python tools/sanitize.py

fuzz: $(VENV)-fuzz/ready $(VENV)/ready-dev ## Fuzz both kernels against each other (FUZZ_SECONDS each), and the server (REQUESTS)
	@for target in levels sides streams; do \
		echo "fuzz: $$target for $(FUZZ_SECONDS) s"; \
		$(VENV)-fuzz/bin/python -m fuzz.$$target -max_total_time=$(FUZZ_SECONDS) -verbosity=1 -print_final_stats=1 || exit 1; \
	done
	$(BIN)/python -m fuzz.parameters
	$(BIN)/python -m fuzz.requests --requests $(REQUESTS)

live: $(VENV)/ready ## Connect to a real venue (VENUE=okx INSTRUMENTS='BTC-*' SECONDS=300): does it keep its promises?
	$(BIN)/python tools/live_check.py $(VENUE) --instruments '$(or $(INSTRUMENTS),*)' --seconds $(if $(filter command line,$(origin SECONDS)),$(SECONDS),300)

bystander: $(VENV)/ready-dev ## Search for BYSTANDER_SECONDS for what holds up a server's other clients most (TLS=1: over wss)
	$(BIN)/python -m fuzz.bystander --seconds $(BYSTANDER_SECONDS) $(if $(TLS),--tls)

kernel: $(VENV)/ready-dev ## Build the compiled kernel anew (FLAGS= for the compiler)
	$(BIN)/python tools/build_kernel.py $(FLAGS)

dist: $(VENV)/ready-dev $(DASHBOARD) ## Build the sdist and a wheel into dist/, install the wheel without a compiler, and serve with it
	$(BIN)/python tools/dist.py

lock: $(VENV)/ready-dev ## Resolve the dependencies with hashes, keeping locked versions (UPGRADE=1: the newest)
	$(BIN)/python tools/lock.py $(if $(UPGRADE),--upgrade)

clean: ## Forget everything that was installed
	rm -rf $(VENV) $(VENV)-bench $(VENV)-browser $(VENV)-interop $(VENV)-backtest $(VENV)-fuzz $(VENV)-cryptofeed3 $(VENV)-vollib \
		$(INTEROP_JS)/node_modules web/node_modules src/deltawire/gateway/dashboard build dist
