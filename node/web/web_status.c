/* web_status: what became of a POST, as the standard's status resource (TAXII 2.1, 4.3). */
#include "node/engine/post_status.h"
#include "node/formats/json_out.h"
#include "node/web/web_state.h"

static void row_write(struct json_out *json, const struct post_row *row) {
    json_out_object(json);
    json_out_key(json, "id");
    json_out_string(json, row->id);
    json_out_key(json, "version");
    json_out_string(json, row->version);
    if (row->refused) {
        json_out_key(json, "message");
        json_out_string(json, row->message);
    }
    json_out_object_end(json);
}

static void rows_write(struct json_out *json, const char *key, const struct post_status *status, bool refused) {
    struct pack_reader rows = status->rows;
    struct post_row row;
    json_out_key(json, key);
    json_out_array(json);
    for (uint32_t i = 0; i < status->row_count && post_row_read(&row, &rows); i++)
        if (row.refused == refused) row_write(json, &row);
    json_out_array_end(json);
}

static void count_write(struct json_out *json, const char *key, uint64_t count) {
    json_out_key(json, key);
    json_out_uint(json, count);
}

void web_status_write(struct buf *out, const char *id, const struct post_status *status) {
    struct json_out json = json_out_of(out);
    json_out_object(&json);
    json_out_key(&json, "id");
    json_out_text(&json, id);
    json_out_key(&json, "status");
    json_out_text(&json, status->complete ? "complete" : "pending");
    json_out_key(&json, "request_timestamp");
    json_out_time(&json, status->asked_ms);
    count_write(&json, "total_count", status->total);
    count_write(&json, "success_count", status->successes);
    count_write(&json, "failure_count", status->failures);
    if (status->complete) {
        rows_write(&json, "failures", status, true);
        rows_write(&json, "successes", status, false);
    }
    count_write(&json, "pending_count", status->complete ? 0 : status->total);
    json_out_object_end(&json);
}
