#include "node/formats/csvrow.h"

void csvrow_init(struct csvrow *row) {
    *row = (struct csvrow){.delimiter = ','};
    buf_init(&row->data, CSV_ROW_BYTES_MAX);
}

void csvrow_free(struct csvrow *row) { buf_free(&row->data); }

void csvrow_clear(struct csvrow *row) {
    buf_clear(&row->data);
    row->state = CSVROW_FIELD_START;
    row->fault = CSVROW_GOOD;
    row->field_count = 0;
    row->bytes = row->newlines = 0;
}

static void field_end(struct csvrow *row) {
    if (row->field_count == CSV_COLUMNS_MAX)
        row->fault = CSVROW_TOO_MANY;
    else
        row->ends[row->field_count++] = row->data.size;
    row->state = CSVROW_FIELD_START;
}

static void put(struct csvrow *row, uint8_t c) {
    buf_put_u8(&row->data, c);
    if (row->data.failed) row->fault = CSVROW_TOO_LONG;
}

/* One byte of a row without a fault so far; a newline outside quotes was looked for by the caller. */
static void step(struct csvrow *row, uint8_t c) {
    bool delimiter = c == (uint8_t)row->delimiter;
    switch (row->state) {
    case CSVROW_FIELD_START:
        if (delimiter)
            field_end(row);
        else if (c == '"')
            row->state = CSVROW_QUOTED;
        else {
            row->state = CSVROW_PLAIN;
            put(row, c);
        }
        break;
    case CSVROW_PLAIN:
        if (delimiter)
            field_end(row);
        else
            put(row, c);
        break;
    case CSVROW_QUOTED:
        if (c == '"')
            row->state = CSVROW_QUOTE_SEEN;
        else
            put(row, c);
        if (c == '\n') row->newlines++;
        break;
    case CSVROW_QUOTE_SEEN:
        if (delimiter)
            field_end(row);
        else if (c == '"') {
            row->state = CSVROW_QUOTED;
            put(row, c);
        } else if (c != '\r')
            row->fault = CSVROW_BEHIND_QUOTE;
        break;
    }
}

size_t csvrow_read(struct csvrow *row, struct bytes chunk, bool *complete) {
    size_t i = 0;
    *complete = false;
    while (i < chunk.size && !*complete) {
        uint8_t c = chunk.data[i++];
        row->bytes++;
        if (c == '\n' && (row->state != CSVROW_QUOTED || row->fault != CSVROW_GOOD)) {
            if (row->fault == CSVROW_GOOD) field_end(row);
            *complete = true;
        } else if (row->fault == CSVROW_GOOD) {
            step(row, c);
        }
    }
    return i;
}

bool csvrow_finish(struct csvrow *row) {
    if (row->fault != CSVROW_GOOD) return true;
    if (row->state == CSVROW_QUOTED) return false;
    field_end(row);
    return true;
}

static bool blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

struct bytes csvrow_field(const struct csvrow *row, size_t index) {
    if (index >= row->field_count) return bytes_of(NULL, 0);
    size_t start = index == 0 ? 0 : row->ends[index - 1], end = row->ends[index];
    while (start < end && blank(row->data.data[start])) start++;
    while (end > start && blank(row->data.data[end - 1])) end--;
    return start == end ? bytes_of(NULL, 0) : bytes_of(row->data.data + start, end - start);
}
