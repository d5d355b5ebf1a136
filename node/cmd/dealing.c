#include "node/cmd/dealing.h"

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

enum outcome dealing_ask(const struct invocation *invocation, enum frame_type type, struct bytes body, struct buf *document) {
    struct client client = {.channel.fd = -1};
    enum outcome outcome = client_open(&client, invocation);
    if (outcome == OUTCOME_SUCCESS) outcome = client_document_of(&client, type, body, document);
    client_close(&client);
    return outcome;
}
