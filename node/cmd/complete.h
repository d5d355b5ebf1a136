/* complete: what may stand next on a command line: `comity --complete WORD...` for the shells' scripts in deploy/completion.

   WORDs are those behind "comity", the last one as far as it is typed (empty where a new one begins). Printed are the words that may
   stand in its place, one a line, each with a tab and what it is; or ":file" or ":folder" where the shell completes paths. Commands,
   verbs and options come from the table of commands; names of pinned agencies and of tokens from the node's directory, groups from a
   node that runs. What cannot be told is left out quietly. */
#ifndef NODE_COMPLETE_H
#define NODE_COMPLETE_H

#include "node/cmd/command.h"

struct complete {
    const struct command *command;
    struct bytes verb;  /* empty: none was given */
    const char *dir;    /* --dir, or null for the default */
    const char *typed;  /* the last word, or the value behind "--option=" */
    const char *prefix; /* "--option=", or "" */
    size_t kept;        /* bytes of `typed` that stay: what is before the last comma of a list */
    char **words;       /* all but the last */
    size_t word_count;
    struct buf *out;
};

enum outcome complete_main(const struct command *const *table, size_t count, char **words);

/* Offers a word when what is typed is its beginning. */
void complete_offer(struct complete *complete, struct bytes word, const char *what);

/* Offers the values of an option, or (option null) of what the synopsis calls `name` ("FILE", "NAME|EXIT"). */
void complete_values(struct complete *complete, const struct command_option *option, struct bytes name);

#endif
