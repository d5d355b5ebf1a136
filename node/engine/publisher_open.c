#include "node/process/clock.h"
#include "node/engine/engine_core.h"

/* May the own log be written, and if not, why: what status tells and what a client is told. */

static const char *own_reason(enum gossip_own state) {
    switch (state) {
    case GOSSIP_OWN_ASKING: return "no peer has told yet where this node's own log ends";
    case GOSSIP_OWN_BEHIND: return "peers hold entries of this node's own log that it has lost: fetching them first";
    case GOSSIP_OWN_FORKED:
        return "two entries of this node's own log contradict each other: make a new node key with `comity node add`";
    case GOSSIP_OWN_READY: break;
    }
    return NULL;
}

bool publisher_accepts(const struct engine *engine, const char **why) {
    bool open = publisher_open(engine, why);
    return open || outbox_takes(engine);
}

const char *publisher_barred(const struct engine *engine) {
    const struct agency_node *self = agency_node_find(gossip_agency(engine->gossip, 0), engine->node_id);
    if (!self || self->revoked) return "this node was revoked by its agency: `comity node add` gives this directory a new key";
    if (clock_wall_ms() >= self->not_after_ms) return "this node's certificate has ended: `comity node renew`";
    return gossip_own_ready(engine->gossip) == GOSSIP_OWN_FORKED ? own_reason(GOSSIP_OWN_FORKED) : NULL;
}

bool publisher_open(const struct engine *engine, const char **why) {
    *why = publisher_barred(engine);
    if (*why) return false;
    enum gossip_own state = gossip_own_ready(engine->gossip);
    *why = own_reason(state);
    if (state != GOSSIP_OWN_READY) return false;
    *why = "this node was restored, and has not heard yet what was recalled since its backup";
    if (engine->replaying) return false;
    *why = "this node has no usable prekey yet";
    if (!gossip_prekey(engine->gossip, engine->node_id)) return false;
    *why = "the key process is restarting";
    if (engine->child.peers[ROLE_KEY].fd < 0) return false;
    *why = NULL;
    return true;
}
