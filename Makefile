# The two commands of the README are `make run` and `make test`; `make` alone lists the rest.
# Every tool but Go itself comes from the modules that go.mod and tools/*/go.mod pin.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
# buf generate empties gen/, which vet reads.
.NOTPARALLEL:
# Globs sort the same everywhere.
export LC_ALL := C

FUZZTIME ?= 10s
TEST_TIMEOUT ?= 15m
KILLS ?= 200
FAULT_ROUNDS ?= 20
BENCH ?=
SLICE ?= 1500ms
ROUNDS ?= 5
PROFILES ?=

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: build ## Run the service with sample orders
	@exec bin/ordermanagement serve --sample-data

.PHONY: test
test: ## Run every test under the race detector
	tools/packages.sh gcc strace chromium curl postgres pgbouncer
	# Not from the cache: it does not see that the program, which the tests of e2e/ start, has changed.
	go test -race -count=1 -timeout $(TEST_TIMEOUT) ./...
	go test -C bench -race -count=1 -timeout $(TEST_TIMEOUT) ./...

.PHONY: soak
soak: ## Kill the service KILLS (200) times, and replicas and PostgreSQL FAULT_ROUNDS (20) times in every way, under load and compare what was acknowledged with what is stored
	DURABILITY_KILLS=$(KILLS) go test -race -count=1 -timeout 60m -v -run 'Killed' ./e2e/durability
	REPLICAS_ROUNDS=$(FAULT_ROUNDS) go test -race -count=1 -timeout 60m -v -run 'TestFaults|TestFailover' ./e2e/replicas

.PHONY: bench
# PROFILES=DIR keeps CPU profiles of the service, taken under the load of each row.
bench: ## Measure against floors and peers: the rows that match BENCH, in ROUNDS (5) of four turns of SLICE (1500ms)
	go build -C bench -o $(CURDIR)/bin/bench .
	@bin/bench -run '$(BENCH)' -slice $(SLICE) -rounds $(ROUNDS) -profiles '$(PROFILES)' -o .build/bench/results.md

.PHONY: build
build: ## Build bin/ordermanagement
	go build -o bin/ordermanagement ./cmd/ordermanagement

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (10s)
	@tools/fuzz.sh $(FUZZTIME)

.PHONY: generate
# The first documents of a merge are hand-written: the head of the version, and what all versions share.
generate: third-party ## Regenerate gen/ and openapi/, offline once the modules are cached
	go tool buf generate
	go tool buf generate --template e2e/legacy/client2019/buf.gen.yaml
	gofmt -w e2e/legacy/client2019
	go tool buf generate --template internal/appendjson/kinds/buf.gen.yaml
	go tool openapiv3-merge proto/ordermanagement/{v1,api/v1}/openapi.json .build/openapi/{ordermanagement/v1,helloworld}/*.json >.build/v1.json
	go tool openapiv3-merge proto/ordermanagement/{v2,api/v1}/openapi.json .build/openapi/ordermanagement/v2/*.json >.build/v2.json
	go tool buf build -o .build/contract.binpb
	go run ./internal/tools/openapi .build/contract.binpb proto/ordermanagement/v1/examples.yaml <.build/v1.json >.build/openapi/v1.json
	go run ./internal/tools/openapi .build/contract.binpb proto/ordermanagement/v2/examples.yaml <.build/v2.json >.build/openapi/v2.json
	rm -f openapi/*.json
	mv .build/openapi/v1.json .build/openapi/v2.json openapi/

.PHONY: third-party
third-party: ## Print the protos that the contracts import into third_party/proto
	go run ./internal/tools/thirdparty third_party/proto

.PHONY: check-generated
check-generated: generate ## Fail when what is generated, in gen/, openapi/ and for tests, is not what the contracts generate
	@changes=$$(git status --porcelain --untracked-files=all -- gen openapi e2e/legacy/client2019 internal/appendjson/kinds); \
	if [ -n "$$changes" ]; then \
	  printf 'Generated files differ from the commit. Run "make generate" and commit the result:\n%s\n' "$$changes" >&2; \
	  exit 1; \
	fi

.PHONY: lint
lint: third-party bin/api-linter lint-openapi ## Check the contracts, the OpenAPI documents and the Go code
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then printf 'Run gofmt -w on:\n%s\n' "$$files" >&2; exit 1; fi
	go tool buf lint
	go tool buf format --diff --exit-code proto
	cd proto && ../bin/api-linter -I ../third_party/proto --config ../tools/apilinter/config.yaml \
	  --output-format github --set-exit-status ordermanagement/v2/*.proto
	go vet ./...
	go vet -C bench ./...

bin/api-linter: tools/apilinter/go.mod tools/apilinter/go.sum
	go build -C tools/apilinter -o $(CURDIR)/$@ github.com/googleapis/api-linter/v2/cmd/api-linter

.PHONY: lint-openapi
lint-openapi: export REDOCLY_TELEMETRY = off
lint-openapi: export REDOCLY_SUPPRESS_UPDATE_NOTICE = true
lint-openapi: tools/openapilint/node_modules ## Check the OpenAPI documents with Redocly's and Spectral's rules
	cd tools/openapilint && node_modules/.bin/redocly lint --config redocly.yaml ../../openapi/*.json
	cd tools/openapilint && node_modules/.bin/spectral lint --ruleset spectral.yaml --fail-severity hint ../../openapi/*.json

tools/openapilint/node_modules: tools/openapilint/package.json tools/openapilint/package-lock.json
	npm ci --prefix tools/openapilint
	touch $@

.PHONY: breaking
breaking: third-party ## Fail when the contracts break clients of an earlier commit: BASE, or the main of before
	@tools/breaking.sh $(BASE)
