#include "node/engine/engine_core.h"

#include <stdio.h>
#include <string.h>

/* Why the items of a block may leave, collected item by item. */

/* Into a list of texts that has each once; what does not fit is left out. */
static void text_add(char *list, size_t count, size_t each, struct bytes text) {
    if (text.size >= each) text.size = each - 1;
    for (size_t i = 0; text.size > 0 && i < count; i++, list += each) {
        if (!*list) memcpy(list, text.data, text.size), list[text.size] = 0;
        if (bytes_equal_text(text, list)) return;
    }
}

void ledger_cause_add(struct ledger_cause *cause, const struct item *item, const char *rule) {
    static struct marks marks;
    if (rule) text_add(cause->rules[0], LEDGER_RULES_MAX, LEDGER_RULE_BYTES, bytes_of_text(rule));
    if (!item) return;
    cause->labels |= 1u << item->tlp;
    if (item->marks.size == 0 || marks_decode(&marks, item->marks) != OK) return;
    cause->personal += marks.personal || marks.police;
    for (size_t i = 0; i < marks.purposes.count; i++)
        text_add(cause->purposes[0], LEDGER_PURPOSES_MAX, sizeof cause->purposes[0], marks.purposes.names[i]);
}

void ledger_clause_add(char list[static LEDGER_CLAUSES_MAX][LEDGER_CLAUSE_BYTES], const struct verdict *verdict) {
    char text[LEDGER_CLAUSE_BYTES];
    if (!verdict->agreement[0]) return;
    snprintf(text, sizeof text, "%s clause %u", verdict->agreement, verdict->clause);
    text_add(list[0], LEDGER_CLAUSES_MAX, LEDGER_CLAUSE_BYTES, bytes_of_text(text));
}

void ledger_clauses_join(char list[static LEDGER_CLAUSES_MAX][LEDGER_CLAUSE_BYTES],
                         char from[static LEDGER_CLAUSES_MAX][LEDGER_CLAUSE_BYTES]) {
    for (size_t i = 0; i < LEDGER_CLAUSES_MAX && from[i][0]; i++)
        text_add(list[0], LEDGER_CLAUSES_MAX, LEDGER_CLAUSE_BYTES, bytes_of_text(from[i]));
}

void ledger_cause_join(struct ledger_cause *into, const struct ledger_cause *from) {
    into->personal += from->personal;
    into->labels |= from->labels;
    for (size_t i = 0; i < LEDGER_PURPOSES_MAX && from->purposes[i][0]; i++)
        text_add(into->purposes[0], LEDGER_PURPOSES_MAX, sizeof into->purposes[0], bytes_of_text(from->purposes[i]));
    for (size_t i = 0; i < LEDGER_RULES_MAX && from->rules[i][0]; i++)
        text_add(into->rules[0], LEDGER_RULES_MAX, LEDGER_RULE_BYTES, bytes_of_text(from->rules[i]));
    for (size_t i = 0; i < LEDGER_CLAUSES_MAX && from->clauses[i][0]; i++)
        text_add(into->clauses[0], LEDGER_CLAUSES_MAX, LEDGER_CLAUSE_BYTES, bytes_of_text(from->clauses[i]));
}

/* --- kept: count of personal items 4, labels 1, then purposes, rules and clauses: count 1, each: length 1, text --- */

static void texts_write(struct buf *out, const char *list, size_t count, size_t each) {
    uint8_t used = 0;
    while (used < count && list[used * each]) used++;
    buf_put_u8(out, used);
    for (size_t i = 0; i < used; i++) {
        struct bytes text = bytes_of_text(list + i * each);
        buf_put_u8(out, (uint8_t)text.size);
        buf_put(out, text);
    }
}

static void texts_read(char *list, size_t count, size_t each, struct cursor *cursor) {
    uint8_t used = cursor_u8(cursor);
    if (used > count) cursor->failed = true;
    for (size_t i = 0; i < used && !cursor->failed; i++) {
        struct bytes text = cursor_take(cursor, cursor_u8(cursor));
        text_add(list, count, each, text);
    }
}

void ledger_cause_write(struct buf *out, const struct ledger_cause *cause) {
    static const struct ledger_cause none;
    if (!cause) cause = &none;
    buf_put_u32(out, (uint32_t)cause->personal);
    buf_put_u8(out, (uint8_t)cause->labels);
    texts_write(out, cause->purposes[0], LEDGER_PURPOSES_MAX, sizeof cause->purposes[0]);
    texts_write(out, cause->rules[0], LEDGER_RULES_MAX, LEDGER_RULE_BYTES);
    texts_write(out, cause->clauses[0], LEDGER_CLAUSES_MAX, LEDGER_CLAUSE_BYTES);
}

void ledger_cause_read(struct ledger_cause *out, struct cursor *cursor) {
    *out = (struct ledger_cause){0};
    out->personal = cursor_u32(cursor);
    out->labels = cursor_u8(cursor);
    texts_read(out->purposes[0], LEDGER_PURPOSES_MAX, sizeof out->purposes[0], cursor);
    texts_read(out->rules[0], LEDGER_RULES_MAX, LEDGER_RULE_BYTES, cursor);
    texts_read(out->clauses[0], LEDGER_CLAUSES_MAX, LEDGER_CLAUSE_BYTES, cursor);
}
