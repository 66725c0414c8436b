# Everything one does with this repository, one word each. Each word is a script of the same name in
# scripts/, which says what it does and can be run by itself.

.DEFAULT_GOAL := help
.PHONY: help serve test bench lint docs format fuzz sim conformance demo release clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve: ## build and start a server with its data in a folder of yours (APUS_DATA)
	@scripts/serve

test: ## everything that must pass: unit tests, simulator, crash tests, other languages' clients
	@scripts/test

bench: ## measure the hot paths against the disk and the bare HTTP stack
	@scripts/bench

lint: ## formatting, shell scripts, and the rules that no tool knows
	@scripts/lint

format: ## format all Swift files in place
	@scripts/format

docs: ## build the pages of the Swift library, articles and API, without the network
	@scripts/docs

fuzz: ## fuzz each parser for SECONDS (60), one after the other
	@scripts/fuzz $(SECONDS)

sim: ## simulate crashes and disk faults: SEED=n replays one seed, SEEDS=n tries many
	@scripts/sim

conformance: ## hold JSON Schema against the official test suite
	@scripts/conformance

demo: ## route every package of a Debian index through rules, with the server killed three times
	@scripts/demo

release: ## build the static binary that is shipped
	@scripts/release

clean: ## remove what was built
	@scripts/clean
