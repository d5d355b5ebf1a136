/* A stranger's object as the web process reads it before it shows it: id, type, text behind each other, with a line end between. */
#include "node/web/web_facts.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bytes part(struct bytes *rest) {
    const uint8_t *at = rest->size > 0 ? memchr(rest->data, '\n', rest->size) : NULL;
    struct bytes taken = bytes_of(rest->data, at ? (size_t)(at - rest->data) : rest->size);
    size_t used = at ? taken.size + 1 : taken.size;
    *rest = bytes_of(rest->size > 0 ? rest->data + used : NULL, rest->size - used);
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct web_facts_reader *reader;
    static struct item item;
    struct web_facts facts;
    struct bytes rest = bytes_of(data, size);
    if (!reader && !(reader = web_facts_new())) abort();
    item.id = part(&rest), item.type = part(&rest), item.text = rest;
    if (web_facts_read(reader, &item, &facts) != OK) return 0;
    if (!memchr(facts.modified, 0, sizeof facts.modified) || !memchr(facts.created, 0, sizeof facts.created) ||
        !memchr(facts.spec_version, 0, sizeof facts.spec_version))
        abort();
    return 0;
}
