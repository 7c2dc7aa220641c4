# Everything a developer types. Each command installs what it needs into .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= demo

.PHONY: install demo test test-slow test-atlas lint docs lock manual schemas viewer demonstration-checkpoint benchmark clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'spiroct needs Python 3.11 or later')"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade pip -c constraints.txt
	$(BIN)/python -m pip install -q "torch" -c constraints.txt
	$(BIN)/python -m pip install -q -e ".[train,cluster,equations,serve,dicom,tests,develop]" -c constraints.txt
	touch $@

# One simulated patient as a DICOM series, predicted, with a page to open.
demo: install
	rm -rf $(DEMO)
	$(BIN)/spiroct simulate patient $(DEMO)/patient --seed 1 --index 4 --format dicom
	$(BIN)/spiroct predict $(DEMO)/patient/ct --out $(DEMO)/result
	@echo "Open $(CURDIR)/$(DEMO)/result/report.html in a browser."

# A process for each core, of whole files, whose fixtures are dear; the slow tests start processes of their own.
test: install
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile -m "not slow" --cov --cov-report=xml --cov-report=term:skip-covered
	$(BIN)/python tests/room_coverage.py coverage.xml

test-slow: install
	$(BIN)/python -m pytest -m slow --timeout=900

# itk-elastix pulls in ITK (1.7 GB), so that `make test` does without it.
test-atlas: install
	$(BIN)/python -m pip install -q -e ".[atlas]" -c constraints.txt
	$(BIN)/python -m pytest -m atlas --timeout=900

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture

docs: install
	$(BIN)/mkdocs build --strict

# Versions that were seen to work together; local suffixes such as +cpu are no versions of a package index.
lock:
	rm -rf .lock && $(PYTHON) -m venv .lock
	.lock/bin/python -m pip install -q --upgrade pip
	.lock/bin/python -m pip install -q "torch==$$(sed -n 's/^torch==//p' constraints.txt)"
	.lock/bin/python -m pip install -q ".[train,cluster,equations,serve,dicom,astra,mlflow,tests,develop,atlas]"
	.lock/bin/python -m pip freeze --all --exclude spiroct | grep -v -e '^-e' -e '@ file' | sed 's/+[a-z0-9.]*$$//' | sort -f > constraints.new
	mv constraints.new constraints.txt && rm -rf .lock

manual: install
	$(BIN)/python -m spiroct.cli.manual docs/reference/command-line.md

schemas: install
	$(BIN)/python -m spiroct.workflows.schemas

# The viewer of the page, bundled anew from npm; needs node.
viewer:
	cd viewer && npm ci --ignore-scripts && node node_modules/esbuild/install.js && npm run build

# The network that ships: simulated patients, two CPU cores, about two hours.
demonstration-checkpoint: install
	$(BIN)/spiroct simulate cohort .work/demonstration --n 1600 --seed 20261 --spacing 5 --workers 2
	$(BIN)/spiroct train .work/demonstration/cohort.csv --out .work/training 
	rm -rf src/spiroct/checkpoints/packaged/demonstration-simulated-patients
	$(BIN)/python -c "import dataclasses, pathlib; from spiroct.checkpoints import catalogue, checkpoint; \
	  trained = checkpoint.Checkpoint.load(pathlib.Path('.work/training/checkpoint')); \
	  name = catalogue.DEFAULT_CHECKPOINT; \
	  dataclasses.replace(trained, name=name).save(pathlib.Path('src/spiroct/checkpoints/packaged') / name)"

benchmark: install
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) $(DEMO) .work site dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
