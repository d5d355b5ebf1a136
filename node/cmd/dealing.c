#include "node/cmd/dealing.h"

#include "node/process/answer.h"
#include "node/formats/document.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 64

enum outcome dealing_names(const struct invocation *invocation, const char *option, const char *list, struct buf *out) {
    struct bytes names[NAMES_MAX];
    size_t count = 0;
    for (const char *at = list, *end; at; at = *end ? end + 1 : NULL) {
        end = at + strcspn(at, ",");
        if (end == at)
            return command_fail(invocation, OUTCOME_REFUSED, "--%s: an empty name stands in '%s'; nothing was done", option, list);
        if (count == NAMES_MAX)
            return command_fail(invocation, OUTCOME_REFUSED, "--%s: more than %d names; nothing was done", option, NAMES_MAX);
        names[count++] = bytes_of(at, (size_t)(end - at));
    }
    pack_write_array(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) pack_write_str(out, names[i]);
    return OUTCOME_SUCCESS;
}

void dealing_text(struct buf *out, const char *text) {
    if (text)
        pack_write_str(out, bytes_of_text(text));
    else
        pack_write_nil(out);
}

static enum outcome document_take(struct client *client, struct buf *document) {
    struct frame frame;
    enum err err;
    while ((err = client_answer(client, &frame, -1)) == OK) {
        if (frame.type == FRAME_ANSWER_ERROR) return client_refused(client, frame.body);
        if (frame.type == FRAME_ANSWER_DONE && document->size > 0) return OUTCOME_SUCCESS;
        if (frame.type != FRAME_ANSWER_DOCUMENT || document->size > 0) return client_lost(client, ERR_FORMAT);
        buf_put(document, frame.body);
        if (document->failed) return client_lost(client, ERR_MEMORY);
    }
    return client_lost(client, err);
}

enum outcome dealing_ask(const struct invocation *invocation, enum frame_type type, struct bytes body, struct buf *document) {
    struct client client = {.channel.fd = -1};
    enum outcome outcome = client_open(&client, invocation);
    if (outcome == OUTCOME_SUCCESS) {
        enum err err = client_ask(&client, type, body);
        outcome = err == OK ? document_take(&client, document) : client_lost(&client, err);
    }
    client_close(&client);
    return outcome;
}

enum outcome dealing_print(const struct invocation *invocation, struct bytes document) {
    struct buf out = {0};
    enum err err;
    if (invocation->json) {
        struct json_out json = json_out_of(&out);
        struct pack_reader reader = pack_reader_of(document);
        err = document_json(&json, &reader);
        if (err == OK) err = pack_done(&reader);
        json_out_line(&json);
    } else {
        err = document_text(&out, document);
    }
    if (err == OK) command_print_buf(&out);
    buf_free(&out);
    return err == OK ? OUTCOME_SUCCESS
                     : command_fail(invocation, OUTCOME_INTERNAL, "the node's answer cannot be read: %s", err_text(err));
}

enum outcome dealing_run(const struct invocation *invocation, enum frame_type type, struct bytes body) {
    struct buf document = {0};
    enum outcome outcome = dealing_ask(invocation, type, body, &document);
    if (outcome == OUTCOME_SUCCESS) outcome = dealing_print(invocation, bytes_of_buf(&document));
    buf_free(&document);
    return outcome;
}

static enum outcome objects_take(struct client *client, struct answer_reader *reader) {
    struct buf out = {0};
    struct frame frame;
    enum err err;
    while ((err = client_answer(client, &frame, -1)) == OK && frame.type == FRAME_ANSWER_OBJECT &&
           (err = answer_read(reader, frame.body)) == OK) {
        (client->invocation->json ? answer_json : answer_line)(&out, &reader->answer);
        command_print_buf(&out);
    }
    buf_free(&out);
    if (err == OK && frame.type == FRAME_ANSWER_DONE) return OUTCOME_SUCCESS;
    if (err == OK && frame.type == FRAME_ANSWER_ERROR) return client_refused(client, frame.body);
    return client_lost(client, err == OK ? ERR_FORMAT : err);
}

enum outcome dealing_objects(const struct invocation *invocation, enum frame_type type, struct bytes body) {
    struct client client = {.channel.fd = -1};
    struct answer_reader *reader = calloc(1, sizeof *reader);
    if (!reader || answer_reader_init(reader) != OK) {
        free(reader);
        return command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    }
    enum outcome outcome = client_open(&client, invocation);
    if (outcome == OUTCOME_SUCCESS) {
        enum err err = client_ask(&client, type, body);
        outcome = err == OK ? objects_take(&client, reader) : client_lost(&client, err);
    }
    client_close(&client);
    answer_reader_free(reader);
    free(reader);
    return outcome;
}
