/* The stand-in for BLAKE2b, where libsodium's would take a third of the time of a run: linked before the library. It mixes well enough that no two inputs of a
   simulation meet, and nobody here looks for two that do. Sizes, messages and delays are the same with either. */
#include <sodium.h>
#include <string.h>

struct mixer {
    uint64_t lanes[4];
    uint64_t size;
    uint8_t part[32]; /* of the next block */
    size_t part_size;
};
_Static_assert(sizeof(struct mixer) <= sizeof(crypto_generichash_state), "it stands in for the library's");

static uint64_t turned(uint64_t x, unsigned by) { return x << by | x >> (64 - by); }

static void block_add(struct mixer *mixer, const uint8_t *block) {
    uint64_t words[4];
    memcpy(words, block, sizeof words);
    for (unsigned i = 0; i < 4; i++)
        mixer->lanes[i] = turned((mixer->lanes[i] ^ words[i]) * 0x9fb21c651e98df25ull, 29) + mixer->lanes[(i + 1) % 4];
}

static void add(struct mixer *mixer, const uint8_t *data, size_t size) {
    mixer->size += size;
    while (size > 0) {
        if (mixer->part_size == 0 && size >= sizeof mixer->part) {
            block_add(mixer, data);
            data += sizeof mixer->part, size -= sizeof mixer->part;
            continue;
        }
        size_t taken = sizeof mixer->part - mixer->part_size < size ? sizeof mixer->part - mixer->part_size : size;
        memcpy(mixer->part + mixer->part_size, data, taken);
        mixer->part_size += taken, data += taken, size -= taken;
        if (mixer->part_size < sizeof mixer->part) return;
        block_add(mixer, mixer->part);
        mixer->part_size = 0;
    }
}

static void begin(struct mixer *mixer, const uint8_t *key, size_t key_size) {
    *mixer = (struct mixer){.lanes = {0x243f6a8885a308d3ull, 0x13198a2e03707344ull, 0xa4093822299f31d0ull, 0x082efa98ec4e6c89ull}};
    if (key_size > 0) add(mixer, key, key_size);
}

static void end(struct mixer *mixer, uint8_t *out, size_t out_size) {
    uint8_t all[64];
    uint64_t size = mixer->size;
    memset(mixer->part + mixer->part_size, 0, sizeof mixer->part - mixer->part_size);
    block_add(mixer, mixer->part);
    memset(mixer->part, 0, sizeof mixer->part);
    memcpy(mixer->part, &size, sizeof size);
    for (unsigned i = 0; i < 6; i++) block_add(mixer, mixer->part);
    for (unsigned i = 0; i < 8; i++) {
        uint64_t x = mixer->lanes[i % 4] + i * 0x9e3779b97f4a7c15ull;
        x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
        x = (x ^ x >> 27) * 0x94d049bb133111ebull;
        x ^= x >> 31;
        memcpy(all + 8 * i, &x, sizeof x);
    }
    memcpy(out, all, out_size < sizeof all ? out_size : sizeof all);
}

int crypto_generichash(unsigned char *out, size_t out_size, const unsigned char *in, unsigned long long in_size,
                       const unsigned char *key, size_t key_size) {
    struct mixer mixer;
    begin(&mixer, key, key_size);
    add(&mixer, in, in_size);
    end(&mixer, out, out_size);
    return 0;
}

int crypto_generichash_init(crypto_generichash_state *state, const unsigned char *key, const size_t key_size,
                            const size_t out_size) {
    (void)out_size;
    begin((struct mixer *)(void *)state, key, key_size);
    return 0;
}

int crypto_generichash_update(crypto_generichash_state *state, const unsigned char *in, unsigned long long in_size) {
    add((struct mixer *)(void *)state, in, in_size);
    return 0;
}

int crypto_generichash_final(crypto_generichash_state *state, unsigned char *out, const size_t out_size) {
    end((struct mixer *)(void *)state, out, out_size);
    return 0;
}
