# `make up` shows the whole loop; `make test` passes the default tests. Both set up .venv themselves.
PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
CARGO_ENV := CARGO_TARGET_DIR=$${CARGO_TARGET_DIR:-$$HOME/.cache/meritnet/target-native}

.PHONY: up test test-long test-slow test-rust test-interop test-journey test-consensus lint wasm wasm-check vectors docs bench lock clean

up: $(VENV)/installed                ## chain, miners and validators on this machine: make up ARGS="--epochs 2 --json"
	@$(BIN)/meritnet up $(ARGS)

test: $(VENV)/installed-dev          ## the default tier: no network, no Rust, minutes
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

test-consensus: $(VENV)/installed-dev ## the specification against the oracle, its properties and the runtime
	@$(CARGO_ENV) $(BIN)/python -m pytest tests/consensus tests/differential -m "" $(ARGS)

test-long: $(VENV)/installed-dev     ## a million epochs specification = crate, ten thousand = runtime (half an hour)
	@MERITNET_DIFFERENTIAL_CASES=1000000 $(CARGO_ENV) $(BIN)/python -m pytest tests/differential/test_crates.py \
		-m rust -k "random_calls and epoch" $(ARGS)
	@MERITNET_DIFFERENTIAL_SUBNETS=10000 $(BIN)/python -m pytest tests/differential/test_runtime_epoch.py \
		-m slow -n 2 -q $(ARGS)

test-slow: $(VENV)/installed-dev     ## the real model, key derivation, kills
	@$(BIN)/meritnet model pull >&2
	@$(BIN)/python -m pytest -m slow -n 2 --dist loadfile $(ARGS)

test-journey: $(VENV)/installed-dev  ## real processes and sockets
	@$(BIN)/python -m pytest -m journey $(ARGS)

test-rust: $(VENV)/installed-dev     ## cargo's own tests, clippy, and the crates against the specification
	@cd chain && $(CARGO_ENV) SKIP_WASM_BUILD=1 cargo test --workspace --locked
	@cd chain && $(CARGO_ENV) SKIP_WASM_BUILD=1 cargo clippy --workspace --locked -- -D warnings
	@$(CARGO_ENV) $(BIN)/python -m pytest -m rust $(ARGS)

test-interop: $(VENV)/installed-dev  ## the public bittensor client, in its own environment
	@$(BIN)/python -m pytest -m interop $(ARGS)

lint: $(VENV)/installed-dev          ## ruff and mypy
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

wasm: $(VENV)/installed-dev          ## build the runtime and replace the committed WASM
	@$(BIN)/python -m meritnet.chain.wasm.build

wasm-check: $(VENV)/installed-dev    ## rebuild the runtime and compare it with the committed WASM
	@$(BIN)/python -m meritnet.chain.wasm.build --check

vectors: $(VENV)/installed-dev       ## write chain/vectors from the specification
	@$(BIN)/python -m meritnet.consensus.vectors

docs: $(VENV)/installed-dev          ## regenerate the generated pages
	@$(BIN)/python -m meritnet.cli.reference > docs/cli.md
	@$(BIN)/python -m meritnet.cli.figures > docs/metrics.md
	@$(BIN)/python -m meritnet.chain.rpc.reference > docs/rpc.md

bench: $(VENV)/installed-dev         ## figures, each beside its rival
	@for script in bench/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

lock:                                ## newest versions of everything into a fresh .venv and constraints.txt
	rm -rf $(VENV) && $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@$(BIN)/python -m pip freeze --all --exclude pip --exclude setuptools --exclude-editable > constraints.txt
	@touch $(VENV)/installed $(VENV)/installed-dev

$(VENV)/bin/python:
	@$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing Meritnet into $(VENV) (PyTorch is about 3 GB the first time)" >&2
	@$(INSTALL) --editable . >&2
	@touch $@

$(VENV)/installed-dev: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing Meritnet and its test tools into $(VENV) (PyTorch is about 3 GB the first time)" >&2
	@$(INSTALL) --editable '.[dev]' >&2
	@touch $@ $(VENV)/installed

clean:                               ## remove the environment and build leftovers
	rm -rf $(VENV) build dist src/*.egg-info
