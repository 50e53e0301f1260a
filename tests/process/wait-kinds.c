/* wait-kinds.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "wait-kinds.h"

#include <fcntl.h>
#include <unistd.h>

#include <glib-unix.h>

#include "aioproc-test.h"
#include "process-functions.h"

/* --- Connections --- */

static void
make_connection (WaitSubject *subject)
{
  g_autoptr(GError) error = NULL;
  AioprocConnection *here;
  AioprocConnection *there;

  g_assert_true (aioproc_pipe (TRUE, &here, &there, &error));
  g_assert_no_error (error);
  subject->waitable = AIOPROC_WAITABLE (here);
  subject->peer = G_OBJECT (there);
}

static void
signal_connection (WaitSubject *subject)
{
  g_autoptr(GBytes) bytes = g_bytes_new_static ("x", 1);
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_connection_try_send_bytes (AIOPROC_CONNECTION (subject->peer), bytes, 0,
                                                    -1, &error));
  g_assert_no_error (error);
}

static void
take_connection (WaitSubject *subject)
{
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;

  bytes = aioproc_connection_try_recv_bytes (AIOPROC_CONNECTION (subject->waitable), -1, &error);
  g_assert_no_error (error);
}

static void
end_connection (WaitSubject *subject)
{
  aioproc_connection_close (AIOPROC_CONNECTION (subject->peer));
}

static void
end_connection_here (WaitSubject *subject)
{
  aioproc_connection_close (AIOPROC_CONNECTION (subject->waitable));
}

/* --- Queues --- */

static void
make_queue (WaitSubject *subject)
{
  g_autoptr(GError) error = NULL;

  subject->waitable = AIOPROC_WAITABLE (aioproc_queue_new (0, &error));
  g_assert_no_error (error);
}

static void
make_joinable_queue (WaitSubject *subject)
{
  g_autoptr(GError) error = NULL;

  subject->waitable = AIOPROC_WAITABLE (aioproc_joinable_queue_new (0, &error));
  g_assert_no_error (error);
}

static void
signal_queue (WaitSubject *subject)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_queue_put (AIOPROC_QUEUE (subject->waitable), g_variant_new_string ("x"),
                                    -1, NULL, &error));
  g_assert_no_error (error);
}

static void
take_queue (WaitSubject *subject)
{
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  value = aioproc_queue_get (AIOPROC_QUEUE (subject->waitable), -1, NULL, &error);
  g_assert_no_error (error);
}

static void
take_task (WaitSubject *subject)
{
  g_autoptr(GError) error = NULL;

  take_queue (subject);
  g_assert_true (aioproc_joinable_queue_task_done (AIOPROC_JOINABLE_QUEUE (subject->waitable),
                                                   &error));
  g_assert_no_error (error);
}

static void
end_queue (WaitSubject *subject)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_queue_close (AIOPROC_QUEUE (subject->waitable), FALSE, &error));
  g_assert_no_error (error);
}

static void
end_queue_at_once (WaitSubject *subject)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_queue_close (AIOPROC_QUEUE (subject->waitable), TRUE, &error));
  g_assert_no_error (error);
}

/* For this process only. */
static void
dispose (WaitSubject *subject)
{
  g_object_run_dispose (G_OBJECT (subject->waitable));
}

static void
make_simple_queue (WaitSubject *subject)
{
  g_autoptr(GError) error = NULL;

  subject->waitable = AIOPROC_WAITABLE (aioproc_simple_queue_new (&error));
  g_assert_no_error (error);
}

static void
signal_simple_queue (WaitSubject *subject)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_simple_queue_put (AIOPROC_SIMPLE_QUEUE (subject->waitable),
                                           g_variant_new_string ("x"), -1, NULL, &error));
  g_assert_no_error (error);
}

static void
take_simple_queue (WaitSubject *subject)
{
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  value = aioproc_simple_queue_get (AIOPROC_SIMPLE_QUEUE (subject->waitable), -1, NULL, &error);
  g_assert_no_error (error);
}

/* --- Processes --- */

static void
make_process (WaitSubject *subject)
{
  subject->waitable = AIOPROC_WAITABLE (test_start (NULL, "block", NULL));
}

static void
signal_process (WaitSubject *subject)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_process_kill (AIOPROC_PROCESS (subject->waitable), &error));
  g_assert_no_error (error);
}

/* --- Descriptors --- */

static void
make_descriptor (WaitSubject *subject)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (g_unix_open_pipe (subject->fds, FD_CLOEXEC, &error));
  g_assert_no_error (error);
  subject->waitable = AIOPROC_WAITABLE (aioproc_descriptor_new (subject->fds[0], G_IO_IN));
}

static void
signal_descriptor (WaitSubject *subject)
{
  g_assert_cmpint (write (subject->fds[1], "x", 1), ==, 1);
}

static void
take_descriptor (WaitSubject *subject)
{
  char byte;

  g_assert_cmpint (read (subject->fds[0], &byte, 1), ==, 1);
}

static void
end_descriptor (WaitSubject *subject)
{
  close (subject->fds[1]);
  subject->fds[1] = -1;
}

const WaitKind wait_kinds[] = {
  { "connection", make_connection, signal_connection, take_connection, end_connection },
  { "own-end", make_connection, signal_connection, take_connection, end_connection_here },
  { "queue", make_queue, signal_queue, take_queue, end_queue },
  { "queue-at-once", make_queue, signal_queue, take_queue, end_queue_at_once },
  { "queue-here", make_queue, signal_queue, take_queue, dispose },
  { "joinable-queue", make_joinable_queue, signal_queue, take_task, end_queue },
  { "simple-queue", make_simple_queue, signal_simple_queue, take_simple_queue, dispose },
  { "process", make_process, signal_process, NULL, signal_process },
  { "descriptor", make_descriptor, signal_descriptor, take_descriptor, end_descriptor },
};

const guint n_wait_kinds = G_N_ELEMENTS (wait_kinds);

/* --- */

GPtrArray *
wait_form_blocking (AioprocWaitable **waitables,
                    guint             n_waitables,
                    gint64            timeout_usec,
                    GCancellable     *cancellable,
                    GError          **error)
{
  return aioproc_wait (waitables, n_waitables, timeout_usec, cancellable, error);
}

GPtrArray *
wait_form_async (AioprocWaitable **waitables,
                 guint             n_waitables,
                 gint64            timeout_usec,
                 GCancellable     *cancellable,
                 GError          **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  aioproc_wait_async (waitables, n_waitables, timeout_usec, cancellable,
                      aioproc_test_store_result, &result);
  /* Never from inside the call. */
  g_assert_null (result);
  aioproc_test_wait (&result);

  return aioproc_wait_finish (result, error);
}

void
wait_subject_make (WaitSubject    *self,
                   const WaitKind *kind)
{
  *self = (WaitSubject) { .fds = { -1, -1 } };
  kind->make (self);
}

void
wait_subject_clear (WaitSubject *self)
{
  g_clear_object (&self->peer);

  if (AIOPROC_IS_PROCESS (self->waitable))
    test_release (AIOPROC_PROCESS (g_steal_pointer (&self->waitable)));
  else
    g_assert_finalize_object (G_OBJECT (g_steal_pointer (&self->waitable)));

  for (guint i = 0; i < G_N_ELEMENTS (self->fds); i++)
    {
      if (self->fds[i] >= 0)
        close (self->fds[i]);
    }
}

void
wait_assert_found (WaitForm         form,
                   AioprocWaitable *waitable,
                   gint64           timeout_usec)
{
  WaitSubject never;
  AioprocWaitable *waitables[3];
  g_autoptr(GPtrArray) found = NULL;
  g_autoptr(GError) error = NULL;

  wait_subject_make (&never, &wait_kinds[0]);
  waitables[0] = never.waitable;
  waitables[1] = waitables[2] = waitable;
  found = form (waitables, G_N_ELEMENTS (waitables), timeout_usec, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (found->len, ==, 1);
  g_assert_true (g_ptr_array_index (found, 0) == waitable);
  wait_subject_clear (&never);
}

void
wait_assert_fails (WaitForm         form,
                   AioprocWaitable *waitable,
                   gint64           timeout_usec,
                   GCancellable    *cancellable,
                   int              code)
{
  g_autoptr(GPtrArray) found = NULL;
  g_autoptr(GError) error = NULL;

  found = form (&waitable, 1, timeout_usec, cancellable, &error);
  g_assert_error (error, G_IO_ERROR, code);
  g_assert_null (found);
}

typedef struct {
  void    (*func) (gpointer data);
  gpointer  data;
} SoonData;

static gpointer
soon_thread (gpointer data)
{
  g_autofree SoonData *soon = data;

  /* As often as not before the others sleep; each case is tried more than once. */
  for (guint i = g_random_int_range (0, 200); i > 0; i--)
    g_thread_yield ();

  soon->func (soon->data);

  return NULL;
}

GThread *
wait_run_soon (void   (*func) (gpointer data),
               gpointer data)
{
  SoonData *soon = g_new0 (SoonData, 1);

  soon->func = func;
  soon->data = data;

  return g_thread_new ("soon", soon_thread, soon);
}
