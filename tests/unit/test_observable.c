#include "node/formats/observable.h"

#include "node/formats/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct arena arena;

/* "domain:evil.example", or "!" and the reason. */
static const char *shown(enum err error, struct observable observable, const char *reason) {
    static char text[4096];
    if (error != OK) {
        snprintf(text, sizeof text, "!%s", reason);
        return text;
    }
    struct buf out = {0};
    observable_text(&out, observable);
    snprintf(text, sizeof text, "%s:%.*s", observable_kind_name(observable.kind), (int)out.size, (const char *)out.data);
    buf_free(&out);
    return text;
}

static const char *listed(const char *text) {
    struct observable observable;
    const char *reason = "";
    enum err error = observable_of_list(&observable, bytes_of_text(text), &arena, &reason);
    return shown(error, observable, reason);
}

/* Values as they stand in lists. */
static void test_list_values(void **state) {
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"192.0.2.1", "ipv4:192.0.2.1"},
        {"192.0.2.77/24", "ipv4:192.0.2.0/24"},
        {"0.0.0.0/0", "ipv4:0.0.0.0/0"},
        {"192.0.2.1/32", "ipv4:192.0.2.1"},
        {"192.0.2.1:8080", "ipv4:192.0.2.1"},
        {"192[.]0[.]2[.]1[:]8080", "ipv4:192.0.2.1"},
        {"2001:DB8::1", "ipv6:2001:db8::1"},
        {"2001:db8:0:0:0:0:0:1/33", "ipv6:2001:db8::/33"},
        {"[2001:db8::1]:443", "ipv6:2001:db8::1"},
        {"[2001:db8::1]", "ipv6:2001:db8::1"},
        {"::ffff:192.0.2.1", "ipv6:::ffff:192.0.2.1"},
        {"::", "ipv6:::"},
        {"Evil.Example.", "domain:evil.example"},
        {"evil[.]example", "domain:evil.example"},
        {"evil(.)example", "domain:evil.example"},
        {"evil{.}example", "domain:evil.example"},
        {"evil[dot]example", "domain:evil.example"},
        {"evil.example:443", "domain:evil.example"},
        {"_dmarc.evil.example", "domain:_dmarc.evil.example"},
        {"r2---sn-abc.example", "domain:r2---sn-abc.example"},
        {"-a-.example", "domain:-a-.example"},
        {"b\xc3\xbc"
         "cher.example",
         "domain:xn--bcher-kva.example"},
        {"B\xc3\x9c"
         "CHER.example",
         "domain:xn--bcher-kva.example"},
        {"stra\xc3\x9f"
         "e.example",
         "domain:xn--strae-oqa.example"},
        {"hxxp://Evil.Example/Path?Q", "url:http://evil.example/Path?Q"},
        {"hXXps://evil[.]example[:]8443/a", "url:https://evil.example:8443/a"},
        {"hxxp[://]evil.example/", "url:http://evil.example/"},
        {"http[:]//evil.example", "url:http://evil.example"},
        {"HTTP://User:Pass@EVIL.example:80/", "url:http://User:Pass@evil.example:80/"},
        {"http://b\xc3\xbc"
         "cher.example/\xc3\xbc",
         "url:http://xn--bcher-kva.example/\xc3\xbc"},
        {"http://[2001:DB8::1]:8080/x", "url:http://[2001:db8::1]:8080/x"},
        {"ftp://192.0.2.1/", "url:ftp://192.0.2.1/"},
        {"John.Doe@Example.COM", "email:John.Doe@example.com"},
        {"john[at]example[.]com", "email:john@example.com"},
        {"john[@]example.com", "email:john@example.com"},
        {"D41D8CD98F00B204E9800998ECF8427E", "md5:d41d8cd98f00b204e9800998ecf8427e"},
        {"da39a3ee5e6b4b0d3255bfef95601890afd80709", "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
         "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"", "!the value is empty"},
        {"192.0.2.256", "!no valid IPv4 address or network"},
        {"192.0.2.01", "!no valid IPv4 address or network"},
        {"192.0.2", "!no valid IPv4 address or network"},
        {"192.0.2.1.5", "!no valid IPv4 address or network"},
        {"192.0.2.1/33", "!no valid IPv4 address or network"},
        {"192.0.2.1/", "!no valid IPv4 address or network"},
        {"192.0.2.1/024", "!no valid IPv4 address or network"},
        {"2001:db8::1%eth0", "!no valid IPv6 address or network"},
        {"2001:db8::1::2", "!no valid IPv6 address or network"},
        {"2001:db8::/129", "!no valid IPv6 address or network"},
        {"evil.example:http", "!no valid address, name or URL"},
        {"evil..example", "!the domain name has an empty label"},
        {".evil.example", "!the domain name has an empty label"},
        {"*.evil.example", "!the domain name has a character that no domain name may have"},
        {"evil.example/path", "!a path needs its URL in front of it (http://...)"},
        {"localhost", "!no address, domain, URL, e-mail address or hash"},
        {"abcdef", "!no address, domain, URL, e-mail address or hash"},
        {"http:///path", "!the URL has no host"},
        {"http://evil.example:99999/", "!the URL's port is invalid"},
        {"http://[2001:db8::1/", "!the URL's host is no valid IPv6 address"},
        {"://evil.example", "!the URL has no scheme (http://...)"},
        {"@example.com", "!the e-mail address has no part in front of '@'"},
        {"a@b@", "!the domain name is empty"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_string_equal(listed(cases[i].text), cases[i].expected);
    arena_free(&arena);
}

/* 63 octets in a label and 253 in a name are the most; one more is refused with its reason. */
static void test_name_limits(void **state) {
    (void)state;
    char name[300], label[80];
    memset(label, 'a', 63);
    strcpy(label + 63, ".example");
    assert_non_null(strstr(listed(label), "domain:"));
    memset(label, 'a', 64);
    strcpy(label + 64, ".example");
    assert_string_equal(listed(label), "!the domain name has a label longer than 63 octets");
    for (size_t i = 0; i < 253; i++) name[i] = i % 50 == 49 ? '.' : 'a';
    name[253] = 0;
    assert_non_null(strstr(listed(name), "domain:"));
    strcpy(name + 253, "a");
    assert_string_equal(listed(name), "!the domain name is longer than 253 octets");
    static char url[ITEM_VALUE_BYTES_MAX + 2];
    memset(url, 'a', sizeof url - 1);
    memcpy(url, "http://evil.example/", 20);
    assert_string_equal(listed(url), "!the value is longer than 2048 bytes");
    url[ITEM_VALUE_BYTES_MAX] = 0;
    assert_non_null(strstr(listed(url), "url:"));
    arena_free(&arena);
}

/* In a pattern, what is no value of the promised kind is kept as text. */
static void test_or_text(void **state) {
    (void)state;
    struct observable observable;
    assert_int_equal(observable_or_text(&observable, OBSERVABLE_IPV4, bytes_of_text("not an address"), &arena), OK);
    assert_string_equal(shown(OK, observable, ""), "text:not an address");
    assert_int_equal(observable_or_text(&observable, OBSERVABLE_DOMAIN, bytes_of_text("Example.com"), &arena), OK);
    assert_string_equal(shown(OK, observable, ""), "domain:example.com");
    assert_int_equal(observable_or_text(&observable, OBSERVABLE_TEXT, bytes_of_text(""), &arena), ERR_TOO_BIG);
    arena_free(&arena);
}

/* A search tries the kind that a list would see, and the text as it is. */
static void test_guess(void **state) {
    (void)state;
    struct observable out[OBSERVABLE_CANDIDATES_MAX];
    assert_int_equal(observable_guess(out, bytes_of_text("  Evil[.]Example\n"), &arena), 2);
    assert_string_equal(shown(OK, out[0], ""), "domain:evil.example");
    assert_string_equal(shown(OK, out[1], ""), "text:Evil[.]Example");
    assert_int_equal(observable_guess(out, bytes_of_text("invoice.exe.pdf x"), &arena), 1);
    assert_string_equal(shown(OK, out[0], ""), "text:invoice.exe.pdf x");
    assert_int_equal(observable_guess(out, bytes_of_text(" "), &arena), 0);
    assert_int_equal(observable_guess(out, bytes_of_text("\xff\xfe"), &arena), 0);
    arena_free(&arena);
}

static void test_hash_names(void **state) {
    (void)state;
    assert_int_equal(observable_kind_of_hash(bytes_of_text("SHA-256")), OBSERVABLE_SHA256);
    assert_int_equal(observable_kind_of_hash(bytes_of_text("sha256")), OBSERVABLE_SHA256);
    assert_int_equal(observable_kind_of_hash(bytes_of_text("SHA1")), OBSERVABLE_SHA1);
    assert_int_equal(observable_kind_of_hash(bytes_of_text("MD5")), OBSERVABLE_MD5);
    assert_int_equal(observable_kind_of_hash(bytes_of_text("SHA-512")), OBSERVABLE_SHA512);
    assert_int_equal(observable_kind_of_hash(bytes_of_text("SHA3-256")), OBSERVABLE_TEXT);
    assert_int_equal(observable_kind_of_hash(bytes_of_text("SSDEEP")), OBSERVABLE_TEXT);
    assert_int_equal(observable_kind_of_hash(bytes_of_text("")), OBSERVABLE_TEXT);
}

/* Each prefix length clears exactly the bits behind it. */
static void test_prefixes(void **state) {
    (void)state;
    for (unsigned length = 0; length <= 32; length++) {
        char text[32];
        uint8_t network[ADDRESS_IPV4_BYTES];
        snprintf(text, sizeof text, "255.255.255.255/%u", length);
        assert_true(address_ipv4(network, bytes_of_text(text)));
        assert_int_equal(network[4], length);
        assert_int_equal(get_be32(network), length == 0 ? 0 : 0xffffffffu << (32 - length));
        assert_true(observable_valid((struct observable){OBSERVABLE_IPV4, bytes_of(network, sizeof network)}));
    }
    for (unsigned length = 0; length <= 128; length++) {
        char text[64];
        uint8_t network[ADDRESS_IPV6_BYTES];
        snprintf(text, sizeof text, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/%u", length);
        assert_true(address_ipv6(network, bytes_of_text(text)));
        unsigned ones = 0;
        for (size_t bit = 0; bit < 128; bit++) ones += network[bit / 8] >> (7 - bit % 8) & 1;
        assert_int_equal(ones, length);
        assert_true(observable_valid((struct observable){OBSERVABLE_IPV6, bytes_of(network, sizeof network)}));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_values), cmocka_unit_test(test_name_limits), cmocka_unit_test(test_or_text),
        cmocka_unit_test(test_guess),       cmocka_unit_test(test_hash_names),  cmocka_unit_test(test_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
