#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/sharing/permission_row.h"
#include "node/sharing/prove.h"
#include "node/sharing/shown.h"

#include <string.h>

/* Permissions to pass an object on: asked of its author, granted or denied by it. Both sides keep a row for each reader that was asked
   for; the statements are what counts. */

/* --- rows --- */

/* What was answered is over; the oldest goes first. */
static bool may_go(struct bytes value) {
    struct permission_row row;
    return !permission_row_read(&row, value) || row.state != PERMISSION_ASKED;
}

/* The row of this version, other agency and reader. */
static size_t row_find(const struct records *records, struct permission_row *row, bool ours, const uint8_t *leaf,
                       const uint8_t *other, const uint8_t *reader) {
    for (size_t i = 0; i < records->count; i++)
        if (permission_row_read(row, records_at(records, i)) && row->ours == ours &&
            memcmp(row->object.leaf, leaf, HASH_BYTES) == 0 && memcmp(row->other, other, AGENCY_ID_BYTES) == 0 &&
            memcmp(row->reader, reader, AGENCY_ID_BYTES) == 0)
            return i;
    return SIZE_MAX;
}

/* Writes the row over the one at `at`, or as a new one that `cause` brought. */
void permission_keep(struct engine *engine, struct store_batch *batch, size_t at, const uint8_t cause[static AGENCY_ID_BYTES],
                     const struct permission_row *row) {
    struct records *records = &engine->dealings.permissions;
    struct buf value = {0};
    enum err err = permission_row_write(&value, row);
    if (err == OK)
        err = at == SIZE_MAX ? records_add(records, batch, cause, bytes_of_buf(&value))
                             : records_change(records, batch, at, bytes_of_buf(&value));
    if (err == ERR_FULL && records_make_room(records, batch, cause, may_go))
        err = records_add(records, batch, cause, bytes_of_buf(&value));
    buf_free(&value);
    dealings_kept(engine, cause, err);
}

/* --- statements --- */

static bool is_own(const struct engine *engine, const uint8_t *agency_id) {
    return memcmp(agency_id, engine->agency_id, AGENCY_ID_BYTES) == 0;
}

/* Whose node is this? False: of nobody that is known here. */
static bool agency_of_node(const struct engine *engine, const uint8_t *node_id, uint8_t *out) {
    struct gossip_log_view log;
    if (!gossip_log_find(engine->gossip, node_id, &log)) return false;
    memcpy(out, log.agency_id, AGENCY_ID_BYTES);
    return true;
}

void permission_take_ask(struct engine *engine, struct store_batch *batch, const struct statement_seen *seen) {
    struct permit_ask ask;
    struct permission_row row = {0}, held;
    if (permit_ask_decode(&ask, seen->item->text) != OK) {
        engine->reader.blocks_bad++;
        return;
    }
    row.ours = !is_own(engine, seen->agency_id);
    if (!agency_of_node(engine, ask.object.node_id, row.other)) return;
    if (row.ours && !is_own(engine, row.other)) return; /* whoever asks us for another's object is mistaken */
    if (row.ours) memcpy(row.other, seen->agency_id, AGENCY_ID_BYTES);
    memcpy(row.reader, ask.reader, AGENCY_ID_BYTES);
    size_t at = row_find(&engine->dealings.permissions, &held, row.ours, ask.object.leaf, row.other, row.reader);
    if (at != SIZE_MAX && held.state != PERMISSION_DENIED) return; /* a denied one may be asked for again */
    row.state = PERMISSION_ASKED;
    row.object = ask.object;
    row.reason = ask.reason;
    row.at_ms = seen->arrived_ms;
    permission_keep(engine, batch, at, seen->agency_id, &row);
}

void permission_take_grant(struct engine *engine, struct store_batch *batch, const struct statement_seen *seen) {
    struct permit_grant grant;
    struct permission_row row = {0}, held;
    if (permit_grant_decode(&grant, seen->item->text) != OK) {
        engine->reader.blocks_bad++;
        return;
    }
    row.ours = is_own(engine, seen->agency_id);
    if (!row.ours && !is_own(engine, grant.grantee)) return;
    memcpy(row.other, row.ours ? grant.grantee : seen->agency_id, AGENCY_ID_BYTES);
    memcpy(row.reader, grant.reader, AGENCY_ID_BYTES);
    size_t at = row_find(&engine->dealings.permissions, &held, row.ours, grant.leaf, row.other, row.reader);
    if (at != SIZE_MAX)
        row.object = held.object, row.reason = held.reason;
    else
        row.object.id = grant.object_id, memcpy(row.object.leaf, grant.leaf, HASH_BYTES);
    row.state = PERMISSION_GRANTED;
    row.until_ms = grant.until_ms;
    row.codes = grant.codes;
    row.grant_id = seen->item->id;
    row.at_ms = seen->arrived_ms;
    permission_keep(engine, batch, at, seen->agency_id, &row);
}

void permission_take_denial(struct engine *engine, struct store_batch *batch, const struct statement_seen *seen) {
    struct permit_denial denial;
    struct permission_row row;
    if (permit_denial_decode(&denial, seen->item->text) != OK) {
        engine->reader.blocks_bad++;
        return;
    }
    /* An own denial is in the row already: whom it denies stands in no statement of ours. */
    if (is_own(engine, seen->agency_id)) return;
    size_t at = row_find(&engine->dealings.permissions, &row, false, denial.leaf, seen->agency_id, denial.reader);
    if (at == SIZE_MAX || row.state == PERMISSION_GRANTED) return; /* what was permitted is proved and stays so until it ends */
    row.state = PERMISSION_DENIED;
    row.reason = denial.reason;
    row.at_ms = seen->arrived_ms;
    permission_keep(engine, batch, at, seen->agency_id, &row);
}

enum err permission_proof(struct engine *engine, struct buf *out, const uint8_t leaf[static HASH_BYTES],
                          const uint8_t author[static AGENCY_ID_BYTES], const uint8_t reader[static AGENCY_ID_BYTES]) {
    static struct item item;
    struct permission_row row;
    struct proof_facts facts;
    uint64_t cursors[4];
    size_t at = row_find(&engine->dealings.permissions, &row, false, leaf, author, reader);
    if (at == SIZE_MAX || row.state != PERMISSION_GRANTED) return ERR_NOT_FOUND;
    if (row.until_ms != 0 && row.until_ms < clock_wall_ms()) return ERR_EXPIRED;
    size_t count = store_find_id(engine->store, row.grant_id, cursors, 4);
    for (size_t i = 0; i < count; i++) {
        struct page_head head;
        struct bytes encoded;
        if (store_item(engine->store, cursors[i], &head, &item, &encoded) != OK || !bytes_equal(item.id, row.grant_id)) continue;
        if (memcmp(head.agency_id, author, AGENCY_ID_BYTES) != 0) continue;
        return prove_item(engine, cursors[i], out, &facts);
    }
    return ERR_BUSY;
}

size_t permission_facts(const struct engine *engine, struct policy_permission *out, size_t max, const uint8_t *leaf,
                        const uint8_t author[static AGENCY_ID_BYTES], const uint8_t reader[static AGENCY_ID_BYTES]) {
    const struct records *records = &engine->dealings.permissions;
    size_t count = 0;
    for (size_t i = 0; i < records->count && count < max; i++) {
        struct permission_row row;
        if (!permission_row_read(&row, records_at(records, i)) || row.ours || row.state != PERMISSION_GRANTED) continue;
        if (memcmp(row.other, author, AGENCY_ID_BYTES) != 0 || memcmp(row.reader, reader, AGENCY_ID_BYTES) != 0) continue;
        if (leaf && memcmp(row.object.leaf, leaf, HASH_BYTES) != 0) continue;
        /* It came in its author's own log, which is verified before anything in it is read. */
        out[count] = (struct policy_permission){
            .object_id = row.object.id, .handling = row.codes, .until_ms = row.until_ms, .verified = true};
        memcpy(out[count++].to, row.reader, AGENCY_ID_BYTES);
    }
    return count;
}
