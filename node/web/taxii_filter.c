#include "node/web/taxii_filter.h"

#include "crypto/hash.h"
#include "node/engine/control.h"
#include "node/formats/moment.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEXT_VERSION   2
#define NEXT_BYTES_MAX 8192
#define MAC_BYTES      16

void taxii_filter_init(struct taxii_filter *filter) {
    *filter = (struct taxii_filter){0};
    filter->limit = TAXII_LIMIT_DEFAULT;
    filter->exit = POLICY_TAXII;
}

static enum err wrong(char *why, enum err err, const char *key, const char *what) {
    snprintf(why, TAXII_WHY_MAX, "%s: %s", key, what);
    return err;
}

/* --- one reader per parameter; values of a match are joined by commas. An empty date or limit is what a client sends that has none --- */

static enum err added_after(struct taxii_filter *filter, struct bytes value, char *why) {
    if (value.size == 0 || moment_parse_us(&filter->after_us, value)) return OK;
    return wrong(why, ERR_SYNTAX, "added_after", "this is no timestamp; write one in UTC, such as 2026-01-31T12:00:00.000000Z");
}

static enum err limit(struct taxii_filter *filter, struct bytes value, char *why) {
    uint64_t number = 0;
    if (value.size == 0) return OK;
    for (size_t i = 0; i < value.size && number <= TAXII_LIMIT_MAX; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') return wrong(why, ERR_SYNTAX, "limit", "this is no number from 1 on");
        number = number * 10 + (value.data[i] - '0');
    }
    if (number == 0) return wrong(why, ERR_SYNTAX, "limit", "this is no number from 1 on");
    filter->limit = number < TAXII_LIMIT_MAX ? number : TAXII_LIMIT_MAX;
    return OK;
}

static enum err match_id(struct taxii_filter *filter, struct bytes value, char *why) {
    if (value.size > ITEM_ID_BYTES_MAX) return wrong(why, ERR_SYNTAX, "match[id]", "longer than any id");
    if (filter->id_count == TAXII_VALUES_MAX) return wrong(why, ERR_LIMIT, "match[id]", "at most 32 ids at once");
    memcpy(filter->ids[filter->id_count++], value.data, value.size);
    return OK;
}

static enum err match_type(struct taxii_filter *filter, struct bytes value, char *why) {
    if (value.size > ITEM_TYPE_BYTES_MAX) return wrong(why, ERR_SYNTAX, "match[type]", "longer than any type");
    if (filter->type_count == TAXII_VALUES_MAX) return wrong(why, ERR_LIMIT, "match[type]", "at most 32 types at once");
    memcpy(filter->types[filter->type_count++], value.data, value.size);
    return OK;
}

static enum err match_version(struct taxii_filter *filter, struct bytes value, char *why) {
    if (bytes_equal_text(value, "last"))
        filter->versions |= CONTROL_VERSION_LAST;
    else if (bytes_equal_text(value, "first"))
        filter->versions |= CONTROL_VERSION_FIRST;
    else if (bytes_equal_text(value, "all"))
        filter->all_versions = true;
    else if (filter->moment_count == TAXII_MOMENTS_MAX)
        return wrong(why, ERR_LIMIT, "match[version]", "at most 8 versions at once");
    else if (!moment_parse_us(&filter->moments[filter->moment_count], value))
        return wrong(why, ERR_SYNTAX, "match[version]", "give first, last, all or the timestamp of a version");
    else
        filter->moment_count++;
    return OK;
}

static enum err match_spec(struct taxii_filter *filter, struct bytes value, char *why) {
    if (bytes_equal_text(value, "2.0"))
        filter->specs |= TAXII_SPEC_20;
    else if (bytes_equal_text(value, "2.1"))
        filter->specs |= TAXII_SPEC_21;
    else
        return wrong(why, ERR_SYNTAX, "match[spec_version]", "give 2.0 or 2.1");
    return OK;
}

static const struct parameter {
    const char *key;
    bool many;
    enum err (*read)(struct taxii_filter *filter, struct bytes value, char *why);
} parameters[] = {
    {"added_after", false, added_after},     {"limit", false, limit},
    {"match[id]", true, match_id},           {"match[type]", true, match_type},
    {"match[version]", true, match_version}, {"match[spec_version]", true, match_spec},
};

static enum err values_read(struct taxii_filter *filter, const struct parameter *parameter, const char *value, char *why) {
    enum err err = OK;
    if (!parameter->many) return parameter->read(filter, bytes_of_text(value), why);
    while (err == OK && value) {
        const char *comma = strchr(value, ',');
        size_t size = comma ? (size_t)(comma - value) : strlen(value);
        if (size == 0) return wrong(why, ERR_SYNTAX, parameter->key, "an empty value");
        err = parameter->read(filter, bytes_of(value, size), why);
        value = comma ? comma + 1 : NULL;
    }
    return err;
}

enum err taxii_filter_add(struct taxii_filter *filter, const char *key, const char *value, char why[static TAXII_WHY_MAX]) {
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
        if (strcmp(parameters[i].key, key) == 0) return values_read(filter, &parameters[i], value ? value : "", why);
    if (strncmp(key, "match[", 6) != 0) return OK;
    snprintf(why, TAXII_WHY_MAX, "%.60s: there is no such match; known are id, type, version and spec_version", key);
    return ERR_SYNTAX;
}

void taxii_filter_finish(struct taxii_filter *filter) {
    if (filter->all_versions) {
        filter->versions = 0;
        filter->moment_count = 0;
    } else if (filter->versions == 0 && filter->moment_count == 0) {
        filter->versions = CONTROL_VERSION_LAST;
    }
}

/* --- what it lets through --- */

unsigned taxii_filter_ask(const struct taxii_filter *filter) {
    if (filter->all_versions || filter->versions == 0) return 0;
    return filter->moment_count > 0 ? CONTROL_VERSION_LAST | CONTROL_VERSION_FIRST | CONTROL_VERSION_BETWEEN : filter->versions;
}

bool taxii_filter_version(const struct taxii_filter *filter, unsigned versions, uint64_t modified_us) {
    if (filter->all_versions || (filter->versions & versions) != 0) return true;
    for (size_t i = 0; i < filter->moment_count; i++)
        if (filter->moments[i] == modified_us) return true;
    return false;
}

bool taxii_filter_spec(const struct taxii_filter *filter, unsigned spec) {
    return filter->specs == 0 || (filter->specs & spec) != 0;
}

/* --- next --- */

static void put_texts(struct buf *out, const char *texts, size_t stride, size_t count) {
    buf_put_u8(out, (uint8_t)count);
    for (size_t i = 0; i < count; i++) {
        struct bytes text = bytes_of_text(texts + i * stride);
        buf_put_u8(out, (uint8_t)text.size);
        buf_put(out, text);
    }
}

static void mac_of(uint8_t out[static HASH_BYTES], struct bytes plain, const uint8_t key[static TAXII_KEY_BYTES]) {
    hash_derive(out, key, "comity-taxii-next", plain);
}

enum err taxii_next_write(struct buf *out, const struct taxii_filter *filter, const uint8_t collection[static UUID_BYTES],
                          const uint8_t key[static TAXII_KEY_BYTES]) {
    struct buf plain = {.size_max = NEXT_BYTES_MAX};
    uint8_t mac[HASH_BYTES];
    buf_put_u8(&plain, NEXT_VERSION);
    buf_put_raw(&plain, collection, UUID_BYTES);
    buf_put_u64(&plain, filter->position);
    buf_put_u64(&plain, filter->shown_us);
    buf_put_u16(&plain, (uint16_t)filter->limit);
    buf_put_u8(&plain, (uint8_t)(filter->versions | (filter->all_versions ? 0x80 : 0)));
    buf_put_u8(&plain, (uint8_t)filter->specs);
    buf_put_u8(&plain, (uint8_t)filter->moment_count);
    for (size_t i = 0; i < filter->moment_count; i++) buf_put_u64(&plain, filter->moments[i]);
    put_texts(&plain, filter->types[0], sizeof filter->types[0], filter->type_count);
    put_texts(&plain, filter->ids[0], sizeof filter->ids[0], filter->id_count);
    mac_of(mac, bytes_of_buf(&plain), key);
    buf_put_raw(&plain, mac, MAC_BYTES);
    enum err err = buf_result(&plain);
    if (err == OK) {
        size_t size = sodium_base64_ENCODED_LEN(plain.size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        uint8_t *text = buf_grow(out, size);
        if (text) {
            sodium_bin2base64((char *)text, size, plain.data, plain.size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
            out->size--; /* its zero */
        }
        err = buf_result(out);
    }
    buf_free(&plain);
    return err;
}

static void take_texts(struct cursor *in, char *texts, size_t stride, size_t *count) {
    *count = cursor_u8(in);
    if (*count > TAXII_VALUES_MAX) in->failed = true;
    for (size_t i = 0; i < *count && !in->failed; i++) {
        struct bytes text = cursor_take(in, cursor_u8(in));
        if (in->failed || text.size >= stride) {
            in->failed = true;
            return;
        }
        memcpy(texts + i * stride, text.data, text.size);
        texts[i * stride + text.size] = 0;
    }
}

bool taxii_next_plain(struct taxii_filter *out, uint8_t collection[static UUID_BYTES], struct bytes plain) {
    struct cursor in = cursor_of(plain);
    if (cursor_u8(&in) != NEXT_VERSION) return false;
    cursor_copy(&in, collection, UUID_BYTES);
    out->position = cursor_u64(&in);
    out->shown_us = cursor_u64(&in);
    out->limit = cursor_u16(&in);
    unsigned versions = cursor_u8(&in);
    out->versions = versions & 0x7f;
    out->all_versions = (versions & 0x80) != 0;
    out->specs = cursor_u8(&in);
    out->moment_count = cursor_u8(&in);
    if (out->moment_count > TAXII_MOMENTS_MAX) return false;
    for (size_t i = 0; i < out->moment_count; i++) out->moments[i] = cursor_u64(&in);
    take_texts(&in, out->types[0], sizeof out->types[0], &out->type_count);
    take_texts(&in, out->ids[0], sizeof out->ids[0], &out->id_count);
    return cursor_done(&in) && out->limit >= 1 && out->limit <= TAXII_LIMIT_MAX;
}

enum err taxii_next_read(struct taxii_filter *out, const char *text, const uint8_t collection[static UUID_BYTES],
                         const uint8_t key[static TAXII_KEY_BYTES]) {
    uint8_t plain[NEXT_BYTES_MAX], mac[HASH_BYTES], of[UUID_BYTES];
    size_t size = 0;
    taxii_filter_init(out);
    if (sodium_base642bin(plain, sizeof plain, text, strlen(text), NULL, &size, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) !=
            0 ||
        size <= MAC_BYTES)
        return ERR_FORMAT;
    size -= MAC_BYTES;
    mac_of(mac, bytes_of(plain, size), key);
    if (sodium_memcmp(mac, plain + size, MAC_BYTES) != 0) return ERR_SIGNATURE;
    if (!taxii_next_plain(out, of, bytes_of(plain, size))) return ERR_FORMAT;
    if (memcmp(of, collection, UUID_BYTES) == 0) return OK;
    taxii_filter_init(out);
    return ERR_NOT_FOUND;
}
