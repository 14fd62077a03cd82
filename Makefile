# sluice: `make run` to see it work, `make test` to test it, `make` to build build/sluice.
#
#   BUILD=DIR      where everything goes (build)          CC=clang       another compiler
#   SANITIZE=...   address,undefined or thread            WERROR=1       warnings are errors
#   JOBS=N         compile and test side by side          V=1            show the commands
#   ONCE=1         make run ends after its statements     FUZZ_SECONDS=N for all targets of make fuzz together
#   SERVERS=...    make e2e on mariadb (this machine's), mysql or mariadb-11
.DEFAULT_GOAL := all
export ONCE FUZZ_SECONDS SERVERS
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

UNIT_SOURCES := $(foreach r,$(ROOMS),$(wildcard tests/unit/$(r)/test_*.c))
UNIT_TESTS := $(UNIT_SOURCES:%.c=$(BUILD)/%)
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
TEST_LIB := $(BUILD)/tests/lib/lib.a
PRELOADS := $(patsubst %.c,$(BUILD)/%.so,$(wildcard tests/preload/*.c))

# --- how it is compiled -------------------------------------------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wpointer-arith -Wwrite-strings
OPTIMIZE ?= $(if $(SANITIZE),-O1,-O2)
CPPFLAGS := -I. -D_GNU_SOURCE -DSLUICE_VERSION='"$(VERSION)"' -include proxy/base/banned.h
CFLAGS := -std=gnu11 $(OPTIMIZE) -g -fno-omit-frame-pointer -fno-common $(WARNINGS) $(if $(WERROR),-Werror) \
	$(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all,-D_FORTIFY_SOURCE=2) $(EXTRA_CFLAGS)
LDFLAGS := -Wl,--as-needed $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(EXTRA_CFLAGS)
LIBS := -levent_core -levent_extra -levent_pthreads -lssl -lcrypto -lhiredis -linih -lcares -lpcre2-8 -lsqlite3 -lz -lzstd \
	-lxxhash -ljansson -lpthread -lm
TEST_LIBS := -lcmocka -lmariadb $(LIBS)

all: $(BUILD)/sluice

# libmariadb's header has macros with words that banned.h poisons: it is read before that one.
$(BUILD)/tests/lib/%.o $(BUILD)/tests/peer/%.o $(BUILD)/tests/e2e/%.o: CPPFLAGS := -include mariadb/mysql.h $(CPPFLAGS)

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
	$(Q)$(CC) $(LDFLAGS) -o $@ $< -Wl,--whole-archive $(ALL_ARCHIVES) -Wl,--no-whole-archive $(LIBS)

$(PEER_TESTS) $(E2E_TESTS): $(BUILD)/%: $(BUILD)/%.o $(TEST_LIB) $(ALL_ARCHIVES)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(TEST_LIB) $(ALL_ARCHIVES) -Wl,--end-group $(TEST_LIBS)

$(BENCH_PROGRAMS): $(BUILD)/%: $(BUILD)/%.o $(ALL_ARCHIVES)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(ALL_ARCHIVES) -Wl,--end-group $(TEST_LIBS)

# Libraries that a test puts under a running sluice.
$(PRELOADS): $(BUILD)/%.so: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -shared -o $@ $<

# Fuzz targets want clang: `make fuzz-build` builds the whole tree once more with its coverage.
$(FUZZ_TARGETS): $(BUILD)/%: $(BUILD)/%.o $(ALL_ARCHIVES)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $< -Wl,--start-group $(ALL_ARCHIVES) -Wl,--end-group $(LIBS)

.SECONDARY:
-include $(shell find $(BUILD) -path $(BUILD)/binaries -prune -o -name '*.d' -print 2>/dev/null)

# --- what is checked ----------------------------------------------------------------------------------------------------

.PHONY: all run test tests install programs unit peer e2e e2e-mysql e2e-mariadb-11 mysql-server mariadb-11 unit-peer layers format format-check asan tsan fuzz fuzz-build \
	fuzz-targets readme clean unit-%

# Packages come first, and the rest is a make of its own, which looks up afresh what is there.
run:
	@tests/install build run
	@$(MAKE) --no-print-directory -j$(JOBS) $(BUILD)/sluice
	@BUILD=$(BUILD) tests/servers/run

test:
	@tests/install build run test
	@$(MAKE) --no-print-directory -j$(JOBS) tests

programs: $(BUILD)/sluice $(UNIT_TESTS) $(PEER_TESTS) $(E2E_TESTS) $(PRELOADS) $(BENCH_PROGRAMS)

RUN_TESTS = @BUILD=$(BUILD) SLUICE=$(BUILD)/sluice JOBS=$(JOBS) tests/run

# The long ones first.
tests: programs
	@tests/servers/binaries
	$(RUN_TESTS) $(E2E_TESTS) $(PEER_TESTS) $(UNIT_TESTS)

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

# Puts the program's own words into README.md, where a test looks for them.
readme: $(BUILD)/sluice $(BUILD)/tests/e2e/test_documents
	@SLUICE=$(BUILD)/sluice $(BUILD)/tests/e2e/test_documents write

unit-peer: $(BUILD)/sluice $(UNIT_TESTS) $(PEER_TESTS)
	$(RUN_TESTS) $(UNIT_TESTS) $(PEER_TESTS)

# One room's unit tests: make unit-router/sql
$(foreach r,$(ROOMS),$(eval unit-$(r): $$(patsubst %.c,$$(BUILD)/%,$$(wildcard tests/unit/$(r)/test_*.c)); @tests/run $$^))

layers:
	@tests/layers

FORMATTED = $(shell git ls-files -co --exclude-standard '*.c' '*.h')
format:
	clang-format -i $(FORMATTED)
format-check:
	@clang-format --dry-run -Werror $(FORMATTED)

asan:
	$(MAKE) BUILD=$(BUILD)/asan SANITIZE=address,undefined unit-peer
tsan:
	$(MAKE) BUILD=$(BUILD)/tsan SANITIZE=thread unit-peer

# FUZZ_SECONDS are shared by all targets.
fuzz: fuzz-build
	@tests/fuzz/run $(FUZZ_SOURCES:%.c=$(BUILD)/fuzz/%)
fuzz-build:
	$(MAKE) BUILD=$(BUILD)/fuzz CC=clang SANITIZE=address,undefined EXTRA_CFLAGS=-fsanitize=fuzzer-no-link fuzz-targets
fuzz-targets: $(FUZZ_TARGETS)

install: $(BUILD)/sluice
	install -D -m 755 $(BUILD)/sluice $(DESTDIR)$(PREFIX)/bin/sluice

clean:
	rm -rf $(BUILD)
