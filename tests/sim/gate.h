/* gate: the seeds that every check runs, as TAP. */
#ifndef TESTS_SIM_GATE_H
#define TESTS_SIM_GATE_H

/* `program`: this program's path; a sanitizer build finds the plain one from it. The number of lines that failed. */
int gate(const char *program);

#endif
