/* What became of a POST comes out as it went in, and without the rows that tell of a subject; what is no such document is none. */
#include "node/engine/post_status.h"
#include "node/formats/scoid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define IPV4_BYTES 5

static struct post_row row_of(const char *id, const char *message) {
    return (struct post_row){.id = bytes_of_text(id),
                             .version = bytes_of_text("2026-01-31T12:00:00.000Z"),
                             .refused = message != NULL,
                             .message = bytes_of_text(message ? message : "")};
}

static void document_of(struct buf *out, const struct post_row *rows, size_t count) {
    const struct post_status status = {
        .complete = true, .asked_ms = 1800000000000, .total = 7, .successes = 4, .failures = 3, .row_count = (uint32_t)count};
    post_status_write(out, &status);
    size_t head = out->size, bytes = 0;
    for (size_t i = 0; i < count; i++) post_row_write(out, &rows[i]), bytes += post_row_bytes_max(&rows[i]);
    assert_true(out->size - head <= bytes && !out->failed);
}

static void test_round(void **state) {
    (void)state;
    const struct post_row rows[] = {row_of("indicator--1", NULL), row_of("", "line 3: no \xff object"), row_of("indicator--2", "")};
    struct post_status status;
    struct post_row row;
    struct buf document = {0};
    document_of(&document, rows, 3);
    assert_true(post_status_read(&status, bytes_of_buf(&document)));
    assert_true(status.complete && status.asked_ms == 1800000000000 && status.total == 7 && status.successes == 4);
    assert_true(status.failures == 3 && status.row_count == 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(post_row_read(&row, &status.rows));
        assert_true(bytes_equal(row.id, rows[i].id) && bytes_equal(row.version, rows[i].version));
        assert_true(row.refused == rows[i].refused && bytes_equal(row.message, rows[i].message));
    }
    for (size_t size = 0; size < document.size; size++) assert_false(post_status_read(&status, bytes_of(document.data, size)));
    buf_put_u8(&document, 0xc0);
    assert_false(post_status_read(&status, bytes_of_buf(&document)));
    assert_false(post_status_read(&status, bytes_of_text("{\"status\":\"complete\"}")));
    buf_free(&document);
}

static void test_without(void **state) {
    (void)state;
    static const uint8_t address[IPV4_BYTES] = {198, 51, 100, 3, 32};
    const struct observable domain = {.kind = OBSERVABLE_DOMAIN, .value = bytes_of_text("evil.example")};
    const struct observable ipv4 = {.kind = OBSERVABLE_IPV4, .value = bytes_of(address, sizeof address)};
    const struct observable named = {.kind = (enum observable_kind)0, .value = bytes_of_text("report--9")};
    const struct observable text = {.kind = OBSERVABLE_TEXT, .value = bytes_of_text("Wrong Person")};
    const struct {
        struct observable value;
        struct post_row row;
        bool goes;
    } cases[] = {
        {domain, row_of("indicator--1", "evil.example is no name"), true},
        {domain, row_of("indicator--1", "refused: Evil.Example"), true},
        {domain, row_of("indicator--1", "'evil.example'"), true},
        {domain, row_of("indicator--1", "medevil.example is another"), false},
        {domain, row_of("indicator--1", "evil.examples are others"), false},
        {domain, row_of("indicator--1", "evil.exampl"), false},
        {domain, row_of("indicator--1", NULL), false},
        {ipv4, row_of("ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4", NULL), true}, /* of this value: shared/data/stix21 */
        {ipv4, row_of("ipv4-addr--1ea47840-aa39-5aa8-b4a2-cd203eb6662a", NULL), false},
        {ipv4, row_of("indicator--1", "[ipv4-addr:value = '198.51.100.3']"), true},
        {ipv4, row_of("indicator--1", "[ipv4-addr:value = '198.51.100.33']"), false},
        {named, row_of("report--9", NULL), true},
        {named, row_of("indicator--1", "it refers to report--9, which is missing"), true},
        {named, row_of("report--99", NULL), false},
        {text, row_of("indicator--1", "about wrong person: no label"), true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct post_row rows[] = {row_of("indicator--0", "no label"), cases[i].row};
        const struct post_subject subject = {.values = &cases[i].value, .value_count = 1};
        struct post_status status;
        struct post_row row;
        struct buf document = {0}, kept = {0};
        document_of(&document, rows, 2);
        assert_int_equal(post_status_without(&kept, bytes_of_buf(&document), &subject), cases[i].goes);
        if (cases[i].goes) {
            assert_true(post_status_read(&status, bytes_of_buf(&kept)) && status.total == 7 && status.row_count == 1);
            assert_true(post_row_read(&row, &status.rows) && bytes_equal(row.id, rows[0].id));
        }
        assert_true(cases[i].goes || kept.size == 0);
        buf_free(&document), buf_free(&kept);
    }
}

/* Ids of the standard's own examples, as shared/data/stix21 has them. */
static void test_scoid(void **state) {
    (void)state;
    static const uint8_t address[IPV4_BYTES] = {198, 51, 100, 3, 32}, network[IPV4_BYTES] = {198, 51, 100, 0, 24};
    static const uint8_t hash[16] = {0};
    const struct {
        struct observable value;
        const char *id;
    } cases[] = {
        {{OBSERVABLE_IPV4, bytes_of(address, sizeof address)}, "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4"},
        {{OBSERVABLE_IPV4, bytes_of(network, sizeof network)}, "ipv4-addr--1ea47840-aa39-5aa8-b4a2-cd203eb6662a"},
        {{OBSERVABLE_DOMAIN, bytes_of_text("example.com")}, "domain-name--bedb4899-d24b-5401-bc86-8f6b4cc18ec7"},
        {{OBSERVABLE_EMAIL, bytes_of_text("john@example.com")}, "email-addr--7165e2a9-671f-585d-b1e1-ca59c671d934"},
        {{OBSERVABLE_MD5, bytes_of(hash, sizeof hash)}, NULL},
        {{OBSERVABLE_TEXT, bytes_of_text("text")}, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char id[SCOID_BYTES_MAX];
        assert_int_equal(scoid_of(id, cases[i].value), cases[i].id != NULL);
        if (cases[i].id) assert_string_equal(id, cases[i].id);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round),
        cmocka_unit_test(test_without),
        cmocka_unit_test(test_scoid),
    };
    return cmocka_run_group_tests_name("post_status", tests, NULL, NULL);
}
