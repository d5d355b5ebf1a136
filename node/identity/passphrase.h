/* passphrase: where the one that opens key files comes from: a file, a systemd credential, or a person at a terminal. */
#ifndef NODE_PASSPHRASE_H
#define NODE_PASSPHRASE_H

#include "crypto/bytes.h"

#define PASSPHRASE_BYTES_MAX   1024
#define PASSPHRASE_CREDENTIAL  "passphrase" /* in $CREDENTIALS_DIRECTORY */
#define PASSPHRASE_PROBLEM_MAX 256

/* Guarded memory; zero-initialise it. No text at all (null) stands for "no passphrase". */
struct passphrase {
    char *text; /* PASSPHRASE_BYTES_MAX + 1 bytes, or null */
    size_t size;
};

/* From `file` when it is given, else from the credential, else from the terminal: there `prompt` is shown, nothing is echoed, and
   with `twice` it is asked again until both agree. One line end at its end is not part of it. On an error `problem` tells a person
   what to do: ERR_NOT_FOUND (no file, or no terminal to ask on), ERR_RANGE (empty), ERR_TOO_BIG, ERR_DENIED, ERR_IO, ERR_MEMORY. */
enum err passphrase_get(struct passphrase *out, const char *file, const char *prompt, bool twice,
                        char problem[static PASSPHRASE_PROBLEM_MAX]) MUST_USE;
void passphrase_free(struct passphrase *passphrase);
struct bytes passphrase_bytes(const struct passphrase *passphrase);

/* Asks one line on the terminal, echoed, without its line end. ERR_NOT_FOUND: there is none, or standard input is something else.
   ERR_CLOSED: its end. */
enum err terminal_ask(const char *prompt, char *out, size_t out_bytes) MUST_USE;

#endif
