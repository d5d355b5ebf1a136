#include "node/formats/yaml_tree.h"

#include "node/process/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct building {
    struct yaml_tree *tree;
    struct yaml_node *open[YAML_TREE_DEPTH_MAX];  /* containers around the next event */
    struct yaml_node **last[YAML_TREE_DEPTH_MAX]; /* where their next child is hung */
    size_t depth;
    const char *key; /* a map's key that waits for its value */
    yaml_mark_t key_mark;
    bool over;
};

/* --- messages --- */

static bool refuse_at(struct yaml_tree *tree, size_t line, size_t column, const char *format, va_list arguments) {
    char what[YAML_TREE_ERROR_MAX / 2], safe[YAML_TREE_ERROR_MAX];
    if (tree->message[0]) return false;
    vsnprintf(what, sizeof what, format, arguments);
    log_escape(safe, sizeof safe, bytes_of_text(what));
    int head = snprintf(tree->message, sizeof tree->message, "%s:%zu:%zu: ", tree->file_name, line, column);
    if (head > 0 && (size_t)head < sizeof tree->message)
        snprintf(tree->message + head, sizeof tree->message - (size_t)head, "%.*s", (int)(sizeof tree->message - (size_t)head - 1),
                 safe);
    return false;
}

bool yaml_tree_refuse(struct yaml_tree *tree, const struct yaml_node *node, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    refuse_at(tree, node ? node->line : 1, node ? node->column : 1, format, arguments);
    va_end(arguments);
    return false;
}

bool yaml_tree_refuse_key(struct yaml_tree *tree, const struct yaml_node *node, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    refuse_at(tree, node->key_line, node->key_column, format, arguments);
    va_end(arguments);
    return false;
}

__attribute__((format(printf, 3, 4))) static enum err syntax(struct yaml_tree *tree, yaml_mark_t mark, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    refuse_at(tree, mark.line + 1, mark.column + 1, format, arguments);
    va_end(arguments);
    return ERR_SYNTAX;
}

const struct yaml_node *yaml_tree_find(const struct yaml_node *map, const char *name) {
    for (const struct yaml_node *child = map->first; child; child = child->next)
        if (strcmp(child->key, name) == 0) return child;
    return NULL;
}

bool yaml_tree_want(struct yaml_tree *tree, const struct yaml_node *node, enum yaml_kind kind) {
    static const char *const wanted[] = {"one value is expected here", "a list is expected here, such as [one, two]",
                                         "a section is expected here: lines of \"name: value\", further in"};
    if (node->kind == kind) return true;
    return yaml_tree_refuse(tree, node, "%s%s%s", node->key ? node->key : "", node->key ? ": " : "", wanted[kind]);
}

/* --- building --- */

static enum err text_keep(struct building *building, const yaml_event_t *event, const char **out) {
    struct yaml_tree *tree = building->tree;
    const uint8_t *value = event->data.scalar.value;
    size_t size = event->data.scalar.length;
    if (event->data.scalar.anchor) return syntax(tree, event->start_mark, "anchors are not used here; write the value without &");
    if (event->data.scalar.tag) return syntax(tree, event->start_mark, "tags are not used here; write the value without !");
    if (size >= YAML_TREE_TEXT_MAX) return syntax(tree, event->start_mark, "longer than %d bytes", YAML_TREE_TEXT_MAX - 1);
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
    struct yaml_tree *tree = building->tree;
    struct yaml_node *parent = container(building);
    if (tree->node_count == YAML_TREE_NODES_MAX)
        return syntax(tree, mark, "the file holds more than %d values", YAML_TREE_NODES_MAX);
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
        if (yaml_tree_find(parent, text)) return syntax(building->tree, event->start_mark, "%s: stands twice; leave one", text);
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
    if (building->depth == YAML_TREE_DEPTH_MAX)
        return syntax(building->tree, mark, "nested deeper than %d levels", YAML_TREE_DEPTH_MAX);
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

enum err yaml_tree_parse(struct yaml_tree *out, struct bytes yaml, const char *file_name) {
    struct building building = {.tree = out};
    yaml_parser_t parser;
    *out = (struct yaml_tree){.file_name = file_name};
    if (yaml.size > YAML_TREE_BYTES_MAX) {
        (void)syntax(out, (yaml_mark_t){0}, "the file is larger than %d KiB", YAML_TREE_BYTES_MAX / 1024);
        return ERR_TOO_BIG;
    }
    out->nodes = calloc(YAML_TREE_NODES_MAX, sizeof *out->nodes);
    if (!out->nodes || !yaml_parser_initialize(&parser)) return ERR_MEMORY;
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, yaml.size > 0 ? yaml.data : (const unsigned char *)"", yaml.size);
    enum err err = events_read(&building, &parser, yaml);
    yaml_parser_delete(&parser);
    return err;
}

void yaml_tree_free(struct yaml_tree *tree) {
    free(tree->nodes);
    arena_free(&tree->texts);
    tree->nodes = tree->root = NULL;
    tree->node_count = 0;
}

void yaml_put_quoted(struct buf *out, const char *text) {
    buf_put_text(out, "\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') buf_put_text(out, "\\");
        buf_put_u8(out, (uint8_t)*text);
    }
    buf_put_text(out, "\"");
}
