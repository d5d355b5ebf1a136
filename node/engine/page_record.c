#include "node/engine/page_record.h"

#define FIXED_BYTES 23

size_t page_record_bytes(const struct page_record *record) { return FIXED_BYTES + record->author.size + record->encoded.size; }

void page_record_write(struct buf *out, const struct page_record *record) {
    buf_put_u64(out, record->cursor);
    buf_put_u64(out, record->added_us);
    buf_put_u8(out, (uint8_t)record->tlp);
    buf_put_u8(out, (uint8_t)record->versions);
    buf_put_u8(out, (uint8_t)record->author.size);
    buf_put(out, record->author);
    buf_put_u32(out, (uint32_t)record->encoded.size);
    buf_put(out, record->encoded);
}

bool page_record_read(struct page_record *out, struct cursor *in) {
    out->cursor = cursor_u64(in);
    out->added_us = cursor_u64(in);
    unsigned tlp = cursor_u8(in);
    out->versions = cursor_u8(in);
    out->author = cursor_take(in, cursor_u8(in));
    out->encoded = cursor_take(in, cursor_u32(in));
    out->tlp = tlp <= TLP_RED ? (enum tlp)tlp : TLP_NONE;
    return !in->failed && tlp <= TLP_RED;
}
