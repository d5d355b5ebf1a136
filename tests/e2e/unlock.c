/* unlock: what a node's directory still gives away to whoever has all of that node's keys. For the tests of erasure.

   unlock find COPY DIR VALUE [ID]  prints where the value stands: in clear in any file, live or not; as an index term or the id's; in a page,
                                 wherever in any file its bytes are, under any bucket's key; in a payload that an epoch's secret opens.
   unlock marks COPY             prints the nonces of all pages, outbox records and documents about posts and the keys of all payloads that live now, as hexadecimal digits
   unlock scan DIR HEX...        prints which of these bytes stand in any file

   COPY is a copy of a stopped node's directory, because opening a store changes its files; key files must have no passphrase.
   Exit 0: something was found, 1: nothing. */
#define _GNU_SOURCE /* memmem */

#include "crypto/block.h"
#include "crypto/keyfile.h"
#include "gossip/entry.h"
#include "gossip/item.h"
#include "node/process/dir.h"
#include "node/store/index.h"
#include "node/formats/observable.h"
#include "node/store/pages.h"
#include "node/store/rocks.h"
#include "node/identity/trust_files.h"
#include "node/store/vault.h"

#include <dirent.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

#define BUCKETS_MAX 64
#define NODES_MAX   64

struct unlock {
    const char *dir;
    struct keyfile keys;
    struct agency_node self;
    uint8_t agency_id[AGENCY_ID_BYTES];
    struct rocks rocks;
    struct vault *vault;
    struct block_codec *codec;
    uint8_t buckets[BUCKETS_MAX][32];
    size_t bucket_count;
    uint8_t nodes[NODES_MAX][NODE_ID_BYTES]; /* authors: a page's head names one */
    size_t node_count;
    struct bytes value, id;
    size_t found, pages;
};

static void die(const char *what) {
    fprintf(stderr, "unlock: %s\n", what);
    exit(2);
}

static struct buf file_read(const char *path) {
    struct buf out = {0};
    uint8_t chunk[65536];
    FILE *file = fopen(path, "rb");
    if (!file) return out;
    for (size_t got; (got = fread(chunk, 1, sizeof chunk, file)) > 0;) buf_put_raw(&out, chunk, got);
    fclose(file);
    return out;
}

/* A write-ahead log cuts its records at every 32 KiB; joined again behind the file's bytes, so that nothing hides at a cut. */
static void log_join(struct buf *content) {
    const size_t block = 32768, head = 7; /* sum 4, length 2 (little-endian), type 1 */
    struct buf joined = {0};
    for (size_t at = 0; at + head <= content->size;) {
        size_t left = block - at % block, size = content->data[at + 4] | (size_t)content->data[at + 5] << 8;
        if (left < head) {
            at += left;
            continue;
        }
        if (size + head > left || at + head + size > content->size) break;
        buf_put_raw(&joined, content->data + at + head, size);
        at += head + size;
    }
    buf_put(content, bytes_of_buf(&joined));
    buf_free(&joined);
}

typedef void file_visit(struct unlock *unlock, const char *path, struct bytes content);

static void files_each(struct unlock *unlock, const char *folder, file_visit *visit) {
    DIR *directory = opendir(folder);
    const struct dirent *entry;
    while (directory && (entry = readdir(directory)) != NULL) {
        char path[4096];
        struct stat about;
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (lstat(path, &about) != 0) continue;
        if (S_ISDIR(about.st_mode)) files_each(unlock, path, visit);
        if (!S_ISREG(about.st_mode)) continue;
        struct buf content = file_read(path);
        if (strlen(path) > 4 && strcmp(path + strlen(path) - 4, ".log") == 0) log_join(&content);
        visit(unlock, path, bytes_of_buf(&content));
        buf_free(&content);
    }
    if (directory) closedir(directory);
}

static void tell(struct unlock *unlock, const char *where, const char *how) {
    printf("%s: %s\n", where, how);
    unlock->found++;
}

static bool holds(struct bytes hay, struct bytes needle) {
    return needle.size > 0 && hay.size >= needle.size && memmem(hay.data, hay.size, needle.data, needle.size) != NULL;
}

/* --- keys --- */

static void store_path(char out[static 4096], const struct unlock *unlock) { snprintf(out, 4096, "%s/%s", unlock->dir, DIR_STORE); }

static void buckets_read(struct unlock *unlock) {
    struct rocks_range range;
    struct bytes key, value, prefix = bytes_of_text(BUCKETS_NAME);
    rocks_range_begin(&range, &unlock->rocks, ROCKS_META, prefix, prefix);
    while (rocks_range_next(&range, &key, &value) && unlock->bucket_count < BUCKETS_MAX) {
        struct buf plain = {0};
        if (vault_unseal(unlock->vault, &plain, key, value) == OK && plain.size == 32)
            memcpy(unlock->buckets[unlock->bucket_count++], plain.data, 32);
        buf_free(&plain);
    }
    if (rocks_range_end(&range) != OK) die("the buckets cannot be read");
}

static void nodes_read(struct unlock *unlock) {
    struct rocks_range range;
    struct bytes key, value;
    rocks_range_begin(&range, &unlock->rocks, ROCKS_ENTRIES, bytes_of(NULL, 0), bytes_of(NULL, 0));
    while (rocks_range_next(&range, &key, &value)) {
        bool known = false;
        for (size_t i = 0; i < unlock->node_count; i++) known = known || memcmp(unlock->nodes[i], key.data, NODE_ID_BYTES) == 0;
        if (!known && unlock->node_count < NODES_MAX) memcpy(unlock->nodes[unlock->node_count++], key.data, NODE_ID_BYTES);
    }
    if (rocks_range_end(&range) != OK) die("the entries cannot be read");
}

static void keys_open(struct unlock *unlock) {
    char path[4096], why[ROCKS_WHY_BYTES] = "";
    struct card_file own = {0};
    uint8_t public_key[SIGN_PUBLIC_BYTES], secret[64], id[NODE_ID_BYTES];
    rocksdb_pinnableslice_t *slice;
    struct bytes identity;
    snprintf(path, sizeof path, "%s/%s", unlock->dir, DIR_NODE_KEY);
    struct buf sealed = file_read(path);
    if (keyfile_open(&unlock->keys, bytes_of_buf(&sealed), bytes_of(NULL, 0)) != OK) die("the key file cannot be opened");
    buf_free(&sealed);
    snprintf(path, sizeof path, "%s/%s", unlock->dir, DIR_CARD);
    if (card_file_read(&own, path) != OK) die("the card cannot be read");
    memcpy(unlock->agency_id, own.card.agency.id, AGENCY_ID_BYTES);
    crypto_sign_seed_keypair(public_key, secret, unlock->keys.sign_seed);
    agency_node_id(id, unlock->agency_id, public_key);
    const struct agency_node *self = agency_node_find(&own.card.agency, id);
    if (!self) die("the card does not name this node");
    unlock->self = *self;
    card_file_free(&own);
    store_path(path, unlock);
    if (rocks_open(&unlock->rocks, path, 8 << 20, false, why) != OK) die(why);
    if (rocks_get(&unlock->rocks, ROCKS_META, bytes_of_text("store/identity"), &slice, &identity) != OK) die("no identity");
    unlock->vault = vault_new(unlock->keys.store_key, bytes_of(identity.data + 1, 16));
    rocksdb_pinnableslice_destroy(slice);
    unlock->codec = block_codec_new();
    if (!unlock->vault || !unlock->codec) die("out of memory");
    buckets_read(unlock);
    nodes_read(unlock);
}

/* --- pages, wherever their bytes stand --- */

/* A page's head begins here; how long the page is, is not known, and needs not be: its cipher is a stream. */
static void page_try(struct unlock *unlock, const char *path, const uint8_t *at, size_t left) {
    static uint8_t packed[512 * 1024];
    const size_t nonce_at = PAGES_HEAD_BYTES, sealed_at = PAGES_HEAD_BYTES + 24;
    uint32_t plain_bytes = get_be32(at + 4);
    size_t size = left - sealed_at < sizeof packed ? left - sealed_at : sizeof packed;
    if (size > plain_bytes + 4096u) size = plain_bytes + 4096u;
    for (size_t i = 0; i < unlock->bucket_count; i++) {
        struct buf plain = {0};
        crypto_stream_xchacha20_xor_ic(packed, at + sealed_at, size, at + nonce_at, 1, unlock->buckets[i]);
        size_t packed_bytes = ZSTD_findFrameCompressedSize(packed, size);
        if (!ZSTD_isError(packed_bytes) &&
            block_frame_unpack(unlock->codec, &plain, bytes_of(packed, packed_bytes), plain_bytes) == OK) {
            unlock->pages++;
            if (holds(bytes_of_buf(&plain), unlock->value)) tell(unlock, path, "a page opens and holds the value");
        }
        buf_free(&plain);
    }
}

static void pages_look(struct unlock *unlock, const char *path, struct bytes content) {
    for (size_t i = 0; i < unlock->node_count; i++) {
        const uint8_t *at = content.data;
        size_t left = content.size;
        for (const uint8_t *hit; left > 0 && (hit = memmem(at, left, unlock->nodes[i], NODE_ID_BYTES)) != NULL;) {
            size_t offset = (size_t)(hit - content.data);
            if (offset >= 8 && content.size - offset + 8 > PAGES_OVERHEAD_BYTES && hit[-8] == PAGES_VERSION && hit[-7] == 0 &&
                get_be32(hit - 4) <= BLOCK_PLAIN_BYTES_MAX)
                page_try(unlock, path, hit - 8, content.size - offset + 8);
            at = hit + 1;
            left = content.size - offset - 1;
        }
    }
}

/* --- plain bytes and terms --- */

/* Keys that follow each other in a file share their first bytes, which stand there once. */
static struct bytes term_tail(const uint8_t hash[static 8]) { return bytes_of(hash + 2, 6); }

static void file_look(struct unlock *unlock, const char *path, struct bytes content) {
    struct observable guesses[OBSERVABLE_CANDIDATES_MAX];
    struct arena arena = {0};
    uint8_t hash[8];
    if (holds(content, unlock->value)) tell(unlock, path, "the value in clear");
    if (holds(content, unlock->id)) tell(unlock, path, "the id in clear");
    size_t count = observable_guess(guesses, unlock->value, &arena);
    for (size_t i = 0; i < count; i++) {
        put_be64(hash, index_hash_observable(unlock->vault, guesses[i], NULL));
        if (holds(content, term_tail(hash))) tell(unlock, path, "a term of the value");
    }
    put_be64(hash, index_hash_id(unlock->vault, unlock->id));
    if (unlock->id.size > 0 && holds(content, term_tail(hash))) tell(unlock, path, "a term of the id");
    arena_free(&arena);
    pages_look(unlock, path, content);
}

/* --- payloads --- */

static bool value_of(struct unlock *unlock, enum rocks_family family, const uint8_t *node_id, uint64_t seq, struct buf *out) {
    uint8_t key[NODE_ID_BYTES + 8];
    rocksdb_pinnableslice_t *slice;
    struct bytes value;
    memcpy(key, node_id, NODE_ID_BYTES);
    put_be64(key + NODE_ID_BYTES, seq);
    buf_clear(out);
    if (rocks_get(&unlock->rocks, family, bytes_of(key, sizeof key), &slice, &value) != OK) return false;
    buf_put(out, value);
    rocksdb_pinnableslice_destroy(slice);
    return true;
}

static bool epoch_unlock(struct unlock *unlock, const uint8_t *node_id, uint64_t seq, uint8_t *secret) {
    struct buf raw = {0};
    struct entry entry;
    struct epoch_author author;
    struct epoch_reader reader = {0};
    bool opened = false;
    if (value_of(unlock, ROCKS_ENTRIES, node_id, seq, &raw) && entry_parse(&entry, bytes_of(raw.data + 1, raw.size - 1)) == OK) {
        memcpy(author.agency_id, entry.agency_id, AGENCY_ID_BYTES);
        memcpy(author.node_id, node_id, NODE_ID_BYTES);
        memcpy(reader.agency_id, unlock->agency_id, AGENCY_ID_BYTES);
        memcpy(reader.node_id, unlock->self.id, NODE_ID_BYTES);
        for (size_t i = 0; i < unlock->keys.prekey_count && !opened; i++) {
            const struct keyfile_prekey *prekey = &unlock->keys.prekeys[i];
            reader.prekey_id = prekey->public_half.id;
            memcpy(reader.prekey_public, prekey->public_half.public_key, PREKEY_PUBLIC_BYTES);
            opened = epoch_open(secret, entry.body, &author, &reader, prekey->secret) == OK;
        }
    }
    buf_free(&raw);
    return opened;
}

static void block_look(struct unlock *unlock, const uint8_t *node_id, uint64_t seq, const struct entry *entry, struct bytes payload,
                       size_t *opened) {
    struct block_body body;
    uint8_t secret[EPOCH_SECRET_BYTES];
    struct block *block = block_new(unlock->codec);
    if (block && block_body_read(&body, entry->body) == OK && epoch_unlock(unlock, node_id, body.epoch_seq, secret) &&
        block_open(block, payload, &body.seal, secret, body.index) == OK) {
        ++*opened;
        for (size_t i = 0; i < block_frame_count(block); i++)
            if (holds(block_frame_plain(block, i), unlock->value)) {
                char where[96];
                snprintf(where, sizeof where, "payload of block %llu", (unsigned long long)seq);
                tell(unlock, where, "opens and holds the value");
            }
    }
    block_free(block);
}

static void payloads_look(struct unlock *unlock) {
    static const uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES];
    struct rocks_range range;
    struct bytes key, value;
    size_t opened = 0;
    rocks_range_begin(&range, &unlock->rocks, ROCKS_PLACES, bytes_of(NULL, 0), bytes_of(NULL, 0));
    while (rocks_range_next(&range, &key, &value)) {
        struct buf locked = {0}, raw = {0};
        struct entry entry;
        uint64_t seq = get_be64(key.data + NODE_ID_BYTES);
        if (value.size == 36 && value_of(unlock, ROCKS_PAYLOADS, key.data, seq, &locked) && locked.size > 8 &&
            value_of(unlock, ROCKS_ENTRIES, key.data, seq, &raw) &&
            entry_parse(&entry, bytes_of(raw.data + 1, raw.size - 1)) == OK) {
            crypto_stream_chacha20_ietf_xor(locked.data, locked.data, locked.size - 8, nonce, value.data + 4);
            block_look(unlock, key.data, seq, &entry, bytes_of(locked.data, locked.size - 8), &opened);
        }
        buf_free(&locked);
        buf_free(&raw);
    }
    if (rocks_range_end(&range) != OK) die("the payloads cannot be read");
    fprintf(stderr, "unlock: %zu pages in all files and %zu payloads open with this node's keys\n", unlock->pages, opened);
}

/* --- the three questions --- */

static void hex_print(struct bytes bytes) {
    for (size_t i = 0; i < bytes.size; i++) printf("%02x", bytes.data[i]);
    printf("\n");
}

static bool begins(struct bytes key, const char *with) {
    return key.size > strlen(with) && memcmp(key.data, with, strlen(with)) == 0;
}

static void marks(struct unlock *unlock) {
    const enum rocks_family families[] = {ROCKS_PAGES, ROCKS_PLACES, ROCKS_META};
    for (size_t i = 0; i < 3; i++) {
        struct rocks_range range;
        struct bytes key, value;
        rocks_range_begin(&range, &unlock->rocks, families[i], bytes_of(NULL, 0), bytes_of(NULL, 0));
        while (rocks_range_next(&range, &key, &value)) {
            if (families[i] == ROCKS_PAGES) hex_print(bytes_of(value.data + PAGES_HEAD_BYTES, 24));
            bool named = families[i] == ROCKS_META && (begins(key, "secret/outbox/") || begins(key, "secret/post/"));
            if (named) hex_print(bytes_of(value.data, 24));
            if (families[i] == ROCKS_PLACES && value.size == 36) hex_print(bytes_of(value.data + 4, 32));
        }
        if (rocks_range_end(&range) != OK) die("the store cannot be read");
        unlock->found++;
    }
}

/* Between scan and its visits. */
static struct bytes needles[4096];
static size_t needle_count;

static void file_scan(struct unlock *unlock, const char *path, struct bytes content) {
    for (size_t i = 0; i < needle_count; i++)
        if (holds(content, needles[i])) tell(unlock, path, "stands here");
}

static void scan(struct unlock *unlock, int count, char **hexes) {
    static uint8_t room[4096][64];
    for (int i = 0; i < count && needle_count < 4096; i++) {
        size_t size = strlen(hexes[i]) / 2;
        if (size == 0 || size > 64 || !hex_decode(room[i], size, bytes_of_text(hexes[i]))) die("this is no hexadecimal number");
        needles[needle_count++] = bytes_of(room[i], size);
    }
    files_each(unlock, unlock->dir, file_scan);
}

/* The files are looked through as they are, before the store is opened and after: opening rewrites the log. */
static void look(struct unlock *unlock, const char *pristine) {
    keys_open(unlock);
    files_each(unlock, pristine, file_look);
    payloads_look(unlock);
}

int main(int argc, char **argv) {
    struct unlock *unlock = calloc(1, sizeof *unlock);
    if (!unlock || sodium_init() < 0) die("libsodium");
    if (argc >= 5 && strcmp(argv[1], "find") == 0) {
        unlock->dir = argv[2];
        unlock->value = bytes_of_text(argv[4]);
        if (argc > 5) unlock->id = bytes_of_text(argv[5]);
        look(unlock, argv[3]);
    } else if (argc == 3 && strcmp(argv[1], "marks") == 0) {
        unlock->dir = argv[2];
        keys_open(unlock);
        marks(unlock);
    } else if (argc > 3 && strcmp(argv[1], "scan") == 0) {
        unlock->dir = argv[2];
        scan(unlock, argc - 3, argv + 3);
    } else {
        die("find COPY DIR VALUE [ID] | marks COPY | scan DIR HEX...");
    }
    bool found = unlock->found > 0;
    if (unlock->rocks.db) rocks_close(&unlock->rocks);
    block_codec_free(unlock->codec);
    vault_free(unlock->vault);
    free(unlock);
    return found ? 0 : 1;
}
