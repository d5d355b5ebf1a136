/* outfile: a file that is written bit by bit and takes its place in one step, so that a reader finds the old one or the new one whole. */
#ifndef NODE_OUTFILE_H
#define NODE_OUTFILE_H

#include "node/process/dir.h"

/* Begin with fd -1. */
struct outfile {
    int fd;
    uint64_t written, begun; /* bytes; those up to `begun` are on their way to the disk */
    char path[DIR_PATH_MAX], temporary[DIR_PATH_MAX + 16];
};

/* Begins PATH, or FOLDER/NAME (the folder is made when missing, mode 0755). ERR_DENIED, ERR_NOT_FOUND, ERR_FULL, ERR_IO, ERR_TOO_BIG. */
enum err outfile_open_path(struct outfile *file, const char *path) MUST_USE;
enum err outfile_open(struct outfile *file, const char *folder, const char *name) MUST_USE;
enum err outfile_write(struct outfile *file, struct bytes text) MUST_USE;
/* Syncs and renames; mode 0644 under the caller's mask. OK when none is open. */
enum err outfile_place(struct outfile *file) MUST_USE;
/* Forgets an unfinished one. */
void outfile_drop(struct outfile *file);

#endif
