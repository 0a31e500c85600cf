/* SPDX-License-Identifier: MIT */
/* Included before every test file. Check writes a message for each assertion that passes, so that it
 * can tell where a test crashed, and the runner reads them all: tests that assert a million times
 * would spend minutes on it. Here only the first ones and every thousandth are marked. */
#ifndef NB_TESTS_MARKS_H
#define NB_TESTS_MARKS_H

/* Test files may ask for it themselves, but this header comes before all that they include. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <check.h>

static unsigned test_marks;

static inline void test_mark(const char *file, int line)
{
    if (test_marks < 200 || test_marks % 1024 == 0)
        _mark_point(file, line);
    test_marks++;
}
#define _mark_point(file, line) test_mark(file, line)

#endif
