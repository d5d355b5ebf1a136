/* comity request: requests for information between agencies: send, list, take, answer, refuse. */
#include "gossip/inquiry.h"
#include "node/process/clock.h"
#include "node/cmd/cmd.h"
#include "node/cmd/cmd_publish.h"
#include "node/cmd/dealing.h"
#include "node/formats/uuid.h"
#include "node/formats/when.h"

#include <stdio.h>
#include <string.h>

enum verb { VERB_SEND = 1, VERB_LIST = 2, VERB_ASKER = 3, VERB_TELL = 4 };

/* EU Directive 2023/977 gives 8 hours, 3 days and 7 days: what an urgency means when no deadline is given. */
static const struct {
    enum inquiry_urgency urgency;
    const char *span;
} SPANS[] = {{INQUIRY_NORMAL, "7d"}, {INQUIRY_URGENT, "3d"}, {INQUIRY_IMMEDIATE, "8h"}};

/* --- send --- */

static enum outcome kinds_usage(const struct invocation *invocation, const char *kind) {
    char list[512];
    size_t used = 0;
    for (uint8_t i = 1; i <= INQUIRY_KIND_LAST; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i > 1 ? ", " : "", inquiry_kind_name(i));
    return kind ? command_usage(invocation, "--kind %s: unknown; valid are %s", kind, list)
                : command_usage(invocation, "say what is asked for with --kind: %s", list);
}

/* "indicator--0e2c...": an object's id; anything else is a value. */
static enum inquiry_about about_of(const char *text) {
    const char *dashes = text ? strstr(text, "--") : NULL;
    if (!text) return INQUIRY_ABOUT_NOTHING;
    return dashes && uuid_valid(bytes_of_text(dashes + 2)) ? INQUIRY_ABOUT_OBJECT : INQUIRY_ABOUT_VALUE;
}

/* A text option within its limit; says what is wrong. */
static enum outcome text_option(const struct invocation *invocation, const char *name, size_t bytes_max, struct buf *body) {
    const char *value = command_value(invocation, name);
    if (value && strlen(value) > bytes_max) return command_usage(invocation, "--%s is longer than %zu bytes", name, bytes_max);
    if (value && !pack_utf8_valid(bytes_of_text(value))) return command_usage(invocation, "--%s is not UTF-8", name);
    dealing_text(body, value ? value : "");
    return OUTCOME_SUCCESS;
}

static enum outcome deadline_option(const struct invocation *invocation, enum inquiry_urgency urgency, uint64_t *out_ms) {
    const char *text = command_value(invocation, "deadline");
    uint64_t now_ms = clock_wall_ms();
    for (size_t i = 0; !text && i < sizeof SPANS / sizeof *SPANS; i++)
        if (SPANS[i].urgency == urgency) text = SPANS[i].span;
    if (!when_parse(out_ms, bytes_of_text(text), now_ms) || *out_ms <= now_ms)
        return command_usage(invocation, "--deadline %s: give a moment to come, as 2026-12-31T12:00:00Z or 3d", text);
    return OUTCOME_SUCCESS;
}

static enum outcome send_pack(const struct invocation *invocation, struct buf *body) {
    const char *to = command_value(invocation, "to"), *kind = command_value(invocation, "kind");
    const char *urgency_text = command_value(invocation, "urgency"), *about = command_value(invocation, "about");
    enum inquiry_urgency urgency = INQUIRY_NORMAL;
    uint64_t deadline_ms = 0;
    if (!to || strchr(to, ',')) return command_usage(invocation, "a request goes to one agency: --to NAME");
    if (!kind || inquiry_kind_of(bytes_of_text(kind)) == 0) return kinds_usage(invocation, kind);
    if (urgency_text && !inquiry_urgency_of(&urgency, bytes_of_text(urgency_text)))
        return command_usage(invocation, "--urgency %s: unknown; valid are normal, urgent and immediate", urgency_text);
    enum outcome outcome = deadline_option(invocation, urgency, &deadline_ms);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    pack_write_array(body, 10);
    pack_write_uint(body, VERB_SEND);
    pack_write_str(body, bytes_of_text(to));
    pack_write_uint(body, inquiry_kind_of(bytes_of_text(kind)));
    pack_write_uint(body, urgency);
    pack_write_uint(body, deadline_ms);
    pack_write_uint(body, about_of(about));
    outcome = text_option(invocation, "about", ITEM_VALUE_BYTES_MAX, body);
    if (outcome == OUTCOME_SUCCESS) outcome = text_option(invocation, "legal-basis", INQUIRY_WORD_BYTES_MAX, body);
    if (outcome == OUTCOME_SUCCESS) outcome = text_option(invocation, "purpose", INQUIRY_WORD_BYTES_MAX, body);
    return outcome == OUTCOME_SUCCESS ? text_option(invocation, "text", INQUIRY_TEXT_BYTES_MAX, body) : outcome;
}

static enum outcome asked(const struct invocation *invocation, enum outcome outcome, struct buf *body) {
    if (outcome == OUTCOME_SUCCESS) outcome = client_print_document(invocation, FRAME_ASK_REQUEST, bytes_of_buf(body));
    buf_free(body);
    return outcome;
}

static enum outcome send_run(const struct invocation *invocation) {
    struct buf body = {0};
    return asked(invocation, send_pack(invocation, &body), &body);
}

static enum outcome list_run(const struct invocation *invocation) {
    struct buf body = {0};
    pack_write_array(&body, 1);
    pack_write_uint(&body, VERB_LIST);
    return asked(invocation, OUTCOME_SUCCESS, &body);
}

/* --- what is said to the asker --- */

static enum outcome tell(const struct invocation *invocation, enum inquiry_state state, const struct publish_ids *ids) {
    struct buf body = {0};
    pack_write_array(&body, 5);
    pack_write_uint(&body, VERB_TELL);
    pack_write_str(&body, bytes_of_text(invocation->arguments[1]));
    pack_write_uint(&body, state);
    enum outcome outcome = text_option(invocation, "reason", INQUIRY_WORD_BYTES_MAX, &body);
    pack_write_array(&body, ids ? ids->count : 0);
    if (ids) buf_put(&body, bytes_of_buf(&ids->packed));
    return asked(invocation, outcome, &body);
}

static enum outcome refuse_run(const struct invocation *invocation) {
    const char *reason = command_value(invocation, "reason");
    if (!reason || !*reason) return command_usage(invocation, "a refusal says why: --reason TEXT");
    return tell(invocation, INQUIRY_REFUSED, NULL);
}

/* The name of who asked: it must be pinned here still, or nothing can be sealed to it. */
static enum outcome asker_find(const struct invocation *invocation, char *out, size_t size) {
    struct buf body = {0}, document = {0};
    pack_write_array(&body, 2);
    pack_write_uint(&body, VERB_ASKER);
    pack_write_str(&body, bytes_of_text(invocation->arguments[1]));
    enum outcome outcome = dealing_ask(invocation, FRAME_ASK_REQUEST, bytes_of_buf(&body), &document);
    if (outcome == OUTCOME_SUCCESS) {
        struct pack_reader reader = pack_reader_of(bytes_of_buf(&document));
        bool first = pack_read_map(&reader) > 0 && bytes_equal_text(pack_read_str(&reader), "asker");
        struct bytes name = pack_read_str(&reader);
        if (!first || pack_failed(&reader) || name.size >= size)
            outcome = command_fail(invocation, OUTCOME_INTERNAL, "the node's answer cannot be read");
        else
            snprintf(out, size, "%.*s", (int)name.size, (const char *)name.data);
    }
    buf_free(&body), buf_free(&document);
    return outcome;
}

static enum outcome answer_run(const struct invocation *invocation) {
    char asker[256];
    struct publish_ids ids = {0};
    struct audience_request request = {.to = asker};
    struct publish_task task = {.request = &request, .path = invocation->arguments[2], .ids = &ids};
    const char *tlp = command_value(invocation, "tlp");
    if (tlp && !tlp_parse(&request.tlp, bytes_of_text(tlp))) return command_usage(invocation, "--tlp %s: unknown label", tlp);
    enum outcome outcome = asker_find(invocation, asker, sizeof asker);
    if (outcome == OUTCOME_SUCCESS) outcome = publish_run(invocation, &task);
    if (outcome == OUTCOME_REFUSED)
        command_fail(invocation, outcome, "the request stays open: its answer was not let through as a whole");
    if (outcome == OUTCOME_SUCCESS && ids.count == 0)
        outcome =
            command_fail(invocation, OUTCOME_REFUSED, "%s holds no object: the request is not answered", invocation->arguments[2]);
    if (outcome == OUTCOME_SUCCESS && ids.left_out > 0)
        command_fail(invocation, OUTCOME_SUCCESS, "note: the answer names the first %d objects only; all were published",
                     PUBLISH_IDS_MAX);
    if (outcome == OUTCOME_SUCCESS)
        outcome = tell(invocation, command_has(invocation, "partly") ? INQUIRY_PARTLY_ANSWERED : INQUIRY_ANSWERED, &ids);
    buf_free(&ids.packed);
    return outcome;
}

static enum outcome take_run(const struct invocation *invocation) { return tell(invocation, INQUIRY_IN_WORK, NULL); }

/* --- the command --- */

static const struct {
    const char *name;
    size_t arguments;
    const char *wanted;
    enum outcome (*run)(const struct invocation *invocation);
} VERBS[] = {
    {"send", 1, "send takes options only", send_run},        {"list", 1, "list takes no further argument", list_run},
    {"take", 2, "give the id of one request", take_run},     {"answer", 3, "give the id of one request, and a file", answer_run},
    {"refuse", 2, "give the id of one request", refuse_run},
};

static enum outcome run(const struct invocation *invocation) {
    for (size_t i = 0; i < sizeof VERBS / sizeof *VERBS; i++) {
        if (strcmp(invocation->arguments[0], VERBS[i].name) != 0) continue;
        if (invocation->argument_count != VERBS[i].arguments) return command_usage(invocation, "%s", VERBS[i].wanted);
        return VERBS[i].run(invocation);
    }
    return command_usage(invocation, "'%s' is unknown; valid are send, list, take, answer and refuse", invocation->arguments[0]);
}

static const struct command_option options[] = {
    {"to", "NAME", "send: the agency that is asked"},
    {"kind", "KIND", "send: what is asked for: sample, context, historical-information, ..."},
    {"deadline", "TIME", "send: 2026-12-31T12:00:00Z, or 3d from now; by itself what the urgency means"},
    {"urgency", "URGENCY", "send: normal (7 days), urgent (3 days) or immediate (8 hours)"},
    {"about", "OBJECT-ID|VALUE", "send: what it is about"},
    {"legal-basis", "TEXT", "send: on what ground it is asked"},
    {"purpose", "TEXT", "send: what the answer is for"},
    {"text", "TEXT", "send: the question in words"},
    {"reason", "TEXT", "take, answer, refuse: why, in words for the asker"},
    {"partly", NULL, "answer: more is to come"},
    {"tlp", "LABEL", "answer: the label of objects without one of their own"},
    {"format", "FORMAT", "answer: of the file, as publish"},
    {"verbose", NULL, "answer: list all refusals, not just 20"},
    {"quiet", NULL, "answer: no progress, no notes"},
    {0},
};

const struct command cmd_request = {
    .name = "request",
    .synopsis = "send --to NAME --kind KIND [--deadline TIME] | list | take ID | answer ID FILE | refuse ID --reason TEXT",
    .summary = "ask another agency for information, and answer what others ask",
    .details =
        "An answer's objects are published to the asker, who sees them by the request. Requests past their deadline are shown as\n"
        "overdue, answers after it as late. States: draft (kept, not on its way yet), sent, acknowledged, in-work,\n"
        "partly-answered, answered, refused, expired.",
    .arguments_min = 1,
    .arguments_max = 3,
    .prints_json = true,
    .options = options,
    .run = run,
};
