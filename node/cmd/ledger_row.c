#include "node/cmd/ledger_row.h"

#include "node/formats/document.h"
#include "node/formats/moment.h"
#include "node/ledger/ledger_details.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- names --- */

static void name_add(struct ledger_names *names, const uint8_t *agency_id, const char *name) {
    if (names->count == names->capacity) {
        size_t capacity = names->capacity ? 2 * names->capacity : 16;
        struct ledger_named *grown = realloc(names->list, capacity * sizeof *grown);
        if (!grown) return; /* the id is shown then */
        names->list = grown, names->capacity = capacity;
    }
    struct ledger_named *named = &names->list[names->count++];
    memcpy(named->agency_id, agency_id, AGENCY_ID_BYTES);
    snprintf(named->name, sizeof named->name, "%s", name);
}

static bool card_visit(void *context, const char *name, enum err error, const struct card_file *file) {
    if (error == OK) name_add(context, file->card.agency.id, name);
    return true;
}

void ledger_names_read(struct ledger_names *out, const struct ledger_source *source) {
    *out = (struct ledger_names){0};
    name_add(out, source->own.card.agency.id, source->own.card.agency.name);
    if (trust_files_each(source->invocation->dir, card_visit, out) != OK) out->count = out->count > 0;
}

void ledger_names_free(struct ledger_names *names) { free(names->list); }

static const char *ledger_names_find(void *context, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    const struct ledger_names *names = context;
    for (size_t i = 0; i < names->count; i++)
        if (memcmp(names->list[i].agency_id, agency_id, AGENCY_ID_BYTES) == 0) return names->list[i].name;
    return NULL;
}

/* --- rows --- */

void ledger_put_row(struct json_out *json, const struct disclosure_row *row) {
    json_out_object(json);
    json_out_key(json, "number");
    json_out_uint(json, row->number);
    json_out_key(json, "time");
    json_out_time(json, row->time_ms);
    json_out_key(json, "kind");
    json_out_text(json, disclosure_kind_name(row->kind));
}

void ledger_put_details(struct json_out *json, const struct disclosure_record *record) {
    struct pack_reader reader = pack_reader_of(bytes_of_buf(&record->details));
    size_t before = json->out->size;
    if (record->details_state == DISCLOSURE_GOOD && document_json(json, &reader) == OK && pack_done(&reader) == OK) return;
    json->out->size = before;
    json->comma = false;
    json_out_null(json);
}

void ledger_row_line(struct buf *out, const struct disclosure_row *row, const struct disclosure_record *record,
                     struct ledger_names *names) {
    char moment[MOMENT_TEXT_BYTES];
    moment_text(moment, row->time_ms);
    buf_put_format(out, "%" PRIu64 "\t%s\t%s\t", row->number, moment, disclosure_kind_name(row->kind));
    if (record->details_state == DISCLOSURE_GOOD)
        ledger_details_line(out, bytes_of_buf(&record->details), ledger_names_find, names);
    else
        buf_put_text(out, record->details_state == DISCLOSURE_MISSING ? "(details erased)" : "(details damaged)");
}
