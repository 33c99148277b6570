# The two commands: `make demo` and `make test`. Everything else is for those who change the code.
PYTHON ?= python3
TEST_PROCESSES ?= auto
BIN := .venv/bin
LOCK := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
  --custom-compile-command 'make lock'

.PHONY: demo demo-aws dist sbom prove prove-aws prove-up test test-aws test-long test-package test-pythons histories help record lint bench bench-aggregate bench-aws bench-battery bench-can bench-realism fit-battery figures fuzz format lock configuration spec clean bench-dask bench-lake

demo: .venv/ready  ## the whole pipeline on this machine, ending in the proof table
	$(BIN)/telemetry demo

demo-aws: .venv/ready  ## the same over SQS and S3, which an emulator on this machine plays
	$(BIN)/python -m benchmarks.demo_aws

# Tests sync many small files, of which none has to last. So these lie in memory, where there is room for them.
IN_MEMORY := $(if $(TMPDIR),,$(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 4000000 { print "TMPDIR=/dev/shm" }'))

test: .venv/ready  ## every test, with the coverage floors
	$(BIN)/coverage erase
	$(IN_MEMORY) $(BIN)/coverage run -m pytest -n $(TEST_PROCESSES) --dist worksteal
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --include='src/telemetry/domain/*' --fail-under=100
	$(BIN)/coverage report

test-aws: .venv/ready  ## what concerns SQS and S3, against whatever answers at AWS_ENDPOINT_URL (or AWS itself, with TEST_AWS=1)
	@test -n "$$AWS_ENDPOINT_URL$$TEST_AWS" || { echo "make test-aws: AWS_ENDPOINT_URL: not set" >&2; exit 1; }
	$(BIN)/python -m pytest tests/contract tests/adapters/queue tests/adapters/storage/test_s3.py \
	  tests/e2e/test_aws.py -k 'sqs or s3 or aws or provision'

test-long: .venv/ready  ## what takes many seconds a test, and 50,000 histories of deliveries, where `make test` takes 500
	$(IN_MEMORY) $(BIN)/python -m pytest -m long
	TEST_HISTORIES=50000 $(BIN)/python -m pytest tests/unit/figures/test_histories.py

test-package: .venv/ready  ## the wheel, built twice and installed in clean environments: bare, with each extra, and as an upgrade
	$(BIN)/python -m pytest -m long tests/package

test-pythons: .venv/ready  ## the wheel with each Python from 3.11 to 3.14 that is here, and says which are not
	$(BIN)/python -m pytest -m long tests/package/test_install.py -k 'version or demo'

COMMITTED := $(shell git log -1 --format=%ct 2>/dev/null)
dist: .venv/ready  ## build wheel and source distribution into dist/: the same bytes for the same commit
	$(if $(COMMITTED),SOURCE_DATE_EPOCH=$(COMMITTED)) $(BIN)/hatchling build --clean

SBOM ?= dist/sbom.cdx.json
sbom: .venv/ready  ## what the image installs, by name, version and hash, as CycloneDX that is checked against its schema
	@mkdir -p $(dir $(SBOM))
	@# Without a serial number and a time, so that the same lock gives the same bytes. The lock has no graph, and
	@# the library warns of that.
	$(BIN)/python -W ignore::UserWarning -m cyclonedx_py requirements requirements.image.lock --pyproject pyproject.toml \
	  --output-reproducible --spec-version 1.6 --output-format JSON --validate --output-file $(SBOM)

prove-up: .venv/ready  ## `telemetry up` under load for ten minutes, each role killed once: nothing is lost
	$(BIN)/python -m benchmarks.up

MINUTES ?= 3
SCHEDULE ?= 1
prove: .venv/ready  ## all roles under load and faults (MINUTES=3, SCHEDULE=1), ending in a line a fault and the proof table
	$(BIN)/telemetry prove --faults --minutes $(MINUTES) --schedule $(SCHEDULE)

prove-aws: .venv/ready  ## the same over SQS and S3, which an emulator on this machine plays
	$(BIN)/python -m benchmarks.faults_aws --minutes $(MINUTES) --schedule $(SCHEDULE)

N ?= 2000
FROM ?= 0
HISTORIES := $(if $(SEED),--seed $(SEED),$(if $(REPLAY),--replay $(REPLAY),$(if $(TABLE),--table,--count $(N) --first $(FROM))))
histories: .venv/ready  ## N=2000 simulated histories under faults (FROM=0, RESUME=1, SEED=, PLANT=name or all, REPLAY=file, TABLE=1)
	$(BIN)/python -m harness.histories $(if $(filter all,$(PLANT)),--planted,$(HISTORIES) $(if $(PLANT),--plant $(PLANT))) \
	  $(if $(RESUME),--resume)

help:  ## what each target does
	@awk -F ':.*  ## ' '/^[a-z][a-z-]*:.*  ## / { printf "%-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

record: .venv/ready  ## a scripted session of all that is usual, as docs/demo.cast and docs/demo.svg (needs port 8000 and curl)
	$(BIN)/python -m harness.recording

lint: .venv/ready  ## style, types and the walls between the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/cfn-lint deploy/cloudformation.yaml deploy/compute.yaml
	$(BIN)/hadolint Dockerfile

bench: .venv/ready  ## how fast, at what cost, how late, beside which peers; all in about seven minutes
	$(BIN)/python -m benchmarks

bench-aggregate: .venv/ready  ## how fast an hour is aggregated, cold, late and as it comes, in how much memory, beside DuckDB
	$(BIN)/python -m benchmarks.aggregation

bench-lake: .venv/ready  ## how small a compacted hour is, and how fast it is folded, beside DuckDB
	$(BIN)/python -m benchmarks.lake

bench-dask: .venv/ready  ## how much faster two workers of a cluster fold four hours than one does, and what merging buckets costs
	$(BIN)/python -m benchmarks.cluster
	$(BIN)/python -m benchmarks.merging

bench-can: .venv/ready  ## how fast CAN frames are decoded and logs are posted, beside cantools and asammdf
	$(BIN)/python -m benchmarks.can_decode
	$(BIN)/python -m benchmarks.can_replay

fuzz: .venv/ready  ## post 100,000 damaged bodies to a receiver, and see that no good record beside them is lost
	$(BIN)/python -m benchmarks.fuzz

RTT ?= 50
bench-aws: .venv/ready  ## how many requests a million records cost, and how fast one consumer is (RTT=50 ms away), at an emulator
	$(BIN)/python -m benchmarks.sqs_requests
	$(BIN)/python -m benchmarks.round_trip --rtt $(RTT)

TRIPS ?= ../shared/data/tum_bmw_i3_60ah
bench-battery: .venv/ready  ## how near the battery comes to recorded trips (TRIPS=folder), and how fast it is
	$(BIN)/python -m model.battery --trips $(TRIPS)

bench-realism: .venv/model  ## how like real drives simulated ones are
	$(BIN)/python -m model.realism --trips $(TRIPS)

fit-battery: .venv/model  ## fit the 60 Ah pack to recorded trips anew (TRIPS=folder), and judge the fit on trips left out
	$(BIN)/python -m model.fit_battery --trips $(TRIPS)

figures: .venv/ready  ## draw the pictures of docs/battery-model.md anew
	$(BIN)/python -m model.figures --trips $(TRIPS)

format: .venv/ready  ## mend what style can mend by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

spec: .venv/ready  ## write docs/api-spec.yaml from the receiver as it is
	$(BIN)/python -m telemetry.entrypoints.roles.spec > docs/api-spec.yaml

configuration: .venv/ready  ## write docs/configuration.md and .env.example from the settings as they are
	$(BIN)/python -m telemetry.entrypoints.roles.configuration

lock: .venv/ready  ## pin the newest versions again
	$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --group peers $(LOCK) -q --upgrade -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml -c requirements.lock $(LOCK) -q -o requirements.image.lock
	$(BIN)/uv pip compile --group build -c requirements.lock $(LOCK) -q -o requirements.build.lock
	$(BIN)/uv pip compile --group model -c requirements.lock $(LOCK) -q -o requirements.model.lock

clean:  ## back to a fresh clone, but for data/
	rm -rf .venv .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/ready: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "telemetry needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/model: requirements.model.lock .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.model.lock
	@touch $@
