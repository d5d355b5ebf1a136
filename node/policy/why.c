#include "node/engine/engine_core.h"
#include "node/formats/moment.h"
#include "node/policy/leaving.h"
#include "node/sharing/shown.h"
#include "node/sharing/statement.h"
#include "node/formats/document_put.h"

#include <stdlib.h>
#include <string.h>

/* ASK_WHY: what the policy says of an object that is held here and of a reader or exit, with all that it looked at. */

#define WHY_HITS_MAX 256
#define EXIT_PREFIX  "exit:"
#define PREFIX_BYTES (sizeof EXIT_PREFIX - 1)

/* Where it would go. */
struct target {
    enum policy_exit exit; /* 0: to an agency */
    uint8_t agency_id[AGENCY_ID_BYTES];
};

/* A pinned agency's name, or an exit's; "exit:" in front makes it one in any case. */
static bool target_read(const struct engine *engine, struct bytes name, struct target *out) {
    *out = (struct target){0};
    if (name.size > PREFIX_BYTES && memcmp(name.data, EXIT_PREFIX, PREFIX_BYTES) == 0)
        return policy_exit_parse(&out->exit, bytes_of(name.data + PREFIX_BYTES, name.size - PREFIX_BYTES));
    return engine_agency_of_name(engine, name, out->agency_id) || policy_exit_parse(&out->exit, name);
}

/* Of the inputs the names of times end in _ms, and their values are ms since 1970: they are told as times, without the unit. */
static void put_input(struct buf *out, const struct policy_input *input) {
    size_t name = strlen(input->name), digits = strspn(input->value, "0123456789");
    char text[MOMENT_TEXT_BYTES];
    bool time = name > 3 && strcmp(input->name + name - 3, "_ms") == 0 && digits > 0 && digits < 20 && !input->value[digits];
    if (time) moment_text(text, strtoull(input->value, NULL, 10));
    pack_write_map(out, 2);
    pack_write_str(out, bytes_of_text("name"));
    pack_write_str(out, bytes_of((const uint8_t *)input->name, time ? name - 3 : name));
    document_put_text(out, "value", time ? text : input->value);
}

static void put_inputs(struct buf *out, const struct verdict *verdict, const struct policy_object *object,
                       const struct policy_facts *facts) {
    static struct policy_input inputs[POLICY_INPUTS_MAX];
    size_t count = policy_inputs(inputs, verdict, object, &facts->reader, &facts->context);
    pack_write_str(out, bytes_of_text("inputs"));
    pack_write_array(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) put_input(out, &inputs[i]);
}

static void decision_put(struct engine *engine, struct buf *out, const struct target *target, const struct shown *shown) {
    static struct marks marks;
    const struct item *item = &shown->item;
    static struct policy_facts facts;
    struct verdict verdict;
    struct policy_object object;
    if (!leaving_object(&object, &marks, item)) object.tlp = TLP_NONE;
    object.foreign = memcmp(shown->author, engine->agency_id, AGENCY_ID_BYTES) != 0;
    object.author_removed = groups_shut_out(engine, marks.group, shown->author, shown->head.arrived_ms);
    enum policy_exit exit = target->exit ? target->exit : object.foreign ? POLICY_RESHARE : POLICY_PUBLISH;
    policy_context_fill(&facts, engine, exit, target->exit ? NULL : target->agency_id);
    if (object.foreign) policy_context_author(&facts, engine, shown->author);
    policy_decide(&verdict, &object, &facts.reader, &facts.context);
    pack_write_map(out, 7);
    document_put_text(out, "author", engine_agency_name(engine, shown->author));
    document_put_text(out, "label", tlp_name(item->tlp));
    document_put_text(out, "exit", policy_exit_name(exit) ? policy_exit_name(exit) : "unknown");
    pack_write_str(out, bytes_of_text("allow"));
    pack_write_bool(out, verdict.allow);
    document_put_text(out, "rule", verdict.rule);
    document_put_text(out, "reason", verdict.reason);
    put_inputs(out, &verdict, &object, &facts);
}

/* Each author's newest version of the object; returns how many decisions were put. */
static uint32_t decisions_put(struct engine *engine, struct buf *out, const struct target *target, struct bytes id) {
    static struct shown shown;
    uint64_t cursors[WHY_HITS_MAX];
    uint32_t count = 0;
    size_t hits = store_find_id(engine->store, id, cursors, WHY_HITS_MAX);
    for (size_t i = 0; i < hits; i++) {
        if (shown_at(engine, &shown, cursors[i]) != OK || !bytes_equal(shown.item.id, id) || statement_is(shown.item.type))
            continue;
        if (query_superseded(engine, &shown)) continue;
        /* Asking for other versions may have moved the page. */
        if (shown_at(engine, &shown, cursors[i]) != OK) continue;
        decision_put(engine, out, target, &shown);
        count++;
    }
    return count;
}

void why_ask(struct engine *engine, struct client *client, const struct frame *frame) {
    struct pack_reader reader = pack_reader_of(frame->body);
    static const uint8_t nothing = 0x90; /* an empty array */
    struct buf rows = {0}, body = {0};
    struct target target;
    uint32_t fields = pack_read_array(&reader);
    struct bytes id = pack_read_str(&reader), name = pack_read_str(&reader);
    if (fields != 2 || pack_done(&reader) != OK || id.size > ITEM_ID_BYTES_MAX) {
        server_error(client, frame->tag, ERR_FORMAT, "the question is not well formed");
        return;
    }
    if (!target_read(engine, name, &target)) {
        server_error(
            client, frame->tag, ERR_NOT_FOUND,
            "'%.*s' is neither a pinned agency nor an exit (local, search, feed, export-stix, export-list, export-blocking, "
            "taxii, live, hook, console, metrics)",
            (int)(name.size < 64 ? name.size : 64), (const char *)name.data);
        return;
    }
    uint32_t count = decisions_put(engine, &rows, &target, id);
    if (count == 0) {
        server_error(client, frame->tag, ERR_NOT_FOUND, "no object with this id is held here");
    } else {
        pack_write_map(&body, 3);
        pack_write_str(&body, bytes_of_text("id"));
        pack_write_str(&body, id);
        pack_write_str(&body, bytes_of_text("to"));
        pack_write_str(&body, name);
        pack_write_str(&body, bytes_of_text("decisions"));
        pack_write_array(&body, count);
        buf_put(&body, bytes_of_buf(&rows));
        server_answer(client, FRAME_ANSWER_DOCUMENT, frame->tag, bytes_of_buf(&body));
        server_answer(client, FRAME_ANSWER_DONE, frame->tag, bytes_of(&nothing, 1));
    }
    buf_free(&rows);
    buf_free(&body);
}
