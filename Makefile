# The commands of this project. `make` alone lists them.

.DEFAULT_GOAL := help

# The first of these that runs and is recent enough; choose another with `make PYTHON=/path/to/python3.12 ...`.
PYTHON ?= python3.13 python3.12 python3.11 python3.14 python3
BIN := .venv/bin
PYTEST = $(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder --durations 10

# If set, every process compiles all that it imports, and takes twice as long to start.
unexport PYTHONDONTWRITEBYTECODE

define with-python
for candidate in $(PYTHON); do \
    python=$$("$$candidate" -c 'import sys; sys.version_info >= (3, 11) and print(sys.executable)' 2>/dev/null); \
    if [ -n "$$python" ]; then exec "$$python" $(1); fi; \
done; \
echo "No Python 3.11 or newer runs here (tried: $(PYTHON))." >&2; \
echo "Install one, e.g. 'apt install python3 python3-venv' or 'brew install python@3.13'," >&2; \
echo "or say where it is: make PYTHON=/path/to/python3.12 $(or $(MAKECMDGOALS),env-setup)" >&2; \
exit 1
endef

.PHONY: help env-setup apps-up apps-down infra-up infra-down open demo seed test torture lint bench graph lock audit clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

env-setup: ## make .venv from the lock and .env from .env.sample; does nothing if both are up to date
	@$(call with-python,-m infra.local.env_setup)

apps-up: env-setup ## start the web app, the sidecar, analytics and the market feed (FEED_SYMBOLS) and show their logs; restart them when the source changes; Ctrl-C ends them
	@$(BIN)/python -m infra.local.apps up

apps-down: ## end the apps that apps-up started
	@if [ -d .venv ]; then $(BIN)/python -m infra.local.apps down; else echo "apps-down: nothing runs"; fi

infra-up: env-setup ## start Prometheus and Grafana: in containers if a Docker engine runs, else the installed programs
	@$(BIN)/python -m infra.monitoring.main up

infra-down: ## end the Prometheus and Grafana that infra-up started
	@if [ -d .venv ]; then $(BIN)/python -m infra.monitoring.main down; else echo "infra-down: nothing runs"; fi

open: env-setup ## open the live page, and the dashboards if Grafana runs
	@$(BIN)/python -m infra.local.apps page
	@$(BIN)/python -m infra.monitoring.main open

demo: env-setup ## show a made-up market, bots that trade in it, with a ledger and ports of its own until Ctrl-C; RATE= trades per second, SECONDS=, PORT=
	@$(BIN)/python -m infra.local.demo $(if $(RATE),--rate $(RATE)) $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(PORT),--port $(PORT)) $(if $(STREAM_PORT),--stream-port $(STREAM_PORT))

seed: env-setup ## fill the empty ledger of the running apps with six weeks of made-up trades, so that every page shows something; ARGS= e.g. "--days 90"
	@$(BIN)/trading-app seed $(ARGS)

test: env-setup ## run the tests but the long ones, in 5 minutes; no service needs to run; ARGS= for pytest, e.g. ARGS="tests/workspace -x"
	@$(PYTEST) -m "not long" $(ARGS)

# Only files with such tests are collected, in one order on every machine.
test-long: env-setup ## run the long tests, in 5 minutes: pages in a browser, dashboards, kills, full disks, an empty machine; ARGS= as for test
	@$(PYTEST) -m long $(or $(ARGS),$$(grep -rlE --include='test_*.py' '^(@|pytestmark = \[?)pytest\.mark\.long' tests | sort))

lint: env-setup ## check style, format and types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

torture: env-setup ## run the fault tests with large counts, at most 90 minutes; PART= one or several, SCALE=0.1, SECONDS= of the soak, SEED=
	@$(BIN)/python -m tests.torture.main $(PART) $(if $(SCALE),--scale $(SCALE)) \
		$(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

bench: env-setup ## measure the speed, under 10 minutes; FIGURE= one or several, TRADES= for the restart, WRITE=1 to update the document
	@$(BIN)/python -m benchmarks.run $(FIGURE) $(if $(TRADES),--trades $(TRADES)) $(if $(WRITE),--write)

graph: env-setup ## print which folder of the code imports which, and any circles
	@$(BIN)/python -m tests.support.import_graph

lock: ## renew uv.lock after a change of dependencies; UPGRADE=all or UPGRADE="ruff mypy" upgrades packages
	@$(call with-python,-m infra.local.lock $(UPGRADE))

audit: env-setup ## report known vulnerabilities of the locked packages; needs the network; ARGS= for uv audit
	@$(BIN)/python -m infra.local.audit $(ARGS)

clean: ## remove everything that these targets made, except data/ and .env
	@if [ -e .run/apps.pid ]; then $(MAKE) --no-print-directory apps-down; fi
	@if [ -e .run/prometheus ]; then $(MAKE) --no-print-directory infra-down; fi
	@rm -rf .venv .uv .run wheelhouse dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "clean: removed .venv, wheelhouse and what else these targets made"
	@if [ -e data ]; then echo "clean: kept data/, your trades and what Prometheus and Grafana stored"; fi
	@if [ -e .env ]; then echo "clean: kept .env, your settings"; fi
