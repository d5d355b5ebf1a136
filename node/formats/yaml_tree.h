/* yaml_tree: a small YAML file as a tree, read strictly: mappings, lists and plain values; no anchors, tags, aliases or doubled keys. Every
   node knows its place, so that whoever reads the tree can say where something is wrong. Pure. */
#ifndef NODE_YAML_TREE_H
#define NODE_YAML_TREE_H

#include "crypto/bytes.h"

#define YAML_TREE_NODES_MAX 4096
#define YAML_TREE_DEPTH_MAX 8
#define YAML_TREE_BYTES_MAX (256 * 1024)
#define YAML_TREE_TEXT_MAX  512 /* of a message */

enum yaml_kind { YAML_VALUE, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    size_t line, column;            /* from 1 */
    char *key;                      /* in a mapping: its key; else null */
    char *text;                     /* of a value: never null; without a zero byte inside */
    struct yaml_node *first, *next; /* children in order; the next sibling */
};

struct yaml_tree {
    struct yaml_node *nodes;
    size_t count;
    struct yaml_node *root; /* a mapping */
};

/* On an error `message` holds "FILE:LINE:COLUMN: what, and what to do". ERR_SYNTAX, ERR_TOO_BIG, ERR_MEMORY. Release with yaml_tree_free,
   also after an error. */
enum err yaml_tree_read(struct yaml_tree *out, struct bytes yaml, const char *file_name,
                        char message[static YAML_TREE_TEXT_MAX]) MUST_USE;
void yaml_tree_free(struct yaml_tree *tree);

/* The child with this key, or null. */
const struct yaml_node *yaml_find(const struct yaml_node *map, const char *key);

#endif
