#define _GNU_SOURCE /* memmem, memrchr */
#include "node/formats/observable.h"

#include "node/formats/address.h"

#include <idn2.h>
#include <stdio.h>
#include <string.h>

#define NAME_BYTES_MAX        253
#define LABEL_BYTES_MAX       63
#define EMAIL_LOCAL_BYTES_MAX 64

static const char no_memory[] = "out of memory";

static uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c; }

static enum err refuse(const char **reason, const char *why) {
    *reason = why;
    return ERR_SYNTAX;
}

/* Lower-cased ASCII; the text itself where nothing changes. */
static struct bytes lowered(struct bytes text, struct arena *arena) {
    size_t i = 0;
    while (i < text.size && !(text.data[i] >= 'A' && text.data[i] <= 'Z')) i++;
    if (i == text.size) return text;
    uint8_t *copy = arena_take(arena, text.size);
    if (copy == NULL) return bytes_of(NULL, 0);
    for (i = 0; i < text.size; i++) copy[i] = lower(text.data[i]);
    return bytes_of(copy, text.size);
}

/* Why a lower-case ASCII name is none; null when it is fine. Real lists hold underscores, and hyphens anywhere. */
static const char *name_fault(struct bytes name) {
    static const uint8_t allowed[256] = {
        ['-'] = 1, ['_'] = 1, ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1,
        ['8'] = 1, ['9'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1, ['g'] = 1, ['h'] = 1,
        ['i'] = 1, ['j'] = 1, ['k'] = 1, ['l'] = 1, ['m'] = 1, ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1,
        ['s'] = 1, ['t'] = 1, ['u'] = 1, ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1,
    };
    if (name.size == 0) return "the domain name is empty";
    if (name.size > NAME_BYTES_MAX) return "the domain name is longer than 253 octets";
    size_t label_bytes = 0;
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '.') {
            if (label_bytes == 0) return "the domain name has an empty label";
            label_bytes = 0;
        } else if (!allowed[name.data[i]]) {
            return "the domain name has a character that no domain name may have";
        } else if (++label_bytes > LABEL_BYTES_MAX) {
            return "the domain name has a label longer than 63 octets";
        }
    }
    return label_bytes == 0 ? "the domain name has an empty label" : NULL;
}

static bool is_ascii(struct bytes text) {
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] >= 0x80) return false;
    return true;
}

/* libidn2 refuses real ASCII names (r2---sn-abc.example), so only names beyond ASCII pass through it. */
static enum err domain(struct bytes *out, struct bytes text, struct arena *arena, const char **reason) {
    if (text.size > 1 && text.data[text.size - 1] == '.') text.size--;
    if (!is_ascii(text)) {
        char name[4 * NAME_BYTES_MAX + 1];
        uint8_t *ascii = NULL;
        if (text.size >= sizeof name || memchr(text.data, 0, text.size) != NULL)
            return refuse(reason, "the domain name is too long");
        memcpy(name, text.data, text.size);
        name[text.size] = 0;
        int result = idn2_lookup_u8((const uint8_t *)name, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
        if (result != IDN2_OK) return refuse(reason, idn2_strerror(result));
        text = arena_copy(arena, bytes_of(ascii, strlen((const char *)ascii)));
        idn2_free(ascii);
        if (text.size == 0) return refuse(reason, no_memory);
    }
    *out = lowered(text, arena);
    *reason = name_fault(*out);
    return *reason == NULL ? OK : ERR_SYNTAX;
}

static const uint8_t *find(struct bytes text, const char *needle) { return memmem(text.data, text.size, needle, strlen(needle)); }

/* The host part of a URL's authority, in normal form: an address, [IPv6], or a name. */
static enum err host(struct bytes *out, struct bytes text, struct arena *arena, const char **reason) {
    uint8_t address[ADDRESS_IPV6_BYTES];
    if (text.size == 0) return refuse(reason, "the URL has no host");
    if (text.data[0] == '[') {
        if (text.data[text.size - 1] != ']' || !address_ipv6(address, bytes_of(text.data + 1, text.size - 2)))
            return refuse(reason, "the URL's host is no valid IPv6 address");
        *out = lowered(text, arena);
        return out->size == 0 ? refuse(reason, no_memory) : OK;
    }
    return domain(out, text, arena, reason);
}

static bool port_valid(struct bytes text) {
    unsigned port = 0;
    if (text.size > 5) return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        port = port * 10 + (text.data[i] - '0');
    }
    return port <= 65535;
}

/* Scheme and host in lower case, everything else verbatim. */
static enum err url(struct bytes *out, struct bytes text, struct arena *arena, const char **reason) {
    const uint8_t *mark = find(text, "://"), *end = text.data + text.size;
    if (mark == NULL || mark == text.data) return refuse(reason, "the URL has no scheme (http://...)");
    for (const uint8_t *at = text.data; at < end; at++)
        if (*at <= ' ' || *at == 0x7f) return refuse(reason, "the URL has a blank or control character in it");
    const uint8_t *start = mark + 3, *stop = start, *port = NULL;
    while (stop < end && *stop != '/' && *stop != '?' && *stop != '#') {
        if (*stop == '@') start = stop + 1;
        stop++;
    }
    for (const uint8_t *at = start; at < stop; at++) {
        if (*at == ':') port = at;
        if (*at == ']') port = NULL;
    }
    struct bytes scheme = lowered(bytes_of(text.data, (size_t)(mark - text.data)), arena), name;
    if (port != NULL && !port_valid(bytes_of(port + 1, (size_t)(stop - port - 1))))
        return refuse(reason, "the URL's port is invalid");
    const uint8_t *host_end = port == NULL ? stop : port;
    enum err error = host(&name, bytes_of(start, (size_t)(host_end - start)), arena, reason);
    if (error != OK) return error;
    if (scheme.data == text.data && name.data == start) {
        *out = text;
        return OK;
    }
    size_t middle = (size_t)(start - mark), rest = (size_t)(end - host_end), size = scheme.size + middle + name.size + rest;
    uint8_t *copy = arena_take(arena, size);
    if (copy == NULL || scheme.size == 0) return refuse(reason, no_memory);
    memcpy(copy, scheme.data, scheme.size);
    memcpy(copy + scheme.size, mark, middle);
    memcpy(copy + scheme.size + middle, name.data, name.size);
    memcpy(copy + scheme.size + middle + name.size, host_end, rest);
    *out = bytes_of(copy, size);
    return OK;
}

static enum err email(struct bytes *out, struct bytes text, struct arena *arena, const char **reason) {
    const uint8_t *at = text.size == 0 ? NULL : memrchr(text.data, '@', text.size);
    if (at == NULL || at == text.data) return refuse(reason, "the e-mail address has no part in front of '@'");
    size_t local = (size_t)(at - text.data);
    if (local > EMAIL_LOCAL_BYTES_MAX) return refuse(reason, "the e-mail address has more than 64 octets in front of '@'");
    for (size_t i = 0; i < local; i++)
        if (text.data[i] <= ' ' || text.data[i] == 0x7f) return refuse(reason, "the e-mail address has a blank in it");
    struct bytes name, rest = bytes_of(at + 1, text.size - local - 1);
    enum err error = domain(&name, rest, arena, reason);
    if (error != OK) return error;
    uint8_t *copy = name.data == rest.data ? NULL : arena_take(arena, local + 1 + name.size);
    if (name.data == rest.data) {
        *out = bytes_of(text.data, local + 1 + name.size);
        return OK;
    }
    if (copy == NULL) return refuse(reason, no_memory);
    memcpy(copy, text.data, local + 1);
    memcpy(copy + local + 1, name.data, name.size);
    *out = bytes_of(copy, local + 1 + name.size);
    return OK;
}

static size_t hash_bytes(enum observable_kind kind) {
    switch (kind) {
    case OBSERVABLE_MD5: return 16;
    case OBSERVABLE_SHA1: return 20;
    case OBSERVABLE_SHA256: return 32;
    case OBSERVABLE_SHA512: return 64;
    default: return 0;
    }
}

static enum err hash(struct bytes *out, enum observable_kind kind, struct bytes text, struct arena *arena, const char **reason) {
    size_t size = hash_bytes(kind);
    uint8_t *value = arena_take(arena, size);
    if (value == NULL) return refuse(reason, no_memory);
    if (!hex_decode(value, size, text))
        return refuse(reason, "the hash has the wrong length, or characters that are no hexadecimal digits");
    *out = bytes_of(value, size);
    return OK;
}

static enum err address(struct bytes *out, enum observable_kind kind, struct bytes text, struct arena *arena, const char **reason) {
    uint8_t value[ADDRESS_IPV6_BYTES];
    bool ipv4 = kind == OBSERVABLE_IPV4;
    if (ipv4 ? !address_ipv4(value, text) : !address_ipv6(value, text))
        return refuse(reason, ipv4 ? "no valid IPv4 address or network" : "no valid IPv6 address or network");
    *out = arena_copy(arena, bytes_of(value, ipv4 ? ADDRESS_IPV4_BYTES : ADDRESS_IPV6_BYTES));
    return out->size == 0 ? refuse(reason, no_memory) : OK;
}

enum err observable_normalise(struct observable *out, enum observable_kind kind, struct bytes text, struct arena *arena,
                              const char **reason) {
    enum err error = OK;
    if (text.size == 0) return refuse(reason, "the value is empty");
    if (text.size > OBSERVABLE_TEXT_BYTES_MAX) {
        *reason = "the value is longer than 2048 bytes";
        return ERR_TOO_BIG;
    }
    out->kind = kind;
    switch (kind) {
    case OBSERVABLE_IPV4:
    case OBSERVABLE_IPV6: error = address(&out->value, kind, text, arena, reason); break;
    case OBSERVABLE_DOMAIN: error = domain(&out->value, text, arena, reason); break;
    case OBSERVABLE_URL: error = url(&out->value, text, arena, reason); break;
    case OBSERVABLE_EMAIL: error = email(&out->value, text, arena, reason); break;
    case OBSERVABLE_MD5:
    case OBSERVABLE_SHA1:
    case OBSERVABLE_SHA256:
    case OBSERVABLE_SHA512: error = hash(&out->value, kind, text, arena, reason); break;
    default: out->value = text; break;
    }
    if (error != OK) return error;
    if (!observable_valid(*out)) return refuse(reason, "the value is no valid one of its kind");
    return OK;
}

enum err observable_or_text(struct observable *out, enum observable_kind kind, struct bytes text, struct arena *arena) {
    const char *reason;
    enum err error = observable_normalise(out, kind, text, arena, &reason);
    if (error == OK || kind == OBSERVABLE_TEXT) return error == OK ? OK : ERR_TOO_BIG;
    *out = (struct observable){OBSERVABLE_TEXT, text};
    return observable_valid(*out) ? OK : ERR_TOO_BIG;
}

enum observable_kind observable_kind_of_hash(struct bytes algorithm) {
    static const struct {
        const char *name;
        enum observable_kind kind;
    } names[] = {{"sha256", OBSERVABLE_SHA256}, {"md5", OBSERVABLE_MD5}, {"sha1", OBSERVABLE_SHA1}, {"sha512", OBSERVABLE_SHA512}};
    char plain[8];
    size_t size = 0;
    for (size_t i = 0; i < algorithm.size; i++) {
        if (algorithm.data[i] == '-') continue;
        if (size == sizeof plain - 1) return OBSERVABLE_TEXT;
        plain[size++] = (char)lower(algorithm.data[i]);
    }
    plain[size] = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(plain, names[i].name) == 0) return names[i].kind;
    return OBSERVABLE_TEXT;
}

void observable_text(struct buf *out, struct observable observable) {
    if (observable.kind == OBSERVABLE_IPV4 || observable.kind == OBSERVABLE_IPV6) {
        char text[ADDRESS_TEXT_BYTES];
        address_text(text, observable.value);
        buf_put_text(out, text);
    } else if (hash_bytes(observable.kind) > 0) {
        char digits[2 * 64 + 1];
        hex_encode(digits, observable.value);
        buf_put_text(out, digits);
    } else {
        buf_put(out, observable.value);
    }
}
