#include "tests/unit/store_fixture.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const uint8_t store_fixture_node[NODE_ID_BYTES] = {7, 1, 2, 3};

static struct item item_room; /* too large for a stack */

void fixture_join(struct fixture *fixture, const char *dir, size_t table_terms) {
    memset(fixture, 0, sizeof *fixture);
    int ready = sodium_init();
    assert(ready >= 0);
    snprintf(fixture->dir, sizeof fixture->dir, "%s", dir);
    fixture->codec = block_codec_new();
    assert(fixture->codec != NULL);
    fixture->options =
        (struct store_options){.path = fixture->dir, .cache_bytes = 8 << 20, .sync = true, .table_terms = table_terms};
    memset(fixture->options.store_key, 0x5a, 32);
}

void fixture_setup(struct fixture *fixture, size_t table_terms) {
    char dir[256];
    const char *base = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/comity-store-XXXXXX", base != NULL ? base : "/tmp");
    const char *made = mkdtemp(dir);
    assert(made != NULL);
    fixture_join(fixture, dir, table_terms);
    fixture_open(fixture);
}

static void directory_remove(const char *path) {
    DIR *directory = opendir(path);
    if (directory == NULL) return;
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) (void)unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
    (void)rmdir(path);
}

void fixture_teardown(struct fixture *fixture) {
    fixture_close(fixture);
    block_codec_free(fixture->codec);
    directory_remove(fixture->dir);
}

enum err fixture_try_open(struct fixture *fixture, char *why, size_t why_bytes) {
    struct store *store;
    enum err error = store_open(&store, &fixture->options, why, why_bytes);
    if (error == OK) store_close(store);
    return error;
}

void fixture_open(struct fixture *fixture) {
    char why[256] = "";
    enum err error = store_open(&fixture->store, &fixture->options, why, sizeof why);
    if (error != OK) fprintf(stderr, "store_open: %s (%s)\n", err_name(error), why);
    assert(error == OK);
}

void fixture_close(struct fixture *fixture) {
    store_close(fixture->store);
    fixture->store = NULL;
}

struct bytes fixture_value(uint64_t number) {
    static char text[64];
    return bytes_of(text, (size_t)snprintf(text, sizeof text, "n%llu.example", (unsigned long long)number));
}

struct bytes fixture_id(uint64_t number) {
    static char text[64];
    return bytes_of(text, (size_t)snprintf(text, sizeof text, "indicator--%llu", (unsigned long long)number));
}

struct observable fixture_domain(uint64_t number) {
    return (struct observable){.kind = OBSERVABLE_DOMAIN, .value = fixture_value(number)};
}

struct observable fixture_ipv4(uint32_t address, uint8_t length) {
    static uint8_t value[5];
    put_be32(value, length == 0 ? 0 : address & ~(uint32_t)((1ULL << (32 - length)) - 1));
    value[4] = length;
    return (struct observable){.kind = OBSERVABLE_IPV4, .value = bytes_of(value, 5)};
}

void fixture_item_put(struct buf *plain, struct item *item, uint64_t number, struct observable observable) {
    char text[400];
    item->type = bytes_of_text("indicator");
    item->id = fixture_id(number);
    item->modified_ms = 1700000000000 + number;
    item->valid_until_ms = 0;
    item->tlp = TLP_GREEN;
    item->revoked = false;
    item->observables[0] = observable;
    item->observable_count = 1;
    item->text = bytes_of(text, (size_t)snprintf(text, sizeof text,
                                                 "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--%llu\","
                                                 "\"pattern\":\"[domain-name:value = 'n%llu.example']\",\"pattern_type\":\"stix\"}",
                                                 (unsigned long long)number, (unsigned long long)number));
    size_t at = plain->size;
    buf_put_u32(plain, 0);
    enum err error = item_encode(plain, item);
    assert(error == OK);
    put_be32(plain->data + at, (uint32_t)(plain->size - at - 4));
}

uint64_t fixture_added_us(uint64_t cursor) { return UINT64_C(1700000000000000) + 1000 * cursor; }

static void page_add(struct fixture *fixture, struct store_batch *batch, const struct buf *plain, size_t count, uint64_t first) {
    struct buf packed;
    buf_init(&packed, 0);
    enum err error = block_frame_pack(fixture->codec, &packed, bytes_of_buf(plain));
    assert(error == OK);
    struct page_head head = {.cursor = store_cursor_next(fixture->store),
                             .item_count = (uint16_t)count,
                             .plain_bytes = (uint32_t)plain->size,
                             .seq = first + 1,
                             .arrived_ms = 1700000000000,
                             .added_us = fixture_added_us(store_cursor_next(fixture->store)),
                             .expires_ms = 1710000000000};
    memcpy(head.node_id, store_fixture_node, sizeof head.node_id);
    error = store_batch_page(batch, &head, bytes_of_buf(&packed));
    assert(error == OK);
    buf_free(&packed);
}

static void record_add(struct store_batch *batch, uint64_t seq, struct bytes payload) {
    uint8_t bytes[ENTRY_HEADER_BYTES + BLOCK_BODY_BYTES + SIGN_BYTES];
    memset(bytes, (int)(seq & 0xff), sizeof bytes);
    struct entry entry = {.type = ENTRY_BLOCK, .seq = seq, .size = sizeof bytes};
    memcpy(entry.node_id, store_fixture_node, sizeof entry.node_id);
    entry.unsigned_bytes = bytes_of(bytes, sizeof bytes - SIGN_BYTES);
    store_batch_entry(batch, &entry, seq % 2 == 1);
    store_batch_payload(batch, store_fixture_node, seq, payload);
}

struct store_batch *fixture_batch(struct fixture *fixture, size_t count) {
    struct store_batch *batch = store_batch_new(fixture->store);
    assert(batch != NULL);
    struct buf plain;
    buf_init(&plain, 0);
    uint64_t first = fixture->numbered, cursor = store_cursor_next(fixture->store);
    for (size_t i = 0; i < count; i++) {
        fixture_item_put(&plain, &item_room, first + i, fixture_domain(first + i));
        store_batch_terms(batch, cursor + i, &item_room);
    }
    page_add(fixture, batch, &plain, count, first);
    record_add(batch, first + 1, bytes_of_buf(&plain)); /* any bytes are a payload here */
    fixture->numbered += count;
    buf_free(&plain);
    return batch;
}

void fixture_put(struct fixture *fixture, struct observable observable) {
    struct store_batch *batch = store_batch_new(fixture->store);
    assert(batch != NULL);
    struct buf plain;
    buf_init(&plain, 0);
    uint64_t number = fixture->numbered++;
    fixture_item_put(&plain, &item_room, number, observable);
    store_batch_terms(batch, store_cursor_next(fixture->store), &item_room);
    page_add(fixture, batch, &plain, 1, number);
    buf_free(&plain);
    fixture_commit(fixture, batch);
}

void fixture_commit(struct fixture *fixture, struct store_batch *batch) {
    store_commit(fixture->store, batch, 1);
    store_wait(fixture->store);
    uint64_t ticket;
    struct pollfd readable = {.fd = store_fd(fixture->store), .events = POLLIN};
    int ready = poll(&readable, 1, 0);
    assert(ready == 1);
    enum err error = store_completed(fixture->store, &ticket);
    assert(error == OK && ticket == 1);
    error = store_completed(fixture->store, &ticket);
    assert(error == ERR_NOT_FOUND);
}

void fixture_fill(struct fixture *fixture, size_t batches, size_t items_each) {
    for (size_t i = 0; i < batches; i++) fixture_commit(fixture, fixture_batch(fixture, items_each));
}

static bool holds(struct fixture *fixture, const uint64_t *cursors, size_t count, uint64_t number) {
    for (size_t i = 0; i < count; i++) {
        struct page_head head;
        struct bytes encoded;
        if (store_item(fixture->store, cursors[i], &head, &item_room, &encoded) == OK &&
            bytes_equal(item_room.id, fixture_id(number)))
            return true;
    }
    return false;
}

bool fixture_found(struct fixture *fixture, uint64_t number) {
    uint64_t cursors[16];
    size_t count = store_find_value(fixture->store, fixture_domain(number), cursors, 16);
    if (store_find_result(fixture->store) != OK || !holds(fixture, cursors, count, number)) return false;
    count = store_find_id(fixture->store, fixture_id(number), cursors, 16);
    return store_find_result(fixture->store) == OK && holds(fixture, cursors, count, number);
}

void fixture_expect_all(struct fixture *fixture) {
    for (uint64_t i = 0; i < fixture->numbered; i++) {
        if (fixture_found(fixture, i)) continue;
        fprintf(stderr, "item %llu of %llu is not found\n", (unsigned long long)i, (unsigned long long)fixture->numbered);
        abort();
    }
}

static struct fixture shared;

int fixture_test_setup(void **state) {
    fixture_setup(&shared, 0);
    *state = &shared;
    return 0;
}

int fixture_test_setup_small(void **state) {
    fixture_setup(&shared, 256);
    *state = &shared;
    return 0;
}

int fixture_test_teardown(void **state) {
    fixture_teardown(*state);
    return 0;
}
