/* comity recall: take back what this node published, and see who complied. */
#include "gossip/pack.h"
#include "gossip/policy_facts.h"
#include "node/process/answer.h"
#include "node/cmd/client.h"
#include "node/cmd/cmd.h"
#include "node/formats/document.h"
#include "node/formats/filter.h"
#include "node/process/clock.h"
#include "node/recall/recalls.h"
#include "node/cmd/setup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct recalling {
    struct client client;
    struct answer_reader reader;
    struct filter *filter;
    bool asked; /* the node has asked it of what it answers */
    uint8_t agency_id[AGENCY_ID_BYTES];
    struct buf ids; /* packed, each once as far as they come one after the other */
    uint32_t id_count;
    struct buf last;
};

/* --- which objects --- */

static void id_add(struct recalling *recalling, struct bytes id) {
    if (bytes_equal(id, bytes_of_buf(&recalling->last))) return;
    buf_clear(&recalling->last);
    buf_put(&recalling->last, id);
    pack_write_str(&recalling->ids, id);
    recalling->id_count++;
}

static bool takes(struct recalling *recalling, const struct answer *answer) {
    struct filter_subject subject = {.item = &answer->item,
                                     .author = answer->author,
                                     .author_id = answer->agency_id.data,
                                     .arrived_ms = answer->arrived_ms,
                                     .now_ms = clock_wall_ms()};
    return recalling->asked || filter_takes(recalling->filter, &subject);
}

/* Own objects among the answers that the filter takes. */
static enum outcome answers_take(struct recalling *recalling, enum frame_type type, const struct buf *body) {
    struct frame frame;
    enum err err = body->failed ? ERR_MEMORY : client_ask(&recalling->client, type, bytes_of_buf(body));
    while (err == OK && (err = client_answer(&recalling->client, &frame, -1)) == OK) {
        if (frame.type == FRAME_ANSWER_ERROR) return client_refused(&recalling->client, frame.body);
        if (frame.type == FRAME_ANSWER_DONE) return OUTCOME_SUCCESS;
        if (frame.type != FRAME_ANSWER_OBJECT) break;
        err = answer_read(&recalling->reader, frame.body);
        const struct answer *answer = &recalling->reader.answer;
        if (err != OK || answer->agency_id.size != AGENCY_ID_BYTES) break;
        bool own = memcmp(answer->agency_id.data, recalling->agency_id, AGENCY_ID_BYTES) == 0;
        if (own && takes(recalling, answer)) id_add(recalling, answer->item.id);
    }
    return client_lost(&recalling->client, err == OK ? ERR_FORMAT : err);
}

/* The values stand in the index: what it finds is asked of here, but for group names, which the node alone knows. */
static enum outcome values_take(struct recalling *recalling, const struct observable *values, size_t count) {
    struct buf body = {0};
    pack_write_array(&body, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        pack_write_array(&body, 2);
        pack_write_uint(&body, values[i].kind);
        pack_write_bin(&body, values[i].value);
    }
    enum outcome outcome = answers_take(recalling, FRAME_ASK_SEARCH, &body);
    buf_free(&body);
    return outcome;
}

static enum outcome id_take(struct recalling *recalling, struct bytes id) {
    struct buf body = {0};
    pack_write_array(&body, 2);
    pack_write_str(&body, id);
    pack_write_nil(&body);
    enum outcome outcome = answers_take(recalling, FRAME_ASK_GET, &body);
    buf_free(&body);
    return outcome;
}

/* All objects here, as the node's own filter takes them. */
static enum outcome feed_take_all(struct recalling *recalling, const char *text) {
    struct buf body = {0};
    recalling->asked = true;
    pack_write_array(&body, 9);
    pack_write_uint(&body, 0);
    pack_write_bool(&body, false);
    pack_write_nil(&body);
    pack_write_uint(&body, TLP_NONE);
    pack_write_nil(&body);
    pack_write_uint(&body, 0);
    pack_write_uint(&body, POLICY_LOCAL);
    pack_write_str(&body, bytes_of_text(text));
    pack_write_str(&body, bytes_of(NULL, 0));
    enum outcome outcome = answers_take(recalling, FRAME_ASK_FEED, &body);
    buf_free(&body);
    return outcome;
}

static enum outcome query(struct recalling *recalling, const char *text) {
    const struct invocation *invocation = recalling->client.invocation;
    struct observable values[FILTER_REQUIRED_MAX];
    struct filter_problem problem;
    struct card_file own = {0};
    struct bytes id;
    if (filter_parse(&recalling->filter, bytes_of_text(text), &problem) != OK)
        return command_usage(invocation, "--query, line %u, column %u: %s", problem.line, problem.column, problem.text);
    if (filter_empty(recalling->filter)) return command_usage(invocation, "--query: an empty filter would mean everything");
    enum outcome outcome = setup_own_card(invocation, &own);
    if (outcome == OUTCOME_SUCCESS) memcpy(recalling->agency_id, own.card.agency.id, AGENCY_ID_BYTES);
    card_file_free(&own);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    bool local = !filter_asks_group(recalling->filter);
    size_t count = local ? filter_requires_value(recalling->filter, values) : 0;
    if (local && filter_requires_id(recalling->filter, &id))
        outcome = id_take(recalling, id);
    else if (count > 0)
        outcome = values_take(recalling, values, count);
    else
        outcome = feed_take_all(recalling, text);
    if (outcome == OUTCOME_SUCCESS && recalling->id_count == 0)
        outcome = command_fail(invocation, OUTCOME_NOT_FOUND, "no object of this agency fits; nothing was recalled");
    return outcome;
}

/* --- the recall --- */

static uint64_t field(struct bytes document, const char *key) {
    struct pack_reader reader = pack_reader_of(document);
    for (uint32_t count = pack_read_map(&reader); count > 0; count--) {
        bool here = bytes_equal_text(pack_read_str(&reader), key);
        if (here) return pack_read_uint(&reader);
        if (!pack_failed(&reader) && (*reader.cursor.at == 0xc2 || *reader.cursor.at == 0xc3))
            pack_read_bool(&reader);
        else
            pack_read_uint(&reader);
    }
    return 0;
}

static void sums_put(struct buf *out, const uint64_t *sums, bool dry) {
    static const char *const keys[] = {"blocks", "objects", "versions"};
    pack_write_map(out, 4);
    pack_write_str(out, bytes_of_text(keys[0]));
    pack_write_uint(out, sums[0]);
    pack_write_str(out, bytes_of_text("dry_run"));
    pack_write_bool(out, dry);
    for (size_t i = 1; i < 3; i++) {
        pack_write_str(out, bytes_of_text(keys[i]));
        pack_write_uint(out, sums[i]);
    }
}

static void sums_tell(const uint64_t *sums, bool dry) {
    struct buf out = {0};
    buf_put_format(&out, "%" PRIu64 " object%s of %" PRIu64 " block%s %s.\n", sums[1], sums[1] == 1 ? "" : "s", sums[0],
                   sums[0] == 1 ? "" : "s",
                   dry ? "would be recalled, in every version; nothing was done"
                       : "withdrawn, in every version: `comity recall status OBJECT-ID` shows which readers erased");
    command_print_buf(&out);
    buf_free(&out);
}

/* In requests of RECALL_IDS_MAX ids. */
static enum outcome recall(struct recalling *recalling, const char *reason) {
    const struct invocation *invocation = recalling->client.invocation;
    struct pack_reader ids = pack_reader_of(bytes_of_buf(&recalling->ids));
    bool dry = command_has(invocation, "dry-run");
    uint64_t sums[3] = {0};
    struct buf body = {0}, document = {0};
    enum outcome outcome = OUTCOME_SUCCESS;
    for (uint32_t left = recalling->id_count; left > 0 && outcome == OUTCOME_SUCCESS;) {
        uint32_t count = left < RECALL_IDS_MAX ? left : RECALL_IDS_MAX;
        left -= count;
        buf_clear(&body);
        pack_write_array(&body, 4);
        pack_write_uint(&body, command_has(invocation, "erasure") ? RECALL_BY_ERASURE : RECALL_BY_AUTHOR);
        pack_write_str(&body, bytes_of_text(reason));
        pack_write_bool(&body, dry);
        pack_write_array(&body, count);
        while (count-- > 0) pack_write_str(&body, pack_read_str(&ids));
        buf_clear(&document);
        outcome = client_document_of(&recalling->client, FRAME_ASK_RECALL, bytes_of_buf(&body), &document);
        if (outcome != OUTCOME_SUCCESS) break;
        sums[0] += field(bytes_of_buf(&document), "blocks");
        sums[1] += field(bytes_of_buf(&document), "objects");
        sums[2] += field(bytes_of_buf(&document), "versions");
    }
    buf_clear(&document);
    sums_put(&document, sums, dry);
    if (outcome == OUTCOME_SUCCESS && !invocation->json)
        sums_tell(sums, dry);
    else if (outcome == OUTCOME_SUCCESS)
        outcome = client_document_print(invocation, bytes_of_buf(&document));
    buf_free(&body);
    buf_free(&document);
    return outcome;
}

static enum outcome status(const struct invocation *invocation) {
    struct client client = {.channel.fd = -1};
    struct buf body = {0}, document = {0};
    if (invocation->argument_count != 2) return command_usage(invocation, "whose? comity recall status OBJECT-ID");
    enum outcome outcome = client_open(&client, invocation);
    pack_write_array(&body, 1);
    pack_write_str(&body, bytes_of_text(pack_utf8_valid(bytes_of_text(invocation->arguments[1])) ? invocation->arguments[1] : ""));
    if (outcome == OUTCOME_SUCCESS) outcome = client_document_of(&client, FRAME_ASK_RECALL_STATUS, bytes_of_buf(&body), &document);
    client_close(&client);
    if (outcome == OUTCOME_SUCCESS) outcome = client_document_print(invocation, bytes_of_buf(&document));
    buf_free(&body);
    buf_free(&document);
    return outcome;
}

static enum outcome run(const struct invocation *invocation) {
    const char *filter = command_value(invocation, "query"), *reason = command_value(invocation, "reason");
    if (invocation->argument_count > 0 && strcmp(invocation->arguments[0], "status") == 0) return status(invocation);
    if ((filter != NULL) == (invocation->argument_count == 1) || invocation->argument_count > 1)
        return command_usage(invocation, "give one OBJECT-ID, or --query FILTER");
    if (!reason || !*reason) return command_usage(invocation, "say why: --reason TEXT; it goes to the readers");
    if (!pack_utf8_valid(bytes_of_text(reason)) || strlen(reason) > RECALL_REASON_BYTES_MAX)
        return command_usage(invocation, "--reason: at most %d bytes of UTF-8", RECALL_REASON_BYTES_MAX);
    if (!filter && !pack_utf8_valid(bytes_of_text(invocation->arguments[0])))
        return command_usage(invocation, "this is no object id");
    struct recalling *recalling = calloc(1, sizeof *recalling);
    if (!recalling || answer_reader_init(&recalling->reader) != OK) {
        free(recalling);
        return command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    }
    enum outcome outcome = client_open(&recalling->client, invocation);
    if (outcome == OUTCOME_SUCCESS && filter) outcome = query(recalling, filter);
    if (outcome == OUTCOME_SUCCESS && !filter) id_add(recalling, bytes_of_text(invocation->arguments[0]));
    if (outcome == OUTCOME_SUCCESS) outcome = recall(recalling, reason);
    client_close(&recalling->client);
    answer_reader_free(&recalling->reader);
    filter_free(recalling->filter);
    buf_free(&recalling->ids);
    buf_free(&recalling->last);
    free(recalling);
    return outcome;
}

static const struct command_option options[] = {
    {"query", "FILTER", "all own objects that fit, such as 'type = indicator and label = test'; see comity-filter(7)"},
    {"reason", "TEXT", "why; sealed to the readers, like the objects"},
    {"erasure", NULL, "say that the law demands it: a duty to erase, not a mistake"},
    {"dry-run", NULL, "say what would be recalled, and do nothing"},
    {0},
};

const struct command cmd_recall = {
    .name = "recall",
    .synopsis = "OBJECT-ID --reason TEXT | --query FILTER --reason TEXT | status OBJECT-ID",
    .summary = "take back what this node published, and see who complied",
    .details = "Every version of the object is taken back. Nothing shows it any more at a node that hears of the recall "
               "(withdrawn), and soon\n"
               "after no file of that node holds it (erased); each reader's node says so with a signed receipt. Only the node that "
               "published an\n"
               "object can recall it. `status` lists the readers: who withdrew, who erased, and when; who was not reached. Exit 0 "
               "when the recall\n"
               "is on this node's disk, 1 when there is no such object, 3 when it is not ours. A node goes on with a recall whose "
               "command was\n"
               "interrupted; if the node itself stopped meanwhile, ask again: block by block it was done whole or not at all. Who "
               "copied an "
               "object has a "
               "copy.",
    .arguments_max = 2,
    .prints_json = true,
    .options = options,
    .run = run,
};
