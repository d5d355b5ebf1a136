/* What kind of value is this? For lists, CSV without a type, and searches. The second half of observable.h. */
#define _GNU_SOURCE
#include "node/formats/address.h"
#include "node/formats/observable.h"

#include <string.h>

static const struct fang {
    const char *from, *to;
} fangs[] = {
    {"[.]", "."},     {"(.)", "."}, {"{.}", "."}, {"[dot]", "."}, {"(dot)", "."}, {"[:]", ":"},
    {"[://]", "://"}, {"[/]", "/"}, {"[@]", "@"}, {"[at]", "@"},  {"(at)", "@"},
};

static uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c; }

static bool starts_any_case(struct bytes text, const char *start) {
    size_t size = strlen(start);
    if (text.size < size) return false;
    for (size_t i = 0; i < size; i++)
        if (lower(text.data[i]) != (uint8_t)start[i]) return false;
    return true;
}

static bool fanged(struct bytes text) {
    if (starts_any_case(text, "hxxp") || starts_any_case(text, "h**p")) return true;
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] == '[' || text.data[i] == '(' || text.data[i] == '{') return true;
    return false;
}

struct bytes observable_refang(struct bytes text, struct arena *arena) {
    if (!fanged(text)) return text;
    uint8_t *out = arena_take(arena, text.size); /* every form is longer than what it stands for */
    if (out == NULL) return text;
    size_t size = 0, i = 0;
    if (starts_any_case(text, "hxxp") || starts_any_case(text, "h**p")) {
        memcpy(out, "http", 4);
        size = i = 4;
    }
    while (i < text.size) {
        size_t fang = 0, count = sizeof fangs / sizeof *fangs;
        while (fang < count && !starts_any_case(bytes_of(text.data + i, text.size - i), fangs[fang].from)) fang++;
        if (fang == count) {
            out[size++] = text.data[i++];
            continue;
        }
        memcpy(out + size, fangs[fang].to, strlen(fangs[fang].to));
        size += strlen(fangs[fang].to);
        i += strlen(fangs[fang].from);
    }
    return bytes_of(out, size);
}

static bool has(struct bytes text, char c) { return text.size > 0 && memchr(text.data, c, text.size) != NULL; }

/* "name:443" and "[2001:db8::1]:443": without the port, and without the brackets. */
static struct bytes port_drop(struct bytes text) {
    size_t end = text.size;
    while (end > 0 && text.data[end - 1] >= '0' && text.data[end - 1] <= '9') end--;
    bool port = end > 1 && end < text.size && text.size - end <= 5 && text.data[end - 1] == ':';
    if (text.size > 2 && text.data[0] == '[') {
        size_t close = port ? end - 2 : text.size - 1;
        return text.data[close] == ']' ? bytes_of(text.data + 1, close - 1) : text;
    }
    if (!port || memchr(text.data, ':', end - 1) != NULL) return text;
    return bytes_of(text.data, end - 1);
}

static enum observable_kind hash_kind(struct bytes text) {
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = lower(text.data[i]);
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return OBSERVABLE_TEXT;
    }
    switch (text.size) {
    case 32: return OBSERVABLE_MD5;
    case 40: return OBSERVABLE_SHA1;
    case 64: return OBSERVABLE_SHA256;
    case 128: return OBSERVABLE_SHA512;
    default: return OBSERVABLE_TEXT;
    }
}

/* No top-level domain is a number: what ends in one is a mistyped address. */
static bool ends_in_number(struct bytes text) {
    size_t digits = 0;
    while (digits < text.size && text.data[text.size - 1 - digits] >= '0' && text.data[text.size - 1 - digits] <= '9') digits++;
    return digits > 0 && (digits == text.size || text.data[text.size - 1 - digits] == '.');
}

enum err observable_of_list(struct observable *out, struct bytes text, struct arena *arena, const char **reason) {
    uint8_t address[ADDRESS_IPV6_BYTES];
    text = observable_refang(text, arena);
    if (text.size == 0 || text.size > OBSERVABLE_TEXT_BYTES_MAX)
        return observable_normalise(out, OBSERVABLE_TEXT, text, arena, reason);
    if (memmem(text.data, text.size, "://", 3) != NULL) return observable_normalise(out, OBSERVABLE_URL, text, arena, reason);
    if (has(text, '@')) return observable_normalise(out, OBSERVABLE_EMAIL, text, arena, reason);
    enum observable_kind kind = hash_kind(text);
    if (kind != OBSERVABLE_TEXT) return observable_normalise(out, kind, text, arena, reason);
    text = port_drop(text);
    if (address_ipv6(address, text)) return observable_normalise(out, OBSERVABLE_IPV6, text, arena, reason);
    struct bytes front = text;
    if (has(text, '/')) front.size = (size_t)((const uint8_t *)memchr(text.data, '/', text.size) - text.data);
    if (ends_in_number(front)) return observable_normalise(out, OBSERVABLE_IPV4, text, arena, reason);
    if (has(front, ':') && memchr(front.data, ':', front.size) != memrchr(front.data, ':', front.size))
        *reason = "no valid IPv6 address or network";
    else if (front.size < text.size)
        *reason = "a path needs its URL in front of it (http://...)";
    else if (has(text, ':'))
        *reason = "no valid address, name or URL";
    else if (!has(text, '.'))
        *reason = "no address, domain, URL, e-mail address or hash";
    else
        return observable_normalise(out, OBSERVABLE_DOMAIN, text, arena, reason);
    return ERR_SYNTAX;
}

size_t observable_guess(struct observable out[static OBSERVABLE_CANDIDATES_MAX], struct bytes text, struct arena *arena) {
    const char *reason;
    size_t count = 0;
    while (text.size > 0 && text.data[0] <= ' ') text = bytes_of(text.data + 1, text.size - 1);
    while (text.size > 0 && text.data[text.size - 1] <= ' ') text.size--;
    if (observable_of_list(&out[count], text, arena, &reason) == OK) count++;
    if (observable_normalise(&out[count], OBSERVABLE_TEXT, text, arena, &reason) == OK) count++;
    return count;
}
