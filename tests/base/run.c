/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/base/run.h"

#include <stdlib.h>

int
run_suite(const char *name, TCase *const cases[], size_t count)
{
    Suite *suite = suite_create(name);
    for (size_t i = 0; i < count; i++)
        suite_add_tcase(suite, cases[i]);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
