/* half_recall: linked into a node of its own, ends the key process at the moment when it is to sign a RECALL entry (PROTOCOL.md 2.2: purpose 1,
   type 4): the node stops between what stays of a block and the word that takes the block back. */
#include <unistd.h>

/* What the linker makes of calls of crypto_sign_detached, and the library's own (ld, --wrap). */
int __real_crypto_sign_detached(unsigned char *signature, unsigned long long *size, const unsigned char *message,
                                unsigned long long message_size, const unsigned char *key);
int __wrap_crypto_sign_detached(unsigned char *signature, unsigned long long *size, const unsigned char *message,
                                unsigned long long message_size, const unsigned char *key);

int __wrap_crypto_sign_detached(unsigned char *signature, unsigned long long *size, const unsigned char *message,
                                unsigned long long message_size, const unsigned char *key) {
    if (message_size == 96 && message[16] == 1 && message[17] == 4) _exit(9);
    return __real_crypto_sign_detached(signature, size, message, message_size, key);
}
