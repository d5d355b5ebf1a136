#include "node/formats/yamltree.h"

#include "node/process/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct building {
    struct yamltree *tree;
    struct yaml_node *open[YAMLTREE_DEPTH_MAX];  /* containers around the next event */
    struct yaml_node **last[YAMLTREE_DEPTH_MAX]; /* where their next child is hung */
    size_t depth;
    const char *key; /* a map's key that waits for its value */
    yaml_mark_t key_mark;
    bool over;
};

/* --- messages --- */

static bool refuse_at(struct yamltree *tree, size_t line, size_t column, const char *format, va_list arguments) {
    char what[YAMLTREE_ERROR_MAX / 2], safe[YAMLTREE_ERROR_MAX];
    if (tree->message[0]) return false;
    vsnprintf(what, sizeof what, format, arguments);
    log_escape(safe, sizeof safe, bytes_of_text(what));
    int head = snprintf(tree->message, sizeof tree->message, "%s:%zu:%zu: ", tree->file_name, line, column);
    if (head > 0 && (size_t)head < sizeof tree->message)
        snprintf(tree->message + head, sizeof tree->message - (size_t)head, "%.*s", (int)(sizeof tree->message - (size_t)head - 1),
                 safe);
    return false;
}

bool yamltree_refuse(struct yamltree *tree, const struct yaml_node *node, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    refuse_at(tree, node ? node->line : 1, node ? node->column : 1, format, arguments);
    va_end(arguments);
    return false;
}

bool yamltree_refuse_key(struct yamltree *tree, const struct yaml_node *node, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    refuse_at(tree, node->key_line, node->key_column, format, arguments);
    va_end(arguments);
    return false;
}

__attribute__((format(printf, 3, 4))) static enum err syntax(struct yamltree *tree, yaml_mark_t mark, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    refuse_at(tree, mark.line + 1, mark.column + 1, format, arguments);
    va_end(arguments);
    return ERR_SYNTAX;
}

bool yamltree_want(struct yamltree *tree, const struct yaml_node *node, enum yaml_kind kind) {
    static const char *const wanted[] = {"one value is expected here", "a list is expected here, such as [one, two]",
                                         "a section is expected here: lines of \"name: value\", further in"};
    if (node->kind == kind) return true;
    return yamltree_refuse(tree, node, "%s%s%s", node->key ? node->key : "", node->key ? ": " : "", wanted[kind]);
}

/* --- building --- */

static enum err text_keep(struct building *building, const yaml_event_t *event, const char **out) {
    struct yamltree *tree = building->tree;
    const uint8_t *value = event->data.scalar.value;
    size_t size = event->data.scalar.length;
    if (event->data.scalar.anchor) return syntax(tree, event->start_mark, "anchors are not used here; write the value without &");
    if (event->data.scalar.tag) return syntax(tree, event->start_mark, "tags are not used here; write the value without !");
    if (size >= YAMLTREE_TEXT_MAX) return syntax(tree, event->start_mark, "longer than %d bytes", YAMLTREE_TEXT_MAX - 1);
    if (memchr(value, 0, size)) return syntax(tree, event->start_mark, "it holds a zero byte; leave that out");
    uint8_t *copy = arena_take(&tree->texts, size + 1);
    if (!copy) return ERR_MEMORY;
    memcpy(copy, value, size);
    copy[size] = 0;
    *out = (const char *)copy;
    return OK;
}

static struct yaml_node *container(const struct building *building) {
    return building->depth > 0 ? building->open[building->depth - 1] : NULL;
}

static enum err node_hang(struct building *building, enum yaml_kind kind, yaml_mark_t mark, struct yaml_node **out) {
    struct yamltree *tree = building->tree;
    struct yaml_node *parent = container(building);
    if (tree->node_count == YAMLTREE_NODES_MAX) return syntax(tree, mark, "the file holds more than %d values", YAMLTREE_NODES_MAX);
    struct yaml_node *node = &tree->nodes[tree->node_count++];
    *node = (struct yaml_node){.kind = kind, .line = mark.line + 1, .column = mark.column + 1, .text = ""};
    if (parent && parent->kind == YAML_MAP) {
        node->key = building->key;
        node->key_line = building->key_mark.line + 1, node->key_column = building->key_mark.column + 1;
        building->key = NULL;
    }
    if (parent) {
        *building->last[building->depth - 1] = node;
        building->last[building->depth - 1] = &node->next;
        parent->count++;
    } else {
        tree->root = node;
    }
    *out = node;
    return OK;
}

static enum err on_scalar(struct building *building, const yaml_event_t *event) {
    const struct yaml_node *parent = container(building);
    const char *text = "";
    enum err err = text_keep(building, event, &text);
    if (err != OK) return err;
    if (parent && parent->kind == YAML_MAP && !building->key) {
        for (const struct yaml_node *other = parent->first; other; other = other->next)
            if (strcmp(other->key, text) == 0)
                return syntax(building->tree, event->start_mark, "%s: stands twice; leave one", text);
        building->key = text;
        building->key_mark = event->start_mark;
        return OK;
    }
    struct yaml_node *node;
    err = node_hang(building, YAML_VALUE, event->start_mark, &node);
    if (err == OK) node->text = text;
    return err;
}

static enum err on_open(struct building *building, enum yaml_kind kind, yaml_mark_t mark, bool decorated) {
    const struct yaml_node *parent = container(building);
    struct yaml_node *node;
    if (decorated) return syntax(building->tree, mark, "anchors and tags are not used here; leave them out");
    if (parent && parent->kind == YAML_MAP && !building->key) return syntax(building->tree, mark, "a name is expected here");
    if (building->depth == YAMLTREE_DEPTH_MAX) return syntax(building->tree, mark, "deeper than %d levels", YAMLTREE_DEPTH_MAX);
    enum err err = node_hang(building, kind, mark, &node);
    if (err != OK) return err;
    building->open[building->depth] = node;
    building->last[building->depth++] = &node->first;
    return OK;
}

static enum err on_event(struct building *building, const yaml_event_t *event) {
    switch (event->type) {
    case YAML_SCALAR_EVENT: return on_scalar(building, event);
    case YAML_SEQUENCE_START_EVENT:
        return on_open(building, YAML_LIST, event->start_mark, event->data.sequence_start.anchor || event->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return on_open(building, YAML_MAP, event->start_mark, event->data.mapping_start.anchor || event->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: building->depth--; return OK;
    case YAML_ALIAS_EVENT: return syntax(building->tree, event->start_mark, "aliases are not used here; write the value itself");
    case YAML_DOCUMENT_START_EVENT:
        return building->over ? syntax(building->tree, event->start_mark, "a second document starts here; leave one only") : OK;
    case YAML_DOCUMENT_END_EVENT: building->over = true; return OK;
    default: return OK;
    }
}

/* libyaml's reader, which checks the UTF-8, names a byte offset instead of a place. */
static yaml_mark_t problem_place(struct bytes yaml, const yaml_parser_t *parser) {
    yaml_mark_t mark = {0};
    if (parser->error != YAML_READER_ERROR) return parser->problem_mark;
    for (size_t at = 0; at < parser->problem_offset && at < yaml.size; at++) {
        bool line_ends = yaml.data[at] == '\n';
        mark.line += line_ends;
        mark.column = line_ends ? 0 : mark.column + 1;
    }
    return mark;
}

static enum err events_read(struct building *building, yaml_parser_t *parser, struct bytes yaml) {
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            if (parser->error == YAML_MEMORY_ERROR) return ERR_MEMORY;
            return syntax(building->tree, problem_place(yaml, parser), "this is not YAML: %s",
                          parser->problem ? parser->problem : "it cannot be read");
        }
        bool last = event.type == YAML_STREAM_END_EVENT;
        enum err err = on_event(building, &event);
        yaml_event_delete(&event);
        if (err != OK || last) return err;
    }
}

enum err yamltree_parse(struct yamltree *out, struct bytes yaml, const char *file_name) {
    struct building building = {.tree = out};
    yaml_parser_t parser;
    *out = (struct yamltree){.file_name = file_name};
    if (yaml.size > YAMLTREE_BYTES_MAX)
        return syntax(out, (yaml_mark_t){0}, "the file is larger than %d KiB", YAMLTREE_BYTES_MAX / 1024);
    out->nodes = calloc(YAMLTREE_NODES_MAX, sizeof *out->nodes);
    if (!out->nodes || !yaml_parser_initialize(&parser)) return ERR_MEMORY;
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, yaml.size > 0 ? yaml.data : (const unsigned char *)"", yaml.size);
    enum err err = events_read(&building, &parser, yaml);
    yaml_parser_delete(&parser);
    return err;
}

void yamltree_free(struct yamltree *tree) {
    free(tree->nodes);
    arena_free(&tree->texts);
    tree->nodes = tree->root = NULL;
    tree->node_count = 0;
}
