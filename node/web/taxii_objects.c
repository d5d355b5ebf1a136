/* taxii_objects: what stands in a collection: objects, manifest, versions, all from the same ordered pages. */
#include "node/process/clock.h"
#include "node/formats/json_out.h"
#include "node/web/taxii_media.h"
#include "node/web/web_state.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS_MS 5000 /* a page that is still empty is asked for again this long */

struct listing {
    enum taxii_list list;
    struct buf body;
    uint64_t count, first_us, last_us;
};

/* In valid JSON a control byte is a blank between values. */
static void object_put(struct listing *listing, const struct web_record *record) { buf_put(&listing->body, record->item->text); }

static void manifest_put(struct listing *listing, const struct web_record *record, const char *added) {
    struct json_out json = json_out_of(&listing->body);
    const struct web_facts *facts = &record->facts;
    json_out_object(&json);
    json_out_key(&json, "id");
    json_out_string(&json, record->item->id);
    json_out_key(&json, "date_added");
    json_out_text(&json, added);
    json_out_key(&json, "version");
    json_out_text(&json, facts->modified[0] ? facts->modified : facts->created[0] ? facts->created : added);
    json_out_key(&json, "media_type");
    json_out_text(&json, TAXII_MEDIA_STIX);
    json_out_object_end(&json);
}

static bool on_record(void *context, const struct web_record *record) {
    struct listing *listing = context;
    const struct web_facts *facts = &record->facts;
    char added[MOMENT_TEXT_BYTES] = "";
    if (listing->count > 0) buf_put_text(&listing->body, ",");
    if (listing->list != TAXII_OBJECTS) moment_text_us(added, record->added_us);
    if (listing->list == TAXII_OBJECTS) object_put(listing, record);
    if (listing->list == TAXII_MANIFEST) manifest_put(listing, record, added);
    if (listing->list == TAXII_VERSIONS) {
        struct json_out json = json_out_of(&listing->body);
        json_out_text(&json, facts->modified[0] ? facts->modified : facts->created[0] ? facts->created : added);
    }
    if (listing->count++ == 0) listing->first_us = record->added_us;
    listing->last_us = record->added_us;
    return true;
}

/* --- the filter --- */

struct query {
    struct taxii_filter *filter;
    enum err err;
    char why[TAXII_WHY_MAX];
};

static enum MHD_Result on_argument(void *context, enum MHD_ValueKind kind, const char *key, const char *value) {
    struct query *query = context;
    (void)kind;
    if (strcmp(key, "next") != 0) query->err = taxii_filter_add(query->filter, key, value, query->why);
    return query->err == OK ? MHD_YES : MHD_NO;
}

static enum MHD_Result query_refused(struct web_request *request, const char *why) {
    return web_error(request, MHD_HTTP_BAD_REQUEST, "%s", why);
}

/* A good `next` wins over all other filters; only the limit may change on the way. False: the answer was queued. */
static bool filter_read(struct web_request *request, const struct web_collection *collection, struct taxii_filter *filter,
                        enum MHD_Result *result) {
    struct query query = {.filter = filter};
    const char *next = MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, "next");
    const char *limit = MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, "limit");
    taxii_filter_init(filter);
    enum err err = next && *next ? taxii_next_read(filter, next, collection->uuid, request->web->next_key) : ERR_NOT_FOUND;
    if (err == OK) {
        query.err = limit ? taxii_filter_add(filter, "limit", limit, query.why) : OK;
    } else if (err == ERR_NOT_FOUND) {
        MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, on_argument, &query);
        taxii_filter_finish(filter);
        filter->shown_us = filter->after_us;
    } else {
        *result = query_refused(request, "next: not one that this server gave; begin again without it");
        return false;
    }
    if (query.err == OK) return true;
    *result = query_refused(request, query.why);
    return false;
}

/* One object: the versions resource shows all of its versions unless it is asked otherwise. */
static bool filter_object(struct taxii_filter *filter, enum taxii_list list, const char *id) {
    if (strlen(id) > ITEM_ID_BYTES_MAX) return false;
    memcpy(filter->ids[0], id, strlen(id) + 1);
    filter->id_count = 1;
    filter->type_count = 0;
    if (list == TAXII_VERSIONS) filter->all_versions = true;
    return true;
}

/* --- the answer --- */

static enum MHD_Result listing_send(struct web_request *request, struct listing *listing, struct taxii_filter *filter,
                                    const struct web_collection *collection, const struct web_end *end) {
    struct web_answer answer = {.status = MHD_HTTP_OK, .type = TAXII_MEDIA, .body = listing->body};
    buf_put_text(&answer.body, "]");
    /* Both dates belong to every such answer (3.2). Where nothing is shown they tell where the client stands, so that one that goes on
       by the last date neither forgets its place nor leaves anything out. */
    if (listing->count == 0) listing->first_us = listing->last_us = filter->shown_us;
    filter->shown_us = listing->last_us;
    moment_text_us(answer.first, listing->first_us);
    moment_text_us(answer.last, listing->last_us);
    if (end->more) {
        filter->position = end->cursor;
        filter->after_us = 0;
        buf_put_text(&answer.body, ",\"more\":true,\"next\":\"");
        enum err err = taxii_next_write(&answer.body, filter, collection->uuid, request->web->next_key);
        if (err != OK) answer.body.failed = true;
        buf_put_text(&answer.body, "\"}");
    } else {
        buf_put_text(&answer.body, ",\"more\":false}");
    }
    atomic_fetch_add(&request->web->objects_sent, listing->count);
    return web_answer(request, &answer);
}

static enum MHD_Result listing_failed(struct web_request *request, struct listing *listing, enum err err) {
    buf_free(&listing->body);
    if (err == ERR_CORRUPT)
        return web_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "The store cannot be read; the operator's log says more");
    return web_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "The node does not answer at this moment");
}

static enum MHD_Result list_filtered(struct web_request *request, const struct web_collection *collection, enum taxii_list list,
                                     bool one, struct taxii_filter *filter) {
    struct web *web = request->web;
    struct listing listing = {.list = list};
    struct web_end end = {.cursor = filter->position};
    uint64_t deadline_ms = clock_monotonic_ms() + ROUNDS_MS;
    enum err err = taxii_collection_scope(request, collection, &filter->scope);
    if (err != OK) return listing_failed(request, &listing, err);
    filter->who = request->user.name;
    buf_put_text(&listing.body, list == TAXII_VERSIONS ? "{\"versions\":[" : "{\"objects\":[");
    /* Most polls find nothing new: they cost the engine nothing. */
    bool nothing = filter->after_us > 0 && filter->after_us >= atomic_load(&web->newest_us);
    nothing |= filter->position > 0 && filter->position >= atomic_load(&web->newest_cursor);
    while (!nothing) {
        err = web_page(web, filter, collection->labels, on_record, &listing, &end);
        if (err != OK) return listing_failed(request, &listing, err);
        /* What was passed over does not make an empty page, as long as there is more behind it. */
        if (!end.more || listing.count > 0 || clock_monotonic_ms() > deadline_ms) break;
        filter->position = end.cursor;
    }
    if (one && listing.count == 0 && filter->after_us == 0 && filter->position == 0) {
        buf_free(&listing.body);
        return web_error(request, MHD_HTTP_NOT_FOUND, "There is no such object in this collection");
    }
    return listing_send(request, &listing, filter, collection, &end);
}

enum MHD_Result taxii_list(struct web_request *request, const struct web_collection *collection, enum taxii_list list,
                           const char *id) {
    struct taxii_filter *filter = calloc(1, sizeof *filter);
    enum MHD_Result result = MHD_NO;
    if (filter && filter_read(request, collection, filter, &result)) {
        if (!id || filter_object(filter, list, id))
            result = list_filtered(request, collection, list, id != NULL, filter);
        else
            result = web_error(request, MHD_HTTP_NOT_FOUND, "There is no such object in this collection");
    }
    free(filter);
    return result;
}
