/* bytes: borrowed views, owned bounded buffers, cursors that cannot overrun. */
#include "crypto/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_CAPACITY_MIN 64

int bytes_compare(struct bytes a, struct bytes b) {
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;
    if (order != 0) return order;
    return a.size < b.size ? -1 : a.size > b.size;
}

void buf_init(struct buf *buf, size_t size_max) { *buf = (struct buf){.size_max = size_max}; }

void buf_free(struct buf *buf) {
    free(buf->data);
    buf_init(buf, buf->size_max);
}

void buf_clear(struct buf *buf) {
    buf->size = 0;
    buf->failed = false;
    buf->memory_failed = false;
}

static bool buf_enlarge(struct buf *buf, size_t needed) {
    size_t capacity = buf->capacity < BUF_CAPACITY_MIN ? BUF_CAPACITY_MIN : buf->capacity;
    while (capacity < needed) {
        if (capacity > SIZE_MAX / 2) {
            capacity = needed;
            break;
        }
        capacity *= 2;
    }
    if (buf->size_max != 0 && capacity > buf->size_max) capacity = buf->size_max;
    uint8_t *data = realloc(buf->data, capacity);
    if (data == NULL) {
        buf->failed = true;
        buf->memory_failed = true;
        return false;
    }
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

bool buf_reserve(struct buf *buf, size_t more) {
    if (buf->failed) return false;
    if (more <= buf->capacity - buf->size && (buf->size_max == 0 || buf->size + more <= buf->size_max)) return true;
    size_t room = (buf->size_max == 0 ? SIZE_MAX : buf->size_max) - buf->size;
    if (more > room) {
        buf->failed = true;
        return false;
    }
    return buf_enlarge(buf, buf->size + more);
}

uint8_t *buf_grow(struct buf *buf, size_t more) {
    if (!buf_reserve(buf, more)) return NULL;
    /* Nothing asked of an empty buffer still answers with a pointer, because null means failure. */
    if (buf->data == NULL && !buf_enlarge(buf, 1)) return NULL;
    uint8_t *at = buf->data + buf->size;
    buf->size += more;
    return at;
}

void buf_put_raw(struct buf *buf, const void *data, size_t size) {
    if (size == 0 || !buf_reserve(buf, size)) return;
    memcpy(buf->data + buf->size, data, size);
    buf->size += size;
}

void buf_put(struct buf *buf, struct bytes bytes) { buf_put_raw(buf, bytes.data, bytes.size); }

void buf_put_format(struct buf *buf, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        buf->failed = true;
    } else {
        char small[256];
        char *text = (size_t)length < sizeof small ? small : malloc((size_t)length + 1);
        if (text == NULL) {
            buf->failed = true;
            buf->memory_failed = true;
        } else {
            vsnprintf(text, (size_t)length + 1, format, again);
            buf_put_raw(buf, text, (size_t)length);
        }
        if (text != small) free(text);
    }
    va_end(again);
}

void buf_put_decimal(struct buf *buf, uint64_t value) {
    char digits[20], *at = digits + sizeof digits;
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    buf_put_raw(buf, at, (size_t)(digits + sizeof digits - at));
}

void buf_put_u16(struct buf *buf, uint16_t value) {
    uint8_t raw[2];
    put_be16(raw, value);
    buf_put_raw(buf, raw, sizeof raw);
}

void buf_put_u32(struct buf *buf, uint32_t value) {
    uint8_t raw[4];
    put_be32(raw, value);
    buf_put_raw(buf, raw, sizeof raw);
}

void buf_put_u64(struct buf *buf, uint64_t value) {
    uint8_t raw[8];
    put_be64(raw, value);
    buf_put_raw(buf, raw, sizeof raw);
}

enum err buf_result(const struct buf *buf) {
    if (!buf->failed) return OK;
    return buf->memory_failed ? ERR_MEMORY : ERR_TOO_BIG;
}

struct cursor cursor_of(struct bytes bytes) {
    return (struct cursor){.at = bytes.data, .left = bytes.size};
}

struct bytes cursor_take(struct cursor *cursor, size_t size) {
    if (cursor->failed || size > cursor->left) {
        cursor->failed = true;
        return (struct bytes){NULL, 0};
    }
    struct bytes taken = {cursor->at, size};
    if (size > 0) cursor->at += size;
    cursor->left -= size;
    return taken;
}

uint8_t cursor_u8(struct cursor *cursor) {
    struct bytes taken = cursor_take(cursor, 1);
    return taken.size == 1 ? taken.data[0] : 0;
}

uint16_t cursor_u16(struct cursor *cursor) {
    struct bytes taken = cursor_take(cursor, 2);
    return taken.size == 2 ? get_be16(taken.data) : 0;
}

uint32_t cursor_u32(struct cursor *cursor) {
    struct bytes taken = cursor_take(cursor, 4);
    return taken.size == 4 ? get_be32(taken.data) : 0;
}

uint64_t cursor_u64(struct cursor *cursor) {
    struct bytes taken = cursor_take(cursor, 8);
    return taken.size == 8 ? get_be64(taken.data) : 0;
}

void cursor_copy(struct cursor *cursor, void *out, size_t size) {
    if (size == 0) return;
    struct bytes taken = cursor_take(cursor, size);
    if (taken.size == size) {
        memcpy(out, taken.data, size);
    } else {
        memset(out, 0, size);
    }
}

bool cursor_done(const struct cursor *cursor) { return !cursor->failed && cursor->left == 0; }

void put_be16(uint8_t out[2], uint16_t value) {
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

void put_be32(uint8_t out[4], uint32_t value) {
    uint32_t swapped = __builtin_bswap32(value);
    memcpy(out, __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? &swapped : &value, sizeof value);
}

void put_be64(uint8_t out[8], uint64_t value) {
    uint64_t swapped = __builtin_bswap64(value);
    memcpy(out, __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? &swapped : &value, sizeof value);
}

uint16_t get_be16(const uint8_t in[2]) { return (uint16_t)(in[0] << 8 | in[1]); }

uint32_t get_be32(const uint8_t in[4]) {
    uint32_t raw;
    memcpy(&raw, in, sizeof raw);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(raw) : raw;
}

uint64_t get_be64(const uint8_t in[8]) {
    uint64_t raw;
    memcpy(&raw, in, sizeof raw);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap64(raw) : raw;
}

void hex_encode(char *out, struct bytes bytes) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.size; i++) {
        out[2 * i] = digits[bytes.data[i] >> 4];
        out[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    out[2 * bytes.size] = '\0';
}

static int hex_value(uint8_t digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

bool hex_decode(uint8_t *out, size_t size, struct bytes text) {
    if (text.size / 2 != size || text.size % 2 != 0) return false;
    for (size_t i = 0; i < size; i++) {
        int high = hex_value(text.data[2 * i]), low = hex_value(text.data[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
