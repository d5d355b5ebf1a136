/* Golden files: every object of crypto/ in hexadecimal as it must stay (NAME.ok), and a table of edits that must each be refused
   by that error (NAME.bad). COMITY_GOLDEN_UPDATE=1 writes the .ok files again; the difference is the review.
   Lines of a table: ERR_NAME set OFFSET HEX, ERR_NAME cut SIZE, ERR_NAME add HEX. Blank lines and # lines are skipped. */
#include "crypto/dictionary.h"
#include "tests/unit/fixture_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

#define FOLDER  "tests/golden/crypto/"
#define BAD_MIN 10

static const uint8_t epoch_secret[EPOCH_SECRET_BYTES] = {7};
static struct block_codec *codec;

static void make_record(struct buf *out, size_t index) {
    struct agency agency;
    struct buf before = {0}, chain = {0};
    fixture_chain(&before, &agency, index);
    fixture_chain(&chain, &agency, index + 1);
    buf_put_raw(out, chain.data + before.size + 2, chain.size - before.size - 2);
    buf_free(&before);
    buf_free(&chain);
}

static enum err check_record(struct bytes record, size_t index) {
    struct agency agency;
    struct buf chain = {0};
    fixture_chain(&chain, &agency, index);
    buf_free(&chain);
    return agency_apply(&agency, record);
}

static void make_root(struct buf *out) { make_record(out, 0); }
static void make_node(struct buf *out) { make_record(out, 1); }
static void make_revoke(struct buf *out) { make_record(out, 4); }
static void make_rotation(struct buf *out) { make_record(out, 5); }
static enum err check_root(struct bytes file) { return check_record(file, 0); }
static enum err check_node(struct bytes file) { return check_record(file, 1); }
static enum err check_revoke(struct bytes file) { return check_record(file, 4); }
static enum err check_rotation(struct bytes file) { return check_record(file, 5); }

static void make_chain(struct buf *out) {
    struct agency agency;
    fixture_chain(out, &agency, FIXTURE_RECORDS);
}

static enum err check_chain(struct bytes file) {
    struct agency agency;
    return agency_parse(&agency, file, NULL);
}

static void make_prekey(struct buf *out) {
    struct keyfile keyfile;
    fixture_keyfile(&keyfile, KEYFILE_NODE);
    uint8_t *at = buf_grow(out, PREKEY_BODY_BYTES);
    assert_non_null(at);
    prekey_write(at, &keyfile.prekeys[0].public_half);
}

static enum err check_prekey(struct bytes file) {
    struct prekey prekey;
    return prekey_read(&prekey, file);
}

static const struct epoch_author author = {{1}, {2}};

static struct epoch_reader reader_get(uint8_t secret[32]) {
    struct epoch_reader reader = {.agency_id = {3}, .node_id = {4}, .prekey_id = 5};
    fixture_seed(secret, 6);
    prekey_public_of_secret(reader.prekey_public, secret);
    return reader;
}

static void make_epoch(struct buf *out) {
    uint8_t secret[32], prekey_secret[32];
    struct epoch_reader reader = reader_get(prekey_secret);
    struct random random;
    fixture_random(&random, 1);
    assert_int_equal(epoch_seal(out, secret, &author, &reader, 1, &random, NULL), OK);
}

static enum err check_epoch(struct bytes file) {
    uint8_t secret[32], prekey_secret[32];
    struct epoch_reader reader = reader_get(prekey_secret);
    return epoch_open(secret, file, &author, &reader, prekey_secret);
}

static void make_keyfile(struct buf *out) {
    struct keyfile keyfile;
    struct random random;
    fixture_random(&random, 1);
    fixture_keyfile(&keyfile, KEYFILE_NODE);
    assert_int_equal(keyfile_seal(out, &keyfile, bytes_of(NULL, 0), &random), OK);
}

static enum err check_keyfile(struct bytes file) {
    struct keyfile keyfile;
    return keyfile_open(&keyfile, file, bytes_of(NULL, 0));
}

/* The plain bytes of a key file, which only its owner can write: sealed on the way. */
static void make_secrets(struct buf *out) {
    uint8_t key[32], zero_key[32] = {0}, *plain = buf_grow(out, KEYFILE_BYTES - 80);
    struct buf file = {0};
    make_keyfile(&file);
    hash_derive(key, zero_key, "comity-keyfile", bytes_of(file.data + 24, 16));
    assert_int_equal(crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, file.data + 64, KEYFILE_BYTES - 64, file.data,
                                                                64, file.data + 40, key),
                     0);
    buf_free(&file);
}

static enum err check_secrets(struct bytes plain) {
    uint8_t key[32], zero_key[32] = {0};
    struct buf file = {0};
    if (plain.size != KEYFILE_BYTES - 80) return ERR_TRUNCATED;
    make_keyfile(&file);
    hash_derive(key, zero_key, "comity-keyfile", bytes_of(file.data + 24, 16));
    crypto_aead_xchacha20poly1305_ietf_encrypt(file.data + 64, NULL, plain.data, plain.size, file.data, 64, NULL, file.data + 40,
                                               key);
    enum err error = check_keyfile(bytes_of_buf(&file));
    buf_free(&file);
    return error;
}

#define BLOCK_ITEMS 3

static void block_items_add(struct block *block) {
    for (uint32_t i = 0; i < BLOCK_ITEMS; i++) {
        struct buf item = {0};
        fixture_item(&item, i, 300);
        assert_int_equal(block_add(block, bytes_of_buf(&item)), OK);
        buf_free(&item);
    }
}

/* A BLOCK's payload, with the public facts that its entry's body signs in front: hash 32, bytes 4, class 1, root 32. */
static void make_payload(struct buf *out) {
    struct block *block = block_new(codec);
    struct block_seal seal;
    struct random random;
    struct buf payload = {0};
    fixture_random(&random, 1);
    block_items_add(block);
    assert_int_equal(block_close(block, &payload, &seal, epoch_secret, 9, &random), OK);
    buf_put_raw(out, seal.payload_hash, HASH_BYTES);
    buf_put_u32(out, seal.payload_bytes);
    buf_put_u8(out, seal.plain_class);
    buf_put_raw(out, seal.root, HASH_BYTES);
    buf_put(out, bytes_of_buf(&payload));
    buf_free(&payload);
    block_free(block);
}

static enum err check_payload(struct bytes file) {
    struct block *block = block_new(codec);
    struct cursor cursor = cursor_of(file);
    struct block_seal seal;
    cursor_copy(&cursor, seal.payload_hash, HASH_BYTES);
    seal.payload_bytes = cursor_u32(&cursor);
    seal.plain_class = cursor_u8(&cursor);
    cursor_copy(&cursor, seal.root, HASH_BYTES);
    enum err error = block_open(block, bytes_of(cursor.at, cursor.left), &seal, epoch_secret, 9);
    block_free(block);
    return error;
}

/* The container behind the seal, which only the author can write: sealed on the way, under the root of the three items. */
static void make_container(struct buf *out) {
    struct block *block = block_new(codec);
    struct block_seal seal;
    struct random random;
    struct buf payload = {0};
    fixture_random(&random, 1);
    block_items_add(block);
    assert_int_equal(block_close(block, &payload, &seal, epoch_secret, 9, &random), OK);
    struct block_frame frame = block_frame_at(block, 0);
    buf_put_u8(out, DICTIONARY_VERSION);
    buf_put_u16(out, 1);
    buf_put_u32(out, (uint32_t)frame.packed.size);
    buf_put_u32(out, frame.plain_bytes);
    buf_put_u16(out, frame.item_count);
    buf_put(out, frame.packed);
    buf_free(&payload);
    block_free(block);
}

static enum err check_container(struct bytes container) {
    struct block *block = block_new(codec);
    struct buf payload = {0};
    struct block_seal seal;
    uint8_t key[32], leaves[BLOCK_ITEMS * HASH_BYTES], root[HASH_BYTES];
    block_key(key, epoch_secret, 9);
    for (uint32_t i = 0; i < BLOCK_ITEMS; i++) {
        struct buf item = {0};
        fixture_item(&item, i, 300);
        block_leaf(leaves + i * HASH_BYTES, key, i, bytes_of_buf(&item));
        buf_free(&item);
    }
    hash_merkle_root(root, leaves, BLOCK_ITEMS);
    fixture_block_seal(&payload, &seal, container, root, epoch_secret, 9);
    enum err error = block_open(block, bytes_of_buf(&payload), &seal, epoch_secret, 9);
    buf_free(&payload);
    block_free(block);
    return error;
}

struct golden {
    const char *name;
    void (*make)(struct buf *out);
    enum err (*check)(struct bytes file);
    bool compressed; /* another zstd may pack it otherwise, so only what the file says is checked */
};

static const struct golden goldens[] = {
    {"root", make_root, check_root, false},
    {"node", make_node, check_node, false},
    {"revoke", make_revoke, check_revoke, false},
    {"rotation", make_rotation, check_rotation, false},
    {"chain", make_chain, check_chain, false},
    {"prekey", make_prekey, check_prekey, false},
    {"epoch", make_epoch, check_epoch, false},
    {"keyfile", make_keyfile, check_keyfile, false},
    {"secrets", make_secrets, check_secrets, false},
    {"payload", make_payload, check_payload, true},
    {"container", make_container, check_container, true},
};

static FILE *golden_open(const char *name, const char *ending, const char *mode) {
    char path[200];
    snprintf(path, sizeof path, FOLDER "%s.%s", name, ending);
    FILE *file = fopen(path, mode);
    if (file == NULL) fail_msg("cannot open %s: run from the root of the repository", path);
    return file;
}

static void golden_write(const struct golden *golden, struct bytes made) {
    FILE *file = golden_open(golden->name, "ok", "w");
    for (size_t at = 0; at < made.size; at += 32) {
        char hex[65];
        hex_encode(hex, bytes_of(made.data + at, made.size - at < 32 ? made.size - at : 32));
        fprintf(file, "%s\n", hex);
    }
    assert_int_equal(fclose(file), 0);
}

static void golden_read(struct buf *out, const char *name) {
    FILE *file = golden_open(name, "ok", "r");
    char line[80];
    while (fgets(line, sizeof line, file) != NULL) {
        size_t size = strcspn(line, "\n") / 2;
        uint8_t *at = buf_grow(out, size);
        assert_non_null(at);
        assert_true(hex_decode(at, size, bytes_of(line, 2 * size)));
    }
    fclose(file);
}

/* Makes the edit that a line describes; false when the line makes no sense. */
static bool edit(struct buf *bytes, const char *verb, const char *first, const char *second) {
    size_t number = strtoul(first, NULL, 10);
    if (strcmp(verb, "cut") == 0 && number < bytes->size) {
        bytes->size = number;
        return true;
    }
    if (strcmp(verb, "add") == 0) {
        uint8_t *at = buf_grow(bytes, strlen(first) / 2);
        return at != NULL && hex_decode(at, strlen(first) / 2, bytes_of_text(first));
    }
    size_t size = strlen(second) / 2;
    return strcmp(verb, "set") == 0 && size > 0 && number + size <= bytes->size &&
           hex_decode(bytes->data + number, size, bytes_of_text(second));
}

static void bad_check(const struct golden *golden, const struct buf *good) {
    FILE *file = golden_open(golden->name, "bad", "r");
    char line[300];
    size_t count = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        char error[40] = "", verb[8] = "", first[200] = "", second[200] = "";
        if (line[0] == '#' || line[0] == '\n') continue;
        sscanf(line, "%39s %7s %199s %199s", error, verb, first, second);
        struct buf bytes = {0};
        buf_put(&bytes, bytes_of_buf(good));
        if (!edit(&bytes, verb, first, second)) fail_msg("%s.bad: no such edit: %s", golden->name, line);
        /* A copy of exactly that size, so that a sanitizer sees a read past it. */
        uint8_t *exact = malloc(bytes.size > 0 ? bytes.size : 1);
        assert_non_null(exact);
        if (bytes.size > 0) memcpy(exact, bytes.data, bytes.size);
        enum err result = golden->check(bytes_of(exact, bytes.size));
        if (strcmp(err_name(result), error) != 0) fail_msg("%s.bad: %s but the line is %s", golden->name, err_name(result), line);
        free(exact);
        buf_free(&bytes);
        count++;
    }
    fclose(file);
    assert_true(count >= BAD_MIN);
}

static void test_golden(void **state) {
    const struct golden *golden = *state;
    struct buf made = {0}, kept = {0};
    golden->make(&made);
    if (getenv("COMITY_GOLDEN_UPDATE") != NULL) golden_write(golden, bytes_of_buf(&made));
    golden_read(&kept, golden->name);
    if (!golden->compressed) assert_true(bytes_equal(bytes_of_buf(&made), bytes_of_buf(&kept)));
    assert_int_equal(golden->check(bytes_of_buf(&made)), OK);
    assert_int_equal(golden->check(bytes_of_buf(&kept)), OK);
    bad_check(golden, &kept);
    buf_free(&made);
    buf_free(&kept);
}

int main(void) {
    struct CMUnitTest tests[sizeof goldens / sizeof *goldens];
    memset(tests, 0, sizeof tests);
    for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
        tests[i].name = goldens[i].name;
        tests[i].test_func = test_golden;
        tests[i].initial_state = (void *)(uintptr_t)&goldens[i];
    }
    if (sodium_init() < 0 || (codec = block_codec_new()) == NULL) return 1;
    int failed = cmocka_run_group_tests_name("golden_crypto", tests, NULL, NULL);
    block_codec_free(codec);
    return failed;
}
