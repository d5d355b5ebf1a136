/* epoch: every reader opens its slot, nobody else does, and an author who cheats is found out. */
#include "crypto/epoch.h"

#include "tests/unit/fixture_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

static struct epoch_author author_of(uint32_t number) {
    struct epoch_author author;
    uint8_t seed[32];
    fixture_seed(author.agency_id, number);
    fixture_seed(seed, number + 1000);
    memcpy(author.node_id, seed, NODE_ID_BYTES);
    return author;
}

static struct epoch_reader reader_of(uint32_t number, uint8_t prekey_secret[32]) {
    struct epoch_reader reader = {.prekey_id = number};
    uint8_t seed[32];
    fixture_seed(reader.agency_id, number / 3);
    fixture_seed(seed, number + 20000);
    memcpy(reader.node_id, seed, NODE_ID_BYTES);
    fixture_seed(prekey_secret, number + 40000);
    prekey_public_of_secret(reader.prekey_public, prekey_secret);
    return reader;
}

/* Seals to `count` readers; what comes back is theirs and all of it is checked. */
static void round_trip(size_t count, size_t slots) {
    struct epoch_author author = author_of(1);
    struct epoch_reader *readers = calloc(count, sizeof *readers);
    uint8_t(*secrets)[32] = calloc(count, 32);
    struct random random;
    struct buf body = {0};
    uint8_t secret[EPOCH_SECRET_BYTES], opened[EPOCH_SECRET_BYTES];
    assert_non_null(readers);
    assert_non_null(secrets);
    fixture_random(&random, (uint32_t)count);
    for (size_t i = 0; i < count; i++) readers[i] = reader_of((uint32_t)i, secrets[i]);
    assert_int_equal(epoch_seal(&body, secret, &author, readers, count, &random, NULL), OK);
    assert_int_equal(body.size, EPOCH_HEAD_BYTES + slots * EPOCH_SLOT_BYTES);
    assert_int_equal(epoch_check(bytes_of_buf(&body)), OK);
    for (size_t i = 0; i<count; i += count> 50 ? 97 : 1) {
        assert_int_equal(epoch_open(opened, bytes_of_buf(&body), &author, &readers[i], secrets[i]), OK);
        assert_memory_equal(opened, secret, sizeof secret);
    }
    uint8_t stranger_secret[32];
    struct epoch_reader stranger = reader_of(99999, stranger_secret);
    assert_int_equal(epoch_open(opened, bytes_of_buf(&body), &author, &stranger, stranger_secret), ERR_NOT_READER);
    assert_true(sodium_is_zero(opened, sizeof opened));
    buf_free(&body);
    free(readers);
    free(secrets);
}

static void test_round(void **state) {
    (void)state;
    static const struct { size_t count, slots; } rows[] = {{1, 16}, {15, 16}, {16, 16}, {17, 32}, {300, 512}, {1024, 1024}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) round_trip(rows[i].count, rows[i].slots);
}

static void test_limits(void **state) {
    (void)state;
    struct epoch_author author = author_of(1);
    struct epoch_reader *readers = calloc(EPOCH_SLOTS_MAX + 1, sizeof *readers);
    struct random random;
    struct buf body = {0};
    uint8_t secret[32], prekey_secret[32];
    size_t bad = 77;
    assert_non_null(readers);
    fixture_random(&random, 1);
    assert_int_equal(epoch_seal(&body, secret, &author, readers, 0, &random, &bad), ERR_LIMIT);
    assert_int_equal(epoch_seal(&body, secret, &author, readers, EPOCH_SLOTS_MAX + 1, &random, &bad), ERR_LIMIT);
    /* Nobody may stand in the list twice: equal hints would show it. */
    readers[0] = readers[1] = reader_of(5, prekey_secret);
    assert_int_equal(epoch_seal(&body, secret, &author, readers, 2, &random, &bad), ERR_EXISTS);
    readers[1] = reader_of(6, prekey_secret);
    memset(readers[1].prekey_public, 0, 32);
    buf_put_text(&body, "before");
    assert_int_equal(epoch_seal(&body, secret, &author, readers, 2, &random, &bad), ERR_KEY);
    assert_int_equal(bad, 1);
    assert_true(bytes_equal_text(bytes_of_buf(&body), "before"));
    assert_true(sodium_is_zero(secret, sizeof secret));
    buf_free(&body);
    buf_init(&body, 900);
    assert_int_equal(epoch_seal(&body, secret, &author, readers, 1, &random, NULL), ERR_TOO_BIG);
    buf_free(&body);
    free(readers);
}

/* Whatever is part of the derivation, a change of it closes the slot. */
static void test_bound(void **state) {
    (void)state;
    struct epoch_author author = author_of(1);
    uint8_t secret[32], opened[32], prekey_secret[32], wrong_secret[32];
    struct epoch_reader reader = reader_of(5, prekey_secret);
    struct random random;
    struct buf body = {0};
    fixture_random(&random, 3);
    reader.pair_secret[0] = 9;
    assert_int_equal(epoch_seal(&body, secret, &author, &reader, 1, &random, NULL), OK);
    assert_int_equal(epoch_open(opened, bytes_of_buf(&body), &author, &reader, prekey_secret), OK);
    for (int field = 0; field < 8; field++) {
        struct epoch_author other = author;
        struct epoch_reader me = reader;
        memcpy(wrong_secret, prekey_secret, 32);
        if (field == 0) other.agency_id[0] ^= 1;
        if (field == 1) other.node_id[15] ^= 1;
        if (field == 2) me.agency_id[31] ^= 1;
        if (field == 3) me.node_id[0] ^= 1;
        if (field == 4) me.prekey_id ^= 1;
        if (field == 5) me.prekey_public[3] ^= 1;
        if (field == 6) me.pair_secret[31] ^= 1;
        if (field == 7) wrong_secret[7] ^= 1;
        assert_int_equal(epoch_open(opened, bytes_of_buf(&body), &other, &me, wrong_secret), ERR_NOT_READER);
    }
    buf_free(&body);
}

/* PROTOCOL.md 5.1 once more, by itself: a keyed BLAKE2b over a label with its length and the context. */
static void spec_derive(uint8_t out[32], const uint8_t key[32], const char *label, struct bytes context) {
    uint8_t input[300] = {(uint8_t)strlen(label)};
    memcpy(input + 1, label, strlen(label));
    if (context.size > 0) memcpy(input + 1 + strlen(label), context.data, context.size);
    crypto_generichash(out, 32, input, 1 + strlen(label) + context.size, key, 32);
}

/* A reader's hint and sealing key as the specification has them. */
static void spec_slot(uint8_t hint[32], uint8_t seal[32], const struct epoch_author *author, const struct epoch_reader *reader,
                      const uint8_t *prekey_secret, const uint8_t *ephemeral) {
    struct buf context = {0};
    uint8_t shared[32], key[32];
    assert_int_equal(crypto_scalarmult(shared, prekey_secret, ephemeral), 0);
    buf_put_u8(&context, 1);
    buf_put_raw(&context, author->agency_id, 32);
    buf_put_raw(&context, author->node_id, 16);
    buf_put_raw(&context, reader->agency_id, 32);
    buf_put_raw(&context, reader->node_id, 16);
    buf_put_u32(&context, reader->prekey_id);
    buf_put_raw(&context, reader->prekey_public, 32);
    buf_put_raw(&context, ephemeral, 32);
    buf_put_raw(&context, reader->pair_secret, 32);
    assert_int_equal(context.size, 197);
    spec_derive(key, shared, "comity-slot", bytes_of_buf(&context));
    spec_derive(hint, key, "comity-hint", bytes_of(NULL, 0));
    spec_derive(seal, key, "comity-seal", bytes_of(NULL, 0));
    buf_free(&context);
}

/* The sealed part of the slot with this hint. */
static uint8_t *slot_find(struct buf *body, const uint8_t *hint) {
    for (size_t i = 0; i < EPOCH_SLOTS_MIN; i++) {
        uint8_t *slot = body->data + EPOCH_HEAD_BYTES + i * EPOCH_SLOT_BYTES;
        if (memcmp(slot, hint, 8) == 0) return slot + 8;
    }
    fail_msg("no slot with the reader's hint");
    return NULL;
}

/* What is sealed is what the specification says, and an author who gives one reader another secret under the commitment that all
   see, or another commitment, or a key that makes every secret the same, is found out by that reader. */
static void test_cheats(void **state) {
    (void)state;
    static const uint8_t nonce[24] = {0};
    struct epoch_author author = author_of(1);
    uint8_t secret[32], opened[32], prekey_secret[32], hint[32], seal[32], commitment[32], other[32] = {1};
    struct epoch_reader reader = reader_of(5, prekey_secret);
    struct random random;
    struct buf body = {0}, context = {0};
    fixture_random(&random, 4);
    reader.pair_secret[7] = 1;
    assert_int_equal(epoch_seal(&body, secret, &author, &reader, 1, &random, NULL), OK);
    spec_slot(hint, seal, &author, &reader, prekey_secret, body.data + 36);
    uint8_t *sealed = slot_find(&body, hint);
    assert_int_equal(crypto_aead_xchacha20poly1305_ietf_decrypt(opened, NULL, NULL, sealed, 48, body.data + 4, 32, nonce, seal), 0);
    assert_memory_equal(opened, secret, 32);
    buf_put_raw(&context, &author, 48);
    buf_put_raw(&context, body.data + 36, 32);
    spec_derive(commitment, secret, "comity-commit", bytes_of_buf(&context));
    assert_memory_equal(commitment, body.data + 4, 32);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, other, 32, body.data + 4, 32, NULL, nonce, seal);
    assert_int_equal(epoch_open(opened, bytes_of_buf(&body), &author, &reader, prekey_secret), ERR_COMMITMENT);
    assert_true(sodium_is_zero(opened, sizeof opened));
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, secret, 32, body.data + 4, 32, NULL, nonce, seal);
    assert_int_equal(epoch_open(opened, bytes_of_buf(&body), &author, &reader, prekey_secret), OK);
    body.data[4] ^= 1;
    assert_int_equal(epoch_open(opened, bytes_of_buf(&body), &author, &reader, prekey_secret), ERR_COMMITMENT);
    memset(body.data + 36, 0, 32);
    assert_int_equal(epoch_open(opened, bytes_of_buf(&body), &author, &reader, prekey_secret), ERR_KEY);
    assert_true(sodium_is_zero(opened, sizeof opened));
    buf_free(&body);
    buf_free(&context);
}

/* The slots tell nothing: sorted by hint whoever reads, never equal for two epochs to the same readers. */
static void test_hidden(void **state) {
    (void)state;
    struct epoch_author author = author_of(1);
    uint8_t secret[32], prekey_secret[32];
    struct epoch_reader reader = reader_of(5, prekey_secret);
    struct random random;
    struct buf first = {0}, second = {0};
    fixture_random(&random, 5);
    assert_int_equal(epoch_seal(&first, secret, &author, &reader, 1, &random, NULL), OK);
    assert_int_equal(epoch_seal(&second, secret, &author, &reader, 1, &random, NULL), OK);
    for (size_t i = 0; i < EPOCH_SLOTS_MIN; i++)
        for (size_t k = 0; k < EPOCH_SLOTS_MIN; k++)
            assert_memory_not_equal(first.data + EPOCH_HEAD_BYTES + i * EPOCH_SLOT_BYTES,
                                    second.data + EPOCH_HEAD_BYTES + k * EPOCH_SLOT_BYTES, 8);
    buf_free(&first);
    buf_free(&second);
}

static void test_check(void **state) {
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
        enum err error;
    } rows[] = {{0, 2, ERR_VERSION}, {1, 2, ERR_SUITE},    {2, 3, ERR_FORMAT}, {2, 5, ERR_FORMAT},
                {2, 11, ERR_FORMAT}, {2, 255, ERR_FORMAT}, {3, 1, ERR_FORMAT}, {EPOCH_HEAD_BYTES, 255, ERR_FORMAT}};
    struct epoch_author author = author_of(1);
    uint8_t secret[32], prekey_secret[32];
    struct epoch_reader reader = reader_of(5, prekey_secret);
    struct random random;
    struct buf body = {0};
    fixture_random(&random, 6);
    assert_int_equal(epoch_seal(&body, secret, &author, &reader, 1, &random, NULL), OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t kept = body.data[rows[i].at];
        body.data[rows[i].at] = rows[i].value;
        assert_int_equal(epoch_check(bytes_of_buf(&body)), rows[i].error);
        assert_int_equal(epoch_open(secret, bytes_of_buf(&body), &author, &reader, prekey_secret), rows[i].error);
        body.data[rows[i].at] = kept;
    }
    for (size_t size = 0; size < body.size; size += 13)
        assert_int_equal(epoch_check(bytes_of(body.data, size)), size < EPOCH_HEAD_BYTES ? ERR_TRUNCATED : ERR_FORMAT);
    /* The same hint twice. */
    memcpy(body.data + EPOCH_HEAD_BYTES + EPOCH_SLOT_BYTES, body.data + EPOCH_HEAD_BYTES, 8);
    assert_int_equal(epoch_check(bytes_of_buf(&body)), ERR_FORMAT);
    buf_put_u8(&body, 0);
    assert_int_equal(epoch_check(bytes_of_buf(&body)), ERR_FORMAT);
    buf_free(&body);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round),  cmocka_unit_test(test_limits), cmocka_unit_test(test_bound),
                                       cmocka_unit_test(test_cheats), cmocka_unit_test(test_hidden), cmocka_unit_test(test_check)};
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("epoch", tests, NULL, NULL);
}
