#include "gossip/core.h"

/* PROTOCOL.md 7.1: whom to dial. Few nodes are all dialled; beyond, a dozen links are kept, some of them our own choice, and now and
   then somebody is asked at random whether there is news: so halves of a mesh find each other again, however long they were apart. */

struct dialling {
    size_t open, under_way, outbound; /* links and dials */
};

void dial_failed(struct gossip *gossip, struct peer *peer) {
    peer->dial_backoff_ms = peer->dial_backoff_ms ? 2 * peer->dial_backoff_ms : DIAL_BACKOFF_FIRST_MS;
    if (peer->dial_backoff_ms > DIAL_BACKOFF_LAST_MS) peer->dial_backoff_ms = DIAL_BACKOFF_LAST_MS;
    /* Jitter of a quarter, so that a whole mesh does not come back at one moment. */
    peer->dial_next_ms =
        gossip->monotonic_ms + peer->dial_backoff_ms * 3 / 4 + random_below(&gossip->random, peer->dial_backoff_ms / 2);
    if (gossip->overlay_due_ms > peer->dial_next_ms) gossip->overlay_due_ms = peer->dial_next_ms;
    gossip_due(gossip, gossip->overlay_due_ms);
}

bool dial_full(const struct gossip *gossip) { return gossip->peers.count <= OVERLAY_FULL + 1; }

/* May this node be dialled now? */
static bool dialable(const struct gossip *gossip, const struct peer *peer) {
    if (peer == gossip->self || peer->dial_link != 0 || peer->node->endpoint_count == 0 || peer->slot >= 0) return false;
    if (gossip->monotonic_ms < peer->dial_next_ms || !peer_welcome(peer, gossip->now_ms, gossip->monotonic_ms)) return false;
    return overlay_links_of(gossip, peer) == 0;
}

static void dial(struct gossip *gossip, struct peer *peer, bool probe, struct dialling *state) {
    gossip->link_next += 2;
    peer->dial_link = gossip->link_next;
    peer->dial_started_ms = gossip->monotonic_ms;
    peer->dial_probe = probe;
    struct action *action = emit(gossip, ACTION_DIAL);
    action->dial.link = peer->dial_link;
    action->dial.curve_public = peer->node->curve_public;
    action->dial.endpoint = peer->node->endpoints[peer->endpoint_next++ % peer->node->endpoint_count].text;
    gossip->dials++;
    state->under_way++;
    state->outbound++;
}

void dial_over(struct gossip *gossip, struct peer *peer) {
    peer->dial_link = 0;
    gossip->dials -= gossip->dials > 0;
}

/* Certificates begin and end, a refusal's hour passes. */
static void peers_age(struct gossip *gossip) {
    if (gossip->age_due_ms > gossip->monotonic_ms) return;
    gossip->age_due_ms = gossip->monotonic_ms + PEERS_AGE_MS;
    for (size_t i = 0; i < gossip->peers.count; i++) {
        struct peer *peer = gossip->peers.list[i];
        if (peer->allowed != (peer != gossip->self && peer_welcome(peer, gossip->now_ms, gossip->monotonic_ms)))
            gossip->allow_dirty = true;
    }
}

/* What is never answered is over too. */
static void dials_age(struct gossip *gossip, struct dialling *state) {
    gossip->dials = 0;
    for (size_t i = 0; i < gossip->peers.count; i++) {
        struct peer *peer = gossip->peers.list[i];
        if (peer->dial_link == 0) continue;
        gossip->dials++;
        if (gossip->monotonic_ms - peer->dial_started_ms <= DIAL_TIMEOUT_MS) {
            state->under_way++;
            state->outbound++;
            continue;
        }
        struct action *action = emit(gossip, ACTION_CLOSE);
        action->close.link = peer->dial_link;
        action->close.reason = "no answer to the dial";
        dial_over(gossip, peer);
        dial_failed(gossip, peer);
    }
}

static void links_counted(const struct gossip *gossip, struct dialling *state) {
    for (size_t i = 0; i < gossip->links.end; i++) {
        const struct link *link = &gossip->links.list[i];
        if (link->number == 0) continue;
        if (link->state != LINK_OPEN)
            state->under_way++;
        else if (!link->probe)
            state->open++;
        state->outbound += link->outbound && !link->probe;
    }
}

/* Logs that too few links carry: their own nodes are dialled first, being sure to have them. */
static void paths(struct gossip *gossip, struct dialling *state) {
    bool may_dial = state->under_way == 0 && !dial_full(gossip);
    if (!gossip->paths_dirty) return;
    gossip->paths_dirty = false;
    for (size_t i = 0; i < gossip->peers.count; i++) {
        struct peer *peer = gossip->peers.list[i];
        size_t carriers = 0;
        for (size_t k = 0; k < gossip->links.end && carriers < OVERLAY_CARRIERS; k++)
            carriers += link_shares(&gossip->links.list[k], i);
        peer->pathless = peer != gossip->self && carriers == 0;
        if (carriers >= OVERLAY_CARRIERS || peer == gossip->self) continue;
        gossip->paths_dirty = true; /* looked at again until there are enough */
        bool room = state->open + state->under_way < LIMIT_LINKS - OVERLAY_LINKS_HIGH;
        if (may_dial && room && dialable(gossip, peer)) dial(gossip, peer, false, state);
    }
}

/* Up to `count` nodes, from a random one on, so that not all dial the same few. */
static void dial_random(struct gossip *gossip, size_t count, bool probe, struct dialling *state) {
    size_t total = gossip->peers.count, start = random_below(&gossip->random, total);
    bool full = dial_full(gossip);
    for (size_t k = 0; k < total && count > 0; k++) {
        struct peer *peer = gossip->peers.list[(start + k) % total];
        if (!dialable(gossip, peer)) continue;
        if (!full && !probe && gossip->peers.members[peer->member]->links >= LIMIT_LINKS_OF_AGENCY) continue;
        dial(gossip, peer, probe, state);
        count--;
    }
}

/* Somebody holds a `direct` payload for us: nobody else can give it. */
static void dial_wanted(struct gossip *gossip, struct dialling *state) {
    gossip->wanted = false;
    for (size_t i = 0; i < gossip->peers.count; i++) {
        struct peer *peer = gossip->peers.list[i];
        if (!peer->wanted || state->open + state->under_way >= LIMIT_LINKS - 2) continue;
        peer->wanted = false; /* its payload asks again when the dial fails */
        if (dialable(gossip, peer)) dial(gossip, peer, false, state);
    }
}

/* Readers of our own `direct` blocks who have not come for them: perhaps they cannot dial us. */
static void readers_wanted(struct gossip *gossip) {
    /* Rows of those who are linked, or were dialled in vain a moment ago, hide nobody else's. */
    for (size_t i = 0, rows = 0; i < gossip->direct.count && rows < DIAL_DIRECT_BLOCKS; i++) {
        bool any = false;
        const struct direct_block *block = &gossip->direct.list[i];
        if (gossip->monotonic_ms - block->since_ms < DIAL_DIRECT_MS) break; /* later ones are younger */
        for (size_t k = 0; k < block->count; k++) {
            struct peer *peer = peers_find(&gossip->peers, block->readers[k]);
            if (!peer || peer->slot >= 0 || peer->wanted || peer->dial_next_ms > gossip->monotonic_ms) continue;
            any = peer->wanted = gossip->wanted = true;
        }
        rows += any;
    }
}

void dial_tick(struct gossip *gossip) {
    struct dialling state = {0};
    peers_age(gossip);
    if (gossip->dials > 0) dials_age(gossip, &state);
    links_counted(gossip, &state);
    if (gossip->direct.count > 0) readers_wanted(gossip);
    if (gossip->wanted) dial_wanted(gossip, &state);
    if (dial_full(gossip)) {
        dial_random(gossip, LIMIT_LINKS, false, &state);
        paths(gossip, &state);
        return;
    }
    size_t links = state.open + state.under_way;
    size_t lacking = links < OVERLAY_LINKS ? OVERLAY_LINKS - links : 0;
    if (state.outbound < OVERLAY_OUTBOUND && lacking < OVERLAY_OUTBOUND - state.outbound)
        lacking = OVERLAY_OUTBOUND - state.outbound;
    if (lacking > 0) dial_random(gossip, lacking, false, &state);
    paths(gossip, &state);
    if (gossip->probe_due_ms > gossip->monotonic_ms) return;
    gossip->probe_due_ms = gossip->monotonic_ms + DIAL_INTERVAL_MS * 3 / 4 + random_below(&gossip->random, DIAL_INTERVAL_MS / 2);
    if (state.open + state.under_way < LIMIT_LINKS - 1) dial_random(gossip, 1, true, &state);
}
