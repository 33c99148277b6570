# The two commands: `make demo` and `make test`. Everything else is for those who change the code.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint bench bench-can format lock spec clean

demo: .venv/ready  ## the whole pipeline on this machine, ending in the proof table
	$(BIN)/telemetry demo

test: .venv/ready  ## every test, with the coverage floors
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --include='src/telemetry/domain/*' --fail-under=100
	$(BIN)/coverage report

lint: .venv/ready  ## style, types and the walls between the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/ready  ## what a record costs at each step
	$(BIN)/python -m benchmarks.per_record

bench-can: .venv/ready  ## how fast CAN frames are decoded, beside cantools
	$(BIN)/python -m benchmarks.can_decode

format: .venv/ready  ## mend what style can mend by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

spec: .venv/ready  ## write docs/api-spec.yaml from the receiver as it is
	$(BIN)/python -m telemetry.entrypoints.spec > docs/api-spec.yaml

lock:  ## pin the newest versions again (needs uv)
	uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 --upgrade \
	  --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make lock' -q -o requirements.lock

clean:  ## back to a fresh clone, but for data/
	rm -rf .venv .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/ready: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "telemetry needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
