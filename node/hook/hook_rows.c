#include "node/hook/hook_rows.h"

#include "node/process/clock.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define WHOLE_MS  3600000 /* from the start at least so often */
#define FILLS_MAX 4       /* in a row, when it changed under our eyes */
#define ANY_TIME  1       /* of until_ms */

void hook_rows_init(struct hook_rows *rows, struct hook_work *work) {
    uint8_t key[EXPORT_TABLE_KEY_BYTES];
    *rows = (struct hook_rows){.work = work, .options = {.format = work->hook->format, .kinds_wanted = work->hook->kinds}};
    randombytes_buf(key, sizeof key);
    export_table_init(&rows->table, &rows->options, key);
}

void hook_rows_free(struct hook_rows *rows) { export_table_free(&rows->table); }

static enum err gone_take(struct hook_rows *rows, const struct page_record *record, struct bytes id, bool nameless) {
    struct export_table *table = &rows->table;
    if (nameless) rows->anew = true;
    if (nameless || (record->versions & CONTROL_VERSION_HELD) == 0)
        return nameless ? OK : export_table_take(table, record->author, id);
    /* Of several versions or copies the one that is held here went: which one counts now? */
    if (export_table_cursor(table, record->author, id) == record->cursor) rows->anew = true;
    return OK;
}

static enum err on_record(void *context, const struct page_record *record) {
    struct hook_rows *rows = context;
    struct answer_reader *reader = rows->work->reader;
    bool nameless = bytes_equal_text(record->author, CONTROL_NAMELESS);
    if (answer_of_item(reader, record->cursor, record->author, record->tlp, record->added_us / 1000, record->encoded) != OK)
        return ERR_FORMAT;
    if (page_record_gone(record)) return gone_take(rows, record, reader->answer.item.id, nameless);
    if (nameless && rows->filled) rows->anew = true;
    return export_table_put(&rows->table, &reader->answer, nameless);
}

static void earlier(uint64_t *until_ms, uint64_t other_ms) {
    if (other_ms != 0 && (*until_ms == 0 || other_ms < *until_ms)) *until_ms = other_ms;
}

/* Takes all that is new behind where it stands. */
static enum err pages_take(struct hook_rows *rows, char why[static HOOK_WHY_BYTES]) {
    struct take_end taken = {.more = true};
    enum err err = OK;
    while (err == OK && taken.more && !rows->anew) {
        err = hook_take_kept(rows->work, &rows->at, on_record, rows, &taken, why);
        if (err == OK && !taken.reset && !taken.keeps) err = ERR_FORMAT;
        if (err != OK) break;
        if (!rows->begun) rows->terms = taken.terms, rows->begun = true;
        if (taken.reset || taken.terms != rows->terms) rows->anew = true;
        earlier(&rows->until_ms, taken.until_ms);
        rows->at = taken.at;
    }
    return err;
}

static enum err fill(struct hook_rows *rows, char why[static HOOK_WHY_BYTES]) {
    enum err err = OK;
    rows->anew = true;
    for (unsigned i = 0; err == OK && rows->anew && i < FILLS_MAX; i++) {
        export_table_clear(&rows->table);
        rows->at = (struct take_position){0};
        rows->until_ms = 0;
        rows->filled = rows->anew = rows->begun = false;
        err = pages_take(rows, why);
    }
    if (err == OK && rows->anew) {
        snprintf(why, HOOK_WHY_BYTES, "what may be shown, or which version of an object counts, changed while all of it was read");
        err = ERR_BUSY;
    }
    rows->filled = err == OK;
    rows->filled_ms = clock_monotonic_ms();
    return err;
}

static bool over(const struct hook_rows *rows) {
    return !rows->filled || (rows->until_ms != 0 && clock_wall_ms() >= rows->until_ms) ||
           clock_monotonic_ms() - rows->filled_ms >= WHOLE_MS;
}

enum err hook_rows_refresh(struct hook_rows *rows, bool whole, char why[static HOOK_WHY_BYTES]) {
    rows->anew = whole || over(rows);
    enum err err = rows->anew ? OK : pages_take(rows, why);
    if (err == OK && rows->anew) err = fill(rows, why);
    if (err != OK) rows->filled = false; /* a page may have been read by half */
    return err;
}

uint64_t hook_rows_due_ms(const struct hook_rows *rows) {
    uint64_t now_ms = clock_monotonic_ms(), wall_ms = clock_wall_ms(), due_ms = rows->filled_ms + WHOLE_MS;
    if (!rows->filled || rows->until_ms <= ANY_TIME) return due_ms;
    uint64_t left_ms = rows->until_ms > wall_ms ? rows->until_ms - wall_ms : 0;
    return now_ms + left_ms < due_ms ? now_ms + left_ms + 1 : due_ms;
}
