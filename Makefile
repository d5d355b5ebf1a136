# Comity. make, make check, make demo, make bench, make install, make deb; CC, CFLAGS, PREFIX and DESTDIR are the packager's.
#   SAN=1 builds the same under AddressSanitizer and UndefinedBehaviorSanitizer in a folder of its own.

PREFIX  ?= /usr/local
CC      ?= cc
CFLAGS  ?= -O2 -g
SAN     ?=
# V=1 shows the commands.
Q := $(if $(V),,@)

# Debian packages: what the program links, and what building and testing need. README.md says why each.
PACKAGES_BUILD = gcc make pkg-config libc6-dev libzmq3-dev libczmq-dev libsodium-dev libmsgpack-dev librocksdb-dev libzstd-dev \
                 libyajl-dev libyaml-dev libidn2-dev libpsl-dev libgnutls28-dev nettle-dev libmicrohttpd-dev zlib1g-dev libseccomp-dev libsystemd-dev
PACKAGES_TEST  = libcmocka-dev clang-format python3 python3-zmq python3-msgpack python3-cryptography curl zstd binutils procps \
                 bind9-utils unbound nftables python3-jsonschema mandoc dpkg-dev zsh
PACKAGES_DEMO  = jq
PACKAGES_DEB   = dpkg-dev
PACKAGES_FUZZ  = clang libclang-rt-14-dev

B := build$(if $(SAN),-san)
MODULES = libsodium libzstd libczmq libzmq msgpack yaml-0.1 libidn2 libpsl gnutls nettle libmicrohttpd zlib libseccomp libsystemd yajl

# Everything that needs a package asks for this stamp first, so that a fresh machine is set up before pkg-config is asked.
ifneq ($(filter-out packages clean format,$(or $(MAKECMDGOALS),all)),)
ifndef COMITY_PACKAGES_CHECKED
PACKAGES_DONE := $(shell sh deploy/packages.sh $(PACKAGES_BUILD) $(if $(filter check tests bench fuzz% tidy golden sim-% mutants policy-mutants,$(MAKECMDGOALS)),$(PACKAGES_TEST)) $(if $(filter demo,$(MAKECMDGOALS)),$(PACKAGES_DEMO)) $(if $(filter deb,$(MAKECMDGOALS)),$(PACKAGES_DEB)) $(if $(filter fuzz%,$(MAKECMDGOALS)),$(PACKAGES_FUZZ)) >&2 && echo yes)
ifneq ($(PACKAGES_DONE),yes)
$(error packages are missing, see above)
endif
export COMITY_PACKAGES_CHECKED := $(MAKECMDGOALS)
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
LIBS_NODE   = -lczmq -lzmq -lrocksdb -lyajl -lyaml -lidn2 -lpsl -lgnutls -lnettle -lmicrohttpd -lz -lseccomp -lsystemd -lpthread

CRYPTO_SOURCES = $(wildcard crypto/*.c)
GOSSIP_SOURCES = $(wildcard gossip/*.c)
NODE_SOURCES   = $(wildcard node/*/*.c)
objects = $(patsubst %.c,$(B)/%.o,$(1))
ARCHIVES = $(B)/node.a $(B)/gossip.a $(B)/crypto.a

UNIT_TESTS = $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))
TEST_HELPERS = $(call objects,$(filter-out $(wildcard tests/unit/test_*.c),$(wildcard tests/unit/*.c)))

.PHONY: all check tests sim-gate sim-night sim-plain mutants policy-mutants demo bench figures install deb clean packages format tidy fuzz fuzz-build golden
.DELETE_ON_ERROR:
.SECONDARY:

all: $(B)/comity $(B)/man/made

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
$(B)/helpers.a: $(TEST_HELPERS)
$(B)/tests/unit/%: $(B)/tests/unit/%.o $(B)/helpers.a $(ARCHIVES)
	$(Q)$(CC) $(ALL_LDFLAGS) $< $(B)/helpers.a $(ARCHIVES) $(LIBS_NODE) $(LIBS_GOSSIP) $(LIBS_CRYPTO) -lcmocka -o $@

SCALE_SOURCES = $(wildcard tests/sim/scale*.c tests/sim/baseline*.c)
# The stand-ins for signatures and hashes come before the archive's and the library's own.
$(B)/tests/sim/scale: $(call objects,$(SCALE_SOURCES) tests/sim/identity.c tests/sim/fake_sign.c) $(B)/gossip.a $(B)/crypto.a
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS_GOSSIP) $(LIBS_CRYPTO) -lm -o $@

# The simulator twice: with real signatures, and with a stand-in that the linker takes before the archive's (fake_sign).
# Allocations go through tests/sim/memory.c, so that they can fail.
SIM_OBJECTS = $(call objects,$(filter-out tests/sim/fake_sign.c tests/sim/real.c $(SCALE_SOURCES),$(wildcard tests/sim/*.c)))
SIM_WRAP    = -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc
$(B)/tests/sim/sim: $(SIM_OBJECTS) $(B)/tests/sim/real.o $(B)/gossip.a $(B)/crypto.a
	$(Q)$(CC) $(ALL_LDFLAGS) $(SIM_WRAP) $^ $(LIBS_GOSSIP) $(LIBS_CRYPTO) -lcmocka -o $@
$(B)/tests/sim/simfast: $(SIM_OBJECTS) $(B)/tests/sim/fake_sign.o $(B)/gossip.a $(B)/crypto.a
	$(Q)$(CC) $(ALL_LDFLAGS) $(SIM_WRAP) $^ $(LIBS_GOSSIP) $(LIBS_CRYPTO) -lcmocka -o $@

$(B)/tests/e2e/link_relay: $(B)/tests/e2e/link_relay.o $(B)/tests/e2e/caller/caller.o
	$(Q)$(CC) $(ALL_LDFLAGS) $^ -o $@

$(B)/tests/e2e/%: $(B)/tests/e2e/%.o $(ARCHIVES)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS_NODE) $(LIBS_GOSSIP) $(LIBS_CRYPTO) -o $@

# The scripted member: everything of a real one but its conscience.
$(B)/tests/e2e/hostile/hostile: $(call objects,$(wildcard tests/e2e/hostile/*.c)) $(B)/helpers.a $(ARCHIVES)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS_NODE) $(LIBS_GOSSIP) $(LIBS_CRYPTO) -lcmocka -o $@

# A node that stops in the midst of a recall.
$(B)/tests/e2e/comity_half_recall: $(B)/node/main.o $(B)/tests/e2e/faulty/half_recall.o $(ARCHIVES)
	$(Q)$(CC) $(ALL_LDFLAGS) -Wl,--wrap=crypto_sign_detached $^ $(LIBS_NODE) $(LIBS_GOSSIP) $(LIBS_CRYPTO) -o $@

# A node that hears late that there is no further page, or no such record, and whose disk may take its time.
$(B)/tests/e2e/comity_late_answer: $(B)/node/main.o $(B)/tests/e2e/faulty/late_answer.o $(B)/tests/e2e/faulty/slow_disk.o $(ARCHIVES)
	$(Q)$(CC) $(ALL_LDFLAGS) $(patsubst %,-Wl$(,)--wrap=%,store_page_from rocks_get rocksdb_write rocksdb_flush_wal) $^ $(LIBS_NODE) $(LIBS_GOSSIP) $(LIBS_CRYPTO) -o $@

# A node whose key process takes a second over each epoch.
$(B)/tests/e2e/comity_late_key: $(B)/node/main.o $(B)/tests/e2e/faulty/late_key.o $(ARCHIVES)
	$(Q)$(CC) $(ALL_LDFLAGS) -Wl,--wrap=epoch_open $^ $(LIBS_NODE) $(LIBS_GOSSIP) $(LIBS_CRYPTO) -o $@

SIM_TESTS = $(B)/tests/sim/sim $(B)/tests/sim/simfast $(B)/tests/sim/scale
E2E_TOOLS = $(patsubst %.c,$(B)/%,$(wildcard tests/e2e/*.c)) $(B)/tests/e2e/hostile/hostile \
            $(B)/tests/e2e/comity_half_recall $(B)/tests/e2e/comity_late_answer $(B)/tests/e2e/comity_late_key
TESTS     = $(UNIT_TESTS) $(SIM_TESTS) $(E2E_TOOLS)

# JOBS=N tests at once; FILTER=name for a part. Ends with "N passed, N failed".
JOBS ?= 2
check:
	@$(MAKE) --no-print-directory -j$(JOBS) all tests
	-@sh deploy/suricata.sh
	-@sh deploy/promtool.sh $(B)/tools
	@tests/run.py --build $(B) --jobs $(JOBS) $(FILTER)

tests: $(TESTS) $(if $(SAN),sim-plain)
# The sanitizers must not change what happens: their simulator runs the plain one beside itself.
sim-plain:
	@$(MAKE) --no-print-directory SAN= build/tests/sim/simfast

# --- the simulator: its gate alone; a night of seeds (SEEDS=N, JOBS=N); planted bugs, each of which must be caught ---
SEEDS ?= 20000
sim-gate: $(B)/tests/sim/simfast
	@$<
sim-night: $(B)/tests/sim/simfast $(B)/tests/sim/sim
	@$(B)/tests/sim/simfast --seeds 100000:$(SEEDS) --jobs $(JOBS) --situations
	@$(B)/tests/sim/simfast --seeds 200000:$$(($(SEEDS) / 40)) --minutes 30 --jobs $(JOBS)
	@$(B)/tests/sim/simfast --seeds 400000:$$(($(SEEDS) / 10)) --profile confidential --jobs $(JOBS)
	@$(B)/tests/sim/sim --seeds 300000:$$(($(SEEDS) / 40)) --jobs $(JOBS)
mutants: $(B)/tests/sim/simfast
	@/usr/bin/python3 -B tests/sim/mutants.py --build $(B) --jobs $(JOBS)
# Every comparison in the policy's rules, changed one at a time: the table of decisions must notice.
policy-mutants: $(B)/tests/unit/test_golden_policy
	@/usr/bin/python3 -B tests/unit/policy_mutants.py --build $(B) --jobs $(JOBS)

demo:
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@COMITY=$(B)/comity bash deploy/demo.sh

# --- fuzzing: make fuzz [SECONDS=600] [TARGETS="fuzz_wire fuzz_card"] runs every target that long; see tests/fuzz/ ---
FUZZ_B       = build-fuzz
FUZZ_SOURCES = $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_FLAGS   = -std=gnu11 -I. -O1 -g -fsanitize=address$(,)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer $(PKG_CFLAGS)
TARGETS     ?= $(notdir $(basename $(FUZZ_SOURCES)))
SECONDS     ?= 600

$(FUZZ_B)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)clang $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c $< -o $@

$(FUZZ_B)/all.a: $(patsubst %.c,$(FUZZ_B)/%.o,$(CRYPTO_SOURCES) $(GOSSIP_SOURCES) $(NODE_SOURCES))
	@rm -f $@
	$(Q)ar rcs $@ $^

$(FUZZ_B)/fuzz_%: $(FUZZ_B)/tests/fuzz/fuzz_%.o $(FUZZ_B)/all.a
	$(Q)clang $(FUZZ_FLAGS) -fsanitize=fuzzer $^ $(LIBS_NODE) $(LIBS_GOSSIP) $(LIBS_CRYPTO) -o $@

fuzz-build: $(addprefix $(FUZZ_B)/,$(TARGETS))
fuzz:
	@$(MAKE) --no-print-directory -j$(JOBS) fuzz-build
	@sh tests/fuzz/run.sh $(FUZZ_B) $(SECONDS) $(JOBS) $(TARGETS)

# --- benchmarks: one table, printed by make bench; NATS is measured beside where it is installed ---
BENCH_PROGRAMS = $(patsubst %.c,$(B)/%,$(filter-out $(if $(shell pkg-config --exists libnats 2>/dev/null && echo yes),,tests/bench/bench_nats.c),$(wildcard tests/bench/bench_*.c)))
BENCH_HELPERS  = $(call objects,$(filter-out $(wildcard tests/bench/bench_*.c),$(wildcard tests/bench/*.c)))
$(B)/tests/bench/bench_%: $(B)/tests/bench/bench_%.o $(BENCH_HELPERS) $(ARCHIVES)
	$(Q)$(CC) $(ALL_LDFLAGS) $(filter %.o,$^) $(ARCHIVES) $(LIBS_NODE) $(LIBS_GOSSIP) $(LIBS_CRYPTO) $(if $(findstring nats,$@),-lnats) -o $@
bench: all
	@$(MAKE) --no-print-directory -j$(JOBS) $(BENCH_PROGRAMS) $(E2E_TOOLS)
	@/usr/bin/python3 -B tests/bench/bench.py --build $(B)
	@$(MAKE) --no-print-directory figures

# The mesh at scale, simulated: delay, copies, healing, sync and growth beside models of gossipsub and Plumtree; FIGURES="push heal" for a part.
# Large pages save a fifth of the time: a thousand nodes' tables fill 2 GB.
figures: $(B)/tests/sim/scale
	@GLIBC_TUNABLES=glibc.malloc.hugetlb=1 $(B)/tests/sim/scale --figures $(FIGURES)

# --- manual pages, installation, package ---
VERSION := $(shell sed -n 's/^.define COMITY_VERSION "\(.*\)"/\1/p' node/version.h)
# What is made of one commit is the same everywhere: its time stands for all times in it.
SOURCE_DATE_EPOCH := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),$(shell stat -c %Y node/version.h))
MANUALS = $(wildcard deploy/man/* deploy/*.md deploy/*/*.md node/*/*.md) deploy/comity.yaml.example

$(B)/man/made: $(B)/comity $(MANUALS)
	$(Q)sh deploy/man/build.sh $(B)/comity $(@D) $(SOURCE_DATE_EPOCH)
	@touch $@

# Below PREFIX; the service's own folders follow it, as systemd reads /usr/local/lib, too. ZSHDIR is where zsh looks for completions.
SHARE  = $(DESTDIR)$(PREFIX)/share
LIB    = $(DESTDIR)$(PREFIX)/lib
DOC    = $(SHARE)/doc/comity
ZSHDIR = $(PREFIX)/share/zsh/site-functions
install: all
	install -D -m 0755 $(B)/comity $(DESTDIR)$(PREFIX)/bin/comity
	for page in $(B)/man/*.[0-9]; do install -D -m 0644 -t $(SHARE)/man/man$${page##*.} $$page || exit 1; done
	install -D -m 0644 deploy/completion/comity.bash $(SHARE)/bash-completion/completions/comity
	install -D -m 0644 deploy/completion/comity.zsh $(DESTDIR)$(ZSHDIR)/_comity
	install -D -m 0644 deploy/completion/comity.fish $(SHARE)/fish/vendor_completions.d/comity.fish
	install -d $(LIB)/systemd/system
	for unit in $(wildcard deploy/systemd/*.service deploy/systemd/*.timer deploy/systemd/*.socket); do \
	    sed 's,/usr/bin/comity,$(PREFIX)/bin/comity,' $$unit >$(LIB)/systemd/system/$${unit##*/} && \
	    chmod 0644 $(LIB)/systemd/system/$${unit##*/} || exit 1; done
	install -D -m 0644 deploy/systemd/comity.sysusers $(LIB)/sysusers.d/comity.conf
	install -D -m 0644 deploy/systemd/comity.tmpfiles $(LIB)/tmpfiles.d/comity.conf
	install -D -m 0644 -t $(DOC) README.md $(wildcard gossip/*.md node/*/*.md deploy/*.md)
	install -D -m 0644 -t $(DOC)/policies $(wildcard deploy/policies/*)
	install -D -m 0644 -t $(DOC)/audit $(wildcard deploy/audit/*)
	install -D -m 0644 -t $(DOC)/examples $(wildcard deploy/*.example) deploy/demo/sample.json
	for folder in $(wildcard deploy/prometheus deploy/grafana deploy/clients deploy/hooks); do \
	    install -D -m 0644 -t $(DOC)/examples/$${folder##*/} $$folder/* || exit 1; done

# DEBDIR/comity_VERSION_ARCHITECTURE.deb, for the Debian release that it is made on.
DEBDIR     = $(B)/deb
MAINTAINER ?= The Comity developers <comity@comity.invalid>
deb: all
	$(Q)SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) MAKE="$(MAKE_COMMAND)" sh deploy/debian/build.sh $(DEBDIR) $(VERSION) "$(MAINTAINER)"

# Writes the golden files anew; the difference is the review.
golden: tests
	@for test in $(foreach test,$(UNIT_TESTS),$(if $(or $(findstring golden,$(test)),$(findstring wire,$(test))),$(test))); do COMITY_GOLDEN_UPDATE=1 $$test >/dev/null || exit 1; done; git diff --stat -- tests/golden

tidy: all
	@sh tests/tidy.sh $(B)

packages:
	sh deploy/packages.sh $(PACKAGES_BUILD) $(PACKAGES_TEST)

clean:
	rm -rf build build-san build-fuzz

format:
	clang-format -i $(shell git ls-files '*.c' '*.h')

-include $(shell find $(B) -name '*.d' 2>/dev/null)
