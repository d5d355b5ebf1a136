#include "node/engine/replay.h"

#include "node/process/dir.h"
#include "node/engine/engine_core.h"

#include <unistd.h>

/* All is here for so long: a peer tells of many logs in several messages. */
#define REPLAY_SETTLE_MS 2000

void replay_load(struct engine *engine) {
    char path[DIR_PATH_MAX];
    /* A mark that cannot be looked for counts as one that is there. */
    engine->replaying = dir_path(path, engine->settings.dir, DIR_RESTORED) != OK || access(path, F_OK) == 0;
    if (engine->replaying) engine_event(engine, LOG_NODE_REPLAYING, NULL, "%s", REPLAY_REASON);
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
