/* ledger: who looked. One row for what one client asked in one turn, or while its row before was on its way to the disk: so
   searching in bulk costs a hash each, and a row a sync. */
#include "node/process/clock.h"
#include "node/engine/engine_core.h"

#include <stdio.h>
#include <string.h>

void ledger_look(struct engine *engine, struct client *client, const char *command) {
    struct ledger_look *look = &client->look;
    if (strcmp(look->command, command) != 0 || look->asked.size >= LEDGER_ASKED_MAX * DISCLOSURE_ASKED_BYTES)
        ledger_look_end(engine, client);
    if (look->questions++ > 0) return;
    snprintf(look->command, sizeof look->command, "%s", command);
    random_bytes(&engine->random, look->salt, sizeof look->salt);
}

void ledger_look_asked(struct engine *engine, struct client *client, uint8_t kind, struct bytes value) {
    uint8_t asked[DISCLOSURE_ASKED_BYTES];
    disclosure_asked(asked, client->look.salt, kind, value);
    buf_put_raw(&client->look.asked, asked, sizeof asked);
    if (client->look.asked.failed) engine_fail(engine, 5, "out of memory for a row of the ledger");
}

static void details_put(struct buf *out, const struct ledger_look *look, uint32_t pid, uint32_t uid) {
    pack_write_map(out, 6);
    pack_write_str(out, bytes_of_text("asked"));
    pack_write_array(out, (uint32_t)(look->asked.size / DISCLOSURE_ASKED_BYTES));
    for (size_t at = 0; at < look->asked.size; at += DISCLOSURE_ASKED_BYTES)
        pack_write_bin(out, bytes_of(look->asked.data + at, DISCLOSURE_ASKED_BYTES));
    pack_write_str(out, bytes_of_text("command"));
    pack_write_str(out, bytes_of_text(look->command));
    pack_write_str(out, bytes_of_text("pid"));
    pack_write_uint(out, pid);
    pack_write_str(out, bytes_of_text("questions"));
    pack_write_uint(out, look->questions);
    pack_write_str(out, bytes_of_text("shown"));
    pack_write_uint(out, look->shown);
    pack_write_str(out, bytes_of_text("uid"));
    pack_write_uint(out, uid);
}

static bool under_way(const struct engine *engine, const struct ledger_look *look) {
    return look->ticket > engine->ledger.tickets_durable;
}

void ledger_look_put(struct engine *engine, const struct ledger_look *look, uint32_t pid, uint32_t uid, uint64_t ticket) {
    struct buf details = {0};
    struct store_batch *batch = store_batch_new(engine->store);
    if (batch) details_put(&details, look, pid, uid);
    if (!batch || details.failed) {
        engine_fail(engine, 5, "out of memory for a row of the ledger");
        store_batch_free(batch);
    } else {
        store_batch_disclosure(batch, DISCLOSURE_LOOK, clock_wall_ms(), look->salt, bytes_of_buf(&details));
        store_commit(engine->store, batch, ticket);
    }
    buf_free(&details);
}

static void row_write(struct engine *engine, struct client *client) {
    struct ledger_look *look = &client->look;
    bool alone = look->questions == 1 && !under_way(engine, look);
    look->ahead = under_way(engine, look) ? look->ahead + look->questions : look->questions;
    look->ticket = ++engine->ledger.tickets;
    if (alone || look->ahead > LEDGER_AHEAD_MAX) look->hold = look->ticket;
    ledger_look_put(engine, look, client->pid, client->uid, LEDGER_TICKET | look->ticket);
    buf_clear(&look->asked);
    look->command[0] = 0;
    look->questions = 0, look->shown = 0;
}

void ledger_look_end(struct engine *engine, struct client *client) {
    if (client->look.questions > 0) row_write(engine, client);
}

void ledger_look_turn(struct engine *engine, struct client *client) {
    const struct ledger_look *look = &client->look;
    if (look->questions == 0) return;
    if (!under_way(engine, look) || look->ahead + look->questions > LEDGER_AHEAD_MAX) row_write(engine, client);
}

bool ledger_look_holds(const struct engine *engine, const struct client *client) {
    return client->look.hold > engine->ledger.tickets_durable;
}
