# Each target does all its set-up itself, into .venv: it needs Python 3.11 and a package index.

BIN := .venv/bin
READY := .venv/.ready
PYTHON ?= $(shell python3.11 -c '' 2>/dev/null && echo python3.11 || echo python3)

export HF_HUB_DISABLE_TELEMETRY := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: setup demo test faults browser recipes soak check fix bench

setup: $(READY)

# The stamp is written last, so an install that broke off is done again and a whole one is not.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "overnight needs Python 3.11 or newer: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	@touch $(READY)

# The whole thing on this machine, nothing to download.
demo: $(READY)
	$(BIN)/overnight demo

# The tiers unit and tiny: CPU only, minutes. A file's tests stay together: they share what they set up.
# Two processes with a thread each are twice as fast here as one with two: models are tiny.
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m 'not alone and not faults and not browser and not recipes and not gpu'
	$(BIN)/python -m pytest -m alone

# Kills at calls of the system, damage, full disks, signals, clocks: minutes. What a test needs and
# does not find (strace, root, mount) it says aloud, and what it would have shown is not shown.
faults: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m faults -rs

# Pages in a real Chromium, from $OVERNIGHT_CHROMIUM or the system's; without one it says so.
browser: $(READY)
	$(BIN)/python -m pytest -m browser -rs

# The recipes, each copied and run whole in small, on real data where it is beside the checkout.
recipes: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m recipes -rs

# All of it, at every point: hours.
soak: faults
	$(BIN)/python bench/faults.py
	$(BIN)/python bench/soak.py
	$(BIN)/python bench/soak.py --part signals
	$(BIN)/python bench/soak.py --part faults
	$(BIN)/python bench/soak.py --report
	$(BIN)/python bench/kills.py

# The house rules: style, types, sizes.
check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tools
	$(BIN)/python tools/check_house.py
	$(BIN)/python tools/map_modules.py --check
	$(BIN)/python tools/map_commands.py --check

# Measurements for hours, on the real data beside the checkout; tables go to bench/results.
bench: $(READY)
	$(BIN)/python bench/windows.py
	$(BIN)/python bench/kills.py
	$(BIN)/python bench/plans.py
	$(BIN)/python bench/history.py
	$(BIN)/python bench/data.py

# What a machine can mend of the style.
fix: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python tools/map_modules.py
	$(BIN)/python tools/map_commands.py
