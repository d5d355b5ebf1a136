/* comity search: where does a value stand? */
#include "gossip/pack.h"
#include "node/process/answer.h"
#include "node/cmd/client.h"
#include "node/cmd/cmd.h"
#include "node/formats/json_out.h"
#include "node/formats/observable.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIPELINE_MAX   512         /* questions on the way at once with --stdin */
#define LINE_BYTES_MAX (16 * 1024) /* a value of ITEM_VALUE_BYTES_MAX, however defanged */

struct search {
    struct client client;
    struct answer_reader reader;
    struct arena arena;
    struct buf body, out;
    char *waiting[PIPELINE_MAX]; /* the values that were asked for, a ring: with --stdin their answers come in this order */
    size_t first, count;
    uint64_t found;
};

/* What the text may stand for, as the body of ASK_SEARCH. False: nothing that can be searched. */
static bool search_pack(struct search *search, struct bytes text) {
    struct observable candidates[OBSERVABLE_CANDIDATES_MAX];
    arena_reset(&search->arena);
    size_t count = observable_guess(candidates, text, &search->arena);
    buf_clear(&search->body);
    pack_write_array(&search->body, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        pack_write_array(&search->body, 2);
        pack_write_uint(&search->body, candidates[i].kind);
        pack_write_bin(&search->body, candidates[i].value);
    }
    return count > 0;
}

static enum err count_read(uint64_t *count, struct bytes body) {
    struct pack_reader reader = pack_reader_of(body);
    if (pack_read_array(&reader) != 1) return ERR_FORMAT;
    *count = pack_read_uint(&reader);
    return pack_done(&reader);
}

/* Reads one question's answers; objects go to `out` unless only their number is wanted. */
static enum outcome answers_read(struct search *search, bool objects, uint64_t *count) {
    const struct invocation *invocation = search->client.invocation;
    struct frame frame;
    enum err err;
    while ((err = client_answer(&search->client, &frame, -1)) == OK) {
        if (frame.type == FRAME_ANSWER_ERROR) return client_refused(&search->client, frame.body);
        if (frame.type == FRAME_ANSWER_DONE && (err = count_read(count, frame.body)) == OK) return OUTCOME_SUCCESS;
        if (frame.type != FRAME_ANSWER_OBJECT) break;
        if (!objects) continue;
        if ((err = answer_read(&search->reader, frame.body)) != OK) break;
        (invocation->json ? answer_json : answer_block)(&search->out, &search->reader.answer);
        command_print_buf(&search->out);
    }
    return client_lost(&search->client, err == OK ? ERR_FORMAT : err);
}

static enum outcome search_one(struct search *search, const char *value) {
    const struct invocation *invocation = search->client.invocation;
    uint64_t count = 0;
    if (!search_pack(search, bytes_of_text(value)))
        return command_usage(invocation, "this is nothing to search for: the value is empty, or longer than %d bytes",
                             ITEM_VALUE_BYTES_MAX);
    enum err err = client_ask(&search->client, FRAME_ASK_SEARCH, bytes_of_buf(&search->body));
    if (err != OK) return client_lost(&search->client, err);
    enum outcome outcome = answers_read(search, true, &count);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    if (!invocation->json) buf_put_format(&search->out, "%" PRIu64 " object%s found\n", count, count == 1 ? "" : "s");
    command_print_buf(&search->out);
    return count > 0 ? OUTCOME_SUCCESS : OUTCOME_NOT_FOUND;
}

/* --- many values --- */

static void count_print(struct search *search, const char *value, uint64_t count) {
    struct json_out json = json_out_of(&search->out);
    search->found += count > 0;
    if (search->client.invocation->json) {
        json_out_object(&json);
        json_out_key(&json, "value");
        json_out_text(&json, value);
        json_out_key(&json, "count");
        json_out_uint(&json, count);
        json_out_object_end(&json);
        json_out_line(&json);
    } else {
        buf_put_text(&search->out, value);
        buf_put_format(&search->out, "\t%" PRIu64 "\n", count);
    }
    command_print_buf(&search->out);
}

static enum outcome oldest_take(struct search *search) {
    uint64_t count = 0;
    enum outcome outcome = answers_read(search, false, &count);
    if (outcome == OUTCOME_SUCCESS) count_print(search, search->waiting[search->first], count);
    free(search->waiting[search->first]);
    search->waiting[search->first] = NULL;
    search->first = (search->first + 1) % PIPELINE_MAX;
    search->count--;
    return outcome;
}

static enum outcome line_ask(struct search *search, char *line) {
    line[strcspn(line, "\r\n")] = 0;
    if (!*line) return OUTCOME_SUCCESS;
    if (!search_pack(search, bytes_of_text(line)))
        return command_usage(search->client.invocation, "'%s' is longer than %d bytes", line, ITEM_VALUE_BYTES_MAX);
    char *kept = strdup(line);
    if (!kept) return command_fail(search->client.invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    search->waiting[(search->first + search->count++) % PIPELINE_MAX] = kept;
    /* Queued only: the questions of a whole window go out together. */
    enum err err = channel_queue(&search->client.channel, FRAME_ASK_SEARCH, ++search->client.tag, bytes_of_buf(&search->body));
    return err == OK ? OUTCOME_SUCCESS : client_lost(&search->client, err);
}

static enum outcome search_many(struct search *search) {
    enum outcome outcome = OUTCOME_SUCCESS;
    char *line = malloc(LINE_BYTES_MAX);
    if (!line) return command_fail(search->client.invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    while (outcome == OUTCOME_SUCCESS && fgets(line, LINE_BYTES_MAX, stdin)) {
        outcome = line_ask(search, line);
        /* Half the window is taken in before more is asked, so that neither side waits for single answers. */
        while (outcome == OUTCOME_SUCCESS && search->count == PIPELINE_MAX)
            for (size_t i = 0; i < PIPELINE_MAX / 2 && outcome == OUTCOME_SUCCESS; i++) outcome = oldest_take(search);
    }
    while (outcome == OUTCOME_SUCCESS && search->count > 0) outcome = oldest_take(search);
    free(line);
    return outcome == OUTCOME_SUCCESS && search->found == 0 ? OUTCOME_NOT_FOUND : outcome;
}

static enum outcome run(const struct invocation *invocation) {
    bool many = command_has(invocation, "stdin");
    if (many == (invocation->argument_count == 1)) return command_usage(invocation, "give one VALUE, or --stdin for one a line");
    struct search *search = calloc(1, sizeof *search);
    if (!search || answer_reader_init(&search->reader) != OK) {
        free(search);
        return command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    }
    enum outcome outcome = client_open(&search->client, invocation);
    if (outcome == OUTCOME_SUCCESS) outcome = many ? search_many(search) : search_one(search, invocation->arguments[0]);
    for (size_t i = 0; i < PIPELINE_MAX; i++) free(search->waiting[i]);
    client_close(&search->client);
    answer_reader_free(&search->reader);
    arena_free(&search->arena);
    buf_free(&search->body);
    buf_free(&search->out);
    free(search);
    return outcome;
}

static const struct command_option options[] = {
    {"stdin", NULL, "read values from standard input, one a line; print VALUE TAB COUNT for each"},
    {0},
};

const struct command cmd_search = {
    .name = "search",
    .synopsis = "VALUE | --stdin",
    .summary = "find the objects that tell of a value; exit 1 when there are none",
    .details = "An address is also found inside stored networks. Defanged forms (hxxp, [.]) are understood. With --json one object "
               "a line.",
    .arguments_max = 1,
    .prints_json = true,
    .options = options,
    .run = run,
};
