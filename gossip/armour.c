#include "gossip/armour.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES 48 /* of binary: 64 characters */

static void mark(char out[static 64], const char *edge, const char *what) {
    snprintf(out, 64, "-----%s COMITY %.*s-----", edge, ARMOUR_WHAT_BYTES_MAX, what);
}

enum err armour_write(struct buf *out, const char *what, struct bytes binary) {
    char edge[64];
    mark(edge, "BEGIN", what);
    buf_put_text(out, edge);
    buf_put_text(out, "\n");
    for (size_t at = 0; at < binary.size; at += LINE_BYTES) {
        char line[LINE_BYTES / 3 * 4 + 1];
        size_t size = binary.size - at < LINE_BYTES ? binary.size - at : LINE_BYTES;
        sodium_bin2base64(line, sizeof line, binary.data + at, size, sodium_base64_VARIANT_ORIGINAL);
        buf_put_text(out, line);
        buf_put_text(out, "\n");
    }
    mark(edge, "END", what);
    buf_put_text(out, edge);
    buf_put_text(out, "\n");
    return buf_result(out);
}

static const uint8_t *find_text(struct bytes in, const char *text) {
    size_t size = strlen(text);
    for (size_t at = 0; at + size <= in.size; at++)
        if (memcmp(in.data + at, text, size) == 0) return in.data + at;
    return NULL;
}

enum err armour_read(struct buf *binary, const char *what, struct bytes text) {
    char edge[64];
    mark(edge, "BEGIN", what);
    const uint8_t *begin = find_text(text, edge);
    if (!begin) return ERR_FORMAT;
    begin += strlen(edge);
    mark(edge, "END", what);
    const uint8_t *end = find_text(bytes_of(begin, (size_t)(text.data + text.size - begin)), edge);
    if (!end) return ERR_TRUNCATED;
    size_t room = (size_t)(end - begin) / 4 * 3 + 3, size = 0;
    uint8_t *out = buf_grow(binary, room);
    if (!out) return buf_result(binary);
    if (sodium_base642bin(out, room, (const char *)begin, (size_t)(end - begin), " \t\r\n", &size, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0) {
        binary->size -= room;
        return ERR_FORMAT;
    }
    binary->size -= room - size;
    return OK;
}
