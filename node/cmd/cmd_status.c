/* comity status, comity peers: the engine's own words about itself. */
#include "node/cmd/status_page.h"
#include "node/cmd/client.h"
#include "node/cmd/cmd.h"
#include "node/formats/document.h"

static enum outcome ask(const struct invocation *invocation, enum frame_type type, struct buf *document) {
    struct client client;
    enum outcome outcome = client_open(&client, invocation);
    if (outcome == OUTCOME_SUCCESS) outcome = client_document(&client, type, document);
    client_close(&client);
    return outcome;
}

static enum outcome page_print(struct bytes document) {
    struct buf page = {0};
    status_page(&page, document);
    command_print_buf(&page);
    buf_free(&page);
    return OUTCOME_SUCCESS;
}

static enum outcome status_run(const struct invocation *invocation) {
    struct buf document = {0};
    enum outcome outcome = ask(invocation, FRAME_ASK_STATUS, &document);
    if (outcome == OUTCOME_NOT_RUNNING && invocation->json)
        command_print(bytes_of_text("{\"running\":false,\"publishing\":false}\n"));
    if (outcome == OUTCOME_SUCCESS)
        outcome =
            invocation->json ? client_document_print(invocation, bytes_of_buf(&document)) : page_print(bytes_of_buf(&document));
    if (outcome == OUTCOME_SUCCESS && !document_flag(bytes_of_buf(&document), "publishing"))
        outcome = command_fail(invocation, OUTCOME_REFUSED, "the node runs but does not accept publications at this moment");
    buf_free(&document);
    return outcome;
}

static enum outcome peers_run(const struct invocation *invocation) {
    struct buf document = {0};
    enum outcome outcome = ask(invocation, FRAME_ASK_PEERS, &document);
    if (outcome == OUTCOME_SUCCESS) outcome = client_document_print(invocation, bytes_of_buf(&document));
    buf_free(&document);
    return outcome;
}

const struct command cmd_status = {
    .name = "status",
    .synopsis = "",
    .summary = "tell how the node is, what is wrong first; exit 0 only when it accepts publications",
    .prints_json = true,
    .run = status_run,
};

const struct command cmd_peers = {
    .name = "peers",
    .synopsis = "",
    .summary = "list the pinned agencies' nodes and the links to them",
    .prints_json = true,
    .run = peers_run,
};
