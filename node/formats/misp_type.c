#include "node/formats/misp_type.h"

#include "node/formats/address.h"
#include "node/formats/json_out.h"

#include <string.h>

/* An IPv4 or IPv6 address: the value tells. */
#define ADDRESS OBSERVABLE_KIND_COUNT
/* A whole number. */
#define NUMBER (OBSERVABLE_KIND_COUNT + 1)

/* In a pattern: $1 and $2 are the parts in quotes, #1 and #2 as bare numbers, %1 and %2 the STIX type of an address. */
struct misp_type {
    const char *name;
    enum misp_use use;
    int kinds[MISP_VALUES_MAX]; /* of the parts, 0: none */
    const char *pattern;        /* or the language of a rule */
};

#define VALUE(name, kind, pattern)                                                                                                 \
    { name, MISP_USE_VALUE, {kind, 0}, pattern }
#define PAIR(name, kind, other, pattern)                                                                                           \
    { name, MISP_USE_VALUE, {kind, other}, pattern }
#define FILE_HASH(name, kind, algorithm)                                                                                           \
    VALUE(name, kind, "[file:hashes." algorithm " = $1]"),                                                                         \
        PAIR("filename|" name, OBSERVABLE_TEXT, kind, "[file:hashes." algorithm " = $2]")
/* A hash that identifies a family and not a file: with a name, both must fit. */
#define LIKE_HASH(name, algorithm)                                                                                                 \
    VALUE(name, OBSERVABLE_TEXT, "[file:hashes." algorithm " = $1]"),                                                              \
        PAIR("filename|" name, OBSERVABLE_TEXT, OBSERVABLE_TEXT, "[file:name = $1 AND file:hashes." algorithm " = $2]")
/* No STIX observable has a place for it: an object of our own in the pattern, so that it can be searched and matched as text. */
#define OWN(name) VALUE(name, OBSERVABLE_TEXT, "[x-misp-attribute:'" name "' = $1]")
#define RULE(name)                                                                                                                 \
    { name, MISP_USE_RULE, {0, 0}, name }
#define CONTEXT(name)                                                                                                              \
    { name, MISP_USE_CONTEXT, {0, 0}, NULL }
#define PERSONAL(name)                                                                                                             \
    { name, MISP_USE_PRIVATE, {0, 0}, NULL }
#define TRAFFIC(end)                                                                                                               \
    "[network-traffic:" end "_ref.type = '%1' AND network-traffic:" end "_ref.value = $1 AND network-traffic:" end "_port = #2]"

static const struct misp_type types[] = {
    VALUE("ip-dst", ADDRESS, "[%1:value = $1]"),
    VALUE("ip-src", ADDRESS, "[%1:value = $1]"),
    PAIR("ip-dst|port", ADDRESS, NUMBER, TRAFFIC("dst")),
    PAIR("ip-src|port", ADDRESS, NUMBER, TRAFFIC("src")),
    VALUE("domain", OBSERVABLE_DOMAIN, "[domain-name:value = $1]"),
    VALUE("hostname", OBSERVABLE_DOMAIN, "[domain-name:value = $1]"),
    PAIR("domain|ip", OBSERVABLE_DOMAIN, ADDRESS, "[domain-name:value = $1 AND domain-name:resolves_to_refs[*].value = $2]"),
    PAIR("hostname|port", OBSERVABLE_DOMAIN, NUMBER, "[domain-name:value = $1 AND network-traffic:dst_port = #2]"),
    VALUE("url", OBSERVABLE_URL, "[url:value = $1]"),
    VALUE("uri", OBSERVABLE_URL, "[url:value = $1]"),
    VALUE("email", OBSERVABLE_EMAIL, "[email-addr:value = $1]"),
    VALUE("email-src", OBSERVABLE_EMAIL, "[email-message:from_ref.value = $1]"),
    VALUE("email-dst", OBSERVABLE_EMAIL, "[email-message:to_refs[*].value = $1]"),
    VALUE("email-reply-to", OBSERVABLE_TEXT, "[email-message:additional_header_fields.reply_to = $1]"),
    VALUE("email-x-mailer", OBSERVABLE_TEXT, "[email-message:additional_header_fields.x_mailer = $1]"),
    VALUE("email-subject", OBSERVABLE_TEXT, "[email-message:subject = $1]"),
    VALUE("email-body", OBSERVABLE_TEXT, "[email-message:body = $1]"),
    VALUE("email-header", OBSERVABLE_TEXT, "[email-message:received_lines = $1]"),
    VALUE("email-message-id", OBSERVABLE_TEXT, "[email-message:message_id = $1]"),
    VALUE("email-attachment", OBSERVABLE_TEXT, "[email-message:body_multipart[*].body_raw_ref.name = $1]"),
    VALUE("filename", OBSERVABLE_TEXT, "[file:name = $1]"),
    FILE_HASH("md5", OBSERVABLE_MD5, "MD5"),
    FILE_HASH("sha1", OBSERVABLE_SHA1, "'SHA-1'"),
    FILE_HASH("sha256", OBSERVABLE_SHA256, "'SHA-256'"),
    FILE_HASH("sha512", OBSERVABLE_SHA512, "'SHA-512'"),
    FILE_HASH("sha224", OBSERVABLE_TEXT, "'SHA-224'"),
    FILE_HASH("sha384", OBSERVABLE_TEXT, "'SHA-384'"),
    FILE_HASH("sha512/224", OBSERVABLE_TEXT, "'SHA-512/224'"),
    FILE_HASH("sha512/256", OBSERVABLE_TEXT, "'SHA-512/256'"),
    FILE_HASH("sha3-224", OBSERVABLE_TEXT, "'SHA3-224'"),
    FILE_HASH("sha3-256", OBSERVABLE_TEXT, "'SHA3-256'"),
    FILE_HASH("sha3-384", OBSERVABLE_TEXT, "'SHA3-384'"),
    FILE_HASH("sha3-512", OBSERVABLE_TEXT, "'SHA3-512'"),
    PAIR("malware-sample", OBSERVABLE_TEXT, OBSERVABLE_MD5, "[file:hashes.MD5 = $2]"),
    LIKE_HASH("authentihash", "AUTHENTIHASH"),
    LIKE_HASH("imphash", "IMPHASH"),
    LIKE_HASH("impfuzzy", "IMPFUZZY"),
    LIKE_HASH("pehash", "PEHASH"),
    LIKE_HASH("ssdeep", "SSDEEP"),
    LIKE_HASH("tlsh", "TLSH"),
    LIKE_HASH("vhash", "VHASH"),
    VALUE("telfhash", OBSERVABLE_TEXT, "[file:hashes.TELFHASH = $1]"),
    VALUE("cdhash", OBSERVABLE_TEXT, "[file:hashes.CDHASH = $1]"),
    VALUE("mutex", OBSERVABLE_TEXT, "[mutex:name = $1]"),
    VALUE("regkey", OBSERVABLE_TEXT, "[windows-registry-key:key = $1]"),
    PAIR("regkey|value", OBSERVABLE_TEXT, OBSERVABLE_TEXT,
         "[windows-registry-key:key = $1 AND windows-registry-key:values[*].data = $2]"),
    VALUE("AS", NUMBER, "[autonomous-system:number = #1]"),
    VALUE("mac-address", OBSERVABLE_TEXT, "[mac-addr:value = $1]"),
    VALUE("user-agent", OBSERVABLE_TEXT, "[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = $1]"),
    VALUE("x509-fingerprint-md5", OBSERVABLE_MD5, "[x509-certificate:hashes.MD5 = $1]"),
    VALUE("x509-fingerprint-sha1", OBSERVABLE_SHA1, "[x509-certificate:hashes.'SHA-1' = $1]"),
    VALUE("x509-fingerprint-sha256", OBSERVABLE_SHA256, "[x509-certificate:hashes.'SHA-256' = $1]"),
    VALUE("github-username", OBSERVABLE_TEXT, "[user-account:account_type = 'github' AND user-account:account_login = $1]"),
    OWN("aba-rtn"),
    OWN("azure-application-id"),
    OWN("bic"),
    OWN("btc"),
    OWN("chrome-extension-id"),
    OWN("community-id"),
    OWN("cookie"),
    OWN("dash"),
    OWN("dkim"),
    OWN("dkim-signature"),
    OWN("dom-hash"),
    OWN("favicon-mmh3"),
    OWN("filename-pattern"),
    OWN("github-repository"),
    OWN("hassh-md5"),
    OWN("hasshserver-md5"),
    OWN("ja3-fingerprint-md5"),
    OWN("jarm-fingerprint"),
    OWN("mac-eui-64"),
    OWN("mobile-application-id"),
    OWN("named pipe"),
    OWN("onion-address"),
    OWN("pdb"),
    OWN("ssh-fingerprint"),
    OWN("windows-scheduled-task"),
    OWN("windows-service-displayname"),
    OWN("windows-service-name"),
    OWN("xmr"),
    RULE("yara"),
    RULE("sigma"),
    RULE("snort"),
    RULE("suricata"),
    {"stix2-pattern", MISP_USE_RULE, {0, 0}, "stix"},
    CONTEXT("anonymised"),
    CONTEXT("attachment"),
    CONTEXT("boolean"),
    CONTEXT("campaign-id"),
    CONTEXT("campaign-name"),
    CONTEXT("comment"),
    CONTEXT("counter"),
    CONTEXT("cpe"),
    CONTEXT("datetime"),
    CONTEXT("float"),
    CONTEXT("hex"),
    CONTEXT("http-method"),
    CONTEXT("integer"),
    CONTEXT("link"),
    CONTEXT("malware-type"),
    CONTEXT("mime-type"),
    CONTEXT("other"),
    CONTEXT("port"),
    CONTEXT("process-state"),
    CONTEXT("size-in-bytes"),
    CONTEXT("text"),
    CONTEXT("threat-actor"),
    CONTEXT("uuid"),
    CONTEXT("vulnerability"),
    CONTEXT("weakness"),
    PERSONAL("bank-account-nr"),
    PERSONAL("bin"),
    PERSONAL("cc-number"),
    PERSONAL("country-of-residence"),
    PERSONAL("date-of-birth"),
    PERSONAL("first-name"),
    PERSONAL("frequent-flyer-number"),
    PERSONAL("full-name"),
    PERSONAL("gender"),
    PERSONAL("iban"),
    PERSONAL("identity-card-number"),
    PERSONAL("last-name"),
    PERSONAL("middle-name"),
    PERSONAL("nationality"),
    PERSONAL("passenger-name-record-locator-number"),
    PERSONAL("passport-country"),
    PERSONAL("passport-expiration"),
    PERSONAL("passport-number"),
    PERSONAL("payment-details"),
    PERSONAL("phone-number"),
    PERSONAL("place-of-birth"),
    PERSONAL("primary-residence"),
    PERSONAL("prtn"),
    PERSONAL("redress-number"),
    PERSONAL("target-email"),
    PERSONAL("target-external"),
    PERSONAL("target-location"),
    PERSONAL("target-machine"),
    PERSONAL("target-org"),
    PERSONAL("target-user"),
    PERSONAL("travel-details"),
    PERSONAL("visa-number"),
    PERSONAL("whois-registrant-email"),
    PERSONAL("whois-registrant-name"),
    PERSONAL("whois-registrant-org"),
    PERSONAL("whois-registrant-phone"),
};

const struct misp_type *misp_type_find(struct bytes name) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (bytes_equal_text(name, types[i].name)) return &types[i];
    return NULL;
}

enum misp_use misp_type_use(const struct misp_type *type) { return type->use; }
const char *misp_type_language(const struct misp_type *type) { return type->pattern; }

/* --- values --- */

static bool number_valid(struct bytes text) {
    if (text.size == 0 || text.size > 10) return false;
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < '0' || text.data[i] > '9') return false;
    return text.size == 1 || text.data[0] != '0';
}

static enum err part_read(struct misp_value *out, size_t at, int kind, struct bytes text, struct arena *arena,
                          const char **reason) {
    struct observable observable;
    uint8_t address[ADDRESS_IPV6_BYTES];
    struct buf plain = {0};
    out->parts[at] = text;
    out->kinds[at] = OBSERVABLE_TEXT;
    if (kind == NUMBER) {
        *reason = "a whole number is expected";
        return number_valid(text) ? OK : ERR_SYNTAX;
    }
    if (kind == (int)OBSERVABLE_TEXT) return observable_normalise(&observable, OBSERVABLE_TEXT, text, arena, reason);
    text = observable_refang(text, arena);
    if (kind == (int)ADDRESS) kind = address_ipv6(address, text) ? OBSERVABLE_IPV6 : OBSERVABLE_IPV4;
    /* What people call a URL often has no scheme: it can be found as it was written. */
    enum err err = observable_normalise(&observable, (enum observable_kind)kind, text, arena, reason);
    if (err == ERR_SYNTAX && kind == OBSERVABLE_URL) err = observable_normalise(&observable, OBSERVABLE_TEXT, text, arena, reason);
    if (err != OK) return err;
    out->kinds[at] = observable.kind;
    observable_text(&plain, observable);
    out->parts[at] = arena_copy(arena, bytes_of_buf(&plain));
    bool lost = plain.failed || out->parts[at].size != plain.size;
    buf_free(&plain);
    return lost ? ERR_MEMORY : OK;
}

/* "AS 174" is 174. */
static struct bytes as_number(struct bytes text) {
    if (text.size > 2 && (text.data[0] | 0x20) == 'a' && (text.data[1] | 0x20) == 's')
        text = bytes_of(text.data + 2, text.size - 2);
    while (text.size > 0 && text.data[0] == ' ') text = bytes_of(text.data + 1, text.size - 1);
    return text;
}

enum err misp_type_value(struct misp_value *out, const struct misp_type *type, struct bytes text, struct arena *arena,
                         const char **reason) {
    *out = (struct misp_value){.count = type->kinds[1] ? 2 : 1};
    *reason = "the value is empty";
    if (text.size == 0) return ERR_SYNTAX;
    for (size_t i = 0; i < text.size; i++) {
        *reason = "the value has a control character in it";
        if (text.data[i] < ' ' && text.data[i] != '\n' && text.data[i] != '\t' && text.data[i] != '\r') return ERR_SYNTAX;
    }
    if (out->count == 1) return part_read(out, 0, type->kinds[0], type->kinds[0] == NUMBER ? as_number(text) : text, arena, reason);
    /* The bar that counts is the last one: names may hold some, hashes and ports none. Registry keys hold none, their data may. */
    const uint8_t *bar = memchr(text.data, '|', text.size);
    for (const uint8_t *more = bar; more && type->kinds[1] != OBSERVABLE_TEXT;
         more = memchr(more + 1, '|', (size_t)(text.data + text.size - more - 1)))
        bar = more;
    *reason = "two values with a bar between them are expected";
    if (!bar || bar == text.data || bar + 1 == text.data + text.size) return ERR_SYNTAX;
    enum err err = part_read(out, 0, type->kinds[0], bytes_of(text.data, (size_t)(bar - text.data)), arena, reason);
    if (err != OK) return err;
    return part_read(out, 1, type->kinds[1], bytes_of(bar + 1, (size_t)(text.data + text.size - bar - 1)), arena, reason);
}

/* --- STIX --- */

static void put_quoted(struct buf *out, struct bytes value) {
    buf_put_u8(out, '\'');
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] == '\'' || value.data[i] == '\\') buf_put_u8(out, '\\');
        buf_put_u8(out, value.data[i]);
    }
    buf_put_u8(out, '\'');
}

static const char *address_type(enum observable_kind kind) { return kind == OBSERVABLE_IPV6 ? "ipv6-addr" : "ipv4-addr"; }

void misp_type_pattern(struct buf *out, const struct misp_type *type, const struct misp_value *value) {
    for (const char *at = type->pattern; *at; at++) {
        bool slot = (*at == '$' || *at == '#' || *at == '%') && (at[1] == '1' || at[1] == '2');
        if (!slot) {
            buf_put_u8(out, (uint8_t)*at);
            continue;
        }
        size_t part = (size_t)(at[1] - '1');
        if (*at == '$') put_quoted(out, value->parts[part]);
        if (*at == '#') buf_put(out, value->parts[part]);
        if (*at == '%') buf_put_text(out, address_type(value->kinds[part]));
        at++;
    }
}

static void put_one(struct json_out *json, const char *type, struct bytes value) {
    json_out_object(json);
    json_out_key(json, "type");
    json_out_text(json, type);
    json_out_key(json, "value");
    json_out_string(json, value);
    json_out_object_end(json);
}

static const char *hash_name(enum observable_kind kind) {
    switch (kind) {
    case OBSERVABLE_MD5: return "MD5";
    case OBSERVABLE_SHA1: return "SHA-1";
    case OBSERVABLE_SHA256: return "SHA-256";
    case OBSERVABLE_SHA512: return "SHA-512";
    default: return NULL;
    }
}

static void put_file(struct json_out *json, struct bytes name, const char *algorithm, struct bytes hash) {
    json_out_object(json);
    json_out_key(json, "type");
    json_out_text(json, "file");
    if (name.size > 0) {
        json_out_key(json, "name");
        json_out_string(json, name);
    }
    if (algorithm) {
        json_out_key(json, "hashes");
        json_out_object(json);
        json_out_key(json, algorithm);
        json_out_string(json, hash);
        json_out_object_end(json);
    }
    json_out_object_end(json);
}

static bool about_files(const struct misp_type *type) { return strncmp(type->pattern, "[file:", 6) == 0; }

bool misp_type_observables(struct buf *out, const struct misp_type *type, const struct misp_value *value) {
    static const char *const names[] = {[OBSERVABLE_IPV4] = "ipv4-addr",
                                        [OBSERVABLE_IPV6] = "ipv6-addr",
                                        [OBSERVABLE_DOMAIN] = "domain-name",
                                        [OBSERVABLE_URL] = "url",
                                        [OBSERVABLE_EMAIL] = "email-addr"};
    struct json_out json = json_out_of(out);
    size_t last = value->count - 1;
    const char *algorithm = about_files(type) ? hash_name(value->kinds[last]) : NULL;
    bool name = about_files(type) && (value->count == 2 || strcmp(type->name, "filename") == 0);
    if (algorithm || name) {
        json_out_key(&json, "0");
        put_file(&json, name ? value->parts[0] : bytes_of(NULL, 0), algorithm, value->parts[last]);
        return true;
    }
    size_t count = 0;
    for (size_t i = 0; i < value->count; i++) {
        char key[2] = {(char)('0' + count), 0};
        if (value->kinds[i] > OBSERVABLE_EMAIL) continue;
        json_out_key(&json, key);
        put_one(&json, names[value->kinds[i]], value->parts[i]);
        count++;
    }
    return count > 0;
}
