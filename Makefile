# Comity. make, make check, make demo, make bench, make install; CC, CFLAGS, PREFIX and DESTDIR are the packager's.
#   SAN=1 builds the same under AddressSanitizer and UndefinedBehaviorSanitizer in a folder of its own.

PREFIX  ?= /usr/local
CC      ?= cc
CFLAGS  ?= -O2 -g
SAN     ?=
# V=1 shows the commands.
Q := $(if $(V),,@)

# Debian packages: what the program links, and what building and testing need. README.md says why each.
PACKAGES_BUILD = gcc make pkg-config libc6-dev libzmq3-dev libczmq-dev libsodium-dev libmsgpack-dev librocksdb-dev libzstd-dev \
                 libyajl-dev libyaml-dev libidn2-dev libpsl-dev libseccomp-dev libsystemd-dev
PACKAGES_TEST  = libcmocka-dev clang-format python3 zstd jq binutils

B := build$(if $(SAN),-san)
MODULES = libsodium libzstd libczmq libzmq msgpack yaml-0.1 libidn2 libpsl libseccomp libsystemd yajl

# Everything that needs a package asks for this stamp first, so that a fresh machine is set up before pkg-config is asked.
ifneq ($(filter-out packages clean format,$(or $(MAKECMDGOALS),all)),)
ifndef COMITY_PACKAGES_CHECKED
PACKAGES_DONE := $(shell sh deploy/packages.sh $(PACKAGES_BUILD) $(if $(filter check bench sim% fuzz% mutants coverage test% tidy,$(MAKECMDGOALS)),$(PACKAGES_TEST)) >&2 && echo yes)
ifneq ($(PACKAGES_DONE),yes)
$(error packages are missing, see above)
endif
export COMITY_PACKAGES_CHECKED := 1
endif
PKG_CFLAGS := $(shell pkg-config --cflags $(MODULES))
endif

WARNINGS = -Wall -Wextra -Werror -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings \
           -Wconversion -Wno-sign-conversion -Wundef -Wvla -Wformat=2 -Wold-style-definition -Wimplicit-fallthrough
HARDEN   = -fstack-protector-strong -fPIE $(if $(SAN),,-D_FORTIFY_SOURCE=2)
SANFLAGS = $(if $(SAN),-fsanitize=address$(,)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
, := ,
ALL_CFLAGS  = -std=gnu11 -I. -MMD -MP $(WARNINGS) $(HARDEN) $(SANFLAGS) $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(SANFLAGS) $(LDFLAGS)

LIBS_CRYPTO = -lsodium -lzstd
LIBS_GOSSIP = -lmsgpackc
LIBS_NODE   = -lczmq -lzmq -lrocksdb -lyajl -lyaml -lidn2 -lpsl -lseccomp -lsystemd -lpthread

CRYPTO_SOURCES = $(wildcard crypto/*.c)
GOSSIP_SOURCES = $(wildcard gossip/*.c)
NODE_SOURCES   = $(filter-out node/main.c,$(wildcard node/*.c))
objects = $(patsubst %.c,$(B)/%.o,$(1))
ARCHIVES = $(B)/node.a $(B)/gossip.a $(B)/crypto.a

UNIT_TESTS = $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))
TEST_HELPERS = $(call objects,$(filter-out $(wildcard tests/unit/test_*.c),$(wildcard tests/unit/*.c)))

.PHONY: all check demo bench install clean packages format tidy unit sim e2e fuzz golden
.DELETE_ON_ERROR:
.SECONDARY:

all: $(B)/comity

$(B)/%.o: %.c
	@mkdir -p $(@D); echo "  CC   $<"
	$(Q)$(CC) $(ALL_CFLAGS) -c $< -o $@

$(B)/crypto.a: $(call objects,$(CRYPTO_SOURCES))
$(B)/gossip.a: $(call objects,$(GOSSIP_SOURCES))
$(B)/node.a: $(call objects,$(NODE_SOURCES))
$(B)/%.a:
	@rm -f $@
	$(Q)ar rcs $@ $^

$(B)/comity: $(B)/node/main.o $(ARCHIVES)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS_NODE) $(LIBS_GOSSIP) $(LIBS_CRYPTO) -o $@

# A unit test may use all three layers; the linker takes what it needs.
$(B)/tests/unit/%: $(B)/tests/unit/%.o $(TEST_HELPERS) $(ARCHIVES)
	$(Q)$(CC) $(ALL_LDFLAGS) $(filter %.o,$^) $(ARCHIVES) $(LIBS_NODE) $(LIBS_GOSSIP) $(LIBS_CRYPTO) -lcmocka -o $@

packages:
	sh deploy/packages.sh $(PACKAGES_BUILD) $(PACKAGES_TEST)

clean:
	rm -rf build

format:
	clang-format -i $(shell git ls-files '*.c' '*.h')

-include $(shell find $(B) -name '*.d' 2>/dev/null)
