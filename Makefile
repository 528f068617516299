# Two commands do everything: `make demo` and `make test`. Both install what they need first.
.DEFAULT_GOAL := help
.PHONY: help demo test soak lint format bench bench-secure bench-failure bench-router bench-media bench-handoff screenshots setup uninstall soak-fuzz
ARGS ?=
export PATH := $(CURDIR)/.venv/bin:$(PATH)

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

demo: ## A paid call from the first INVITE to the receipt, on real parts (ARGS=--serve keeps it running)
	@infra/host/setup demo
	@callseal demo $(ARGS)

test: ## Everything that must hold: lint, types, import rules, unit, integration and e2e (ARGS go to pytest)
	@infra/host/setup test
	@$(MAKE) --no-print-directory lint
	@pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

soak: ## The tests that are too long for every change (ARGS go to pytest)
	@infra/host/setup test
	@pytest -m soak $(ARGS)

lint: ## ruff, mypy --strict, import contracts
	@infra/host/setup lint
	@ruff check --quiet . && ruff format --quiet --check . && echo "ruff: clean"
	@mypy
	@lint-imports --no-logo 2>/dev/null || lint-imports

format: ## Let ruff format the code
	@ruff format . && ruff check --fix-only --quiet .

bench: bench-secure bench-router bench-media bench-handoff ## Every bench but bench-failure

bench-secure: ## Press -> secured and release -> restored, beside two plain re-INVITEs
	@infra/host/setup test
	@python -m bench.secure $(ARGS)

bench-failure: ## kill -9 of each part with 50 calls up and 10 new ones a second; writes docs/reference/failure.md
	@infra/host/setup test
	@python -m bench.failure --page docs/reference/failure.md $(ARGS)

bench-router: ## CPU of a call in Kamailio, beside a bare Kamailio that relays the same two legs
	@infra/host/setup test
	@python -m bench.router $(ARGS)

bench-media: ## CPU of a call in rtpengine, beside one plain rtpengine call
	@infra/host/setup test
	@python -m bench.media $(ARGS)

bench-handoff: ## From the partner's INVITE to the agent's card, at growing rates up to the knee
	@infra/host/setup test
	@python -m bench.handoff $(ARGS)

soak-fuzz: ## 100,000 bad SIP messages beside good calls (result: docs/reference/soak.md)
	@infra/host/setup test
	@pytest -m soak -s tests/integration/router/test_fuzz_soak.py $(ARGS)

screenshots: ## The card in each state, into docs/screenshots
	@infra/host/setup test
	@python -m tests.support.card_screenshots

setup: ## Only install what demo and test need
	@infra/host/setup test

uninstall: ## Remove what was built: .venv, build/ and the cached root filesystems (host packages stay)
	@rm -rf .venv build "$${CALLSEAL_ROOTFS_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/callseal}"
	@echo "removed .venv, build/ and the cached root filesystems"
