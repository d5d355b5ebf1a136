/* bench_store: what the store alone does, with synthetic items of the size of real indicators. Prints "name value unit" lines.
   Usage: bench_store [items]. The directory is made under TMPDIR or /tmp and removed. */
#define _GNU_SOURCE /* memfd_create */
#include "node/store/store.h"

#include <assert.h>
#include <dirent.h>
#include <inttypes.h>
#include <rocksdb/c.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define BATCH_ITEMS   4096
#define FRAME_ITEMS   BLOCK_FRAME_ITEMS
#define PENDING_MAX   4
#define LOOK_UPS      300000
#define NETWORK_EVERY 16 /* every so many items carry a network in place of a domain */

static struct item item;
static struct item decoded;

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double cpu_s(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) + (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e-6;
}

/* CPU time of the calling thread: what tells on a machine that others use too. */
static double thread_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void say(const char *name, double value, const char *unit) {
    printf("%-40s %14.2f %s\n", name, value, unit);
    fflush(stdout);
}

struct started {
    double now, thread;
};

static struct started start(void) { return (struct started){now_s(), thread_s()}; }

/* Calls per second by the clock, and the calling thread's CPU time for each. */
static void say_calls(const char *name, const char *when, struct started started, double calls) {
    char text[64];
    snprintf(text, sizeof text, "%s%s", name, when);
    say(text, calls / (now_s() - started.now), "1/s");
    snprintf(text, sizeof text, "%s%s_cpu", name, when);
    say(text, (thread_s() - started.thread) / calls * 1e6, "us");
}

/* Memory of this process that is not file pages. */
static double memory_mb(void) {
    char line[128];
    double kb = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "RssAnon: %lf", &kb) == 1) break;
    if (file != NULL) fclose(file);
    return kb / 1024;
}

static uint64_t mixed(uint64_t number) {
    number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
    number = (number ^ number >> 27) * 0x94d049bb133111eb;
    return number ^ number >> 31;
}

static size_t hex_put(char *out, uint64_t value, size_t digits) {
    for (size_t i = 0; i < digits; i++) out[i] = "0123456789abcdef"[value >> 4 * i & 15];
    return digits;
}

/* Id, value and text of item n; all in `room`, so valid until the next call. */
static void item_make(uint64_t number, bool with_text) {
    static char id[64], domain[64], text[1024];
    static uint8_t network[5];
    uint64_t a = mixed(number), b = mixed(~number);
    memcpy(id, "indicator--00000000-0000-4000-8000-000000000000", 47);
    hex_put(id + 11, a, 8);
    hex_put(id + 35, b, 12);
    size_t size = hex_put(domain, a >> 16, 5 + a % 8);
    memcpy(domain + size, ".example.com", 12);
    item.type = bytes_of_text("indicator");
    item.id = bytes_of(id, 47);
    item.modified_ms = 1700000000000 + number;
    item.tlp = TLP_GREEN;
    item.observable_count = 1;
    if (number % NETWORK_EVERY == 0) {
        uint8_t length = (uint8_t)(12 + 2 * (number / NETWORK_EVERY % 10)); /* ten lengths, 12 to 30 */
        put_be32(network, (uint32_t)b & ~(uint32_t)((1ULL << (32 - length)) - 1));
        network[4] = length;
        item.observables[0] = (struct observable){OBSERVABLE_IPV4, bytes_of(network, 5)};
    } else {
        item.observables[0] = (struct observable){OBSERVABLE_DOMAIN, bytes_of(domain, size + 12)};
    }
    if (!with_text) return;
    int length = snprintf(
        text, sizeof text,
        "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"%.47s\",\"created_by_ref\":\"identity--%08x-1111-4222-8333-"
        "9a7b5c3d1e2f\","
        "\"created\":\"2024-0%u-1%uT0%u:3%u:27.%03uZ\",\"modified\":\"2024-0%u-1%uT0%u:3%u:27.%03uZ\",\"name\":\"Malicious domain "
        "%.*s\","
        "\"indicator_types\":[\"malicious-activity\"],\"pattern\":\"[domain-name:value = '%.*s']\",\"pattern_type\":\"stix\","
        "\"valid_from\":\"2024-0%u-1%uT00:00:00Z\",\"labels\":[\"phishing\"],\"confidence\":%u}",
        id, (unsigned)(number / 5000), (unsigned)(a % 9 + 1), (unsigned)(a >> 8) % 10, (unsigned)(a >> 12) % 10,
        (unsigned)(a >> 16) % 6, (unsigned)(b % 1000), (unsigned)(a % 9 + 1), (unsigned)(a >> 8) % 10, (unsigned)(a >> 12) % 10,
        (unsigned)(a >> 16) % 6, (unsigned)(b % 1000), (int)size + 12, domain, (int)size + 12, domain, (unsigned)(a % 9 + 1),
        (unsigned)(a >> 8) % 10, (unsigned)(a >> 20) % 100);
    item.text = bytes_of(text, (size_t)length);
}

/* All frames, packed beforehand, in a file's memory so that the process's own can be measured. */
struct frames {
    uint8_t *data;
    size_t *begins;
    uint32_t *plain_bytes;
    size_t count;
};

static struct frames frames_make(uint64_t items) {
    struct frames frames = {.count = (items + FRAME_ITEMS - 1) / FRAME_ITEMS};
    frames.begins = calloc(frames.count + 1, sizeof *frames.begins);
    frames.plain_bytes = calloc(frames.count, sizeof *frames.plain_bytes);
    int fd = memfd_create("frames", 0);
    struct block_codec *codec = block_codec_new();
    struct buf plain, packed;
    buf_init(&plain, 0);
    buf_init(&packed, 0);
    uint64_t plain_total = 0;
    for (size_t i = 0; i < frames.count; i++) {
        buf_clear(&plain);
        buf_clear(&packed);
        for (uint64_t n = i * FRAME_ITEMS; n < (i + 1) * FRAME_ITEMS && n < items; n++) {
            size_t at = plain.size;
            buf_put_u32(&plain, 0);
            item_make(n, true);
            if (item_encode(&plain, &item) != OK) abort();
            put_be32(plain.data + at, (uint32_t)(plain.size - at - 4));
        }
        if (block_frame_pack(codec, &packed, bytes_of_buf(&plain)) != OK) abort();
        if (write(fd, packed.data, packed.size) != (ssize_t)packed.size) abort();
        frames.plain_bytes[i] = (uint32_t)plain.size;
        frames.begins[i + 1] = frames.begins[i] + packed.size;
        plain_total += plain.size;
    }
    frames.data = mmap(NULL, frames.begins[frames.count], PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    buf_free(&plain);
    buf_free(&packed);
    block_codec_free(codec);
    say("item_plain", (double)plain_total / (double)items, "bytes");
    say("item_packed", (double)frames.begins[frames.count] / (double)items, "bytes");
    return frames;
}

static struct store_batch *batch_make(struct store *store, const struct frames *frames, uint64_t from, uint64_t to) {
    static uint8_t entry_bytes[ENTRY_HEADER_BYTES + BLOCK_BODY_BYTES + SIGN_BYTES];
    struct store_batch *batch = store_batch_new(store);
    struct entry entry = {.seq = from / BATCH_ITEMS + 1, .size = sizeof entry_bytes};
    randombytes_buf(entry_bytes, sizeof entry_bytes);
    entry.unsigned_bytes = bytes_of(entry_bytes, sizeof entry_bytes - SIGN_BYTES);
    size_t first = from / FRAME_ITEMS, end = (to + FRAME_ITEMS - 1) / FRAME_ITEMS;
    store_batch_entry(batch, &entry, true);
    /* The payload of a block is its frames and little more. */
    store_batch_payload(batch, entry.node_id, entry.seq,
                        bytes_of(frames->data + frames->begins[first], frames->begins[end] - frames->begins[first]));
    for (size_t i = first; i < end; i++) {
        uint64_t stop = (i + 1) * FRAME_ITEMS < to ? (i + 1) * FRAME_ITEMS : to;
        struct page_head head = {.cursor = store_cursor_next(store),
                                 .item_count = (uint16_t)(stop - i * FRAME_ITEMS),
                                 .plain_bytes = frames->plain_bytes[i],
                                 .seq = entry.seq,
                                 .item_first = (uint32_t)(i * FRAME_ITEMS - from),
                                 .arrived_ms = 1700000000000,
                                 .expires_ms = 1707000000000};
        if (store_batch_page(batch, &head, bytes_of(frames->data + frames->begins[i], frames->begins[i + 1] - frames->begins[i])) !=
            OK)
            abort();
        for (uint64_t n = i * FRAME_ITEMS; n < stop; n++) {
            item_make(n, false);
            store_batch_terms(batch, n, &item);
        }
    }
    return batch;
}

static void completed_take(struct store *store) {
    uint64_t ticket;
    enum err error;
    while ((error = store_completed(store, &ticket)) == OK) {
    }
    if (error != ERR_NOT_FOUND) {
        fprintf(stderr, "%s: %s\n", err_name(error), store_why(store));
        abort();
    }
}

static void bench_insert(struct store *store, const struct frames *frames, uint64_t items) {
    double began = now_s(), cpu = cpu_s();
    for (uint64_t n = 0; n < items; n += BATCH_ITEMS) {
        uint64_t to = n + BATCH_ITEMS < items ? n + BATCH_ITEMS : items;
        while (store_pending(store) >= PENDING_MAX) usleep(100);
        completed_take(store);
        store_commit(store, batch_make(store, frames, n, to), n);
    }
    store_wait(store);
    completed_take(store);
    double took = now_s() - began;
    say("insert_rate", (double)items / took, "items/s");
    say("insert_cpu", (cpu_s() - cpu) / (double)items * 1e6, "us/item");
    cpu = cpu_s();
    for (uint64_t n = 0; n < items; n++) item_make(n, false);
    say("insert_cpu_of_bench_itself", (cpu_s() - cpu) / (double)items * 1e6, "us/item");
}

/* A commit of one item with its sync, one after the other. */
static void bench_latency(struct store *store) {
    enum { COMMITS = 200 };
    double began = now_s();
    for (int i = 0; i < COMMITS; i++) {
        struct store_batch *batch = store_batch_new(store);
        store_batch_meta(batch, "bench", bytes_of(&i, sizeof i));
        store_commit(store, batch, 1);
        store_wait(store);
        completed_take(store);
    }
    say("commit_alone", (now_s() - began) / COMMITS * 1e6, "us");
}

static void bench_find(struct store *store, uint64_t items, const char *when) {
    char name[64];
    uint64_t cursors[64], found = 0;
    struct started began = start();
    for (uint64_t i = 0; i < LOOK_UPS; i++) {
        char absent[40] = "absent-";
        size_t size = 7 + hex_put(absent + 7, mixed(i), 12);
        memcpy(absent + size, ".example.com", 12);
        found += store_find_value(store, (struct observable){OBSERVABLE_DOMAIN, bytes_of(absent, size + 12)}, cursors, 64);
    }
    say_calls("find_miss", when, began, LOOK_UPS);
    if (found > 0) abort();

    began = start();
    for (uint64_t i = 0; i < LOOK_UPS; i++) {
        item_make(mixed(i) % items, false);
        if (store_find_id(store, item.id, cursors, 64) < 1) abort();
    }
    say_calls("find_hit_cursor_only", when, began, LOOK_UPS);

    began = start();
    for (uint64_t i = 0; i < LOOK_UPS / 4; i++) {
        struct page_head head;
        struct bytes encoded;
        item_make(mixed(i + LOOK_UPS) % items, false);
        size_t count = store_find_value(store, item.observables[0], cursors, 64);
        if (count < 1 || store_item(store, cursors[count - 1], &head, &decoded, &encoded) != OK) abort();
        if (count == 1 && !bytes_equal(decoded.id, item.id)) abort();
    }
    say_calls("find_hit_with_object", when, began, LOOK_UPS / 4);

    began = start();
    found = 0;
    for (uint64_t i = 0; i < LOOK_UPS / 4; i++) {
        uint8_t address[5];
        put_be32(address, (uint32_t)mixed(i * 7));
        address[4] = 32;
        found += store_find_value(store, (struct observable){OBSERVABLE_IPV4, bytes_of(address, 5)}, cursors, 64);
    }
    say_calls("find_address_in_networks", when, began, LOOK_UPS / 4);
    snprintf(name, sizeof name, "networks_per_address%s", when);
    say(name, (double)found / (LOOK_UPS / 4), "");
}

static void bench_unpack(const struct frames *frames) {
    struct block_codec *codec = block_codec_new();
    struct buf plain;
    buf_init(&plain, 0);
    size_t rounds = frames->count < 20000 ? frames->count : 20000;
    double began = now_s();
    for (size_t i = 0; i < rounds; i++) {
        size_t at = mixed(i) % frames->count;
        struct bytes packed = bytes_of(frames->data + frames->begins[at], frames->begins[at + 1] - frames->begins[at]);
        if (block_frame_unpack(codec, &plain, packed, frames->plain_bytes[at]) != OK) abort();
    }
    say("unpack_page", (now_s() - began) / (double)rounds * 1e6, "us");
    buf_free(&plain);
    block_codec_free(codec);
}

static void bench_feed(struct store *store, uint64_t items) {
    double began = now_s();
    struct page page;
    uint64_t cursor = 0;
    while (store_page_from(store, cursor, &page) == OK) cursor = page.head.cursor + page.head.item_count;
    say("feed", (double)items / (now_s() - began), "items/s");
}

/* The same index keys and pages straight into RocksDB as it comes, synced per batch: what the store is measured against. */
static void bench_raw(const char *path, const struct frames *frames, uint64_t items) {
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_writeoptions_t *sync = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(sync, 1);
    char *error = NULL;
    rocksdb_t *db = rocksdb_open(options, path, &error);
    if (error != NULL) abort();
    double began = now_s(), cpu = cpu_s();
    for (uint64_t n = 0; n < items; n += BATCH_ITEMS) {
        rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
        for (uint64_t i = n; i < n + BATCH_ITEMS && i < items; i++) {
            uint8_t key[17] = {0};
            put_be64(key + 9, i);
            for (uint64_t k = 0; k < 2; k++) {
                put_be64(key + 1, mixed(2 * i + k));
                rocksdb_writebatch_put(batch, (const char *)key, sizeof key, "", 0);
            }
            if (i % FRAME_ITEMS != 0) continue;
            size_t frame = i / FRAME_ITEMS;
            key[8] = 1;
            rocksdb_writebatch_put(batch, (const char *)key + 8, 9, (const char *)frames->data + frames->begins[frame],
                                   frames->begins[frame + 1] - frames->begins[frame]);
        }
        rocksdb_write(db, sync, batch, &error);
        if (error != NULL) abort();
        rocksdb_writebatch_destroy(batch);
    }
    say("raw_rocksdb_rate", (double)items / (now_s() - began), "items/s");
    say("raw_rocksdb_cpu", (cpu_s() - cpu) / (double)items * 1e6, "us/item");
    rocksdb_close(db);
    rocksdb_options_destroy(options);
    rocksdb_writeoptions_destroy(sync);
}

static void directory_remove(const char *path) {
    DIR *directory = opendir(path);
    if (directory == NULL) return;
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) (void)unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
    (void)rmdir(path);
}

static struct store *opened(const struct store_options *options) {
    struct store *store;
    char why[256];
    if (store_open(&store, options, why, sizeof why) == OK) return store;
    fprintf(stderr, "%s\n", why);
    abort();
}

int main(int argc, char **argv) {
    uint64_t items = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    const char *base = getenv("TMPDIR");
    char dir[256], raw[300];
    snprintf(dir, sizeof dir, "%s/comity-bench-XXXXXX", base != NULL ? base : "/tmp");
    if (sodium_init() < 0 || items == 0 || mkdtemp(dir) == NULL) return 1;
    snprintf(raw, sizeof raw, "%s.raw", dir);
    struct frames frames = frames_make(items);
    double memory_before = memory_mb();
    struct store_options options = {.path = dir, .cache_bytes = 64 << 20, .sync = getenv("BENCH_NO_SYNC") == NULL};
    struct store *store = opened(&options);
    bench_insert(store, &frames, items);
    struct store_counts counts;
    store_counts(store, &counts);
    say("disk", (double)counts.disk_bytes / (double)items, "bytes/item");
    say("memory_after_insert", memory_mb() - memory_before, "MB");
    bench_unpack(&frames);
    bench_find(store, items, "");
    bench_feed(store, items);
    bench_latency(store);
    say("memory_after_look_ups", memory_mb() - memory_before, "MB");
    store_close(store);
    double began = now_s();
    store = opened(&options);
    say("open", (now_s() - began) * 1000, "ms");
    store_counts(store, &counts);
    say("disk_after_open", (double)counts.disk_bytes / (double)items, "bytes/item");
    bench_find(store, items, "_reopened");
    began = now_s();
    if (store_index_rebuild(store, NULL, NULL) != OK) abort();
    say("index_rebuild", (double)items / (now_s() - began), "items/s");
    store_close(store);
    if (getenv("BENCH_KEEP") == NULL) directory_remove(dir);
    bench_raw(raw, &frames, items);
    directory_remove(raw);
    return 0;
}
