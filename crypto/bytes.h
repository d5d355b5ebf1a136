/* bytes: borrowed views, owned bounded buffers, cursors that cannot overrun. */
#ifndef CRYPTO_BYTES_H
#define CRYPTO_BYTES_H

#include "crypto/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A borrowed view. `data` may be null only when `size` is 0. */
struct bytes {
    const uint8_t *data;
    size_t size;
};

/* An owned, growing buffer. A write past `size_max`, or without memory, sets `failed` and leaves the content as it was;
   check `failed` once after a series of writes. Zero-initialise it or call buf_init; release it with buf_free. */
struct buf {
    uint8_t *data;
    size_t size;
    size_t capacity;
    size_t size_max; /* 0 means no bound but memory */
    bool failed;
    bool memory_failed; /* it was for want of memory: tells buf_result which error */
};

/* In the header: they stand in the way of every property of every object, and the length of a literal is known here. */
static inline struct bytes bytes_of(const void *data, size_t size) { return (struct bytes){(const uint8_t *)data, size}; }
static inline struct bytes bytes_of_text(const char *text) { return (struct bytes){(const uint8_t *)text, strlen(text)}; }
static inline struct bytes bytes_of_buf(const struct buf *buf) { return (struct bytes){buf->data, buf->size}; }
static inline bool bytes_equal(struct bytes a, struct bytes b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}
static inline bool bytes_equal_text(struct bytes a, const char *text) { return bytes_equal(a, bytes_of_text(text)); }
int bytes_compare(struct bytes a, struct bytes b); /* memcmp order, shorter first */

void buf_init(struct buf *buf, size_t size_max);
void buf_free(struct buf *buf);  /* releases and zero-initialises; keeps size_max */
void buf_clear(struct buf *buf); /* size 0, keeps memory, clears `failed` */
bool buf_reserve(struct buf *buf, size_t more);
uint8_t *buf_grow(struct buf *buf, size_t more); /* appends `more` bytes to be filled; null on failure */
void buf_put(struct buf *buf, struct bytes bytes);
void buf_put_raw(struct buf *buf, const void *data, size_t size);
static inline void buf_put_text(struct buf *buf, const char *text) { buf_put_raw(buf, text, strlen(text)); }
void buf_put_format(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_put_decimal(struct buf *buf, uint64_t value); /* its digits */
static inline void buf_put_u8(struct buf *buf, uint8_t value) {
    /* Inside what is reserved there is no bound to look at: that was done when it was reserved. */
    if (!buf->failed && buf->size < buf->capacity)
        buf->data[buf->size++] = value;
    else
        buf_put_raw(buf, &value, 1);
}
void buf_put_u16(struct buf *buf, uint16_t value); /* big-endian, as all fixed layouts here */
void buf_put_u32(struct buf *buf, uint32_t value);
void buf_put_u64(struct buf *buf, uint64_t value);
enum err buf_result(const struct buf *buf) MUST_USE; /* OK, or ERR_TOO_BIG / ERR_MEMORY when a write failed */

/* A reading cursor. A read past the end sets `failed`, returns zeros or an empty view, and every later read fails too. */
struct cursor {
    const uint8_t *at;
    size_t left;
    bool failed;
};

struct cursor cursor_of(struct bytes bytes);
uint8_t cursor_u8(struct cursor *cursor);
uint16_t cursor_u16(struct cursor *cursor);
uint32_t cursor_u32(struct cursor *cursor);
uint64_t cursor_u64(struct cursor *cursor);
struct bytes cursor_take(struct cursor *cursor, size_t size);
void cursor_copy(struct cursor *cursor, void *out, size_t size);
bool cursor_done(const struct cursor *cursor); /* no failure and nothing left */

void put_be16(uint8_t out[2], uint16_t value);
void put_be32(uint8_t out[4], uint32_t value);
void put_be64(uint8_t out[8], uint64_t value);
uint16_t get_be16(const uint8_t in[2]);
uint32_t get_be32(const uint8_t in[4]);
uint64_t get_be64(const uint8_t in[8]);

/* Lower-case hexadecimal; `out` has 2 * size + 1 bytes. */
void hex_encode(char *out, struct bytes bytes);
/* Exactly 2 * size digits of either case. */
bool hex_decode(uint8_t *out, size_t size, struct bytes text);

#endif
