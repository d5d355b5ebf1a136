/* Whatever stands in DIR/hooks.yaml: it is refused with a message, or every hook is whole: a label, and either a program or a file with a format. */
#include "node/hook/hook_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct hook_file file;
    enum err err = hook_file_parse(&file, bytes_of(data, size), "fuzz", "/var/lib/comity");
    if (err == ERR_SYNTAX && file.tree.message[0] == 0) abort();
    for (size_t i = 0; err == OK && i < file.count; i++) {
        const struct hook *hook = &file.hooks[i];
        if (hook->labels == 0 || ((hook->labels >> TLP_RED) & 1) != 0) abort();
        if (hook->file ? !hook->format || hook->file[0] != '/' : hook->command.count == 0) abort();
        if (hook->command.count > 0 && (hook->command.words[0][0] != '/' || hook->command.words[hook->command.count])) abort();
    }
    hook_file_free(&file);
    return 0;
}
