#include "node/engine/replay.h"

#include "node/process/dir.h"
#include "node/engine/engine_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the logs of this agency's other nodes, the lost one among them, ended in the backup: "replay/NODE". */
#define END_PREFIX "replay/"
#define PLACED_MAX 4096 /* blocks behind the backup that hold what an older one held */

/* All is here for so long: a peer tells of many logs in several messages. */
#define REPLAY_SETTLE_MS 2000

static void end_name(char out[static STORE_META_KEY_BYTES_MAX + 1], const uint8_t *node_id) {
    char hex[2 * NODE_ID_BYTES + 1];
    hex_encode(hex, bytes_of(node_id, NODE_ID_BYTES));
    snprintf(out, STORE_META_KEY_BYTES_MAX + 1, END_PREFIX "%s", hex);
}

/* Before any peer is heard; what an earlier start noted stays. */
static void ends_keep(struct engine *engine) {
    const struct agency *own = gossip_agency(engine->gossip, 0);
    struct store_batch *batch = store_batch_new(engine->store);
    for (size_t i = 0; batch && i < own->node_count; i++) {
        struct gossip_log_view log;
        struct buf held = {0};
        uint8_t end[8];
        char name[STORE_META_KEY_BYTES_MAX + 1];
        end_name(name, own->nodes[i].id);
        bool noted = store_meta(engine->store, name, &held) == OK;
        buf_free(&held);
        if (noted || memcmp(own->nodes[i].id, engine->node_id, NODE_ID_BYTES) == 0) continue;
        put_be64(end, gossip_log_find(engine->gossip, own->nodes[i].id, &log) ? log.head : 0);
        store_batch_meta(batch, name, bytes_of(end, sizeof end));
    }
    if (batch) store_commit(engine->store, batch, 0);
}

void replay_load(struct engine *engine) {
    char path[DIR_PATH_MAX];
    /* A mark that cannot be looked for counts as one that is there. */
    engine->replaying = dir_path(path, engine->settings.dir, DIR_RESTORED) != OK || access(path, F_OK) == 0;
    if (engine->replaying) engine_event(engine, LOG_NODE_REPLAYING, NULL, "%s", REPLAY_REASON);
}

void replay_opened(struct engine *engine) {
    if (engine->replaying) ends_keep(engine);
}

/* --- what waited in the outbox --- */

struct behind {
    uint64_t end;                /* of the log in the backup */
    uint64_t placed[PLACED_MAX]; /* blocks behind it that replace older ones */
    size_t placed_count;
    bool recalled; /* something was that this node never held */
};

static bool behind_visit(void *context, uint64_t seq, bool verified, struct bytes bytes) {
    struct behind *behind = context;
    struct entry entry;
    struct recall recall;
    (void)verified;
    if (entry_parse(&entry, bytes) != OK || entry.type != ENTRY_RECALL || recall_read(&recall, seq, entry.body) != OK) return true;
    bool older = recall.block <= behind->end;
    for (size_t i = 0; i < behind->placed_count && !older; i++) older = behind->placed[i] == recall.block;
    behind->recalled = !older || behind->placed_count == PLACED_MAX;
    if (older && recall.replacement != 0 && !behind->recalled) behind->placed[behind->placed_count++] = recall.replacement;
    return !behind->recalled;
}

/* Publications go out in the order in which they came. So a lost node that took something back which it had published after the backup had
   published all that waited in it, perhaps just that; its partners have what it did not take back. Published again it would come to
   light again. */
static bool recalled_behind(struct engine *engine) {
    const struct agency *own = gossip_agency(engine->gossip, 0);
    bool recalled = false;
    for (size_t i = 0; i < own->node_count && !recalled; i++) {
        struct behind *behind = calloc(1, sizeof *behind);
        struct buf end = {0};
        char name[STORE_META_KEY_BYTES_MAX + 1];
        if (!behind) return true;
        end_name(name, own->nodes[i].id);
        if (store_meta(engine->store, name, &end) == OK && end.size == 8) {
            behind->end = get_be64(end.data);
            if (store_entries(engine->store, own->nodes[i].id, behind->end + 1, behind_visit, behind) != OK)
                behind->recalled = true;
        }
        recalled = behind->recalled;
        buf_free(&end);
        free(behind);
    }
    return recalled;
}

static void outbox_settle(struct engine *engine) {
    char name[STORE_META_KEY_BYTES_MAX + 1];
    const struct agency *own = gossip_agency(engine->gossip, 0);
    if (engine->outbox.first < engine->outbox.next && recalled_behind(engine)) {
        unsigned long long dropped = outbox_drop(engine);
        engine_notice(
            engine,
            "%llu object%s of the backup's outbox went out before the old node was lost, which then recalled a part of it: "
            "not published again",
            dropped, dropped == 1 ? "" : "s");
    }
    struct store_batch *batch = store_batch_new(engine->store);
    for (size_t i = 0; batch && i < own->node_count; i++) {
        end_name(name, own->nodes[i].id);
        store_batch_meta_delete(batch, name);
    }
    if (batch) store_commit(engine->store, batch, 0);
}

static bool links_open(const struct engine *engine) {
    struct gossip_link_view view;
    for (size_t i = 0; i < gossip_link_count(engine->gossip); i++) {
        gossip_link_view(engine->gossip, i, &view);
        if (view.open) return true;
    }
    return false;
}

/* Did some peer tell where the logs end, is all of it here, and is what it takes back out of the pages? */
static bool all_here(const struct engine *engine) {
    if (!links_open(engine) || gossip_own_ready(engine->gossip) != GOSSIP_OWN_READY) return false;
    if (!gossip_caught_up(engine->gossip) || store_pending(engine->store) > 0) return false;
    for (size_t i = 0; i < engine->recalls.count; i++)
        if (!engine->recalls.waiting[i].withdrawn) return false;
    return true;
}

void replay_tick(struct engine *engine, uint64_t monotonic_ms) {
    if (!engine->replaying) return;
    if (!all_here(engine)) {
        engine->replay_settled_ms = 0;
        return;
    }
    if (engine->replay_settled_ms == 0) engine->replay_settled_ms = monotonic_ms;
    if (monotonic_ms - engine->replay_settled_ms < REPLAY_SETTLE_MS) return;
    outbox_settle(engine);
    enum err err = dir_remove(engine->settings.dir, DIR_RESTORED);
    if (err != OK && err != ERR_NOT_FOUND) {
        engine_notice(engine, "the mark \"" DIR_RESTORED "\" cannot be removed: %s", err_text(err));
        return;
    }
    engine->replaying = false;
    log_event(LOG_NODE_REPLAYED, NULL, "what was recalled since the backup is taken back; objects are shown again");
}

/* Of subscriptions only a test shows objects. */
static bool tests(const struct frame *frame) {
    struct pack_reader reader = pack_reader_of(frame->body);
    pack_read_array(&reader);
    return frame->type == FRAME_ASK_SUBSCRIPTION && bytes_equal_text(pack_read_str(&reader), "test");
}

bool replay_refuses(struct engine *engine, struct client *client, const struct frame *frame) {
    if (!engine->replaying) return false;
    if (tests(frame)) {
        server_error(client, frame->tag, ERR_BUSY, "%s", REPLAY_REASON);
        return true;
    }
    switch (frame->type) {
    case FRAME_ASK_SEARCH:
    case FRAME_ASK_GET:
    case FRAME_ASK_FEED:
    case FRAME_ASK_PAGE:
    case FRAME_ASK_TAKE:
    case FRAME_ASK_SUBJECT:
    case FRAME_ASK_SHARE:
    case FRAME_ASK_WHY: server_error(client, frame->tag, ERR_BUSY, "%s", REPLAY_REASON); return true;
    default: return false;
    }
}
