#include "gossip/core.h"

#include <stdlib.h>
#include <string.h>

enum err gossip_open(struct gossip **out, const struct gossip_options *options) {
    bool changed = false;
    struct gossip *gossip = calloc(1, sizeof *gossip);
    if (!gossip) return ERR_MEMORY;
    gossip->peers.shared = options->agencies;
    enum err err = peers_trust(&gossip->peers, options->own_chain, &changed);
    if (err == OK) gossip->self = peers_find(&gossip->peers, options->node_id);
    if (err == OK && !gossip->self) err = ERR_NOT_FOUND;
    if (err != OK) {
        gossip_close(gossip);
        return err;
    }
    gossip->self->log.own = true;
    peers_pinned(&gossip->peers, options->own_chain);
    gossip->link_next = 1;
    gossip->allow_dirty = true;
    gossip->payload_quota_bytes = options->payload_quota_bytes;
    memcpy(gossip->instance, options->instance, sizeof gossip->instance);
    random_init_seed(&gossip->random, options->seed);
    *out = gossip;
    return OK;
}

void gossip_close(struct gossip *gossip) {
    if (!gossip) return;
    for (size_t i = 0; i < gossip->links.end; i++) link_free(&gossip->links.list[i]);
    for (size_t i = 0; i < LIMIT_DISPUTES; i++) buf_free(&gossip->disputes[i].theirs);
    for (size_t i = 0; i < gossip->pending_count; i++) buf_free(&gossip->pending[i].entry), buf_free(&gossip->pending[i].payload);
    for (size_t i = 0; i < gossip->audience_count; i++) free(gossip->audiences[i].readers);
    for (size_t i = 0; i < gossip->arena_count; i++) buf_free(gossip->arena[i]), free(gossip->arena[i]);
    recent_free(&gossip->recent);
    direct_free(&gossip->direct);
    peers_free(&gossip->peers);
    random_wipe(&gossip->random);
    free(gossip->questions), free(gossip->active), free(gossip->pending), free(gossip->audiences), free(gossip->allowed),
        free(gossip->arena);
    free(gossip);
}

typedef enum err recv_function(struct gossip *gossip, struct link *link, struct message *message);
static recv_function *const recv_table[] = {
    [MESSAGE_HELLO] = recv_hello,       [MESSAGE_PROOF] = recv_proof,     [MESSAGE_TAGS] = recv_tags,
    [MESSAGE_CHAIN] = recv_chain,       [MESSAGE_DIGEST] = recv_digest,   [MESSAGE_HEADS] = recv_heads,
    [MESSAGE_GET] = recv_get,           [MESSAGE_ENTRIES] = recv_entries, [MESSAGE_WANT] = recv_want,
    [MESSAGE_PAYLOAD] = recv_payload,   [MESSAGE_PUSH] = recv_push,       [MESSAGE_HAVE] = recv_have,
    [MESSAGE_ANNOUNCE] = recv_announce, [MESSAGE_GRAFT] = recv_graft,     [MESSAGE_PRUNE] = recv_prune,
    [MESSAGE_TRUST] = recv_trust,       [MESSAGE_SUMS] = recv_sums,       [MESSAGE_STREAM] = recv_stream,
    [MESSAGE_FORK] = recv_fork,         [MESSAGE_VERIFY] = recv_verify,   [MESSAGE_VERIFIED] = recv_verified,
};

static void on_message(struct gossip *gossip, const struct event *event) {
    struct link *link = links_find(&gossip->links, event->message.link);
    struct message message;
    if (!link) return; /* cut by us; the transport has not heard of it yet */
    link->messages_in++;
    link->received_ms = gossip->monotonic_ms;
    link->owes = false;
    link->bytes_in += event->message.bytes.size;
    uint32_t number = link->number;
    enum err err = wire_decode(&message, event->message.bytes);
    bool handshake = err == OK && (message.kind == MESSAGE_HELLO || message.kind == MESSAGE_PROOF);
    /* The network can lose a PROOF, so what comes before one is no misdeed; nobody says HELLO twice. */
    if (err == OK && !handshake && link->state != LINK_OPEN) err = ERR_BUSY;
    if (err == OK && handshake && link->state == LINK_OPEN) err = ERR_FORMAT;
    if (err == OK) err = recv_table[message.kind](gossip, link, &message);
    if (err == OK || links_find(&gossip->links, number) != link) return;
    /* PROTOCOL.md 8: what no network fault can cause is answered by an hour's refusal; the rest only by a new link. */
    switch (err) {
    case ERR_SIGNATURE: overlay_refuse(gossip, link, NOTICE_PEER_SIGNATURE, err); break;
    case ERR_LIMIT: overlay_refuse(gossip, link, NOTICE_PEER_RATE, err); break;
    case ERR_MEMORY:
    case ERR_BUSY:
    case ERR_CHAIN:
    case ERR_VERSION: overlay_drop(gossip, link, err_text(err)); break;
    case ERR_DENIED:
        emit_notice(gossip, NOTICE_LINK_REFUSED, link, NULL, 0, err);
        overlay_drop(gossip, link, err_text(err));
        break;
    default: overlay_refuse(gossip, link, NOTICE_PEER_MALFORMED, err);
    }
}

static enum err on_trust(struct gossip *gossip, const struct event *event) {
    bool changed = false, frozen = false;
    enum err err = peers_trust(&gossip->peers, event->trust.chain, &changed);
    if (err == OK && !event->trust.stored) peers_pinned(&gossip->peers, event->trust.chain);
    if (err == OK) err = peers_prekeys(&gossip->peers, event->trust.prekeys);
    if (changed) tell_trust_changed(gossip);
    if (err != ERR_CHAIN) return err;
    err = split_take(gossip, event->trust.chain, &frozen);
    if (err != OK) return err;
    return frozen ? ERR_SPLIT : ERR_CHAIN; /* the latter: another continuation, and nobody signed two of one generation */
}

static void on_distrust(struct gossip *gossip, const struct event *event) {
    struct member *member = peers_member_find(&gossip->peers, event->distrust.agency_id);
    if (!member || member == gossip->peers.members[0]) return;
    for (size_t i = 0; i < gossip->links.end; i++) {
        struct link *link = &gossip->links.list[i];
        const struct peer *peer = link->number ? peers_find(&gossip->peers, link->node_id) : NULL;
        /* Nothing is asked of anybody here: an action must not name a node that is forgotten in the same step. */
        if (peer && gossip->peers.members[peer->member] == member) overlay_cut(gossip, link, "no longer trusted");
    }
    for (size_t i = 0; i < gossip->peers.count; i++) {
        struct log *log = &gossip->peers.list[i]->log;
        if (gossip->peers.members[gossip->peers.list[i]->member] != member) continue;
        gossip->fork_count -= log->fork != NULL;
        /* Who was asked for something of it may be asked for something else. */
        for (size_t k = 0; k < log->missing_count; k++)
            if (!log->missing[k].done) sync_unask(gossip, &log->missing[k]);
        struct link *link = links_find(&gossip->links, log->get_link);
        if (link) link->gets -= link->gets > 0;
    }
    peers_distrust(&gossip->peers, event->distrust.agency_id);
    /* Indexes of logs moved. What was announced comes by sync. */
    sync_active_all(gossip);
    gossip->graft_count = 0;
    sync_settle(gossip, gossip->self->index);
    tell_trust_changed(gossip);
    sync_pump_all(gossip);
}

/* What the store held at the start. */
static enum err on_log(struct gossip *gossip, const struct event *event) {
    struct peer *peer = peers_find(&gossip->peers, event->log.node_id);
    struct prekey prekey;
    if (!peer) return ERR_UNKNOWN_AUTHOR;
    struct log *log = &peer->log;
    log->head = log->durable = event->log.seq;
    memcpy(log->head_id, event->log.id, HASH_BYTES);
    memcpy(log->durable_id, event->log.id, HASH_BYTES);
    if (log->heard < log->head) log->heard = log->head;
    gossip->peers.members[peer->member]->payload_bytes += event->log.payload_bytes;
    log_scan_want(log, 1, log->head);
    sync_active(gossip, peer->index);
    freeze_cut_check(gossip, peers_index(&gossip->peers, peer));
    if (event->log.prekey.size == 0) return OK;
    enum err err = prekey_read(&prekey, event->log.prekey);
    if (err == OK) peers_prekey_learn(peer, &prekey);
    return err;
}

static void on_recall(struct gossip *gossip, const struct event *event) {
    const struct peer *peer = peers_find(&gossip->peers, event->recall.node_id);
    if (peer) accept_recall(gossip, peers_index(&gossip->peers, peer), event->recall.block, event->recall.by);
}

static void on_dropped(struct gossip *gossip, const struct event *event) {
    const struct peer *peer = peers_find(&gossip->peers, event->dropped.node_id);
    struct member *member = peer ? gossip->peers.members[peer->member] : NULL;
    if (member)
        member->payload_bytes -= event->dropped.bytes < member->payload_bytes ? event->dropped.bytes : member->payload_bytes;
}

/* An epoch turned out to be ours: its `direct` payloads are wanted from now on. */
static void on_epoch(struct gossip *gossip, const struct event *event) {
    struct peer *peer = peers_find(&gossip->peers, event->epoch.node_id);
    if (!peer || !event->epoch.readable || peer->log.own) return;
    if (!log_epoch_add(&peer->log, event->epoch.seq)) gossip->actions->failed = true;
    sync_active(gossip, peer->index);
    if (peer->log.head > event->epoch.seq) log_scan_want(&peer->log, event->epoch.seq + 1, peer->log.head);
    accept_scan(gossip, peers_index(&gossip->peers, peer));
}

static void on_answer(struct gossip *gossip, const struct event *event, uint64_t ticket) {
    struct question question;
    if (!question_take(gossip, ticket, &question)) return;
    switch (question.kind) {
    case QUESTION_SIGN: proof_signed(gossip, &question, event->signed_.signature); break;
    case QUESTION_STORE_ENTRIES:
    case QUESTION_STORE_PAYLOAD: (event->stored.refused ? accept_refused : accept_stored)(gossip, &question); break;
    case QUESTION_LOAD_ENTRIES: get_loaded(gossip, &question, event); break;
    case QUESTION_LOAD_PAYLOAD: want_loaded(gossip, &question, event); break;
    case QUESTION_SCAN: accept_scanned(gossip, &question, event); break;
    case QUESTION_VERIFY: verify_signed(gossip, &question, event->signed_.signature); break;
    case QUESTION_DISPUTE: dispute_loaded(gossip, &question, event); break;
    case QUESTION_CUT: freeze_cut_loaded(gossip, &question, event); break;
    case QUESTION_TRUNCATE: freeze_truncated(gossip, &question); break;
    }
}

/* Nobody answers what it was asked: links in handshake begin again, and a peer that waits for our heads may ask again. */
static void on_signer_lost(struct gossip *gossip) {
    for (size_t i = 0; i < gossip->question_places; i++) {
        struct question question = gossip->questions[i];
        if (question.kind != QUESTION_SIGN && question.kind != QUESTION_VERIFY) continue;
        if (!question_take(gossip, question.ticket, &question)) continue;
        (question.kind == QUESTION_SIGN ? proof_signed : verify_signed)(gossip, &question, NULL);
    }
}

static void on_sent(struct gossip *gossip, const struct event *event) {
    struct link *link = links_find(&gossip->links, event->sent.link);
    if (!link) return;
    link->queued_bytes -= event->sent.bytes < link->queued_bytes ? event->sent.bytes : link->queued_bytes;
    lanes_pump(gossip, link);
}

/* Messages were lost: what we told may not have arrived, so it is told again by a digest. Not at each loss: what is told again, and
   what the peer answers, can be lost as well. */
static void on_lossy(struct gossip *gossip, const struct event *event) {
    struct link *link = links_find(&gossip->links, event->link.link);
    if (!link) return;
    link->queued_bytes = 0;
    link->generation_tags = 0; /* TAGS may be among them */
    lanes_pump(gossip, link);
    if (link->state != LINK_OPEN)
        overlay_drop(gossip, link, "messages of the handshake were lost");
    else if (link->chains_told)
        overlay_drop(gossip, link, "a chain may have been lost");
    else
        tell_trust_later(gossip, link, LOSSY_DELAY_MS);
}

static enum err dispatch(struct gossip *gossip, const struct event *event) {
    switch (event->kind) {
    case EVENT_TICK: break;
    case EVENT_LINK_UP: overlay_link_up(gossip, event); break;
    case EVENT_LINK_DOWN: overlay_link_down(gossip, event->link.link); break;
    case EVENT_LINK_LOSSY: on_lossy(gossip, event); break;
    case EVENT_SENT: on_sent(gossip, event); break;
    case EVENT_MESSAGE: on_message(gossip, event); break;
    case EVENT_SIGNED: on_answer(gossip, event, event->signed_.ticket); break;
    case EVENT_SIGNER_LOST: on_signer_lost(gossip); break;
    case EVENT_PUBLISH: return own_publish(gossip, event);
    case EVENT_STORED: on_answer(gossip, event, event->stored.ticket); break;
    case EVENT_LOADED_ENTRIES: on_answer(gossip, event, event->loaded_entries.ticket); break;
    case EVENT_LOADED_PAYLOAD: on_answer(gossip, event, event->loaded_payload.ticket); break;
    case EVENT_SCANNED: on_answer(gossip, event, event->scanned.ticket); break;
    case EVENT_EPOCH: on_epoch(gossip, event); break;
    case EVENT_TRUST: return on_trust(gossip, event);
    case EVENT_DISTRUST: on_distrust(gossip, event); break;
    case EVENT_LOG: return on_log(gossip, event);
    case EVENT_RECALL: on_recall(gossip, event); break;
    case EVENT_DROPPED: on_dropped(gossip, event); break;
    case EVENT_VERIFY: return verify_ask(gossip, event);
    case EVENT_VERIFY_END: verify_forget(gossip, event->verify.number); break;
    case EVENT_FORK: return freeze_restore(gossip, event);
    case EVENT_AUDIENCE: return own_audience(gossip, event);
    }
    return OK;
}

enum err gossip_step(struct gossip *gossip, const struct event *event, struct actions *actions) {
    actions->count = 0;
    actions->failed = false;
    gossip->actions = actions;
    gossip->arena_used = 0;
    gossip->now_ms = event->now_ms;
    gossip->monotonic_ms = event->monotonic_ms;
    enum err err = dispatch(gossip, event);
    if (gossip->due_ms <= gossip->monotonic_ms) {
        gossip->due_ms = UINT64_MAX; /* each tick says when it wants the next */
        graft_tick(gossip);
        sync_tick(gossip);
        overlay_tick(gossip);
    }
    if (gossip->allow_dirty) overlay_allow(gossip);
    gossip->actions = NULL;
    return actions->failed ? ERR_MEMORY : err;
}

uint64_t gossip_deadline(const struct gossip *gossip) { return gossip->due_ms; }

const uint8_t (*gossip_allowed(const struct gossip *gossip, size_t *count))[CURVE_KEY_BYTES] {
    *count = gossip->allowed_count;
    return (const uint8_t(*)[CURVE_KEY_BYTES])gossip->allowed;
}

uint64_t gossip_own_next(const struct gossip *gossip, uint8_t previous[static HASH_BYTES]) {
    memcpy(previous, gossip->self->log.head_id, HASH_BYTES);
    return gossip->self->log.head + 1;
}
