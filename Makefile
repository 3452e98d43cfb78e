# make demo    two nights and two trainings on this machine, no GPU, no network, no model to fetch
# make quick   the tests that need no server and no training, to run before a commit
# make test    every test, with a real lake, a real Prefect server and a real vLLM server
# make check   ruff, mypy, the order of imports, the generated docs
# make stress  long kills and soaks; results in stress/
# make attacks the attacks of stress/attacks/ on what is promised, and a table
# make gpu-check PYTHON=...   what training does on a GPU, tried in at most 8 minutes with any Python that has torch; a table
# make bench   every benchmark; make bench-NAME one of them; results in benchmarks/results/,
#              and at the end which kept results are older than their code

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
VLLM := .venv-vllm
# One more than this machine's cores: some tests wait for the minute of a schedule.
WORKERS ?= 3

.PHONY: env system vllm demo quick test check format docs stress attacks gpu-check bench clean

env: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt requirements.txt requirements-source.txt scripts/install.py
	$(PYTHON) scripts/install.py $(VENV)
	touch $@

system:
	scripts/system_packages.sh

vllm: $(VLLM)/.stamp

$(VLLM)/.stamp: scripts/vllm_env.py constraints-vllm-cpu.txt requirements-vllm-cpu.txt constraints-vllm-gpu.txt
	$(PYTHON) scripts/vllm_env.py $(VLLM)
	touch $@

demo: env
	$(BIN)/nightschool run recipes/nightly.yaml --date 2026-01-01
	$(BIN)/nightschool run recipes/nightly.yaml --date 2026-01-02
	$(BIN)/nightschool sql "select night, method, made, accepted, rejected from funnel"

quick: env
	$(BIN)/python -m pytest --quiet --numprocesses 2 --dist loadfile --no-loadscope-reorder -m "not slow" --durations 15

test: system env vllm
	NIGHTSCHOOL_EXPECTS_VLLM=1 NIGHTSCHOOL_EXPECTS_POSTGRES=1 NIGHTSCHOOL_EXPECTS_CHROMIUM=1 $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 40

check: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --quiet tests/test_layout.py tests/test_docs.py

format: env
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: env
	$(BIN)/python -m flows.cli.reference docs/cli.md
	$(BIN)/python -m train_stages.reference docs/settings.md
	$(BIN)/python -m flows.recipe.reference docs/recipe.md
	$(BIN)/python -m flows.report.parts docs/tasks.md

stress: system env vllm
	$(BIN)/python -m pytest --quiet -o timeout=3600 stress

attacks: env
	$(BIN)/python -m stress.attacks

gpu-check:
	$(PYTHON) scripts/gpu_check.py

bench: $(patsubst benchmarks/%.py,bench-%,$(wildcard benchmarks/[a-z]*.py))
	$(BIN)/python -m benchmarks.shared.standing

bench-%: env benchmarks/%.py
	$(BIN)/python benchmarks/$*.py

clean:
	rm -rf $(VENV) $(VLLM) .nightschool build *.egg-info
