# SPDX-License-Identifier: MIT
#
# make            build/etch                          make demo     the front door: everything from nothing to a running model
# make test       all tests, within 15 minutes        make test-full  what takes longer: all models on all targets, long fuzzing
# make bench      figures of the benchmark table      make bless    rewrite golden output (tests/golden, generated/)
# make deps       what the build needs (apt)          make fmt      clang-format over our C
# make install PREFIX=/usr/local                      make fuzz     the importers under libFuzzer, until interrupted
#
# Sources are found by wildcard. Variants go into a folder of their own: make BUILD=build/clang CC=clang

CC = cc
BUILD = build
OPTIMISATION = -O2 -g
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow
SANITIZE =
PREFIX = /usr/local
DESTDIR =

# Recursively expanded on purpose: pkg-config is asked when the first file is compiled, which is after `make deps`.
LIBRARY_CFLAGS = $(shell pkg-config --cflags lua5.4 libcjson)
LIBRARIES = -Wl,-Bstatic -llua5.4 -Wl,-Bdynamic -lcjson -lm -ldl
ALL_CFLAGS = -std=c11 -D_POSIX_C_SOURCE=200809L $(OPTIMISATION) $(WARNINGS) $(SANITIZE) $(CFLAGS)

# One short line per step; `make V=1` prints the commands.
say = $(if $(V),,@echo '  $(1)' && )

sources := $(sort $(wildcard compiler/*.c compiler/*/*.c))
objects := $(sources:%.c=$(BUILD)/%.o) $(BUILD)/embedded.o
# What the executable carries: templates, the headers that generated files absorb, the firmware for `etch verify` in QEMU.
embedded := $(sort $(shell find templates runtime examples/firmware -type f ! -name '*~' ! -name '.*' ! -name '*.md' ! -name LICENSE 2>/dev/null))

.PHONY: all etch demo test test-full bench bless fmt deps test-deps install uninstall clean fuzz
.DELETE_ON_ERROR:

all: $(BUILD)/etch

etch: $(BUILD)/etch

$(BUILD)/etch: $(objects)
	$(call say,link  $@)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(objects) $(LIBRARIES)

$(BUILD)/compiler/%.o: compiler/%.c
	@mkdir -p $(@D)
	$(call say,cc    $<)$(CC) $(ALL_CFLAGS) $(LIBRARY_CFLAGS) -Icompiler -MMD -MP -c -o $@ $<

$(BUILD)/embed: tools/embed.c
	@mkdir -p $(@D)
	$(call say,cc    $<)$(CC) $(ALL_CFLAGS) -o $@ $<

# The list of files is a prerequisite, too, so that a removed template is noticed.
$(BUILD)/embedded.list: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(embedded) | cmp -s - $@ || printf '%s\n' $(embedded) >$@

$(BUILD)/embedded.c: $(BUILD)/embed $(BUILD)/embedded.list $(embedded)
	$(call say,embed templates and firmware)$(BUILD)/embed $@ $(embedded)

$(BUILD)/embedded.o: $(BUILD)/embedded.c
	$(call say,cc    $<)$(CC) -std=c11 -O0 -Icompiler -c -o $@ $<

FORCE:

-include $(objects:.o=.d)

# Each step in a make of its own: the compiler may be what the step before installs. Two jobs, unless make was told how many.
PARALLEL = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j 2)

demo:
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@BUILD=$(BUILD) tools/demo.sh

test:
	@$(MAKE) --no-print-directory test-deps
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@BUILD=$(BUILD) tests/run.sh

test-full:
	@$(MAKE) --no-print-directory test-deps
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@BUILD=$(BUILD) tests/run.sh --full

bench: all
	@BUILD=$(BUILD) tools/bench.sh

bless: all
	@BUILD=$(BUILD) tests/run.sh --bless

fmt:
	clang-format -i $(sources) $(wildcard compiler/*.h compiler/*/*.h tools/*.c tests/*/*.c)

deps:
	@tools/deps.sh build

test-deps:
	@tools/deps.sh build test

install: all
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(BUILD)/etch $(DESTDIR)$(PREFIX)/bin/etch

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/etch

clean:
	rm -rf $(BUILD)

# tests/fuzz/NAME.c holds LLVMFuzzerTestOneInput; everything but main.c is linked with it.
fuzzers := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*.c))
fuzz_objects := $(patsubst %.c,$(BUILD)/fuzz/%.o,$(filter-out compiler/main.c compiler/commands/%,$(sources))) $(BUILD)/fuzz/embedded.o
FUZZ_CFLAGS = -std=c11 -D_POSIX_C_SOURCE=200809L -O1 -g1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined

.PHONY: fuzzers
fuzzers: $(fuzzers)

$(BUILD)/fuzz/compiler/%.o: compiler/%.c
	@mkdir -p $(@D)
	$(call say,clang $<)clang $(FUZZ_CFLAGS) $(LIBRARY_CFLAGS) -Icompiler -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/embedded.o: $(BUILD)/embedded.c
	@mkdir -p $(@D)
	$(call say,clang $<)clang -std=c11 -O0 -Icompiler -c -o $@ $<

$(BUILD)/fuzz/%: tests/fuzz/%.c $(fuzz_objects)
	$(call say,clang $<)clang $(FUZZ_CFLAGS) -fsanitize=fuzzer -Icompiler -o $@ $< $(fuzz_objects) $(LIBRARIES)

.SECONDARY: $(fuzz_objects)

-include $(fuzz_objects:.o=.d)

fuzz: $(fuzzers)
	@tests/fuzz.sh
