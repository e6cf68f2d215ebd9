# Everything a newcomer or a check needs is one word after "make". Plain make (also macOS's 3.81), plain python3.
.DEFAULT_GOAL := help
.PHONY: help run test check fmt bench lock clean

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet --quiet
# Not compiling 12,000 files that are never imported makes the first install twice as fast.
INSTALL := $(PIP) install --no-compile
# The first that runs, is new enough and can make a virtual environment. 3.12 comes first: every wheel exists for it.
PYTHON ?= $(shell for python in python3.12 python3.11 python3.13 python3; do \
	"$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { echo "$$python"; break; }; done)
ARGS ?=
# Whole calls take their time in real time, so more tests run at once than there are cores. 0: one after the other.
JOBS ?= 4

help: ## Show this list
	@echo "parley: the phone platform for AI agents that you run yourself"
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "Options go in ARGS, as in: make test ARGS='tests/conversation -x'"

run: $(VENV)/.run ## Install, start parley and hold a complete phone call: no key, no account, no network
	@$(BIN)/parley demo $(ARGS)

# Bytecode is written whatever the environment says: a run starts many processes that import the same.
test: $(VENV)/.dev ## Run all tests (they bring their own Postgres)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

check: $(VENV)/.dev ## Check style, types, the floors' import contracts and the house rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m tools.house

fmt: $(VENV)/.dev ## Format the code and mend what can be mended without thinking
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: $(VENV)/.dev ## Measure 1 to 80 calls against one server process on one core
	@$(BIN)/python -m bench $(ARGS)

# One resolution for every platform and Python, with hashes and without any index's address.
LOCK := uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-annotate --no-emit-index-url --extra embedded --extra speech --group build

lock: ## Resolve the dependencies anew (needs uv)
	@$(LOCK) --upgrade --output-file requirements.lock
	@$(LOCK) --extra turn --group dev --constraint requirements.lock --output-file requirements-dev.lock

clean: ## Remove the virtual environment and caches (never ./data)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# A stamp is written only after everything before it succeeded, so a broken install is begun again.
$(VENV)/.made:
	@test -n "$(PYTHON)" || { \
		echo "parley needs Python 3.11 or newer with its venv module, and none was found."; \
		echo "Debian, Ubuntu: apt install python3-venv.  macOS: brew install python@3.12.  Or: make PYTHON=/path/to/python3"; \
		exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.made requirements.lock pyproject.toml
	@echo "Installing what parley needs, checked against requirements.lock (the first time takes about a minute) ..."
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.made requirements-dev.lock pyproject.toml
	@echo "Installing parley with its test and check tools (the first time takes about a minute) ..."
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $(VENV)/.run $@
