#include "node/web/web_facts.h"

#include "node/process/answer.h"

#include <stdlib.h>
#include <string.h>

enum { EXPECT_NONE, EXPECT_ID, EXPECT_TYPE, EXPECT_MODIFIED, EXPECT_CREATED, EXPECT_SPEC, EXPECT_PATTERN };

struct web_facts_reader {
    struct jsonwalk *walk;
    const struct item *item;
    struct web_facts *out;
    unsigned depth;
    int expect;
    bool object, id_agrees, type_agrees;
};

static void on_open(void *context, bool object) {
    struct web_facts_reader *reader = context;
    if (reader->depth++ == 0) reader->object = object;
    reader->expect = EXPECT_NONE;
}

static void on_close(void *context, bool object) {
    struct web_facts_reader *reader = context;
    (void)object;
    reader->depth--;
    reader->expect = EXPECT_NONE;
}

static void on_key(void *context, struct bytes key) {
    static const char *const keys[] = {NULL, "id", "type", "modified", "created", "spec_version", "pattern"};
    struct web_facts_reader *reader = context;
    reader->expect = EXPECT_NONE;
    for (int i = EXPECT_ID; reader->depth == 1 && i <= EXPECT_PATTERN; i++)
        if (bytes_equal_text(key, keys[i])) reader->expect = i;
}

static void keep(char *out, size_t size, struct bytes text) {
    if (text.size >= size) return;
    memcpy(out, text.data, text.size);
    out[text.size] = 0;
}

static void on_string(void *context, struct bytes value) {
    struct web_facts_reader *reader = context;
    switch (reader->expect) {
    case EXPECT_ID: reader->id_agrees = bytes_equal(value, reader->item->id); break;
    case EXPECT_TYPE: reader->type_agrees = bytes_equal(value, reader->item->type); break;
    case EXPECT_MODIFIED: keep(reader->out->modified, sizeof reader->out->modified, value); break;
    case EXPECT_CREATED: keep(reader->out->created, sizeof reader->out->created, value); break;
    case EXPECT_SPEC: keep(reader->out->spec_version, sizeof reader->out->spec_version, value); break;
    case EXPECT_PATTERN: reader->out->conjunction = answer_pattern_joins(value); break;
    default: break;
    }
    reader->expect = EXPECT_NONE;
}

static void on_scalar(void *context, enum jsonwalk_scalar scalar, struct bytes number) {
    struct web_facts_reader *reader = context;
    (void)scalar;
    (void)number;
    reader->expect = EXPECT_NONE;
}

static const struct jsonwalk_events events = {on_open, on_close, on_key, on_string, on_scalar};

struct web_facts_reader *web_facts_new(void) {
    struct web_facts_reader *reader = calloc(1, sizeof *reader);
    if (reader) reader->walk = jsonwalk_new(&events);
    if (reader && reader->walk) return reader;
    free(reader);
    return NULL;
}

void web_facts_free(struct web_facts_reader *reader) {
    if (!reader) return;
    jsonwalk_free(reader->walk);
    free(reader);
}

enum err web_facts_read(struct web_facts_reader *reader, const struct item *item, struct web_facts *out) {
    struct jsonwalk_fault fault;
    *out = (struct web_facts){0};
    reader->item = item, reader->out = out;
    reader->depth = 0, reader->expect = EXPECT_NONE;
    reader->object = reader->id_agrees = reader->type_agrees = false;
    enum err err = jsonwalk_run(reader->walk, item->text, reader, &fault);
    if (err == ERR_MEMORY) return err;
    return err == OK && reader->object && reader->id_agrees && reader->type_agrees ? OK : ERR_SYNTAX;
}
