#include "node/curve/curve_key.h"

#include "crypto/secret.h"

#include <ctype.h>
#include <sodium.h>
#include <string.h>

static const char digits[86] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/* Four bytes are five digits, the highest first. */
void curve_key_text(char out[static CURVE_KEY_CHARS + 1], const uint8_t key[static CURVE_KEY_BYTES]) {
    for (size_t group = 0; group < CURVE_KEY_BYTES / 4; group++) {
        uint32_t value = get_be32(key + 4 * group);
        for (size_t i = 5; i-- > 0; value /= 85) out[5 * group + i] = digits[value % 85];
    }
    out[CURVE_KEY_CHARS] = 0;
}

bool curve_key_parse(uint8_t out[static CURVE_KEY_BYTES], struct bytes text) {
    if (text.size != CURVE_KEY_CHARS) return false;
    for (size_t group = 0; group < CURVE_KEY_BYTES / 4; group++) {
        uint64_t value = 0;
        for (size_t i = 0; i < 5; i++) {
            const char *at = text.data[5 * group + i] ? strchr(digits, text.data[5 * group + i]) : NULL;
            if (!at) return false;
            value = value * 85 + (uint64_t)(at - digits);
        }
        if (value > UINT32_MAX) return false;
        put_be32(out + 4 * group, (uint32_t)value);
    }
    return true;
}

void curve_keys_make(uint8_t keys[static 2 * CURVE_KEY_BYTES]) {
    char text[CURVE_KEY_CHARS + 1];
    do {
        crypto_box_keypair(keys, keys + CURVE_KEY_BYTES);
        curve_key_text(text, keys);
    } while (!isalnum((unsigned char)text[0]));
}

void curve_certificate_write(struct buf *out, const uint8_t keys[static 2 * CURVE_KEY_BYTES], const char *comment) {
    char text[CURVE_KEY_CHARS + 1];
    curve_key_text(text, keys);
    buf_put_format(out, "# %s\nmetadata\ncurve\n    public-key = \"%s\"\n", comment, text);
    curve_key_text(text, keys + CURVE_KEY_BYTES);
    buf_put_format(out, "    secret-key = \"%s\"\n", text);
    secret_wipe(text, sizeof text);
}

/* `name = "VALUE"` on a line of its own, with blanks around. */
static bool key_find(uint8_t out[static CURVE_KEY_BYTES], struct bytes file, const char *name) {
    size_t name_size = strlen(name);
    for (size_t at = 0; at < file.size;) {
        const uint8_t *line = file.data + at, *end = memchr(line, '\n', file.size - at);
        size_t size = end ? (size_t)(end - line) : file.size - at, i = 0;
        at += size + 1;
        while (i < size && (line[i] == ' ' || line[i] == '\t')) i++;
        if (size - i < name_size || memcmp(line + i, name, name_size) != 0) continue;
        i += name_size;
        while (i < size && (line[i] == ' ' || line[i] == '=')) i++;
        if (size - i < CURVE_KEY_CHARS + 2 || line[i] != '"' || line[i + 1 + CURVE_KEY_CHARS] != '"') return false;
        return curve_key_parse(out, bytes_of(line + i + 1, CURVE_KEY_CHARS));
    }
    return false;
}

enum err curve_certificate_parse(uint8_t keys[static 2 * CURVE_KEY_BYTES], struct bytes file) {
    uint8_t public_key[CURVE_KEY_BYTES];
    if (!key_find(keys, file, "public-key") || !key_find(keys + CURVE_KEY_BYTES, file, "secret-key")) return ERR_SYNTAX;
    if (crypto_scalarmult_base(public_key, keys + CURVE_KEY_BYTES) != 0) return ERR_KEY;
    return sodium_memcmp(public_key, keys, CURVE_KEY_BYTES) == 0 ? OK : ERR_KEY;
}
