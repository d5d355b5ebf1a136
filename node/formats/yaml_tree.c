#include "node/formats/yaml_tree.h"

#include "node/process/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct reading {
    struct yaml_tree *tree;
    struct bytes yaml;
    const char *file_name;
    char *message;
    struct yaml_node *open[YAML_TREE_DEPTH_MAX]; /* lists and mappings that have not ended, the outermost first */
    size_t depth;
    char *key; /* of the value that comes next; owned */
};

static enum err report(const struct reading *reading, yaml_mark_t mark, const char *what, const char *name) {
    char safe[160] = "", full[YAML_TREE_TEXT_MAX];
    if (name) log_escape(safe, sizeof safe, bytes_of_text(name));
    snprintf(full, sizeof full, "%s:%zu:%zu: %s%s%s", reading->file_name, mark.line + 1, mark.column + 1, safe, name ? ": " : "",
             what);
    memcpy(reading->message, full, sizeof full);
    return ERR_SYNTAX;
}

void yaml_tree_free(struct yaml_tree *tree) {
    for (size_t i = 0; i < tree->count; i++) free(tree->nodes[i].key), free(tree->nodes[i].text);
    free(tree->nodes);
    *tree = (struct yaml_tree){0};
}

const struct yaml_node *yaml_find(const struct yaml_node *map, const char *key) {
    for (const struct yaml_node *child = map->first; child; child = child->next)
        if (child->key && strcmp(child->key, key) == 0) return child;
    return NULL;
}

/* --- from libyaml's events --- */

static enum err node_add(struct reading *reading, enum yaml_kind kind, yaml_mark_t mark, struct yaml_node **out) {
    struct yaml_tree *tree = reading->tree;
    if (tree->count == YAML_TREE_NODES_MAX) return report(reading, mark, "more than 4096 values; this file is too large", NULL);
    struct yaml_node *node = &tree->nodes[tree->count++];
    *node = (struct yaml_node){.kind = kind, .line = mark.line + 1, .column = mark.column + 1, .key = reading->key};
    reading->key = NULL;
    struct yaml_node *parent = reading->depth > 0 ? reading->open[reading->depth - 1] : NULL;
    if (parent) {
        struct yaml_node **end = &parent->first;
        while (*end) end = &(*end)->next;
        *end = node;
    } else {
        tree->root = node;
    }
    *out = node;
    return OK;
}

static enum err scalar_text(const struct reading *reading, const yaml_event_t *event, char **out) {
    if (event->data.scalar.anchor)
        return report(reading, event->start_mark, "anchors are not used here; write the value without &", NULL);
    if (event->data.scalar.tag)
        return report(reading, event->start_mark, "tags are not used here; write the value without !", NULL);
    if (memchr(event->data.scalar.value, 0, event->data.scalar.length))
        return report(reading, event->start_mark, "it holds a zero byte; leave that out", NULL);
    *out = calloc(1, event->data.scalar.length + 1);
    if (!*out) return ERR_MEMORY;
    memcpy(*out, event->data.scalar.value, event->data.scalar.length);
    return OK;
}

static bool key_next(const struct reading *reading) {
    return reading->depth > 0 && reading->open[reading->depth - 1]->kind == YAML_MAP && !reading->key;
}

static enum err key_take(struct reading *reading, const yaml_event_t *event) {
    if (event->type != YAML_SCALAR_EVENT)
        return report(reading, event->start_mark, "a key belongs here: write \"key: value\"", NULL);
    enum err err = scalar_text(reading, event, &reading->key);
    if (err == OK && yaml_find(reading->open[reading->depth - 1], reading->key))
        return report(reading, event->start_mark, "stands twice; leave one", reading->key);
    return err;
}

static enum err value_take(struct reading *reading, const yaml_event_t *event) {
    struct yaml_node *node = NULL;
    bool map = event->type == YAML_MAPPING_START_EVENT, list = event->type == YAML_SEQUENCE_START_EVENT;
    if (event->type == YAML_ALIAS_EVENT)
        return report(reading, event->start_mark, "aliases are not used here; write the value itself", NULL);
    if (!map && !list && event->type != YAML_SCALAR_EVENT)
        return report(reading, event->start_mark, "a value is missing here", NULL);
    if (reading->depth == 0 && (!map || reading->tree->root))
        return report(reading, event->start_mark, "this is not \"key: value\"; write one setting a line", NULL);
    if ((map && (event->data.mapping_start.anchor || event->data.mapping_start.tag)) ||
        (list && (event->data.sequence_start.anchor || event->data.sequence_start.tag)))
        return report(reading, event->start_mark, "anchors and tags are not used here; leave them out", NULL);
    enum err err = node_add(reading, map ? YAML_MAP : list ? YAML_LIST : YAML_VALUE, event->start_mark, &node);
    if (err == OK && !map && !list) err = scalar_text(reading, event, &node->text);
    if (err != OK || (!map && !list)) return err;
    if (reading->depth == YAML_TREE_DEPTH_MAX) return report(reading, event->start_mark, "nested deeper than 8 levels", NULL);
    reading->open[reading->depth++] = node;
    return OK;
}

static enum err event_take(struct reading *reading, const yaml_event_t *event) {
    switch (event->type) {
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT: return OK;
    case YAML_DOCUMENT_START_EVENT:
        return reading->tree->root ? report(reading, event->start_mark, "a second document starts here; leave one only", NULL) : OK;
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT: reading->depth--; return OK;
    default: return key_next(reading) ? key_take(reading, event) : value_take(reading, event);
    }
}

/* libyaml's reader, which checks the UTF-8, names a byte offset instead of a place. */
static yaml_mark_t problem_place(const struct reading *reading, const yaml_parser_t *parser) {
    yaml_mark_t mark = {0};
    if (parser->error != YAML_READER_ERROR) return parser->problem_mark;
    for (size_t at = 0; at < parser->problem_offset && at < reading->yaml.size; at++) {
        bool line_ends = reading->yaml.data[at] == '\n';
        mark.line += line_ends;
        mark.column = line_ends ? 0 : mark.column + 1;
    }
    return mark;
}

static enum err events_read(struct reading *reading, yaml_parser_t *parser) {
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            char what[200];
            snprintf(what, sizeof what, "this is not YAML: %s", parser->problem ? parser->problem : "it cannot be read");
            return parser->error == YAML_MEMORY_ERROR ? ERR_MEMORY : report(reading, problem_place(reading, parser), what, NULL);
        }
        bool end = event.type == YAML_STREAM_END_EVENT;
        enum err err = event_take(reading, &event);
        yaml_event_delete(&event);
        if (err != OK || end) return err;
    }
}

enum err yaml_tree_read(struct yaml_tree *out, struct bytes yaml, const char *file_name, char message[static YAML_TREE_TEXT_MAX]) {
    struct reading reading = {.tree = out, .yaml = yaml, .file_name = file_name, .message = message};
    yaml_parser_t parser;
    yaml_mark_t start = {0};
    *out = (struct yaml_tree){0};
    message[0] = 0;
    if (yaml.size > YAML_TREE_BYTES_MAX) {
        report(&reading, start, "the file is larger than 256 KiB", NULL);
        return ERR_TOO_BIG;
    }
    out->nodes = calloc(YAML_TREE_NODES_MAX, sizeof *out->nodes);
    if (!out->nodes || !yaml_parser_initialize(&parser)) return ERR_MEMORY;
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, yaml.size > 0 ? yaml.data : (const unsigned char *)"", yaml.size);
    enum err err = events_read(&reading, &parser);
    yaml_parser_delete(&parser);
    free(reading.key);
    if (err == OK && !out->root) err = report(&reading, start, "the file says nothing", NULL);
    return err;
}
