#include "crypto/agency_record.h"
#include "node/process/clock.h"
#include "node/process/dir.h"
#include "node/engine/engine_core.h"
#include "node/identity/newnode.h"
#include "node/cmd/ownchain.h"

#include <string.h>

/* The own agency's chain while the node runs: longer ones from commands and from the mesh, renewals that fall due, and the card that
   says all this in the node's directory. */

#define RENEW_NOTICE_MS NEWNODE_DAY_MS

void own_card_write(struct engine *engine, struct bytes prekeys) {
    struct buf binary = {0}, text = {0};
    struct card card;
    enum err err = ownchain_card(&binary, gossip_agency_chain(engine->gossip, 0), bytes_of_buf(&engine->own_prekeys), prekeys);
    if (err == OK) err = card_read(&card, bytes_of_buf(&binary));
    if (err == OK) {
        buf_clear(&engine->own_prekeys);
        buf_put(&engine->own_prekeys, card.prekeys);
        engine->own_records = card.agency.record_count;
        err = card_armour(&text, bytes_of_buf(&binary));
    }
    if (err == OK) err = dir_write(engine->settings.dir, DIR_CARD, bytes_of_buf(&text), 0644);
    if (err != OK) engine_notice(engine, "the card could not be rewritten: %s", err_text(err));
    buf_free(&binary);
    buf_free(&text);
}

static const struct agency *own_agency(const struct engine *engine) { return gossip_agency(engine->gossip, 0); }

void own_chain_look(struct engine *engine) {
    if (own_agency(engine)->record_count <= engine->own_records) return;
    own_card_write(engine, bytes_of(NULL, 0));
    log_info("the own agency's chain has %u records now; the card was rewritten", (unsigned)engine->own_records);
    const struct agency_node *self = agency_node_find(own_agency(engine), engine->node_id);
    if (self && self->revoked)
        engine_event(engine, LOG_NODE_REVOKED, NULL,
                     "this node was revoked by its agency: what it wrote up to entry %llu stays, and nothing more of it counts",
                     (unsigned long long)self->revoked_seq);
}

void own_prekey_seen(struct engine *engine, struct bytes entry) { own_card_write(engine, entry); }

/* --- from commands --- */

enum err own_chain_take(struct engine *engine, struct bytes chain, struct bytes prekeys) {
    struct agency agency;
    struct event event = {.kind = EVENT_TRUST};
    enum err err = agency_parse(&agency, chain, NULL);
    if (err != OK) return err;
    if (memcmp(agency.id, engine->agency_id, AGENCY_ID_BYTES) != 0) return ERR_DENIED;
    if (agency.record_count < own_agency(engine)->record_count) return ERR_CHAIN;
    event.trust.chain = chain;
    event.trust.prekeys = prekeys;
    err = engine_step(engine, &event);
    if (err == ERR_MEMORY) engine_fail(engine, 5, "out of memory in the gossip core");
    if (err != OK) return err;
    logs_load_known(engine, engine->agency_id);
    own_card_write(engine, prekeys);
    log_info("the own agency's chain has %u records now, by command", (unsigned)engine->own_records);
    return OK;
}

void own_chain_ask(struct engine *engine, struct client *client, const struct frame *frame) {
    struct pack_reader reader = pack_reader_of(frame->body);
    struct buf body = {0};
    uint32_t fields = pack_read_array(&reader);
    struct bytes chain = pack_read_bin(&reader), prekeys = pack_read_bin(&reader);
    if (pack_done(&reader) != OK || fields != 2) {
        server_error(client, frame->tag, ERR_FORMAT, "the chain is not well formed");
        return;
    }
    enum err err = own_chain_take(engine, chain, prekeys);
    if (err == ERR_CHAIN) {
        server_error(client, frame->tag, ERR_DENIED,
                     "the running node knows another continuation of the agency's chain, or a longer one: make the record again");
    } else if (err != OK) {
        server_error(client, frame->tag, ERR_DENIED, "the running node does not take this chain: %s", err_text(err));
    } else {
        outbox_again(engine);
        ledger_act(engine, NULL, client, "chain", "");
        statement_again(engine);
        group_history_again(engine, NULL);
        server_publications_end(engine, "the agency's chain changed while publishing: publish the rest again");
        pack_write_array(&body, 1);
        pack_write_uint(&body, engine->own_records);
        server_answer(client, FRAME_ANSWER_DONE, frame->tag, bytes_of_buf(&body));
    }
    buf_free(&body);
}

/* Which entry is the last that is held of a log, or the one of this number: what a REVOKE names. */
void own_entry_ask(struct engine *engine, struct client *client, const struct frame *frame) {
    struct pack_reader reader = pack_reader_of(frame->body);
    struct gossip_log_view log;
    struct entry entry;
    struct buf body = {0};
    static const uint8_t zeros[HASH_BYTES] = {0};
    const uint8_t *id = zeros;
    bool verified;
    uint32_t fields = pack_read_array(&reader);
    struct bytes node = pack_read_bin(&reader);
    bool last = pack_read_bool(&reader);
    uint64_t seq = pack_read_uint(&reader);
    if (pack_done(&reader) != OK || fields != 3 || (node.size != NODE_ID_BYTES && node.size != 0)) {
        server_error(client, frame->tag, ERR_FORMAT, "the question is not well formed");
        return;
    }
    if (node.size == 0) node = bytes_of(engine->node_id, NODE_ID_BYTES);
    if (!gossip_log_find(engine->gossip, node.data, &log)) {
        server_error(client, frame->tag, ERR_NOT_FOUND, "the running node knows no such node");
        return;
    }
    if (last) seq = log.head_durable;
    store_wait(engine->store);
    buf_clear(&engine->scratch_entry);
    if (seq > 0 && (store_entry(engine->store, node.data, seq, &engine->scratch_entry, &verified) != OK ||
                    entry_parse(&entry, bytes_of_buf(&engine->scratch_entry)) != OK)) {
        server_error(client, frame->tag, ERR_NOT_FOUND, "entry %llu of that node's log is not held here; held are 1 to %llu",
                     (unsigned long long)seq, (unsigned long long)log.head_durable);
        return;
    }
    if (seq > 0) id = entry.id;
    pack_write_array(&body, 3);
    pack_write_bin(&body, node);
    pack_write_uint(&body, seq);
    pack_write_bin(&body, bytes_of(id, HASH_BYTES));
    server_answer(client, FRAME_ANSWER_DONE, frame->tag, bytes_of_buf(&body));
    buf_free(&body);
}

/* --- renewal --- */

/* A sister that has made no prekey for so long is not alive, and its certificate may end. */
static bool renewable(const struct engine *engine, const struct agency_node *node, uint64_t now_ms) {
    if (node->revoked || node->not_after_ms > now_ms + NEWNODE_RENEW_MS) return false;
    if (memcmp(node->id, engine->node_id, NODE_ID_BYTES) == 0) return true;
    const struct prekey *newest = gossip_prekey(engine->gossip, node->id);
    return newest && prekey_sealable(newest, now_ms);
}

void own_renew_tick(struct engine *engine, uint64_t now_ms) {
    const struct agency *agency = own_agency(engine);
    struct buf draft = {0}, body = {0};
    for (size_t i = 0; i < agency->node_count && !engine->renew_asked; i++) {
        if (!renewable(engine, &agency->nodes[i], now_ms)) continue;
        struct agency_node node = agency->nodes[i];
        newnode_dates(&node, now_ms);
        if (agency_draft_node(&draft, agency, &node, now_ms) != OK) break;
        buf_put_u16(&body, (uint16_t)draft.size);
        buf_put(&body, bytes_of_buf(&draft));
        buf_put(&body, gossip_agency_chain(engine->gossip, 0));
        if (buf_result(&body) != OK) break;
        buf_clear(&engine->renew_draft);
        buf_put(&engine->renew_draft, bytes_of_buf(&draft));
        engine->renew_asked = true;
        engine_to_key(engine, FRAME_KEY_RENEW, key_tag(KEY_TAG_RENEW, 0), bytes_of_buf(&body));
    }
    buf_free(&draft);
    buf_free(&body);
}

static void renewal_refused(struct engine *engine) {
    const struct agency_node *self = agency_node_find(own_agency(engine), engine->node_id);
    uint64_t now_ms = clock_wall_ms();
    if (!self || self->not_after_ms > now_ms + NEWNODE_RENEW_MS || now_ms - engine->renew_noticed_ms < RENEW_NOTICE_MS) return;
    engine->renew_noticed_ms = now_ms;
    uint64_t days = self->not_after_ms > now_ms ? (self->not_after_ms - now_ms) / NEWNODE_DAY_MS : 0;
    engine_event(engine, LOG_CERTIFICATE_ENDING, LOG_FIELDS(LOG_NUMBER("days", days)),
                 "the certificate of this node ends in %llu days, and no ops key is here to renew it: `comity node renew`",
                 (unsigned long long)days);
}

void own_renewed(struct engine *engine, struct bytes answer) {
    struct buf chain = {0};
    struct agency_signature signature;
    engine->renew_asked = false;
    if (answer.size != SIGN_PUBLIC_BYTES + SIGN_BYTES) {
        renewal_refused(engine);
        return;
    }
    memcpy(signature.public_key, answer.data, SIGN_PUBLIC_BYTES);
    memcpy(signature.signature, answer.data + SIGN_PUBLIC_BYTES, SIGN_BYTES);
    buf_put(&chain, gossip_agency_chain(engine->gossip, 0));
    enum err err = agency_seal_record(&chain, bytes_of_buf(&engine->renew_draft), &signature, 1);
    if (err == OK) err = own_chain_take(engine, bytes_of_buf(&chain), bytes_of(NULL, 0));
    if (err == OK) {
        log_event(LOG_CERTIFICATE_RENEWED, LOG_FIELDS(LOG_NUMBER("days", AGENCY_NODE_DAYS)),
                  "a certificate was renewed for %d days", AGENCY_NODE_DAYS);
        engine->upkeep_due_ms = engine->upkeep_minute_ms = 0; /* a sister's may be next */
    } else if (err != ERR_CHAIN) {                            /* the chain grew meanwhile: the next tick asks again */
        engine_event(engine, LOG_CERTIFICATE_FAILED, NULL, "a certificate could not be renewed: %s", err_text(err));
    }
    buf_free(&chain);
}
