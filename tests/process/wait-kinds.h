/* wait-kinds.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <aioproc.h>

G_BEGIN_DECLS

/* All that can be waited for, for cases that must hold whatever it is. */
typedef struct {
  AioprocWaitable *waitable;   /* (owned) */
  GObject         *peer;       /* (owned) (nullable) by which it is made ready */
  int              fds[2];     /* (owned) or -1 */
} WaitSubject;

typedef struct {
  const char *name;
  /* It is not ready then. */
  void      (*make)   (WaitSubject *subject);
  /* Makes it ready. Any thread. */
  void      (*signal) (WaitSubject *subject);
  /* (nullable) Takes what has made it ready. NULL: it is for ever. */
  void      (*take)   (WaitSubject *subject);
  /* (nullable) Makes it ready for ever: nothing will come any more. Any thread. */
  void      (*end)    (WaitSubject *subject);
} WaitKind;

extern const WaitKind wait_kinds[];
extern const guint n_wait_kinds;

/* The forms of the wait: does all of it, on the thread-default context or without any. */
typedef GPtrArray *(*WaitForm) (AioprocWaitable **waitables,
                                guint             n_waitables,
                                gint64            timeout_usec,
                                GCancellable     *cancellable,
                                GError          **error);

GPtrArray *wait_form_blocking    (AioprocWaitable **waitables,
                                  guint             n_waitables,
                                  gint64            timeout_usec,
                                  GCancellable     *cancellable,
                                  GError          **error);
GPtrArray *wait_form_async       (AioprocWaitable **waitables,
                                  guint             n_waitables,
                                  gint64            timeout_usec,
                                  GCancellable     *cancellable,
                                  GError          **error);

void       wait_subject_make     (WaitSubject      *self,
                                  const WaitKind   *kind);
/* Checks that nobody has the waitable any more. */
void       wait_subject_clear    (WaitSubject      *self);

/* Waits for @waitable and for another that is never ready: @waitable must be all that is found. */
void       wait_assert_found     (WaitForm          form,
                                  AioprocWaitable  *waitable,
                                  gint64            timeout_usec);
void       wait_assert_fails     (WaitForm          form,
                                  AioprocWaitable  *waitable,
                                  gint64            timeout_usec,
                                  GCancellable     *cancellable,
                                  int               code);

/* Runs @func (@data) in a thread, once it is probable that the caller waits. */
GThread   *wait_run_soon         (void            (*func) (gpointer data),
                                  gpointer          data);

G_END_DECLS
