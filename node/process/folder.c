#define _GNU_SOURCE /* copy_file_range */
#include "node/process/folder.h"

#include "node/process/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES 65536

static enum err rest_copy(int in, int out) {
    static uint8_t piece[PIECE_BYTES];
    for (;;) {
        ssize_t got = read(in, piece, sizeof piece);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return got == 0 ? OK : dir_err_of(errno);
        for (ssize_t at = 0; at < got;) {
            ssize_t put = write(out, piece + at, (size_t)(got - at));
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) return dir_err_of(errno);
            at += put;
        }
    }
}

enum err folder_file_copy(const char *from, const char *to, mode_t mode) {
    struct stat facts;
    int in = open(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (in < 0) return errno == ELOOP ? ERR_FORMAT : dir_err_of(errno);
    enum err err = fstat(in, &facts) != 0 ? dir_err_of(errno) : S_ISREG(facts.st_mode) ? OK : ERR_FORMAT;
    int out = err == OK ? open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode) : -1;
    if (err == OK && out < 0) err = dir_err_of(errno);
    if (err == OK) err = rest_copy(in, out);
    if (err == OK && fsync(out) != 0) err = dir_err_of(errno);
    if (out >= 0 && close(out) != 0 && err == OK) err = dir_err_of(errno);
    close(in);
    return err;
}

static enum err folder_sync(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return dir_err_of(errno);
    enum err err = fsync(fd) == 0 ? OK : dir_err_of(errno);
    close(fd);
    return err;
}

/* The next name in a folder, "." and ".." left out; null at the end. */
static const char *name_next(DIR *listing) {
    for (struct dirent *entry; (entry = readdir(listing));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) return entry->d_name;
    return NULL;
}

static enum err copy(const char *from, const char *to, int depth) {
    char source[DIR_PATH_MAX], target[DIR_PATH_MAX];
    struct stat facts;
    if (depth > FOLDER_DEPTH_MAX) return ERR_LIMIT;
    DIR *listing = opendir(from);
    if (!listing) return dir_err_of(errno);
    enum err err = mkdir(to, 0700) == 0 ? OK : dir_err_of(errno);
    for (const char *name; err == OK && (name = name_next(listing));) {
        err = dir_path(source, from, name);
        if (err == OK) err = dir_path(target, to, name);
        if (err == OK && lstat(source, &facts) != 0) err = dir_err_of(errno);
        if (err != OK) break;
        err = S_ISDIR(facts.st_mode) ? copy(source, target, depth + 1) : folder_file_copy(source, target, 0600);
    }
    closedir(listing);
    return err == OK ? folder_sync(to) : err;
}

enum err folder_copy(const char *from, const char *to) { return copy(from, to, 1); }

static enum err drop(const char *path, int depth) {
    char inner[DIR_PATH_MAX];
    struct stat facts;
    if (depth > FOLDER_DEPTH_MAX) return ERR_LIMIT;
    DIR *listing = opendir(path);
    if (!listing) return errno == ENOENT ? OK : dir_err_of(errno);
    enum err err = OK;
    for (const char *name; err == OK && (name = name_next(listing));) {
        err = dir_path(inner, path, name);
        if (err == OK && lstat(inner, &facts) != 0) err = dir_err_of(errno);
        if (err != OK) break;
        err = S_ISDIR(facts.st_mode) ? drop(inner, depth + 1) : unlink(inner) == 0 ? OK : dir_err_of(errno);
    }
    closedir(listing);
    if (err == OK && rmdir(path) != 0) err = dir_err_of(errno);
    return err;
}

enum err folder_remove(const char *path) { return drop(path, 1); }
