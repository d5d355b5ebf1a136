/* launcher: the only process of a node that starts programs: the commands and reloads of the operator's hooks. It is forked by the hook
   process before that reads its first object, shares no memory with it, and is asked by number: which hook, and how often it was tried. The words of the
   command come from the file that the operator wrote, so that whoever took over the hook process could start those programs and no other ones.

   Each program gets a sandbox of its own (node/process/sandbox_program.h) made of its hook's lines, a group of processes that is ended as one,
   and an environment of its own: PATH, LANG, COMITY_HOOK (its name), COMITY_ATTEMPT (from 1), and COMITY_FILE of a file's reload.
   When the hook process ends, so do the launcher and all that runs. */
#ifndef NODE_LAUNCHER_H
#define NODE_LAUNCHER_H

#include "node/hook/hook_file.h"

/* Forks it, with one thread. `fd` is for launcher_start, from any thread; closing it ends the launcher. ERR_IO with errno. */
enum err launcher_open(const struct hook_file *hooks, int *fd) MUST_USE;

/* What became of a program. */
enum launch_end { LAUNCH_ENDED, LAUNCH_TIME, LAUNCH_FAILED }; /* by itself; by its time limit; it was not started */
struct launch_result {
    enum launch_end end;
    int status; /* as wait(2) has it */
};
#define LAUNCH_RESULT_BYTES 8

/* Starts the command of hook number `index`: `in` becomes its standard input, `out` its standard output and error, and its result is written to
   `result` (LAUNCH_RESULT_BYTES, read with launcher_result). All three stay the caller's, to be closed. ERR_IO: the launcher is gone. */
enum err launcher_start(int fd, size_t index, unsigned attempt, int in, int out, int result) MUST_USE;
/* False: no such bytes. */
bool launcher_result(struct launch_result *out, struct bytes in);

#endif
