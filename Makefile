# Two commands do all the set-up: `make demo` and `make test`. `make help` lists the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock
# How many at a time says tests/conftest.py; a worker that has done its share takes tests of the others.
TOGETHER := -n auto --dist worksteal
ESLINT := node_modules/.package-lock.json
AUDIT := $(BIN)/pip-audit --requirement requirements.lock --no-deps --disable-pip --strict

.PHONY: help demo test coverage readers clients notebook browser torture fuzz bench before soak lint audit docs lock clean

help: ## list what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

demo: $(VENV)/runtime ## make the images of sample_manifests/demo.csv: no key, no network, no cost
	$(BIN)/batchgen run sample_manifests/demo.csv -o demo-dataset --simulate --rpm 600
	@$(BIN)/python scripts/contact_sheet.py demo-dataset demo-contact-sheet.jpg
	@echo "The images are in demo-dataset/images, all of them on one sheet in demo-contact-sheet.jpg."

test: $(VENV)/test ## the default test run
	$(BIN)/pytest $(TOGETHER)

coverage: $(VENV)/test ## the same, measured, processes that tests start included: fails below the floor in pyproject.toml
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(TOGETHER)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

readers: $(VENV)/readers ## load datasets and exports with Hugging Face, DuckDB, WebDataset and pandas
	$(BIN)/pytest tests/readers

clients: $(VENV)/clients ## draw from the simulator with the official clients of services
	$(BIN)/pytest tests/clients

notebook: $(VENV)/notebook ## run the notebook in docs/
	$(BIN)/pytest tests/notebook

browser: $(VENV)/browser ## open the gallery in Chromium, which is found by the name chromium or in $$CHROMIUM
	@command -v "$${CHROMIUM:-chromium}" > /dev/null || { echo "Chromium is missing; on Debian: apt-get install chromium"; exit 1; }
	$(BIN)/pytest tests/browser

torture: $(VENV)/test ## two hundred kills, every loss of power, every fault at every rate: a quarter of an hour
	$(BIN)/pytest -s tests/torture/torture_*.py $(TORTURE)

fuzz: $(VENV)/test ## look for examples that break a property, other ones each time
	$(BIN)/pytest --hypothesis-profile=fuzz tests/planning tests/catalog tests/config tests/providers tests/pacing tests/dataset tests/engine tests/export

bench: $(VENV)/bench ## measure speed and memory against baselines: half an hour, 40 GB of disk, benchmarks/results.md
	$(BIN)/python -m benchmarks

before: $(VENV)/bench ## measure this checkout against another in turns: make before CHECKOUT=../old
	$(BIN)/python -m benchmarks.before $(CHECKOUT)

soak: $(VENV)/bench ## 200,000 requests under faults, watched every second: a quarter of an hour
	$(BIN)/python -m benchmarks.soak

lint: $(VENV)/lint $(ESLINT) ## format, lint with the security rules, types, the gallery's scripts, and whether the lock fits
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	npm run --silent lint
	$(BIN)/pip check
	$(BIN)/python scripts/lock.py --check requirements.lock
	@said=$$($(AUDIT) --dry-run 2>&1) || { echo "$$said"; echo "make audit could not read requirements.lock"; exit 1; }

audit: $(VENV)/lint ## look the locked versions up in the database of known vulnerabilities (needs the network)
	$(AUDIT)

docs: $(VENV)/runtime ## write the generated pages under docs/
	$(BIN)/python scripts/generate_docs.py

lock: ## pin the versions that are installed now of what the project needs
	$(BIN)/python scripts/lock.py > requirements.lock.new
	@mv requirements.lock.new requirements.lock

clean: ## remove the virtual environment, the linter of scripts and what the demo made
	rm -rf $(VENV) node_modules demo-dataset demo-contact-sheet.jpg

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "batchgen needs Python 3.11 or later; try: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python cannot make virtual environments here; on Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/runtime: pyproject.toml requirements.lock | $(BIN)/python
	$(PIP) --editable .
	@touch $@

$(VENV)/test: pyproject.toml requirements.lock | $(BIN)/python
	$(PIP) --editable '.[test,export,s3,xlsx]'
	@touch $@ $(VENV)/runtime

$(VENV)/readers: pyproject.toml requirements.lock | $(BIN)/python
	$(PIP) --editable '.[test,readers]'
	@touch $@ $(VENV)/runtime

$(VENV)/clients: pyproject.toml requirements.lock | $(BIN)/python
	$(PIP) --editable '.[test,clients]'
	@touch $@ $(VENV)/runtime

$(VENV)/notebook: pyproject.toml requirements.lock | $(BIN)/python
	$(PIP) --editable '.[test,notebook]'
	@touch $@ $(VENV)/runtime

$(VENV)/browser: pyproject.toml requirements.lock | $(BIN)/python
	$(PIP) --editable '.[test,browser]'
	@touch $@ $(VENV)/runtime

$(VENV)/bench: pyproject.toml requirements.lock | $(BIN)/python
	$(PIP) --editable '.[bench]'
	@touch $@ $(VENV)/runtime

$(VENV)/lint: pyproject.toml requirements.lock | $(BIN)/python
	$(PIP) --editable '.[lint,test]'
	@touch $@ $(VENV)/runtime

$(ESLINT): package.json package-lock.json .npmrc
	@command -v npm > /dev/null || { echo "npm is missing, and the gallery's scripts are checked with ESLint: install Node.js 20.19 or later (with npm)"; exit 1; }
	npm ci --loglevel=error
	@touch $@
