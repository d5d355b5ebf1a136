#include "gossip/pack.h"

#include <msgpack.h>
#include <string.h>

/* msgpack-c asks a callback for each piece of output. */
static int write_raw(void *data, const char *piece, size_t size) {
    struct buf *out = data;
    buf_put_raw(out, piece, size);
    return out->failed ? -1 : 0;
}

static msgpack_packer packer_of(struct buf *out) {
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, write_raw);
    return packer;
}

void pack_write_nil(struct buf *out) {
    msgpack_packer packer = packer_of(out);
    msgpack_pack_nil(&packer);
}

void pack_write_bool(struct buf *out, bool value) {
    msgpack_packer packer = packer_of(out);
    if (value)
        msgpack_pack_true(&packer);
    else
        msgpack_pack_false(&packer);
}

void pack_write_uint(struct buf *out, uint64_t value) {
    msgpack_packer packer = packer_of(out);
    msgpack_pack_uint64(&packer, value);
}

void pack_write_bin(struct buf *out, struct bytes value) {
    msgpack_packer packer = packer_of(out);
    msgpack_pack_bin(&packer, value.size);
    if (value.size > 0) msgpack_pack_bin_body(&packer, value.data, value.size);
}

void pack_write_str(struct buf *out, struct bytes value) {
    msgpack_packer packer = packer_of(out);
    msgpack_pack_str(&packer, value.size);
    if (value.size > 0) msgpack_pack_str_body(&packer, value.data, value.size);
}

void pack_write_array(struct buf *out, uint32_t count) {
    msgpack_packer packer = packer_of(out);
    msgpack_pack_array(&packer, count);
}

void pack_write_map(struct buf *out, uint32_t count) {
    msgpack_packer packer = packer_of(out);
    msgpack_pack_map(&packer, count);
}

struct pack_reader pack_reader_of(struct bytes bytes) {
    return (struct pack_reader){.cursor = cursor_of(bytes)};
}

/* Poisons the reader: nothing is left, so that no caller can go on by mistake. */
static void refuse(struct pack_reader *reader) {
    reader->cursor.failed = true;
    reader->cursor.left = 0;
}

/* One big-endian number of `size` bytes that must be at least `least`, or a shorter form would have held it. */
static uint64_t read_number(struct pack_reader *reader, size_t size, uint64_t least) {
    if (reader->cursor.left < size) {
        refuse(reader);
        return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) value = value << 8 | reader->cursor.at[i];
    reader->cursor.at += size;
    reader->cursor.left -= size;
    if (value < least) {
        refuse(reader);
        return 0;
    }
    return value;
}

static bool read_tag(struct pack_reader *reader, uint8_t *tag) {
    if (reader->cursor.failed || reader->cursor.left == 0) {
        refuse(reader);
        return false;
    }
    *tag = *reader->cursor.at++;
    reader->cursor.left--;
    return true;
}

void pack_read_nil(struct pack_reader *reader) {
    uint8_t tag;
    if (read_tag(reader, &tag) && tag != 0xc0) refuse(reader);
}

bool pack_skip_nil(struct pack_reader *reader) {
    if (reader->cursor.failed || reader->cursor.left == 0 || *reader->cursor.at != 0xc0) return false;
    reader->cursor.at++;
    reader->cursor.left--;
    return true;
}

bool pack_read_bool(struct pack_reader *reader) {
    uint8_t tag;
    if (!read_tag(reader, &tag)) return false;
    if (tag != 0xc2 && tag != 0xc3) refuse(reader);
    return tag == 0xc3;
}

uint64_t pack_read_uint(struct pack_reader *reader) {
    uint8_t tag;
    if (!read_tag(reader, &tag)) return 0;
    if (tag <= 0x7f) return tag;
    switch (tag) {
    case 0xcc: return read_number(reader, 1, 0x80);
    case 0xcd: return read_number(reader, 2, 0x100);
    case 0xce: return read_number(reader, 4, 0x10000);
    case 0xcf: return read_number(reader, 8, 0x100000000);
    default: refuse(reader); return 0;
    }
}

static struct bytes take(struct pack_reader *reader, uint64_t size) {
    if (reader->cursor.failed || size > reader->cursor.left) {
        refuse(reader);
        return bytes_of(NULL, 0);
    }
    struct bytes view = bytes_of(reader->cursor.at, (size_t)size);
    reader->cursor.at += size;
    reader->cursor.left -= (size_t)size;
    return view;
}

struct bytes pack_read_bin(struct pack_reader *reader) {
    uint8_t tag;
    if (!read_tag(reader, &tag)) return bytes_of(NULL, 0);
    switch (tag) {
    case 0xc4: return take(reader, read_number(reader, 1, 0));
    case 0xc5: return take(reader, read_number(reader, 2, 0x100));
    case 0xc6: return take(reader, read_number(reader, 4, 0x10000));
    default: refuse(reader); return bytes_of(NULL, 0);
    }
}

struct bytes pack_read_str(struct pack_reader *reader) {
    uint8_t tag;
    if (!read_tag(reader, &tag)) return bytes_of(NULL, 0);
    uint64_t size = 0;
    if ((tag & 0xe0) == 0xa0)
        size = tag & 0x1f;
    else if (tag == 0xd9)
        size = read_number(reader, 1, 0x20);
    else if (tag == 0xda)
        size = read_number(reader, 2, 0x100);
    else if (tag == 0xdb)
        size = read_number(reader, 4, 0x10000);
    else
        refuse(reader);
    struct bytes text = take(reader, size);
    if (!pack_utf8_valid(text)) {
        refuse(reader);
        return bytes_of(NULL, 0);
    }
    return text;
}

/* A count is believed only when that many values of `bytes_each` can still follow. */
static uint32_t read_count(struct pack_reader *reader, uint8_t fix, uint8_t tag16, uint64_t bytes_each) {
    uint8_t tag;
    if (!read_tag(reader, &tag)) return 0;
    uint64_t count = 0;
    if ((tag & 0xf0) == fix)
        count = tag & 0x0f;
    else if (tag == tag16)
        count = read_number(reader, 2, 0x10);
    else if (tag == tag16 + 1)
        count = read_number(reader, 4, 0x10000);
    else
        refuse(reader);
    if (count * bytes_each > reader->cursor.left) {
        refuse(reader);
        return 0;
    }
    return (uint32_t)count;
}

uint32_t pack_read_array(struct pack_reader *reader) { return read_count(reader, 0x90, 0xdc, 1); }

uint32_t pack_read_map(struct pack_reader *reader) { return read_count(reader, 0x80, 0xde, 2); }

bool pack_failed(const struct pack_reader *reader) { return reader->cursor.failed; }

enum err pack_done(const struct pack_reader *reader) { return reader->cursor.failed || reader->cursor.left > 0 ? ERR_FORMAT : OK; }

/* Length of the well-formed sequence at `at` (Unicode 15, table 3-7), or 0. */
static size_t utf8_sequence(const uint8_t *at, size_t left) {
    uint8_t a = at[0];
    if (a < 0x80) return 1;
    if (a < 0xc2 || a > 0xf4) return 0;
    size_t size = a < 0xe0 ? 2 : a < 0xf0 ? 3 : 4;
    if (left < size) return 0;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xc0) != 0x80) return 0;
    if (a == 0xe0 && at[1] < 0xa0) return 0; /* overlong */
    if (a == 0xed && at[1] > 0x9f) return 0; /* surrogate */
    if (a == 0xf0 && at[1] < 0x90) return 0; /* overlong */
    if (a == 0xf4 && at[1] > 0x8f) return 0; /* beyond U+10FFFF */
    return size;
}

/* Bytes of plain ASCII from `at` on, found in strides of 32 and then 8: a lower bound. */
static size_t ascii_run(const uint8_t *at, size_t left) {
    const uint64_t highs = 0x8080808080808080u;
    uint64_t words[4];
    size_t size = 0;
    for (; left - size >= sizeof words; size += sizeof words) {
        memcpy(words, at + size, sizeof words);
        if (((words[0] | words[1] | words[2] | words[3]) & highs) != 0) break;
    }
    for (; left - size >= sizeof words[0]; size += sizeof words[0]) {
        memcpy(words, at + size, sizeof words[0]);
        if ((words[0] & highs) != 0) break;
    }
    return size;
}

bool pack_utf8_valid(struct bytes text) {
    size_t i = 0;
    while (i < text.size) {
        i += ascii_run(text.data + i, text.size - i);
        if (i == text.size) break;
        size_t size = utf8_sequence(text.data + i, text.size - i);
        if (size == 0) return false;
        i += size;
    }
    return true;
}
