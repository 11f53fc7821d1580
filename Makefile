# Everything that a person or a machine does with this project, from a bare clone on: `make help`.
# Needed beforehand: Python 3.11 with pip and venv, and make. Every target does its own set-up and is quick the second time.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   ?= .venv
OUT    ?= out
PHOTO  ?=
ARGS   ?=
BLENDER_PYTHON ?=

BIN    := $(VENV)/bin
SAM3DB := $(BIN)/sam3db
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help character estimate models test test-window lint format extension release docs bench-% lock clean

help:  ## say what can be made
	@grep -hE '^[a-z%-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

# --- set-up: one virtual environment; a stamp file for each lock file that is installed in it ---------------------------

# $(call is-python-3.11,PYTHON,WHAT TO DO)
is-python-3.11 = "$(1)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
	|| { echo "Python 3.11 is needed (bpy 4.5 has no other); $(2)" >&2; exit 1; }

$(VENV)/pyvenv.cfg:
	@$(call is-python-3.11,$(PYTHON),name it: make PYTHON=/path/to/python3.11)
	"$(PYTHON)" -m venv "$(VENV)"

$(VENV)/.installed-%: requirements/%.txt pyproject.toml $(VENV)/pyvenv.cfg
	@$(call is-python-3.11,$(BIN)/python,remove the folder $(VENV) (made with another one))
	$(PIP) install --require-hashes -r $<
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

# PyTorch's build for the CPU where the package index offers it; else the ordinary one, with gigabytes of libraries on Linux.
$(VENV)/.installed-export: requirements/export-cpu.txt requirements/export.txt $(VENV)/.installed-dev
	$(PIP) install --no-deps --require-hashes -r requirements/export-cpu.txt 2>/dev/null \
		|| $(PIP) install --require-hashes -r requirements/export.txt
	@touch $@

# --- for users ----------------------------------------------------------------------------------------------------------

models: $(VENV)/.installed-character  ## build the networks and the default bodies, once (SAM3DB_MODELS says where)
	@$(SAM3DB) models build

character: models  ## PHOTO=file [OUT=out] [ARGS=..]: a .blend with a rigged character, a preview and the estimate
	@photo="$(PHOTO)"; if [ -z "$$photo" ]; then \
		for photo in examples/*.jpg examples/*.png ""; do [ -f "$$photo" ] && break; done; \
		[ -n "$$photo" ] || { echo "There is no example picture here: name a photo with PHOTO=..." >&2; exit 2; }; \
	fi; $(SAM3DB) character "$$photo" -o "$(OUT)" $(ARGS)

estimate: models  ## PHOTO=file [OUT=out] [ARGS=..]: the estimate alone
	@[ -n "$(PHOTO)" ] || { echo "Name a photo: make estimate PHOTO=..." >&2; exit 2; }
	@$(SAM3DB) estimate "$(PHOTO)" -o "$(OUT)" $(ARGS)

extension: $(VENV)/.installed-dev $(VENV)/.installed-docs  ## dist/*.zip: the Blender extension [BLENDER_PYTHON="3.11 3.13"] [ARGS="--platform all --twice"]
	@$(SAM3DB) models build
	$(BIN)/python -m sam3db_blender.packaging --out dist $(foreach version,$(BLENDER_PYTHON),--python $(version)) $(ARGS)

# --- for developers -----------------------------------------------------------------------------------------------------

test: $(VENV)/.installed-dev $(VENV)/.installed-docs $(VENV)/.installed-export  ## run the tests [ARGS=..]
	@$(SAM3DB) models build
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(ARGS)

# A Blender executable, for the tests in a window; without one, or without a screen to put it on, they say so and pass.
test-window: $(VENV)/.installed-dev $(VENV)/.installed-docs  ## pose in a windowed Blender with a real mouse (SAM3DB_BLENDER names it) [OUT=out] [ARGS=..]
	@$(SAM3DB) models build
	SAM3DB_WINDOW_PICTURES="$${SAM3DB_WINDOW_PICTURES:-$(abspath $(OUT))/window}" $(BIN)/python -m pytest tests/window $(ARGS)

lint: $(VENV)/.installed-dev  ## ruff, mypy, the import contracts, and spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

docs: $(VENV)/.installed-docs  ## out/site: the guide and a reference of the code, as a static site; out/guide: what the extension brings
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir "$(abspath $(OUT))/site"
	$(BIN)/python -m sam3db_blender.local_guide "$(abspath $(OUT))"

# It refuses a checkout that is not ready, before it builds anything; it tags and pushes nothing.
release: $(VENV)/.installed-dev $(VENV)/.installed-docs  ## dist/: the extension for every platform, checksums, notes and the tag's text
	$(BIN)/python .ci/release.py

format: $(VENV)/.installed-dev  ## let ruff format the code
	$(BIN)/ruff format .

bench-%: $(VENV)/.installed-dev $(VENV)/.installed-export  ## run bench/NAME [ARGS=..]; docs/figures.md says what each measures
	@$(SAM3DB) models build
	$(BIN)/python -m bench.$* $(ARGS)

# --- lock files: exact versions and hashes for every platform, made from pyproject.toml with uv -------------------------

COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command "make lock" -c requirements/main-line.txt pyproject.toml

# Of torch+cpu, for Python 3.11 on 64-bit Linux; to be renewed with torch's version.
TORCH_CPU_SHA256 := 6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b

# The last ONNX Runtime with wheels for Macs with Intel's processors.
MACOS_X64_ONNXRUNTIME := 1.23.2

lock:  ## regenerate requirements/*.txt (needs uv)
	$(COMPILE) --extra export -o requirements/export.txt
	awk '/^[a-z]/ { skip = /^(cuda|nvidia|torch|triton)/ } !skip; \
		/^torch==/ { print $$1 "+cpu \\\n    --hash=sha256:$(TORCH_CPU_SHA256)" }' \
		requirements/export.txt > requirements/export-cpu.txt
	$(COMPILE) --extra build --extra blender -o requirements/character.txt
	$(COMPILE) --extra build --extra blender --extra cluster --extra test --extra dev -o requirements/dev.txt
	$(COMPILE) -c requirements/dev.txt --extra docs -o requirements/docs.txt
	$(COMPILE) --extra gpu --no-emit-package onnxruntime -o requirements/gpu.txt
	printf 'onnxruntime\nopencv-python-headless\npi-heif\npillow\n' | uv pip compile --quiet --universal --python-version 3.11 --no-deps \
		--generate-hashes --no-annotate --custom-compile-command "make lock" -c requirements/main-line.txt - \
		-o requirements/extension.txt
	python3 requirements/gpu_support.py
	{ grep -E '^(opencv|pi-heif|pillow)' requirements/main-line.txt; echo "onnxruntime==$(MACOS_X64_ONNXRUNTIME)"; } \
		| uv pip compile --quiet --universal --python-version 3.11 --no-deps --generate-hashes --no-annotate \
		--custom-compile-command "make lock" - -o requirements/extension-macos-x64.txt

clean:  ## remove what was made here (the models in the user's cache stay)
	rm -rf dist build *.egg-info .coverage .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
