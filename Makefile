# `make demo` and `make test` install what they need first.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CLUSTER := .venv-cluster
CLUSTER_BIN := $(CLUSTER)/bin
CLUSTER_INSTALLED := $(CLUSTER)/.installed

.PHONY: setup node setup-cluster demo test test-long lint bench clean

setup: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed, and $(PYTHON) is older; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	@touch $@

# For the nodes of a cluster, and for a laptop that submits to one.
node: $(VENV)/.node

$(VENV)/.node: pyproject.toml constraints.txt
	$(BIN)/python -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[cluster]"
	@touch $@

# For the tests of clusters: a second environment on top of the first, because Ray starts seconds later with its dashboard.
setup-cluster: $(CLUSTER_INSTALLED)

$(CLUSTER_INSTALLED): $(INSTALLED)
	$(PYTHON) -m venv $(CLUSTER)
	echo "import site; site.addsitedir('$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')')" \
		> $$($(CLUSTER_BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/base.pth
	$(CLUSTER_BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev-cluster]"
	$(CLUSTER_BIN)/python -m pip install --quiet --constraint constraints.txt --ignore-installed --no-deps ray
	@touch $(CLUSTER)/.node $@

demo: setup
	$(BIN)/ablatune run digits_demo
	$(BIN)/ablatune report digits_demo

test: setup setup-cluster lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --ignore tests/cluster
	$(CLUSTER_BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/cluster

test-long: setup setup-cluster
	$(BIN)/python -m pytest -m long --ignore tests/cluster
	$(CLUSTER_BIN)/python -m pytest -m long tests/cluster

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python benchmarks/results.py

clean:
	rm -rf $(VENV) $(CLUSTER) .mypy_cache .ruff_cache .pytest_cache .hypothesis
