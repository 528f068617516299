# Two commands do everything: `make demo` and `make test`.
.DEFAULT_GOAL := help
help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18
