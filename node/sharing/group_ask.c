#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/formats/moment.h"
#include "node/formats/document_put.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* FRAME_ASK_GROUP: groups made, changed and shown for local clients; node/engine/control.h has the bodies. */

/* --- documents --- */

static const char *const places[] = {"invited", "member", "removed"};

static const char *phase_name(enum roster_phase phase) {
    static const char *const names[] = {"not-yet", "running", "over"};
    return names[phase];
}

static void put_agency(const struct engine *engine, struct buf *out, const char *key, const uint8_t *id) {
    pack_write_str(out, bytes_of_text(key));
    recipients_name_write(engine, out, id);
}

static void put_agencies(const struct engine *engine, struct buf *out, const char *key, const uint8_t (*ids)[AGENCY_ID_BYTES],
                         size_t count) {
    pack_write_str(out, bytes_of_text(key));
    pack_write_array(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) recipients_name_write(engine, out, ids[i]);
}

static void put_members(const struct engine *engine, struct buf *out, const struct group *group) {
    pack_write_str(out, bytes_of_text("members"));
    pack_write_array(out, (uint32_t)group->roster.member_count);
    for (size_t i = 0; i < group->roster.member_count; i++) {
        const struct roster_member *member = &group->roster.members[i];
        bool contested = !member->removed_ms && group_place(group, member->agency_id) == ROSTER_REMOVED;
        const char *unreachable = member->removed_ms ? NULL : recipients_unreachable(engine, member->agency_id);
        pack_write_map(out, 5);
        put_agency(engine, out, "agency", member->agency_id);
        document_put_time(out, "removed", member->removed_ms);
        document_put_time(out, "since", member->since_ms);
        document_put_text(out, "state", contested ? "contested" : member->removed_ms ? "removed" : "member");
        document_put_text(out, "unreachable", unreachable ? unreachable : "");
    }
}

/* Versions that wait for further admins. */
static size_t waiting(const struct group *group, size_t *needed) {
    size_t most = 0;
    for (size_t i = 0; i < group->version_count; i++) {
        const struct group_version *version = group->versions[i];
        if (version->in_force || version->version != group->roster.version + 1) continue;
        size_t votes = group_votes(group, version->hash, needed);
        if (votes < *needed && votes > most) most = votes;
    }
    return most;
}

static void roster_document(struct engine *engine, struct buf *out, const struct group_known *known) {
    const struct roster *roster = &known->group->roster;
    size_t needed = roster->threshold, votes = waiting(known->group, &needed);
    char hex[2 * HASH_BYTES + 1], change[80] = "";
    hex_encode(hex, bytes_of(known->id, HASH_BYTES));
    if (votes > 0) snprintf(change, sizeof change, "signed by %zu of %zu admins", votes, needed);
    pack_write_map(out, 18);
    put_agencies(engine, out, "admins", roster->admins, roster->admin_count);
    document_put_text(out, "change_waiting", change);
    document_put_uint(out, "contradicted", known->group->contradicted);
    document_put_time(out, "ends", roster->ends_ms);
    document_put_bool(out, "hidden", roster->hidden);
    document_put_text(out, "history", roster->history == ROSTER_HISTORY_ALL ? "all" : "none");
    document_put_text(out, "id", hex);
    put_agency(engine, out, "introduced_by", known->introducer);
    put_agency(engine, out, "lead", roster->lead);
    put_members(engine, out, known->group);
    document_put_text(out, "name", roster->name);
    put_agency(engine, out, "originator", roster->originator);
    document_put_text(out, "purpose", roster->purpose);
    document_put_time(out, "starts", roster->starts_ms);
    document_put_text(out, "state", phase_name(group_phase(known, clock_wall_ms())));
    document_put_uint(out, "threshold", roster->threshold);
    document_put_text(out, "tlp_max", tlp_name(roster->ceiling));
    document_put_uint(out, "version", roster->version);
}

/* A member of a hidden group sees what it was told. */
static void standing_document(struct engine *engine, struct buf *out, const struct group_known *known) {
    const struct standing *standing = &known->membership.standing;
    char hex[2 * HASH_BYTES + 1];
    hex_encode(hex, bytes_of(known->id, HASH_BYTES));
    pack_write_map(out, 13);
    put_agencies(engine, out, "admins", standing->admins, standing->admin_count);
    document_put_time(out, "ends", standing->ends_ms);
    document_put_bool(out, "hidden", true);
    document_put_text(out, "id", hex);
    put_agency(engine, out, "introduced_by", known->introducer);
    document_put_text(out, "membership", places[group_standing(engine, known, engine->agency_id)]);
    document_put_text(out, "name", standing->name);
    document_put_text(out, "purpose", standing->purpose);
    document_put_time(out, "starts", standing->starts_ms);
    document_put_text(out, "state", phase_name(group_phase(known, clock_wall_ms())));
    document_put_uint(out, "threshold", standing->threshold);
    document_put_text(out, "tlp_max", tlp_name(standing->ceiling));
    document_put_uint(out, "version", standing->version);
}

static void document_send(struct engine *engine, struct client *client, const struct frame *frame,
                          const struct group_known *known) {
    static const uint8_t done = 0x90; /* an empty array */
    struct buf out = {0};
    if (known && known->group)
        roster_document(engine, &out, known);
    else if (known)
        standing_document(engine, &out, known);
    for (size_t i = 0; !known && i <= engine->groups.count; i++) {
        const struct group_known *each = i > 0 ? engine->groups.list[i - 1] : NULL;
        if (!each) {
            pack_write_map(&out, 1);
            pack_write_str(&out, bytes_of_text("groups"));
            pack_write_array(&out, (uint32_t)engine->groups.count);
            continue;
        }
        char hex[2 * HASH_BYTES + 1];
        hex_encode(hex, bytes_of(each->id, HASH_BYTES));
        pack_write_map(&out, 5);
        document_put_text(&out, "id", hex);
        document_put_text(&out, "membership", places[group_standing(engine, each, engine->agency_id)]);
        document_put_text(&out, "name", group_name(each));
        document_put_text(&out, "state", phase_name(group_phase(each, clock_wall_ms())));
        document_put_text(&out, "tlp_max", tlp_name(group_ceiling(each)));
    }
    server_answer(client, FRAME_ANSWER_DOCUMENT, frame->tag, bytes_of_buf(&out));
    server_answer(client, FRAME_ANSWER_DONE, frame->tag, bytes_of(&done, 1));
    buf_free(&out);
}

/* --- changes --- */

/* Who may write at all is asked first: a statement that waits for ever would be no change. */
static bool barred(struct engine *engine, struct client *client, const struct frame *frame) {
    const char *why = publisher_barred(engine);
    if (why) server_error(client, frame->tag, ERR_DENIED, "%s; nothing was changed", why);
    return why != NULL;
}

static void commit(struct engine *engine, struct client *client, const struct frame *frame, struct store_batch *batch,
                   struct group_known *known, enum err err) {
    if (err == OK) err = group_keep(batch, known);
    if (err != OK) {
        store_batch_free(batch);
        server_error(client, frame->tag, err, "the group cannot be kept: %s", err_text(err));
        return;
    }
    store_commit(engine->store, batch, 0);
    document_send(engine, client, frame, known);
}

static bool admins_take(struct engine *engine, struct client *client, const struct frame *frame, struct pack_reader *reader,
                        struct roster *roster) {
    uint32_t count = pack_read_array(reader);
    memcpy(roster->admins[0], engine->agency_id, AGENCY_ID_BYTES);
    roster->admin_count = 1;
    if (roster_add(roster, engine->agency_id) != OK) return false;
    for (uint32_t i = 0; i < count && !pack_failed(reader); i++) {
        struct bytes name = pack_read_str(reader);
        uint8_t id[AGENCY_ID_BYTES];
        if (pack_failed(reader)) break;
        if (!recipients_id(engine, name, id)) {
            server_error(client, frame->tag, ERR_NOT_FOUND, "admin '%.*s' is not pinned here; no group was made",
                         (int)(name.size < 64 ? name.size : 64), (const char *)name.data);
            return false;
        }
        if (roster_admin(roster, id) >= 0) continue;
        if (roster->admin_count == LIMIT_GROUP_ADMINS || roster_add(roster, id) != OK) {
            server_error(client, frame->tag, ERR_LIMIT, "a group has at most %d admins; no group was made", LIMIT_GROUP_ADMINS);
            return false;
        }
        memcpy(roster->admins[roster->admin_count++], id, AGENCY_ID_BYTES);
    }
    return true;
}

static void create(struct engine *engine, struct client *client, const struct frame *frame, struct pack_reader *reader) {
    struct roster roster = {.version = 1, .time_ms = clock_wall_ms()};
    struct group_known *known, *other;
    struct bytes name = pack_read_str(reader);
    uint64_t ceiling = pack_read_uint(reader);
    roster.hidden = pack_read_bool(reader);
    roster.starts_ms = pack_read_uint(reader);
    roster.ends_ms = pack_read_uint(reader);
    struct bytes purpose = pack_read_str(reader);
    uint64_t history = pack_read_uint(reader);
    if (!admins_take(engine, client, frame, reader, &roster)) return;
    uint64_t threshold = pack_read_uint(reader);
    if (pack_done(reader) != OK || name.size > LIMIT_GROUP_NAME_BYTES || purpose.size > LIMIT_GROUP_TEXT_BYTES ||
        ceiling > TLP_RED || history > ROSTER_HISTORY_ALL || threshold > LIMIT_GROUP_ADMINS) {
        server_error(client, frame->tag, ERR_FORMAT, "the request to make a group is not well formed");
        return;
    }
    memcpy(roster.name, name.data, name.size);
    if (purpose.size > 0) memcpy(roster.purpose, purpose.data, purpose.size);
    roster.ceiling = (enum tlp)ceiling, roster.history = (enum roster_history)history, roster.threshold = (uint8_t)threshold;
    if (!roster.starts_ms) roster.starts_ms = roster.time_ms;
    memcpy(roster.originator, engine->agency_id, AGENCY_ID_BYTES);
    memcpy(roster.lead, engine->agency_id, AGENCY_ID_BYTES);
    random_bytes(&engine->random, roster.salt, sizeof roster.salt);
    if (groups_named(engine, name, &other) != ERR_NOT_FOUND && group_phase(other, roster.time_ms) != ROSTER_OVER) {
        server_error(client, frame->tag, ERR_DENIED, "there is a group of that name already: choose another, or close it first");
        return;
    }
    struct buf first = {0};
    struct store_batch *batch = store_batch_new(engine->store);
    enum err err = roster_encode(&first, &roster);
    known = batch ? calloc(1, sizeof *known) : NULL;
    if (known) known->group = calloc(1, sizeof *known->group);
    if (err == OK && (!known || !known->group)) err = ERR_MEMORY;
    if (err == OK) err = group_open(known->group, bytes_of_buf(&first));
    if (err == OK) {
        memcpy(known->id, known->group->id, HASH_BYTES);
        memcpy(known->introducer, engine->agency_id, AGENCY_ID_BYTES);
        known->pass_cursor = store_cursor_next(engine->store);
        err = groups_add(engine, known);
    }
    buf_free(&first);
    if (err != OK) {
        group_known_free(known);
        if (batch) store_batch_free(batch);
        server_error(client, frame->tag, err, "the group cannot be made: %s",
                     err == ERR_RANGE
                         ? "a name has letters, digits, '.', '_' and '-'; --ends is after --starts; the threshold is at "
                           "most the number of admins"
                         : err_text(err));
        return;
    }
    commit(engine, client, frame, batch, known, group_tell(engine, batch, known, NULL, bytes_of(NULL, 0)));
}

enum change { CHANGE_ADD, CHANGE_REMOVE, CHANGE_CLOSE };

static enum err change_apply(struct roster *next, enum change change, const uint8_t *agency_id) {
    if (change == CHANGE_ADD) return roster_add(next, agency_id);
    if (change == CHANGE_REMOVE) return roster_remove(next, agency_id);
    next->closed = true;
    return OK;
}

/* The same change as another admin has proposed it, so that both sign one version. Appends its bytes; false: nobody has. */
static bool proposed(const struct group *group, enum change change, const uint8_t *agency_id, struct buf *out) {
    for (size_t i = 0; i < group->version_count; i++) {
        const struct group_version *version = group->versions[i];
        struct roster theirs, ours;
        if (version->in_force || version->version != group->roster.version + 1) continue;
        if (roster_decode(&theirs, bytes_of_buf(&version->bytes)) != OK) continue;
        group_next(group, &ours, theirs.time_ms);
        buf_clear(out);
        if (ours.time_ms == theirs.time_ms && change_apply(&ours, change, agency_id) == OK && roster_encode(out, &ours) == OK &&
            bytes_equal(bytes_of_buf(out), bytes_of_buf(&version->bytes)))
            return true;
    }
    buf_clear(out);
    return false;
}

static enum err version_make(const struct group *group, enum change change, const uint8_t *agency_id, struct buf *out) {
    struct roster next;
    if (proposed(group, change, agency_id, out)) return OK;
    group_next(group, &next, clock_wall_ms());
    enum err err = change_apply(&next, change, agency_id);
    return err == OK ? roster_encode(out, &next) : err;
}

static void change_refused(struct client *client, const struct frame *frame, const struct group_known *known, enum change change,
                           enum err err) {
    const char *name = group_name(known);
    if (err == ERR_EXISTS && change == CHANGE_ADD)
        server_error(client, frame->tag, ERR_DENIED, "it is a member of %s already", name);
    else if (change == CHANGE_REMOVE && (err == ERR_EXISTS || err == ERR_NOT_FOUND))
        server_error(client, frame->tag, ERR_NOT_FOUND, "it is no member of %s: `comity group show %s`", name, name);
    else if (err == ERR_DENIED)
        server_error(client, frame->tag, ERR_DENIED, "the last admin of %s cannot be removed: close the group instead", name);
    else if (err == ERR_EXISTS)
        server_error(client, frame->tag, ERR_DENIED, "this agency has signed that change already; it waits for other admins");
    else
        server_error(client, frame->tag, err, "group %s cannot be changed: %s", name, err_text(err));
}

static void change_make(struct engine *engine, struct client *client, const struct frame *frame, struct group_known *known,
                        enum change change, const uint8_t *agency_id) {
    struct buf version = {0};
    struct roster before = known->group->roster;
    uint8_t hash[HASH_BYTES];
    memcpy(hash, known->group->hash, HASH_BYTES);
    enum err err = version_make(known->group, change, agency_id, &version);
    struct store_batch *batch = err == OK ? store_batch_new(engine->store) : NULL;
    if (err == OK && !batch) err = ERR_MEMORY;
    if (err == OK) err = group_take(known->group, engine->agency_id, bytes_of_buf(&version));
    if (err != OK) {
        if (batch) store_batch_free(batch);
        change_refused(client, frame, known, change, err);
    } else {
        bool in_force = memcmp(hash, known->group->hash, HASH_BYTES) != 0;
        if (in_force) group_changed(engine, batch, known, &before);
        if (!in_force) err = group_tell(engine, batch, known, &before, bytes_of_buf(&version));
        commit(engine, client, frame, batch, known, err);
    }
    buf_free(&version);
}

static void change_ask(struct engine *engine, struct client *client, const struct frame *frame, struct pack_reader *reader,
                       struct group_known *known, enum change change) {
    uint8_t id[AGENCY_ID_BYTES] = {0};
    struct bytes name = change == CHANGE_CLOSE ? bytes_of(NULL, 0) : pack_read_str(reader);
    if (pack_done(reader) != OK) {
        server_error(client, frame->tag, ERR_FORMAT, "the request about a group is not well formed");
    } else if (!known->group || roster_admin(&known->group->roster, engine->agency_id) < 0) {
        server_error(client, frame->tag, ERR_DENIED, "only an admin of %s may change it; `comity group show %s` names them",
                     group_name(known), group_name(known));
    } else if (group_phase(known, clock_wall_ms()) == ROSTER_OVER) {
        server_error(client, frame->tag, ERR_DENIED, "group %s is over: nothing about it changes any more", group_name(known));
    } else if (change != CHANGE_CLOSE && !recipients_id(engine, name, id)) {
        server_error(client, frame->tag, ERR_NOT_FOUND,
                     "'%.*s' is not pinned here: give a pinned agency's name, or an id of 64 digits; nothing was changed",
                     (int)(name.size < 64 ? name.size : 64), (const char *)name.data);
    } else {
        change_make(engine, client, frame, known, change, id);
    }
}

void group_ask(struct engine *engine, struct client *client, const struct frame *frame) {
    struct pack_reader reader = pack_reader_of(frame->body);
    struct group_known *known = NULL;
    if (pack_read_array(&reader) == 0 || pack_failed(&reader)) {
        server_error(client, frame->tag, ERR_FORMAT, "the request about a group is not well formed");
        return;
    }
    struct bytes verb = pack_read_str(&reader);
    if (bytes_equal_text(verb, "list")) {
        document_send(engine, client, frame, NULL);
        return;
    }
    if (!bytes_equal_text(verb, "show") && barred(engine, client, frame)) return;
    if (bytes_equal_text(verb, "create")) {
        create(engine, client, frame, &reader);
        return;
    }
    struct bytes name = pack_read_str(&reader);
    enum err err = groups_named(engine, name, &known);
    if (err != OK) {
        server_error(client, frame->tag, err == ERR_EXISTS ? ERR_DENIED : ERR_NOT_FOUND,
                     "%s '%.*s': `comity group list` shows them%s",
                     err == ERR_EXISTS ? "several groups are called" : "there is no group", (int)(name.size < 64 ? name.size : 64),
                     (const char *)name.data, err == ERR_EXISTS ? "; give the first digits of an id" : "");
        return;
    }
    if (bytes_equal_text(verb, "add"))
        change_ask(engine, client, frame, &reader, known, CHANGE_ADD);
    else if (bytes_equal_text(verb, "remove"))
        change_ask(engine, client, frame, &reader, known, CHANGE_REMOVE);
    else if (bytes_equal_text(verb, "close"))
        change_ask(engine, client, frame, &reader, known, CHANGE_CLOSE);
    else
        document_send(engine, client, frame, known);
}
