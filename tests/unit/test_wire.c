/* wire: each message survives the way there and back, one byte past each limit is refused, and the bytes stay what they are:
   tests/golden/wire/NAME.ok holds each in hexadecimal (COMITY_GOLDEN_UPDATE=1 writes them again; the difference is the review). */
#include "gossip/wire.h"

#include "crypto/block.h"
#include "gossip/entry.h"
#include "gossip/fork.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define FOLDER "tests/golden/wire/"

static const struct wire_pair pairs[] = {{{1, 2, 3, 4, 5, 6, 7, 8}, 1}, {{8, 7, 6, 5, 4, 3, 2, 1}, 70000}};
static uint8_t filled[256 * 1024 + 1]; /* more than any part of a message may be */

static void make_hello(struct buf *out) { wire_hello(out, filled, filled + 32, filled + 48, filled + 80); }
static void make_proof(struct buf *out) { wire_proof(out, filled); }
static void make_tags(struct buf *out) { wire_tags(out, 3, pairs, 2); }
static void make_chain(struct buf *out) { wire_chain(out, filled, bytes_of(filled, 20)); }
static void make_digest(struct buf *out) { wire_digest(out, 3, 300, filled, true, 70000); }
static void make_heads(struct buf *out) { wire_heads(out, 3, 300, 5, 4096, pairs, 2); }
static void make_get(struct buf *out) { wire_get(out, pairs[0].tag, 70000, LIMIT_ENTRIES_BYTES); }
static void make_entries(struct buf *out) { wire_entries(out, pairs[0].tag, 9, bytes_of(filled, 30)); }
static void make_want(struct buf *out) { wire_want(out, pairs, 2); }
static void make_payload(struct buf *out) { wire_payload(out, pairs[1].tag, 9, true, bytes_of(filled, 50)); }
static void make_absent(struct buf *out) { wire_payload(out, pairs[1].tag, 9, false, bytes_of(NULL, 0)); }
static void make_push(struct buf *out) { wire_push(out, bytes_of(filled, 40), PUSH_INLINE, bytes_of(filled, 10)); }
static void make_push_here(struct buf *out) { wire_push(out, bytes_of(filled, 40), PUSH_HERE, bytes_of(filled, 10)); }
static void make_have(struct buf *out) { wire_have(out, pairs, 1); }
static void make_announce(struct buf *out) { wire_announce(out, pairs, 1); }
static void make_graft(struct buf *out) { wire_graft(out, pairs, 2); }
static void make_prune(struct buf *out) { wire_prune(out); }
static void make_trust(struct buf *out) { wire_trust(out, 300, filled); }
static void make_sums(struct buf *out) { wire_sums(out, 3, 300, filled); }
static void make_stream(struct buf *out) { wire_stream(out, bytes_of(filled, 30)); }
static void make_verify(struct buf *out) { wire_verify(out, filled); }
static void make_verified(struct buf *out) {
    wire_verified(out, filled, 300, bytes_of(filled + 16, 2 * WIRE_HEAD_ROW_BYTES), filled + 128);
}
static void make_fork(struct buf *out) { wire_fork(out, bytes_of(filled, 12), bytes_of(filled + 1, 11)); }

static const struct sample {
    const char *name;
    enum message_kind kind;
    void (*make)(struct buf *out);
} samples[] = {
    {"hello", MESSAGE_HELLO, make_hello},
    {"proof", MESSAGE_PROOF, make_proof},
    {"tags", MESSAGE_TAGS, make_tags},
    {"chain", MESSAGE_CHAIN, make_chain},
    {"digest", MESSAGE_DIGEST, make_digest},
    {"heads", MESSAGE_HEADS, make_heads},
    {"get", MESSAGE_GET, make_get},
    {"entries", MESSAGE_ENTRIES, make_entries},
    {"want", MESSAGE_WANT, make_want},
    {"payload", MESSAGE_PAYLOAD, make_payload},
    {"absent", MESSAGE_PAYLOAD, make_absent},
    {"push", MESSAGE_PUSH, make_push},
    {"push_here", MESSAGE_PUSH, make_push_here},
    {"have", MESSAGE_HAVE, make_have},
    {"announce", MESSAGE_ANNOUNCE, make_announce},
    {"graft", MESSAGE_GRAFT, make_graft},
    {"prune", MESSAGE_PRUNE, make_prune},
    {"trust", MESSAGE_TRUST, make_trust},
    {"sums", MESSAGE_SUMS, make_sums},
    {"stream", MESSAGE_STREAM, make_stream},
    {"fork", MESSAGE_FORK, make_fork},
    {"verify", MESSAGE_VERIFY, make_verify},
    {"verified", MESSAGE_VERIFIED, make_verified},
};
#define SAMPLE_COUNT (sizeof samples / sizeof *samples)

static int setup(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof filled; i++) filled[i] = (uint8_t)i;
    return 0;
}

/* Writes a decoded message again, from its fields alone. */
static void encode_again(struct buf *out, const struct message *m) {
    static struct wire_pair rows[LIMIT_PAIRS];
    struct wire_pairs list = {0};
    uint32_t count = 0;
    if (m->kind == MESSAGE_TAGS) list = m->tags.agencies;
    if (m->kind == MESSAGE_HEADS) list = m->heads.heads;
    if (m->kind == MESSAGE_WANT) list = m->want.payloads;
    if (m->kind == MESSAGE_HAVE) list = m->have.payloads;
    if (m->kind == MESSAGE_ANNOUNCE) list = m->announce.entries;
    if (m->kind == MESSAGE_GRAFT) list = m->graft.entries;
    while (wire_pair_next(&list, rows[count].tag, &rows[count].number)) count++;
    switch (m->kind) {
    case MESSAGE_HELLO: wire_hello(out, m->hello.agency_id, m->hello.node_id, m->hello.nonce, m->hello.instance); break;
    case MESSAGE_PROOF: wire_proof(out, m->proof.signature); break;
    case MESSAGE_TAGS: wire_tags(out, m->tags.generation, rows, count); break;
    case MESSAGE_CHAIN: wire_chain(out, m->chain.agency_id, m->chain.chain); break;
    case MESSAGE_DIGEST:
        wire_digest(out, m->digest.mine, m->digest.yours, m->digest.digest, m->digest.reply, m->digest.total);
        break;
    case MESSAGE_HEADS: wire_heads(out, m->heads.mine, m->heads.yours, m->heads.buckets, m->heads.credit, rows, count); break;
    case MESSAGE_GET: wire_get(out, m->get.tag, m->get.seq, m->get.bytes_max); break;
    case MESSAGE_ENTRIES: wire_entries(out, m->entries.tag, m->entries.seq, m->entries.entries); break;
    case MESSAGE_WANT: wire_want(out, rows, count); break;
    case MESSAGE_PAYLOAD: wire_payload(out, m->payload.tag, m->payload.seq, m->payload.present, m->payload.payload); break;
    case MESSAGE_PUSH: wire_push(out, m->push.entry, m->push.state, m->push.payload); break;
    case MESSAGE_HAVE: wire_have(out, rows, count); break;
    case MESSAGE_ANNOUNCE: wire_announce(out, rows, count); break;
    case MESSAGE_GRAFT: wire_graft(out, rows, count); break;
    case MESSAGE_PRUNE: wire_prune(out); break;
    case MESSAGE_TRUST: wire_trust(out, m->trust.generation, m->trust.sum); break;
    case MESSAGE_SUMS: wire_sums(out, m->sums.mine, m->sums.yours, m->sums.sums); break;
    case MESSAGE_STREAM: wire_stream(out, m->stream.entries); break;
    case MESSAGE_VERIFY: wire_verify(out, m->verify.nonce); break;
    case MESSAGE_VERIFIED:
        wire_verified(out, m->verified.nonce, m->verified.missing, m->verified.rows, m->verified.signature);
        break;
    case MESSAGE_FORK: wire_fork(out, m->fork.runs[0], m->fork.runs[1]); break;
    }
}

static void test_round_trip(void **state) {
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct buf bytes = {0}, again = {0};
        struct message message;
        samples[i].make(&bytes);
        assert_int_equal(wire_decode(&message, bytes_of_buf(&bytes)), OK);
        assert_int_equal(message.kind, samples[i].kind);
        encode_again(&again, &message);
        assert_true(bytes_equal(bytes_of_buf(&bytes), bytes_of_buf(&again)));
        buf_free(&bytes), buf_free(&again);
    }
}

static void test_golden(void **state) {
    const char *update = getenv("COMITY_GOLDEN_UPDATE");
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        char path[128], *hex, held[1024] = "";
        struct buf bytes = {0};
        samples[i].make(&bytes);
        hex = calloc(1, 2 * bytes.size + 2);
        assert_non_null(hex);
        hex_encode(hex, bytes_of_buf(&bytes));
        snprintf(path, sizeof path, FOLDER "%s.ok", samples[i].name);
        FILE *file = fopen(path, update && *update == '1' ? "w" : "r");
        if (!file) fail_msg("%s cannot be opened: run from the repository's root", path);
        if (update && *update == '1') {
            fprintf(file, "%s\n", hex);
        } else {
            size_t size = fread(held, 1, sizeof held - 1, file);
            held[size] = 0;
            held[strcspn(held, "\n")] = 0;
            if (strcmp(held, hex) != 0) fail_msg("%s: is %s, was %s", path, hex, held);
        }
        fclose(file);
        free(hex);
        buf_free(&bytes);
    }
}

/* No message decodes when it is cut short or has a byte too many. */
static void test_every_truncation(void **state) {
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct buf bytes = {0};
        struct message message;
        samples[i].make(&bytes);
        for (size_t size = 0; size < bytes.size; size++)
            assert_int_not_equal(wire_decode(&message, bytes_of(bytes.data, size)), OK);
        buf_put_u8(&bytes, 0xc0);
        assert_int_equal(wire_decode(&message, bytes_of_buf(&bytes)), ERR_FORMAT);
        buf_free(&bytes);
    }
}

static enum err decode_hex(const char *hex) {
    uint8_t bytes[256];
    struct message message;
    size_t size = strlen(hex) / 2;
    assert_true(hex_decode(bytes, size, bytes_of_text(hex)));
    return wire_decode(&message, bytes_of(bytes, size));
}

static void test_invalid(void **state) {
    static const struct bad {
        const char *what, *hex;
    } bad[] = {
        {"nothing", ""},
        {"no array", "0c"},
        {"an empty array", "90"},
        {"message 0", "9100"},
        {"message 13", "910d"},
        {"message 2^32 + 12", "92cf000000010000000c90"},
        {"a map", "810c90"},
        {"HAVE with a field too many", "930c9000"},
        {"HAVE without its field", "910c"},
        {"HAVE with a pair of three", "920c9193c4080102030405060708010"
                                      "2"},
        {"HAVE with a tag of 7 bytes", "920c9192c4070102030405060701"},
        {"HAVE with a tag of 9 bytes", "920c9192c40901020304050607080901"},
        {"HAVE with a text for a tag", "920c9192a8010203040506070801"},
        {"HAVE with more pairs than bytes", "920cdcffff"},
        {"HAVE with 2^32 - 1 pairs", "920cddffffffff"},
        {"a number longer than it must be", "92cc0c90"},
        {"a count longer than it must be", "920cdc0000"},
        {"a pair's number longer than it must be", "920c9192c4080102030405060708cc01"},
        {"a negative number", "920c9192c4080102030405060708ff"},
        {"a fraction", "920c9192c4080102030405060708ca3f800000"},
        {"an extension type", "920cd4010000"},
        {"GET of number 0", "9407c40801020304050607080001"},
        {"GET of number 2^63", "9407c4080102030405060708cf800000000000000001"},
        {"DIGEST with a number for a truth", "95050101c4100000000000000000000000000000000001"},
        {"DIGEST of 15 bytes", "95050101c40f000000000000000000000000000000c3"},
        {"PUSH in a state that is none", "940bc4010003c0"},
        {"PUSH inline without a payload", "940bc4010000c0"},
        {"PUSH here with a payload", "940bc4010001c40100"},
        {"PAYLOAD that is a truth", "940ac408010203040506070801c2"},
        {"PROOF of 63 bytes", "9202c43f000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
                              "0000000000000000000000000000"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (decode_hex(bad[i].hex) != ERR_FORMAT) fail_msg("%s: %s", bad[i].what, err_name(decode_hex(bad[i].hex)));
    assert_int_equal(decode_hex("920c90"), OK);
}

/* Another version is said to be one, whatever it holds behind its number. */
static void test_other_version(void **state) {
    (void)state;
    assert_int_equal(decode_hex("96010200000000"), ERR_VERSION);
    assert_int_equal(decode_hex("9601c200000000"), ERR_FORMAT);
}

/* What is at the limit passes; one byte, or one pair, more does not. */
static void test_limits(void **state) {
    static struct wire_pair many[LIMIT_PAIRS + 1];
    struct buf out = {0};
    struct message message;
    (void)state;
    struct bytes large = bytes_of(filled, LIMIT_ENTRIES_BYTES + 1), largest = bytes_of(filled, LIMIT_ENTRIES_BYTES);
#define REFUSED(expected, call)                                                                                                    \
    do {                                                                                                                           \
        buf_clear(&out);                                                                                                           \
        call;                                                                                                                      \
        assert_int_equal(wire_decode(&message, bytes_of_buf(&out)), expected);                                                     \
    } while (0)
    REFUSED(OK, wire_entries(&out, pairs[0].tag, 1, largest));
    REFUSED(ERR_FORMAT, wire_entries(&out, pairs[0].tag, 1, large));
    REFUSED(OK, wire_payload(&out, pairs[0].tag, 1, true, bytes_of(filled, BLOCK_PAYLOAD_BYTES_MAX)));
    REFUSED(ERR_FORMAT, wire_payload(&out, pairs[0].tag, 1, true, bytes_of(filled, BLOCK_PAYLOAD_BYTES_MAX + 1)));
    REFUSED(OK, wire_chain(&out, filled, bytes_of(filled, AGENCY_CHAIN_BYTES_MAX)));
    REFUSED(ERR_FORMAT, wire_chain(&out, filled, bytes_of(filled, AGENCY_CHAIN_BYTES_MAX + 1)));
    REFUSED(OK, wire_push(&out, bytes_of(filled, ENTRY_BYTES_MAX), PUSH_INLINE, bytes_of(filled, LIMIT_PUSH_PAYLOAD_BYTES)));
    REFUSED(ERR_FORMAT, wire_push(&out, bytes_of(filled, ENTRY_BYTES_MAX + 1), PUSH_AWAITED, bytes_of(NULL, 0)));
    REFUSED(ERR_FORMAT, wire_push(&out, bytes_of(filled, 9), PUSH_INLINE, bytes_of(filled, LIMIT_PUSH_PAYLOAD_BYTES + 1)));
    REFUSED(OK, wire_verified(&out, filled, 0, bytes_of(filled, LIMIT_LOGS * WIRE_HEAD_ROW_BYTES), filled));
    REFUSED(ERR_FORMAT, wire_verified(&out, filled, 0, bytes_of(filled, LIMIT_LOGS * WIRE_HEAD_ROW_BYTES + 1), filled));
    REFUSED(OK, wire_fork(&out, bytes_of(filled, FORK_RUN_BYTES_MAX), bytes_of(filled, FORK_RUN_BYTES_MAX)));
    REFUSED(ERR_FORMAT, wire_fork(&out, bytes_of(filled, FORK_RUN_BYTES_MAX), bytes_of(filled, FORK_RUN_BYTES_MAX + 1)));
    REFUSED(OK, wire_have(&out, many, LIMIT_PAIRS));
    REFUSED(ERR_FORMAT, wire_have(&out, many, LIMIT_PAIRS + 1));
    REFUSED(ERR_FORMAT, wire_get(&out, pairs[0].tag, 1ull << 63, 1));
    buf_clear(&out);
    assert_non_null(buf_grow(&out, LIMIT_MESSAGE_BYTES + 1));
    assert_int_equal(wire_decode(&message, bytes_of_buf(&out)), ERR_TOO_BIG);
    buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_golden),        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_invalid),    cmocka_unit_test(test_other_version), cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
