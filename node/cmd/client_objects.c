#include "node/cmd/client_objects.h"

#include "gossip/pack.h"
#include "node/process/answer.h"

#include <stdlib.h>

/* Prints objects until DONE; its first field is their number. While nothing more is there yet, what was printed is flushed. */
static enum outcome objects_print(struct client *client, struct answer_reader *reader, uint64_t *count) {
    void (*print)(struct buf *, const struct answer *) = client->invocation->json ? answer_json : answer_line;
    struct buf out = {0};
    struct frame frame;
    enum outcome outcome = OUTCOME_SUCCESS;
    bool done = false;
    while (outcome == OUTCOME_SUCCESS && !done) {
        enum err err = client_answer(client, &frame, 0);
        if (err == ERR_TIMEOUT) {
            command_flush();
            err = client_answer(client, &frame, -1);
        }
        if (err == OK && frame.type == FRAME_ANSWER_OBJECT && (err = answer_read(reader, frame.body)) == OK) {
            print(&out, &reader->answer);
            command_print_buf(&out);
        } else if (err == OK && frame.type == FRAME_ANSWER_DONE) {
            struct pack_reader in = pack_reader_of(frame.body);
            done = pack_read_array(&in) > 0;
            *count = pack_read_uint(&in);
            if (pack_failed(&in)) err = ERR_FORMAT;
        } else if (err == OK && frame.type == FRAME_ANSWER_ERROR) {
            outcome = client_refused(client, frame.body);
        } else if (err == OK) {
            err = ERR_FORMAT;
        }
        if (err != OK) outcome = client_lost(client, err);
    }
    buf_free(&out);
    return outcome;
}

enum outcome client_objects_print(const struct invocation *invocation, enum frame_type type, struct bytes body, uint64_t *count) {
    struct client client = {.channel.fd = -1};
    struct answer_reader *reader = calloc(1, sizeof *reader);
    if (!reader || answer_reader_init(reader) != OK) {
        free(reader);
        return command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    }
    enum outcome outcome = client_open(&client, invocation);
    if (outcome == OUTCOME_SUCCESS) {
        enum err err = client_ask(&client, type, body);
        outcome = err == OK ? objects_print(&client, reader, count) : client_lost(&client, err);
    }
    client_close(&client);
    answer_reader_free(reader);
    free(reader);
    return outcome;
}
