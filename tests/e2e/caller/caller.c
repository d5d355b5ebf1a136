/* caller: the kernel's own tables, read as text: they are small on a machine that runs tests. */
#include "tests/e2e/caller/caller.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Rows: "sl local_address rem_address st queues timer retransmits uid timeout inode ...", ports in hexadecimal behind ':'. */
static unsigned long inode_find(const char *table, unsigned local_port, unsigned remote_port) {
    char line[512];
    unsigned long inode = 0;
    FILE *file = fopen(table, "r");
    if (file == NULL) return 0;
    while (inode == 0 && fgets(line, sizeof line, file) != NULL) {
        unsigned local, remote;
        unsigned long found;
        if (sscanf(line, " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%x %*x %*x:%*x %*x:%*x %*x %*d %*d %lu", &local, &remote, &found) != 3)
            continue;
        if (local == local_port && remote == remote_port) inode = found;
    }
    fclose(file);
    return inode;
}

unsigned long caller_inode(int fd) {
    struct sockaddr_in theirs = {0}, ours = {0};
    socklen_t theirs_size = sizeof theirs, ours_size = sizeof ours;
    if (getpeername(fd, (struct sockaddr *)&theirs, &theirs_size) != 0) return 0;
    if (getsockname(fd, (struct sockaddr *)&ours, &ours_size) != 0) return 0;
    unsigned long inode = inode_find("/proc/self/net/tcp", ntohs(theirs.sin_port), ntohs(ours.sin_port));
    return inode != 0 ? inode : inode_find("/proc/self/net/tcp6", ntohs(theirs.sin_port), ntohs(ours.sin_port));
}

bool caller_is(unsigned long inode, long pid) {
    char path[64], wanted[64], target[64];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%ld/fd", pid);
    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    DIR *folder = opendir(path);
    if (folder == NULL) return false;
    for (struct dirent *row; !found && (row = readdir(folder)) != NULL;) {
        ssize_t size = readlinkat(dirfd(folder), row->d_name, target, sizeof target - 1);
        if (size <= 0) continue;
        target[size] = 0;
        found = strcmp(target, wanted) == 0;
    }
    closedir(folder);
    return found;
}
