/* landlock: the kernel's file and port rules, which a process puts on itself. */
#define _GNU_SOURCE /* O_PATH, syscall */
#include "node/process/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALL_CREATE_RULESET 444
#define CALL_ADD_RULE       445
#define CALL_RESTRICT_SELF  446
#define ASK_ABI             1u
#define RULE_PATH_BENEATH   1

#define FS_EXECUTE             (1ull << 0)
#define FS_WRITE_FILE          (1ull << 1)
#define FS_READ_FILE           (1ull << 2)
#define FS_READ_DIR            (1ull << 3)
#define FS_MAKE_CHAR           (1ull << 6)
#define FS_MAKE_SOCK           (1ull << 9)
#define FS_MAKE_FIFO           (1ull << 10)
#define FS_MAKE_BLOCK          (1ull << 11)
#define FS_TRUNCATE            (1ull << 14) /* since version 3 */
#define FS_IOCTL_DEV           (1ull << 15)
#define NET_BIND_TCP           (1ull << 0)
#define NET_CONNECT_TCP        (1ull << 1)
#define SCOPE_ABSTRACT_SOCKETS (1ull << 0)
#define SCOPE_SIGNALS          (1ull << 1)

/* How many file rights each version knows. */
static const int fs_rights[] = {0, 13, 14, 15, 15, 16};
#define FS_VERSIONS ((int)(sizeof fs_rights / sizeof fs_rights[0]))

struct ruleset {
    uint64_t handled_fs;
    uint64_t handled_net; /* since version 4 */
    uint64_t scoped;      /* since version 6 */
};

struct path_beneath {
    uint64_t allowed;
    int32_t parent_fd;
} __attribute__((packed));

int landlock_abi(void) {
    long version = syscall(CALL_CREATE_RULESET, NULL, 0, ASK_ABI);
    return version > 0 ? (int)version : 0;
}

/* Of those that the kernel knows. Writing is all that a program does with its files: making, moving, removing; no devices, sockets, pipes. */
static uint64_t rights_of(const struct landlock_path *path, uint64_t all, bool folder) {
    uint64_t rights = 0;
    if ((path->may & LANDLOCK_READ) != 0) rights |= FS_READ_FILE | FS_READ_DIR;
    if ((path->may & LANDLOCK_RUN) != 0) rights |= FS_EXECUTE | FS_READ_FILE;
    if ((path->may & LANDLOCK_WRITE) != 0)
        rights |= all & ~(FS_EXECUTE | FS_READ_FILE | FS_READ_DIR | FS_MAKE_CHAR | FS_MAKE_SOCK | FS_MAKE_FIFO | FS_MAKE_BLOCK |
                          FS_IOCTL_DEV);
    if (!folder) rights &= FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE;
    return rights & all;
}

static enum err path_allow(int ruleset_fd, const struct landlock_path *path, uint64_t all) {
    struct stat facts;
    struct path_beneath rule = {.parent_fd = open(path->path, O_PATH | O_CLOEXEC)};
    if (rule.parent_fd < 0) return path->optional && (errno == ENOENT || errno == ENOTDIR) ? OK : ERR_IO;
    bool known = fstat(rule.parent_fd, &facts) == 0;
    rule.allowed = rights_of(path, all, known && S_ISDIR(facts.st_mode));
    long result = known && rule.allowed != 0 ? syscall(CALL_ADD_RULE, ruleset_fd, RULE_PATH_BENEATH, &rule, 0u) : -1;
    int saved = errno;
    close(rule.parent_fd);
    errno = saved;
    return result == 0 ? OK : ERR_IO;
}

enum err landlock_enter(const struct landlock_wish *wish, const char **failed) {
    int abi = landlock_abi();
    *failed = NULL;
    if (abi == 0) return OK;
    uint64_t all = (1ull << fs_rights[abi < FS_VERSIONS ? abi : FS_VERSIONS - 1]) - 1;
    struct ruleset ruleset = {.handled_fs = all};
    size_t size = sizeof ruleset.handled_fs;
    if (wish->read_anywhere) ruleset.handled_fs &= ~(FS_READ_FILE | FS_READ_DIR | FS_IOCTL_DEV);
    if (abi >= 4) {
        ruleset.handled_net = wish->tcp_denied ? NET_BIND_TCP | NET_CONNECT_TCP : 0;
        size += sizeof ruleset.handled_net;
    }
    if (abi >= 6) {
        ruleset.scoped = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS;
        size += sizeof ruleset.scoped;
    }
    int fd = (int)syscall(CALL_CREATE_RULESET, &ruleset, size, 0u);
    if (fd < 0) return ERR_IO;
    enum err error = OK;
    for (size_t i = 0; error == OK && i < wish->count; i++) {
        error = path_allow(fd, &wish->paths[i], all);
        if (error != OK) *failed = wish->paths[i].path;
    }
    if (error == OK && syscall(CALL_RESTRICT_SELF, fd, 0u) != 0) error = ERR_IO;
    int saved = errno;
    close(fd);
    errno = saved;
    return error;
}
