#define _GNU_SOURCE /* memmem */
#include "gossip/item.h"

#include "gossip/marks.h"
#include "gossip/pack.h"

#include <stdlib.h>
#include <string.h>

#define ITEM_VERSION             1 /* without marks */
#define ITEM_FIELDS              9
#define ITEM_VERSION_LAST        3 /* 2 and 3: the same and, at the end, marks (marks_item_version) */
#define ITEM_FIELDS_MARKED       10
#define REFERENCE_BYTES_MIN      6           /* shorter ones are not worth a place */
#define REFERENCE_TEXT_BYTES_MAX (16 * 1024) /* bounds the search for each value */
#define PLACE_HEAD               0x92        /* a MessagePack array of two */
#define DOMAIN_BYTES_MAX         253
#define DOMAIN_LABEL_BYTES_MAX   63

static const char *const kind_names[OBSERVABLE_KIND_COUNT] = {
    [OBSERVABLE_IPV4] = "ipv4",     [OBSERVABLE_IPV6] = "ipv6", [OBSERVABLE_DOMAIN] = "domain", [OBSERVABLE_URL] = "url",
    [OBSERVABLE_EMAIL] = "email",   [OBSERVABLE_MD5] = "md5",   [OBSERVABLE_SHA1] = "sha1",     [OBSERVABLE_SHA256] = "sha256",
    [OBSERVABLE_SHA512] = "sha512", [OBSERVABLE_TEXT] = "text",
};

const char *observable_kind_name(enum observable_kind kind) {
    return (unsigned)kind < OBSERVABLE_KIND_COUNT ? kind_names[kind] : NULL;
}

static bool network_valid(struct bytes value, size_t address_bytes) {
    if (value.size != address_bytes + 1) return false;
    size_t prefix = value.data[address_bytes];
    if (prefix > address_bytes * 8) return false;
    for (size_t bit = prefix; bit < address_bytes * 8; bit++) {
        if (bit % 8 == 0) {
            if (value.data[bit / 8] != 0) return false;
            bit += 7;
        } else if (value.data[bit / 8] & (0x80 >> bit % 8)) {
            return false;
        }
    }
    return true;
}

/* Underscores are no host name characters but stand in real names (_dmarc, malware that uses them). */
static bool domain_valid(struct bytes name) {
    if (name.size == 0 || name.size > DOMAIN_BYTES_MAX) return false;
    size_t label_bytes = 0;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        if (c == '.') {
            if (label_bytes == 0) return false;
            label_bytes = 0;
            continue;
        }
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) return false;
        if (++label_bytes > DOMAIN_LABEL_BYTES_MAX) return false;
    }
    return label_bytes > 0;
}

/* scheme "://" authority ...: no upper case in scheme and host, host not empty and ASCII, nothing below a blank anywhere. */
static bool url_valid(struct bytes url) {
    size_t i = 0;
    while (i < url.size && url.data[i] != ':') {
        uint8_t c = url.data[i];
        bool letter = c >= 'a' && c <= 'z';
        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'))) return false;
        i++;
    }
    if (i == 0 || url.size - i < 4 || memcmp(url.data + i, "://", 3) != 0) return false;
    size_t start = i + 3, end = start;
    while (end < url.size && url.data[end] != '/' && url.data[end] != '?' && url.data[end] != '#') {
        if (url.data[end] == '@') start = end + 1;
        end++;
    }
    if (start == end) return false;
    for (i = start; i < end; i++)
        if ((url.data[i] >= 'A' && url.data[i] <= 'Z') || url.data[i] >= 0x80) return false;
    for (i = 0; i < url.size; i++)
        if (url.data[i] <= ' ' || url.data[i] == 0x7f) return false;
    return pack_utf8_valid(url);
}

static bool email_valid(struct bytes email) {
    size_t at = email.size;
    while (at > 0 && email.data[at - 1] != '@') at--;
    if (at < 2) return false;
    for (size_t i = 0; i + 1 < at; i++)
        if (email.data[i] < ' ' || email.data[i] == 0x7f) return false;
    return pack_utf8_valid(bytes_of(email.data, at - 1)) && domain_valid(bytes_of(email.data + at, email.size - at));
}

bool observable_valid(struct observable observable) {
    struct bytes value = observable.value;
    if (value.size == 0 || value.size > ITEM_VALUE_BYTES_MAX) return false;
    switch (observable.kind) {
    case OBSERVABLE_IPV4: return network_valid(value, 4);
    case OBSERVABLE_IPV6: return network_valid(value, 16);
    case OBSERVABLE_DOMAIN: return domain_valid(value);
    case OBSERVABLE_URL: return url_valid(value);
    case OBSERVABLE_EMAIL: return email_valid(value);
    case OBSERVABLE_MD5: return value.size == 16;
    case OBSERVABLE_SHA1: return value.size == 20;
    case OBSERVABLE_SHA256: return value.size == 32;
    case OBSERVABLE_SHA512: return value.size == 64;
    case OBSERVABLE_TEXT: return pack_utf8_valid(value);
    case OBSERVABLE_KIND_COUNT: break;
    }
    return false;
}

static int observable_compare(const struct observable *a, const struct observable *b) {
    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    return bytes_compare(a->value, b->value);
}

static int compare_for_sort(const void *a, const void *b) { return observable_compare(a, b); }

void item_sort_observables(struct item *item) {
    if (item->observable_count < 2) return;
    qsort(item->observables, item->observable_count, sizeof *item->observables, compare_for_sort);
    size_t kept = 1;
    for (size_t i = 1; i < item->observable_count; i++)
        if (observable_compare(&item->observables[kept - 1], &item->observables[i]) != 0)
            item->observables[kept++] = item->observables[i];
    item->observable_count = kept;
}

/* Types and ids end in logs and on terminals, so they are printable ASCII without blanks. */
static bool name_valid(struct bytes name, size_t bytes_max) {
    if (name.size == 0 || name.size > bytes_max) return false;
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] <= ' ' || name.data[i] > '~') return false;
    return true;
}

/* One rule for both directions, so that what is encoded here is what others decode. */
static enum err item_check(const struct item *item) {
    if (!name_valid(item->type, ITEM_TYPE_BYTES_MAX) || !name_valid(item->id, ITEM_ID_BYTES_MAX)) return ERR_RANGE;
    if ((unsigned)item->tlp > TLP_RED || item->text.size == 0) return ERR_RANGE;
    if (item->text.size > ITEM_TEXT_BYTES_MAX || item->marks.size > MARKS_BYTES_MAX) return ERR_TOO_BIG;
    for (size_t i = 0; i < item->observable_count; i++) {
        if (!observable_valid(item->observables[i])) return ERR_RANGE;
        if (i > 0 && observable_compare(&item->observables[i - 1], &item->observables[i]) >= 0) return ERR_RANGE;
    }
    return OK;
}

/* A string that stands in the object's own text is written as its place there, [offset, size]: it costs three bytes and not itself
   again, in the block, in the page and in every hash. */
static void write_placed(struct buf *out, struct bytes value, struct bytes text, void (*write)(struct buf *, struct bytes)) {
    bool worth = value.size >= REFERENCE_BYTES_MIN && text.size <= REFERENCE_TEXT_BYTES_MAX;
    const uint8_t *found = worth ? memmem(text.data, text.size, value.data, value.size) : NULL;
    if (!found) {
        write(out, value);
        return;
    }
    pack_write_array(out, 2);
    pack_write_uint(out, (uint64_t)(found - text.data));
    pack_write_uint(out, value.size);
}

/* The array of a place was announced; false when it lies outside the text. */
static bool read_place(struct pack_reader *reader, struct bytes text, struct bytes *out) {
    if (pack_read_array(reader) != 2) return false;
    uint64_t offset = pack_read_uint(reader), size = pack_read_uint(reader);
    if (pack_failed(reader) || offset > text.size || size > text.size - offset) return false;
    *out = bytes_of(text.data + offset, (size_t)size);
    return true;
}

static enum err marks_check(struct bytes encoded, unsigned *version) {
    struct marks marks;
    enum err err = marks_decode(&marks, encoded);
    if (err == OK) *version = marks_item_version(&marks);
    return err;
}

static bool place_next(const struct pack_reader *reader) { return reader->cursor.left > 0 && *reader->cursor.at == PLACE_HEAD; }

enum err item_encode(struct buf *out, const struct item *item) {
    if (item->observable_count > ITEM_OBSERVABLES_MAX) return ERR_TOO_BIG;
    unsigned version = ITEM_VERSION;
    enum err error = item_check(item);
    if (error == OK && item->marks.size > 0) error = marks_check(item->marks, &version);
    if (error != OK) return error;
    pack_write_array(out, item->marks.size > 0 ? ITEM_FIELDS_MARKED : ITEM_FIELDS);
    pack_write_uint(out, version);
    pack_write_str(out, item->type);
    pack_write_uint(out, item->modified_ms);
    pack_write_uint(out, item->valid_until_ms);
    pack_write_uint(out, item->tlp);
    pack_write_bool(out, item->revoked);
    pack_write_bin(out, item->text);
    write_placed(out, item->id, item->text, pack_write_str);
    pack_write_array(out, (uint32_t)item->observable_count);
    for (size_t i = 0; i < item->observable_count; i++) {
        pack_write_array(out, 2);
        pack_write_uint(out, item->observables[i].kind);
        write_placed(out, item->observables[i].value, item->text, pack_write_bin);
    }
    buf_put(out, item->marks);
    return buf_result(out);
}

static enum err observables_decode(struct item *out, struct pack_reader *reader) {
    uint32_t count = pack_read_array(reader);
    if (count > ITEM_OBSERVABLES_MAX) return ERR_RANGE;
    out->observable_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct observable *observable = &out->observables[i];
        if (pack_read_array(reader) != 2) return ERR_FORMAT;
        uint64_t kind = pack_read_uint(reader);
        if (kind >= OBSERVABLE_KIND_COUNT) return ERR_RANGE;
        observable->kind = (enum observable_kind)kind;
        if (!place_next(reader))
            observable->value = pack_read_bin(reader);
        else if (!read_place(reader, out->text, &observable->value))
            return ERR_FORMAT;
    }
    return OK;
}

/* The map that is next, as it stands there; it must be one of this version. */
static enum err marks_take(struct bytes *out, struct pack_reader *reader, uint64_t version) {
    struct marks marks;
    const uint8_t *start = reader->cursor.at;
    size_t before = reader->cursor.left;
    enum err error = marks_read(&marks, reader);
    if (error == OK && marks_item_version(&marks) != version) error = ERR_FORMAT;
    if (error == OK) *out = bytes_of(start, before - reader->cursor.left);
    return error;
}

enum err item_decode(struct item *out, struct bytes encoded) {
    if (encoded.size == 0) return ERR_TRUNCATED;
    struct pack_reader reader = pack_reader_of(encoded);
    uint32_t fields = pack_read_array(&reader);
    uint64_t version = pack_read_uint(&reader);
    if (pack_failed(&reader)) return ERR_FORMAT;
    if (version < ITEM_VERSION || version > ITEM_VERSION_LAST) return ERR_VERSION;
    if (fields != (version == ITEM_VERSION ? ITEM_FIELDS : ITEM_FIELDS_MARKED)) return ERR_FORMAT;
    out->type = pack_read_str(&reader);
    out->modified_ms = pack_read_uint(&reader);
    out->valid_until_ms = pack_read_uint(&reader);
    uint64_t tlp = pack_read_uint(&reader);
    if (tlp > TLP_RED) return ERR_RANGE;
    out->tlp = (enum tlp)tlp;
    out->revoked = pack_read_bool(&reader);
    out->text = pack_read_bin(&reader);
    if (!place_next(&reader))
        out->id = pack_read_str(&reader);
    else if (!read_place(&reader, out->text, &out->id))
        return ERR_FORMAT;
    enum err error = observables_decode(out, &reader);
    out->marks = bytes_of(NULL, 0);
    if (error == OK && version != ITEM_VERSION) error = marks_take(&out->marks, &reader, version);
    if (error == OK) error = pack_done(&reader);
    if (error != OK) return error;
    error = item_check(out);
    return error == ERR_TOO_BIG ? ERR_RANGE : error;
}
