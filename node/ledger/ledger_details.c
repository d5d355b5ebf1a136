#include "node/ledger/ledger_details.h"

#include "node/formats/json_out.h"
#include "node/formats/document.h"
#include "node/process/log.h"

#include <string.h>

#define SHOWN_BYTES 200

bool ledger_details_find(struct bytes details, const char *key, struct pack_reader *out) {
    struct pack_reader reader = pack_reader_of(details);
    struct buf scratch = {0};
    struct json_out drop = json_out_of(&scratch);
    bool found = false;
    uint32_t count = pack_read_map(&reader);
    for (uint32_t i = 0; i < count && !found && !pack_failed(&reader); i++) {
        found = bytes_equal_text(pack_read_str(&reader), key);
        if (found)
            *out = reader;
        else if (document_json(&drop, &reader) != OK)
            break;
    }
    buf_free(&scratch);
    return found && !pack_failed(&reader);
}

uint64_t ledger_details_uint(struct bytes details, const char *key) {
    struct pack_reader reader;
    return ledger_details_find(details, key, &reader) ? pack_read_uint(&reader) : 0;
}

struct bytes ledger_details_bin(struct bytes details, const char *key) {
    struct pack_reader reader;
    return ledger_details_find(details, key, &reader) ? pack_read_bin(&reader) : bytes_of(NULL, 0);
}

struct bytes ledger_details_str(struct bytes details, const char *key) {
    struct pack_reader reader;
    return ledger_details_find(details, key, &reader) ? pack_read_str(&reader) : bytes_of(NULL, 0);
}

bool ledger_details_asked(struct bytes details, const uint8_t salt[static DISCLOSURE_SALT_BYTES], uint8_t kind,
                          struct bytes value) {
    struct pack_reader reader;
    uint8_t asked[DISCLOSURE_ASKED_BYTES];
    if (!ledger_details_find(details, "asked", &reader)) return false;
    disclosure_asked(asked, salt, kind, value);
    uint32_t count = pack_read_array(&reader);
    for (uint32_t i = 0; i < count && !pack_failed(&reader); i++)
        if (bytes_equal(pack_read_bin(&reader), bytes_of(asked, sizeof asked))) return true;
    return false;
}

/* --- a line for people --- */

static bool is_array(const struct pack_reader *reader) {
    uint8_t first = reader->cursor.left ? *reader->cursor.at : 0;
    return (first >= 0x90 && first <= 0x9f) || first == 0xdc || first == 0xdd;
}

static bool is_bin(const struct pack_reader *reader) {
    return reader->cursor.left && *reader->cursor.at >= 0xc4 && *reader->cursor.at <= 0xc6;
}

static bool is_str(const struct pack_reader *reader) {
    uint8_t first = reader->cursor.left ? *reader->cursor.at : 0;
    return (first >= 0xa0 && first <= 0xbf) || (first >= 0xd9 && first <= 0xdb);
}

static void put_scalar(struct buf *out, struct pack_reader *reader, ledger_name *name, void *context) {
    char safe[SHOWN_BYTES * 4 + 1];
    if (is_bin(reader)) {
        struct bytes value = pack_read_bin(reader);
        const char *known = value.size == AGENCY_ID_BYTES && name ? name(context, value.data) : NULL;
        if (known)
            buf_put_text(out, known);
        else
            for (size_t i = 0; i < value.size && i < 8; i++) buf_put_format(out, "%02x", value.data[i]);
    } else if (is_str(reader)) {
        struct bytes text = pack_read_str(reader);
        if (text.size > SHOWN_BYTES) text.size = SHOWN_BYTES;
        log_escape(safe, sizeof safe, text);
        buf_put_text(out, safe);
    } else {
        buf_put_format(out, "%llu", (unsigned long long)pack_read_uint(reader));
    }
}

void ledger_details_line(struct buf *out, struct bytes details, ledger_name *name, void *context) {
    struct pack_reader reader = pack_reader_of(details);
    uint32_t count = pack_read_map(&reader);
    for (uint32_t i = 0; i < count && !pack_failed(&reader); i++) {
        struct bytes key = pack_read_str(&reader);
        buf_put_format(out, "%s%.*s=", i ? " " : "", (int)key.size, (const char *)key.data);
        uint32_t values = 1;
        bool many = is_array(&reader);
        if (many) values = pack_read_array(&reader);
        if (many && values > 8 && is_bin(&reader) && bytes_equal_text(key, "asked")) {
            buf_put_format(out, "(%u commitments)", values);
            for (uint32_t j = 0; j < values; j++) (void)pack_read_bin(&reader);
            continue;
        }
        for (uint32_t j = 0; j < values && !pack_failed(&reader); j++) {
            if (j) buf_put_text(out, ",");
            put_scalar(out, &reader, name, context);
        }
    }
}
