#include "node/process/settings.h"

#include <string.h>

void settings_begin(struct buf *out, unsigned version, enum log_level log_level) {
    buf_put_u8(out, (uint8_t)version);
    buf_put_u8(out, (uint8_t)log_level);
}

void settings_put(struct buf *out, struct bytes value) {
    buf_put_u32(out, (uint32_t)value.size);
    buf_put(out, value);
}

bool settings_begun(struct cursor *in, unsigned version, enum log_level *log_level) {
    unsigned found = cursor_u8(in);
    *log_level = (enum log_level)cursor_u8(in);
    return found == version;
}

struct bytes settings_take(struct cursor *in) {
    return cursor_take(in, cursor_u32(in));
}

bool settings_take_text(struct cursor *in, char *out, size_t size) {
    struct bytes text = settings_take(in);
    in->failed |= text.size >= size;
    if (in->failed) return false;
    if (text.size > 0) memcpy(out, text.data, text.size);
    out[text.size] = 0;
    return true;
}
