# Two commands do everything: `make demo` and `make test`. Both install what they need first.
.DEFAULT_GOAL := help
.PHONY: help demo test soak lint format bench bench-secure bench-failure bench-router bench-router-parts bench-media bench-handoff bench-audit bench-bleed screenshots setup uninstall soak-fuzz soak-streams soak-flood soak-bleed soak-audit
ARGS ?=
export PATH := $(CURDIR)/.venv/bin:$(PATH)

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

demo: ## A paid call from the first INVITE to the receipt, on real parts (ARGS=--serve keeps it running)
	@infra/host/setup demo
	@callseal demo --report build/demo-report.html $(ARGS)

test: ## Everything that must hold: lint, types, import rules, unit, integration and e2e (ARGS go to pytest)
	@infra/host/setup test
	@$(MAKE) --no-print-directory lint
	@pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

soak: ## What is too long for every change: the long tests, then every bench (with ARGS, which go to pytest, the tests alone)
	@infra/host/setup test
	@pytest -m soak $(ARGS)
	@test -n "$(ARGS)" || $(MAKE) --no-print-directory bench-failure bench

lint: ## ruff, mypy --strict, import contracts
	@infra/host/setup lint
	@ruff check --quiet . && ruff format --quiet --check . && echo "ruff: clean"
	@mypy
	@lint-imports --no-logo 2>/dev/null || lint-imports

format: ## Let ruff format the code
	@ruff format . && ruff check --fix-only --quiet .

bench: bench-secure bench-router bench-media bench-handoff bench-audit bench-bleed ## Every bench but bench-failure

bench-secure: ## Press -> secured and release -> restored, beside two plain re-INVITEs
	@infra/host/setup test
	@python -m bench.secure $(ARGS)

bench-failure: ## kill -9 of each part with 50 calls up and 10 new ones a second; writes docs/reference/failure.md
	@infra/host/setup test
	@python -m bench.failure --page docs/reference/failure.md $(ARGS)

bench-router: ## CPU of a call in Kamailio, beside a bare Kamailio that relays the same two legs
	@infra/host/setup test
	@python -m bench.router $(ARGS)

bench-router-parts: ## What each part of the router costs a call, by leaving it out
	@infra/host/setup test
	@python -m bench.router_parts $(ARGS)

bench-media: ## CPU of a call in rtpengine, beside one plain rtpengine call
	@infra/host/setup test
	@python -m bench.media $(ARGS)

bench-audit: ## Seconds of audio that a second of CPU audits, for each codec, beside tshark
	@infra/host/setup test
	@python -m bench.audit $(ARGS)

bench-handoff: ## From the partner's INVITE to the agent's card, at growing rates up to the knee
	@infra/host/setup test
	@python -m bench.handoff $(ARGS)

soak-fuzz: ## 100,000 bad SIP messages beside good calls (result: docs/reference/soak.md)
	@infra/host/setup test
	@pytest -m soak -s tests/integration/router/test_fuzz_soak.py $(ARGS)

soak-streams: ## 100,000 messages in bad TCP and TLS streams beside good calls (result: docs/reference/soak.md)
	@infra/host/setup test
	@pytest -m soak tests/integration/router/test_stream_soak.py $(ARGS)

soak-flood: ## Calls that nobody answers, from a known peer at its limit (result: docs/reference/soak.md)
	@infra/host/setup test
	@pytest -m soak tests/integration/router/test_flood_soak.py $(ARGS)

bench-bleed: ## Keys pressed in every way past every barrier: how many are heard
	@infra/host/setup test
	@python -m bench.bleed $(ARGS)

soak-bleed: ## 100,000 keys where the leak table says 0 (result: docs/reference/soak.md)
	@infra/host/setup test
	@python -m bench.bleed --soak --only fence --digits 90000 --lines 44 --speed 3 --out bench/results/bleed-soak-fence.json --page build/soak/bleed-fence.md $(ARGS)
	@python -m bench.bleed --soak --only mask --digits 11000 --out bench/results/bleed-soak-mask.json --page build/soak/bleed-mask.md $(ARGS)

soak-audit: ## Captures of a gigabyte: what an audit of them costs (result: docs/reference/soak.md)
	@infra/host/setup test
	@pytest -m soak tests/integration/audit/test_huge.py $(ARGS)

screenshots: ## The card in each state, into docs/screenshots
	@infra/host/setup test
	@python -m tests.support.card_screenshots

setup: ## Only install what demo and test need
	@infra/host/setup test

uninstall: ## Remove what was built: .venv, build/ and the cached root filesystems (host packages stay)
	@rm -rf .venv build "$${CALLSEAL_ROOTFS_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/callseal}"
	@echo "removed .venv, build/ and the cached root filesystems"
