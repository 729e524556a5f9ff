# make demo    enlarge a sample picture with the embedded model
# make test    run the tests
# make torture what happens when everything goes wrong, at full counts: about an hour; PART=kills for one part
# make mutants small changes to the code that guards files, and which of them no test notices; MODULE=images.storing for
#              one module, MINUTES=60 as long; what was interrupted goes on
# make compatible
#              the tests of the main job, formats, Hub and training with the newest and the oldest of every dependency, for
#              each Python found; environments stay in COMPATIBLE, and ARGS="--only newest python3.13" does one alone
# make check   format, lint with the import law, types, generated documentation
# make docs    write the command reference into README.md again
# make models PHOTOS=DIR VALIDATION=DIR
#              train every embedded model again, x2 first and the others from it; -j 6 trains both families and x3 and x4
#              side by side, which fills a GPU; what was interrupted goes on

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
SAMPLE := tests/assets/colosseum.png

MINUTES ?= 60
COMPATIBLE ?= build/compatible

.PHONY: demo test torture mutants compatible check docs models clean

demo: $(INSTALLED)
	@mkdir -p build/demo
	@cp $(SAMPLE) build/demo/
	@$(BIN)/nlsr upscale build/demo/$(notdir $(SAMPLE)) --scale 4 --overwrite --quiet
	@echo "The sample picture: build/demo/$(notdir $(SAMPLE))"
	@echo "Enlarged 4x:        build/demo/$(basename $(notdir $(SAMPLE)))_x4.png"

test: $(INSTALLED)
	$(BIN)/python -m pytest -n auto

torture: $(INSTALLED)
	$(BIN)/python -m tests.torture $(PART)

mutants: $(INSTALLED)
	$(BIN)/python -m tests.tools.mutants $(MODULE) --minutes $(MINUTES)

compatible: $(INSTALLED)
	$(BIN)/python -m tests.tools.compatible --folder $(COMPATIBLE) $(ARGS)

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

NLSR ?= $(BIN)/nlsr
RUNS ?= build/models
FAMILIES ?= lite base
BUDGET ?= --minutes 90
RECIPE ?=
FIRST ?= --attention-from 0.3
TRAIN = $(NLSR) train $(PHOTOS) --validation $(VALIDATION) $(BUDGET) $(RECIPE) --out $(RUNS)/$1 --name $1 \
	--licence apache-2.0 $(if $(wildcard $(RUNS)/$1/state.pt),--resume)
TRAINED = $(foreach family,$(FAMILIES),$(foreach scale,2 3 4,$(RUNS)/nlsn-$(family)-x$(scale)/model/model.safetensors))

models: $(TRAINED)

$(TRAINED): | $(if $(filter $(BIN)/nlsr,$(NLSR)),$(INSTALLED))

$(RUNS)/nlsn-%-x2/model/model.safetensors:
	$(call TRAIN,nlsn-$*-x2) --preset $* --scale 2 $(FIRST)

$(RUNS)/nlsn-%-x3/model/model.safetensors: $(RUNS)/nlsn-%-x2/model/model.safetensors
	$(call TRAIN,nlsn-$*-x3) --preset $* --scale 3 --init $(RUNS)/nlsn-$*-x2/model

$(RUNS)/nlsn-%-x4/model/model.safetensors: $(RUNS)/nlsn-%-x2/model/model.safetensors
	$(call TRAIN,nlsn-$*-x4) --preset $* --scale 4 --init $(RUNS)/nlsn-$*-x2/model

clean:
	rm -rf build dist $(VENV)
