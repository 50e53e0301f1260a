/* forward-queue-loan.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "forward-private.h"

/* A loan of a queue that is elsewhere: what is written to it lies in private memory, and goes into
 * the room that was reserved there when it is committed.
 */
typedef struct {
  AioprocQueueLoan *inner;   /* (owned) */
  gpointer          data;    /* (owned) */
} ForwardLoan;

static gboolean
forward_loan_commit (gpointer   impl,
                     gsize      length,
                     GError   **error)
{
  ForwardLoan *self = impl;
  g_autoptr(GBytes) bytes = g_bytes_new (self->data, length);

  forward_note (G_STRFUNC);

  return aioproc_queue_loan_write_bytes (self->inner, 0, bytes, error) &&
         aioproc_queue_loan_commit (self->inner, length, error);
}

static gboolean
forward_loan_abort (gpointer   impl,
                    GError   **error)
{
  ForwardLoan *self = impl;

  forward_note (G_STRFUNC);

  return aioproc_queue_loan_abort (self->inner, error);
}

static gboolean
forward_loan_is_ours (gpointer impl)
{
  ForwardLoan *self = impl;

  forward_note (G_STRFUNC);

  return aioproc_queue_loan_is_open (self->inner);
}

static void
forward_loan_free (gpointer impl)
{
  ForwardLoan *self = impl;

  forward_note (G_STRFUNC);
  g_object_unref (self->inner);
  g_free (self->data);
  g_free (self);
}

static const AioprocQueueLoanBackend forward_loan_backend = {
  .commit = forward_loan_commit,
  .abort = forward_loan_abort,
  .is_ours = forward_loan_is_ours,
  .free = forward_loan_free,
};

/* Takes @inner, which may be NULL. */
static AioprocQueueLoan *
forward_loan_new (AioprocQueueLoan *inner)
{
  ForwardLoan *self;
  gsize size;

  if (inner == NULL)
    return NULL;

  size = aioproc_queue_loan_get_size (inner);
  self = g_new (ForwardLoan, 1);
  self->inner = inner;
  self->data = g_malloc (MAX (size, 1));

  return aioproc_queue_loan_new (&forward_loan_backend, self, self->data, size);
}

AioprocQueueLoan *
forward_queue_try_loan (gpointer   impl,
                        gsize      size,
                        GError   **error)
{
  forward_note (G_STRFUNC);

  return forward_loan_new (aioproc_queue_try_loan (impl, size, error));
}

AioprocQueueLoan *
forward_queue_loan (gpointer       impl,
                    gsize          size,
                    gint64         timeout_usec,
                    GCancellable  *cancellable,
                    GError       **error)
{
  forward_note (G_STRFUNC);

  return forward_loan_new (aioproc_queue_loan (impl, size, timeout_usec, cancellable, error));
}

static void
forward_queue_lent_cb (GObject      *source,
                       GAsyncResult *result,
                       gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  GError *error = NULL;
  AioprocQueueLoan *loan;

  loan = aioproc_queue_loan_finish (AIOPROC_QUEUE (source), result, &error);

  if (loan != NULL)
    g_task_return_pointer (task, forward_loan_new (loan), g_object_unref);
  else
    g_task_return_error (task, error);
}

void
forward_queue_loan_start (gpointer  impl,
                          gsize     size,
                          GTask    *task,
                          gint64    timeout_usec)
{
  forward_note (G_STRFUNC);
  aioproc_queue_loan_async (impl, size, timeout_usec, g_task_get_cancellable (task),
                            forward_queue_lent_cb, task);
}
