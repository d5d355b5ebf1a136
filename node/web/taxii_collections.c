/* taxii_collections: which collections there are for a token: everything that it may see, one for each label, and one for each group that it
   may see. Their ids are made of the agency and what they hold, and never change. */
#include "node/formats/json_out.h"
#include "node/web/taxii_media.h"
#include "node/web/web_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const titles[COLLECTION_COUNT] = {"Everything that this token may see", "Objects labelled TLP:CLEAR",
                                                     "Objects labelled TLP:GREEN", "Objects labelled TLP:AMBER",
                                                     "Objects labelled TLP:AMBER+STRICT"};

static void of_label(const struct web_request *request, unsigned number, struct web_collection *out) {
    const struct token *token = &request->user.token;
    *out = (struct web_collection){.number = number, .labels = token_labels(token, number)};
    memcpy(out->uuid, request->web->collections[number], UUID_BYTES);
    snprintf(out->alias, sizeof out->alias, "%s", collection_alias(number));
    snprintf(out->title, sizeof out->title, "%s", titles[number]);
    out->writes = token->write && !bytes_equal_text(token->recipients, "-");
}

/* What is posted to it goes to the group: the token needs no recipients of its own. */
static void of_group(const struct web_request *request, const struct web_group *group, struct web_collection *out) {
    char name[32 + 2 * HASH_BYTES], digits[2 * HASH_BYTES + 1];
    *out = (struct web_collection){
        .number = COLLECTION_ALL, .labels = token_labels_group(&request->user.token), .of_group = true, .group = *group};
    hex_encode(digits, bytes_of(group->id, HASH_BYTES));
    snprintf(name, sizeof name, "taxii/group/%s", digits);
    uuid_v5(out->uuid, request->web->settings.agency_id, bytes_of_text(name));
    snprintf(out->alias, sizeof out->alias, "group:%s", group->name);
    snprintf(out->title, sizeof out->title, "Objects of the group %s", group->name);
    out->writes = request->user.token.write;
}

static void collection_write(struct json_out *json, const struct web_request *request, const struct web_collection *collection) {
    char id[UUID_CHARS + 1];
    uuid_text(id, collection->uuid);
    json_out_object(json);
    json_out_key(json, "id");
    json_out_text(json, id);
    json_out_key(json, "title");
    json_out_text(json, collection->title);
    json_out_key(json, "alias");
    json_out_text(json, collection->alias);
    json_out_key(json, "can_read");
    json_out_bool(json, request->user.token.read);
    json_out_key(json, "can_write");
    json_out_bool(json, collection->writes);
    json_out_key(json, "media_types");
    json_out_array(json);
    json_out_text(json, TAXII_MEDIA_STIX);
    json_out_array_end(json);
    json_out_object_end(json);
}

static enum MHD_Result resource_send(struct web_request *request, struct buf *body) {
    struct web_answer answer = {.status = MHD_HTTP_OK, .type = TAXII_MEDIA, .body = *body};
    return web_answer(request, &answer);
}

enum MHD_Result taxii_collections(struct web_request *request) {
    struct web_groups *groups = calloc(1, sizeof *groups);
    struct web_collection each;
    struct buf body = {0};
    struct json_out json = json_out_of(&body);
    enum err err = groups ? web_groups(request->web, &request->user.token, groups) : ERR_MEMORY;
    json_out_object(&json);
    json_out_key(&json, "collections");
    json_out_array(&json);
    for (unsigned i = 0; err == OK && i < COLLECTION_COUNT; i++) {
        of_label(request, i, &each);
        if (each.labels != 0) collection_write(&json, request, &each);
    }
    for (size_t i = 0; err == OK && i < groups->count; i++) {
        of_group(request, &groups->items[i], &each);
        collection_write(&json, request, &each);
    }
    json_out_array_end(&json);
    json_out_object_end(&json);
    free(groups);
    if (err == OK) return resource_send(request, &body);
    buf_free(&body);
    return web_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "The node does not answer at this moment");
}

enum MHD_Result taxii_collection_one(struct web_request *request, const struct web_collection *collection) {
    struct buf body = {0};
    struct json_out json = json_out_of(&body);
    collection_write(&json, request, collection);
    return resource_send(request, &body);
}

static bool is_named(const struct web_collection *collection, const char *name) {
    char id[UUID_CHARS + 1];
    uuid_text(id, collection->uuid);
    return strcasecmp(id, name) == 0 || strcmp(collection->alias, name) == 0;
}

enum err taxii_collection_find(const struct web_request *request, const char *name, struct web_collection *out) {
    for (unsigned i = 0; i < COLLECTION_COUNT; i++) {
        of_label(request, i, out);
        if (is_named(out, name)) return out->labels != 0 ? OK : ERR_NOT_FOUND;
    }
    struct web_groups *groups = calloc(1, sizeof *groups);
    enum err err = groups ? web_groups(request->web, &request->user.token, groups) : ERR_MEMORY;
    bool found = false;
    for (size_t i = 0; err == OK && i < groups->count && !found; i++) {
        of_group(request, &groups->items[i], out);
        found = is_named(out, name);
    }
    free(groups);
    return err == OK && !found ? ERR_NOT_FOUND : err;
}

enum err taxii_collection_scope(const struct web_request *request, const struct web_collection *collection, struct scope *out) {
    if (!collection->of_group) return web_scope(request->web, &request->user.token, out);
    *out = (struct scope){.only = true, .count = 1};
    memcpy(out->groups[0], collection->group.id, HASH_BYTES);
    return OK;
}
