/* trace-test.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <sys/types.h>

#include <glib.h>

G_BEGIN_DECLS

/* A child whose main thread this one drives, from its first mark on. Its other threads are free.
 * A call of trace_test_mark() in it is a place that can be run to.
 */
pid_t    trace_test_fork            (int              (*func) (gpointer data),
                                     gpointer           data);
/* In the child. */
void     trace_test_mark            (void);

/* Each: where the child stands. It must not end meanwhile. */
void     trace_test_run_to_mark     (pid_t              pid);
/* Before the kernel does anything. */
void     trace_test_run_to_syscall  (pid_t              pid,
                                     long               number);
/* Until the kernel has made it sleep in such a call. */
void     trace_test_run_to_sleep    (pid_t              pid,
                                     long               number);
/* From there: the kernel has done it, and nothing of the program has run since. */
void     trace_test_end_syscall     (pid_t              pid);

/* One instruction. A call that makes it sleep is no hindrance: see above. */
typedef enum {
  TRACE_TEST_STEPPED,
  TRACE_TEST_MARKED,      /* a mark is reached instead */
  TRACE_TEST_ASLEEP,      /* it sleeps in a system call: step again once it was woken */
} TraceTestStep;

TraceTestStep trace_test_step       (pid_t              pid);
/* So many, or as far as the next mark, or sleep. Returns how many. */
guint    trace_test_step_many       (pid_t              pid,
                                     guint              n_steps,
                                     TraceTestStep     *last);
/* Lets it run freely. */
void     trace_test_let_go          (pid_t              pid);

G_END_DECLS
