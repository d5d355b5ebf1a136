/* hook_file: DIR/hooks.yaml: what the node calls or writes when objects come and go. Strict: unknown keys, wrong types and doubled keys are
   refused with line and column. Pure: whether a path is there is looked at by whoever uses it. The example that ships is
   deploy/hooks.yaml.example. */
#ifndef NODE_HOOK_FILE_H
#define NODE_HOOK_FILE_H

#include "gossip/label.h"
#include "gossip/policy_facts.h"
#include "node/export/export.h"
#include "node/formats/yaml_tree.h"

#define HOOKS_FILE_BYTES_MAX YAML_TREE_BYTES_MAX
#define HOOKS_MAX            24 /* each is a thread; the engine has 64 places for clients in all */
#define HOOK_NAME_BYTES_MAX  40
#define HOOK_WORDS_MAX       32 /* of a command, or of a list of paths */
#define HOOK_PATH_BYTES_MAX  1000
#define HOOK_BATCH_MAX       10000

/* Texts live as long as the file they are from. */
struct hook_words {
    char *words[HOOK_WORDS_MAX + 1]; /* ended by null */
    size_t count;
};

struct hook {
    const char *name; /* letters, digits, '-' and '_' */
    size_t line;
    const char *subscription; /* null: everything that the label and the policy allow */
    const char *filter;       /* node/formats/filter.h; null: none */
    unsigned labels;          /* a bit for each enum tlp that it may see; never TLP:RED */
    /* A command gets objects on its standard input; a file is written, and what loads it is called. */
    const char *file;          /* null: a command */
    struct hook_words command; /* of a file: its reload, which may be empty */
    /* of a command */
    size_t batch;     /* objects in one call, at most */
    uint64_t wait_ms; /* for more to come before it is called */
    bool from_now;    /* what was there before the hook is not for it */
    /* of a file */
    const struct export_format *format;
    const char *zone;     /* null: the format's own */
    unsigned kinds;       /* of values; 0: all */
    unsigned mode;        /* of the file */
    uint64_t interval_ms; /* between two writings, at least */
    /* of whatever is called */
    struct hook_words runs, reads, writes; /* what else it may run, read, and write below */
    bool network;
    uint64_t limit_ms; /* it is ended when it takes longer */
};

struct hook_file {
    struct yaml_tree tree;
    struct hook hooks[HOOKS_MAX];
    size_t count;
};

/* Of a hook: the exit that the policy is asked about. */
enum policy_exit hook_exit(const struct hook *hook);

/* ERR_SYNTAX with out->tree.message "FILE:LINE:COLUMN: what, and what to do"; ERR_MEMORY. `dir` is the node's directory: no path of a hook may
   lead there. Release with hook_file_free, also after an error. */
enum err hook_file_parse(struct hook_file *out, struct bytes yaml, const char *file_name, const char *dir) MUST_USE;
void hook_file_free(struct hook_file *file);

#endif
