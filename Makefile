# make demo    install what nlsr needs to run, and enlarge a sample picture with the embedded model; TORCH_INDEX=URL takes
#              PyTorch from there (default: its index of CPU builds where no NVIDIA driver is found), TORCH_INDEX= from
#              pip's own index, PYTHON=python3.12 is the Python to use
# make test    install what the tests need, and run them
# make torture what happens when everything goes wrong, at full counts: about an hour; PART=kills for one part
# make mutants small changes to the code that guards files, and which of them no test notices; MODULE=images.storing for
#              one module, MINUTES=60 as long; what was interrupted goes on
# make compatible
#              the tests of the main job, formats, Hub and training with the newest and the oldest of every dependency, for
#              each Python found; environments stay in COMPATIBLE, and ARGS="--only newest python3.13" does one alone
# make installers
#              install the wheel with pip, pipx and uv, each in an empty home, and enlarge a picture; 20 GB of downloads
#              where PyTorch comes with CUDA, so set TORCH_INDEX=https://download.pytorch.org/whl/cpu
# make check   format, lint with the import law, types, generated documentation
# make docs    write what is generated in README.md and docs/ again: command reference, tables of models and figures, errors
# make strip   draw the pictures of README.md and docs/viewing.md again, after new models
# make models PHOTOS=DIR VALIDATION=DIR
#              train the series in weights/series.toml in the background, each model from the embedded one where that fits;
#              BUDGET=30 takes so many minutes in all; what was interrupted goes on, and RUNS is where
# make ship VALIDATION=DIR SET5_HR=DIR SET5_LR=DIR
#              take those of the trained models among the embedded ones that are better by 0.02 dB; also before the end
# make pack PHOTOS=DIR
#              make photographs small enough to travel to a GPU: 45 MB of JPEGs, in PACK
# make gpu VALIDATION=DIR
#              prove the GPU against the CPU, train the series in weights/gpu.toml with the photographs in PACK, and bench;
#              all in one go of ten minutes; BUDGET=1 DEVICE=cpu to rehearse

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNNING := $(VENV)/running
INSTALLED := $(VENV)/installed
SAMPLE := tests/assets/colosseum.png

MINUTES ?= 60
COMPATIBLE ?= build/compatible

.PHONY: demo test torture mutants compatible installers check docs strip models ship pack gpu clean

demo: $(RUNNING)
	@mkdir -p build/demo
	@cp $(SAMPLE) build/demo/
	$(BIN)/nlsr upscale build/demo/$(notdir $(SAMPLE)) --scale 4 --overwrite
	@echo
	@echo "Before: build/demo/$(notdir $(SAMPLE))"
	@echo "After:  build/demo/$(basename $(notdir $(SAMPLE)))_x4.png"
	@echo
	@echo "Next, a picture of yours:           $(BIN)/nlsr upscale photo.jpg --scale 2"
	@echo "To type nlsr alone in this shell:   . $(BIN)/activate"
	@echo "What nlsr can do on this machine:   $(BIN)/nlsr doctor"

test: $(INSTALLED)
	$(BIN)/python -m pytest -n auto --dist worksteal

torture: $(INSTALLED)
	$(BIN)/python -m tests.tools.torture $(PART)

mutants: $(INSTALLED)
	$(BIN)/python -m tests.tools.mutants $(MODULE) --minutes $(MINUTES)

compatible: $(INSTALLED)
	$(BIN)/python -m tests.tools.compatible --folder $(COMPATIBLE) $(ARGS)

installers: $(INSTALLED)
	$(BIN)/python -m tests.tools.installers

check: $(INSTALLED)
	$(BIN)/ruff format --check nlsr_cli tests
	$(BIN)/ruff check nlsr_cli tests
	$(BIN)/mypy
	$(BIN)/python -m tests.tools.reference --check

docs: $(INSTALLED)
	$(BIN)/python -m tests.tools.reference

strip: $(INSTALLED)
	$(BIN)/python -m tests.tools.strip
	$(BIN)/nlsr attention tests/assets/tower.jpg --at 16,79 --scale 2 --precision fp32 --overwrite -o docs/attention.png

INSTALL = $(PYTHON) tests/tools/install.py $(VENV) $(if $(filter-out undefined,$(origin TORCH_INDEX)),--torch-index "$(TORCH_INDEX)")

$(RUNNING): pyproject.toml constraints.txt
	@$(INSTALL)
	@touch $@

$(INSTALLED): pyproject.toml constraints.txt
	@$(INSTALL) --dev
	@touch $@ $(RUNNING)

NLSR ?= $(BIN)/nlsr
RUNS ?= runs/models
GPU_RUNS ?= runs/gpu
BUDGET ?=
DEVICE ?= auto
PACK ?= runs/pack
SERIES = $(NLSR) train --validation $(VALIDATION) --device $(DEVICE) $(if $(BUDGET),--minutes $(BUDGET))
NEEDED = $(if $(filter $(BIN)/nlsr,$(NLSR)),$(INSTALLED))

models: | $(NEEDED)
	$(SERIES) $(PHOTOS) --series weights/series.toml --out $(RUNS) --background

ship: | $(NEEDED)
	$(BIN)/python -m tests.tools.ship --validation $(VALIDATION) $(SET5_HR) $(SET5_LR) $(RUNS)/*/model*

pack: | $(NEEDED)
	$(BIN)/python -m tests.tools.pack $(PACK) $(PHOTOS)

# What fails before or after the training must not cost the training.
gpu: | $(NEEDED)
	mkdir -p $(GPU_RUNS)
	-$(if $(NEEDED),$(BIN)/python,$(firstword $(NLSR))) -m tests.tools.device $(DEVICE) $(GPU_RUNS)/checks.jsonl
	OMP_NUM_THREADS=$$(getconf _NPROCESSORS_ONLN) $(SERIES) $(PACK) --series weights/gpu.toml --out $(GPU_RUNS)
	-$(NLSR) bench --device $(DEVICE) --json --quick > $(GPU_RUNS)/bench.json

clean:
	rm -rf build dist $(VENV)
