#include "node/formats/uuid.h"

#include "tests/unit/fixture_intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* RFC 4122's name space for DNS, and Python's uuid.uuid5 as the other opinion; names around SHA-1's block borders. */
static void test_names(void **state) {
    (void)state;
    static const uint8_t dns[UUID_BYTES] = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                            0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
    static const struct {
        size_t size; /* of a name of that many 'a' */
        const char *uuid;
    } cases[] = {
        {0, "4ebd0208-8328-5d69-8c44-ec50939c0967"},   {1, "4f3f2898-69e3-5a0d-820a-c4e87987dbce"},
        {39, "5824f981-4282-59d4-9716-acb6d741350e"},  {40, "39f39c20-db47-5131-8879-62f8f67f9014"},
        {47, "660c273c-8a00-5941-b6f4-8d0afed88966"},  {48, "7280cc42-274a-5c4a-91fc-ae23f853eeb7"},
        {49, "69349718-028b-5ff0-a00f-c024ded6e6ee"},  {63, "11a49e01-6620-5323-95d5-c4828b787233"},
        {64, "efd9d9de-780b-5e83-a3e7-30a408967cf8"},  {111, "5a333448-30c7-569b-ab96-842bddfbe8ca"},
        {112, "ab683ad5-4de4-5faf-bf37-0788e34176da"}, {200, "fe30bfa6-ef90-59b3-b108-118411d0f0ab"},
    };
    char name[256];
    memset(name, 'a', sizeof name);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t uuid[UUID_BYTES];
        char text[UUID_CHARS + 1];
        uuid_v5(uuid, dns, bytes_of(name, cases[i].size));
        uuid_text(text, uuid);
        assert_string_equal(text, cases[i].uuid);
        assert_true(uuid_valid(bytes_of_text(text)));
    }
}

/* The deterministic ids of cyber observables (STIX 2.1, 2.9), as others made them; names are their contributing properties in
   canonical JSON (RFC 8785), in the order of the file. */
static void test_stix_ids(void **state) {
    (void)state;
    static const uint8_t stix[UUID_BYTES] = {0x00, 0xab, 0xed, 0xb4, 0xaa, 0x42, 0x46, 0x6c,
                                             0x9c, 0x01, 0xfe, 0xd2, 0x33, 0x15, 0xa9, 0xb7};
    static const char *const names[] = {
        "{\"value\":\"198.51.100.3\"}",
        "{\"value\":\"198.51.100.0/24\"}",
        "{\"value\":\"2001:0db8:85a3:0000:0000:8a2e:0370:7334\"}",
        "{\"value\":\"example.com\"}",
        "{\"value\":\"xn--bcher-kva.example\"}",
        "{\"value\":\"https://example.com/research/index.html\"}",
        "{\"value\":\"john@example.com\"}",
        "{\"name\":\"__CLEANSWEEP__\"}",
        "{\"number\":15139}",
        "{\"value\":\"d2:fb:49:24:37:18\"}",
        "{\"hashes\":{\"SHA-256\":\"ceafbfd424be2ca4a5f0402cae090dda2fb0526cf521b60b60077c0f622b285a\"}}",
        "{\"hashes\":{\"MD5\":\"66e2ea40dc71d5ba701574ea215a81f1\"},\"name\":\"qwerty.dll\"}",
        "{\"key\":\"HKEY_LOCAL_MACHINE\\\\System\\\\Foo\\\\Bar\"}",
        "{\"value\":\"b\xc3\xbc"
        "cher.example\"}",
        "{\"value\":\"http://ex.com/\xe2\x82\xac?\\\"q\\\"=\\\\\"}",
    };
    struct buf file = {0};
    if (!shared_file(&file, "conformance/sco_deterministic_ids.json")) {
        buf_free(&file);
        skip();
    }
    buf_put_u8(&file, 0);
    const char *at = (const char *)file.data;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        uint8_t uuid[UUID_BYTES];
        char text[UUID_CHARS + 1];
        at = strstr(at, "\"id\":");
        assert_non_null(at);
        at = strstr(at, "--");
        uuid_v5(uuid, stix, bytes_of_text(names[i]));
        uuid_text(text, uuid);
        if (strncmp(at + 2, text, UUID_CHARS) != 0) fail_msg("%s", names[i]);
    }
    assert_null(strstr(at, "\"id\":"));
    buf_free(&file);
}

static void test_valid(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"2f7cb1b2-2f62-5c4d-8b1e-0d5a2f3c4b5a", true},
        {"2F7CB1B2-2F62-1C4D-BB1E-0D5A2F3C4B5A", true},
        {"2f7cb1b2-2f62-5c4d-8b1e-0d5a2f3c4b5", false},
        {"2f7cb1b2-2f62-5c4d-8b1e-0d5a2f3c4b5a0", false},
        {"2f7cb1b2-2f62-0c4d-8b1e-0d5a2f3c4b5a", false},
        {"2f7cb1b2-2f62-5c4d-cb1e-0d5a2f3c4b5a", false},
        {"2f7cb1b22f62-5c4d--8b1e-0d5a2f3c4b5a", false},
        {"2f7cb1b2-2f62-5c4d-8b1e-0d5a2f3c4b5g", false},
        {"", false},
        {"00000000-0000-0000-0000-000000000000", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(uuid_valid(bytes_of_text(cases[i].text)), cases[i].valid);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_stix_ids), cmocka_unit_test(test_valid)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
