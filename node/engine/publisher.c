#include "crypto/secret.h"
#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/sharing/withheld.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From items to own entries: policy, blocks, epochs, and the line of drafts that wait for their signature and then for the disk. */

enum err publisher_init(struct engine *engine) {
    struct publisher *publisher = &engine->publisher;
    publisher->author = secret_new(sizeof *publisher->author);
    if (!publisher->author) return ERR_MEMORY;
    memset(publisher->author, 0, sizeof *publisher->author);
    random_bytes(&engine->random, publisher->inflight.key, sizeof publisher->inflight.key);
    return OK;
}

void publisher_free(struct engine *engine) {
    struct publisher *publisher = &engine->publisher;
    for (size_t i = 0; i < PUBLISHER_DRAFTS_MAX; i++) {
        struct draft *draft = &publisher->drafts[i];
        buf_free(&draft->entry), buf_free(&draft->payload), buf_free(&draft->readers), buf_free(&draft->recipients);
        buf_free(&draft->withheld);
        block_free(draft->block);
    }
    for (size_t i = 0; i < publisher->pool_count; i++) block_free(publisher->pool[i]);
    inflight_free(&publisher->inflight);
    secret_free(publisher->author);
}

static struct block *pool_take(struct engine *engine) {
    struct publisher *publisher = &engine->publisher;
    return publisher->pool_count ? publisher->pool[--publisher->pool_count] : block_new(engine->codec);
}

static void pool_give(struct engine *engine, struct block *block) {
    struct publisher *publisher = &engine->publisher;
    if (!block) return;
    block_reset(block);
    if (publisher->pool_count < 2 * PUBLISHER_DRAFTS_MAX)
        publisher->pool[publisher->pool_count++] = block;
    else
        block_free(block);
}

/* --- drafts --- */

static struct draft *draft_at(struct publisher *publisher, size_t index) {
    return &publisher->drafts[(publisher->first + index) % PUBLISHER_DRAFTS_MAX];
}

static void draft_sign(struct engine *engine, const struct draft *draft) {
    struct entry entry;
    struct sign_subject subject;
    uint8_t body[44] = {0};
    if (entry_parse_draft(&entry, bytes_of(draft->entry.data, draft->entry.size)) != OK) return;
    entry_subject(&subject, &entry);
    body[0] = (uint8_t)subject.purpose, body[1] = subject.type, body[2] = subject.suite;
    put_be64(body + 4, subject.seq);
    memcpy(body + 12, subject.hash, sizeof subject.hash);
    engine_to_key(engine, FRAME_KEY_SIGN, key_tag(KEY_TAG_ENTRY, draft->seq), bytes_of(body, sizeof body));
}

static struct draft *draft_new(struct engine *engine, enum entry_type type, struct bytes body) {
    struct publisher *publisher = &engine->publisher;
    if (publisher->count == 0) publisher->head = gossip_own_next(engine->gossip, publisher->head_id) - 1;
    struct draft *draft = draft_at(publisher, publisher->count);
    struct entry_draft fields = {.type = type, .seq = publisher->head + 1, .time_ms = clock_wall_ms(), .body = body};
    struct entry entry;
    memcpy(fields.agency_id, engine->agency_id, AGENCY_ID_BYTES);
    memcpy(fields.node_id, engine->node_id, NODE_ID_BYTES);
    memcpy(fields.previous, publisher->head_id, HASH_BYTES);
    buf_clear(&draft->entry), buf_clear(&draft->payload), buf_clear(&draft->readers), buf_clear(&draft->recipients);
    buf_clear(&draft->withheld);
    if (entry_write(&draft->entry, &fields) != OK || entry_parse_draft(&entry, bytes_of_buf(&draft->entry)) != OK) return NULL;
    draft->seq = fields.seq;
    draft->type = type;
    draft->given = draft->waits = draft->joined = false;
    draft->ticket = 0;
    publisher->head = fields.seq;
    memcpy(publisher->head_id, entry.id, HASH_BYTES);
    publisher->count++;
    return draft;
}

static enum err room(struct engine *engine, size_t drafts) {
    const char *why;
    if (gossip_own_ready(engine->gossip) == GOSSIP_OWN_FORKED) return ERR_FORK;
    if (engine->publisher.count + drafts > PUBLISHER_DRAFTS_MAX || !publisher_open(engine, &why)) return ERR_BUSY;
    return OK;
}

enum err publisher_entry(struct engine *engine, enum entry_type type, struct bytes body) {
    if (gossip_own_ready(engine->gossip) != GOSSIP_OWN_READY) return ERR_BUSY;
    if (engine->publisher.count + 1 > PUBLISHER_DRAFTS_MAX) return ERR_BUSY;
    struct draft *draft = draft_new(engine, type, body);
    if (!draft) return ERR_MEMORY;
    draft_sign(engine, draft);
    return OK;
}

/* The epoch of an audience, with an EPOCH entry in front if a new one is due. */
static enum err epoch_get(struct engine *engine, const struct audience *audience, struct author_epoch **out) {
    struct publisher *publisher = &engine->publisher;
    uint64_t now_ms = clock_wall_ms();
    struct epoch_author self;
    struct buf body = {0};
    uint8_t previous[HASH_BYTES];
    *out = author_epoch_find(publisher->author, audience, now_ms);
    if (*out) return OK;
    memcpy(self.agency_id, engine->agency_id, AGENCY_ID_BYTES);
    memcpy(self.node_id, engine->node_id, NODE_ID_BYTES);
    uint64_t seq = (publisher->count ? publisher->head : gossip_own_next(engine->gossip, previous) - 1) + 1;
    enum err err = author_epoch_start(publisher->author, &body, &self, audience, seq, now_ms, &engine->random, out);
    struct draft *draft = err == OK ? draft_new(engine, ENTRY_EPOCH, bytes_of_buf(&body)) : NULL;
    if (err == OK && !draft) err = ERR_MEMORY;
    for (size_t i = 0; draft && i < audience->count; i++) buf_put_raw(&draft->readers, audience->readers[i].node_id, NODE_ID_BYTES);
    if (draft) draft_sign(engine, draft);
    buf_free(&body);
    return err;
}

static enum err block_draft(struct engine *engine, struct publication *publication, enum carriage carriage) {
    struct builder *builder = &publication->builders[carriage];
    struct author_epoch *epoch = NULL;
    struct block_body body = {.carriage = carriage};
    uint8_t bytes[BLOCK_BODY_BYTES];
    struct buf payload = {0};
    enum err err = room(engine, 2);
    if (err == OK) err = epoch_get(engine, &publication->audience, &epoch);
    if (err != OK) return err;
    uint64_t now_ms = clock_wall_ms();
    body.epoch_seq = epoch->seq;
    body.index = author_block_index(epoch, now_ms);
    body.expires_ms = now_ms + PUBLISHER_EXPIRE_MS;
    if (builder->valid_until_ms < body.expires_ms) body.expires_ms = builder->valid_until_ms;
    err = block_close(builder->block, &payload, &body.seal, epoch->secret, body.index, &engine->random);
    if (err == OK) {
        block_body_write(bytes, &body);
        struct draft *draft = draft_new(engine, ENTRY_BLOCK, bytes_of(bytes, sizeof bytes));
        if (draft) {
            buf_free(&draft->payload);
            draft->payload = payload;
            draft->block = builder->block;
            draft->body = body;
            draft->cause = builder->cause;
            ledger_recipients(engine, publication, &draft->recipients);
            buf_put(&draft->withheld, bytes_of_buf(&publication->withheld));
            if (draft->withheld.failed) engine_fail(engine, 5, "out of memory for a block");
            publication->last_seq = draft->seq;
            buf_clear(&builder->recent);
            builder->block = NULL;
            draft_sign(engine, draft);
            return OK;
        }
        err = ERR_MEMORY;
    }
    buf_free(&payload);
    return err;
}

enum err publisher_flush(struct engine *engine, struct publication *publication) {
    for (int carriage = CARRIAGE_RELAY; carriage <= CARRIAGE_DIRECT; carriage++) {
        struct builder *builder = &publication->builders[carriage];
        if (!builder->block || block_item_count(builder->block) == 0) continue;
        enum err err = block_draft(engine, publication, (enum carriage)carriage);
        if (err != OK) return err;
    }
    return OK;
}

/* What a client left without committing was never published: it must not count as known when it comes again. */
void publisher_drop(struct engine *engine, struct publication *publication) {
    for (int carriage = CARRIAGE_RELAY; carriage <= CARRIAGE_DIRECT; carriage++) {
        struct builder *builder = &publication->builders[carriage];
        for (size_t at = 0; at < builder->recent.size; at += 8)
            inflight_remove(&engine->publisher.inflight, get_be64(builder->recent.data + at));
        buf_free(&builder->recent);
        pool_give(engine, builder->block);
    }
    audience_free(&publication->audience);
    buf_free(&publication->agencies);
    buf_free(&publication->withheld);
    buf_free(&publication->box);
    *publication = (struct publication){0};
}

/* --- items that are on their way --- */

/* Once nothing is in flight the index knows all that was published. */
static void inflight_settle(struct engine *engine) {
    struct publisher *publisher = &engine->publisher;
    if (publisher->inflight.count == 0 || publisher->count > 0) return;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        for (int carriage = CARRIAGE_RELAY; carriage <= CARRIAGE_DIRECT; carriage++) {
            const struct block *block = engine->clients[i].publication.builders[carriage].block;
            if (engine->clients[i].used && block && block_item_count(block) > 0) return;
        }
    for (int carriage = CARRIAGE_RELAY; carriage <= CARRIAGE_DIRECT; carriage++) {
        const struct block *block = engine->outbox.publication.builders[carriage].block;
        if (block && block_item_count(block) > 0) return;
    }
    inflight_clear(&publisher->inflight);
}

/* --- items --- */

static void refuse(struct item_verdict *verdict, enum err err, const char *rule, const char *reason) {
    *verdict = (struct item_verdict){.err = err, .rule = rule, .reason = reason};
}

static enum err block_put(struct engine *engine, struct publication *publication, enum carriage carriage, const struct item *item,
                          struct bytes encoded) {
    struct builder *builder = &publication->builders[carriage];
    enum err err = ERR_FULL;
    if (builder->block) err = block_add(builder->block, encoded);
    if (err == ERR_FULL) {
        if (builder->block && block_item_count(builder->block) > 0) {
            err = block_draft(engine, publication, carriage);
            if (err != OK) return err;
        }
        if (!builder->block) builder->block = pool_take(engine);
        if (!builder->block) return ERR_MEMORY;
        builder->valid_until_ms = 0;
        builder->cause = (struct ledger_cause){0};
        err = block_add(builder->block, encoded);
    }
    uint64_t end_ms = expiry_end_ms(item), until = end_ms ? end_ms : UINT64_MAX;
    if (err == OK && until > builder->valid_until_ms) builder->valid_until_ms = until;
    if (err == OK) ledger_cause_add(&builder->cause, item, NULL);
    return err;
}

/* Form, policy and what is published already. */
static void judge(struct engine *engine, struct publication *publication, struct bytes encoded, unsigned flags, struct item *item,
                  enum carriage *carriage, struct item_verdict *verdict) {
    *verdict = (struct item_verdict){.err = OK};
    enum err err = item_decode(item, encoded);
    if (err != OK) {
        refuse(verdict, err, "item.form", "the client sent an item that is not well formed");
        return;
    }
    if (statement_is(item->type)) {
        refuse(verdict, ERR_DENIED, "item.type", "types that begin with \"" STATEMENT_PREFIX "\" are the mesh's own");
        return;
    }
    const struct verdict *decision = publisher_decide(engine, publication, item);
    *carriage = decision->carriage;
    verdict->rule = decision->rule;
    if (!decision->allow)
        refuse(verdict, ERR_DENIED, decision->rule, decision->reason);
    else if (publisher_known(engine, publication, item, flags))
        refuse(verdict, ERR_EXISTS, "known", "published before, to these recipients");
}

void publisher_lint(struct engine *engine, struct publication *publication, struct bytes encoded, struct item_verdict *verdict) {
    static struct item item;
    enum err err = item_decode(&item, encoded);
    if (err != OK || statement_is(item.type)) {
        refuse(verdict, err == OK ? ERR_DENIED : err, "item.form", "the client sent an item that is not well formed");
        return;
    }
    const struct verdict *decision = publisher_decide(engine, publication, &item);
    refuse(verdict, decision->allow ? OK : ERR_DENIED, decision->rule, decision->reason);
}

void publisher_judge(struct engine *engine, struct publication *publication, struct bytes encoded, unsigned flags,
                     struct item_verdict *verdict) {
    static struct item item;
    enum carriage carriage;
    judge(engine, publication, encoded, flags, &item, &carriage, verdict);
}

enum err publisher_item(struct engine *engine, struct publication *publication, struct bytes encoded, unsigned flags,
                        struct item_verdict *verdict) {
    static struct item item;
    enum carriage carriage = CARRIAGE_RELAY;
    enum err err = room(engine, 2);
    if (err != OK) return err;
    judge(engine, publication, encoded, flags, &item, &carriage, verdict);
    if (verdict->err != OK) return OK;
    uint64_t mark = inflight_mark(&engine->publisher.inflight, &item, flags, publication->audience.key);
    if (!inflight_add(&engine->publisher.inflight, mark)) {
        refuse(verdict, ERR_EXISTS, "known", "published before, to these recipients");
        return OK;
    }
    err = block_put(engine, publication, carriage, &item, encoded);
    if (err == OK) {
        buf_put_u64(&publication->builders[carriage].recent, mark);
        ledger_cause_add(&publication->builders[carriage].cause, NULL, verdict->rule);
        ledger_clauses_join(publication->builders[carriage].cause.clauses, publication->decision.clauses);
    } else {
        inflight_remove(&engine->publisher.inflight, mark);
    }
    if (err == ERR_TOO_BIG) {
        refuse(verdict, err, "size", "the object does not fit into a block of 256 KiB when packed");
        return OK;
    }
    return err;
}

enum err publisher_put(struct engine *engine, struct publication *publication, struct bytes encoded, enum carriage carriage) {
    static struct item item;
    enum err err = item_decode(&item, encoded);
    if (err == OK) err = block_put(engine, publication, carriage, &item, encoded);
    if (err == OK) ledger_cause_add(&publication->builders[carriage].cause, NULL, "recall");
    return err;
}

enum err publisher_statement(struct engine *engine, struct publication *publication, struct bytes encoded, enum carriage carriage,
                             const struct ledger_cause *cause) {
    static struct item item;
    enum err err = room(engine, 2);
    if (err != OK || item_decode(&item, encoded) != OK || publisher_known(engine, publication, &item, 0)) return err;
    err = block_put(engine, publication, carriage, &item, encoded);
    if (err == OK) ledger_cause_add(&publication->builders[carriage].cause, NULL, "statement");
    if (err == OK) ledger_cause_join(&publication->builders[carriage].cause, cause);
    return err;
}

/* --- signed, stored --- */

static enum err publish_event(struct engine *engine, struct draft *draft, struct store_batch *batch) {
    struct event event = {.kind = EVENT_PUBLISH};
    if (draft->entry.failed) return ERR_MEMORY;
    event.publish.entry = bytes_of_buf(&draft->entry);
    event.publish.payload = bytes_of_buf(&draft->payload);
    draft->batch = batch;
    draft->given = true, draft->waits = false;
    enum err err = engine_step(engine, &event);
    if (err != OK) draft->batch = NULL, draft->given = false, draft->waits = true;
    return err;
}

/* What the drafts given so far put into their batch, and the event of each. */
static void joined_commit(struct engine *engine, struct store_batch *batch) {
    struct publisher *publisher = &engine->publisher;
    for (size_t i = 0; i < publisher->joined_count; i++) {
        if (i > 0 && !(batch = store_batch_new(engine->store))) {
            engine_fail(engine, 5, "out of memory for own entries");
            break;
        }
        store_commit(engine->store, batch, publisher->joined_tickets[i]); /* all of it with the first */
    }
    publisher->joined_count = 0;
}

/* Signed drafts to the core, those that are stored together in one batch. A peer may claim entries of this log at any moment: they then wait
   until that is settled. */
static void give(struct engine *engine, size_t index, size_t count) {
    struct publisher *publisher = &engine->publisher;
    struct store_batch *batch = store_batch_new(engine->store);
    struct draft *draft = NULL;
    enum err err = batch ? OK : ERR_MEMORY;
    for (size_t i = 0; i < count && err == OK; i++) {
        draft = draft_at(publisher, index + i);
        err = publish_event(engine, draft, batch);
    }
    if (publisher->joined_count > 0)
        joined_commit(engine, batch);
    else if (batch)
        store_batch_free(batch);
    if (err == OK || (err == ERR_BUSY && gossip_own_ready(engine->gossip) != GOSSIP_OWN_READY)) return;
    if (err == ERR_FORK)
        publisher_stop(engine);
    else
        engine_fail(engine, 5, "the own entry %llu cannot be published: %s", (unsigned long long)(draft ? draft->seq : 0),
                    err_text(err));
}

void publisher_signed(struct engine *engine, uint64_t seq, const uint8_t *signature) {
    struct publisher *publisher = &engine->publisher;
    for (size_t i = 0; i < publisher->count; i++) {
        struct draft *draft = draft_at(publisher, i);
        if (draft->seq != seq || draft->given || draft->waits) continue;
        if (!signature) {
            engine_fail(engine, 5, "the key process refused to sign entry %llu of the own log", (unsigned long long)seq);
            return;
        }
        buf_put_raw(&draft->entry, signature, SIGN_BYTES);
        draft->waits = true;
        publisher_go_on(engine);
        return;
    }
}

/* The drafts from this one on that are stored together; 0: some of them is not signed yet. */
static size_t joined_ready(struct publisher *publisher, size_t index) {
    for (size_t count = 1; index + count <= publisher->count; count++) {
        const struct draft *draft = draft_at(publisher, index + count - 1);
        if (!draft->waits) return 0;
        if (!draft->joined) return count;
    }
    return 0;
}

void publisher_go_on(struct engine *engine) {
    struct publisher *publisher = &engine->publisher;
    for (size_t i = 0; i < publisher->count && !engine->stopping;) {
        enum gossip_own ready = gossip_own_ready(engine->gossip);
        size_t count = draft_at(publisher, i)->given ? 0 : joined_ready(publisher, i);
        if (draft_at(publisher, i)->given) {
            i++;
            continue;
        }
        if (count == 0 || (ready != GOSSIP_OWN_READY && ready != GOSSIP_OWN_FORKED)) return;
        give(engine, i, count);
        if (i < publisher->count && !draft_at(publisher, i)->given) return;
        i += count;
    }
}

void publisher_join(struct engine *engine, uint64_t seq) {
    struct publisher *publisher = &engine->publisher;
    for (size_t i = 0; i + 1 < publisher->count; i++)
        if (draft_at(publisher, i)->seq >= seq) draft_at(publisher, i)->joined = true;
}

void publisher_stop(struct engine *engine) {
    struct publisher *publisher = &engine->publisher;
    while (publisher->count > 0) {
        struct draft *draft = draft_at(publisher, publisher->count - 1);
        if (draft->given) break;
        pool_give(engine, draft->block);
        draft->block = NULL;
        draft->seq = 0;
        publisher->count--;
    }
}

void publisher_key_restarted(struct engine *engine) {
    struct publisher *publisher = &engine->publisher;
    struct gossip_log_view own;
    uint8_t floor[8];
    if (!gossip_log_find(engine->gossip, engine->node_id, &own)) return;
    put_be64(floor, own.head);
    engine_to_key(engine, FRAME_KEY_FLOOR, 0, bytes_of(floor, sizeof floor));
    for (size_t i = 0; i < publisher->count; i++)
        if (!draft_at(publisher, i)->given && !draft_at(publisher, i)->waits) draft_sign(engine, draft_at(publisher, i));
}

static struct draft *draft_find(struct publisher *publisher, uint64_t seq) {
    for (size_t i = 0; i < publisher->count; i++)
        if (draft_at(publisher, i)->seq == seq) return draft_at(publisher, i);
    return NULL;
}

void publisher_store_payload(struct engine *engine, const struct action *action) {
    struct draft *draft = draft_find(&engine->publisher, action->store_payload.seq);
    if (!draft || !draft->batch) {
        engine_fail(engine, 5, "an own payload without its draft");
        return;
    }
    struct page_head head = {.seq = draft->seq, .arrived_ms = clock_wall_ms(), .expires_ms = draft->body.expires_ms};
    memcpy(head.node_id, engine->node_id, NODE_ID_BYTES);
    memcpy(head.agency_id, engine->agency_id, AGENCY_ID_BYTES);
    store_batch_payload(draft->batch, engine->node_id, draft->seq, action->store_payload.payload);
    store_batch_due_payload(draft->batch, head.expires_ms, engine->node_id, draft->seq);
    if (reader_pages(engine, draft->batch, &head, draft->block) != OK) engine_fail(engine, 5, "an own block cannot be read back");
}

void publisher_store_entries(struct engine *engine, const struct action *action) {
    struct publisher *publisher = &engine->publisher;
    struct entry entry;
    char name[64], hex[2 * NODE_ID_BYTES + 1];
    if (entry_parse(&entry, action->store_entries.entries) != OK) return;
    struct draft *draft = draft_find(publisher, entry.seq);
    if (!draft || !draft->batch) {
        engine_fail(engine, 5, "an own entry without its draft");
        return;
    }
    store_batch_entry(draft->batch, &entry, true);
    if (draft->type == ENTRY_BLOCK) ledger_out(engine, draft->batch, draft);
    if (draft->type == ENTRY_BLOCK) withheld_keep(draft->batch, draft->seq, bytes_of_buf(&draft->withheld));
    if (draft->type == ENTRY_PREKEY) {
        hex_encode(hex, bytes_of(engine->node_id, NODE_ID_BYTES));
        snprintf(name, sizeof name, "prekey/%s", hex);
        store_batch_meta(draft->batch, name, entry.body);
    }
    if (draft->type == ENTRY_EPOCH) {
        snprintf(name, sizeof name, "secret/audience/%016llx", (unsigned long long)entry.seq);
        store_batch_meta(draft->batch, name, bytes_of_buf(&draft->readers));
    }
    draft->ticket = action->store_entries.ticket;
    if (draft->type == ENTRY_RECALL) recall_entry(engine, draft->batch, &entry, draft->ticket);
    publisher->joined_tickets[publisher->joined_count++] = draft->ticket; /* committed by give, with those that it is joined to */
    draft->batch = NULL;
}

/* Who reads an own epoch is told to the core once it is on disk, before anybody can ask. */
static void audience_tell(struct engine *engine, const struct draft *draft) {
    struct event event = {.kind = EVENT_AUDIENCE};
    event.audience.epoch_seq = draft->seq;
    event.audience.readers = bytes_of_buf(&draft->readers);
    if (engine_step(engine, &event) != OK) engine_fail(engine, 5, "out of memory for an audience");
}

bool publisher_stored(struct engine *engine, uint64_t ticket) {
    struct publisher *publisher = &engine->publisher;
    if (ticket == 0 || publisher->count == 0) return false;
    struct draft *draft = draft_at(publisher, 0);
    if (!draft->given || draft->ticket != ticket) return false;
    if (draft->type == ENTRY_EPOCH) audience_tell(engine, draft);
    if (draft->type == ENTRY_PREKEY) upkeep_prekey_stored(engine);
    publisher->durable = draft->seq;
    pool_give(engine, draft->block);
    draft->block = NULL;
    draft->seq = 0;
    publisher->first = (publisher->first + 1) % PUBLISHER_DRAFTS_MAX;
    publisher->count--;
    inflight_settle(engine);
    return true;
}
