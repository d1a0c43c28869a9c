VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: $(shell grep -oE '^[a-z-]+:' $(MAKEFILE_LIST) | tr -d :)

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP)  ## make .venv with erblock and all it needs, in the exact versions of constraints.txt

# The stamp is younger than what it was made from, or the installation runs again.
$(STAMP): pyproject.toml constraints.txt
	test -x $(PYTHON) || python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet -c constraints.txt -e '.[all,dev]'
	@touch $@

demo: $(STAMP)  ## block the sample tables with MinHash, the untrained and the trained neural hash; compare
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" bash examples/demo.sh

fix: $(STAMP)  ## format the code and mend what can be mended
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

lint: $(STAMP)  ## check style and formatting
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types: $(STAMP)  ## check types
	$(PYTHON) -m mypy

TESTS = $(PYTHON) -m pytest --numprocesses auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder

test: $(STAMP)  ## run the tests side by side
	$(TESTS)

coverage: $(STAMP)  ## run the tests and measure how much of the code they reach, which takes half as long again
	$(TESTS) --cov --cov-report=term

check: lint types test  ## what must pass before a commit

docs: $(STAMP)  ## build the documentation as a site, in site/; a broken link fails
	$(PYTHON) -m pip install --quiet -c constraints.txt -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --quiet --clean --config-file .ci/mkdocs.yml

bench-quality: $(STAMP)  ## measure candidates on all public data (hours; ERBLOCK_DATASETS or ../shared/datasets); writes docs/quality.md
	$(PYTHON) benchmarks/quality.py --markdown docs/quality.md

bench-quick: $(STAMP)  ## measure the floor and MinHash alone on public data (minutes); prints, writes no page
	$(PYTHON) benchmarks/quality.py --quick

bench-match: $(STAMP)  ## measure matches and entities, on the candidates of bench-quality; writes docs/matching.md
	$(PYTHON) benchmarks/matching.py --markdown docs/matching.md

bench-recall: $(STAMP)  ## hold estimated recall against the true one, from the rows of bench-quality; writes docs/recall.md
	$(PYTHON) benchmarks/recall.py --markdown docs/recall.md

bench-sensitivity: $(STAMP)  ## measure what the tuned numbers of scoring change (an hour); writes docs/parameters.md
	$(PYTHON) benchmarks/sensitivity.py --markdown docs/parameters.md

bench-buckets: $(STAMP)  ## measure what buckets lose against exact search; writes docs/buckets.md
	$(PYTHON) benchmarks/buckets.py --markdown docs/buckets.md

bench-ablation: $(STAMP)  ## measure what each part of the trained hash pays; writes docs/ablation.md
	$(PYTHON) benchmarks/ablation.py --markdown docs/ablation.md

bench-encoding: $(STAMP)  ## measure records a second of encoder and student, and the student's candidates; writes docs/encoding.md
	$(PYTHON) benchmarks/encoding.py --markdown docs/encoding.md

bench-labelling: $(STAMP)  ## measure what answers to --label teach (minutes); writes docs/labelling.md
	$(PYTHON) benchmarks/labelling.py --markdown docs/labelling.md

bench-speed: $(STAMP)  ## measure seconds and memory against rows and other libraries (minutes); writes docs/speed.md
	$(PYTHON) -m pip install --quiet -c constraints.txt -e '.[peers]'
	$(PYTHON) benchmarks/speed.py --markdown docs/speed.md

bench-plan: $(STAMP)  ## hold what erblock plan says against what then happens (minutes); writes docs/plan.md
	$(PYTHON) benchmarks/plan.py --markdown docs/plan.md

bench-start: $(STAMP)  ## measure what a run costs before it has done anything (minutes); writes docs/start.md
	$(PYTHON) benchmarks/start.py --markdown docs/start.md

bench-weight: $(STAMP)  ## measure the size of an installation and of each extra; writes docs/weight.md
	$(PYTHON) benchmarks/weight.py --markdown docs/weight.md

bench-busy: $(STAMP)  ## measure runs beside other work on all cores against runs alone (minutes); writes docs/busy.md
	$(PYTHON) benchmarks/busy.py --markdown docs/busy.md

bench-memory: $(STAMP)  ## measure peak memory with --memory over three sizes and both hashers (minutes); writes docs/memory.md
	$(PYTHON) benchmarks/memory.py --markdown docs/memory.md

# Those that need other versions than erblock have environments of their own.
runs/peers/%/bin/python: benchmarks/environments/%.txt
	python3 -m venv runs/peers/$*
	$@ -m pip install --quiet -r $< && touch $@

bench-peers: $(STAMP) $(patsubst benchmarks/environments/%.txt,runs/peers/%/bin/python,$(wildcard benchmarks/environments/*.txt))  ## measure other libraries on public data (minutes); writes docs/peers.md
	$(PYTHON) -m pip install --quiet -c constraints.txt -e '.[peers]'
	$(PYTHON) benchmarks/whole_jobs.py
	$(PYTHON) benchmarks/other_libraries.py --markdown docs/peers.md

mutation: $(STAMP)  ## change the code that chooses pairs and see whether a test notices (15 minutes)
	$(PYTHON) -m pip install --quiet -c constraints.txt -e '.[mutation]'
	$(PYTHON) benchmarks/mutation.py

audit: $(STAMP)  ## look up known weaknesses of the versions in constraints.txt; needs a network
	$(PYTHON) -m pip install --quiet -c constraints.txt -e '.[audit]'
	$(PYTHON) -m pip_audit --requirement constraints.txt --no-deps --disable-pip

release: $(STAMP)  ## build the wheel, a lock with hashes and a bill of materials, in dist/; tries them in a fresh environment
	$(PYTHON) -m pip install --quiet -c constraints.txt -e '.[audit]'
	.ci/release

clean:  ## remove what was built or computed
	rm -rf $(VENV) runs site build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache erblock.egg-info
