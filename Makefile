# Everything a newcomer or CI needs; wants Python >= 3.11 with pip, and make. PYTHON=python3.12 make test takes another Python.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# One thread a test process: two of them share two cores better than four threads do.
TEST_ENV := OMP_NUM_THREADS=1

.PHONY: help setup demo test nightly check bench bench-gpu docs clean

help:
	@echo "make setup   create $(VENV) and install gan_style into it"
	@echo "make demo    draw the demo data, train pix2pix for two to three minutes on a CPU, translate held-out images"
	@echo "make test    run the tests"
	@echo "make nightly the tests in random order, then fuzz tests on new cases, slow tests, and trainings with compiled networks; SEED=N repeats an order"
	@echo "make check   ruff, ruff format, pyright, import-linter"
	@echo "make bench   benchmarks; they print ratios of interleaved runs"
	@echo "make bench-gpu  on a CUDA GPU: tests, every method in every setting and benchmarks, ten minutes, one page in docs/results"
	@echo "make docs    write docs/guide/config.md from the schema"

setup: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $(PYTHON) is older than 3.11; run PYTHON=/path/to/python3.11 make $(MAKECMDGOALS)"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: setup
	$(BIN)/python data/prepare.py demo paired
	$(BIN)/python train.py --config configs/demo.yaml
	$(BIN)/python infer.py --model runs/demo --input data/demo/paired/valA --output runs/demo/translated --resize train --keep-resized --overwrite
	$(BIN)/python data/prepare.py compare --output runs/demo/comparison.png data/demo/paired/valA runs/demo/translated data/demo/paired/valB

test: setup
	$(TEST_ENV) $(BIN)/python -m pytest -n 2 --dist worksteal --durations=30 -m "not slow" tests

# In one process, so that the seed that is printed gives the very order again.
nightly: setup
	seed=$${SEED:-$$(date +%s)}; echo "random order: SEED=$$seed make nightly repeats it"; \
		$(TEST_ENV) $(BIN)/python -m pytest --shuffle $$seed -m "not slow" tests
	$(TEST_ENV) $(BIN)/python -m pytest -n 2 --dist load -m nightly tests/fuzz
	$(TEST_ENV) $(BIN)/python -m pytest -n 2 --dist load -m slow tests
	$(TEST_ENV) $(BIN)/python -m pytest -n 2 --dist load --compiled inductor tests/commands/test_train.py tests/resume tests/distributed
	$(TEST_ENV) $(BIN)/python -m pytest -n 2 --dist load --compiled aot_eager -m "not slow" tests/contract

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: setup
	for benchmark in $(filter-out benchmarks/gpu.py,$(wildcard benchmarks/*.py)); do echo "== $$benchmark"; $(BIN)/python $$benchmark || exit 1; done

bench-gpu: setup
	$(BIN)/python benchmarks/gpu.py

docs: setup
	$(BIN)/python -m gan_style keys > docs/guide/config.md

clean:
	rm -rf $(VENV) runs outputs .pytest_cache .ruff_cache .hypothesis
