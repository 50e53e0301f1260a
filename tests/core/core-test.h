/* core-test.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdatomic.h>
#include <sys/types.h>

#include <gio/gio.h>

#include "core/aioproc-family-private.h"

/* ThreadSanitizer sees one process, and is lost in a forked one that has threads. */
#if defined (__SANITIZE_THREAD__)
# define CORE_TEST_TSAN 1
#elif defined (__has_feature)
# if __has_feature (thread_sanitizer)
#  define CORE_TEST_TSAN 1
# endif
#endif

G_BEGIN_DECLS

/* Calls aioproc_test_init(), without the backstop: what is never woken hangs, and the watchdog
 * sees it. Where CORE_TEST_BLIND is defined, also without futex_waitv().
 */
void           core_test_init            (int                *argc,
                                          char             ***argv);

/* The family that this process makes; it need not be a member. */
AioprocFamily *core_test_get_family      (void);
/* The owner word of this process, which attaches. */
guint32        core_test_attach          (AioprocFamily      *family);

/* A word that this process shares with the children that it forks. */
void           core_test_store           (_Atomic guint32    *word,
                                          guint32             value);
/* Sleeps until *@word is @value. */
void           core_test_wait_for        (_Atomic guint32    *word,
                                          guint32             value);
/* Sleeps until *@word is not 0, and returns it. */
guint32        core_test_wait_for_any    (_Atomic guint32    *word);
/* Sleeps until *@word, which only grows, has passed @value. */
void           core_test_wait_beyond     (_Atomic guint32    *word,
                                          guint32             value);
/* Sleeps for about so long: for random moments, never to wait for anything. */
void           core_test_pass_time       (gint64              usec);

/* Sleeps on the family's sequence word until @owner is dead: hangs where nobody announces it. */
void           core_test_wait_for_death  (AioprocFamily      *family,
                                          guint32             owner);

/* Ends the child, and reaps it. */
void           core_test_kill            (pid_t               pid);
/* Stops the child, and waits until all of its threads stand still. */
void           core_test_stop            (pid_t               pid);

/* Waits until all threads of the process sleep. */
void           core_test_wait_for_sleep  (pid_t               pid);

/* Runs @func in a thread, and iterates the default context until it has ended. */
gpointer       core_test_run_in_thread   (GThreadFunc         func,
                                          gpointer            data);

G_END_DECLS
