#include "node/identity/passphrase.h"

#include "crypto/secret.h"
#include "node/process/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define TRIES_MAX 3

void passphrase_free(struct passphrase *passphrase) {
    secret_free(passphrase->text);
    *passphrase = (struct passphrase){0};
}

struct bytes passphrase_bytes(const struct passphrase *passphrase) {
    return bytes_of(passphrase->text, passphrase->size);
}

/* Only when a person sits at the standard input too: a script that gives another one is not to hang on a question. */
static int terminal_open(void) { return isatty(STDIN_FILENO) ? open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY) : -1; }

static void terminal_put(int fd, const char *text) {
    /* A prompt that cannot be shown shows itself at the answer. */
    if (write(fd, text, strlen(text)) < 0) return;
}

/* A byte at a time: a terminal hands over lines, and nothing is left in a buffer that nobody wipes. */
static enum err line_read(int fd, char *out, size_t out_bytes, size_t *size) {
    *size = 0;
    for (;;) {
        char c;
        ssize_t got = read(fd, &c, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return ERR_IO;
        if (got == 0) return ERR_CLOSED;
        if (c == '\n') break;
        if (*size + 1 >= out_bytes) return ERR_TOO_BIG;
        out[(*size)++] = c;
    }
    out[*size] = 0;
    return OK;
}

enum err terminal_ask(const char *prompt, char *out, size_t out_bytes) {
    size_t size;
    int fd = terminal_open();
    if (fd < 0) return ERR_NOT_FOUND;
    terminal_put(fd, prompt);
    enum err err = line_read(fd, out, out_bytes, &size);
    close(fd);
    return err;
}

static enum err ask_silent(int fd, const char *prompt, char *out, size_t *size) {
    struct termios before, silent;
    if (tcgetattr(fd, &before) != 0) return ERR_NOT_FOUND;
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    terminal_put(fd, prompt);
    if (tcsetattr(fd, TCSAFLUSH, &silent) != 0) return ERR_IO;
    enum err err = line_read(fd, out, PASSPHRASE_BYTES_MAX + 1, size);
    tcsetattr(fd, TCSAFLUSH, &before);
    terminal_put(fd, "\n");
    return err;
}

static enum err terminal_get(struct passphrase *out, int fd, const char *prompt, bool twice) {
    char *again = secret_new(PASSPHRASE_BYTES_MAX + 1);
    enum err err = again ? ERR_RANGE : ERR_MEMORY;
    for (int tries = 0; again && tries < TRIES_MAX; tries++) {
        size_t size = 0;
        err = ask_silent(fd, prompt, out->text, &out->size);
        if (err != OK) break;
        if (out->size == 0) {
            terminal_put(fd, "An empty passphrase protects nothing.\n");
            err = ERR_RANGE;
            continue;
        }
        if (!twice) break;
        err = ask_silent(fd, "The same again: ", again, &size);
        if (err != OK || (size == out->size && memcmp(again, out->text, size) == 0)) break;
        terminal_put(fd, "They differ.\n");
        err = ERR_RANGE;
    }
    secret_free(again);
    return err;
}

static enum err file_get(struct passphrase *out, const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return dir_err_of(errno);
    enum err err = OK;
    char past;
    while (out->size < PASSPHRASE_BYTES_MAX + 1) {
        ssize_t got = read(fd, out->text + out->size, PASSPHRASE_BYTES_MAX + 1 - out->size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) err = dir_err_of(errno);
        if (got <= 0) break;
        out->size += (size_t)got;
    }
    if (err == OK && out->size == PASSPHRASE_BYTES_MAX + 1 && (out->text[out->size - 1] != '\n' || read(fd, &past, 1) != 0))
        err = ERR_TOO_BIG;
    close(fd);
    if (err != OK) return err;
    if (out->size > 0 && out->text[out->size - 1] == '\n') out->size--;
    if (out->size > 0 && out->text[out->size - 1] == '\r') out->size--;
    out->text[out->size] = 0;
    return out->size == 0 ? ERR_RANGE : OK;
}

static bool credential_path(char out[static DIR_PATH_MAX]) {
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    return folder && *folder && dir_path(out, folder, PASSPHRASE_CREDENTIAL) == OK && access(out, F_OK) == 0;
}

enum err passphrase_get(struct passphrase *out, const char *file, const char *prompt, bool twice,
                        char problem[static PASSPHRASE_PROBLEM_MAX]) {
    char credential[DIR_PATH_MAX];
    enum err err;
    *out = (struct passphrase){.text = secret_new(PASSPHRASE_BYTES_MAX + 1)};
    problem[0] = 0;
    if (!out->text) return ERR_MEMORY;
    if (!file && credential_path(credential)) file = credential;
    if (file) {
        err = file_get(out, file);
        if (err != OK)
            snprintf(problem, PASSPHRASE_PROBLEM_MAX, "the passphrase file %.150s: %s", file,
                     err == ERR_RANGE ? "it is empty; write the passphrase into it" : err_text(err));
    } else {
        int fd = terminal_open();
        err = fd < 0 ? ERR_NOT_FOUND : terminal_get(out, fd, prompt, twice);
        if (fd >= 0) close(fd);
        if (err != OK)
            snprintf(problem, PASSPHRASE_PROBLEM_MAX, "%s",
                     err == ERR_NOT_FOUND ? "no terminal to ask for the passphrase on; give --passphrase-file FILE or a systemd "
                                            "credential named passphrase"
                                          : "no passphrase was given");
    }
    if (err != OK) passphrase_free(out);
    return err;
}
