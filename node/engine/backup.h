/* backup: what a backup of a node's directory is made of. It is a folder (0700) with the same names as the directory; the file
   "comity-backup", written last, says that it is whole. */
#ifndef NODE_BACKUP_H
#define NODE_BACKUP_H

#include "node/process/dir.h"

#define BACKUP_MARK "comity-backup"
#define BACKUP_TEXT "comity backup 1\n"

/* The single files, beside DIR_TRUST and DIR_STORE. */
struct backup_file {
    const char *name;
    bool needed;   /* no node is without it */
    bool restored; /* goes into the new directory as it is; the others are made anew there */
};
#define BACKUP_FILE_COUNT 12
extern const struct backup_file backup_files[BACKUP_FILE_COUNT];

/* Copies those files that are there; `restoring`: those that are restored only. `name` tells which one failed. */
enum err backup_files_copy(const char *from, const char *to, bool restoring, const char **name) MUST_USE;

/* ERR_NOT_FOUND: no whole backup; ERR_VERSION: of a kind that this program does not know. */
enum err backup_check(const char *path) MUST_USE;

#endif
