#include "node/store/index.h"

#include "node/store/index_file.h"

#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct index {
    struct rocks *rocks;
    const struct vault *vault;
    char *path;
    size_t table_terms;
    int event_fd;
    struct index_lengths lengths; /* of everything completed */
    uint64_t mark;                /* of `live` */
    struct terms *live;
    struct rocks_walk walk;
    size_t ingestions;

    pthread_t thread;
    struct terms *sealed;   /* full, being written; only the caller's thread sets and frees it */
    struct index_mark next; /* to be written after `sealed` */

    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t changed;
    bool working; /* `sealed` is the thread's to read */
    bool stop;
    enum err error;
    char why[ROCKS_WHY_BYTES];
};

static void *run(void *argument) {
    struct index *index = argument;
    pthread_mutex_lock(&index->lock);
    for (;;) {
        while (!index->working && !index->stop) pthread_cond_wait(&index->changed, &index->lock);
        if (!index->working) break;
        pthread_mutex_unlock(&index->lock);
        char why[ROCKS_WHY_BYTES] = "";
        enum err result = index_file_ingest(index->rocks, index->path, index->sealed, why);
        /* The mark needs no sync: when it is lost, terms are added twice. */
        if (result == OK) result = index_mark_write(index->rocks, &index->next, false, why);
        pthread_mutex_lock(&index->lock);
        if (result != OK && index->error == OK) {
            index->error = result;
            snprintf(index->why, sizeof index->why, "%s", why);
            uint64_t one = 1;
            if (write(index->event_fd, &one, sizeof one) < 0) { /* only when 2^64 signals wait: it is readable then */
            }
        }
        index->working = false;
        pthread_cond_broadcast(&index->changed);
    }
    pthread_mutex_unlock(&index->lock);
    return NULL;
}

static bool thread_start(struct index *index) {
    pthread_mutex_init(&index->lock, NULL);
    pthread_cond_init(&index->changed, NULL);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int failed = pthread_create(&index->thread, NULL, run, index);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed == 0;
}

enum err index_open(struct index **out, struct rocks *rocks, const struct vault *vault, const char *path, size_t table_terms,
                    int event_fd) {
    struct index_mark mark;
    enum err error = index_mark_read(rocks, &mark);
    if (error != OK) return error;
    index_file_clean(path);
    struct index *index = calloc(1, sizeof *index);
    if (index == NULL) return ERR_MEMORY;
    *index = (struct index){.rocks = rocks, .vault = vault, .table_terms = table_terms, .event_fd = event_fd};
    index->mark = mark.cursor;
    index->lengths = mark.lengths;
    index->path = strdup(path);
    index->live = terms_new(table_terms, mark.cursor);
    if (index->path == NULL || index->live == NULL || !thread_start(index)) {
        terms_free(index->live);
        free(index->path);
        free(index);
        return ERR_MEMORY;
    }
    *out = index;
    return OK;
}

void index_close(struct index *index) {
    if (index == NULL) return;
    pthread_mutex_lock(&index->lock);
    index->stop = true;
    pthread_cond_broadcast(&index->changed);
    pthread_mutex_unlock(&index->lock);
    pthread_join(index->thread, NULL);
    rocks_walk_drop(&index->walk);
    terms_free(index->live);
    terms_free(index->sealed);
    pthread_cond_destroy(&index->changed);
    pthread_mutex_destroy(&index->lock);
    free(index->path);
    free(index);
}

uint64_t index_mark(const struct index *index) { return index->mark; }

uint64_t index_terms_in_memory(const struct index *index) {
    return index->live->count + (index->sealed != NULL ? index->sealed->count : 0);
}

size_t index_ingestions(const struct index *index) { return index->ingestions; }

static uint64_t hash_of_term(const struct vault *vault, uint8_t kind, struct bytes value) {
    uint8_t term[1 + ITEM_VALUE_BYTES_MAX], hash[8];
    size_t size = value.size <= ITEM_VALUE_BYTES_MAX ? value.size : ITEM_VALUE_BYTES_MAX;
    term[0] = kind;
    if (size > 0) memcpy(term + 1, value.data, size);
    crypto_shorthash(hash, term, size + 1, vault->index_key);
    return get_be64(hash);
}

uint64_t index_hash_id(const struct vault *vault, struct bytes id) { return hash_of_term(vault, INDEX_KIND_ID, id); }

static uint64_t *lengths_word(struct index_lengths *lengths, enum observable_kind kind, unsigned length) {
    return kind == OBSERVABLE_IPV4 ? &lengths->ipv4 : &lengths->ipv6[length / 64];
}

uint64_t index_hash_observable(const struct vault *vault, struct observable observable, struct index_lengths *lengths) {
    bool network = observable.kind == OBSERVABLE_IPV4 || observable.kind == OBSERVABLE_IPV6;
    if (network && lengths != NULL && observable.value.size > 0) {
        unsigned length = observable.value.data[observable.value.size - 1];
        if (length <= 128) *lengths_word(lengths, observable.kind, length) |= 1ULL << length % 64;
    }
    return hash_of_term(vault, (uint8_t)observable.kind, observable.value);
}

/* Frees the table that has been written, once its file can be seen. */
static void sealed_retire(struct index *index, bool wait) {
    if (index->sealed == NULL) return;
    pthread_mutex_lock(&index->lock);
    while (wait && index->working) pthread_cond_wait(&index->changed, &index->lock);
    /* After a failure the table is all there is: it stays for look-ups. */
    bool written = !index->working && index->error == OK;
    pthread_mutex_unlock(&index->lock);
    if (!written) return;
    rocks_walk_drop(&index->walk);
    terms_free(index->sealed);
    index->sealed = NULL;
}

static enum err table_seal(struct index *index, uint64_t mark) {
    sealed_retire(index, true);
    enum err error = index_error(index, NULL);
    if (error != OK) return error;
    struct terms *fresh = terms_new(index->table_terms, mark);
    if (fresh == NULL) return ERR_MEMORY;
    index->next = (struct index_mark){.cursor = mark, .lengths = index->lengths};
    index->sealed = index->live;
    index->live = fresh;
    index->mark = mark;
    index->ingestions++;
    pthread_mutex_lock(&index->lock);
    index->working = true;
    pthread_cond_broadcast(&index->changed);
    pthread_mutex_unlock(&index->lock);
    return OK;
}

enum err index_add(struct index *index, const struct term *terms, size_t count, const struct index_lengths *lengths,
                   uint64_t mark) {
    if (!terms_add(index->live, terms, count)) return ERR_MEMORY;
    index->lengths.ipv4 |= lengths->ipv4;
    for (size_t i = 0; i < 3; i++) index->lengths.ipv6[i] |= lengths->ipv6[i];
    return index->live->count >= index->table_terms ? table_seal(index, mark) : OK;
}

bool index_writing(struct index *index) {
    sealed_retire(index, false);
    return index->sealed != NULL;
}

void index_forget(struct index *index, struct term term) { terms_remove(index->live, term); }

void index_rest(struct index *index) { rocks_walk_drop(&index->walk); }

static enum err find_in_files(struct index *index, uint64_t hash, uint64_t *cursors, size_t max, size_t *count) {
    *count = 0;
    rocksdb_iterator_t *iterator = rocks_walk_use(index->rocks, ROCKS_INDEX, &index->walk);
    uint8_t prefix[8];
    put_be64(prefix, hash);
    rocksdb_iter_seek(iterator, (const char *)prefix, sizeof prefix);
    while (rocksdb_iter_valid(iterator)) {
        size_t size;
        const char *raw = rocksdb_iter_key(iterator, &size);
        struct bytes key = bytes_of(raw, size);
        if (key.size != INDEX_KEY_BYTES) return ERR_CORRUPT;
        if (memcmp(key.data, prefix, sizeof prefix) != 0) return OK;
        if (*count == max) return OK;
        cursors[(*count)++] = get_be64(key.data + 8);
        rocksdb_iter_next(iterator);
    }
    char *error = NULL;
    rocksdb_iter_get_error(iterator, &error);
    if (error == NULL) return OK;
    rocks_walk_drop(&index->walk);
    return rocks_err(error, NULL);
}

static bool stands_in(const uint64_t *sorted, size_t count, uint64_t cursor) {
    size_t low = 0;
    while (count > 0) {
        size_t half = count / 2;
        if (sorted[low + half] < cursor) {
            low += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return sorted[low] == cursor;
}

enum err index_find(struct index *index, uint64_t hash, uint64_t *cursors, size_t max, size_t *count) {
    sealed_retire(index, false);
    size_t in_files = 0;
    *count = 0;
    if (max == 0) return OK;
    enum err error = find_in_files(index, hash, cursors, max, &in_files);
    *count = in_files;
    const struct terms *tables[] = {index->sealed, index->live};
    for (size_t i = 0; i < 2; i++) {
        if (tables[i] == NULL || *count == max) continue;
        size_t before = *count;
        size_t found = terms_find(tables[i], hash, cursors + before, max - before);
        /* A crash between ingestion and mark leaves terms both in a file and in the table. */
        for (size_t k = 0; k < found; k++) {
            uint64_t cursor = cursors[before + k];
            if (in_files > 0 && cursor <= cursors[in_files - 1] && stands_in(cursors, in_files, cursor)) continue;
            cursors[(*count)++] = cursor;
        }
    }
    return error;
}

static int cursor_compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

enum err index_find_observable(struct index *index, struct observable observable, uint64_t *cursors, size_t max, size_t *count) {
    *count = 0;
    bool network = observable.kind == OBSERVABLE_IPV4 || observable.kind == OBSERVABLE_IPV6;
    size_t address_bytes = observable.kind == OBSERVABLE_IPV4 ? 4 : 16;
    if (!network || observable.value.size != address_bytes + 1 || observable.value.data[address_bytes] > 8 * address_bytes)
        return index_find(index, hash_of_term(index->vault, (uint8_t)observable.kind, observable.value), cursors, max, count);
    uint8_t masked[17];
    memcpy(masked, observable.value.data, observable.value.size);
    unsigned cleared = (unsigned)address_bytes * 8; /* bits from here on are zero */
    enum err worst = OK;
    for (unsigned length = masked[address_bytes] + 1U; length-- > 0 && *count < max;) {
        if ((*lengths_word(&index->lengths, observable.kind, length) >> length % 64 & 1) == 0) continue;
        while (cleared > length) {
            cleared--;
            masked[cleared / 8] &= (uint8_t) ~(0x80 >> cleared % 8);
        }
        masked[address_bytes] = (uint8_t)length;
        uint64_t hash = hash_of_term(index->vault, (uint8_t)observable.kind, bytes_of(masked, address_bytes + 1));
        size_t found;
        enum err error = index_find(index, hash, cursors + *count, max - *count, &found);
        if (error != OK) worst = error;
        *count += found;
    }
    if (*count > 1) {
        qsort(cursors, *count, sizeof *cursors, cursor_compare);
        size_t kept = 1;
        for (size_t i = 1; i < *count; i++)
            if (cursors[i] != cursors[kept - 1]) cursors[kept++] = cursors[i];
        *count = kept;
    }
    return worst;
}

enum err index_clear(struct index *index) {
    index_wait(index);
    enum err error = index_error(index, NULL);
    if (error != OK) return error;
    struct terms *fresh = terms_new(index->table_terms, 0);
    if (fresh == NULL) return ERR_MEMORY;
    rocks_walk_drop(&index->walk);
    terms_free(index->live);
    terms_free(index->sealed);
    index->live = fresh;
    index->sealed = NULL;
    memset(&index->lengths, 0, sizeof index->lengths);
    index->mark = 0;
    char why[ROCKS_WHY_BYTES];
    /* First the mark, synced: a crash in between then leaves an index that is made again at the next opening. */
    struct index_mark none = {0};
    error = index_mark_write(index->rocks, &none, true, why);
    if (error == OK) error = rocks_family_clear(index->rocks, ROCKS_INDEX, why);
    if (error != OK) {
        pthread_mutex_lock(&index->lock);
        index->error = error;
        snprintf(index->why, sizeof index->why, "%s", why);
        pthread_mutex_unlock(&index->lock);
    }
    return error;
}

enum err index_error(struct index *index, char *why) {
    pthread_mutex_lock(&index->lock);
    enum err error = index->error;
    if (error != OK && why != NULL) snprintf(why, ROCKS_WHY_BYTES, "%s", index->why);
    pthread_mutex_unlock(&index->lock);
    return error;
}

void index_wait(struct index *index) {
    pthread_mutex_lock(&index->lock);
    while (index->working) pthread_cond_wait(&index->changed, &index->lock);
    pthread_mutex_unlock(&index->lock);
}
