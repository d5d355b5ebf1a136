/* engine_load: the engine's answers to what the core asked of the store. */
#ifndef NODE_ENGINE_LOAD_H
#define NODE_ENGINE_LOAD_H

struct engine;
struct follow_up;

void load_entries(struct engine *engine, const struct follow_up *ask);
void load_payload(struct engine *engine, const struct follow_up *ask);
void load_scan(struct engine *engine, const struct follow_up *ask);

#endif
