/* client: the command line's side of the control socket: connect, ask, read the answers, say what went wrong. */
#ifndef NODE_CLIENT_H
#define NODE_CLIENT_H

#include "node/cmd/command.h"
#include "node/engine/control.h"

struct client {
    const struct invocation *invocation;
    struct channel channel;
    uint64_t tag; /* of the last request */
};

/* Connects to the node of invocation->dir; says what to do when it cannot, and returns the exit code. */
enum outcome client_open(struct client *client, const struct invocation *invocation) MUST_USE;
void client_close(struct client *client);

/* Sends a request under a new tag. ERR_CLOSED, ERR_MEMORY, ERR_TOO_BIG. */
enum err client_ask(struct client *client, enum frame_type type, struct bytes body) MUST_USE;
/* Waits for the next answer as long as it takes (or timeout_ms: ERR_TIMEOUT). ERR_CLOSED, ERR_FORMAT. */
enum err client_answer(struct client *client, struct frame *frame, int timeout_ms) MUST_USE;

/* Says what the engine refused (FRAME_ANSWER_ERROR) and returns the exit code. */
enum outcome client_refused(const struct client *client, struct bytes body);
/* Says that the connection failed and returns the exit code. */
enum outcome client_lost(const struct client *client, enum err error);

/* Prints a document, as JSON or for people, and returns the exit code. */
enum outcome client_document_print(const struct invocation *invocation, struct bytes document);

/* The same with words of one's own for people; `words` return ERR_FORMAT for what it cannot read. */
typedef enum err client_words(struct buf *out, struct bytes document);
enum outcome client_document_print_as(const struct invocation *invocation, struct bytes document, client_words *words);

/* As below, with a body, and prints the document: as JSON with --json, else for people. The whole of a command that only asks. */
enum outcome client_print_document(const struct invocation *invocation, enum frame_type type, struct bytes body) MUST_USE;

/* Sends one request whose answer is one document, and hands a copy of it to `document`. */
enum outcome client_document(struct client *client, enum frame_type type, struct buf *document) MUST_USE;
/* The same with a question of its own. */
enum outcome client_document_of(struct client *client, enum frame_type type, struct bytes body, struct buf *document) MUST_USE;

/* The node reads the card pinned as NAME again if it runs; *running tells. Says nothing when it does not run. */
enum outcome client_trust_reload(const struct invocation *invocation, const char *name, bool *running) MUST_USE;

#endif
