/* What became of posts: kept a day and not longer, told to their own user only, there again after a restart, and bounded. */
#include "node/engine/engine_core.h"
#include "tests/unit/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define HOUR_MS 3600000ull
#define NOW_MS  1800000000000ull

static struct fixture fixture;
static struct engine *engine;
static struct client *client;
static struct channel reader;

static int setup(void **state) {
    int fds[2];
    (void)state;
    fixture_setup(&fixture, 0);
    engine = calloc(1, sizeof *engine);
    assert_non_null(engine);
    engine->store = fixture.store;
    client = &engine->clients[0];
    client->used = true;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    channel_init(&client->channel, fds[0]);
    channel_init(&reader, fds[1]);
    assert_int_equal(kept_load(engine), OK);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    kept_free(engine);
    channel_close(&client->channel);
    channel_close(&reader);
    free(engine);
    fixture_teardown(&fixture);
    return 0;
}

static const char *number(unsigned at) {
    static char text[UUID_CHARS + 1];
    snprintf(text, sizeof text, "%08x-0000-4000-8000-000000000000", at);
    return text;
}

/* The next answer; of a document what it says, as a text. */
static enum frame_type answered(char *out, size_t size) {
    struct frame frame;
    assert_int_equal(channel_flush(&client->channel), OK);
    assert_int_equal(channel_wait(&reader, &frame, 10000), OK);
    if (frame.type == FRAME_ANSWER_KEPT) {
        struct pack_reader in = pack_reader_of(frame.body);
        assert_int_equal(pack_read_array(&in), 1);
        struct bytes document = pack_read_bin(&in);
        snprintf(out, size, "%.*s", (int)document.size, (const char *)document.data);
    }
    return frame.type;
}

static void put(unsigned at, const char *who, uint64_t asked_ms, struct bytes document) {
    struct buf body = {0};
    pack_write_array(&body, 4);
    pack_write_str(&body, bytes_of_text(who));
    pack_write_str(&body, bytes_of_text(number(at)));
    pack_write_uint(&body, asked_ms);
    pack_write_bin(&body, document);
    struct frame frame = {.type = FRAME_ASK_KEEP, .tag = 1, .body = bytes_of_buf(&body)};
    kept_put(engine, client, &frame);
    buf_free(&body);
}

/* Acknowledged when it is on disk, not before. */
static void keep(unsigned at, const char *who, uint64_t asked_ms, const char *document) {
    uint64_t ticket = 0;
    put(at, who, asked_ms, bytes_of_text(document));
    assert_true(client->kept_ticket != 0);
    assert_true(channel_backlog(&client->channel) == 0);
    store_wait(engine->store);
    assert_int_equal(store_completed(engine->store, &ticket), OK);
    kept_stored(engine, ticket);
    assert_true(client->kept_ticket == 0);
    assert_int_equal(answered(NULL, 0), FRAME_ANSWER_DONE);
}

static bool tells(unsigned at, const char *who, const char *document) {
    char said[64] = "";
    struct buf body = {0};
    pack_write_array(&body, 2);
    pack_write_str(&body, bytes_of_text(who));
    pack_write_str(&body, bytes_of_text(number(at)));
    struct frame frame = {.type = FRAME_ASK_KEPT, .tag = 1, .body = bytes_of_buf(&body)};
    kept_get(engine, client, &frame);
    buf_free(&body);
    if (answered(said, sizeof said) == FRAME_ANSWER_ERROR) return false;
    assert_int_equal(answered(NULL, 0), FRAME_ANSWER_DONE);
    return strcmp(said, document) == 0;
}

static void stored(void) {
    uint64_t ticket;
    store_wait(engine->store);
    while (store_completed(engine->store, &ticket) == OK) continue;
}

static void told(void **state) {
    (void)state;
    keep(1, "soc", NOW_MS, "first");
    keep(2, "soc", NOW_MS + HOUR_MS, "second");
    assert_true(tells(1, "soc", "first") && tells(2, "soc", "second"));
    assert_false(tells(1, "other", "first"));
    assert_false(tells(3, "soc", ""));
    keep(1, "soc", NOW_MS, "changed");
    assert_true(tells(1, "soc", "changed"));
    assert_int_equal(engine->kept.count, 2);
    kept_free(engine);
    assert_int_equal(kept_load(engine), OK);
    assert_int_equal(engine->kept.count, 2);
    assert_true(tells(1, "soc", "changed") && tells(2, "soc", "second"));
}

static void forgotten(void **state) {
    (void)state;
    keep(1, "soc", NOW_MS, "first");
    keep(2, "soc", NOW_MS + 2 * HOUR_MS, "second");
    keep(3, "soc", NOW_MS + 90 * 24 * HOUR_MS, "of a clock that was wrong");
    kept_forget(engine, NOW_MS + 24 * HOUR_MS);
    stored();
    assert_true(tells(1, "soc", "first") && tells(2, "soc", "second"));
    assert_false(tells(3, "soc", "of a clock that was wrong"));
    kept_forget(engine, NOW_MS + 26 * HOUR_MS);
    stored();
    assert_false(tells(1, "soc", "first"));
    assert_true(tells(2, "soc", "second"));
    kept_free(engine);
    assert_int_equal(kept_load(engine), OK);
    assert_int_equal(engine->kept.count, 1);
}

static struct observable domain(const char *name) {
    return (struct observable){.kind = OBSERVABLE_DOMAIN, .value = bytes_of_text(name)};
}

static void row(struct buf *out, const char *id, const char *message) {
    const struct post_row row = {
        .id = bytes_of_text(id), .refused = message != NULL, .message = bytes_of_text(message ? message : "")};
    post_row_write(out, &row);
}

/* How many rows the document on disk has; -1: it cannot be read. */
static int rows_of(unsigned at) {
    char key[64];
    struct buf value = {0};
    struct post_status status;
    snprintf(key, sizeof key, "secret/post/%s", number(at));
    assert_int_equal(store_meta(engine->store, key, &value), OK);
    size_t head = 8 + 1 + strlen("soc");
    int count = post_status_read(&status, bytes_of(value.data + head, value.size - head)) ? (int)status.row_count : -1;
    buf_free(&value);
    return count;
}

/* What tells of an erased subject goes out of the documents, and they count for less; others are as they were. */
static void erased(void **state) {
    struct buf document = {0}, ids = {0};
    struct observable asked[] = {domain("evil.example")};
    uint64_t rows = 0, bytes;
    (void)state;
    post_status_write(&document,
                      &(struct post_status){.complete = true, .total = 3, .successes = 1, .failures = 2, .row_count = 3});
    row(&document, "indicator--1", NULL);
    row(&document, "indicator--2", "the name evil.example is refused");
    row(&document, "indicator--3", "no label");
    put(1, "soc", NOW_MS, bytes_of_buf(&document));
    put(2, "soc", NOW_MS, bytes_of_text("this is no status"));
    stored();
    bytes = engine->kept.bytes;
    const struct post_subject nobody = {.values = asked};
    struct store_batch *batch = store_batch_new(engine->store);
    assert_int_equal(kept_erase(engine, batch, &nobody, &rows), OK);
    assert_int_equal(rows, 0);
    ledger_id_add(&ids, bytes_of_text("indicator--1"));
    const struct post_subject subject = {asked, 1, bytes_of_buf(&ids)};
    assert_int_equal(kept_erase(engine, batch, &subject, &rows), OK);
    store_commit(engine->store, batch, 0);
    stored();
    assert_int_equal(rows, 2);
    assert_int_equal(rows_of(1), 1);
    assert_int_equal(rows_of(2), -1);
    assert_true(engine->kept.bytes < bytes);
    bytes = engine->kept.bytes;
    kept_free(engine);
    assert_int_equal(kept_load(engine), OK);
    assert_int_equal(engine->kept.bytes, bytes);
    buf_free(&document), buf_free(&ids);
}

/* A post is under way while a subject is erased: what is told of it then leaves that out. One that began later, or was told of before, is as it
   was. When too much was erased meanwhile, no single object is told of. */
static void erased_under_way(void **state) {
    struct buf document = {0}, ids = {0};
    struct observable asked[] = {domain("evil.example")};
    uint64_t rows;
    (void)state;
    post_status_write(&document,
                      &(struct post_status){.complete = true, .total = 3, .successes = 2, .failures = 1, .row_count = 3});
    row(&document, "indicator--1", NULL);
    row(&document, "indicator--2", "the name evil.example is refused");
    row(&document, "indicator--3", NULL);
    for (unsigned at = 1; at <= 2; at++) put(at, "soc", NOW_MS, bytes_of_text("it is under way"));
    ledger_id_add(&ids, bytes_of_text("indicator--1"));
    const struct post_subject subjects[] = {{asked, 1, bytes_of(NULL, 0)}, {asked, 0, bytes_of_buf(&ids)}};
    struct store_batch *batch = store_batch_new(engine->store);
    assert_int_equal(kept_erase(engine, batch, &subjects[0], &rows), OK);
    put(3, "soc", NOW_MS, bytes_of_text("it is under way"));
    assert_int_equal(kept_erase(engine, batch, &subjects[1], &rows), OK);
    store_commit(engine->store, batch, 0);
    put(4, "soc", NOW_MS, bytes_of_text("it is under way"));
    for (unsigned at = 1; at <= 4; at++) put(at, "soc", NOW_MS, bytes_of_buf(&document));
    stored();
    assert_true(rows_of(1) == 1 && rows_of(2) == 1 && rows_of(3) == 2 && rows_of(4) == 3);
    assert_true(engine->kept.open_count == 0 && engine->kept.erased.size == 0);
    put(1, "soc", NOW_MS, bytes_of_buf(&document));
    stored();
    assert_int_equal(rows_of(1), 3); /* it is under way no more */

    struct buf many = {0};
    for (unsigned i = 0; i < 60000; i++) ledger_id_add(&many, bytes_of_text("indicator--of-others"));
    const struct post_subject most = {asked, 0, bytes_of_buf(&many)};
    put(5, "soc", NOW_MS, bytes_of_text("it is under way"));
    batch = store_batch_new(engine->store);
    assert_int_equal(kept_erase(engine, batch, &most, &rows), OK);
    store_commit(engine->store, batch, 0);
    put(6, "soc", NOW_MS, bytes_of_text("it is under way"));
    for (unsigned at = 5; at <= 6; at++) put(at, "soc", NOW_MS, bytes_of_buf(&document));
    stored();
    assert_true(rows_of(5) == 0 && rows_of(6) == 3);
    /* A post of which nothing was heard any more is forgotten with what waited for it. */
    put(7, "soc", NOW_MS, bytes_of_text("it is under way"));
    batch = store_batch_new(engine->store);
    assert_int_equal(kept_erase(engine, batch, &subjects[0], &rows), OK);
    store_commit(engine->store, batch, 0);
    assert_true(engine->kept.open_count == 1 && engine->kept.erased.size > 0);
    kept_forget(engine, NOW_MS + 26 * HOUR_MS);
    stored();
    assert_true(engine->kept.open_count == 0 && engine->kept.erased.size == 0 && engine->kept.count == 0);
    buf_free(&document), buf_free(&ids), buf_free(&many);
}

static void bounded(void **state) {
    struct buf large = {0};
    (void)state;
    assert_non_null(buf_grow(&large, CONTROL_KEPT_BYTES_MAX + 1));
    memset(large.data, 'x', large.size);
    put(1, "soc", NOW_MS, bytes_of_buf(&large));
    assert_int_equal(answered(NULL, 0), FRAME_ANSWER_ERROR);
    put(1, "", NOW_MS, bytes_of_text("nobody's"));
    assert_int_equal(answered(NULL, 0), FRAME_ANSWER_ERROR);
    assert_int_equal(engine->kept.count, 0);
    for (unsigned i = 0; i < CONTROL_KEPT_MAX; i++) {
        put(i, "soc", NOW_MS, bytes_of_text("short"));
        client->kept_ticket = 0;
        if (i % 256 == 0) stored();
    }
    assert_int_equal(engine->kept.count, CONTROL_KEPT_MAX);
    put(CONTROL_KEPT_MAX, "soc", NOW_MS, bytes_of_text("one too many"));
    assert_int_equal(answered(NULL, 0), FRAME_ANSWER_ERROR);
    put(7, "soc", NOW_MS, bytes_of_text("another for one that is there"));
    assert_true(client->kept_ticket != 0);
    stored();
    buf_free(&large);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(told, setup, teardown),
        cmocka_unit_test_setup_teardown(forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(erased, setup, teardown),
        cmocka_unit_test_setup_teardown(erased_under_way, setup, teardown),
        cmocka_unit_test_setup_teardown(bounded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
