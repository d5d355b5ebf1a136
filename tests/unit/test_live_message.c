/* What clients of the live feed and the server say: every message of LIVE.md is read, everything else is refused. */
#include "crypto/agency.h"
#include "gossip/pack.h"
#include "node/live/live.h"
#include "node/live/live_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A message from a short text: words stand for strings, digits for numbers, "nil", "[N" for an array of N, "-" for a negative one. */
static struct bytes message(struct buf *out, const char *text) {
    char copy[1200], *at = copy, *word;
    buf_clear(out);
    snprintf(copy, sizeof copy, "%s", text);
    while ((word = strsep(&at, " ")) != NULL) {
        if (word[0] == '[')
            pack_write_array(out, (uint32_t)atoi(word + 1));
        else if (word[0] >= '0' && word[0] <= '9')
            pack_write_uint(out, strtoull(word, NULL, 10));
        else if (strcmp(word, "nil") == 0)
            pack_write_nil(out);
        else if (strcmp(word, "-") == 0)
            buf_put_u8(out, 0xff);
        else
            pack_write_str(out, bytes_of_text(strcmp(word, "''") == 0 ? "" : word));
    }
    assert_false(out->failed);
    return bytes_of_buf(out);
}

static void test_messages_of_clients(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum err err;
        enum live_ask_kind kind;
        uint64_t cursor, gone, credit;
        bool stored;
    } cases[] = {
        {"[5 hello 1 domains [2 7 8 100", OK, LIVE_HELLO, 7, 8, 100, false},
        {"[5 hello 1 '' [2 0 0 10000", OK, LIVE_HELLO, 0, 0, 10000, false},
        {"[5 hello 1 domains nil 0", OK, LIVE_HELLO, 0, 0, 0, true},
        {"[4 ack 18446744073709551615 3 5", OK, LIVE_ACK, UINT64_MAX, 3, 5, false},
        {"[1 still", OK, LIVE_STILL, 0, 0, 0, false},
        {"[1 bye", OK, LIVE_BYE, 0, 0, 0, false},
        {"[5 hello 2 domains [2 0 0 1", ERR_VERSION, 0, 0, 0, 0, false},
        {"[2 hello 9", ERR_VERSION, 0, 0, 0, 0, false},
        {"[1 hello", ERR_FORMAT, 0, 0, 0, 0, false},
        {"[5 hello 1 '' nil 1", ERR_FORMAT, 0, 0, 0, 0, false}, /* nothing stores a position for it */
        {"[5 hello 1 a/b [2 0 0 1", ERR_FORMAT, 0, 0, 0, 0, false},
        {"[5 hello 1 domains [3 0 0 0 1", ERR_FORMAT, 0, 0, 0, 0, false},
        {"[5 hello 1 domains 5 1", ERR_FORMAT, 0, 0, 0, 0, false},
        {"[5 hello 1 domains [2 0 0 10001", ERR_FORMAT, 0, 0, 0, 0, false},
        {"[6 hello 1 domains [2 0 0 1 1", ERR_FORMAT, 0, 0, 0, 0, false},
        {"[5 hello 1 domains [2 0 0 1 1", ERR_FORMAT, 0, 0, 0, 0, false},
        {"[4 ack 1 1 10001", ERR_FORMAT, 0, 0, 0, 0, false},
        {"[4 ack 1 - 1", ERR_FORMAT, 0, 0, 0, 0, false},
        {"[4 ack 1 1", ERR_FORMAT, 0, 0, 0, 0, false},
        {"[3 ack 1 1", ERR_FORMAT, 0, 0, 0, 0, false},
        {"[2 still 1", ERR_FORMAT, 0, 0, 0, 0, false},
        {"[1 Still", ERR_FORMAT, 0, 0, 0, 0, false},
        {"[1 1", ERR_FORMAT, 0, 0, 0, 0, false},
        {"[0", ERR_FORMAT, 0, 0, 0, 0, false},
        {"still", ERR_FORMAT, 0, 0, 0, 0, false},
        {"nil", ERR_FORMAT, 0, 0, 0, 0, false},
    };
    struct buf out = {0};
    struct live_ask ask;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum err err = live_ask_read(&ask, message(&out, cases[i].text));
        if (err != cases[i].err) fail_msg("%s: %s", cases[i].text, err_text(err));
        if (err != OK) continue;
        assert_int_equal(ask.kind, cases[i].kind);
        assert_true(ask.position.cursor == cases[i].cursor && ask.position.gone == cases[i].gone);
        assert_true(ask.credit == cases[i].credit && ask.stored == cases[i].stored);
    }
    assert_int_equal(live_ask_read(&ask, bytes_of(NULL, 0)), ERR_FORMAT);
    buf_free(&out);
}

/* Of every message each beginning is refused, and so is one byte too much, a longer form of a number, and a name that is no UTF-8. */
static void test_every_byte_counts(void **state) {
    (void)state;
    static const char *const texts[] = {"[5 hello 1 domains [2 7 8 100", "[4 ack 70000 300 5", "[1 still", "[1 bye"};
    static const uint8_t longer[] = {0x94, 0xa3, 'a', 'c', 'k', 0xcc, 0x01, 0x00, 0x01};
    static const uint8_t no_text[] = {0x91, 0xa5, 's', 't', 0xff, 'l', 'l'};
    struct buf out = {0};
    struct live_ask ask;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct bytes whole = message(&out, texts[i]);
        for (size_t size = 0; size < whole.size; size++)
            assert_int_equal(live_ask_read(&ask, bytes_of(whole.data, size)), ERR_FORMAT);
        buf_put_u8(&out, 0);
        assert_int_equal(live_ask_read(&ask, bytes_of_buf(&out)), ERR_FORMAT);
    }
    assert_int_equal(live_ask_read(&ask, bytes_of(longer, sizeof longer)), ERR_FORMAT);
    assert_int_equal(live_ask_read(&ask, bytes_of(no_text, sizeof no_text)), ERR_FORMAT);
    buf_free(&out);
}

static void head_is(struct pack_reader *in, uint32_t fields, const char *name, uint64_t cursor, uint64_t gone) {
    assert_int_equal(pack_read_array(in), fields);
    assert_true(bytes_equal_text(pack_read_str(in), name));
    assert_true(pack_read_uint(in) == cursor && pack_read_uint(in) == gone);
}

static void test_messages_of_the_server(void **state) {
    (void)state;
    static const char json[] = "{\"a\":\n\t1}";
    const struct take_position at = {5, 6};
    const struct live_object object = {.position = at,
                                       .added_us = 7,
                                       .tlp = TLP_AMBER_STRICT,
                                       .author = bytes_of_text("cert.a"),
                                       .id = bytes_of_text("indicator--1"),
                                       .type = bytes_of_text("indicator"),
                                       .versions = 1,
                                       .text = bytes_of_text(json)};
    const struct live_withdrawn withdrawn = {.position = at,
                                             .cursor = 3,
                                             .moment_ms = 9,
                                             .tlp = TLP_GREEN,
                                             .author = object.author,
                                             .id = object.id,
                                             .type = object.type,
                                             .cause = bytes_of_text("recall")};
    struct buf out = {0};
    live_write_object(&out, &object);
    struct pack_reader in = pack_reader_of(bytes_of_buf(&out));
    head_is(&in, 10, "object", 5, 6);
    assert_true(pack_read_uint(&in) == 7);
    assert_true(bytes_equal_text(pack_read_str(&in), "TLP:AMBER+STRICT"));
    assert_true(bytes_equal_text(pack_read_str(&in), "cert.a") && bytes_equal_text(pack_read_str(&in), "indicator--1"));
    assert_true(bytes_equal_text(pack_read_str(&in), "indicator") && pack_read_uint(&in) == 1);
    assert_true(bytes_equal_text(pack_read_str(&in), "{\"a\":  1}"));
    assert_int_equal(pack_done(&in), OK);
    buf_clear(&out);
    live_write_withdrawn(&out, &withdrawn);
    in = pack_reader_of(bytes_of_buf(&out));
    head_is(&in, 10, "withdrawn", 5, 6);
    assert_true(pack_read_uint(&in) == 9000 && bytes_equal_text(pack_read_str(&in), "TLP:GREEN"));
    assert_true(bytes_equal_text(pack_read_str(&in), "cert.a") && bytes_equal_text(pack_read_str(&in), "indicator--1"));
    assert_true(bytes_equal_text(pack_read_str(&in), "indicator") && pack_read_uint(&in) == 3);
    assert_true(bytes_equal_text(pack_read_str(&in), "recall"));
    assert_int_equal(pack_done(&in), OK);
    buf_clear(&out);
    live_write_welcome(&out, at);
    in = pack_reader_of(bytes_of_buf(&out));
    head_is(&in, 6, "welcome", 5, 6);
    assert_true(pack_read_uint(&in) == LIVE_VERSION && pack_read_uint(&in) == LIVE_ALIVE_MS && pack_read_uint(&in) == LIVE_DEAD_MS);
    buf_clear(&out);
    live_write_reset(&out, at);
    live_write_still(&out, at);
    live_write_error(&out, "removed", "gone");
    in = pack_reader_of(bytes_of_buf(&out));
    head_is(&in, 3, "reset", 5, 6);
    head_is(&in, 3, "still", 5, 6);
    assert_int_equal(pack_read_array(&in), 3);
    assert_true(bytes_equal_text(pack_read_str(&in), "error") && bytes_equal_text(pack_read_str(&in), "removed"));
    assert_true(bytes_equal_text(pack_read_str(&in), "gone"));
    assert_int_equal(pack_done(&in), OK);
    buf_free(&out);
}

static void test_positions(void **state) {
    (void)state;
    assert_true(live_position_within((struct take_position){1, 1}, (struct take_position){1, 1}));
    assert_false(live_position_within((struct take_position){2, 1}, (struct take_position){1, 2}));
    assert_false(live_position_within((struct take_position){1, 2}, (struct take_position){2, 1}));
}

static void test_settings(void **state) {
    (void)state;
    uint8_t keys[2 * CURVE_KEY_BYTES] = {1, 2, 3};
    struct live_settings settings = {.log_level = LOG_LEVEL_DEBUG,
                                     .listen = "tcp://127.0.0.1:1",
                                     .pub = "tcp://127.0.0.1:2",
                                     .pub_label_max = TLP_GREEN,
                                     .dir = "/d",
                                     .keys = bytes_of(keys, sizeof keys)},
                         read;
    struct buf out = {0};
    assert_int_equal(live_settings_encode(&settings, &out), OK);
    assert_int_equal(live_settings_decode(bytes_of_buf(&out), &read), OK);
    assert_string_equal(read.listen, settings.listen);
    assert_string_equal(read.pub, settings.pub);
    assert_string_equal(read.dir, "/d");
    assert_true(bytes_equal(read.keys, settings.keys) && read.pub_label_max == TLP_GREEN);
    for (size_t size = 0; size < out.size; size++) assert_int_not_equal(live_settings_decode(bytes_of(out.data, size), &read), OK);
    buf_clear(&out);
    settings.keys = bytes_of(NULL, 0); /* a listener has keys */
    assert_int_equal(live_settings_encode(&settings, &out), OK);
    assert_int_equal(live_settings_decode(bytes_of_buf(&out), &read), ERR_FORMAT);
    buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_of_clients),
        cmocka_unit_test(test_every_byte_counts),
        cmocka_unit_test(test_messages_of_the_server),
        cmocka_unit_test(test_positions),
        cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
