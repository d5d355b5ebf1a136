/* manual: the pages of section 1, as mdoc(7), from the table of commands: what `comity help` says is what they say. Pure.
   `comity --manual` prints the list of commands for comity(1), `comity --manual NAME DATE` one command's page without its last
   sections, which deploy/man/build.sh adds. Neither is for users. */
#ifndef NODE_MANUAL_H
#define NODE_MANUAL_H

#include "node/cmd/command.h"

/* One ".It" for each command. */
void manual_list(struct buf *out, const struct command *const *table);

/* NAME, SYNOPSIS, DESCRIPTION and EXIT STATUS. `date` is as mdoc wants it: "January 31, 2026". */
void manual_page(struct buf *out, const struct command *command, const char *date);

#endif
