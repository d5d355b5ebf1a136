/* program: what a program of the operator's needs to be started: itself, the interpreter that its first line names, the loader of shared
   libraries; and the paths that it may use. */
#ifndef NODE_PROGRAM_H
#define NODE_PROGRAM_H

#include "node/hook/hook_file.h"
#include "node/process/landlock.h"

#define PROGRAM_PATHS_MAX 256
#define PROGRAM_TEXT_MAX  256
#define PROGRAM_KEPT_MAX  128 /* interpreters and loaders */

struct program_paths {
    struct landlock_path paths[PROGRAM_PATHS_MAX];
    size_t count;
    char kept[PROGRAM_KEPT_MAX][PROGRAM_TEXT_MAX];
    size_t kept_count;
    char folder[HOOK_PATH_BYTES_MAX + 1]; /* of the hook's file */
};

/* Reads the heads of the hook's programs. ERR_NOT_FOUND, ERR_DENIED, ERR_IO with a text in `why`: one of them cannot be started. */
enum err program_paths(struct program_paths *out, const struct hook *hook, char why[static 256]) MUST_USE;

#endif
