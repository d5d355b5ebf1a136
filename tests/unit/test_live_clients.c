/* Who may follow the live feed: the lines of the file, strictly read; keys as text. */
#include "node/live/live_clients.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEY_A "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6" /* RFC 32's own example of a key */
#define KEY_B "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"

static void test_lines(void **state) {
    (void)state;
    static const struct {
        const char *file;
        enum err err;
        size_t line;
    } cases[] = {
        {"", OK, 0},
        {"# who may follow\n\nsoc\t" KEY_A "\tTLP:GREEN\t0\t*\n", OK, 0},
        {"soc\t" KEY_A "\tTLP:GREEN\t0\t*", OK, 0},
        {"soc\t" KEY_A "\tTLP:AMBER+STRICT\t1798761600000\tdomains,urls\nids\t" KEY_B "\tTLP:CLEAR\t0\t*\n", OK, 0},
        {"soc\t" KEY_A "\tTLP:RED\t0\t*\n", ERR_SYNTAX, 1},
        {"soc\t" KEY_A "\tnone\t0\t*\n", ERR_SYNTAX, 1},
        {"soc\t" KEY_A "\tTLP:GREEN\t0\n", ERR_SYNTAX, 1},
        {"soc\t" KEY_A "\tTLP:GREEN\t0\t\n", ERR_SYNTAX, 1},
        {"soc\t" KEY_A "\tTLP:GREEN\t0\t*\t\n", ERR_SYNTAX, 1},
        {"soc\t" KEY_A "\tTLP:GREEN\t0\t*\tmore\n", ERR_SYNTAX, 1},
        {"soc\t" KEY_A "\tTLP:GREEN\t-1\t*\n", ERR_SYNTAX, 1},
        {"soc\t" KEY_A "\tTLP:GREEN\t0\tdomains,\n", ERR_SYNTAX, 1},
        {"soc\t" KEY_A "\tTLP:GREEN\t0\t,domains\n", ERR_SYNTAX, 1},
        {"soc\t" KEY_A "\tTLP:GREEN\t0\ta b\n", ERR_SYNTAX, 1},
        {"so c\t" KEY_A "\tTLP:GREEN\t0\t*\n", ERR_SYNTAX, 1},
        {"\nsoc\tshort\tTLP:GREEN\t0\t*\n", ERR_SYNTAX, 2},
        {"soc\t" KEY_A "\tTLP:GREEN\t0\t*\nsoc\t" KEY_B "\tTLP:GREEN\t0\t*\n", ERR_EXISTS, 0},
        {"soc\t" KEY_A "\tTLP:GREEN\t0\t*\nids\t" KEY_A "\tTLP:GREEN\t0\t*\n", ERR_EXISTS, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct live_clients clients;
        size_t line;
        enum err err = live_clients_parse(&clients, bytes_of_text(cases[i].file), &line);
        if (err != cases[i].err || (err == ERR_SYNTAX && line != cases[i].line))
            fail_msg("case %zu: %s in line %zu", i, err_text(err), line);
        live_clients_free(&clients);
    }
}

static void test_what_is_written_is_read(void **state) {
    (void)state;
    static const char file[] = "soc\t" KEY_A "\tTLP:AMBER\t1798761600000\tdomains,urls\nids\t" KEY_B "\tTLP:CLEAR\t0\t*\n";
    struct live_clients clients;
    struct buf out = {0};
    uint8_t key[CURVE_KEY_BYTES];
    size_t line;
    assert_int_equal(live_clients_parse(&clients, bytes_of_text(file), &line), OK);
    const struct live_client *soc = live_clients_of_name(&clients, bytes_of_text("soc"));
    const struct live_client *ids = live_clients_of_name(&clients, bytes_of_text("ids"));
    assert_non_null(soc);
    assert_non_null(ids);
    live_client_write(&out, soc);
    live_client_write(&out, ids);
    assert_true(bytes_equal_text(bytes_of_buf(&out), file));
    assert_true(curve_key_parse(key, bytes_of_text(KEY_A)));
    assert_ptr_equal(live_clients_of_key(&clients, key), soc);
    key[0] ^= 1;
    assert_null(live_clients_of_key(&clients, key));
    assert_null(live_clients_of_name(&clients, bytes_of_text("so")));
    assert_true(live_client_follows(soc, bytes_of_text("urls")) && live_client_follows(soc, bytes_of_text("domains")));
    assert_false(live_client_follows(soc, bytes_of_text("url")) || live_client_follows(soc, bytes_of_text("")));
    assert_true(live_client_follows(ids, bytes_of_text("anything")) && live_client_follows(ids, bytes_of_text("")));
    assert_int_equal(live_labels(TLP_CLEAR), 1 << TLP_CLEAR);
    assert_int_equal(live_labels(TLP_AMBER), 1 << TLP_CLEAR | 1 << TLP_GREEN | 1 << TLP_AMBER);
    buf_free(&out);
    live_clients_free(&clients);
}

static enum err many(uint32_t count) {
    struct live_clients clients;
    struct buf file = {0};
    char key[CURVE_KEY_CHARS + 1];
    uint8_t raw[CURVE_KEY_BYTES] = {0};
    size_t line;
    for (uint32_t i = 0; i < count; i++) {
        put_be32(raw, i);
        curve_key_text(key, raw);
        buf_put_format(&file, "c%u\t%s\tTLP:GREEN\t0\t*\n", (unsigned)i, key);
    }
    enum err err = live_clients_parse(&clients, bytes_of_buf(&file), &line);
    if (err == OK) assert_int_equal(clients.count, count);
    live_clients_free(&clients);
    buf_free(&file);
    return err;
}

/* One more than may be is an error, not a silent loss. */
static void test_bounds(void **state) {
    (void)state;
    struct buf names = {0};
    assert_int_equal(many(LIVE_CLIENTS_MAX), OK);
    assert_int_equal(many(LIVE_CLIENTS_MAX + 1), ERR_LIMIT);
    for (unsigned i = 0; i < LIVE_SUBSCRIPTIONS_MAX; i++) buf_put_format(&names, "%ss%u", i ? "," : "", i);
    assert_true(live_subscriptions_valid(bytes_of_buf(&names)));
    buf_put_text(&names, ",more");
    assert_false(live_subscriptions_valid(bytes_of_buf(&names)));
    buf_free(&names);
}

/* RFC 32's test of the coding, and keys that are none. */
static void test_keys(void **state) {
    (void)state;
    static const uint8_t example[8] = {0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b};
    static const char *const bad[] = {"", "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh", KEY_A "0",
                                      "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{L \"", "#####B%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"};
    uint8_t key[CURVE_KEY_BYTES] = {0}, keys[2 * CURVE_KEY_BYTES], again[2 * CURVE_KEY_BYTES];
    char text[CURVE_KEY_CHARS + 1];
    struct buf file = {0};
    memcpy(key, example, sizeof example);
    curve_key_text(text, key);
    assert_memory_equal(text, "HelloWorld", 10);
    assert_true(curve_key_parse(key, bytes_of_text(KEY_A)));
    curve_key_text(text, key);
    assert_string_equal(text, KEY_A);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (curve_key_parse(key, bytes_of_text(bad[i]))) fail_msg("%s", bad[i]);
    for (size_t i = 0; i < 20; i++) {
        buf_clear(&file);
        curve_keys_make(keys);
        curve_certificate_write(&file, keys, "a test");
        assert_int_equal(curve_certificate_parse(again, bytes_of_buf(&file)), OK);
        assert_memory_equal(keys, again, sizeof keys);
    }
    /* The secret key's last digit but one: the last alone may change nothing but two bits that X25519 does not look at (RFC 7748, 5). */
    file.data[file.size - 4] = file.data[file.size - 4] == '1' ? '2' : '1';
    assert_int_equal(curve_certificate_parse(again, bytes_of_buf(&file)), ERR_KEY);
    assert_int_equal(curve_certificate_parse(again, bytes_of(file.data, file.size / 2)), ERR_SYNTAX);
    assert_int_equal(curve_certificate_parse(again, bytes_of(NULL, 0)), ERR_SYNTAX);
    buf_free(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_keys),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
