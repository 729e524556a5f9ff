# make demo    enlarge a sample picture with the embedded model
# make test    run the tests
# make check   format, lint with the import law, types, generated documentation
# make docs    write the command reference into README.md again

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
SAMPLE := tests/assets/colosseum.png

.PHONY: demo test check docs clean

demo: $(INSTALLED)
	@mkdir -p build/demo
	@cp $(SAMPLE) build/demo/
	@$(BIN)/nlsr upscale build/demo/$(notdir $(SAMPLE)) --scale 4 --overwrite --quiet
	@echo "The sample picture: build/demo/$(notdir $(SAMPLE))"
	@echo "Enlarged 4x:        build/demo/$(basename $(notdir $(SAMPLE)))_x4.png"

test: $(INSTALLED)
	$(BIN)/python -m pytest -n auto

check: $(INSTALLED)
	$(BIN)/ruff format --check nlsr_cli tests
	$(BIN)/ruff check nlsr_cli tests
	$(BIN)/mypy
	$(BIN)/python -m tests.reference --check

docs: $(INSTALLED)
	$(BIN)/python -m tests.reference

# The constraint reaches the isolated build environment only through the variable, hence not through -c.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

clean:
	rm -rf build dist $(VENV)
