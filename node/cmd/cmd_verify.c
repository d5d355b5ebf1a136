/* comity verify: do this node and a peer hold the same, as both can show? */
#include "gossip/pack.h"
#include "node/cmd/client.h"
#include "node/cmd/cmd.h"
#include "node/formats/document.h"

static enum outcome run(const struct invocation *invocation) {
    const char *name = command_value(invocation, "with");
    struct client client;
    struct buf body = {0}, document = {0};
    if (!name) return command_usage(invocation, "with whom? give --with NAME");
    enum outcome outcome = client_open(&client, invocation);
    pack_write_array(&body, 1);
    pack_write_str(&body, bytes_of_text(name));
    if (outcome == OUTCOME_SUCCESS) outcome = client_document_of(&client, FRAME_ASK_VERIFY, bytes_of_buf(&body), &document);
    client_close(&client);
    if (outcome == OUTCOME_SUCCESS) outcome = client_document_print(invocation, bytes_of_buf(&document));
    if (outcome == OUTCOME_SUCCESS && !document_flag(bytes_of_buf(&document), "same"))
        outcome = command_fail(invocation, OUTCOME_NOT_FOUND, "this node and '%s' do not hold the same at this moment", name);
    buf_free(&body);
    buf_free(&document);
    return outcome;
}

static const struct command_option options[] = {
    {"with", "NAME", "the pinned agency whose node is asked; a link to it must be open"},
    {NULL, NULL, NULL},
};

const struct command cmd_verify = {
    .name = "verify",
    .synopsis = "--with NAME",
    .summary = "show whether this node and a peer hold the same of every log both trust",
    .details =
        "The peer signs where each common log ends at it, and that is laid beside what stands here: equal, ahead (the peer lacks\n"
        "entries), behind (this node does) or different (two entries at one number). 'missing' counts payloads that this node\n"
        "should hold, those addressed to it among them, and does not. Exit 0 only when all is equal and nothing is missing, 1\n"
        "when not or when NAME is not pinned, 3 when the peer cannot be asked, 4 when no node runs.",
    .prints_json = true,
    .options = options,
    .run = run,
};
