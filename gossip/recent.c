#include "gossip/recent.h"

#include "gossip/limits.h"

#include <stdlib.h>
#include <string.h>

static void row_free(struct recent_row *row) {
    buf_free(&row->entry);
    buf_free(&row->payload);
    *row = (struct recent_row){0};
}

void recent_free(struct recent *recent) {
    for (size_t i = 0; recent->rows && i < LIMIT_RECENT_ROWS; i++) row_free(&recent->rows[i]);
    free(recent->rows);
    free(recent->table);
    *recent = (struct recent){0};
}

/* Node ids are hashes already. */
static uint32_t *place_of(const struct recent *recent, const uint8_t *node_id, uint64_t seq) {
    return &recent->table[(get_be32(node_id) + (uint32_t)seq) % LIMIT_RECENT_ROWS];
}

static void oldest_drop(struct recent *recent) {
    struct recent_row *row = &recent->rows[recent->first];
    uint32_t *at = place_of(recent, row->node_id, row->seq);
    while (*at != recent->first + 1) at = &recent->rows[*at - 1].next;
    *at = row->next;
    recent->bytes -= row->entry.size + row->payload.size;
    row_free(row);
    recent->first = (recent->first + 1) % LIMIT_RECENT_ROWS;
    recent->count--;
}

struct recent_row *recent_find(const struct recent *recent, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    for (uint32_t at = recent->table ? *place_of(recent, node_id, seq) : 0; at != 0; at = recent->rows[at - 1].next) {
        struct recent_row *row = &recent->rows[at - 1];
        if (row->seq == seq && memcmp(row->node_id, node_id, NODE_ID_BYTES) == 0) return row;
    }
    return NULL;
}

bool recent_put(struct recent *recent, const struct entry *entry, struct bytes bytes, struct bytes payload) {
    if (!recent->rows) recent->rows = calloc(LIMIT_RECENT_ROWS, sizeof *recent->rows);
    if (!recent->table) recent->table = calloc(LIMIT_RECENT_ROWS, sizeof *recent->table);
    if (!recent->rows || !recent->table) return false;
    if (recent_find(recent, entry->node_id, entry->seq)) return true;
    while (recent->count > 0 &&
           (recent->count == LIMIT_RECENT_ROWS || recent->bytes + bytes.size + payload.size > LIMIT_RECENT_BYTES))
        oldest_drop(recent);
    size_t index = (recent->first + recent->count) % LIMIT_RECENT_ROWS;
    struct recent_row *row = &recent->rows[index];
    buf_put(&row->entry, bytes);
    buf_put(&row->payload, payload);
    if (row->entry.failed || row->payload.failed) {
        row_free(row);
        return false;
    }
    memcpy(row->node_id, entry->node_id, NODE_ID_BYTES);
    memcpy(row->id, entry->id, HASH_BYTES);
    row->seq = entry->seq;
    row->block = entry->type == ENTRY_BLOCK;
    uint32_t *place = place_of(recent, row->node_id, row->seq);
    row->next = *place;
    *place = (uint32_t)index + 1;
    recent->count++;
    recent->bytes += bytes.size + payload.size;
    return true;
}

void recent_forget(struct recent *recent, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    struct recent_row *row = recent_find(recent, node_id, seq);
    if (!row) return;
    recent->bytes -= row->payload.size;
    buf_free(&row->payload);
}
