#include "node/sharing/statement.h"

#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/formats/uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Statements wait as records under "secret/statement/NUMBER" in the store, like those of the outbox, and go when their block is durable.
   After a crash in between they come again with the ids that they have, and the index knows them. One that nobody can be sealed to now
   is passed over and looked at again later, so that it holds up no other. */

#define PREFIX    "secret/statement/"
#define VERSION   2  /* 1 told no causes */
#define LOOKS_MAX 64 /* records read in one go */
#define AGAIN_MS  60000

/* Whoever builds on statements adds a line; the first of a type counts. */
static const struct {
    const char *type;
    statement_handler *handle;
} HANDLERS[] = {
    {GROUPS_TYPE, group_hear},
    {AGREEMENTS_TYPE, agreements_hear},
    {PERMIT_ASK_TYPE, permission_take_ask},
    {PERMIT_GRANT_TYPE, permission_take_grant},
    {PERMIT_DENY_TYPE, permission_take_denial},
    {SHARE_TYPE, share_take},
    {SIGHTING_TYPE, sighting_take},
    {SIGHTING_TOLD_TYPE, sighting_take_told},
    {INQUIRY_TYPE, inquiry_take},
    {INQUIRY_STATE_TYPE, inquiry_take_news},
    {RECALL_RECEIPT_TYPE, recall_receipt_take},
    {NULL, NULL},
};

bool statement_is(struct bytes type) {
    size_t size = sizeof STATEMENT_PREFIX - 1;
    return type.size > size && memcmp(type.data, STATEMENT_PREFIX, size) == 0;
}

void statement_take(struct engine *engine, struct store_batch *batch, const struct statement_seen *seen) {
    for (size_t i = 0; HANDLERS[i].type; i++) {
        if (!bytes_equal_text(seen->item->type, HANDLERS[i].type)) continue;
        HANDLERS[i].handle(engine, batch, seen);
        return;
    }
}

/* --- in --- */

static void record_name(char out[static 40], uint64_t number) { snprintf(out, 40, PREFIX "%016llx", (unsigned long long)number); }

enum err statement_item(struct engine *engine, struct buf *out, const struct statement *statement) {
    static struct item item;
    char id[ITEM_TYPE_BYTES_MAX + 2 + UUID_CHARS + 1], text[UUID_CHARS + 1];
    uint8_t uuid[UUID_BYTES];
    random_bytes(&engine->random, uuid, sizeof uuid);
    uuid[6] = (uint8_t)(0x40 | (uuid[6] & 0x0f)), uuid[8] = (uint8_t)(0x80 | (uuid[8] & 0x3f)); /* RFC 4122 4.4: a random one */
    uuid_text(text, uuid);
    snprintf(id, sizeof id, "%s--%s", statement->type, text);
    item = (struct item){
        .type = bytes_of_text(statement->type), .id = bytes_of_text(id), .tlp = statement->tlp, .text = statement->text};
    item.valid_until_ms = statement->valid_until_ms;
    return item_encode(out, &item);
}

static void record_write(struct engine *engine, struct buf *out, const struct statement *statement) {
    buf_put_u8(out, VERSION);
    buf_put_u8(out, (uint8_t)statement->tlp);
    buf_put_u8(out, (uint8_t)statement->carriage);
    buf_put_u8(out, 0);
    buf_put_u64(out, clock_wall_ms());
    buf_put_u16(out, (uint16_t)statement->agency_count);
    buf_put_raw(out, statement->agencies, statement->agency_count * AGENCY_ID_BYTES);
    ledger_cause_write(out, statement->cause);
    if (statement_item(engine, out, statement) != OK) out->failed = true;
}

static bool sound(const struct statement *statement) {
    return statement_is(bytes_of_text(statement->type)) && strlen(statement->type) <= ITEM_TYPE_BYTES_MAX &&
           statement->text.size > 0 && statement->text.size <= STATEMENT_TEXT_BYTES_MAX &&
           statement->agency_count <= STATEMENT_AGENCIES_MAX && statement->tlp >= TLP_CLEAR && statement->tlp <= TLP_RED &&
           (statement->carriage == CARRIAGE_RELAY || statement->carriage == CARRIAGE_DIRECT);
}

enum err statement_publish(struct engine *engine, struct store_batch *batch, const struct statement *statement) {
    struct statements *waiting = &engine->statements;
    struct store_batch *own = NULL;
    struct buf value = {0};
    char name[40];
    if (!sound(statement)) return ERR_RANGE;
    if (waiting->next - waiting->first >= STATEMENT_WAITING_MAX || waiting->bytes >= STATEMENT_BYTES_MAX) return ERR_FULL;
    record_write(engine, &value, statement);
    enum err err = buf_result(&value);
    if (err == OK && !batch && !(batch = own = store_batch_new(engine->store))) err = ERR_MEMORY;
    if (err == OK) {
        record_name(name, waiting->next++);
        store_batch_meta(batch, name, bytes_of_buf(&value));
        waiting->bytes += value.size;
        if (own) store_commit(engine->store, own, 0);
    }
    buf_free(&value);
    return err;
}

static bool record_count(void *context, const char *key, struct bytes value) {
    struct statements *waiting = context;
    uint64_t number = strtoull(key + strlen(PREFIX), NULL, 16);
    if (waiting->first == waiting->next) waiting->first = number;
    waiting->next = number + 1;
    waiting->bytes += value.size;
    return true;
}

enum err statement_load(struct engine *engine) {
    struct statements *waiting = &engine->statements;
    waiting->first = waiting->next = 1;
    enum err err = store_meta_each(engine->store, PREFIX, record_count, waiting);
    waiting->at = waiting->first;
    return err;
}

void statement_free(struct engine *engine) {
    publisher_drop(engine, &engine->statements.publication);
    buf_free(&engine->statements.record);
    buf_free(&engine->statements.readers);
}

/* --- out --- */

struct record {
    enum carriage carriage;
    uint64_t created_ms;
    struct bytes readers; /* agency ids */
    struct ledger_cause cause;
    struct bytes item;
};

static bool record_read(struct record *out, struct bytes bytes) {
    struct cursor cursor = cursor_of(bytes);
    uint8_t version = cursor_u8(&cursor);
    cursor_u8(&cursor);
    out->carriage = (enum carriage)cursor_u8(&cursor);
    cursor_u8(&cursor);
    out->created_ms = cursor_u64(&cursor);
    out->readers = cursor_take(&cursor, (size_t)cursor_u16(&cursor) * AGENCY_ID_BYTES);
    out->cause = (struct ledger_cause){0};
    if (version > 1) ledger_cause_read(&out->cause, &cursor);
    out->item = bytes_of(cursor.at, cursor.left);
    return !cursor.failed && version >= 1 && version <= VERSION &&
           (out->carriage == CARRIAGE_RELAY || out->carriage == CARRIAGE_DIRECT);
}

/* Whom it reaches. ERR_NOT_FOUND: none of those it names is pinned any more; ERR_NO_PREKEY: one of them cannot be sealed to now. */
static enum err audience_resolve(struct engine *engine, struct audience *audience, struct bytes readers) {
    size_t found = 0;
    uint64_t now_ms = clock_wall_ms();
    if (audience_add(audience, engine->gossip, 0, now_ms) != OK) return ERR_NO_PREKEY;
    for (size_t at = 0; at < readers.size; at += AGENCY_ID_BYTES) {
        for (size_t index = 1; index < gossip_agency_count(engine->gossip); index++) {
            if (memcmp(gossip_agency(engine->gossip, index)->id, readers.data + at, AGENCY_ID_BYTES) != 0) continue;
            if (audience_add(audience, engine->gossip, index, now_ms) != OK) return ERR_NO_PREKEY;
            found++;
        }
    }
    audience_seal(audience);
    return found > 0 || readers.size == 0 ? OK : ERR_NOT_FOUND;
}

static void number_taken(struct statements *waiting) { waiting->taken[waiting->taken_count++] = waiting->at++; }

/* Puts the record at `at` into the block under way, or opens one for it. False: not now. */
static bool record_put(struct engine *engine) {
    struct statements *waiting = &engine->statements;
    struct record record;
    if (!record_read(&record, bytes_of_buf(&waiting->record)) || record.created_ms + STATEMENT_WAIT_MS < clock_wall_ms()) {
        number_taken(waiting); /* damaged, or too old: it goes */
        return true;
    }
    if (!waiting->open) {
        enum err err = audience_resolve(engine, &waiting->publication.audience, record.readers);
        if (err != OK) {
            audience_free(&waiting->publication.audience);
            waiting->publication.audience = (struct audience){0};
            if (err == ERR_NOT_FOUND)
                number_taken(waiting);
            else
                waiting->at++, waiting->passed = true;
            return true;
        }
        buf_clear(&waiting->readers);
        buf_put(&waiting->readers, record.readers);
        waiting->carriage = record.carriage;
        waiting->open = true;
    } else if (record.carriage != waiting->carriage || !bytes_equal(record.readers, bytes_of_buf(&waiting->readers))) {
        return false;
    }
    if (publisher_statement(engine, &waiting->publication, record.item, record.carriage, &record.cause) != OK) return false;
    number_taken(waiting);
    return true;
}

/* The record at `at`; false when there is none, or none yet. */
static bool record_next(struct engine *engine) {
    struct statements *waiting = &engine->statements;
    char name[40];
    for (unsigned looks = 0; waiting->at < waiting->next && looks < LOOKS_MAX; looks++) {
        record_name(name, waiting->at);
        buf_clear(&waiting->record);
        enum err err = store_meta_settled(engine->store, name, &waiting->record);
        if (err == OK) return true;
        if (err == ERR_BUSY) return false; /* on its way to the disk */
        if (err != ERR_NOT_FOUND)
            engine_event(engine, LOG_STORE_DAMAGED, NULL, "a statement that waits cannot be read: %s", err_text(err));
        if (waiting->at == waiting->first) waiting->first++;
        waiting->at++;
    }
    return false;
}

static void taken_forget(struct engine *engine) {
    struct statements *waiting = &engine->statements;
    struct store_batch *batch = store_batch_new(engine->store);
    char name[40];
    if (!batch) return; /* the next round tries again */
    for (size_t i = 0; i < waiting->taken_count; i++) {
        record_name(name, waiting->taken[i]);
        store_batch_erase_meta(batch, name); /* a share holds an object: it leaves all files when the object is erased */
        if (waiting->taken[i] == waiting->first) waiting->first++;
    }
    store_commit(engine->store, batch, 0);
    waiting->taken_count = 0;
    publisher_drop(engine, &waiting->publication);
    waiting->open = false;
}

/* One block is under way at a time: what comes meanwhile goes into the next one together. */
void statement_drain(struct engine *engine) {
    struct statements *waiting = &engine->statements;
    const char *why;
    if (waiting->first == waiting->next) waiting->bytes = 0;
    if (waiting->at == waiting->next && waiting->taken_count == 0) {
        if (!waiting->passed || clock_monotonic_ms() < waiting->again_ms) return;
        waiting->passed = false, waiting->at = waiting->first, waiting->again_ms = clock_monotonic_ms() + AGAIN_MS;
    }
    if (!publisher_open(engine, &why)) return;
    if (waiting->taken_count == 0 || waiting->publication.last_seq == 0)
        while (waiting->taken_count < STATEMENT_BATCH_MAX && record_next(engine) && record_put(engine)) {
        }
    if (waiting->taken_count == 0) return;
    if (publisher_flush(engine, &waiting->publication) != OK) return;
    if (waiting->publication.last_seq > engine->publisher.durable) return;
    taken_forget(engine);
}

void statement_again(struct engine *engine) {
    struct statements *waiting = &engine->statements;
    waiting->again_ms = 0;
    if (!waiting->open || waiting->publication.last_seq > 0) return;
    publisher_drop(engine, &waiting->publication);
    waiting->at = waiting->first, waiting->taken_count = 0, waiting->open = false;
}
