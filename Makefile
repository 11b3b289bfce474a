# Bare "make" prints what there is to make.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory

# sudo and bare environments know neither Go's place nor a home for its caches.
GO ?= $(shell command -v go 2>/dev/null || echo /usr/local/go/bin/go)
ifeq ($(strip $(HOME)),)
export HOME := $(shell getent passwd "$$(id -u)" | cut -d: -f6)
endif
export PATH := $(PATH):$(dir $(GO))

# What a build calls itself; a copy without git is "unreleased".
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unreleased)
export CGO_ENABLED ?= 0
BUILD := $(GO) build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)'

# Packages tested at once: each may mount, so that many cores are no reason for many.
P ?= $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n < 4 ? n : 4)))
PKG ?= ./...
GODIRS := $(wildcard cmd fs store crypto versioning integration)

# Where make install puts things. DESTDIR goes before all of it, for packages.
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share
UNITDIR ?= $(PREFIX)/lib/systemd
# mount(8) looks nowhere else for its helpers.
SBINDIR ?= $(shell [ -L /sbin ] && echo /usr/sbin || echo /sbin)
BIN ?= bin/pail

# All that is installed.
HELPERS = $(addprefix $(SBINDIR)/,mount.pail mount.fuse.pail umount.fuse.pail)
INSTALLED = $(BINDIR)/pail $(HELPERS) \
  $(DATADIR)/bash-completion/completions/pail $(DATADIR)/zsh/site-functions/_pail \
  $(DATADIR)/fish/vendor_completions.d/pail.fish $(DATADIR)/man/man1/pail.1 $(DATADIR)/man/man8/mount.pail.8 \
  $(UNITDIR)/system/pail.service $(UNITDIR)/user/pail.service

.PHONY: help run build install uninstall test check soak clients race fuzz bench bench-mount bench-s3 ci proto clean

help: ## print this
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: ## build, mount a store at the default place, and say what to try
	@.ci/setup run
	@$(MAKE) build
	@.ci/tour bin/pail

build: ## build the static binary bin/pail
	@mkdir -p bin
	$(BUILD) -o bin/pail ./cmd/pail

install: $(if $(filter bin/pail,$(BIN)),build) ## pail, mount.pail, completions, manual and units: PREFIX, DESTDIR
	install -d $(addprefix $(DESTDIR),$(sort $(dir $(INSTALLED))))
	install -m 755 $(BIN) $(DESTDIR)$(BINDIR)/pail
	for link in $(HELPERS); do ln -sf $(BINDIR)/pail $(DESTDIR)$$link; done
	$(BIN) completion bash > $(DESTDIR)$(DATADIR)/bash-completion/completions/pail
	$(BIN) completion zsh > $(DESTDIR)$(DATADIR)/zsh/site-functions/_pail
	$(BIN) completion fish > $(DESTDIR)$(DATADIR)/fish/vendor_completions.d/pail.fish
	$(BIN) man > $(DESTDIR)$(DATADIR)/man/man1/pail.1
	echo '.so man1/pail.1' > $(DESTDIR)$(DATADIR)/man/man8/mount.pail.8
	env -u PAIL_STORE $(BIN) systemd --allow-other --program $(BINDIR)/pail > $(DESTDIR)$(UNITDIR)/system/pail.service
	env -u PAIL_STORE $(BIN) systemd --user --program $(BINDIR)/pail > $(DESTDIR)$(UNITDIR)/user/pail.service
	chmod 644 $(addprefix $(DESTDIR),$(filter-out $(BINDIR)/pail $(HELPERS),$(INSTALLED)))

uninstall: ## take away what make install has put in place
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))

test: ## install what the tests need, check the code, run all tests
	@.ci/setup test
	@$(MAKE) check
	$(GO) test -count=1 -p $(P) -timeout 12m $(PKG) # cached results would not know of a change of the program

check: ## gofmt and go vet
	@bad=$$($$($(GO) env GOROOT)/bin/gofmt -l $(GODIRS)); \
	  if [ -n "$$bad" ]; then echo "run gofmt -w on:" $$bad >&2; exit 1; fi
	$(GO) vet $(PKG)

soak: ## the tests in their long form, with a fresh seed or PAIL_SEED
	@.ci/setup test
	@seed=$${PAIL_SEED:-$$(date +%s)}; echo "PAIL_SEED=$$seed"; \
	  PAIL_SOAK=1 PAIL_SEED=$$seed $(GO) test -count=1 -p $(P) -timeout 6h $(PKG)

clients: ## what others use against S3 (aws, boto3, rclone, restic, SDKs) against the listener
	@.ci/setup clients
	PAIL_CLIENTS=1 $(GO) test -count=1 -timeout 30m ./integration/clients

race: ## all tests under the race detector
	@.ci/setup race
	CGO_ENABLED=1 $(GO) test -race -p $(P) -timeout 90m $(PKG)

FUZZTIME ?= 30s
fuzz: ## every fuzz target in turn, for FUZZTIME each
	@for pkg in $$($(GO) list $(PKG)); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; \
	done

bench: ## all benchmarks
	@.ci/setup test
	$(GO) test -run '^$$' -bench . -benchmem -p 1 -timeout 2h $(PKG)

bench-mount: build ## a mount beside the disk and other FUSE filesystems; BENCH='-rounds 5' is for it
	@.ci/setup bench
	$(GO) run ./integration/bench $(BENCH)

bench-s3: build ## S3 beside MinIO and VersityGW, which are built for it; S3BENCH='-clients 16' is for it
	@integration/bench/s3.sh $(S3BENCH)

ci: ## what continuous integration runs
	@.ci/run

proto: ## generate the code of the records (needs protoc)
	@mkdir -p bin
	$(GO) build -o bin/protoc-gen-go google.golang.org/protobuf/cmd/protoc-gen-go
	cd store/internal/meta/record && PATH="$(CURDIR)/bin:$$PATH" \
	  protoc --go_out=. --go_opt=paths=source_relative records.proto

clean: ## remove what was built
	rm -rf bin
