#include "tests/sim/ledger.h"

#include "gossip/recall.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void ledger_open(struct ledger *ledger, size_t authors) {
    ledger->logs = realloc(ledger->logs, authors * sizeof *ledger->logs);
    assert(ledger->logs);
    memset(ledger->logs + ledger->authors, 0, (authors - ledger->authors) * sizeof *ledger->logs);
    ledger->authors = authors;
}

static void row_free(struct ledger_row *row) {
    if (row->older) row_free(row->older), free(row->older);
    blob_drop(row->entry);
    blob_drop(row->payload);
    free(row->readers);
    *row = (struct ledger_row){0};
}

void ledger_free(struct ledger *ledger) {
    for (size_t i = 0; i < ledger->authors; i++) {
        for (size_t k = 0; k < ledger->logs[i].count; k++) row_free(&ledger->logs[i].rows[k]);
        free(ledger->logs[i].rows);
    }
    free(ledger->logs);
    free(ledger->payloads);
    *ledger = (struct ledger){0};
}

struct ledger_row *ledger_find(const struct ledger *ledger, size_t author, uint64_t seq) {
    if (author >= ledger->authors || seq == 0 || seq > ledger->logs[author].count) return NULL;
    struct ledger_row *row = &ledger->logs[author].rows[seq - 1];
    return row->used ? row : NULL;
}

static struct ledger_row *place(struct ledger_log *log, uint64_t seq) {
    while (log->count < seq) {
        if (log->count == log->capacity) {
            log->capacity = log->capacity ? 2 * log->capacity : 16;
            log->rows = realloc(log->rows, log->capacity * sizeof *log->rows);
            assert(log->rows);
        }
        log->rows[log->count++] = (struct ledger_row){0};
    }
    return &log->rows[seq - 1];
}

static void payload_put(struct ledger *ledger, const struct ledger_row *row, const struct ledger_place *put) {
    size_t at = get_be32(row->body.seal.payload_hash);
    while (ledger->payloads[at & (ledger->payload_size - 1)].used) at++;
    ledger->payloads[at & (ledger->payload_size - 1)] = *put;
    ledger->payload_count++;
}

/* All payloads but those of `fresh`, in a table twice as large. */
static void payloads_again(struct ledger *ledger, const struct ledger_row *fresh) {
    ledger->payload_size = ledger->payload_size ? 2 * ledger->payload_size : 256;
    ledger->payload_count = 0;
    free(ledger->payloads);
    ledger->payloads = calloc(ledger->payload_size, sizeof *ledger->payloads);
    assert(ledger->payloads);
    for (size_t i = 0; i < ledger->authors; i++)
        for (uint64_t k = 1; k <= ledger->logs[i].count; k++)
            for (const struct ledger_row *row = &ledger->logs[i].rows[k - 1]; row; row = row->older)
                if (row != fresh && row->type == ENTRY_BLOCK)
                    payload_put(ledger, row, &(struct ledger_place){.author = (uint32_t)i, .seq = k, .used = true});
}

static void payload_note(struct ledger *ledger, size_t author, uint64_t seq) {
    const struct ledger_row *row = &ledger->logs[author].rows[seq - 1];
    if (2 * (ledger->payload_count + 1) > ledger->payload_size) payloads_again(ledger, row);
    payload_put(ledger, row, &(struct ledger_place){.author = (uint32_t)author, .seq = seq, .used = true});
}

struct ledger_row *ledger_add(struct ledger *ledger, size_t author, const struct entry *entry, struct bytes bytes,
                              struct bytes payload) {
    struct ledger_row *row = place(&ledger->logs[author], entry->seq), *older = NULL;
    if (row->used && (row->spread || row->copied)) {
        older = malloc(sizeof *older);
        assert(older);
        *older = *row;
        *row = (struct ledger_row){0};
        ledger->count--;
    } else if (row->used) {
        ledger_remove(ledger, author, entry->seq);
    }
    *row = (struct ledger_row){.used = true, .type = entry->type, .seq = entry->seq, .older = older};
    memcpy(row->id, entry->id, HASH_BYTES);
    row->entry = blob_new(bytes);
    ledger->count++;
    if (entry->type != ENTRY_BLOCK || block_body_read(&row->body, entry->body) != OK) return row;
    row->payload = blob_new(payload);
    payload_note(ledger, author, entry->seq);
    return row;
}

void ledger_remove(struct ledger *ledger, size_t author, uint64_t seq) {
    struct ledger_row *row = ledger_find(ledger, author, seq);
    if (!row) return;
    struct ledger_row *older = row->older;
    row->older = NULL;
    row_free(row);
    ledger->count--;
    if (!older) return;
    *row = *older; /* what it would have replaced */
    free(older);
    ledger->count++;
}

struct ledger_row *ledger_entry(const struct ledger *ledger, size_t author, const struct entry *entry) {
    struct ledger_row *row = ledger_find(ledger, author, entry->seq);
    while (row && memcmp(row->id, entry->id, HASH_BYTES) != 0) row = row->older;
    return row;
}

struct ledger_row *ledger_payload(const struct ledger *ledger, const uint8_t hash[static HASH_BYTES], size_t *author) {
    for (size_t at = get_be32(hash); ledger->payload_size > 0; at++) {
        const struct ledger_place *here = &ledger->payloads[at & (ledger->payload_size - 1)];
        if (!here->used) return NULL;
        *author = here->author;
        struct ledger_row *row = ledger_find(ledger, here->author, here->seq);
        while (row && (row->type != ENTRY_BLOCK || memcmp(row->body.seal.payload_hash, hash, HASH_BYTES) != 0)) row = row->older;
        if (row) return row;
    }
    return NULL;
}

bool ledger_recalled(const struct ledger *ledger, size_t author, const struct ledger_row *row) {
    const struct ledger_row *by = row->recalled ? ledger_find(ledger, author, row->recalled) : NULL;
    struct entry entry;
    struct recall recall;
    if (!by || by->type != ENTRY_RECALL || entry_parse(&entry, blob_bytes(by->entry)) != OK) return false;
    return recall_read(&recall, entry.seq, entry.body) == OK && recall.block == row->seq;
}

bool ledger_reads(const struct ledger_row *row, size_t author, size_t node) {
    size_t low = 0, high = row->reader_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (row->readers[middle] < node)
            low = middle + 1;
        else
            high = middle;
    }
    return node == author || (low < row->reader_count && row->readers[low] == node);
}
