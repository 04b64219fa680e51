# `make help` lists what there is. Everything a target needs beyond git, make and Go it installs with apt (as root).

GO ?= go
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
TEST_PACKAGES ?= gcc libc6-dev ansible python3-pycurl busybox-static dash openssh-client rsync curl strace systemd chromium
TEST_FLAGS ?= -timeout 25m
BENCH ?=

.DEFAULT_GOAL := help
.PHONY: help go-ready build demo demo-down test test-pure test-ansible bench check testbed-up testbed-down clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

# The version go.mod asks for may be fetched by an older Go (1.21 on); anything older is told so in words.
go-ready:
	@command -v $(GO) >/dev/null || { echo "make: Go is not installed (or not in PATH): see https://go.dev/dl; go.mod asks for $$(awk '$$1 == "go" { print $$2 }' go.mod)" >&2; exit 1; }
	@want=$$(awk '$$1 == "go" { print $$2 }' go.mod); have=$$($(GO) env GOVERSION | sed 's/^go//; s/ .*//'); \
	[ "$$(printf '%s\n' "$$want" "$$have" | sort -V | head -n 1)" = "$$want" ] || \
	{ echo "make: Go $${have:-?} is too old: go.mod asks for $$want" >&2; exit 1; }

build: go-ready ## bin/fairlead, static
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/fairlead ./cmd/fairlead

demo: go-ready ## the main job on real nodes, in about two minutes
	@scripts/demo

demo-down: ## end what the demo started, and the test bed
	@scripts/demo down

test: go-ready ## everything: pure tests, race detector, and the real parts on the test bed
	@scripts/apt-need $(TEST_PACKAGES)
	@scripts/testbed up
	@eval "$$(scripts/testbed env)" && FAIRLEAD_NO_SKIP=1 FAIRLEAD_AGAINST_ANSIBLE=sample CGO_ENABLED=1 $(GO) test -race $(TEST_FLAGS) ./...

test-pure: go-ready ## what needs nothing but Go
	$(GO) test ./...

test-ansible: go-ready ## each case of engine/difftest by ansible-playbook and by Fairlead on twin hosts
	@scripts/apt-need ansible
	@scripts/testbed up
	@eval "$$(scripts/testbed env)" && FAIRLEAD_NO_SKIP=1 FAIRLEAD_AGAINST_ANSIBLE=all $(GO) test -count=1 $(TEST_FLAGS) ./engine/difftest

bench: go-ready ## against the floor, ansible-playbook, Mitogen, scp; BENCH="hosts delay" names parts (scripts/bench.sh)
	@scripts/bench.sh $(BENCH)

check: go-ready ## gofmt, go vet, staticcheck
	@files=$$(gofmt -l .); [ -z "$$files" ] || { printf 'not gofmt-ed:\n%s\n' "$$files" >&2; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

docs: go-ready ## docs/modules.md, from the modules' own specifications
	$(GO) run ./cmd/fairlead module --markdown > docs/modules.md.new
	@mv docs/modules.md.new docs/modules.md

testbed-up: ## start the test bed's hosts (scripts/testbed help says what they are)
	@scripts/testbed up

testbed-down: ## stop and remove them
	@scripts/testbed down

clean: ## remove what was built
	rm -rf bin dist
