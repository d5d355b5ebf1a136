#include "node/formats/uuid.h"

#include <nettle/sha1.h>

void uuid_v5(uint8_t out[static UUID_BYTES], const uint8_t space[static UUID_BYTES], struct bytes name) {
    struct sha1_ctx sha1;
    sha1_init(&sha1);
    sha1_update(&sha1, UUID_BYTES, space);
    sha1_update(&sha1, name.size, name.data);
    sha1_digest(&sha1, UUID_BYTES, out); /* its first 16 octets */
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
