/* aioproc-test.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Calls g_test_init(). Every test case that is added by the functions below runs under a
 * watchdog: a case that takes longer than a minute (times AIOPROC_TEST_TIMEOUT_MULTIPLIER) is
 * named on stderr, and the program aborts.
 *
 * The watchdog is a POSIX timer: no thread, no descriptor, not inherited by fork or exec.
 */
void       aioproc_test_init               (int                  *argc,
                                            char               ***argv);

void       aioproc_test_add_func           (const char           *path,
                                            GTestFunc             func);
void       aioproc_test_add_data_func      (const char           *path,
                                            gconstpointer         data,
                                            GTestDataFunc         func);
void       aioproc_test_add_data_func_full (const char           *path,
                                            gpointer              data,
                                            GTestDataFunc         func,
                                            GDestroyNotify        destroy);

/* Arms the watchdog anew, for a case with known long steps. */
void       aioproc_test_arm_watchdog       (guint                 seconds);

/* A GAsyncReadyCallback that stores a reference to the result in the GAsyncResult* that
 * @user_data points to, and a loop over the thread-default context until it is there.
 */
void       aioproc_test_store_result       (GObject              *source,
                                            GAsyncResult         *result,
                                            gpointer              user_data);
void       aioproc_test_wait               (GAsyncResult        **result);

/* Waits for the end of a program. Whether it exited with 0. The blocking forms of GLib 2.74 look
 * without its lock whether it has ended, which ThreadSanitizer reports.
 */
gboolean   aioproc_test_wait_subprocess    (GSubprocess          *process);

/* Iterates the thread-default context until @condition holds. */
#define aioproc_test_wait_until(condition)                                     \
  G_STMT_START                                                                 \
    {                                                                          \
      while (!(condition))                                                     \
        g_main_context_iteration (g_main_context_get_thread_default (), TRUE); \
    }                                                                          \
  G_STMT_END

/* As g_assert_cmpvariant(), for an @expected that nobody has taken yet, and nobody needs later. */
#define aioproc_test_assert_variant(value, expected)                           \
  G_STMT_START                                                                 \
    {                                                                          \
      g_autoptr(GVariant) expected_variant = g_variant_ref_sink (expected);    \
                                                                               \
      g_assert_cmpvariant (value, expected_variant);                           \
    }                                                                          \
  G_STMT_END

/* Of this process, now. */
guint      aioproc_test_count_fds          (void);
guint      aioproc_test_count_threads      (void);

/* For a program whose threads LeakSanitizer cannot look at: it does not look for leaks. */
void       aioproc_test_ignore_leaks       (void);

/* An object whose construction has failed, since the process could open no descriptor. */
gpointer   aioproc_test_new_uninitialized  (GType                 type) G_GNUC_WARN_UNUSED_RESULT;

/* The file name of a helper program, built beside the test program. */
char      *aioproc_test_build_helper_path  (const char           *name) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
