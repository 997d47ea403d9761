/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the suites of this folder share: a main and a private folder per test. */
#ifndef SIGNET_TESTS_BASE_RUN_H
#define SIGNET_TESTS_BASE_RUN_H

#include <check.h>
#include <stddef.h>

/* Runs the cases as one suite; returns main's status. */
int run_suite(const char *name, TCase *const cases[], size_t count);

/* A checked fixture: scratch_setup makes a folder, scratch_teardown removes it
 * with all that is in it. */
void scratch_setup(void);
void scratch_teardown(void);
/* The folder, and a path in it (static storage, good for eight calls). */
const char *scratch(void);
const char *scratch_path(const char *name);
/* Writes a text file; reads one (static storage), NULL when it is not there. */
const char *scratch_write(const char *name, const char *text);
const char *scratch_read(const char *name);
/* How many entries the folder has. */
int scratch_entries(void);

#endif
