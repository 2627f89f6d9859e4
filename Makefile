.DEFAULT_GOAL := help
.PHONY: help setup lock up down status logs test demo manage bench simulate gate watch deploy destroy

# The environment's interpreter; `make setup` creates it.
VENV := .venv/bin/python
SEEDS ?= 1000
STAGE ?= dev

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-10s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## Create the environments that everything else runs in; quick when nothing has changed
	@python=$$(PYTHON='$(PYTHON)' infra/local/find-python) && "$$python" infra/local/setup.py

lock:  ## Resolve the pinned versions of both environments again
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links \
		--no-header --no-annotate --group dev requirements.txt -o requirements-dev.lock
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links \
		--no-header --no-annotate infra/local/emulator-requirements.in -o infra/local/emulator-requirements.txt

up: setup  ## Start the whole system on this machine and prove it by an edit in each direction; again at will
	@$(VENV) -m infra.local.stack up

down:  ## Stop it, with every process, and delete its data: the next `make up` starts fresh
	@if [ -x $(VENV) ]; then $(VENV) -m infra.local.stack down; fi

status:  ## Say what of it runs
	@$(VENV) -m infra.local.stack status

logs:  ## Follow the logs of all its processes
	@tail -n 20 -F .local/logs/*.log

test: setup  ## Lint, check the types and run every test
	@$(VENV) -m ruff check .
	@$(VENV) -m ruff format --check .
	@$(VENV) -m mypy
	@$(VENV) -m pytest

demo: up  ## Tell the story in the terminal: edits on both sides merged, and a conflict with both its values
	@$(VENV) -m infra.local.demo

manage:  ## An operator's command on the running system: make manage DO="issues" (DO="--help" lists them)
	@$(VENV) -m infra.local.manage $(DO)

watch: up  ## Create the alarms on the running system, and tell when one goes off or is over
	@$(VENV) -m infra.local.watch

bench: up  ## Measure latency and throughput on the running system
	@$(VENV) -m tests.bench

simulate: setup  ## Run the protocol over seeded schedules of edits, crashes and lost answers: SEEDS=n
	@$(VENV) -m tests.simulation --seeds $(SEEDS)

gate: setup  ## Take away one guard of the protocol after the other, and say how soon the simulator misses it
	@$(VENV) -m tests.simulation.gate

deploy: setup  ## Bring a stage into the AWS account of your credentials, or bring it up to date: STAGE=name
	@$(VENV) -m infra.deployment deploy --stage $(STAGE)

destroy:  ## Take a stage away, all but its ledger, secrets and queues; these, too, with DELETE_LEDGER=yes: STAGE=name
	@$(VENV) -m infra.deployment destroy --stage $(STAGE) $(if $(filter yes,$(DELETE_LEDGER)),--delete-ledger)
