#include "node/process/clock.h"
#include "node/engine/engine_core.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

/* Carrying out what the core asked for, in order. */

void engine_follow_up(struct engine *engine, const struct follow_up *follow_up) {
    if (engine->follow_up_count == engine->follow_up_capacity) {
        size_t capacity = engine->follow_up_capacity ? 2 * engine->follow_up_capacity : 64;
        struct follow_up *grown = realloc(engine->follow_ups, capacity * sizeof *grown);
        if (!grown) {
            engine_fail(engine, 5, "out of memory");
            return;
        }
        engine->follow_ups = grown, engine->follow_up_capacity = capacity;
    }
    engine->follow_ups[engine->follow_up_count++] = *follow_up;
}

static void later(struct engine *engine, const struct action *action) {
    struct follow_up follow_up = {.kind = action->kind};
    switch (action->kind) {
    case ACTION_LOAD_ENTRIES:
        follow_up.ticket = action->load_entries.ticket, follow_up.seq = action->load_entries.seq;
        follow_up.size_max = action->load_entries.bytes_max;
        memcpy(follow_up.node_id, action->load_entries.node_id, NODE_ID_BYTES);
        break;
    case ACTION_LOAD_PAYLOAD:
        follow_up.ticket = action->load_payload.ticket, follow_up.seq = action->load_payload.seq;
        memcpy(follow_up.node_id, action->load_payload.node_id, NODE_ID_BYTES);
        break;
    default:
        follow_up.ticket = action->scan.ticket, follow_up.seq = action->scan.seq, follow_up.size_max = action->scan.rows_max;
        memcpy(follow_up.node_id, action->scan.node_id, NODE_ID_BYTES);
    }
    engine_follow_up(engine, &follow_up);
}

static void entries_store(struct engine *engine, const struct action *action) {
    if (action->store_entries.own) {
        publisher_store_entries(engine, action);
        return;
    }
    logs_one_branch(engine, action->store_entries.entries);
    struct store_batch *batch = store_batch_new(engine->store);
    struct bytes rest = action->store_entries.entries;
    if (!batch) {
        engine_fail(engine, 5, "out of memory while storing entries");
        return;
    }
    while (rest.size > 0) {
        struct entry entry;
        if (entry_parse(&entry, rest) != OK) break; /* the core parsed it */
        rest = bytes_of(rest.data + entry.size, rest.size - entry.size);
        store_batch_entry(batch, &entry, action->store_entries.all_verified || rest.size == 0);
        if (entry.type == ENTRY_PREKEY && memcmp(entry.agency_id, engine->agency_id, AGENCY_ID_BYTES) == 0)
            own_prekey_seen(engine, bytes_of(rest.data - entry.size, entry.size));
    }
    reader_entries(engine, batch, action->store_entries.entries, action->store_entries.ticket);
    store_commit(engine->store, batch, action->store_entries.ticket);
}

static void sign(struct engine *engine, const struct action *action) {
    const struct sign_subject *subject = &action->sign.subject;
    uint8_t body[44] = {0};
    body[0] = (uint8_t)subject->purpose, body[1] = subject->type, body[2] = subject->suite;
    put_be64(body + 4, subject->seq);
    memcpy(body + 12, subject->hash, sizeof subject->hash);
    engine_to_key(engine, FRAME_KEY_SIGN, key_tag(KEY_TAG_LINK, action->sign.ticket), bytes_of(body, sizeof body));
}

/* A chain that grew, or one that contradicts it. */
static void chain(struct engine *engine, const struct action *action) {
    char name[6 + 2 * CHAIN_NAME_BYTES + 1];
    snprintf(name, sizeof name, "%s", action->kind == ACTION_SPLIT ? "rival/" : "chain/");
    struct store_batch *batch = store_batch_new(engine->store);
    if (!batch) return;
    hex_encode(name + 6, bytes_of(action->chain.agency_id, CHAIN_NAME_BYTES));
    store_batch_meta(batch, name, action->chain.chain);
    store_commit(engine->store, batch, 0);
    if (action->kind != ACTION_CHAIN) return;
    /* It may name nodes whose logs are here already, since it was pinned with a longer chain before: before anything more is taken. */
    struct follow_up follow_up = {.kind = ACTION_CHAIN};
    memcpy(follow_up.agency_id, action->chain.agency_id, AGENCY_ID_BYTES);
    engine_follow_up(engine, &follow_up);
}

/* A proof is kept for ever: it comes back with the log at every start. */
static void fork_keep(struct engine *engine, const struct action *action) {
    char name[5 + 2 * NODE_ID_BYTES + 1] = "fork/";
    if (action->fork.own) publisher_stop(engine);
    struct store_batch *batch = action->fork.proof.size > 0 ? store_batch_new(engine->store) : NULL;
    if (!batch) return;
    hex_encode(name + 5, bytes_of(action->fork.node_id, NODE_ID_BYTES));
    store_batch_meta(batch, name, action->fork.proof);
    store_commit(engine->store, batch, 0);
}

static void fork_notice(struct engine *engine, const char *who, const uint8_t *node_id, uint64_t seq) {
    unsigned long long number = seq;
    const struct log_field *fields = LOG_FIELDS(LOG_TEXT("agency", who), LOG_NUMBER("entry", seq));
    if (memcmp(node_id, engine->node_id, NODE_ID_BYTES) == 0)
        engine_event(
            engine, LOG_LOG_FORKED_OWN, fields,
            "this node's key signed two entries number %llu (an old copy of its directory ran?): nothing more is published "
            "under it; make a new node key with `comity node add`",
            number);
    else
        engine_event(
            engine, LOG_LOG_FORKED, fields,
            "%s's node signed two different entries number %llu, a fork: proven and passed on; its log is frozen in front of them "
            "until its operators revoke that node",
            who, number);
}

static void notice(struct engine *engine, const struct action *action) {
    struct gossip_log_view log;
    const char *who = "an unknown node";
    if (action->notice.node_id && gossip_log_find(engine->gossip, action->notice.node_id, &log))
        who = engine_agency_name(engine, log.agency_id);
    const struct log_field *fields = LOG_FIELDS(LOG_TEXT("agency", who));
    switch (action->notice.kind) {
    case NOTICE_LINK_OPEN: engine_tell(engine, LOG_LINK_UP, fields, "linked with %s", who); break;
    case NOTICE_LINK_REFUSED:
        engine_event(engine, LOG_LINK_REFUSED, fields, "a link of %s was refused: %s", who, err_text(action->notice.why));
        break;
    case NOTICE_PEER_MALFORMED:
        engine_event(engine, LOG_PEER_CUT, fields, "%s sent a malformed message (%s): refused for an hour", who,
                     err_text(action->notice.why));
        break;
    case NOTICE_PEER_SIGNATURE:
        engine_event(engine, LOG_PEER_CUT, fields, "%s sent a bad signature: refused for an hour", who);
        break;
    case NOTICE_PEER_RATE: engine_event(engine, LOG_PEER_CUT, fields, "%s went over its budget: link cut", who); break;
    case NOTICE_ENTRY_FUTURE:
        engine_event(engine, LOG_ENTRY_FUTURE, fields, "entry %llu of %s is dated in the future",
                     (unsigned long long)action->notice.seq, who);
        break;
    case NOTICE_QUOTA:
        engine_event(engine, LOG_PEER_QUOTA, fields,
                     "%s reached its payload quota (payload_quota in comity.yaml): new payloads are not fetched", who);
        break;
    case NOTICE_SPLIT:
        engine_event(engine, LOG_AGENCY_SPLIT, fields,
                     "the root keys of %s signed two chains that contradict each other: nothing is sealed to it and its links are "
                     "refused, until you pin it anew with a card that you compared (`comity trust remove`, then `add`)",
                     who);
        break;
    case NOTICE_FORK: fork_notice(engine, who, action->notice.node_id, action->notice.seq); break;
    case NOTICE_SELF_SUSPECT:
        log_event(LOG_NODE_SILENCED, NULL, "most links fell silent at once: this node was probably stopped or cut off for a while");
        break;
    }
}

static void allow(struct engine *engine) {
    size_t count = 0;
    const uint8_t(*keys)[CURVE_KEY_BYTES] = gossip_allowed(engine->gossip, &count);
    engine_to_net(engine, FRAME_NET_ALLOW, 0, bytes_of(keys, count * CURVE_KEY_BYTES));
}

/* An endpoint is resolved by the parent; the answer carries the link's number and goes on to the network process. */
static void dial(struct engine *engine, const struct action *action) {
    struct bytes endpoint = bytes_of_text(action->dial.endpoint);
    if (channel_send(&engine->child.parent, FRAME_RESOLVE, action->dial.link, endpoint) != OK) engine->stopping = true;
}

void engine_act(struct engine *engine) {
    for (size_t i = 0; i < engine->actions.count; i++) {
        const struct action *action = &engine->actions.list[i];
        switch (action->kind) {
        case ACTION_SEND: engine_to_net(engine, FRAME_NET_SEND, action->send.link, action->send.bytes); break;
        case ACTION_CLOSE:
            log_debug("closing link %u: %s", action->close.link, action->close.reason);
            engine_to_net(engine, FRAME_NET_CLOSE, action->close.link, bytes_of(NULL, 0));
            break;
        case ACTION_DIAL: dial(engine, action); break;
        case ACTION_ALLOW: allow(engine); break;
        case ACTION_SIGN: sign(engine, action); break;
        case ACTION_STORE_ENTRIES: entries_store(engine, action); break;
        case ACTION_STORE_PAYLOAD:
            if (action->store_payload.own)
                publisher_store_payload(engine, action);
            else
                reader_payload(engine, action);
            break;
        case ACTION_LOAD_ENTRIES:
        case ACTION_LOAD_PAYLOAD:
        case ACTION_SCAN: later(engine, action); break;
        case ACTION_SPLIT:
        case ACTION_CHAIN: chain(engine, action); break;
        case ACTION_FORK: fork_keep(engine, action); break;
        case ACTION_TRUNCATE: logs_truncate(engine, action->truncate.node_id, action->truncate.seq, action->truncate.ticket); break;
        case ACTION_VERIFIED: completeness_answer(engine, action); break;
        case ACTION_NOTICE: notice(engine, action); break;
        }
    }
}
