#include "node/formats/document_put.h"

#include "gossip/pack.h"
#include "node/formats/moment.h"

#define HEX_BYTES_MAX 32

void document_put_text(struct buf *out, const char *key, const char *value) { document_put_string(out, key, bytes_of_text(value)); }

void document_put_string(struct buf *out, const char *key, struct bytes value) {
    pack_write_str(out, bytes_of_text(key));
    pack_write_str(out, value);
}

void document_put_uint(struct buf *out, const char *key, uint64_t value) {
    pack_write_str(out, bytes_of_text(key));
    pack_write_uint(out, value);
}

void document_put_bool(struct buf *out, const char *key, bool value) {
    pack_write_str(out, bytes_of_text(key));
    pack_write_bool(out, value);
}

void document_put_hex(struct buf *out, const char *key, const uint8_t *value, size_t size) {
    char text[2 * HEX_BYTES_MAX + 1];
    hex_encode(text, bytes_of(value, size < HEX_BYTES_MAX ? size : HEX_BYTES_MAX));
    document_put_text(out, key, text);
}

void document_put_time(struct buf *out, const char *key, uint64_t ms) {
    char text[MOMENT_TEXT_BYTES];
    if (ms) {
        moment_text(text, ms);
        document_put_text(out, key, text);
        return;
    }
    pack_write_str(out, bytes_of_text(key));
    pack_write_nil(out);
}
