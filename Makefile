# Every target runs on a fresh machine that has Go and Node: what else it needs,
# scripts/setup fetches. No container engine is involved.

.DEFAULT_GOAL := help
.PHONY: help build demo test lint bench clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build bin/lockstep and bin/testenv
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/...

demo: ## Watch Lockstep keep a real PostgreSQL and a simulated HubSpot in step
	@scripts/setup
	@go build -o bin/demo ./testenv/demo && bin/demo

test: ## Run all tests against real databases; the last line counts them
	@scripts/setup
	@scripts/test

lint: ## Check formatting, vet, staticcheck and the import arrows
	@scripts/lint

bench: ## Run the Go benchmarks
	@scripts/setup
	go test -run '^$$' -bench . -benchmem ./...

clean: ## Remove what build made (downloaded servers stay in the cache)
	rm -rf bin
