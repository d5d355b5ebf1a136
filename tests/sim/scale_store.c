#include "tests/sim/scale_store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void store_open(struct store *store, uint32_t nodes) {
    *store = (struct store){.nodes = nodes};
    store->logs = calloc(nodes, sizeof *store->logs);
    assert(store->logs);
}

void store_close(struct store *store) {
    for (uint32_t author = 0; author < store->nodes; author++) {
        struct store_log *log = &store->logs[author];
        while (log->count > 0) store_undo(store, author);
        free(log->records);
        free(log->heads);
    }
    free(store->logs);
    *store = (struct store){0};
}

struct store_record *store_add(struct store *store, uint32_t author, struct bytes entry, struct bytes payload, size_t message) {
    struct store_log *log = &store->logs[author];
    struct entry parsed;
    if (!log->heads) log->heads = calloc(store->nodes, sizeof *log->heads);
    if (log->count == log->capacity) {
        log->capacity = log->capacity ? 2 * log->capacity : 4;
        log->records = realloc(log->records, log->capacity * sizeof *log->records);
    }
    assert(log->heads && log->records);
    struct store_record *record = &log->records[log->count++];
    *record = (struct store_record){.message = message};
    buf_put(&record->entry, entry);
    buf_put(&record->payload, payload);
    enum err err = entry_parse(&parsed, entry);
    assert(err == OK && parsed.seq == log->count);
    memcpy(record->id, parsed.id, HASH_BYTES);
    record->block = parsed.type == ENTRY_BLOCK && block_body_read(&record->body, parsed.body) == OK;
    record->here = record->block ? calloc(store->nodes / 8 + 1, 1) : NULL;
    assert(!record->block || record->here);
    return record;
}

static void record_free(struct store_record *record) {
    buf_free(&record->entry);
    buf_free(&record->payload);
    free(record->here);
}

void store_undo(struct store *store, uint32_t author) {
    struct store_log *log = &store->logs[author];
    record_free(&log->records[--log->count]);
}

struct store_record *store_record(const struct store *store, uint32_t author, uint64_t seq) {
    const struct store_log *log = &store->logs[author];
    return seq > 0 && seq <= log->count ? &log->records[seq - 1] : NULL;
}

uint64_t store_head(const struct store *store, uint32_t node, uint32_t author) {
    const struct store_log *log = &store->logs[author];
    return log->heads ? log->heads[node] : 0;
}

bool store_payload_here(const struct store *store, uint32_t node, uint32_t author, uint64_t seq) {
    const struct store_record *record = store_record(store, author, seq);
    return record && record->block && (record->here[node / 8] >> node % 8 & 1);
}

static void fail(struct store *store, const char *invariant, uint32_t node, uint32_t author, uint64_t seq) {
    if (store->broken[0]) return;
    snprintf(store->broken, sizeof store->broken, "%s: node %u, entry %llu of %u", invariant, node, (unsigned long long)seq,
             author);
}

void store_entries(struct store *store, uint32_t node, uint32_t author, struct bytes entries) {
    struct store_log *log = &store->logs[author];
    while (entries.size > 0) {
        uint64_t seq = store_head(store, node, author) + 1;
        const struct store_record *record = store_record(store, author, seq);
        if (!record || entries.size < record->entry.size || memcmp(entries.data, record->entry.data, record->entry.size) != 0) {
            fail(store, "NoInvention, or not in order", node, author, seq);
            return;
        }
        log->heads[node]++;
        entries = bytes_of(entries.data + record->entry.size, entries.size - record->entry.size);
    }
}

void store_payload(struct store *store, uint32_t node, uint32_t author, uint64_t seq, struct bytes payload) {
    struct store_record *record = store_record(store, author, seq);
    if (!record || !record->block || !bytes_equal(payload, bytes_of_buf(&record->payload)))
        fail(store, "NoInvention, of a payload", node, author, seq);
    else if (record->here[node / 8] >> node % 8 & 1)
        fail(store, "a payload delivered twice", node, author, seq);
    else
        record->here[node / 8] |= (uint8_t)(1u << node % 8);
}

void store_load(const struct store *store, uint32_t node, uint32_t author, uint64_t seq, size_t bytes_max, struct buf *out) {
    for (uint64_t head = store_head(store, node, author); seq > 0 && seq <= head; seq++) {
        const struct store_record *record = store_record(store, author, seq);
        if (out->size > 0 && out->size + record->entry.size > bytes_max) break;
        buf_put(out, bytes_of_buf(&record->entry));
    }
}

uint64_t store_scan(const struct store *store, uint32_t node, uint32_t author, uint64_t seq, struct scanned *rows, size_t rows_max,
                    size_t *count) {
    *count = 0;
    for (uint64_t head = store_head(store, node, author); seq > 0 && seq <= head; seq++) {
        const struct store_record *record = store_record(store, author, seq);
        if (!record->block || store_payload_here(store, node, author, seq)) continue;
        if (*count == rows_max) return seq;
        rows[*count].seq = seq;
        rows[(*count)++].body = record->body;
    }
    return 0;
}
