/* proof: any item of any block is proved to who holds the author's chain, and no altered byte passes. */
#include "gossip/proof.h"
#include "tests/unit/fixture_gossip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define AGENCY    100
#define ITEMS_MAX 33

/* A block of `count` items whose entry stands at number 7, closed and signed. */
struct sealed {
    struct buf items[ITEMS_MAX];
    uint8_t leaf_key[32], leaves[ITEMS_MAX * HASH_BYTES];
    struct block_body body;
    struct buf entries;
    size_t count;
};

static struct agency agency, other_agency;
static struct buf chain, other_chain;
static struct block_codec *codec;

static void sealed_make(struct sealed *sealed, size_t count) {
    struct block *block = block_new(codec);
    struct buf payload = {0};
    struct random random;
    uint8_t secret[32], body[BLOCK_BODY_BYTES];
    const uint8_t previous[HASH_BYTES] = {3};
    *sealed = (struct sealed){.count = count, .body = fixture_block_body()};
    fixture_random(&random, 5);
    fixture_seed(secret, 6);
    for (uint32_t i = 0; i < count; i++) {
        fixture_item(&sealed->items[i], i, 200);
        assert_int_equal(block_add(block, bytes_of_buf(&sealed->items[i])), OK);
    }
    assert_int_equal(block_close(block, &payload, &sealed->body.seal, secret, sealed->body.index, &random), OK);
    block_leaf_key(sealed->leaf_key, block);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t salt[HASH_BYTES];
        block_leaf_salt(salt, sealed->leaf_key, i);
        block_leaf_salted(sealed->leaves + i * HASH_BYTES, salt, bytes_of_buf(&sealed->items[i]));
    }
    block_body_write(body, &sealed->body);
    fixture_entry(&sealed->entries, &agency, AGENCY, ENTRY_BLOCK, 7, previous, bytes_of(body, sizeof body));
    block_free(block);
    buf_free(&payload);
}

static void sealed_free(struct sealed *sealed) {
    for (size_t i = 0; i < sealed->count; i++) buf_free(&sealed->items[i]);
    buf_free(&sealed->entries);
}

static struct buf encoded_of(const struct sealed *sealed, uint32_t index) {
    struct proof proof = {.entries = bytes_of_buf(&sealed->entries), .item = bytes_of_buf(&sealed->items[index])};
    uint8_t path[PROOF_PATH_MAX * HASH_BYTES];
    struct buf out = {0};
    proof_make(&proof, path, sealed->leaves, sealed->count, index);
    block_leaf_salt(proof.salt, sealed->leaf_key, index);
    assert_int_equal(proof_encode(&out, &proof), OK);
    assert_true(out.size <= PROOF_BYTES_MAX);
    return out;
}

static enum err checked(struct bytes encoded, struct proof_facts *facts, struct proof *proof) {
    enum err err = proof_decode(proof, encoded);
    return err == OK ? proof_verify(facts, proof, &agency) : err;
}

/* Every item of blocks of all shapes is proved by entry, salt and path, and by the leaf that the author signed. */
static void test_every_item(void **state) {
    static const size_t counts[] = {1, 2, 3, 4, 5, 8, 17, 32, 33};
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct sealed sealed;
        sealed_make(&sealed, counts[i]);
        for (uint32_t j = 0; j < sealed.count; j++) {
            struct buf encoded = encoded_of(&sealed, j);
            struct proof_facts facts;
            struct proof proof;
            assert_int_equal(checked(bytes_of_buf(&encoded), &facts, &proof), OK);
            assert_int_equal(facts.entry.seq, 7);
            assert_int_equal(facts.body.index, sealed.body.index);
            assert_memory_equal(facts.leaf, sealed.leaves + j * HASH_BYTES, HASH_BYTES);
            assert_true(bytes_equal(proof.item, bytes_of_buf(&sealed.items[j])));
            buf_free(&encoded);
        }
        sealed_free(&sealed);
    }
}

/* No altered bit passes. The count of a block's items is bound only as far as it shapes the path: what it then says is no other item. */
static void test_altered(void **state) {
    struct sealed sealed;
    (void)state;
    sealed_make(&sealed, 5);
    for (uint32_t index = 0; index < 5; index += 2) {
        struct buf encoded = encoded_of(&sealed, index);
        struct proof_facts facts;
        struct proof proof;
        size_t count_at = 1 + 1 + 3 + sealed.entries.size;
        assert_int_equal(encoded.data[count_at], 5);
        for (size_t at = 0; at < encoded.size; at++) {
            for (unsigned bit = 0; bit < 8; bit++) {
                encoded.data[at] ^= (uint8_t)(1 << bit);
                enum err err = checked(bytes_of_buf(&encoded), &facts, &proof);
                if (err == OK && at == count_at)
                    assert_memory_equal(facts.leaf, sealed.leaves + index * HASH_BYTES, HASH_BYTES);
                else
                    assert_int_not_equal(err, OK);
                encoded.data[at] ^= (uint8_t)(1 << bit);
            }
        }
        for (size_t size = 0; size < encoded.size; size++)
            assert_int_not_equal(checked(bytes_of(encoded.data, size), &facts, &proof), OK);
        buf_put_u8(&encoded, 0);
        assert_int_equal(checked(bytes_of_buf(&encoded), &facts, &proof), ERR_FORMAT);
        buf_free(&encoded);
    }
    sealed_free(&sealed);
}

/* An item with the place, salt or path of its neighbour is not proved. */
static void test_neighbour(void **state) {
    struct sealed sealed;
    struct proof proofs[2];
    struct proof_facts facts;
    (void)state;
    sealed_make(&sealed, 5);
    struct buf encoded[2] = {encoded_of(&sealed, 1), encoded_of(&sealed, 2)};
    for (unsigned part = 1; part < 15; part++) {
        for (size_t i = 0; i < 2; i++) assert_int_equal(proof_decode(&proofs[i], bytes_of_buf(&encoded[i])), OK);
        if (part & 1) proofs[0].item = proofs[1].item;
        if (part & 2) proofs[0].item_index = proofs[1].item_index;
        if (part & 4) memcpy(proofs[0].salt, proofs[1].salt, HASH_BYTES);
        if (part & 8) proofs[0].path = proofs[1].path;
        assert_int_equal(proof_verify(&facts, &proofs[0], &agency), ERR_HASH);
    }
    buf_free(&encoded[0]), buf_free(&encoded[1]);
    sealed_free(&sealed);
}

/* Another agency's chain, a log that was cut before, and one that was cut behind it. */
static void test_author(void **state) {
    struct sealed sealed;
    struct proof proof;
    struct proof_facts facts;
    (void)state;
    sealed_make(&sealed, 3);
    struct buf encoded = encoded_of(&sealed, 1), cut_chain = {0};
    assert_int_equal(proof_decode(&proof, bytes_of_buf(&encoded)), OK);
    assert_int_equal(proof_verify(&facts, &proof, &other_agency), ERR_UNKNOWN_AUTHOR);
    assert_int_equal(proof_read(&facts, &proof), OK);
    static const struct {
        uint64_t seq;
        enum err err;
    } cuts[] = {{8, OK}, {7, ERR_REVOKED}, {6, ERR_REVOKED}, {0, ERR_REVOKED}};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        struct agency cut;
        fixture_agency(&cut_chain, &cut, AGENCY);
        fixture_agency_revoke(&cut_chain, &cut, AGENCY, cuts[i].seq);
        /* The cut at 7 names another entry than ours. */
        assert_int_equal(proof_verify(&facts, &proof, &cut), cuts[i].err);
        buf_free(&cut_chain);
    }
    buf_free(&encoded);
    sealed_free(&sealed);
}

/* A block whose own signature a relay damaged is proved by the next entry of its log, and by no more than that. */
static void test_run(void **state) {
    struct sealed sealed;
    struct proof proof;
    struct proof_facts facts;
    struct entry entry;
    (void)state;
    sealed_make(&sealed, 2);
    for (uint64_t seq = 8; seq < 10; seq++) {
        size_t last = seq == 8 ? 0 : sealed.entries.size / 2;
        struct bytes before = bytes_of(sealed.entries.data + last, sealed.entries.size - last);
        uint8_t id[HASH_BYTES];
        assert_int_equal(entry_parse(&entry, before), OK);
        memcpy(id, entry.id, HASH_BYTES);
        uint8_t body[BLOCK_BODY_BYTES];
        block_body_write(body, &sealed.body);
        fixture_entry(&sealed.entries, &agency, AGENCY, ENTRY_BLOCK, seq, id, bytes_of(body, sizeof body));
    }
    size_t one = sealed.entries.size / 3;
    struct buf encoded = encoded_of(&sealed, 0);
    assert_int_equal(proof_decode(&proof, bytes_of_buf(&encoded)), OK);
    assert_int_equal(proof_verify(&facts, &proof, &agency), ERR_SIGNATURE); /* more than it takes */
    buf_free(&encoded);
    sealed.entries.data[one - 1] ^= 1;
    sealed.entries.size = 2 * one;
    encoded = encoded_of(&sealed, 0);
    assert_int_equal(checked(bytes_of_buf(&encoded), &facts, &proof), OK);
    assert_int_equal(facts.entry.seq, 7);
    buf_free(&encoded);
    sealed.entries.size = one;
    encoded = encoded_of(&sealed, 0);
    assert_int_equal(checked(bytes_of_buf(&encoded), &facts, &proof), ERR_SIGNATURE);
    buf_free(&encoded);
    sealed_free(&sealed);
}

/* Fields at their limits, and one past them. */
static void test_limits(void **state) {
    static uint8_t zeros[BLOCK_ITEM_BYTES_MAX + 1];
    (void)state;
    struct proof proof = {.entries = bytes_of(zeros, PROOF_ENTRIES_BYTES_MAX),
                          .item_count = BLOCK_ITEMS_MAX,
                          .item_index = BLOCK_ITEMS_MAX - 1,
                          .path = bytes_of(zeros, PROOF_PATH_MAX * HASH_BYTES),
                          .item = bytes_of(zeros, BLOCK_ITEM_BYTES_MAX)};
    struct proof bad[6], again;
    struct buf out = {0};
    assert_int_equal(proof_encode(&out, &proof), OK);
    assert_true(out.size <= PROOF_BYTES_MAX);
    assert_int_equal(proof_decode(&again, bytes_of_buf(&out)), OK);
    for (size_t i = 0; i < 6; i++) bad[i] = proof;
    bad[0].entries.size++;
    bad[1].item_count++;
    bad[2].item_index++;
    bad[3].path.size += HASH_BYTES;
    bad[4].path.size--;
    bad[5].item.size++;
    for (size_t i = 0; i < 6; i++) assert_int_equal(proof_encode(&out, &bad[i]), ERR_RANGE);
    buf_free(&out);
}

static int setup(void **state) {
    (void)state;
    fixture_agency(&chain, &agency, AGENCY);
    fixture_agency(&other_chain, &other_agency, 200);
    codec = block_codec_new();
    return codec ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    block_codec_free(codec);
    buf_free(&chain), buf_free(&other_chain);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_item), cmocka_unit_test(test_altered), cmocka_unit_test(test_neighbour),
        cmocka_unit_test(test_author),     cmocka_unit_test(test_run),     cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests_name("proof", tests, setup, teardown);
}
