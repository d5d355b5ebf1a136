#include "node/sharing/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void name_of(char out[static STORE_META_KEY_BYTES_MAX + 1], const struct records *records, uint64_t number) {
    snprintf(out, STORE_META_KEY_BYTES_MAX + 1, "%s%016llx", records->prefix, (unsigned long long)number);
}

static struct records_row *row_new(struct records *records) {
    if (records->count == records->capacity) {
        size_t capacity = records->capacity ? 2 * records->capacity : 16;
        struct records_row *grown = realloc(records->rows, capacity * sizeof *grown);
        if (!grown) return NULL;
        records->rows = grown, records->capacity = capacity;
    }
    struct records_row *row = &records->rows[records->count++];
    *row = (struct records_row){0};
    return row;
}

struct loading {
    struct records *records;
    enum err err;
};

static bool row_load(void *context, const char *key, struct bytes value) {
    struct loading *loading = context;
    struct records *records = loading->records;
    if (value.size < AGENCY_ID_BYTES) {
        loading->err = ERR_CORRUPT;
        return false;
    }
    struct records_row *row = row_new(records);
    if (!row) {
        loading->err = ERR_MEMORY;
        return false;
    }
    row->number = strtoull(key + strlen(records->prefix), NULL, 16);
    memcpy(row->agency_id, value.data, AGENCY_ID_BYTES);
    buf_put_raw(&row->value, value.data + AGENCY_ID_BYTES, value.size - AGENCY_ID_BYTES);
    loading->err = buf_result(&row->value);
    row->mark = records->mark ? records->mark(bytes_of_buf(&row->value)) : 0;
    if (row->number >= records->next) records->next = row->number + 1;
    return loading->err == OK;
}

enum err records_load(struct records *records, struct store *store, const char *prefix,
                      const uint8_t own_id[static AGENCY_ID_BYTES]) {
    struct loading loading = {records, OK};
    records->prefix = prefix;
    records->next = 1;
    if (records->max == 0) records->max = RECORDS_MAX, records->each_max = RECORDS_EACH_MAX;
    memcpy(records->own_id, own_id, AGENCY_ID_BYTES);
    enum err err = store_meta_each(store, prefix, row_load, &loading);
    return err == OK ? loading.err : err;
}

void records_free(struct records *records) {
    for (size_t i = 0; i < records->count; i++) buf_free(&records->rows[i].value);
    free(records->rows);
    records->rows = NULL;
    records->count = records->capacity = 0;
}

static enum err row_write(struct records *records, struct store_batch *batch, const struct records_row *row) {
    char name[STORE_META_KEY_BYTES_MAX + 1];
    struct buf value = {0};
    name_of(name, records, row->number);
    buf_put_raw(&value, row->agency_id, AGENCY_ID_BYTES);
    buf_put(&value, bytes_of_buf(&row->value));
    enum err err = buf_result(&value);
    if (err == OK) store_batch_meta(batch, name, bytes_of_buf(&value));
    buf_free(&value);
    return err;
}

static bool room_for(const struct records *records, const uint8_t *agency_id) {
    size_t held = 0;
    if (records->count >= records->max) return false;
    if (memcmp(agency_id, records->own_id, AGENCY_ID_BYTES) == 0) return true;
    for (size_t i = 0; i < records->count; i++) held += memcmp(records->rows[i].agency_id, agency_id, AGENCY_ID_BYTES) == 0;
    return held < records->each_max;
}

enum err records_add(struct records *records, struct store_batch *batch, const uint8_t agency_id[static AGENCY_ID_BYTES],
                     struct bytes value) {
    if (!room_for(records, agency_id)) return ERR_FULL;
    struct records_row *row = row_new(records);
    if (!row) return ERR_MEMORY;
    row->number = records->next++;
    memcpy(row->agency_id, agency_id, AGENCY_ID_BYTES);
    buf_put(&row->value, value);
    row->mark = records->mark ? records->mark(value) : 0;
    enum err err = buf_result(&row->value);
    if (err == OK) err = row_write(records, batch, row);
    if (err != OK) {
        buf_free(&row->value);
        records->count--;
    }
    return err;
}

enum err records_change(struct records *records, struct store_batch *batch, size_t index, struct bytes value) {
    struct records_row *row = &records->rows[index];
    struct buf changed = {0};
    buf_put(&changed, value); /* which may be a view into the old one */
    enum err err = buf_result(&changed);
    if (err != OK) return err;
    buf_free(&row->value);
    row->value = changed;
    row->mark = records->mark ? records->mark(bytes_of_buf(&changed)) : 0;
    return row_write(records, batch, row);
}

void records_drop(struct records *records, struct store_batch *batch, size_t index) {
    char name[STORE_META_KEY_BYTES_MAX + 1];
    name_of(name, records, records->rows[index].number);
    store_batch_meta_delete(batch, name);
    buf_free(&records->rows[index].value);
    memmove(&records->rows[index], &records->rows[index + 1], (records->count - index - 1) * sizeof *records->rows);
    records->count--;
}

bool records_make_room(struct records *records, struct store_batch *batch, const uint8_t agency_id[static AGENCY_ID_BYTES],
                       records_may_go *may_go) {
    for (size_t i = 0; i < records->count; i++) {
        if (memcmp(records->rows[i].agency_id, agency_id, AGENCY_ID_BYTES) != 0 || !may_go(records_at(records, i))) continue;
        records_drop(records, batch, i);
        return true;
    }
    return false;
}
