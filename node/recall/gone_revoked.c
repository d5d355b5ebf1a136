/* A node was revoked: what it wrote past the cut is shown nobody any more, though it stays in the pages. The withdrawal list tells of it, in a
   walk over the heads of all pages that goes on in small parts; begun again after a crash it says some things twice. */
#include "node/engine/engine_core.h"
#include "node/process/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_MS  1000
#define SOON_MS   20
#define HEADS_MAX 1024 /* looked at in one go */
#define PAGES_MAX 64   /* opened in one go */
#define KEY_BYTES 48
#define PREFIX    "gone-cut/"

static void key_of(char out[static KEY_BYTES], const uint8_t *node_id) {
    char hex[2 * NODE_ID_BYTES + 1];
    hex_encode(hex, bytes_of(node_id, NODE_ID_BYTES));
    snprintf(out, KEY_BYTES, PREFIX "%s", hex);
}

/* --- all that were told of --- */

static enum err cut_keep(struct gone *gone, const uint8_t *node_id, uint64_t after) {
    for (size_t i = 0; i < gone->cut_count; i++) {
        if (memcmp(gone->cuts[i].node_id, node_id, NODE_ID_BYTES) != 0) continue;
        gone->cuts[i].after = after;
        return OK;
    }
    struct gone_cut_known *grown = realloc(gone->cuts, (gone->cut_count + 1) * sizeof *grown);
    if (!grown) return ERR_MEMORY;
    gone->cuts = grown;
    memcpy(grown[gone->cut_count].node_id, node_id, NODE_ID_BYTES);
    grown[gone->cut_count++].after = after;
    return OK;
}

struct loading {
    struct gone *gone;
    enum err err;
};

static bool cut_load(void *context, const char *key, struct bytes value) {
    struct loading *loading = context;
    uint8_t node_id[NODE_ID_BYTES];
    bool good = value.size == 8 && hex_decode(node_id, sizeof node_id, bytes_of_text(key + sizeof PREFIX - 1));
    loading->err = good ? cut_keep(loading->gone, node_id, get_be64(value.data)) : ERR_CORRUPT;
    return loading->err == OK;
}

enum err gone_revoked_load(struct engine *engine) {
    struct loading loading = {&engine->gone, OK};
    enum err err = store_meta_each(engine->store, PREFIX, cut_load, &loading);
    return err == OK ? loading.err : err;
}

bool gone_revoked(const struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq) {
    const struct gone *gone = &engine->gone;
    struct gossip_log_view log;
    if (gossip_retracted(engine->gossip, node_id, seq)) return true;
    for (size_t i = 0; i < gone->cut_count; i++)
        if (seq > gone->cuts[i].after && memcmp(gone->cuts[i].node_id, node_id, NODE_ID_BYTES) == 0)
            return !gossip_log_find(engine->gossip, node_id, &log);
    return false;
}

/* --- telling --- */

/* The cut that all consumers were told of; UINT64_MAX: none. */
static uint64_t cut_told(struct engine *engine, const uint8_t *node_id) {
    char key[KEY_BYTES];
    struct buf value = {0};
    key_of(key, node_id);
    bool found = store_meta(engine->store, key, &value) == OK && value.size == 8;
    uint64_t cut = found ? get_be64(value.data) : UINT64_MAX;
    buf_free(&value);
    return cut;
}

typedef bool cut_visit(void *context, const struct agency_node *node);

static void cuts_each(const struct engine *engine, cut_visit *visit, void *context) {
    bool going = true;
    for (size_t i = 0; going && i < gossip_agency_count(engine->gossip); i++) {
        const struct agency *agency = gossip_agency(engine->gossip, i);
        for (size_t j = 0; going && j < agency->node_count; j++)
            if (agency->nodes[j].revoked) going = visit(context, &agency->nodes[j]);
    }
}

/* All that is known of revocations, as one number: while it stays, nobody needs to look. */
static bool sum_add(void *context, const struct agency_node *node) {
    uint64_t *sum = context;
    *sum = *sum * 31 + node->revoked_seq + get_be32(node->id) + 1;
    return true;
}

struct finding {
    struct engine *engine;
    struct gone_cut *cut;
};

/* The first revoked node of which nothing was told yet, or less. */
static bool cut_find(void *context, const struct agency_node *node) {
    struct finding *finding = context;
    uint64_t told = cut_told(finding->engine, node->id);
    if (told <= node->revoked_seq) return true;
    *finding->cut = (struct gone_cut){.active = true, .after = node->revoked_seq, .until = told, .cursor = 1};
    memcpy(finding->cut->node_id, node->id, NODE_ID_BYTES);
    return false;
}

static void page_note(struct engine *engine, struct store_batch *batch, const struct page *page) {
    static struct item item;
    static struct buf copy; /* deciding may look at other pages */
    const struct page_head head = page->head;
    struct bytes encoded;
    buf_clear(&copy);
    buf_put(&copy, page->plain);
    struct cursor walk = cursor_of(bytes_of_buf(&copy));
    for (uint64_t cursor = head.cursor; block_frame_next(&walk, &encoded); cursor++)
        if (encoded.size > 0 && item_decode(&item, encoded) == OK) gone_note(engine, batch, &head, cursor, &item, GONE_REVOKED);
}

/* True when all pages were looked at. */
static bool walk(struct engine *engine, struct gone_cut *cut, struct store_batch *batch) {
    size_t opened = 0;
    for (size_t heads = 0; heads < HEADS_MAX && opened < PAGES_MAX; heads++) {
        struct page page;
        struct page_head head;
        enum err err = store_page_head(engine->store, cut->cursor, &head);
        if (err != OK || head.cursor >= store_cursor_end(engine->store)) return true;
        cut->cursor = head.cursor + head.item_count;
        bool past = memcmp(head.node_id, cut->node_id, NODE_ID_BYTES) == 0 && head.seq > cut->after && head.seq <= cut->until;
        if (!past || store_page_from(engine->store, head.cursor, &page) != OK || page.head.cursor != head.cursor) continue;
        page_note(engine, batch, &page);
        opened++;
    }
    return false;
}

static void cut_go_on(struct engine *engine) {
    struct gone_cut *cut = &engine->gone.cut;
    struct store_batch *batch = store_batch_new(engine->store);
    if (!batch) return;
    if (walk(engine, cut, batch)) {
        char key[KEY_BYTES];
        uint8_t value[8];
        key_of(key, cut->node_id);
        put_be64(value, cut->after);
        store_batch_meta(batch, key, bytes_of(value, sizeof value));
        if (cut_keep(&engine->gone, cut->node_id, cut->after) != OK) engine_fail(engine, 5, "out of memory for a revocation");
        cut->active = false;
    }
    if (store_batch_bytes(batch) > 0 || engine->gone.next > engine->gone.last + 1)
        withdraw_commit(engine, batch);
    else
        store_batch_free(batch);
}

void gone_revoked_pump(struct engine *engine) {
    struct gone *gone = &engine->gone;
    uint64_t now = clock_monotonic_ms(), sum = 0;
    if (!gone->cut.active && now >= gone->cuts_due_ms) {
        struct finding finding = {engine, &gone->cut};
        gone->cuts_due_ms = now + EVERY_MS;
        cuts_each(engine, sum_add, &sum);
        if (sum != gone->cuts_told) cuts_each(engine, cut_find, &finding);
        if (!gone->cut.active) gone->cuts_told = sum;
    }
    if (!gone->cut.active) return;
    if (!engine->recalls.writing) cut_go_on(engine);
    uint64_t due = gone->cut.active ? now + SOON_MS : gone->cuts_due_ms;
    if (engine->recalls.due_ms > due) engine->recalls.due_ms = due;
}
