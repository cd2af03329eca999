# appinfra: the commands people type. `make help` lists them.
#
# Owns: the targets and their order. How the extension is built is in tools/extension.mk (PGXS), how
# the sidecar is built in sidecar/CMakeLists.txt, and what a target does step by step in tools/.
# Variables: PG_CONFIG (the server to build for), DESTDIR, prefix (for the sidecar), JOBS,
# SIDECAR_TARGET (appinfrad: without its tests).

PG_CONFIG ?= $(shell tools/find-pg-config)
prefix ?= /usr/local
bindir ?= $(prefix)/bin
sbindir ?= $(prefix)/sbin
unitdir ?= $(prefix)/lib/systemd/system
mandir ?= $(prefix)/share/man
bashdir ?= $(prefix)/share/bash-completion/completions
zshdir ?= $(prefix)/share/zsh/site-functions

PGXS_MAKE = $(MAKE) --no-print-directory -f tools/extension.mk srcdir=. PG_CONFIG='$(PG_CONFIG)'
HAVE_SIDECAR := $(wildcard sidecar/CMakeLists.txt)
UNITS := $(wildcard sidecar/systemd/*.service)
# Where each page and completion goes.
MANUALS = appinfra.1:$(mandir)/man1/appinfra.1 appinfrad.8:$(mandir)/man8/appinfrad.8 \
	appinfrad.conf.5:$(mandir)/man5/appinfrad.conf.5 appinfra.bash:$(bashdir)/appinfra _appinfra:$(zshdir)/_appinfra
HAVE_EXTENSION := $(wildcard extension/*.cpp)
CMAKE_FLAGS ?= -DCMAKE_BUILD_TYPE=RelWithDebInfo
# Under make -j the sidecar shares make's jobs.
CMAKE_JOBS = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(or $(JOBS),2))
# Fails when build/sidecar came along with a copy of another folder: CMake would refuse it.
OWN_CACHE = [ ! -e build/sidecar/CMakeCache.txt ] || \
	[ "$$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' build/sidecar/CMakeCache.txt)" -ef sidecar ]

all: extension sidecar ## build the extension and the sidecar

extension: build-deps ## build appinfra.so
ifneq (,$(HAVE_EXTENSION))
	+@$(PGXS_MAKE) all
endif

sidecar: build-deps ## build build/sidecar/appinfrad, build/sidecar/appinfra, their manual pages and tests
ifneq (,$(HAVE_SIDECAR))
	@$(OWN_CACHE) || rm -rf build/sidecar
	@cmake -S sidecar -B build/sidecar $(CMAKE_FLAGS) >build/sidecar-cmake.log 2>&1 || \
		{ cat build/sidecar-cmake.log; exit 1; }
	+@cmake --build build/sidecar $(CMAKE_JOBS) $(addprefix --target ,$(SIDECAR_TARGET)) -- --no-print-directory
endif

build-deps: ## say which packages are missing, and how to install them
	@mkdir -p build
	@tools/deps.sh verify build

deps: ## install missing packages (as root)
	@tools/deps.sh install build check

install: install-extension install-sidecar ## install both (DESTDIR, prefix for the sidecar)

install-extension: extension
ifneq (,$(HAVE_EXTENSION))
	@$(PGXS_MAKE) install
endif

install-sidecar: sidecar
ifneq (,$(HAVE_SIDECAR))
	+@cmake --build build/sidecar $(CMAKE_JOBS) --target manuals -- --no-print-directory
	install -D -m 755 build/sidecar/appinfrad '$(DESTDIR)$(sbindir)/appinfrad'
	install -D -m 755 build/sidecar/appinfra '$(DESTDIR)$(bindir)/appinfra'
	for page in $(MANUALS); do \
		install -D -m 644 "build/sidecar/man/$${page%%:*}" '$(DESTDIR)'"$${page#*:}" || exit 1; \
	done
	mkdir -p '$(DESTDIR)$(unitdir)'
	for unit in $(UNITS); do \
		sed 's|^\(Exec[A-Za-z]*=\)[^ ]*/appinfrad|\1$(sbindir)/appinfrad|' "$$unit" \
			>'$(DESTDIR)$(unitdir)'/"$${unit##*/}" || exit 1; \
	done
endif

uninstall: ## remove what install put there
	@$(PGXS_MAKE) uninstall
	for page in $(MANUALS); do rm -f '$(DESTDIR)'"$${page#*:}"; done
	rm -f '$(DESTDIR)$(bindir)/appinfra' '$(DESTDIR)$(sbindir)/appinfrad' $(addprefix '$(DESTDIR)$(unitdir)'/,$(notdir $(UNITS)))

# Against a running server given by PGHOST, PGPORT and PGUSER, which has the settings of
# test/regress.conf; the database contrib_regression is used as it is (the extension's worker is
# connected to it, so it cannot be dropped and made again) and must not have the extension yet.
installcheck: ## run the SQL and isolation tests against a running, prepared server
	@tools/installcheck.sh '$(PG_CONFIG)'

check-symbols: extension ## prove that appinfra.so needs no C++ run time and exports only its own
	@tools/check-symbols.sh appinfra.so sql/install

check: ## build, and run every test on private servers; as root, installs what is missing
	@tools/check.sh

check-flaky: ## run each test that waits ten times beside a load; goes on where it was stopped
	@tools/check-flaky.sh

check-major: ## run every test on PG=17 or PG=18, in a folder that holds another Debian (root)
	@PG='$(PG)' tools/check-major.sh

check-install: ## follow docs/operations.md in a folder that holds a new Debian 12 (root)
	@tools/check-install.sh

deb: ## the packages postgresql-MAJOR-appinfra and appinfra-sidecar, in build/deb
	@tools/deb.sh

check-deb: ## install the packages in a folder that holds a new Debian 12, use them, purge them (root)
	@tools/check-deb.sh

dist: ## the archive for PGXN, build/appinfra-VERSION.zip, of what is committed
	@tools/dist.sh

check-clients: ## try drivers with the published DSN, S3 clients, and linters on the OpenAPI document; as root, installs them
	@tools/check-clients.sh

soak: ## ten minutes of faults under a workload, then every invariant (SEED, SECONDS, MODE)
	@SUITE_LIMIT=$$(($(or $(SECONDS),600) + 900)) SUITES=tap TAP=test/tap/275_faults.pl APPINFRA_SOAK_MODE='$(MODE)' \
		APPINFRA_SOAK_SEED='$(or $(SEED),$(shell date +%s))' APPINFRA_SOAK_SECONDS='$(or $(SECONDS),600)' tools/check.sh

check-restores: ## restores and a failover in the middle of work on 51 apps
	@SUITE_LIMIT=1200 SUITES=tap TAP=test/tap/272_restore_in_work.pl APPINFRA_RESTORE_APPS=17 tools/check.sh

attack: ## run test/attack against a private server
	@tools/optional.sh test/attack/run "attack suite"

bench: ## run the measurements in test/bench: a table, build/bench.json, plots (QUICK=1, BENCH="claim pool")
	@tools/optional.sh test/bench/run "benchmark"

bench-accept: ## make the last run of bench the one that README.md and docs/performance.md show
	@test/bench/accept.py

quickstart: ## a private host with one tenant, shown step by step; it keeps running
	@tools/quickstart.sh

quickstart-stop: ## stop the quickstart's host and remove it
	@tools/quickstart-stop.sh

format: ## rewrite the C++ sources in the house format
	@tools/deps.sh verify format
	@tools/sources.sh | xargs -r clang-format -i

lint: build-deps sidecar ## static analysis of both trees
	@tools/deps.sh verify lint
	@tools/lint.sh '$(PG_CONFIG)'

clean: ## remove what was built
	@if [ -f "$$($(PG_CONFIG) --pgxs 2>/dev/null)" ]; then $(PGXS_MAKE) clean; fi
	rm -rf build results output_iso tmp_check regression.diffs regression.out

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|'

.PHONY: all extension sidecar build-deps deps install install-extension install-sidecar uninstall \
	installcheck check-symbols check check-clients check-deb check-flaky check-install check-major check-restores soak attack bench bench-accept deb dist quickstart quickstart-stop format lint clean help
