#define _GNU_SOURCE /* sync_file_range */
#include "node/process/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BEGIN_BYTES (8u << 20)

enum err outfile_open_path(struct outfile *file, const char *path) {
    int size = snprintf(file->path, sizeof file->path, "%s", path);
    if (size < 0 || (size_t)size >= sizeof file->path) return ERR_TOO_BIG;
    snprintf(file->temporary, sizeof file->temporary, "%s.tmp-%ld", file->path, (long)getpid());
    file->written = file->begun = 0;
    file->fd = open(file->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    return file->fd >= 0 ? OK : dir_err_of(errno);
}

enum err outfile_open(struct outfile *file, const char *folder, const char *name) {
    char path[DIR_PATH_MAX];
    if (mkdir(folder, 0755) != 0 && errno != EEXIST) return dir_err_of(errno);
    enum err err = dir_path(path, folder, name);
    return err == OK ? outfile_open_path(file, path) : err;
}

enum err outfile_write(struct outfile *file, struct bytes text) {
    while (text.size > 0) {
        ssize_t wrote = write(file->fd, text.data, text.size);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return dir_err_of(errno);
        text.data += wrote, text.size -= (size_t)wrote;
        file->written += (uint64_t)wrote;
    }
    /* The disk begins with a large file while more of it is made, not when it is synced; whether it does is not asked. */
    if (file->written - file->begun >= BEGIN_BYTES) {
        (void)sync_file_range(file->fd, (off_t)file->begun, (off_t)(file->written - file->begun), SYNC_FILE_RANGE_WRITE);
        file->begun = file->written;
    }
    return OK;
}

static enum err folder_of_sync(const char *path) {
    char copy[DIR_PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return dir_err_of(errno);
    enum err err = fsync(fd) == 0 ? OK : dir_err_of(errno);
    close(fd);
    return err;
}

enum err outfile_place(struct outfile *file) {
    if (file->fd < 0) return OK;
    if (fsync(file->fd) != 0 || rename(file->temporary, file->path) != 0) {
        enum err err = dir_err_of(errno);
        outfile_drop(file);
        return err;
    }
    close(file->fd);
    file->fd = -1;
    return folder_of_sync(file->path);
}

void outfile_drop(struct outfile *file) {
    if (file->fd < 0) return;
    close(file->fd);
    file->fd = -1;
    unlink(file->temporary);
}
