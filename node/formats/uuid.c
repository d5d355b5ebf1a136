#include "node/formats/uuid.h"

#include <string.h>

#define SHA1_BYTES       20
#define SHA1_BLOCK_BYTES 64

struct sha1 {
    uint32_t state[5];
    uint8_t block[SHA1_BLOCK_BYTES];
    uint64_t size;
};

static uint32_t rotate(uint32_t x, unsigned bits) { return x << bits | x >> (32 - bits); }

/* RFC 3174, section 6.1. */
static void sha1_block(struct sha1 *sha1) {
    uint32_t w[80];
    for (size_t t = 0; t < 16; t++) w[t] = get_be32(sha1->block + 4 * t);
    for (size_t t = 16; t < 80; t++) w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    uint32_t a = sha1->state[0], b = sha1->state[1], c = sha1->state[2], d = sha1->state[3], e = sha1->state[4];
    for (size_t t = 0; t < 80; t++) {
        uint32_t f, k;
        if (t < 20)
            f = (b & c) | (~b & d), k = 0x5a827999;
        else if (t < 40)
            f = b ^ c ^ d, k = 0x6ed9eba1;
        else if (t < 60)
            f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
        else
            f = b ^ c ^ d, k = 0xca62c1d6;
        uint32_t next = rotate(a, 5) + f + e + w[t] + k;
        e = d, d = c, c = rotate(b, 30), b = a, a = next;
    }
    sha1->state[0] += a;
    sha1->state[1] += b;
    sha1->state[2] += c;
    sha1->state[3] += d;
    sha1->state[4] += e;
}

static void sha1_add(struct sha1 *sha1, struct bytes bytes) {
    for (size_t i = 0; i < bytes.size; i++) {
        sha1->block[sha1->size++ % SHA1_BLOCK_BYTES] = bytes.data[i];
        if (sha1->size % SHA1_BLOCK_BYTES == 0) sha1_block(sha1);
    }
}

static void sha1_end(uint8_t out[static SHA1_BYTES], struct sha1 *sha1) {
    static const uint8_t padding[SHA1_BLOCK_BYTES] = {0x80};
    uint8_t length[8];
    put_be64(length, sha1->size * 8);
    size_t filled = sha1->size % SHA1_BLOCK_BYTES;
    sha1_add(sha1, bytes_of(padding, (filled < 56 ? 56 : 120) - filled));
    sha1_add(sha1, bytes_of(length, sizeof length));
    for (size_t i = 0; i < 5; i++) put_be32(out + 4 * i, sha1->state[i]);
}

void uuid_v5(uint8_t out[static UUID_BYTES], const uint8_t space[static UUID_BYTES], struct bytes name) {
    struct sha1 sha1 = {.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};
    uint8_t digest[SHA1_BYTES];
    sha1_add(&sha1, bytes_of(space, UUID_BYTES));
    sha1_add(&sha1, name);
    sha1_end(digest, &sha1);
    memcpy(out, digest, UUID_BYTES);
    out[6] = (uint8_t)((out[6] & 0x0f) | 0x50);
    out[8] = (uint8_t)((out[8] & 0x3f) | 0x80);
}

void uuid_text(char out[static UUID_CHARS + 1], const uint8_t uuid[static UUID_BYTES]) {
    static const uint8_t groups[] = {4, 2, 2, 2, 6};
    for (size_t i = 0; i < sizeof groups; i++) {
        hex_encode(out, bytes_of(uuid, groups[i]));
        uuid += groups[i];
        out += 2 * groups[i];
        *out++ = '-';
    }
    out[-1] = 0;
}

bool uuid_valid(struct bytes text) {
    static const uint8_t groups[] = {8, 4, 4, 4, 12};
    static const uint8_t classes[256] = {
        ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1, ['8'] = 1, ['9'] = 1, ['a'] = 1,
        ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1, ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1,
    };
    if (text.size != UUID_CHARS) return false;
    const uint8_t *at = text.data;
    unsigned digits = 1;
    for (size_t g = 0; g < sizeof groups; g++) {
        if (g > 0 && *at++ != '-') return false;
        for (size_t i = 0; i < groups[g]; i++) digits &= classes[*at++] & 1;
    }
    uint8_t version = text.data[14], variant = text.data[19] | 0x20;
    return digits != 0 && version >= '1' && version <= '8' &&
           (variant == '8' || variant == '9' || variant == 'a' || variant == 'b');
}
