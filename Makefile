# The front door. CMake does the work, in build/<preset>/; nothing is installed but missing packages.
.DEFAULT_GOAL := help
.PHONY: help build demo story test check mutants bench bench-compare counts lint format docs clean packages-build packages-test packages-check

JOBS ?= $(shell nproc)
WERROR := $(if $(CI),ON,OFF)
CONFIGURE := cmake -DTP_WERROR=$(WERROR) --preset

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

packages-build:
	@bash tools/ensure-packages.sh build

packages-test:
	@bash tools/ensure-packages.sh build test

packages-check:
	@bash tools/ensure-packages.sh build test check

build: packages-build ## the release build: the libraries and all programs
	@$(CONFIGURE) release
	@cmake --build --preset release --parallel $(JOBS)

demo: packages-build ## build the bank and run its demo, in one process and over three
	@$(CONFIGURE) release
	@cmake --build --preset release --parallel $(JOBS) --target bank
	@build/release/bin/bank demo
	@build/release/bin/bank cluster --nodes 3

story: packages-build ## run the programs of the story; one page of what they show
	@$(CONFIGURE) release
	@cmake --build --preset release --parallel $(JOBS)
	@python3 tools/story/run.py

test: packages-test ## the functional tests (under 5 minutes on 2 cores)
	@$(CONFIGURE) release -DTP_TEST_RUNNER=criterion
	@cmake --build --preset release --parallel $(JOBS)
	@bash tools/check/ctest.sh release --label-regex quick

check: packages-check ## everything heavy: sanitizers, models, fuzzers, oracles, lints, packaging
	@bash tools/check/run.sh

mutants: packages-build ## plant one bug at a time; the tests must find each (NAMES="deque links")
	@bash tools/mutants/run.sh --jobs $(JOBS) $(NAMES)

bench: packages-build ## the measurements beside Erlang, Go and CAF (QUICK=1, NAMES="pingpong count")
	@bash tools/ensure-packages.sh bench || echo "bench: peers whose packages are missing are left out" >&2
	@$(CONFIGURE) release
	@cmake --build --preset release --parallel $(JOBS) --target troupe-bench
	@bash tools/bench/peers.sh
	@python3 tools/bench/run.py --out build/bench/results.json $(if $(QUICK),--quick) --names "$(NAMES)"
	@python3 tools/bench/report.py build/bench/results.json $(if $(NAMES),--docs build/bench/docs)

bench-compare: ## the last `make bench` beside the stored one; fails on a regression beyond the noise
	@bench/compare $(NEW) $(OLD)

counts: packages-check ## instructions an operation, by callgrind, beside the stored ones
	@$(CONFIGURE) release
	@cmake --build --preset release --parallel $(JOBS) --target troupe-bench
	@python3 tools/bench/counts.py --check

lint: ## the checks of the source text
	@bash tools/ensure-packages.sh build test check
	@bash tools/lint/run.sh

format: ## let clang-format rewrite the C sources
	@bash tools/ensure-packages.sh check
	@bash tools/lint/format.sh --fix

docs: ## the API reference in build/docs/html, the picture of the rooms
	@bash tools/ensure-packages.sh check
	@bash tools/docs/build.sh

clean: ## remove everything that was built
	@rm -rf build
