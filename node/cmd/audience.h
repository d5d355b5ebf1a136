/* audience: whom a publication goes to, as the command line names them and as the engine resolved them. */
#ifndef NODE_AUDIENCE_H
#define NODE_AUDIENCE_H

#include "gossip/label.h"
#include "node/cmd/client.h"
#include "node/formats/json_out.h"

/* From --tlp, --to and --to-all. */
struct audience_request {
    enum tlp tlp; /* TLP_NONE: objects' own labels only */
    bool to_all;
    bool lint;      /* nothing is to be published */
    const char *to; /* an expression (gossip/setexpr.h), or null */
};

/* Reads the three options; says what is wrong with them and returns the exit code. */
enum outcome audience_options(const struct invocation *invocation, struct audience_request *request) MUST_USE;

/* Asks the engine to open the publication. `audience` (owned) receives what it answers: [[name, nodes]...]. */
enum outcome audience_open(struct client *client, const struct audience_request *request, struct buf *audience) MUST_USE;

void audience_json(struct json_out *json, struct bytes audience);
void audience_text(struct buf *out, struct bytes audience, const struct audience_request *request);

#endif
