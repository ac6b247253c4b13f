# `make` alone is the quick check; `make test` is every test. Both are what CI runs (.ci/run), and neither needs set-up
# after a clone. The tests use the programs they find; `make test` ends with what it left out and what to install.

VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT   := $(shell git rev-parse HEAD 2>/dev/null)
BUILT    := $(shell TZ=UTC git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd 2>/dev/null)
COMPILE  := packaging/compile
LINK     := -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.built=$(BUILT)
GOTOOL   := go tool -modfile=go.tool.mod
PLATFORM := linux-amd64 linux-arm64 linux-arm linux-mipsle linux-riscv64 windows-amd64.exe darwin-arm64 freebsd-amd64
FUZZTIME ?= 5m
DAEMONS  ?= 20
FILE     ?= cmd/lab/demo.txtar

.DEFAULT_GOAL := check
.PHONY: check generate fmt vet lint race test demo lab bench fuzz build fleet cross dist sizes FORCE

check: fmt vet lint race            # everything quick that must hold; without a C compiler there is no race detector

generate:                           # the files that are made from others: what is packed, and from the code reasons, faults, JSON, device order, metrics, manual pages, completion
	go test ./provisioning ./cmd/agent ./packaging -run Packed -update
	go test ./provisioning -run 'ReasonTable|FaultTable' -update
	go test ./provisioning/agent -run OrderTable -update
	go test ./service -run MetricsTable -update
	go test ./cmd/agent -run 'Manual|CompletionScripts|JSONReference' -update

fmt:
	@files=$$(gofmt -l .) && test -z "$$files" || { echo "not formatted (gofmt -w):" $$files; exit 1; }

vet:
	go vet ./...

lint:                               # the rules of .golangci.yml; the first run builds the linter
	$(GOTOOL) golangci-lint run

race:                               # on one processor: on more, the race detector of Go 1.26 crashes now and then where a bubble has timers (golang/go#78156)
	@if CGO_ENABLED=1 go build runtime/cgo 2>/dev/null; then set -x; CGO_ENABLED=1 go test -race -short -cpu 1 ./...; else \
		( set -x; go test -short ./... ) && echo 'left out: the race detector, which needs a C compiler (Debian: gcc libc6-dev)'; fi

test:                               # side by side: end to end; those that share port 67 of loopback; unit, scenarios, fuzz seeds, CLI scripts
	@go run ./e2e/tested \
		-- -count=1 -timeout 40m ./e2e \
		++ -count=1 -timeout 40m -p 1 ./cmd/agent ./cmd/lab ./provisioning/agent ./internal/sitetest \
		++ -count=1 -timeout 40m $$(go list ./... | grep -vE '/(e2e|cmd/agent|cmd/lab|provisioning/agent|internal/sitetest)$$')

demo:                               # the story: sign in, outage, restart, the way back
	go run ./cmd/lab demo

lab:                                # a simulated site on loopback, until interrupted: make lab FILE=site.txtar
	go run ./cmd/lab $(FILE)

bench: build                        # figures beside their limits: of real servers (BENCH='-quick -rows hole'), of many daemons and a broker at fault (DAEMONS=200), of the lab, of each package
	E2E_BINARY=$(CURDIR)/bin/homeward go test -timeout 6h -run '^$$' -bench SignIn ./e2e -args $(BENCH)
	E2E_BINARY=$(CURDIR)/bin/homeward go test -timeout 2h -run '^$$' -bench Fleet ./e2e -args -daemons $(DAEMONS)
	go run ./cmd/lab bench
	go test -run '^$$' -bench . $$(go list ./... | grep -v '/e2e$$')

fuzz:                               # each fuzz target for FUZZTIME; the interesting is not made small: no two walks are the same
	@set -e; for pkg in $$(go list ./...); do for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
		echo "== $$pkg $$target"; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$pkg; \
	done; done

build:
	$(COMPILE) bin/homeward '$(LINK)'

fleet:                              # the operator's tool, docs/fleet.md; it is on no device
	CGO_ENABLED=0 go build -trimpath -o bin/fleet ./cmd/fleet

cross: $(PLATFORM:%=dist/homeward-%)

dist/homeward-%: FORCE
	GOOS=$(firstword $(subst -, ,$*)) GOARCH=$(lastword $(subst -, ,$(basename $*))) $(COMPILE) $@ '$(LINK)'

dist: FORCE                         # all that is released: packages, archives, bills of materials, checksums
	packaging/dist.sh dist/release $(VERSION) $(or $(shell git log -1 --format=%ct 2>/dev/null),0)

sizes: dist/homeward-linux-amd64 dist/homeward-linux-arm64 dist/homeward-linux-arm dist/homeward-linux-mipsle
	@echo "stripped binary          bytes     limit"
	@over=0; for f in amd64:$$((11 << 20)) arm64:- arm:- mipsle:$$((12 << 20)); do \
		size=$$(wc -c <dist/homeward-linux-$${f%:*}); printf '%-20s %9s %9s\n' linux-$${f%:*} $$size $${f#*:}; \
		[ $${f#*:} = - ] || [ $$size -le $${f#*:} ] || over=1; \
	done; [ $$over = 0 ] || { echo "a binary is larger than its limit"; exit 1; }
