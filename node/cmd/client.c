#include "node/cmd/client.h"

#include "node/cmd/setup.h"
#include "node/formats/document.h"

#include "gossip/pack.h"
#include "node/process/dir.h"

#include <string.h>

#define RELOAD_MS 30000

enum outcome client_open(struct client *client, const struct invocation *invocation) {
    *client = (struct client){.invocation = invocation, .channel.fd = -1};
    enum err err = control_connect(&client->channel, invocation->dir);
    switch (err) {
    case OK: return OUTCOME_SUCCESS;
    case ERR_CLOSED:
        if (dir_state(invocation->dir) == DIR_MISSING) return setup_absent(invocation, OUTCOME_NOT_RUNNING);
        if (strcmp(invocation->dir, DIR_SYSTEM) == 0)
            return command_fail(invocation, OUTCOME_NOT_RUNNING,
                                "no node runs in " DIR_SYSTEM ": start the service (systemctl start comity), or `comity run`");
        return command_fail(invocation, OUTCOME_NOT_RUNNING, "no node runs in %s: start it with `comity run --dir %s`",
                            invocation->dir, invocation->dir);
    case ERR_DENIED:
        return command_fail(invocation, OUTCOME_REFUSED, "the node in %s answers its own user and root only: use that user",
                            invocation->dir);
    case ERR_TOO_BIG:
        return command_fail(invocation, OUTCOME_USAGE,
                            "the path %s is too long for a socket (about 90 bytes): use a shorter directory", invocation->dir);
    default:
        return command_fail(invocation, OUTCOME_INTERNAL, "cannot connect to the node in %s: %s", invocation->dir, err_text(err));
    }
}

void client_close(struct client *client) {
    if (client->channel.fd >= 0) channel_close(&client->channel);
    client->channel.fd = -1;
}

enum err client_ask(struct client *client, enum frame_type type, struct bytes body) {
    if (body.size > FRAME_BODY_BYTES_MAX) return ERR_TOO_BIG;
    return channel_send(&client->channel, type, ++client->tag, body);
}

enum err client_answer(struct client *client, struct frame *frame, int timeout_ms) {
    return channel_wait(&client->channel, frame, timeout_ms);
}

enum outcome client_refused(const struct client *client, struct bytes body) {
    struct pack_reader reader = pack_reader_of(body);
    uint32_t count = pack_read_array(&reader);
    uint64_t code = pack_read_uint(&reader);
    struct bytes text = pack_read_str(&reader);
    if (pack_failed(&reader) || count != 2 || code >= ERR_COUNT) return client_lost(client, ERR_FORMAT);
    enum err err = (enum err)code;
    enum outcome outcome = command_outcome(err);
    /* Whoever answers does run. */
    if (outcome == OUTCOME_NOT_RUNNING) outcome = OUTCOME_INTERNAL;
    if (text.size == 0) return command_fail(client->invocation, outcome, "the node refuses: %s", err_text(err));
    return command_fail(client->invocation, outcome, "%.*s", (int)(text.size < 2000 ? text.size : 2000), (const char *)text.data);
}

enum outcome client_lost(const struct client *client, enum err error) {
    if (error == ERR_CLOSED)
        return command_fail(client->invocation, OUTCOME_NOT_RUNNING,
                            "the node in %s closed the connection: it stopped, or serves too many clients",
                            client->invocation->dir);
    if (error == ERR_FORMAT)
        return command_fail(client->invocation, OUTCOME_INTERNAL,
                            "the node's answer cannot be read: is its version another than that of this program?");
    return command_fail(client->invocation, OUTCOME_INTERNAL, "talking to the node in %s: %s", client->invocation->dir,
                        err_text(error));
}

enum outcome client_document(struct client *client, enum frame_type type, struct buf *document) {
    static const uint8_t nothing = 0x90; /* an empty array */
    return client_document_of(client, type, bytes_of(&nothing, 1), document);
}

enum outcome client_document_of(struct client *client, enum frame_type type, struct bytes body, struct buf *document) {
    struct frame frame;
    bool heard = false;
    enum err err = client_ask(client, type, body);
    while (err == OK && (err = client_answer(client, &frame, -1)) == OK) {
        if (frame.type == FRAME_ANSWER_ERROR) return client_refused(client, frame.body);
        if (frame.type == FRAME_ANSWER_DOCUMENT && !heard) {
            buf_put(document, frame.body);
            heard = true;
            err = buf_result(document);
        } else if (frame.type == FRAME_ANSWER_DONE && heard) {
            return OUTCOME_SUCCESS;
        } else {
            err = ERR_FORMAT;
        }
    }
    return client_lost(client, err);
}

enum outcome client_document_print(const struct invocation *invocation, struct bytes document) {
    return client_document_print_as(invocation, document, document_text);
}

enum outcome client_document_print_as(const struct invocation *invocation, struct bytes document, client_words *words) {
    struct buf out = {0};
    enum err err;
    if (invocation->json) {
        struct json_out json = json_out_of(&out);
        struct pack_reader reader = pack_reader_of(document);
        err = document_json(&json, &reader);
        if (err == OK) err = pack_done(&reader);
        json_out_line(&json);
    } else {
        err = words(&out, document);
    }
    if (err == OK) command_print_buf(&out);
    buf_free(&out);
    return err == OK ? OUTCOME_SUCCESS
                     : command_fail(invocation, OUTCOME_INTERNAL, "the node's answer cannot be read: %s", err_text(err));
}

enum outcome client_print_document(const struct invocation *invocation, enum frame_type type, struct bytes body) {
    struct client client;
    struct buf document = {0};
    enum outcome outcome = client_open(&client, invocation);
    if (outcome == OUTCOME_SUCCESS) outcome = client_document_of(&client, type, body, &document);
    client_close(&client);
    if (outcome == OUTCOME_SUCCESS) outcome = client_document_print(invocation, bytes_of_buf(&document));
    buf_free(&document);
    return outcome;
}

enum outcome client_trust_reload(const struct invocation *invocation, const char *name, bool *running) {
    struct buf body = {0};
    struct client client = {.invocation = invocation};
    struct frame frame;
    *running = false;
    enum err err = control_connect(&client.channel, invocation->dir);
    if (err == ERR_CLOSED || err == ERR_TOO_BIG) return OUTCOME_SUCCESS;
    *running = true;
    pack_write_array(&body, 1);
    pack_write_str(&body, bytes_of_text(name));
    if (err == OK) err = buf_result(&body);
    if (err == OK) err = client_ask(&client, FRAME_ASK_TRUST_RELOAD, bytes_of_buf(&body));
    buf_free(&body);
    if (err == OK) err = client_answer(&client, &frame, RELOAD_MS);
    enum outcome outcome = OUTCOME_SUCCESS;
    if (err != OK)
        outcome = command_fail(invocation, OUTCOME_INTERNAL,
                               "the change is saved, but the running node was not told (%s): restart it", err_text(err));
    else if (frame.type == FRAME_ANSWER_ERROR)
        outcome = client_refused(&client, frame.body);
    client_close(&client);
    return outcome;
}
