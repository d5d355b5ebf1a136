#include "node/ledger/ledger.h"

#include "crypto/secret.h"
#include "node/process/clock.h"
#include "node/process/dir.h"
#include "node/policy/policy_file.h"
#include "node/engine/engine_core.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LEDGER_POLICY_BYTES_MAX (1024 * 1024)

/* --- rows --- */

static void key_put(struct buf *out, const char *key) { pack_write_str(out, bytes_of_text(key)); }

static void row_add(struct engine *engine, struct store_batch *batch, enum disclosure_kind kind, struct buf *details) {
    uint8_t salt[DISCLOSURE_SALT_BYTES];
    random_bytes(&engine->random, salt, sizeof salt);
    if (details->failed)
        engine_fail(engine, 5, "out of memory for a row of the ledger");
    else
        store_batch_disclosure(batch, kind, clock_wall_ms(), salt, bytes_of_buf(details));
    buf_free(details);
}

void ledger_recipients(struct engine *engine, const struct publication *publication, struct buf *out) {
    const struct audience *audience = &publication->audience;
    for (size_t i = 0; i < audience->count; i++) {
        const uint8_t *id = audience->readers[i].agency_id;
        size_t at = memcmp(id, engine->agency_id, AGENCY_ID_BYTES) == 0 ? SIZE_MAX : 0;
        while (at < out->size && memcmp(out->data + at, id, AGENCY_ID_BYTES) != 0) at += AGENCY_ID_BYTES;
        if (at != SIZE_MAX && at >= out->size) buf_put_raw(out, id, AGENCY_ID_BYTES);
    }
}

static void put_labels(struct buf *out, const struct ledger_cause *cause) {
    uint32_t count = 0;
    for (unsigned label = 0; label <= TLP_RED; label++) count += cause->labels >> label & 1;
    key_put(out, "labels");
    pack_write_array(out, count);
    for (unsigned label = 0; label <= TLP_RED; label++)
        if (cause->labels >> label & 1) key_put(out, tlp_name((enum tlp)label));
}

static void put_texts(struct buf *out, const char *key, const char *list, size_t count, size_t each) {
    uint32_t used = 0;
    while (used < count && list[used * each]) used++;
    key_put(out, key);
    pack_write_array(out, used);
    for (uint32_t i = 0; i < used; i++) key_put(out, list + i * each);
}

void ledger_out(struct engine *engine, struct store_batch *batch, const struct draft *draft) {
    struct buf details = {0};
    const struct ledger_cause *cause = &draft->cause;
    pack_write_map(&details, 10);
    put_texts(&details, "agreements", cause->clauses[0], LEDGER_CLAUSES_MAX, LEDGER_CLAUSE_BYTES);
    key_put(&details, "count");
    pack_write_uint(&details, draft->block ? block_item_count(draft->block) : 0);
    put_labels(&details, cause);
    key_put(&details, "node");
    pack_write_bin(&details, bytes_of(engine->node_id, NODE_ID_BYTES));
    key_put(&details, "personal");
    pack_write_uint(&details, cause->personal);
    put_texts(&details, "purposes", cause->purposes[0], LEDGER_PURPOSES_MAX, sizeof cause->purposes[0]);
    key_put(&details, "root");
    pack_write_bin(&details, bytes_of(draft->body.seal.root, HASH_BYTES));
    put_texts(&details, "rules", cause->rules[0], LEDGER_RULES_MAX, LEDGER_RULE_BYTES);
    key_put(&details, "seq");
    pack_write_uint(&details, draft->seq);
    key_put(&details, "to");
    pack_write_array(&details, (uint32_t)(draft->recipients.size / AGENCY_ID_BYTES));
    for (size_t at = 0; at < draft->recipients.size; at += AGENCY_ID_BYTES)
        pack_write_bin(&details, bytes_of(draft->recipients.data + at, AGENCY_ID_BYTES));
    row_add(engine, batch, DISCLOSURE_OUT, &details);
}

void ledger_in(struct engine *engine, struct store_batch *batch, const struct page_head *head, const struct block_body *body,
               size_t count) {
    struct buf details = {0};
    pack_write_map(&details, 5);
    key_put(&details, "count");
    pack_write_uint(&details, count);
    key_put(&details, "from");
    pack_write_bin(&details, bytes_of(head->agency_id, AGENCY_ID_BYTES));
    key_put(&details, "node");
    pack_write_bin(&details, bytes_of(head->node_id, NODE_ID_BYTES));
    key_put(&details, "root");
    pack_write_bin(&details, bytes_of(body->seal.root, HASH_BYTES));
    key_put(&details, "seq");
    pack_write_uint(&details, head->seq);
    row_add(engine, batch, DISCLOSURE_IN, &details);
}

void ledger_act(struct engine *engine, struct store_batch *batch, const struct client *client, const char *act, const char *about) {
    struct store_batch *own = batch ? NULL : store_batch_new(engine->store);
    struct buf details = {0};
    if (!batch && !own) {
        engine_fail(engine, 5, "out of memory for a row of the ledger");
        return;
    }
    pack_write_map(&details, 4);
    key_put(&details, "about");
    key_put(&details, about);
    key_put(&details, "act");
    key_put(&details, act);
    key_put(&details, "pid");
    pack_write_uint(&details, client ? client->pid : (uint64_t)getpid());
    key_put(&details, "uid");
    pack_write_uint(&details, client ? client->uid : (uint64_t)geteuid());
    row_add(engine, batch ? batch : own, DISCLOSURE_ACT, &details);
    if (own) store_commit(engine->store, own, 0);
    if (client)
        log_event(LOG_ADMIN_ACT, LOG_FIELDS(LOG_TEXT("act", act), LOG_NUMBER("uid", client->uid), LOG_NUMBER("pid", client->pid)),
                  "user %u: %s", (unsigned)client->uid, act);
}

/* --- the start --- */

static void begin_row(struct engine *engine, struct store_batch *batch) {
    struct buf details = {0};
    uint8_t previous[HASH_BYTES];
    pack_write_map(&details, 3);
    key_put(&details, "agency");
    pack_write_bin(&details, bytes_of(engine->agency_id, AGENCY_ID_BYTES));
    key_put(&details, "node");
    pack_write_bin(&details, bytes_of(engine->node_id, NODE_ID_BYTES));
    key_put(&details, "seq"); /* of the last entry that no row tells of */
    pack_write_uint(&details, gossip_own_next(engine->gossip, previous) - 1);
    row_add(engine, batch, DISCLOSURE_BEGIN, &details);
}

void ledger_policy(struct engine *engine) {
    struct buf file = {0};
    if (dir_read(&file, engine->settings.dir, DIR_POLICY, LEDGER_POLICY_BYTES_MAX) == OK)
        hash_of(engine->ledger.policy_hash, "comity-ledger-policy", bytes_of_buf(&file), bytes_of(NULL, 0));
    buf_free(&file);
}

/* Who is pinned and which policy holds at a start: what was changed while the node did not run shows here. */
static void start_row(struct engine *engine, struct store_batch *batch) {
    struct buf details = {0};
    size_t pinned = gossip_agency_count(engine->gossip) - 1;
    static const uint8_t zeros[HASH_BYTES] = {0};
    bool policy = memcmp(engine->ledger.policy_hash, zeros, sizeof zeros) != 0;
    pack_write_map(&details, 7);
    key_put(&details, "about");
    key_put(&details, "");
    key_put(&details, "act");
    key_put(&details, "start");
    key_put(&details, "node");
    pack_write_bin(&details, bytes_of(engine->node_id, NODE_ID_BYTES));
    key_put(&details, "pid");
    pack_write_uint(&details, (uint64_t)getpid());
    key_put(&details, "pinned");
    pack_write_array(&details, (uint32_t)pinned);
    for (size_t i = 1; i <= pinned; i++) pack_write_bin(&details, bytes_of(gossip_agency(engine->gossip, i)->id, AGENCY_ID_BYTES));
    key_put(&details, "policy");
    pack_write_bin(&details, bytes_of(engine->ledger.policy_hash, policy ? HASH_BYTES : 0));
    key_put(&details, "uid");
    pack_write_uint(&details, (uint64_t)geteuid());
    row_add(engine, batch, DISCLOSURE_ACT, &details);
}

static bool head_last(void *context, const struct disclosure_head *head) {
    struct ledger *ledger = context;
    if (head->number > ledger->signed_number) ledger->signed_number = head->number;
    return true;
}

enum err ledger_open(struct engine *engine) {
    uint8_t hash[HASH_BYTES];
    struct store_batch *batch = store_batch_new(engine->store);
    if (!batch) return ERR_MEMORY;
    if (store_disclosure_last(engine->store, hash) == 0) begin_row(engine, batch);
    start_row(engine, batch);
    store_commit(engine->store, batch, 0);
    engine->ledger.signed_ms = clock_monotonic_ms();
    engine->ledger.due_ms = engine->ledger.sessions_due_ms = UINT64_MAX;
    return store_disclosure_heads(engine->store, 0, head_last, &engine->ledger);
}

/* --- the signed end --- */

static void head_ask(struct engine *engine) {
    struct sign_subject subject;
    uint8_t body[44] = {0};
    disclosure_head_subject(&subject, &engine->ledger.head, engine->agency_id);
    body[0] = (uint8_t)subject.purpose, body[1] = subject.type, body[2] = subject.suite;
    put_be64(body + 4, subject.seq);
    memcpy(body + 12, subject.hash, sizeof subject.hash);
    engine_to_key(engine, FRAME_KEY_SIGN, key_tag(KEY_TAG_LEDGER, 0), bytes_of(body, sizeof body));
}

void ledger_sign(struct engine *engine) {
    struct ledger *ledger = &engine->ledger;
    struct disclosure_head *head = &ledger->head;
    if (ledger->asked) return;
    head->number = store_disclosure_last(engine->store, head->row_hash);
    if (head->number == 0 || head->number == ledger->signed_number) return;
    head->time_ms = clock_wall_ms();
    memcpy(head->node_id, engine->node_id, NODE_ID_BYTES);
    ledger->signed_ms = clock_monotonic_ms();
    ledger->asked = true;
    head_ask(engine);
}

/* Kept behind the rows that it vouches for: commits keep their order. */
void ledger_signed(struct engine *engine, const uint8_t *signature) {
    struct ledger *ledger = &engine->ledger;
    struct store_batch *batch = signature ? store_batch_new(engine->store) : NULL;
    ledger->asked = false;
    if (!batch) {
        engine_notice(engine, "the end of the disclosure ledger could not be signed");
        ledger_ask_signed(engine, ERR_DENIED);
        return;
    }
    memcpy(ledger->head.signature, signature, SIGN_BYTES);
    ledger->signed_number = ledger->head.number;
    store_batch_disclosure_head(batch, &ledger->head);
    store_commit(engine->store, batch, LEDGER_TICKET | (ledger->head_ticket = ++ledger->tickets));
}

void ledger_key_restarted(struct engine *engine) {
    if (engine->ledger.asked) head_ask(engine);
}

void ledger_stored(struct engine *engine, uint64_t ticket) {
    struct ledger *ledger = &engine->ledger;
    if (ticket >> 61 != 1) return;
    ledger->tickets_durable = ticket & ~LEDGER_TICKET;
    ledger_ask_signed(engine, OK);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (engine->clients[i].used) ledger_look_turn(engine, &engine->clients[i]);
}

void ledger_tick(struct engine *engine, uint64_t monotonic_ms) {
    struct ledger *ledger = &engine->ledger;
    uint8_t hash[HASH_BYTES];
    if (monotonic_ms >= ledger->sessions_due_ms) ledger->sessions_due_ms = ledger_sessions_tick(engine, monotonic_ms);
    uint64_t rows = store_disclosure_last(engine->store, hash) - ledger->signed_number;
    bool due = rows >= LEDGER_SIGN_ROWS || (rows > 0 && monotonic_ms - ledger->signed_ms >= LEDGER_SIGN_MS);
    if (due) ledger_sign(engine);
}
