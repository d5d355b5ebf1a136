/* comity alert: a warning or a search for somebody, as one agency sends it to chosen others. It travels as a STIX object of a type of its
   own, so that labels, marks, recall and expiry hold for it as for any other. */
#include "node/process/clock.h"
#include "node/cmd/client_objects.h"
#include "node/cmd/cmd.h"
#include "node/cmd/cmd_publish.h"
#include "node/cmd/dealing.h"
#include "node/formats/json_out.h"
#include "node/cmd/marking_options.h"
#include "node/formats/moment.h"
#include "node/cmd/setup.h"
#include "node/process/dir.h"
#include "node/formats/uuid.h"
#include "node/formats/when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALERT_TYPE           "x-comity-alert"
#define ALERT_TEXT_BYTES_MAX 65536

/* The purposes of INTERPOL's notices, under names of their own: these are none of INTERPOL's. */
static const char *const KINDS[] = {"wanted",  "missing",         "identify",       "unidentified-remains",
                                    "warning", "imminent-threat", "modus-operandi", "assets"};
#define KIND_COUNT (sizeof KINDS / sizeof *KINDS)

static enum outcome kind_option(const struct invocation *invocation, const char **out) {
    char list[256];
    size_t used = 0;
    *out = command_value(invocation, "kind");
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (*out && strcmp(*out, KINDS[i]) == 0) return OUTCOME_SUCCESS;
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i > 0 ? ", " : "", KINDS[i]);
    }
    if (*out) return command_usage(invocation, "--kind %s: unknown; valid are %s", *out, list);
    return command_usage(invocation, "--kind is missing; valid are %s", list);
}

/* What `comity recall` and `comity request send --about` want; the caller's JSON is that of `comity publish`. */
static void id_tell(const struct invocation *invocation, const char *id) {
    struct buf line = {0};
    if (invocation->json || command_has(invocation, "quiet")) return;
    buf_put_format(&line, "Alert %s--%s\n", ALERT_TYPE, id);
    command_print_buf(&line);
    buf_free(&line);
}

/* From --text, or the file that is named. */
static enum outcome text_take(const struct invocation *invocation, struct buf *out) {
    const char *text = command_value(invocation, "text");
    bool named = invocation->argument_count == 2;
    if ((text != NULL) == named)
        return command_usage(invocation, "give the alert's words with --text TEXT, or a FILE that holds them");
    if (text) {
        buf_put_text(out, text);
    } else {
        enum err err = dir_read_given(out, invocation->arguments[1], ALERT_TEXT_BYTES_MAX);
        if (err != OK && err != ERR_TOO_BIG) return setup_unreadable(invocation, invocation->arguments[1], err);
        if (err == ERR_TOO_BIG) buf_clear(out); /* said below */
    }
    if (out->size == 0 || out->size > ALERT_TEXT_BYTES_MAX || !pack_utf8_valid(bytes_of_buf(out)))
        return command_usage(invocation, "the alert's words are 1 to %d bytes of UTF-8", ALERT_TEXT_BYTES_MAX);
    return OUTCOME_SUCCESS;
}

static enum outcome until_option(const struct invocation *invocation, uint64_t now_ms, uint64_t *out_ms) {
    const char *text = command_value(invocation, "until");
    *out_ms = 0;
    if (!text || (when_parse(out_ms, bytes_of_text(text), now_ms) && *out_ms > now_ms)) return OUTCOME_SUCCESS;
    return command_usage(invocation, "--until %s: give a moment to come, as 2026-12-31T12:00:00Z or 3d", text);
}

/* An id that no other alert of this agency has: of its words and its moment. */
static enum outcome id_make(const struct invocation *invocation, struct bytes text, uint64_t now_ms, char *out) {
    struct card_file own = {0};
    struct buf name = {0};
    uint8_t uuid[UUID_BYTES];
    enum outcome outcome = setup_own_card(invocation, &own);
    if (outcome == OUTCOME_SUCCESS) {
        buf_put_u64(&name, now_ms);
        buf_put(&name, text);
        uuid_v5(uuid, own.card.agency.id, bytes_of_buf(&name));
        uuid_text(out, uuid);
    }
    buf_free(&name);
    card_file_free(&own);
    return outcome;
}

static void moment_put(struct json_out *json, const char *key, uint64_t ms) {
    json_out_key(json, key);
    json_out_time(json, ms);
}

static void object_write(struct buf *out, const char *kind, const char *id, struct bytes text, const char *about, uint64_t now_ms,
                         uint64_t until_ms) {
    struct json_out json = json_out_of(out);
    char full_id[sizeof ALERT_TYPE + 2 + UUID_CHARS];
    snprintf(full_id, sizeof full_id, "%s--%s", ALERT_TYPE, id);
    json_out_object(&json);
    json_out_key(&json, "type");
    json_out_text(&json, ALERT_TYPE);
    json_out_key(&json, "spec_version");
    json_out_text(&json, "2.1");
    json_out_key(&json, "id");
    json_out_text(&json, full_id);
    moment_put(&json, "created", now_ms);
    moment_put(&json, "modified", now_ms);
    json_out_key(&json, "alert_kind");
    json_out_text(&json, kind);
    if (until_ms) moment_put(&json, "valid_until", until_ms);
    if (about) {
        json_out_key(&json, "about");
        json_out_text(&json, about);
    }
    json_out_key(&json, "description");
    json_out_string(&json, text);
    json_out_object_end(&json);
}

static enum outcome send_run(const struct invocation *invocation) {
    struct audience_request request;
    struct marks marks;
    struct buf text = {0}, object = {0};
    char id[UUID_CHARS + 1];
    const char *kind;
    uint64_t now_ms = clock_wall_ms(), until_ms = 0;
    enum outcome outcome = kind_option(invocation, &kind);
    if (outcome == OUTCOME_SUCCESS) outcome = text_take(invocation, &text);
    if (outcome == OUTCOME_SUCCESS) outcome = until_option(invocation, now_ms, &until_ms);
    if (outcome == OUTCOME_SUCCESS) outcome = audience_options(invocation, &request);
    if (outcome == OUTCOME_SUCCESS) outcome = marking_options(invocation, &marks);
    if (outcome == OUTCOME_SUCCESS) outcome = id_make(invocation, bytes_of_buf(&text), now_ms, id);
    if (outcome == OUTCOME_SUCCESS) {
        object_write(&object, kind, id, bytes_of_buf(&text), command_value(invocation, "about"), now_ms, until_ms);
        struct publish_task task = {.request = &request, .marks = &marks, .path = "the alert", .data = bytes_of_buf(&object)};
        outcome =
            object.failed ? command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY)) : publish_run(invocation, &task);
        if (outcome == OUTCOME_SUCCESS) id_tell(invocation, id);
    }
    buf_free(&text), buf_free(&object);
    return outcome;
}

/* All that are held, own ones among them, oldest first. */
static enum outcome list_run(const struct invocation *invocation) {
    struct buf body = {0};
    uint64_t count;
    pack_write_array(&body, 6);
    pack_write_uint(&body, 0);
    pack_write_bool(&body, false);
    pack_write_str(&body, bytes_of_text(ALERT_TYPE));
    pack_write_uint(&body, 0);
    pack_write_nil(&body);
    pack_write_uint(&body, 0);
    enum outcome outcome = client_objects_print(invocation, FRAME_ASK_FEED, bytes_of_buf(&body), &count);
    buf_free(&body);
    return outcome;
}

static enum outcome run(const struct invocation *invocation) {
    const char *verb = invocation->arguments[0];
    if (strcmp(verb, "send") == 0) return send_run(invocation);
    if (strcmp(verb, "list") == 0 && invocation->argument_count == 1) return list_run(invocation);
    return command_usage(invocation, "give send, or list without a further argument");
}

static const struct command_option options[] = {
    {"kind", "KIND", "send: wanted, missing, identify, unidentified-remains, warning, imminent-threat, modus-operandi, assets"},
    {"to", "NAME[,NAME...]", "send: the agencies that get it"},
    {"to-all", NULL, "send: all agencies that are pinned now"},
    {"tlp", "LABEL", "send: its label"},
    {"text", "TEXT", "send: its words; or name a FILE that holds them"},
    {"about", "OBJECT-ID|VALUE", "send: what it is about"},
    {"until", "TIME", "send: it is over then (2026-12-31T12:00:00Z, or 3d from now)"},
    MARKING_OPTIONS,
    {"verbose", NULL, "list all refusals, not just 20"},
    {"quiet", NULL, "no notes"},
    {0},
};

const struct command cmd_alert = {
    .name = "alert",
    .synopsis = "send [FILE] --kind KIND --tlp LABEL --to NAME[,NAME...]|--to-all [--text TEXT] | list",
    .summary = "warn chosen agencies, or ask them to look for somebody or something",
    .details = "An alert is an object like any other: `comity recall` takes it back, `comity search` and `comity feed` show it. "
               "These kinds\n"
               "serve the purposes of INTERPOL's notices and are none of them. FILE may be - for standard input.",
    .arguments_min = 1,
    .arguments_max = 2,
    .prints_json = true,
    .options = options,
    .run = run,
};
