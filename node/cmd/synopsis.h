/* synopsis: what the lines of a command look like, read from its own help, so that manual pages and completion tell the same as it.
   Pure; views point into the command.

   A synopsis is forms with " | " between them, outside brackets: "add|remove NAME AGENCY | list". A form may begin with verbs (small
   letters, "|" between several); words in capitals are what a user puts there. The help of an option that belongs to some verbs only
   begins with their names: "show, export: rows from this moment on". */
#ifndef NODE_SYNOPSIS_H
#define NODE_SYNOPSIS_H

#include "node/cmd/command.h"

struct synopsis_form {
    struct bytes text;  /* the whole form */
    struct bytes verbs; /* "add|remove"; empty when the form has none */
    struct bytes rest;  /* what follows the verbs */
};

/* The next form of `*at`, which is moved behind it; false at the end. Start with the synopsis itself. */
bool synopsis_next(struct synopsis_form *out, const char **at);

/* The next word between the separators of `of`; false at the end. `*text` is moved behind it. */
bool synopsis_word(struct bytes *out, struct bytes *text, const char *of);

/* Is it one of the verbs of this form? */
bool synopsis_form_has(const struct synopsis_form *form, struct bytes verb);
/* Has any form of the command this verb? */
bool synopsis_has(const struct command *command, struct bytes verb);

/* What stands at place `index` (from 0) behind the verbs, options left out: "FILE", "NAME|EXIT". A last word that repeats ("OFFER...")
   stands at all further places. Empty: nothing belongs there. */
struct bytes synopsis_argument(const struct command *command, const struct synopsis_form *form, size_t index);

/* Does the option belong to this verb? Without verbs before its help it belongs to all. */
bool synopsis_option_of(const struct command *command, const struct command_option *option, struct bytes verb);

#endif
