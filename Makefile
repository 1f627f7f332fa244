# Builds libeddy.so as Embedded Swift and runs every gate; `make help` lists the targets. Logic of
# more than a few lines is in Scripts/. SwiftPM builds the same core as ordinary Swift.

VERSION := 0.4.0
SOVERSION := 0
PREFIX ?= /usr/local
DESTDIR ?=
LDCONFIG ?= ldconfig
BUILD ?= build
CC ?= cc
# CC is for C programs: SwiftPM would compile its C targets with it.
SWIFT ?= env -u CC swift
SWIFTC ?= swiftc
# The toolchain's own clang and its kin, wherever `swiftc` is a link or a proxy.
TOOLS := $(shell $(SWIFTC) -print-target-info 2>/dev/null | \
	sed -n 's|.*"runtimeResourcePath": *"\(.*\)/lib/swift".*|\1/bin|p')
CLANG := $(TOOLS)/clang
STAGE := $(CURDIR)/build/stage
export CC CLANG TOOLS SWIFT SWIFTC STAGE MAKE

# ---- The library ---------------------------------------------------------------------------------

SWIFT_SOURCES := $(shell find Sources/EddyCore -name '*.swift' | LC_ALL=C sort)
C_SOURCES := $(wildcard Sources/EddySwitch/*.c Sources/EddySwitch/*.S)
C_OBJECTS := $(patsubst Sources/EddySwitch/%,$(BUILD)/switch/%.o,$(C_SOURCES))
HEADERS := $(wildcard Include/*.h Include/*.modulemap Sources/EddySwitch/*.h \
	Sources/EddySwitch/include/* Sources/Clibuv/*)
LIBRARY := $(BUILD)/lib/libeddy.so.$(VERSION)

# SAN=address or SAN=thread, always with a BUILD of its own: see Scripts/sanitize.sh.
ifeq ($(SAN),address)
SAN_SWIFTFLAGS := -sanitize=address
SAN_CFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined
else ifeq ($(SAN),thread)
SAN_SWIFTFLAGS := -sanitize=thread
SAN_CFLAGS := -fsanitize=thread
endif

# HOSTILE=1, always with a BUILD of its own: see the target `hostile`.
HOSTILE_SWIFTFLAGS := $(if $(HOSTILE),-D EDDY_HOSTILE -Xcc -DEDDY_HOSTILE)
HOSTILE_CFLAGS := $(if $(HOSTILE),-DEDDY_HOSTILE)

# DWARF 4, since Valgrind 3.19 gives up on the toolchain's DWARF 5.
UV_CFLAGS = $(shell pkg-config --cflags libuv)
UV_LIBS = $(shell pkg-config --libs libuv)
SWIFTFLAGS_LIB = -enable-experimental-feature Embedded -wmo -Osize -g -dwarf-version=4 -parse-as-library \
	-swift-version 6 -module-name EddyCore -enforce-exclusivity=unchecked \
	-Xfrontend -function-sections -Xcc -fPIC -I Include -I Sources/EddySwitch/include \
	-I Sources/Clibuv $(SAN_SWIFTFLAGS) $(HOSTILE_SWIFTFLAGS)
CFLAGS_LIB = -std=gnu11 -O2 -gdwarf-4 -fPIC -fvisibility=hidden -fstack-clash-protection \
	-ffunction-sections -Wall -Wextra -Werror -IInclude -ISources/EddySwitch/include \
	$(SAN_CFLAGS) $(HOSTILE_CFLAGS)
LDFLAGS_LIB = -shared -fuse-ld=lld -Wl,-soname,libeddy.so.$(SOVERSION) \
	-Wl,--version-script=$(BUILD)/eddy.map -Wl,--gc-sections \
	-Wl,-z,nodelete -Wl,-z,now -Wl,-z,relro -Wl,--as-needed \
	$(if $(SAN),$(SAN_CFLAGS),-Wl,--no-undefined)

.PHONY: all lib
all: lib ## the shipped library: build/lib/libeddy.so
lib: $(LIBRARY)

$(LIBRARY): $(BUILD)/embedded/EddyCore.o $(C_OBJECTS) $(BUILD)/eddy.map
	@mkdir -p $(@D)
	@echo "link $@"
	@$(CLANG) $(LDFLAGS_LIB) -o $@ $(filter %.o,$^) $(UV_LIBS)
	@ln -sf libeddy.so.$(VERSION) $(@D)/libeddy.so.$(SOVERSION)
	@ln -sf libeddy.so.$(SOVERSION) $(@D)/libeddy.so

$(BUILD)/embedded/EddyCore.o: $(SWIFT_SOURCES) $(HEADERS) | require
	@mkdir -p $(@D)
	@echo "swiftc (Embedded) $(words $(SWIFT_SOURCES)) files -> $@"
	@$(SWIFTC) $(SWIFTFLAGS_LIB) $(UV_CFLAGS:%=-Xcc %) -c $(SWIFT_SOURCES) -o $@

$(BUILD)/switch/%.o: Sources/EddySwitch/% $(HEADERS) | require
	@mkdir -p $(@D)
	@echo "clang $<"
	@$(CLANG) $(CFLAGS_LIB) -c $< -o $@

$(BUILD)/eddy.map: Include/eddy.symbols Scripts/version_script.sh
	@mkdir -p $(@D)
	@sh Scripts/version_script.sh $< > $@

.PHONY: require setup
require:
	@sh Scripts/setup.sh check
setup: ## installs what the tests need, or says what is missing
	@sh Scripts/setup.sh install

# ---- Installation --------------------------------------------------------------------------------

.PHONY: install stage man install-man
install: lib install-man ## PREFIX=/usr/local DESTDIR=: header, library, eddy.pc, man pages
	install -d $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install -m 644 Include/eddy.h $(DESTDIR)$(PREFIX)/include/eddy.h
	install -m 755 $(LIBRARY) $(DESTDIR)$(PREFIX)/lib/libeddy.so.$(VERSION)
	ln -sf libeddy.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/libeddy.so.$(SOVERSION)
	ln -sf libeddy.so.$(SOVERSION) $(DESTDIR)$(PREFIX)/lib/libeddy.so
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' eddy.pc.in \
		> $(DESTDIR)$(PREFIX)/lib/pkgconfig/eddy.pc
	$(if $(DESTDIR),,-[ "$$(id -u)" != 0 ] || $(LDCONFIG))

man: ## build/man: the man pages, made from eddy.h
	@sh Scripts/man.sh $(BUILD)/man $(VERSION) Include/eddy.h

install-man: man
	install -d $(DESTDIR)$(PREFIX)/share/man/man3 $(DESTDIR)$(PREFIX)/share/man/man7
	install -m 644 $(BUILD)/man/man3/*.3 $(DESTDIR)$(PREFIX)/share/man/man3
	install -m 644 $(BUILD)/man/man7/*.7 $(DESTDIR)$(PREFIX)/share/man/man7

stage: ## installs into build/stage, for examples and tests
	@$(MAKE) --no-print-directory -s install PREFIX=$(STAGE) DESTDIR= LDCONFIG=true

# ---- Gates ---------------------------------------------------------------------------------------

.PHONY: test swift test-swift test-c test-examples symbols headers man-check docs-check lint tidy \
	aarch64
test: ## all gates below; installs what is missing; the last line is "N passed, N failed"
	@sh Scripts/test.sh headers lint tidy symbols man-check docs-check test-c test-examples \
		test-swift soak-check oracle faults aarch64

swift: ## the core as ordinary Swift, with a dynamic product for C
	@echo "swift build"
	@$(SWIFT) build --quiet

test-swift: stage ## swift test with each trait: BundledCore, InstalledCore
	@sh Scripts/test_swift.sh

test-c: lib ## every Tests/C/*.c on the Embedded core and on SwiftPM's; ONLY=name for one
	@sh Scripts/test_c.sh none embedded swiftpm

test-examples: stage ## every CExamples/*.c, built with plain cc and pkg-config, output compared
	@sh Scripts/test_examples.sh none

symbols: lib ## exports, dependencies and size of libeddy.so
	@sh Scripts/check_symbols.sh $(LIBRARY) Include/eddy.symbols Include/eddy.h

headers: ## eddy.h with gcc and clang under six standards
	@sh Scripts/check_headers.sh

man-check: ## the header's comments and the man pages made of them
	@rm -rf build/man-stage
	@$(MAKE) --no-print-directory -s install-man PREFIX=/usr DESTDIR=build/man-stage
	@sh Scripts/check_man.sh $(VERSION) Include/eddy.symbols Include/eddy.h \
		build/man-stage/usr/share/man

docs-check: stage ## the guides: every block compiles, programs print what is said
	@sh Scripts/check_docs.sh $(STAGE)

lint: ## swift format, strictly
	@sh Scripts/check_lint.sh

tidy: build/tidy/tidy ## sizes, layers, the Embedded subset: see Tests/Tidy
	@sh Scripts/check_tidy.sh $<

build/tidy/tidy: $(wildcard Tests/Tidy/*.swift)
	@mkdir -p $(@D)
	@$(SWIFTC) -swift-version 6 -O -module-name Tidy $^ -o $@

aarch64: ## the aarch64 switch, under qemu-user
	@sh Scripts/test_aarch64.sh

# ---- Longer runs ---------------------------------------------------------------------------------

.PHONY: sanitize bench conformance demo demo-c
sanitize: ## C tests, examples and Swift races under TOOL=asan (with UBSan), tsan, valgrind, or all
	@sh Scripts/sanitize.sh $(TOOL)

.PHONY: hostile
hostile: ## C tests on both builds, poisoned, shrunk and checked in each round; ONLY=name for one
	@$(MAKE) --no-print-directory lib BUILD=build/hostile HOSTILE=1
	@sh Scripts/test_c.sh none hostile hostile_swiftpm

.PHONY: faults
faults: stage ## every example with each of its requests for memory refused
	@sh Scripts/faults.sh

.PHONY: soak soak-check
soak: ## random programs for DURATION=10 seconds; SEED=n shows one again, and shrinks it
	@DURATION=$(DURATION) SEED=$(SEED) MUTANT=$(MUTANT) FIRST=$(FIRST) sh Scripts/soak.sh

soak-check: ## a few random programs, and that each planted fault is found
	@sh Scripts/soak.sh check

bench: lib ## figures; CHECK=1 fails on a bound
	@CHECK=$(CHECK) sh Benchmarks/run.sh

conformance: lib ## each row of Tests/conformance.rows; writes Documentation/conformance.md
	@sh Scripts/conformance.sh

.PHONY: oracle
oracle: lib ## the same scenarios with CPython 3.13's asyncio and with Eddy; ONLY=chapter; SHOW=1
	@SEED=$(SEED) RANDOM_COUNT=$(RANDOM_COUNT) sh Scripts/oracle.sh $(if $(SHOW),show)

demo: demo-c ## demo-c, then a C server and Swift clients in one group, with an account of both
	@sh CExamples/demo/mixed.sh

demo-c: ## the echo server under 50 connections, with an account of it
	@$(MAKE) --no-print-directory setup
	@$(MAKE) --no-print-directory stage
	@sh CExamples/demo/run.sh

.PHONY: clean help
clean: ## removes all that was built
	rm -rf build .build .build-*

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## /\1\t/p' Makefile | expand -t 16
