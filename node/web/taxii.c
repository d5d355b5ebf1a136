/* taxii: the resources of TAXII 2.1 (OASIS Standard, June 2021): which URL is which, discovery, API root, collections, status. */
#include "node/formats/json_out.h"
#include "node/web/taxii_media.h"
#include "node/web/web_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOT           "/taxii2/api/"
#define PARTS_MAX      6
#define PART_BYTES_MAX (ITEM_ID_BYTES_MAX + 1)

/* What stands between the slashes of a path behind the API root. */
struct path {
    char parts[PARTS_MAX][PART_BYTES_MAX];
    size_t count;
};

static bool path_read(struct path *out, const char *text) {
    out->count = 0;
    while (*text) {
        size_t size = strcspn(text, "/");
        if (size == 0 || size >= PART_BYTES_MAX || out->count == PARTS_MAX) return false;
        memcpy(out->parts[out->count], text, size);
        out->parts[out->count++][size] = 0;
        text += size;
        if (*text == '/') text++;
    }
    return true;
}

/* --- small resources --- */

static enum MHD_Result json_answer(struct web_request *request, struct buf *body) {
    struct web_answer answer = {.status = MHD_HTTP_OK, .type = TAXII_MEDIA, .body = *body};
    return web_answer(request, &answer);
}

/* The URL as the client knows this server: by its own Host header, if that is one. */
static void root_url(const struct web_request *request, char out[static 320]) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";
    const char *host = web_header(request, "Host");
    bool good = host && *host && strlen(host) < 280 && host[strspn(host, allowed)] == 0;
    snprintf(out, 320, good ? "https://%s" ROOT : "%.0s" ROOT, good ? host : "");
}

static enum MHD_Result discovery(struct web_request *request) {
    struct buf body = {0};
    struct json_out json = json_out_of(&body);
    char url[320];
    root_url(request, url);
    json_out_object(&json);
    json_out_key(&json, "title");
    json_out_text(&json, request->web->settings.agency_name);
    json_out_key(&json, "description");
    json_out_text(&json, "A Comity node: what this agency and its partners share, as far as this token may see it");
    json_out_key(&json, "default");
    json_out_text(&json, url);
    json_out_key(&json, "api_roots");
    json_out_array(&json);
    json_out_text(&json, url);
    json_out_array_end(&json);
    json_out_object_end(&json);
    return json_answer(request, &body);
}

static enum MHD_Result api_root(struct web_request *request) {
    struct buf body = {0};
    struct json_out json = json_out_of(&body);
    json_out_object(&json);
    json_out_key(&json, "title");
    json_out_text(&json, request->web->settings.agency_name);
    json_out_key(&json, "versions");
    json_out_array(&json);
    json_out_text(&json, TAXII_MEDIA);
    json_out_array_end(&json);
    json_out_key(&json, "max_content_length");
    json_out_uint(&json, WEB_BODY_BYTES_MAX);
    json_out_object_end(&json);
    return json_answer(request, &body);
}

/* --- objects --- */

static enum MHD_Result not_found(struct web_request *request) {
    return web_error(request, MHD_HTTP_NOT_FOUND, "There is no %.200s that this token may see", request->url);
}

static enum MHD_Result post(struct web_request *request, const struct web_collection *collection) {
    struct buf status = {0};
    if (request->user.token.write && !collection->writes)
        return web_error(request, MHD_HTTP_FORBIDDEN, "This token posts to the collections of its groups: it has no --publish-to");
    if (!collection->writes) return web_error(request, MHD_HTTP_FORBIDDEN, "This token may not write");
    if (!taxii_media_content(web_header(request, "Content-Type")))
        return web_error(request, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "Send an envelope as %s", TAXII_MEDIA);
    enum err err = web_publisher_post(request->web, &request->user, collection, &request->body, &status);
    if (err == OK) {
        struct web_answer answer = {.status = MHD_HTTP_ACCEPTED, .type = TAXII_MEDIA, .body = status};
        return web_answer(request, &answer);
    }
    buf_free(&status);
    if (err == ERR_SYNTAX || err == ERR_TRUNCATED)
        return web_error(request, MHD_HTTP_BAD_REQUEST, "The body is no JSON envelope {\"objects\": [...]}; nothing was published");
    return web_error(request, MHD_HTTP_SERVICE_UNAVAILABLE,
                     "Too much was posted that still waits, or in one day, or the node does not answer: come back later");
}

static bool on_seen(void *context, const struct web_record *record) {
    (void)record;
    *(bool *)context = true;
    return false;
}

/* A DELETE takes back all versions of an own object, at all readers: it is `comity recall`. */
static enum MHD_Result erase(struct web_request *request, const char *id, const struct web_collection *collection) {
    char why[300] = "The node does not answer at this moment";
    struct taxii_filter *filter = calloc(1, sizeof *filter);
    struct web_end end;
    bool seen = false;
    if (!filter) return MHD_NO;
    taxii_filter_init(filter);
    filter->all_versions = true;
    filter->who = request->user.name;
    filter->id_count = 1;
    snprintf(filter->ids[0], sizeof filter->ids[0], "%s", id);
    enum err err = taxii_collection_scope(request, collection, &filter->scope);
    if (err == OK) err = web_page(request->web, filter, collection->labels, on_seen, &seen, &end);
    free(filter);
    if (!request->user.token.write) return web_error(request, MHD_HTTP_FORBIDDEN, "This token may not write");
    if (err == OK && !seen) return web_error(request, MHD_HTTP_NOT_FOUND, "There is no such object in this collection");
    if (err == OK) err = web_recall(request->web, id, why);
    if (err == OK) {
        struct web_answer answer = {.status = MHD_HTTP_OK, .type = TAXII_MEDIA};
        return web_answer(request, &answer);
    }
    return web_error(request, err == ERR_DENIED ? MHD_HTTP_FORBIDDEN : MHD_HTTP_SERVICE_UNAVAILABLE, "%s", why);
}

static enum MHD_Result collection_part(struct web_request *request, const struct path *path,
                                       const struct web_collection *collection, bool get) {
    const char *part = path->parts[2];
    bool objects = strcmp(part, "objects") == 0;
    if (path->count == 3 && objects && strcmp(request->method, "POST") == 0) return post(request, collection);
    if (path->count == 4 && objects && strcmp(request->method, "DELETE") == 0) return erase(request, path->parts[3], collection);
    if (!get) return web_error(request, MHD_HTTP_METHOD_NOT_ALLOWED, "%.20s is not for %.200s", request->method, request->url);
    if (!request->user.token.read) return web_error(request, MHD_HTTP_FORBIDDEN, "This token may not read");
    if (path->count == 3 && objects) return taxii_list(request, collection, TAXII_OBJECTS, NULL);
    if (path->count == 3 && strcmp(part, "manifest") == 0) return taxii_list(request, collection, TAXII_MANIFEST, NULL);
    if (path->count == 4 && objects) return taxii_list(request, collection, TAXII_OBJECTS, path->parts[3]);
    if (path->count == 5 && objects && strcmp(path->parts[4], "versions") == 0)
        return taxii_list(request, collection, TAXII_VERSIONS, path->parts[3]);
    return not_found(request);
}

static enum MHD_Result status(struct web_request *request, const char *id) {
    struct buf body = {0};
    if (web_publisher_status(request->web, &request->user, id, &body) == OK) return json_answer(request, &body);
    buf_free(&body);
    return not_found(request);
}

enum MHD_Result taxii_handle(struct web_request *request) {
    struct path path;
    struct web_collection collection;
    const char *url = request->url;
    bool get = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
    if (!taxii_media_accepted(web_header(request, "Accept")))
        return web_error(request, MHD_HTTP_NOT_ACCEPTABLE, "This server speaks %s", TAXII_MEDIA);
    bool first = strcmp(url, "/taxii2") == 0 || strcmp(url, "/taxii2/") == 0;
    bool below = strncmp(url, ROOT, strlen(ROOT)) == 0 || strcmp(url, "/taxii2/api") == 0;
    if (!first && (!below || !path_read(&path, url[strlen(ROOT) - 1] ? url + strlen(ROOT) : ""))) return not_found(request);
    bool one = !first && path.count >= 2 && strcmp(path.parts[0], "collections") == 0;
    enum err err = one ? taxii_collection_find(request, path.parts[1], &collection) : OK;
    if (err == ERR_NOT_FOUND) return not_found(request);
    if (err != OK) return web_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "The node does not answer at this moment");
    if (one && path.count >= 3) return collection_part(request, &path, &collection, get);
    if (!get) return web_error(request, MHD_HTTP_METHOD_NOT_ALLOWED, "%.20s is not for %.200s", request->method, url);
    if (first) return discovery(request);
    if (path.count == 0) return api_root(request);
    if (path.count == 1 && strcmp(path.parts[0], "collections") == 0) return taxii_collections(request);
    if (one) return taxii_collection_one(request, &collection);
    if (path.count == 2 && strcmp(path.parts[0], "status") == 0) return status(request, path.parts[1]);
    return not_found(request);
}
