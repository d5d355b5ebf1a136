/* folder: whole folders: copied with all that is in them, synced, and removed. Neither follows symbolic links. */
#ifndef NODE_FOLDER_H
#define NODE_FOLDER_H

#include "crypto/bytes.h"

#include <sys/types.h>

#define FOLDER_DEPTH_MAX 4

/* Copies one file as a new one of this mode. ERR_EXISTS, ERR_NOT_FOUND, ERR_DENIED, ERR_FULL, ERR_IO; ERR_FORMAT: no plain file. */
enum err folder_file_copy(const char *from, const char *to, mode_t mode) MUST_USE;

/* Makes `to` (0700), which must not exist, a copy of the folder `from`: plain files (0600) and folders; all is synced. ERR_LIMIT: deeper
   than FOLDER_DEPTH_MAX; else as above. What was copied before a failure stays. */
enum err folder_copy(const char *from, const char *to) MUST_USE;

/* Removes a folder and all that is in it. OK when there is none. */
enum err folder_remove(const char *path) MUST_USE;

#endif
