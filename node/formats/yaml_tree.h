/* yaml_tree: strict YAML as a tree whose every node knows its line and column: maps, lists and plain values; no anchors, tags,
   aliases, doubled keys or second documents. Bounded; all of it lives until yaml_tree_free. */
#ifndef NODE_YAML_TREE_H
#define NODE_YAML_TREE_H

#include "node/formats/arena.h"

#define YAML_TREE_BYTES_MAX (256 * 1024)
#define YAML_TREE_NODES_MAX 16384
#define YAML_TREE_DEPTH_MAX 8
#define YAML_TREE_TEXT_MAX  1024
#define YAML_TREE_ERROR_MAX 1024

enum yaml_kind { YAML_VALUE, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    size_t line, column; /* from 1; of a map's child those of its value */
    const char *text;    /* of a value: terminated, no zero byte inside; "" otherwise */
    const char *key;     /* as a child of a map; else null */
    size_t key_line, key_column;
    struct yaml_node *first; /* children in their order */
    struct yaml_node *next;  /* the parent's next child */
    size_t count;            /* of children */
};

struct yaml_tree {
    const char *file_name;  /* for messages; borrowed */
    struct yaml_node *root; /* null: the file says nothing */
    struct yaml_node *nodes;
    size_t node_count;
    struct arena texts;
    char message[YAML_TREE_ERROR_MAX]; /* FILE:LINE:COLUMN: what, and what to do; the first one stays */
};

/* ERR_SYNTAX or ERR_TOO_BIG with the message filled in, ERR_MEMORY. Release with yaml_tree_free, also after an error. */
enum err yaml_tree_parse(struct yaml_tree *out, struct bytes yaml, const char *file_name) MUST_USE;
void yaml_tree_free(struct yaml_tree *tree);

/* Says what is wrong with a node, or with a child's key, and returns false. Control characters are escaped. */
bool yaml_tree_refuse(struct yaml_tree *tree, const struct yaml_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool yaml_tree_refuse_key(struct yaml_tree *tree, const struct yaml_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The map's child of this name; null: it has none. */
const struct yaml_node *yaml_tree_find(const struct yaml_node *map, const char *name);

/* Is the node of this kind? Says "KEY: ..." what should stand there when not. */
bool yaml_tree_want(struct yaml_tree *tree, const struct yaml_node *node, enum yaml_kind kind);

/* Appends a value in double quotes, which have an escape for what could end them; `text` is UTF-8 without control characters. */
void yaml_put_quoted(struct buf *out, const char *text);

#endif
