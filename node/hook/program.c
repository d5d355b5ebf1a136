#include "node/hook/program.h"

#include "node/process/dir.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_BYTES  4096
#define FOLLOWS_MAX 4 /* interpreters of interpreters */

/* What every program may read: libraries and their data, and the machine's settings. Neither the node's directory nor /proc, /run, /var, /tmp. */
static const struct landlock_path common[] = {
    {"/usr", LANDLOCK_READ, true},         {"/bin", LANDLOCK_READ, true},
    {"/sbin", LANDLOCK_READ, true},        {"/lib", LANDLOCK_READ, true},
    {"/lib32", LANDLOCK_READ, true},       {"/lib64", LANDLOCK_READ, true},
    {"/etc", LANDLOCK_READ, true},         {"/dev/null", LANDLOCK_READ | LANDLOCK_WRITE, true},
    {"/dev/zero", LANDLOCK_READ, true},    {"/dev/random", LANDLOCK_READ, true},
    {"/dev/urandom", LANDLOCK_READ, true},
};

static void add(struct program_paths *out, const char *path, unsigned may, bool optional) {
    if (out->count < PROGRAM_PATHS_MAX) out->paths[out->count++] = (struct landlock_path){path, may, optional};
}

/* The loader that an ELF file names; false when it names none: it needs none. */
static bool loader_of(int fd, const uint8_t *head, size_t size, char out[static PROGRAM_TEXT_MAX]) {
    Elf64_Ehdr file;
    Elf64_Phdr part;
    if (size < sizeof file || head[EI_CLASS] != ELFCLASS64) return false;
    memcpy(&file, head, sizeof file);
    for (unsigned i = 0; i < file.e_phnum && file.e_phentsize == sizeof part; i++) {
        if (pread(fd, &part, sizeof part, (off_t)(file.e_phoff + i * sizeof part)) != (ssize_t)sizeof part) return false;
        if (part.p_type != PT_INTERP) continue;
        if (part.p_filesz == 0 || part.p_filesz > PROGRAM_TEXT_MAX) return false;
        if (pread(fd, out, part.p_filesz, (off_t)part.p_offset) != (ssize_t)part.p_filesz) return false;
        out[part.p_filesz - 1] = 0;
        return out[0] == '/';
    }
    return false;
}

/* "#!/usr/bin/python3 -B": the path. */
static bool interpreter_of(const uint8_t *head, size_t size, char out[static PROGRAM_TEXT_MAX]) {
    size_t at = 2, count = 0;
    while (at < size && (head[at] == ' ' || head[at] == '\t')) at++;
    while (at < size && head[at] > ' ' && count + 1 < PROGRAM_TEXT_MAX) out[count++] = (char)head[at++];
    out[count] = 0;
    return count > 0 && out[0] == '/';
}

static enum err unusable(const char *path, const char *reason, enum err err, char why[static 256]) {
    snprintf(why, 256, "%.180s: %s", path, reason);
    return err;
}

/* The program, and what starts it, as far as that goes. */
static enum err program_add(struct program_paths *out, const char *path, char why[static 256]) {
    for (unsigned i = 0; i < FOLLOWS_MAX; i++) {
        uint8_t head[HEAD_BYTES];
        struct stat facts;
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) return unusable(path, strerror(errno), dir_err_of(errno), why);
        bool runs = fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && access(path, X_OK) == 0;
        ssize_t size = runs ? pread(fd, head, sizeof head, 0) : -1;
        char *next = out->kept[out->kept_count < PROGRAM_KEPT_MAX ? out->kept_count : 0];
        bool more = false;
        if (size > SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0)
            more = loader_of(fd, head, (size_t)size, next);
        else if (size > 2 && memcmp(head, "#!", 2) == 0)
            more = interpreter_of(head, (size_t)size, next);
        close(fd);
        if (size < 0) return unusable(path, "it is no program, or this user may not run it", ERR_DENIED, why);
        add(out, path, LANDLOCK_RUN, false);
        if (!more || out->kept_count == PROGRAM_KEPT_MAX) return OK;
        out->kept_count++;
        path = next;
    }
    return OK;
}

enum err program_paths(struct program_paths *out, const struct hook *hook, char why[static 256]) {
    out->count = out->kept_count = 0;
    for (size_t i = 0; i < sizeof common / sizeof *common; i++) out->paths[out->count++] = common[i];
    for (size_t i = 0; i < hook->reads.count; i++) add(out, hook->reads.words[i], LANDLOCK_READ, false);
    for (size_t i = 0; i < hook->writes.count; i++) add(out, hook->writes.words[i], LANDLOCK_READ | LANDLOCK_WRITE, false);
    if (hook->file) {
        char copy[HOOK_PATH_BYTES_MAX + 1];
        snprintf(copy, sizeof copy, "%s", hook->file);
        snprintf(out->folder, sizeof out->folder, "%s", hook->format->folder ? hook->file : dirname(copy));
        add(out, out->folder, LANDLOCK_READ, false);
    }
    enum err err = program_add(out, hook->command.words[0], why);
    for (size_t i = 0; err == OK && i < hook->runs.count; i++) err = program_add(out, hook->runs.words[i], why);
    return err;
}
