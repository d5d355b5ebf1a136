#define _GNU_SOURCE /* mkostemp */
#include "node/process/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

bool dir_default(char *out, size_t out_bytes) {
    const char *named = getenv("COMITY_DIR"), *home = getenv("HOME");
    int size;
    if (named && *named)
        size = snprintf(out, out_bytes, "%s", named);
    else if (geteuid() == 0 || access(DIR_SYSTEM, W_OK) == 0)
        size = snprintf(out, out_bytes, DIR_SYSTEM);
    else if (home && *home)
        size = snprintf(out, out_bytes, "%s/.local/share/comity", home);
    else
        return false;
    return size > 0 && (size_t)size < out_bytes;
}

enum err dir_path(char out[static DIR_PATH_MAX], const char *dir, const char *name) {
    int size = snprintf(out, DIR_PATH_MAX, "%s/%s", dir, name);
    return size > 0 && size < DIR_PATH_MAX ? OK : ERR_TOO_BIG;
}

enum err dir_err_of(int number) {
    switch (number) {
    case 0: return OK;
    case ENOENT:
    case ENOTDIR: return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS: return ERR_DENIED;
    case EEXIST: return ERR_EXISTS;
    case ENOSPC:
    case EDQUOT: return ERR_FULL;
    case ENOMEM: return ERR_MEMORY;
    case ENAMETOOLONG:
    case EFBIG: return ERR_TOO_BIG;
    default: return ERR_IO;
    }
}

enum err dir_make(const char *dir) {
    char path[DIR_PATH_MAX];
    struct stat facts;
    size_t size = strlen(dir);
    if (size == 0 || size >= sizeof path) return ERR_TOO_BIG;
    memcpy(path, dir, size + 1);
    for (char *at = path + 1; *at; at++) {
        if (*at != '/') continue;
        *at = 0;
        /* A parent that cannot be made shows at the last step. */
        if (mkdir(path, 0755) != 0 && errno != EEXIST && errno != EACCES && errno != EROFS) return dir_err_of(errno);
        *at = '/';
    }
    if (mkdir(path, 0700) == 0) return OK;
    if (errno != EEXIST) return dir_err_of(errno);
    if (stat(path, &facts) != 0) return dir_err_of(errno);
    return S_ISDIR(facts.st_mode) ? OK : ERR_EXISTS;
}

static bool file_stands(const char *dir, const char *name) {
    char path[DIR_PATH_MAX];
    struct stat facts;
    return dir_path(path, dir, name) == OK && lstat(path, &facts) == 0;
}

enum dir_state dir_state(const char *dir) {
    DIR *folder = opendir(dir);
    if (!folder) return errno == ENOENT ? DIR_MISSING : DIR_UNREADABLE;
    bool empty = true;
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && strcmp(entry->d_name, "lost+found") != 0)
            empty = false;
    closedir(folder);
    if (empty) return DIR_EMPTY;
    if (file_stands(dir, DIR_CONFIG)) return DIR_NODE;
    return file_stands(dir, DIR_NODE_KEY) || file_stands(dir, DIR_ROOT_KEY) ? DIR_UNFINISHED : DIR_OTHER;
}

static enum err fd_read_all(struct buf *out, int fd, size_t bytes_max) {
    size_t start = out->size;
    enum err err = OK;
    for (;;) {
        uint8_t piece[16384];
        ssize_t got = read(fd, piece, sizeof piece);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) err = errno == EISDIR ? ERR_FORMAT : dir_err_of(errno);
        if (got <= 0) break;
        if (out->size - start + (size_t)got > bytes_max) {
            err = ERR_TOO_BIG;
            break;
        }
        buf_put_raw(out, piece, (size_t)got);
        if ((err = buf_result(out)) != OK) break;
    }
    return err;
}

enum err dir_read_path(struct buf *out, const char *path, size_t bytes_max) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return dir_err_of(errno);
    enum err err = fd_read_all(out, fd, bytes_max);
    close(fd);
    return err;
}

enum err dir_read_given(struct buf *out, const char *path, size_t bytes_max) {
    return strcmp(path, "-") == 0 ? fd_read_all(out, STDIN_FILENO, bytes_max) : dir_read_path(out, path, bytes_max);
}

enum err dir_read(struct buf *out, const char *dir, const char *name, size_t bytes_max) {
    char path[DIR_PATH_MAX];
    enum err err = dir_path(path, dir, name);
    return err == OK ? dir_read_path(out, path, bytes_max) : err;
}

/* A directory's entries are durable once the directory itself is synced. */
static enum err folder_sync(const char *dir) {
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return dir_err_of(errno);
    enum err err = fsync(fd) == 0 ? OK : dir_err_of(errno);
    close(fd);
    return err;
}

static enum err fd_write_all(int fd, struct bytes content) {
    while (content.size > 0) {
        ssize_t put = write(fd, content.data, content.size);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return dir_err_of(errno);
        content = bytes_of(content.data + put, content.size - (size_t)put);
    }
    return fsync(fd) == 0 ? OK : dir_err_of(errno);
}

static enum err file_place(const char *dir, const char *name, struct bytes content, mode_t mode, bool replace) {
    char path[DIR_PATH_MAX], made[DIR_PATH_MAX];
    enum err err = dir_path(path, dir, name);
    if (err != OK) return err;
    int size = snprintf(made, sizeof made, "%s/.%s.XXXXXX", dir, name);
    if (size < 0 || (size_t)size >= sizeof made) return ERR_TOO_BIG;
    int fd = mkostemp(made, O_CLOEXEC);
    if (fd < 0) return dir_err_of(errno);
    if (fchmod(fd, mode) != 0) err = dir_err_of(errno);
    if (err == OK) err = fd_write_all(fd, content);
    if (close(fd) != 0 && err == OK) err = dir_err_of(errno);
    /* link() refuses an existing name where rename() would replace it. */
    if (err == OK && (replace ? rename(made, path) : link(made, path)) != 0) err = dir_err_of(errno);
    if (err != OK || !replace) unlink(made);
    return err == OK ? folder_sync(dir) : err;
}

enum err dir_write(const char *dir, const char *name, struct bytes content, mode_t mode) {
    return file_place(dir, name, content, mode, true);
}

enum err dir_create(const char *dir, const char *name, struct bytes content, mode_t mode) {
    return file_place(dir, name, content, mode, false);
}

enum err dir_remove(const char *dir, const char *name) {
    char path[DIR_PATH_MAX];
    enum err err = dir_path(path, dir, name);
    if (err != OK) return err;
    return unlink(path) == 0 ? folder_sync(dir) : dir_err_of(errno);
}

static long lock_holder(int fd) {
    char text[32] = {0};
    return pread(fd, text, sizeof text - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;
}

enum err dir_lock(int *fd, const char *dir, long *holder) {
    char path[DIR_PATH_MAX], text[32];
    enum err err = dir_path(path, dir, DIR_LOCK);
    *fd = -1;
    *holder = 0;
    if (err != OK) return err;
    int opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (opened < 0) return dir_err_of(errno);
    if (flock(opened, LOCK_EX | LOCK_NB) != 0) {
        err = errno == EWOULDBLOCK ? ERR_BUSY : dir_err_of(errno);
        *holder = lock_holder(opened);
        close(opened);
        return err;
    }
    int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(opened, 0) != 0 || pwrite(opened, text, (size_t)size, 0) != size) {
        err = dir_err_of(errno);
        close(opened);
        return err;
    }
    *fd = opened;
    return OK;
}
