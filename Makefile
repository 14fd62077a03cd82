# sluice: `make run` to see it work, `make test` to test it, `make` to build build/sluice.
#
#   BUILD=DIR      where everything goes (build)          CC=clang       another compiler
#   SANITIZE=...   address,undefined or thread            WERROR=1       warnings are errors
#   JOBS=N         compile and test side by side          V=1            show the commands
.DEFAULT_GOAL := all
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
FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_TARGETS := $(FUZZ_SOURCES:%.c=$(BUILD)/%)
BENCH_SOURCES := $(wildcard tests/bench/*.c)
BENCH_PROGRAMS := $(BENCH_SOURCES:%.c=$(BUILD)/%)
TEST_LIB := $(BUILD)/tests/lib/lib.a

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
	$(Q)$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(ALL_ARCHIVES) -Wl,--end-group $(LIBS)

$(PEER_TESTS) $(E2E_TESTS): $(BUILD)/%: $(BUILD)/%.o $(TEST_LIB) $(ALL_ARCHIVES)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(TEST_LIB) $(ALL_ARCHIVES) -Wl,--end-group $(TEST_LIBS)

$(BENCH_PROGRAMS): $(BUILD)/%: $(BUILD)/%.o $(ALL_ARCHIVES)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(ALL_ARCHIVES) -Wl,--end-group $(TEST_LIBS)

# Fuzz targets want clang: `make fuzz-build` builds the whole tree once more with its coverage.
$(FUZZ_TARGETS): $(BUILD)/%: $(BUILD)/%.o $(ALL_ARCHIVES)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $< -Wl,--start-group $(ALL_ARCHIVES) -Wl,--end-group $(LIBS)

.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# --- what is checked ----------------------------------------------------------------------------------------------------

.PHONY: all unit peer e2e layers format format-check asan tsan fuzz fuzz-build clean unit-%

unit: $(UNIT_TESTS)
	@tests/run $(UNIT_TESTS)

peer: $(BUILD)/sluice $(PEER_TESTS)
	@SLUICE=$(BUILD)/sluice tests/run $(PEER_TESTS)

e2e: $(BUILD)/sluice $(E2E_TESTS)
	@SLUICE=$(BUILD)/sluice tests/run $(E2E_TESTS)

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
	$(MAKE) BUILD=$(BUILD)/asan SANITIZE=address,undefined unit peer
tsan:
	$(MAKE) BUILD=$(BUILD)/tsan SANITIZE=thread unit peer

fuzz-build:
	$(MAKE) BUILD=$(BUILD)/fuzz CC=clang SANITIZE=address,undefined EXTRA_CFLAGS=-fsanitize=fuzzer-no-link fuzz-targets
fuzz-targets: $(FUZZ_TARGETS)

clean:
	rm -rf $(BUILD)
