#define _GNU_SOURCE /* memmem, memrchr */
#include "node/export/export_value.h"

#include <libpsl.h>
#include <string.h>

#define NAME_BYTES_MAX  253
#define LABEL_BYTES_MAX 63

/* --- addresses --- */

struct network {
    uint8_t address[16];
    unsigned bits;
};

/* IPv4 special-purpose addresses (RFC 6890 and the registry that it founded) that are no public destination. */
static const struct network local4[] = {
    {{0}, 8},          {{10}, 8},        {{100, 64}, 10}, {{127}, 8}, {{169, 254}, 16}, {{172, 16}, 12},
    {{192, 0, 0}, 24}, {{192, 168}, 16}, {{198, 18}, 15}, {{224}, 4}, {{240}, 4},
};

static const struct network local6[] = {
    {{0}, 8},          /* unspecified, loopback, mapped */
    {{0xfc}, 7},       /* unique local */
    {{0xfe, 0x80}, 9}, /* link local, and what was site local */
    {{0xff}, 8},       /* multicast */
};

/* Do two networks share an address? */
static bool overlap(const uint8_t *address, unsigned bits, const struct network *network) {
    unsigned common = bits < network->bits ? bits : network->bits;
    for (unsigned i = 0; i < common; i += 8) {
        unsigned left = common - i < 8 ? common - i : 8;
        uint8_t mask = (uint8_t)(0xff << (8 - left));
        if ((address[i / 8] ^ network->address[i / 8]) & mask) return false;
    }
    return true;
}

static enum export_reason address_judge(struct bytes value) {
    bool four = value.size == 5;
    unsigned bits = value.data[value.size - 1];
    const struct network *list = four ? local4 : local6;
    size_t count = four ? sizeof local4 / sizeof *local4 : sizeof local6 / sizeof *local6;
    if (bits < (four ? EXPORT_IPV4_PREFIX_MIN : EXPORT_IPV6_PREFIX_MIN)) return EXPORT_WIDE;
    for (size_t i = 0; i < count; i++)
        if (overlap(value.data, bits, &list[i])) return EXPORT_LOCAL;
    return EXPORT_FITS;
}

/* --- names --- */

static bool name_character(uint8_t byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

static enum export_reason domain_judge(struct bytes name) {
    char text[NAME_BYTES_MAX + 1];
    size_t label = 0;
    if (name.size == 0 || name.size > NAME_BYTES_MAX) return EXPORT_NAME;
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '.' && label == 0) return EXPORT_NAME;
        if (name.data[i] == '.') {
            label = 0;
            continue;
        }
        if (!name_character(name.data[i]) || ++label > LABEL_BYTES_MAX) return EXPORT_NAME;
    }
    if (label == 0) return EXPORT_NAME;
    memcpy(text, name.data, name.size);
    text[name.size] = 0;
    const psl_ctx_t *suffixes = psl_builtin();
    /* Without the list nobody could tell: every name with one label only is refused at least. */
    if (!memchr(name.data, '.', name.size) || (suffixes && psl_is_public_suffix(suffixes, text))) return EXPORT_SUFFIX;
    return EXPORT_FITS;
}

/* --- URLs --- */

bool export_url_parts(struct bytes url, struct bytes *host, struct bytes *path) {
    const uint8_t *end = url.data + url.size, *at = url.size > 3 ? memmem(url.data, url.size, "://", 3) : NULL;
    if (!at) return false;
    at += 3;
    const uint8_t *stop = at;
    while (stop < end && *stop != '/' && *stop != '?' && *stop != '#') stop++;
    *path = stop < end ? bytes_of(stop, (size_t)(end - stop)) : bytes_of("/", 1);
    const uint8_t *user = memrchr(at, '@', (size_t)(stop - at));
    if (user) at = user + 1;
    if (at < stop && *at == '[') {
        const uint8_t *bracket = memchr(at, ']', (size_t)(stop - at));
        if (!bracket) return false;
        *host = bytes_of(at + 1, (size_t)(bracket - at - 1));
        return host->size > 0;
    }
    const uint8_t *colon = memchr(at, ':', (size_t)(stop - at));
    *host = bytes_of(at, (size_t)((colon ? colon : stop) - at));
    return host->size > 0;
}

/* --- hashes --- */

/* The hash of nothing: it would hit every empty file. */
static bool hash_of_nothing(struct bytes hash) {
    static const uint8_t md5[] = {0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04, 0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8, 0x42, 0x7e};
    static const uint8_t sha1[] = {0xda, 0x39, 0xa3, 0xee, 0x5e, 0x6b, 0x4b, 0x0d, 0x32, 0x55,
                                   0xbf, 0xef, 0x95, 0x60, 0x18, 0x90, 0xaf, 0xd8, 0x07, 0x09};
    /* Of the longer ones the first 16 bytes: no two hashes share them by accident. */
    static const uint8_t sha256[] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14,
                                     0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24};
    static const uint8_t sha512[] = {0xcf, 0x83, 0xe1, 0x35, 0x7e, 0xef, 0xb8, 0xbd,
                                     0xf1, 0x54, 0x28, 0x50, 0xd6, 0x6d, 0x80, 0x07};
    const uint8_t *empty = hash.size == 16 ? md5 : hash.size == 20 ? sha1 : hash.size == 32 ? sha256 : sha512;
    return hash.size >= 16 && memcmp(hash.data, empty, hash.size == 20 ? 20 : 16) == 0;
}

enum export_reason export_value_judge(struct observable value) {
    if (value.kind == OBSERVABLE_IPV4 || value.kind == OBSERVABLE_IPV6) return address_judge(value.value);
    if (value.kind == OBSERVABLE_DOMAIN) return domain_judge(value.value);
    if (value.kind >= OBSERVABLE_MD5 && value.kind <= OBSERVABLE_SHA512)
        return hash_of_nothing(value.value) ? EXPORT_NOTHING : EXPORT_FITS;
    for (size_t i = 0; i < value.value.size && value.kind >= OBSERVABLE_TEXT; i++)
        if (value.value.data[i] < 0x20 || value.value.data[i] == 0x7f) return EXPORT_CHARACTERS;
    if (value.kind == OBSERVABLE_URL || value.kind == OBSERVABLE_EMAIL)
        for (size_t i = 0; i < value.value.size; i++)
            if (value.value.data[i] <= 0x20 || value.value.data[i] == 0x7f) return EXPORT_CHARACTERS;
    return EXPORT_FITS;
}
