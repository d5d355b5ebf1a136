/* comity version */
#include "node/cmd/cmd.h"
#include "node/formats/json_out.h"
#include "node/version.h"

static enum outcome run(const struct invocation *invocation) {
    struct buf out = {0};
    if (invocation->json) {
        struct json_out json = json_out_of(&out);
        json_out_object(&json);
        json_out_key(&json, "version");
        json_out_text(&json, COMITY_VERSION);
        json_out_object_end(&json);
    } else {
        buf_put_text(&out, "comity " COMITY_VERSION);
    }
    buf_put_text(&out, "\n");
    command_print_buf(&out);
    buf_free(&out);
    return OUTCOME_SUCCESS;
}

const struct command cmd_version = {
    .name = "version", .synopsis = "", .summary = "print the program's version", .prints_json = true, .run = run};
