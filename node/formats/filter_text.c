#include "node/formats/filter_tree.h"

#include <ctype.h>
#include <string.h>

#define STRINGS_BYTES_MAX (64 * 1024)

/* Arrays of words that people call an object's labels. */
static bool labels_key(struct bytes key) {
    static const char *const names[] = {"labels",     "indicator_types",      "malware_types", "threat_actor_types",
                                        "tool_types", "infrastructure_types", "report_types"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (bytes_equal_text(key, names[i])) return true;
    return false;
}

static void on_open(void *context, bool object) {
    struct filter_text *text = context;
    bool list = !object && text->depth == 1 && text->key == TEXT_LABELS;
    if (!list) text->key = TEXT_OTHER;
    text->depth++;
}

static void on_close(void *context, bool object) {
    struct filter_text *text = context;
    (void)object;
    text->depth--;
    text->key = TEXT_OTHER;
}

static void on_key(void *context, struct bytes key) {
    struct filter_text *text = context;
    text->key = TEXT_OTHER;
    if (text->depth != 1) return;
    if (labels_key(key))
        text->key = TEXT_LABELS;
    else if (bytes_equal_text(key, "name"))
        text->key = TEXT_NAME;
    else if (bytes_equal_text(key, "confidence"))
        text->key = TEXT_CONFIDENCE;
}

static void on_string(void *context, struct bytes value) {
    struct filter_text *text = context;
    bool label = text->key == TEXT_LABELS && text->depth == 2, name = text->key == TEXT_NAME && text->depth == 1;
    if ((!label && !name) || (label && text->label_count == FILTER_LABELS_MAX)) return;
    uint32_t at = (uint32_t)text->strings.size;
    for (size_t i = 0; i < value.size; i++) buf_put_u8(&text->strings, (uint8_t)tolower(value.data[i]));
    if (text->strings.failed) return;
    if (label)
        text->labels[text->label_count].at = at, text->labels[text->label_count++].size = (uint32_t)value.size;
    else
        text->name.at = at, text->name.size = (uint32_t)value.size;
}

static void on_scalar(void *context, enum jsonwalk_scalar scalar, struct bytes number) {
    struct filter_text *text = context;
    if (scalar != JSONWALK_NUMBER || text->key != TEXT_CONFIDENCE || text->depth != 1 || number.size > 3) return;
    uint64_t value = 0;
    for (size_t i = 0; i < number.size; i++) {
        if (number.data[i] < '0' || number.data[i] > '9') return;
        value = value * 10 + (uint64_t)(number.data[i] - '0');
    }
    text->confident = value <= 100;
    text->confidence = value;
}

static const struct jsonwalk_events events = {
    .open = on_open, .close = on_close, .key = on_key, .string = on_string, .scalar = on_scalar};

void filter_text_read(struct filter *filter, struct bytes json) {
    struct filter_text *text = &filter->text;
    struct jsonwalk_fault fault;
    text->read = true;
    text->confident = false;
    text->label_count = 0;
    text->name.size = 0;
    text->depth = 0;
    text->key = TEXT_OTHER;
    text->strings.size_max = STRINGS_BYTES_MAX;
    buf_clear(&text->strings);
    if (!filter->walk) filter->walk = jsonwalk_new(&events);
    if (filter->walk && jsonwalk_run(filter->walk, json, text, &fault) == OK) return;
    text->confident = false;
    text->label_count = 0;
    text->name.size = 0;
}
