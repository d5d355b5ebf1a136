/* comity why: may this object go there, and which rule says so. */
#include "gossip/pack.h"
#include "node/cmd/client.h"
#include "node/cmd/cmd.h"
#include "node/formats/document.h"
#include "node/process/log.h"

#include <string.h>

/* --- for people: the engine's document in the order in which why.c writes it --- */

static struct bytes text_next(struct pack_reader *reader) {
    pack_read_str(reader); /* the key */
    return pack_read_str(reader);
}

static void put_safe(struct buf *out, struct bytes text) {
    char safe[2048];
    log_escape(safe, sizeof safe, text);
    buf_put_text(out, safe);
}

static void decision_put(struct buf *out, struct pack_reader *reader) {
    uint32_t fields = pack_read_map(reader);
    struct bytes author = text_next(reader), label = text_next(reader), exit = text_next(reader);
    pack_read_str(reader);
    bool allow = pack_read_bool(reader);
    struct bytes rule = text_next(reader), reason = text_next(reader);
    pack_read_str(reader);
    uint32_t inputs = fields == 7 ? pack_read_array(reader) : 0;
    put_safe(out, label);
    buf_put_text(out, " of ");
    put_safe(out, author);
    buf_put_text(out, allow ? ": may leave by " : ": may NOT leave by ");
    put_safe(out, exit);
    buf_put_text(out, "\n  rule    ");
    put_safe(out, rule);
    buf_put_text(out, "\n  reason  ");
    put_safe(out, reason);
    buf_put_text(out, "\n  looked at\n");
    for (uint32_t i = 0; i < inputs && !pack_failed(reader); i++) {
        char name[64];
        pack_read_map(reader);
        log_escape(name, sizeof name, text_next(reader));
        buf_put_format(out, "    %-22s ", name);
        put_safe(out, text_next(reader));
        buf_put_text(out, "\n");
    }
}

static enum err text_put(struct buf *out, struct bytes document) {
    struct pack_reader reader = pack_reader_of(document);
    uint32_t fields = pack_read_map(&reader);
    put_safe(out, text_next(&reader));
    buf_put_text(out, " to ");
    put_safe(out, text_next(&reader));
    buf_put_text(out, "\n");
    pack_read_str(&reader);
    uint32_t count = fields == 3 ? pack_read_array(&reader) : 0;
    for (uint32_t i = 0; i < count && !pack_failed(&reader); i++) decision_put(out, &reader);
    return pack_done(&reader);
}

static enum outcome run(const struct invocation *invocation) {
    struct client client;
    struct buf body = {0}, document = {0};
    for (size_t i = 0; i < 2; i++)
        if (!pack_utf8_valid(bytes_of_text(invocation->arguments[i])))
            return command_usage(invocation, "'%s' is not UTF-8", invocation->arguments[i]);
    pack_write_array(&body, 2);
    pack_write_str(&body, bytes_of_text(invocation->arguments[0]));
    pack_write_str(&body, bytes_of_text(invocation->arguments[1]));
    enum outcome outcome = client_open(&client, invocation);
    if (outcome == OUTCOME_SUCCESS) outcome = client_document_of(&client, FRAME_ASK_WHY, bytes_of_buf(&body), &document);
    client_close(&client);
    if (outcome == OUTCOME_SUCCESS) outcome = client_document_print_as(invocation, bytes_of_buf(&document), text_put);
    buf_free(&body);
    buf_free(&document);
    return outcome;
}

const struct command cmd_why = {
    .name = "why",
    .synopsis = "OBJECT-ID NAME|EXIT",
    .summary = "tell whether an object may go to an agency or leave by an exit, and which rule says so",
    .details = "NAME is a pinned agency: own objects would be published to it, others' re-shared. EXIT is local, search, feed, "
               "export-stix,\n"
               "export-list, export-blocking, taxii, live, hook, console or metrics (exit:NAME where an agency has that name).\n"
               "Exit 0 when it could be told, whatever the answer is; 1 when no such object is held here or\n"
               "there is no such agency or exit.",
    .arguments_min = 2,
    .arguments_max = 2,
    .prints_json = true,
    .run = run,
};
