#include "node/recall/gone.h"

#include "node/engine/engine_core.h"
#include "node/policy/policy_context.h"
#include "node/process/clock.h"
#include "node/recall/gone_terms.h"
#include "node/sharing/shown.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX      "secret/~gone/"
#define ENDS_KEY    "gone"
#define FENCES_KEY  "gone-fences"
#define KEY_BYTES   40
#define ROW_VERSION 1
#define TICK_ROWS   16384       /* that go in one turn, about */
#define ROWS_BYTES  (32 * 1024) /* that stand together */
#define HITS_MAX    256
#define LIFE_ROWS   (1ull << 32) /* numbers of one life of a store */

static const char *const cause_names[GONE_CAUSE_END] = {
    [GONE_RECALL] = "recall", [GONE_EXPIRY] = "expiry", [GONE_RETENTION] = "retention", [GONE_ERASURE] = "erasure",
    [GONE_GROUP] = "group",   [GONE_NEWER] = "newer",   [GONE_REVOKED] = "revoked",
};

const char *gone_cause_name(enum gone_cause cause) { return (unsigned)cause < GONE_CAUSE_END ? cause_names[cause] : NULL; }

/* --- a row: version 1, cause 1, tlp 1, exits 4, time 8, cursor 8, author 32, then type and id, each after its length 1, and of what was published
   to a group that one's id 32 --- */

void gone_row_write(struct buf *out, const struct gone_row *row) {
    buf_put_u8(out, ROW_VERSION);
    buf_put_u8(out, (uint8_t)row->cause);
    buf_put_u8(out, (uint8_t)row->tlp);
    buf_put_u32(out, row->exits);
    buf_put_u64(out, row->time_ms);
    buf_put_u64(out, row->cursor);
    buf_put_raw(out, row->author, AGENCY_ID_BYTES);
    buf_put_u8(out, (uint8_t)strlen(row->type));
    buf_put_text(out, row->type);
    buf_put_u8(out, (uint8_t)strlen(row->id));
    buf_put_text(out, row->id);
    if (row->grouped) buf_put_raw(out, row->group, HASH_BYTES);
}

static bool name_read(struct cursor *in, char *out, size_t bytes_max) {
    struct bytes name = cursor_take(in, cursor_u8(in));
    if (in->failed || name.size == 0 || name.size > bytes_max) return false;
    memcpy(out, name.data, name.size);
    out[name.size] = 0;
    return true;
}

enum err gone_row_read(struct gone_row *out, struct bytes value) {
    struct cursor in = cursor_of(value);
    uint8_t version = cursor_u8(&in), cause = cursor_u8(&in), tlp = cursor_u8(&in);
    out->exits = cursor_u32(&in);
    out->time_ms = cursor_u64(&in);
    out->cursor = cursor_u64(&in);
    cursor_copy(&in, out->author, AGENCY_ID_BYTES);
    out->cause = (enum gone_cause)cause;
    out->tlp = (enum tlp)tlp;
    bool good = name_read(&in, out->type, ITEM_TYPE_BYTES_MAX) && name_read(&in, out->id, ITEM_ID_BYTES_MAX);
    out->grouped = good && in.left > 0;
    if (out->grouped) cursor_copy(&in, out->group, HASH_BYTES);
    return good && cursor_done(&in) && version == ROW_VERSION && cause > 0 && cause < GONE_CAUSE_END && tlp <= TLP_RED ? OK
                                                                                                                       : ERR_FORMAT;
}

static void key_of(char out[static KEY_BYTES], uint64_t number) {
    snprintf(out, KEY_BYTES, PREFIX "%016llx", (unsigned long long)number);
}

/* --- first and last --- */

static void ends_put(struct store_batch *batch, uint64_t first, uint64_t last) {
    uint8_t value[16];
    put_be64(value, first);
    put_be64(value + 8, last);
    store_batch_meta(batch, ENDS_KEY, bytes_of(value, sizeof value));
}

enum err gone_load(struct engine *engine) {
    struct gone *gone = &engine->gone;
    struct buf value = {0};
    *gone = (struct gone){.first = 1, .next = 1};
    enum err err = store_meta(engine->store, ENDS_KEY, &value);
    if (err == OK && value.size != 16) err = ERR_CORRUPT;
    if (err == OK) {
        gone->first = get_be64(value.data);
        gone->last = get_be64(value.data + 8);
        gone->next = gone->last + 1;
    }
    buf_clear(&value);
    if (err == OK || err == ERR_NOT_FOUND) err = store_meta(engine->store, FENCES_KEY, &value);
    if (err == OK && (value.size % 8 != 0 || value.size > sizeof gone->fences)) err = ERR_CORRUPT;
    for (size_t i = 0; err == OK && i < value.size / 8; i++) gone->fences[i] = get_be64(value.data + 8 * i);
    buf_free(&value);
    if (err == OK || err == ERR_NOT_FOUND) err = gone_terms_load(engine);
    return err == OK ? gone_revoked_load(engine) : err;
}

void gone_anew(struct engine *engine, struct store_batch *batch) {
    struct gone *gone = &engine->gone;
    gone->last = (gone->last / LIFE_ROWS + 1) * LIFE_ROWS;
    gone->first = gone->next = gone->last + 1;
    ends_put(batch, gone->first, gone->last);
}

bool gone_same_life(const struct gone *gone, uint64_t at) { return at / LIFE_ROWS == gone->last / LIFE_ROWS; }

void gone_free(struct engine *engine) {
    buf_free(&engine->gone.rows);
    buf_free(&engine->gone.terms);
    buf_free(&engine->gone.awaited);
    free(engine->gone.cuts);
    engine->gone.cuts = NULL;
    engine->gone.cut_count = 0;
}

/* --- noting --- */

/* By which exits this object was shown: as if it still were within its time, and its group not over. */
static unsigned exits_ask(struct engine *engine, const struct item *item, bool foreign) {
    static struct marks marks;
    static struct policy_facts facts;
    struct verdict verdict;
    unsigned exits = 0;
    if (marks_decode(&marks, item->marks) != OK) return 0;
    marks.retain_until_ms = 0;
    marks.iep.end_ms = 0;
    marks.group = bytes_of(NULL, 0);
    struct policy_object object = {.tlp = item->tlp, .id = item->id, .type = item->type, .marks = &marks, .foreign = foreign};
    if (item->marks.size == 0 || marks_empty(&marks)) object.marks = NULL;
    for (int exit = POLICY_LOCAL; exit <= POLICY_CONSOLE; exit++) {
        policy_context_fill(&facts, engine, (enum policy_exit)exit, NULL);
        policy_decide(&verdict, &object, &facts.reader, &facts.context);
        if (verdict.allow) exits |= 1u << exit;
    }
    return exits;
}

/* Thousands that expire together are marked alike: the last decision stands for the next one of its kind. */
static unsigned exits_of(struct engine *engine, const struct page_head *head, const struct item *item, const uint8_t *author) {
    static struct marks marks;
    struct gone *gone = &engine->gone;
    bool foreign = memcmp(author, engine->agency_id, AGENCY_ID_BYTES) != 0;
    if (marks_decode(&marks, item->marks) != OK || groups_shut_out(engine, marks.group, author, head->arrived_ms)) return 0;
    if (gone->decision_set && gone->decision_tlp == item->tlp && gone->decision_foreign == foreign &&
        bytes_equal(bytes_of(gone->decision_marks, gone->decision_marks_bytes), item->marks))
        return gone->decided;
    unsigned exits = exits_ask(engine, item, foreign);
    gone->decision_set = item->marks.size <= sizeof gone->decision_marks;
    if (!gone->decision_set) return exits;
    gone->decision_tlp = item->tlp;
    gone->decision_foreign = foreign;
    gone->decision_marks_bytes = item->marks.size;
    if (item->marks.size > 0) memcpy(gone->decision_marks, item->marks.data, item->marks.size);
    gone->decided = exits;
    return exits;
}

static void rows_put(struct engine *engine, struct store_batch *batch) {
    struct gone *gone = &engine->gone;
    char key[KEY_BYTES];
    if (gone->rows.size == 0 && !gone->rows.failed) return;
    if (gone->rows.failed) engine_fail(engine, 5, "out of memory while objects are taken out");
    key_of(key, gone->next - 1);
    store_batch_meta(batch, key, bytes_of_buf(&gone->rows));
    buf_clear(&gone->rows);
}

static void group_put(struct gone_row *row, const struct item *item) {
    static struct marks marks;
    row->grouped = item->marks.size > 0 && marks_decode(&marks, item->marks) == OK && marks.group.size == HASH_BYTES;
    if (row->grouped) memcpy(row->group, marks.group.data, HASH_BYTES);
}

void gone_note(struct engine *engine, struct store_batch *batch, const struct page_head *head, uint64_t cursor,
               const struct item *item, enum gone_cause cause) {
    static struct share_facts facts;
    static struct item original;
    struct gone_row row = {.cursor = cursor, .time_ms = clock_wall_ms(), .cause = cause};
    struct buf *rows = &engine->gone.rows;
    const uint8_t *author = head->agency_id;
    if (bytes_equal_text(item->type, SHARE_TYPE)) {
        if (share_read(&facts, &original, item->text) != OK) return;
        item = &original;
        author = facts.object.entry.agency_id;
    }
    if (statement_is(item->type)) return;
    row.tlp = item->tlp;
    row.exits = exits_of(engine, head, item, author);
    if (row.exits == 0) return; /* nobody was shown it */
    group_put(&row, item);
    memcpy(row.author, author, AGENCY_ID_BYTES);
    memcpy(row.type, item->type.data, item->type.size);
    memcpy(row.id, item->id.data, item->id.size);
    size_t at = rows->size;
    buf_put_u16(rows, 0);
    gone_row_write(rows, &row);
    if (!rows->failed) put_be16(rows->data + at, (uint16_t)(rows->size - at - 2));
    engine->gone.next++;
    if (rows->size >= ROWS_BYTES || rows->failed) rows_put(engine, batch);
}

void gone_seal(struct engine *engine, struct store_batch *batch) {
    const struct gone *gone = &engine->gone;
    rows_put(engine, batch);
    if (gone->next > gone->last + 1) ends_put(batch, gone->first, gone->next - 1);
}

void gone_dropped(struct engine *engine) {
    engine->gone.next = engine->gone.last + 1;
    buf_clear(&engine->gone.rows);
}

void gone_stored(struct engine *engine) { engine->gone.last = engine->gone.next - 1; }

/* --- fences --- */

uint64_t gone_number(struct gone *gone) {
    assert(gone->next == gone->last + 1 && gone->rows.size == 0);
    return gone->next++;
}

void gone_fence(struct engine *engine, struct store_batch *batch, unsigned exits) {
    struct gone *gone = &engine->gone;
    uint8_t value[8 * POLICY_EXIT_END];
    uint64_t number = gone_number(gone);
    for (int exit = 0; exit < POLICY_EXIT_END; exit++) {
        if ((exits >> exit) & 1) gone->fences[exit] = number;
        put_be64(value + 8 * exit, gone->fences[exit]);
    }
    store_batch_meta(batch, FENCES_KEY, bytes_of(value, sizeof value));
}

bool gone_fenced(const struct gone *gone, enum policy_exit exit, uint64_t at) {
    uint64_t fence = (unsigned)exit < POLICY_EXIT_END ? gone->fences[exit] : 0;
    return fence <= gone->last && at < fence;
}

/* --- reading --- */

struct walk {
    gone_visit *visit;
    void *context;
    uint64_t after, last;
    enum err err;
};

static uint64_t number_of(const char *key) { return strtoull(key + sizeof PREFIX - 1, NULL, 16); }

/* How many rows stand together; 0: they are not whole. */
static uint64_t rows_count(struct bytes value) {
    struct cursor in = cursor_of(value);
    uint64_t count = 0;
    for (; in.left > 0; count++) (void)cursor_take(&in, cursor_u16(&in));
    return in.failed ? 0 : count;
}

static bool rows_visit(void *context, const char *key, struct bytes value) {
    struct walk *walk = context;
    struct cursor in = cursor_of(value);
    uint64_t count = rows_count(value), number = number_of(key) - count;
    if (count == 0 || number_of(key) < count) walk->err = ERR_CORRUPT;
    while (walk->err == OK && in.left > 0) {
        struct gone_row row = {.number = ++number};
        struct bytes text = cursor_take(&in, cursor_u16(&in));
        if (number > walk->last) return false;
        if (number <= walk->after) continue;
        walk->err = gone_row_read(&row, text) == OK ? OK : ERR_CORRUPT;
        if (walk->err == OK && !walk->visit(walk->context, &row)) return false;
    }
    return walk->err == OK;
}

enum err gone_each(struct engine *engine, uint64_t after, gone_visit *visit, void *context) {
    if (after + 1 < engine->gone.first) after = engine->gone.first - 1; /* what stands before is of another life */
    struct walk walk = {.visit = visit, .context = context, .after = after, .last = engine->gone.last};
    char key[KEY_BYTES];
    if (after >= engine->gone.last) return OK;
    key_of(key, after + 1);
    enum err err = store_meta_from(engine->store, PREFIX, key, rows_visit, &walk);
    return err == OK ? walk.err : err;
}

bool gone_for_good(struct engine *engine, const struct gone_row *row) {
    static struct shown other;
    uint64_t cursors[HITS_MAX];
    size_t count = store_find_id(engine->store, bytes_of_text(row->id), cursors, HITS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (cursors[i] == row->cursor || shown_at(engine, &other, cursors[i]) != OK) continue;
        if (memcmp(other.author, row->author, AGENCY_ID_BYTES) == 0 && bytes_equal_text(other.item.id, row->id)) return false;
    }
    return true;
}

/* --- what is too old --- */

struct pruning {
    struct store_batch *batch;
    uint64_t now_ms, floor, heard, rows, until;
    char first[KEY_BYTES], last[KEY_BYTES]; /* keys that go */
    enum err err;
};

/* Up to which row all subscriptions have heard of what they may hold. */
static uint64_t rows_heard(const struct engine *engine) {
    uint64_t heard = UINT64_MAX;
    for (size_t i = 0; i < engine->subscriptions.count; i++) {
        const struct subscription *subscription = engine->subscriptions.list[i];
        bool fresh = subscription->at.cursor == 0 && subscription->high == 0; /* it has seen nothing that could be gone */
        if (!fresh && subscription->at.gone < heard) heard = subscription->at.gone;
    }
    return heard;
}

/* Rows that stand together go together, when the youngest may. */
static bool rows_prune(void *context, const char *key, struct bytes value) {
    struct pruning *pruning = context;
    struct gone_row row;
    struct cursor in = cursor_of(value);
    struct bytes text = {0};
    uint64_t count = rows_count(value), number = number_of(key);
    for (uint64_t i = 0; i < count; i++) text = cursor_take(&in, cursor_u16(&in));
    pruning->err = count > 0 && gone_row_read(&row, text) == OK ? OK : ERR_CORRUPT;
    if (pruning->err != OK || pruning->rows >= TICK_ROWS) return false;
    uint64_t keep_ms = number <= pruning->heard ? GONE_KEEP_MS : GONE_WAIT_MS;
    if (number > pruning->floor && row.time_ms + keep_ms >= pruning->now_ms) return false;
    store_batch_meta_delete(pruning->batch, key);
    if (pruning->rows == 0) snprintf(pruning->first, sizeof pruning->first, "%s", key);
    snprintf(pruning->last, sizeof pruning->last, "%s", key);
    pruning->rows += count;
    pruning->until = number;
    return true;
}

void gone_tick(struct engine *engine, uint64_t now_ms) {
    struct gone *gone = &engine->gone;
    struct pruning pruning = {.now_ms = now_ms, .floor = gone->last > GONE_ROWS_MAX ? gone->last - GONE_ROWS_MAX : 0};
    bool early = now_ms < gone->prune_due_ms && gone->prune_due_ms - now_ms <= GONE_DAY_MS;
    /* Not while rows are being written: both would say where the list begins and ends. */
    if (engine->recalls.writing || gone->first > gone->last || (early && gone->first > pruning.floor)) return;
    pruning.heard = rows_heard(engine);
    pruning.batch = store_batch_new(engine->store);
    if (!pruning.batch) return;
    enum err err = store_meta_each(engine->store, PREFIX, rows_prune, &pruning);
    bool good = err == OK && pruning.err == OK;
    if (pruning.rows < TICK_ROWS) gone->prune_due_ms = now_ms + GONE_DAY_MS; /* else the next minute goes on */
    if (!good || pruning.rows == 0) {
        store_batch_free(pruning.batch);
        if (!good) engine_notice(engine, "the list of what was withdrawn cannot be read: it is damaged on disk");
        return;
    }
    gone->first = pruning.until + 1;
    ends_put(pruning.batch, gone->first, gone->last);
    store_batch_erase_between(pruning.batch, pruning.first, pruning.last);
    store_commit(engine->store, pruning.batch, 0);
}
