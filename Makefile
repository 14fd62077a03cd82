# sluice: `make run` to see it work, `make test` to test it, `make` to build build/sluice.
#
#   BUILD=DIR      where everything goes (build)          CC=clang       another compiler
#   SANITIZE=...   address,undefined or thread            WERROR=1       warnings are errors
#   JOBS=N         compile and test side by side          V=1            show the commands
#   LTO=           link sluice without optimizing it as a whole, which takes ten seconds
#   ONCE=1         make run ends after its statements     FUZZ_SECONDS=N for all targets of make fuzz together
#   SOAK_SECONDS=N how long make soak takes (1800)
#   CONSISTENCY_SECONDS=N how long make consistency takes (20)
#   LEAK_SECONDS=N how long make leak takes (120)         LEAK_SEED=N    its run that printed this number, once more
#   BROKEN=wait    a build that lets sessions miss what they wrote, which make consistency must notice
#   BROKEN=restore one that leaves a connection as another session had it, which make leak must notice
#   ROUNDS=N       of make bench (7)                      SECONDS=N      of each of its measurements (2)
#   SUBJECTS=...   only these of make bench, with commas
#   TESTS=NAME,... only these of make conformance, with what they print
#   MODES=...      of make conformance (primary,split)
#   SUITES=...     of make conformance (mariadb,mysql)
#   DRIVERS=...    only these of make clients, with commas
#   SERVERS=...    make e2e on mariadb (this machine's), mysql or mariadb-11
.DEFAULT_GOAL := all
SOAK_SECONDS ?= 1800
CONSISTENCY_SECONDS ?= 20
LEAK_SECONDS ?= 120
export ONCE FUZZ_SECONDS SOAK_SECONDS CONSISTENCY_SECONDS LEAK_SECONDS LEAK_SEED SERVERS
MAKEFLAGS += --no-builtin-rules
Q := $(if $(V),,@)
BUILD ?= build
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
VERSION := 0.1.0

# --- what there is ------------------------------------------------------------------------------------------------------

ROOMS := $(shell sed -n 's/^\([a-z/]*\):.*/\1/p' tests/layers.table)
# closure_ROOM: the room and all below it, from the table of layers.
$(foreach line,$(shell awk -f tests/closure.awk tests/layers.table),$(eval $(subst +, ,$(line))))

sources = $(filter-out %/main.c,$(wildcard $(1)/*.c))
objects = $(patsubst %.c,$(BUILD)/%.o,$(call sources,$(1)))
archive = $(BUILD)/$(1)/room.a

BENCH_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/bench/test_*.c))
UNIT_SOURCES := $(foreach r,$(ROOMS),$(wildcard tests/unit/$(r)/test_*.c))
UNIT_TESTS := $(UNIT_SOURCES:%.c=$(BUILD)/%) $(BENCH_TESTS)
PEER_SOURCES := $(wildcard tests/peer/test_*.c)
PEER_TESTS := $(PEER_SOURCES:%.c=$(BUILD)/%)
E2E_SOURCES := $(wildcard tests/e2e/test_*.c)
E2E_TESTS := $(E2E_SOURCES:%.c=$(BUILD)/%)
# These choose their servers themselves, or need none: they run once, whatever SERVERS says.
E2E_ONCE := $(patsubst %,$(BUILD)/tests/e2e/test_%,command_line documents mixed mysql)
E2E_WANTED := $(if $(filter-out mariadb,$(SERVERS)),$(filter-out $(E2E_ONCE),$(E2E_TESTS)),$(E2E_TESTS))
FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_TARGETS := $(FUZZ_SOURCES:%.c=$(BUILD)/%)
BENCH_SOURCES := $(wildcard tests/bench/*.c)
BENCH_PROGRAMS := $(BENCH_SOURCES:%.c=$(BUILD)/%)
SOAK_SOURCES := $(wildcard tests/soak/*.c)
CLIENT_PROGRAM := $(BUILD)/tests/clients/libmariadb
SOAK_TESTS := $(BUILD)/tests/soak/test_checker $(BUILD)/tests/soak/test_soak
CONSISTENCY_TEST := $(BUILD)/tests/consistency/test_consistency
LEAK_SOURCES := $(wildcard tests/leak/*.c)
LEAK_TEST := $(BUILD)/tests/leak/test_leak
BENCH_LIB := $(BUILD)/tests/bench/lib/lib.a
TEST_LIB := $(BUILD)/tests/lib/lib.a
PRELOADS := $(patsubst %.c,$(BUILD)/%.so,$(wildcard tests/preload/*.c))

# --- how it is compiled -------------------------------------------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wpointer-arith -Wwrite-strings
OPTIMIZE ?= $(if $(SANITIZE),-O1,-O2)
CPPFLAGS := -I. -D_GNU_SOURCE -DSLUICE_VERSION='"$(VERSION)"' -include proxy/base/banned.h \
	$(if $(BROKEN),-DSLUICE_BROKEN_$(BROKEN))
CFLAGS := -std=gnu11 $(OPTIMIZE) -g -fno-omit-frame-pointer -fno-common $(WARNINGS) $(if $(WERROR),-Werror) \
	$(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all,-D_FORTIFY_SOURCE=2) $(EXTRA_CFLAGS)
LDFLAGS := -Wl,--as-needed $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(EXTRA_CFLAGS)
# gcc optimizes sluice as one program when it is linked (a query costs a fifteenth less); the tests' programs, of which
# there are many, take the same objects as each was compiled by itself.
LTO ?= $(if $(or $(SANITIZE),$(findstring clang,$(CC))),,yes)
LTO_CFLAGS := $(if $(LTO),-flto=auto -ffat-lto-objects)
LTO_LDFLAGS := $(if $(LTO),$(OPTIMIZE) -flto=auto)
LDFLAGS += $(if $(LTO),-fno-lto)
LIBS := -levent_core -levent_extra -levent_pthreads -lssl -lcrypto -lhiredis -linih -lcares -lpcre2-8 -lsqlite3 -lz -lzstd \
	-lsodium -lxxhash -ljansson -lpthread -lm
TEST_LIBS := -lcmocka -lmariadb $(LIBS)

all: $(BUILD)/sluice

# libmariadb's header has macros with words that banned.h poisons: it is read before that one.
$(BUILD)/tests/lib/%.o $(BUILD)/tests/peer/%.o $(BUILD)/tests/e2e/%.o $(BUILD)/tests/soak/%.o $(BUILD)/tests/consistency/%.o $(BUILD)/tests/leak/%.o $(BUILD)/tests/clients/%.o: CPPFLAGS := -include mariadb/mysql.h $(CPPFLAGS)

$(foreach top,$(sort $(foreach r,$(ROOMS),$(firstword $(subst /, ,$(r))))),$(BUILD)/$(top)/%.o): CFLAGS += $(LTO_CFLAGS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

define ROOM_RULES
$$(BUILD)/$(1)/room.a: $$(call objects,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	@ar rcs $$@ $$^
$$(patsubst %.c,$$(BUILD)/%,$$(wildcard tests/unit/$(1)/test_*.c)): $$(BUILD)/%: $$(BUILD)/%.o $$(TEST_LIB) $$(foreach r,$$(closure_$(1)),$$(call archive,$$(r)))
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(TEST_LIBS)
endef
$(foreach r,$(ROOMS),$(eval $(call ROOM_RULES,$(r))))

$(TEST_LIB): $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/lib/*.c))
	@rm -f $@
	@ar rcs $@ $^

ALL_ARCHIVES := $(foreach r,$(ROOMS),$(call archive,$(r)))

$(BUILD)/sluice: $(BUILD)/proxy/server/main.o $(ALL_ARCHIVES)
	$(Q)$(CC) $(filter-out -fno-lto,$(LDFLAGS)) $(LTO_LDFLAGS) -o $@ $< -Wl,--whole-archive $(ALL_ARCHIVES) -Wl,--no-whole-archive $(LIBS)

$(PEER_TESTS) $(E2E_TESTS) $(CONSISTENCY_TEST): $(BUILD)/%: $(BUILD)/%.o $(TEST_LIB) $(ALL_ARCHIVES)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(TEST_LIB) $(ALL_ARCHIVES) -Wl,--end-group $(TEST_LIBS)

$(LEAK_TEST): $(LEAK_SOURCES:%.c=$(BUILD)/%.o) $(TEST_LIB) $(ALL_ARCHIVES)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(TEST_LIB) $(ALL_ARCHIVES) -Wl,--end-group $(TEST_LIBS)

$(CLIENT_PROGRAM): $(BUILD)/%: $(BUILD)/%.o
	$(Q)$(CC) $(LDFLAGS) -o $@ $< -lmariadb -pthread

$(SOAK_TESTS): $(BUILD)/%: $(BUILD)/%.o $(patsubst %.c,$(BUILD)/%.o,$(filter-out %/test_checker.c %/test_soak.c,$(SOAK_SOURCES))) $(TEST_LIB) $(ALL_ARCHIVES)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(TEST_LIBS)

$(BENCH_LIB): $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/bench/lib/*.c))
	@rm -f $@
	@ar rcs $@ $^

$(BENCH_PROGRAMS) $(BENCH_TESTS): $(BUILD)/%: $(BUILD)/%.o $(BENCH_LIB) $(TEST_LIB) $(ALL_ARCHIVES)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(BENCH_LIB) $(TEST_LIB) $(ALL_ARCHIVES) -Wl,--end-group $(TEST_LIBS)

# Libraries that a test puts under a running sluice.
$(PRELOADS): $(BUILD)/%.so: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -shared -o $@ $<

# Fuzz targets want clang: `make fuzz-build` builds the whole tree once more with its coverage.
$(FUZZ_TARGETS): $(BUILD)/%: $(BUILD)/%.o $(ALL_ARCHIVES)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $< -Wl,--start-group $(ALL_ARCHIVES) -Wl,--end-group $(LIBS)

.SECONDARY:
-include $(shell find $(BUILD) \( -path $(BUILD)/docker -o -path $(BUILD)/binaries -o -path $(BUILD)/conformance \) -prune -o -name '*.d' -type f -print 2>/dev/null)

# --- what is checked ----------------------------------------------------------------------------------------------------

.PHONY: all run test tests install programs unit peer e2e e2e-mysql e2e-mariadb-11 mysql-server mariadb-11 unit-peer sanitized analyse valgrind layers format \
	format-check asan tsan fuzz fuzz-build fuzz-targets bench bench-readme soak consistency consistency-broken leak leak-broken docker-check conformance conformance-check conformance-readme clients applications readme clean unit-%

# Packages come first, and the rest is a make of its own, which looks up afresh what is there.
run:
	@tests/install build run
	@$(MAKE) --no-print-directory -j$(JOBS) $(BUILD)/sluice
	@BUILD=$(BUILD) tests/servers/run

test:
	@tests/install build run test
	@$(MAKE) --no-print-directory -j$(JOBS) tests

programs: $(BUILD)/sluice $(UNIT_TESTS) $(PEER_TESTS) $(E2E_TESTS) $(SOAK_TESTS) $(CONSISTENCY_TEST) $(LEAK_TEST) $(CLIENT_PROGRAM) $(PRELOADS) $(BENCH_PROGRAMS)

# Programs that were unpacked and not installed.
TOOLS ?= $(BUILD)/tools
RUN_TESTS = @PATH="$$PATH:$(TOOLS)" BUILD=$(BUILD) SLUICE=$(BUILD)/sluice JOBS=$(JOBS) tests/run

# The long ones first.
tests: programs
	@tests/servers/binaries
	$(RUN_TESTS) $(E2E_TESTS) $(PEER_TESTS) $(UNIT_TESTS) $(BUILD)/tests/soak/test_checker

unit: $(UNIT_TESTS)
	$(RUN_TESTS) $(UNIT_TESTS)

peer: $(BUILD)/sluice $(PEER_TESTS)
	$(RUN_TESTS) $(PEER_TESTS)

e2e: $(BUILD)/sluice $(E2E_TESTS) $(PRELOADS)
	$(RUN_TESTS) $(E2E_WANTED)

# The same on servers of other Debian releases, which are unpacked under build/ once.
mysql-server mariadb-11:
	@tests/servers/binaries $@

e2e-mysql: mysql-server
	@$(MAKE) --no-print-directory e2e SERVERS=mysql
e2e-mariadb-11: mariadb-11
	@$(MAKE) --no-print-directory e2e SERVERS=mariadb-11

# SOAK_SECONDS of clients that come and go while servers fail, and what sluice holds and has counted after that.
soak: $(BUILD)/sluice $(SOAK_TESTS) $(PRELOADS)
	@TEST_TIMEOUT=$$(($(SOAK_SECONDS) + 900)) BUILD=$(BUILD) SLUICE=$(BUILD)/sluice tests/run $(SOAK_TESTS)

# Sessions that read what they wrote while replicas are held, stopped and delayed.
consistency: $(BUILD)/sluice $(CONSISTENCY_TEST)
	$(RUN_TESTS) $(CONSISTENCY_TEST)

# A sluice that lets them miss it must not pass for one that does not.
consistency-broken: $(CONSISTENCY_TEST)
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/broken-wait BROKEN=wait $(BUILD)/broken-wait/sluice
	@if CONSISTENCY_SECONDS=5 BUILD=$(BUILD) SLUICE=$(BUILD)/broken-wait/sluice $(CONSISTENCY_TEST) \
		>$(BUILD)/consistency-broken.log 2>&1; then echo "make consistency does not notice stale reads"; exit 1; fi
	@grep -q 'a stale read: ' $(BUILD)/consistency-broken.log || { cat $(BUILD)/consistency-broken.log; exit 1; }

# Sessions that share a few connections, each held against a connection of its own.
leak: $(BUILD)/sluice $(LEAK_TEST)
	$(RUN_TESTS) $(LEAK_TEST)

# A sluice that does not restore what a session has set must not pass for one that does.
leak-broken: $(LEAK_TEST)
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/broken-restore BROKEN=restore $(BUILD)/broken-restore/sluice
	@if LEAK_SECONDS=20 BUILD=$(BUILD) SLUICE=$(BUILD)/broken-restore/sluice $(LEAK_TEST) \
		>$(BUILD)/leak-broken.log 2>&1; then echo "make leak does not notice what is not restored"; exit 1; fi
	@grep -q 'a leak: ' $(BUILD)/leak-broken.log || { cat $(BUILD)/leak-broken.log; exit 1; }

# MariaDB's own regression tests, directly and through sluice: half an hour and more for each of MODES.
conformance:
	@tests/install build run conformance
	@$(MAKE) --no-print-directory -j$(JOBS) $(BUILD)/sluice
	@BUILD=$(BUILD) tests/conformance/run $(SUITES:%=--suites=%) $(TESTS:%=--tests=%) $(MODES:%=--modes=%)

# A few of them, and that the harness notices what it should.
conformance-check:
	@tests/install build run conformance
	@$(MAKE) --no-print-directory -j$(JOBS) $(BUILD)/sluice
	@BUILD=$(BUILD) tests/conformance/check

# Puts the last figures into README.md.
conformance-readme:
	@cat $(BUILD)/conformance/report-mariadb.md $(BUILD)/conformance/report-mysql.md >$(BUILD)/conformance/report.md || { echo "no figures yet: make conformance"; exit 1; }
	@sed -i -e '/^<!-- conformance -->$$/,/^<!-- end -->$$/ { /^<!-- conformance -->$$/ { p; r $(BUILD)/conformance/report.md' \
		-e '}; /^<!-- end -->$$/ !d }' README.md

# Drivers of six languages, directly and through sluice.
clients:
	@tests/install build run clients
	@$(MAKE) --no-print-directory -j$(JOBS) $(BUILD)/sluice $(CLIENT_PROGRAM)
	@BUILD=$(BUILD) tests/clients/run $(DRIVERS:%=--drivers=%) $(SERVERS:%=--servers=%)

# Whole applications through sluice.
applications:
	@tests/install build run applications
	@$(MAKE) --no-print-directory -j$(JOBS) $(BUILD)/sluice
	@BUILD=$(BUILD) tests/applications/run $(OPTIONS)

# Puts the program's own words into README.md, where a test looks for them.
readme: $(BUILD)/sluice $(BUILD)/tests/e2e/test_documents
	@SLUICE=$(BUILD)/sluice $(BUILD)/tests/e2e/test_documents write

unit-peer: $(BUILD)/sluice $(UNIT_TESTS) $(PEER_TESTS)
	$(RUN_TESTS) $(UNIT_TESTS) $(PEER_TESTS)

# One room's unit tests: make unit-router/sql
$(foreach r,$(ROOMS),$(eval unit-$(r): $$(patsubst %.c,$$(BUILD)/%,$$(wildcard tests/unit/$(r)/test_*.c)); @tests/run $$^))

layers:
	@tests/layers

# clang-tidy and cppcheck; what they find and is no mistake stands in tests/analyse.table.
analyse:
	@tests/install build check
	@JOBS=$(JOBS) tests/analyse

# Not under valgrind: what runs PCRE2's compiled patterns, which read a little behind a text on purpose, and what lowers
# the limit of descriptors, of which valgrind has some of its own. Both run under the sanitizers.
VALGRINDED = $(filter-out %/decide/test_decide %/net/test_listener,$(UNIT_TESTS))
valgrind: $(VALGRINDED)
	@tests/install check
	@UNDER="valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect" TEST_TIMEOUT=600 JOBS=$(JOBS) \
		BUILD=$(BUILD) SLUICE=$(BUILD)/sluice tests/run $(VALGRINDED)

FORMATTED = $(shell git ls-files -co --exclude-standard '*.c' '*.h')
format:
	clang-format -i $(FORMATTED)
format-check:
	@clang-format --dry-run -Werror $(FORMATTED)

# test_cost counts calls and heap blocks of the program as it is; the sanitizers have their own.
asan:
	$(MAKE) BUILD=$(BUILD)/asan SANITIZE=address,undefined TOOLS=$(TOOLS) sanitized
tsan:
	TSAN_OPTIONS=suppressions=$(CURDIR)/tests/tsan.suppressions $(MAKE) BUILD=$(BUILD)/tsan SANITIZE=thread TOOLS=$(TOOLS) sanitized
SANITIZED = $(filter-out %/test_cost,$(E2E_TESTS)) $(PEER_TESTS) $(UNIT_TESTS)
sanitized: export TEST_TIMEOUT := 900
sanitized: $(BUILD)/sluice $(SANITIZED)
	$(RUN_TESTS) $(SANITIZED)

# FUZZ_SECONDS are shared by all targets.
fuzz: fuzz-build
	@tests/fuzz/run $(FUZZ_SOURCES:%.c=$(BUILD)/fuzz/%)
fuzz-build:
	$(MAKE) BUILD=$(BUILD)/fuzz CC=clang SANITIZE=address,undefined EXTRA_CFLAGS=-fsanitize=fuzzer-no-link fuzz-targets
fuzz-targets: $(FUZZ_TARGETS)

docker-check:
	@tests/install docker
	@BUILD=$(BUILD) tests/docker/check

# sluice beside HAProxy and no proxy; wants a machine that does nothing else. Figures: $(BUILD)/bench.md.
bench:
	@tests/install build run bench
	@$(MAKE) --no-print-directory -j$(JOBS) $(BUILD)/sluice $(BUILD)/tests/bench/load $(BUILD)/tests/bench/answerer
	@BUILD=$(BUILD) tests/bench/run --rounds=$(or $(ROUNDS),7) --seconds=$(or $(SECONDS),2) --subjects=$(SUBJECTS)

# Puts the last figures into README.md.
bench-readme:
	@test -s $(BUILD)/bench-readme.md || { echo "no figures yet: make bench"; exit 1; }
	@sed -i -e '/^<!-- bench -->$$/,/^<!-- end -->$$/ { /^<!-- bench -->$$/ { p; r $(BUILD)/bench-readme.md' \
		-e '}; /^<!-- end -->$$/ !d }' README.md

install: $(BUILD)/sluice
	install -D -m 755 $(BUILD)/sluice $(DESTDIR)$(PREFIX)/bin/sluice

clean:
	rm -rf $(BUILD)
