/* aioproc-queue-loan.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-loan-private.h"

#include <stdatomic.h>
#include <string.h>

#include "aioproc-error.h"

/**
 * AioprocQueueLoan:
 *
 * Room in the memory of a queue, which its owner fills where it lies, and then puts.
 *
 * A put copies what somebody has made elsewhere into the queue. [method@Queue.loan] is for what is
 * large and only being made: it reserves the room first, and the item is built in it.
 * [method@QueueLoan.commit] then puts the item, which takes no longer for a gibibyte than for a
 * byte. It may have come out shorter than the room.
 *
 * ```c
 * static void
 * lent_cb (GObject      *source,
 *          GAsyncResult *result,
 *          gpointer      user_data)
 * {
 *   AioprocQueue *frames = AIOPROC_QUEUE (source);
 *   Camera *camera = user_data;
 *   g_autoptr(AioprocQueueLoan) loan = NULL;
 *   g_autoptr(GError) error = NULL;
 *   gpointer pixels;
 *   gsize size;
 *
 *   loan = aioproc_queue_loan_finish (frames, result, &error);
 *
 *   if (loan == NULL)
 *     g_error ("%s", error->message);
 *
 *   pixels = aioproc_queue_loan_get_data (loan, &size);
 *
 *   if (!aioproc_queue_loan_commit (loan, draw_frame (camera, pixels, size), &error))
 *     g_error ("%s", error->message);
 *   …
 * }
 * …
 *   aioproc_queue_loan_async (frames, FRAME_SIZE, -1, NULL, lent_cb, &camera);
 * ```
 *
 * Until it is committed nobody gets the item, and it counts as one that is being put: for
 * [property@Queue:max-items] and [property@Queue:max-bytes], with all of its room; for
 * [method@JoinableQueue.join]; and gets from a queue that was closed wait for it. A commit gives it
 * its place: behind all that was put by then, whenever the room was reserved.
 *
 * [method@QueueLoan.abort] gives the room back, and so does the end of a loan that was neither
 * committed nor aborted.
 *
 * # Thread safety
 *
 * All functions may be called from any thread, and none of them ever blocks. Several threads may
 * write at a time; that they do not write to the same bytes is theirs to see to. Who writes to the
 * address that [method@QueueLoan.get_data] gives must be done before the loan is committed or
 * aborted: the memory is that of other items then.
 *
 * # Process safety
 *
 * A loan belongs to the process that asked for it, and cannot be sent to another. If that is
 * killed, executes another program or ends in any other way, its room is free again. In a child
 * that was forked from it, the loan is not open, and its end changes nothing. A process that is
 * only stopped keeps its room.
 *
 * The memory is allocated before it is lent: to write to it never ends in a `SIGBUS`. Another
 * process of the queue that has run wild can change what is in it, as it can change all items.
 *
 * Since: 0.1
 */
struct _AioprocQueueLoan {
  GObject                        parent_instance;

  /* Immutable after construction. */
  const AioprocQueueLoanBackend *backend;
  gpointer                       impl;      /* (owned) the backend's */
  guint8                        *data;      /* the backend's */
  gsize                          size;

  _Atomic guint32                writers;   /* (atomic) threads that are writing, or OVER */
};

/* It was committed or aborted. */
#define OVER G_MAXUINT32

G_DEFINE_FINAL_TYPE (AioprocQueueLoan, aioproc_queue_loan, G_TYPE_OBJECT)

static void
set_over (GError **error)
{
  g_set_error_literal (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE,
                       "This loan was committed or aborted already");
}

/* FALSE: it was over, or a thread is writing. */
static gboolean
aioproc_queue_loan_end (AioprocQueueLoan  *self,
                        GError           **error)
{
  guint32 writers = 0;

  /* Acquire: what the threads that have written wrote. */
  if (atomic_compare_exchange_strong (&self->writers, &writers, OVER))
    return TRUE;

  if (writers == OVER)
    set_over (error);
  else
    g_set_error_literal (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE,
                         "Another thread is writing to this loan");

  return FALSE;
}

/* The loan stays as it is until the write has ended. */
static gboolean
aioproc_queue_loan_begin_write (AioprocQueueLoan  *self,
                                GError           **error)
{
  guint32 writers = atomic_load (&self->writers);

  do
    {
      if (writers == OVER)
        {
          set_over (error);
          return FALSE;
        }
    }
  while (!atomic_compare_exchange_weak (&self->writers, &writers, writers + 1));

  return TRUE;
}

static void
aioproc_queue_loan_end_write (AioprocQueueLoan *self)
{
  atomic_fetch_sub (&self->writers, 1);
}

static void
aioproc_queue_loan_finalize (GObject *object)
{
  AioprocQueueLoan *self = AIOPROC_QUEUE_LOAN (object);

  (void) aioproc_queue_loan_abort (self, NULL);
  self->backend->free (self->impl);

  G_OBJECT_CLASS (aioproc_queue_loan_parent_class)->finalize (object);
}

static void
aioproc_queue_loan_class_init (AioprocQueueLoanClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = aioproc_queue_loan_finalize;
}

static void
aioproc_queue_loan_init (AioprocQueueLoan *self)
{
}

AioprocQueueLoan *
aioproc_queue_loan_new (const AioprocQueueLoanBackend *backend,
                        gpointer                       impl,
                        gpointer                       data,
                        gsize                          size)
{
  AioprocQueueLoan *self = g_object_new (AIOPROC_TYPE_QUEUE_LOAN, NULL);

  self->backend = backend;
  self->impl = impl;
  self->data = data;
  self->size = size;

  return self;
}

/**
 * aioproc_queue_loan_get_size:
 * @self: a loan
 *
 * Gets how many bytes can be written.
 *
 * Returns: the number of bytes, which may be 0
 *
 * Since: 0.1
 */
gsize
aioproc_queue_loan_get_size (AioprocQueueLoan *self)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE_LOAN (self), 0);

  return self->size;
}

/**
 * aioproc_queue_loan_get_data: (skip)
 * @self: a loan
 * @size: (out) (optional): return location for the number of bytes
 *
 * Gets the address of the room, for C.
 *
 * It is aligned to 16 bytes, and may be written to until the loan is committed or aborted, or the
 * last reference to it is dropped. What is there at first is not defined: items of the past, in
 * most cases.
 *
 * Returns: (transfer none) (nullable): the address, or `NULL` if the loan is not open
 *
 * Since: 0.1
 */
gpointer
aioproc_queue_loan_get_data (AioprocQueueLoan *self,
                             gsize            *size)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE_LOAN (self), NULL);

  if (size != NULL)
    *size = self->size;

  return aioproc_queue_loan_is_open (self) ? self->data : NULL;
}

/**
 * aioproc_queue_loan_is_open:
 * @self: a loan
 *
 * Tells whether the loan was neither committed nor aborted.
 *
 * Returns: `TRUE` if the room is this process's, `FALSE` in a forked child of it
 *
 * Since: 0.1
 */
gboolean
aioproc_queue_loan_is_open (AioprocQueueLoan *self)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE_LOAN (self), FALSE);

  return atomic_load (&self->writers) != OVER && self->backend->is_ours (self->impl);
}

/**
 * aioproc_queue_loan_write_bytes:
 * @self: a loan
 * @offset: where the first byte goes
 * @bytes: the bytes to copy
 * @error: return location for an error
 *
 * Copies bytes into the room. Never blocks.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if there is no room for some of the bytes; none is
 *   copied then
 * - [error@Aioproc.Error.INVALID_STATE] if the loan was committed or aborted before
 * - [error@Aioproc.Error.NOT_OWNER] in a child that was forked from the process whose loan it is
 *
 * Returns: `TRUE` if the bytes are there
 *
 * Since: 0.1
 */
gboolean
aioproc_queue_loan_write_bytes (AioprocQueueLoan  *self,
                                gsize              offset,
                                GBytes            *bytes,
                                GError           **error)
{
  gconstpointer data;
  gboolean ours;
  gsize length;

  g_return_val_if_fail (AIOPROC_IS_QUEUE_LOAN (self), FALSE);
  g_return_val_if_fail (bytes != NULL, FALSE);

  data = g_bytes_get_data (bytes, &length);

  if (offset > self->size || length > self->size - offset)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "There is no room for %" G_GSIZE_FORMAT " bytes from %" G_GSIZE_FORMAT
                   " in a loan of %" G_GSIZE_FORMAT, length, offset, self->size);
      return FALSE;
    }

  if (!aioproc_queue_loan_begin_write (self, error))
    return FALSE;

  ours = self->backend->is_ours (self->impl);

  if (ours && length > 0)
    memcpy (self->data + offset, data, length);

  aioproc_queue_loan_end_write (self);

  if (!ours)
    g_set_error_literal (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER,
                         "This loan is of the process that this one was forked from");

  return ours;
}

/**
 * aioproc_queue_loan_commit:
 * @self: a loan
 * @length: how many bytes to put, at most the size of the loan
 * @error: return location for an error
 *
 * Puts the first @length bytes of the room into the queue, as one item. Never blocks.
 *
 * Nothing is copied. The item comes after all that were put before, but not after those of
 * asynchronous puts that are still under way.
 *
 * A queue that was closed after the room was reserved takes the item, as it takes those whose puts
 * had begun; one that was closed immediately does not.
 *
 * The loan is over, whether this succeeds or not, but for the first two errors.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if @length is more than the size of the loan
 * - [error@Aioproc.Error.INVALID_STATE] if another thread is writing with
 *   [method@QueueLoan.write_bytes], or the loan was committed or aborted before
 * - [error@Gio.IOErrorEnum.CLOSED] if the queue was closed immediately
 * - [error@Aioproc.Error.NOT_OWNER] in a child that was forked from the process whose loan it is,
 *   or if the room is not this process's any more, since another one has damaged the queue
 *
 * Returns: `TRUE` if the item is in the queue
 *
 * Since: 0.1
 */
gboolean
aioproc_queue_loan_commit (AioprocQueueLoan  *self,
                           gsize              length,
                           GError           **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE_LOAN (self), FALSE);

  if (length > self->size)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "There are no %" G_GSIZE_FORMAT " bytes in a loan of %" G_GSIZE_FORMAT, length,
                   self->size);
      return FALSE;
    }

  return aioproc_queue_loan_end (self, error) && self->backend->commit (self->impl, length, error);
}

/**
 * aioproc_queue_loan_abort:
 * @self: a loan
 * @error: return location for an error
 *
 * Gives the room back, and puts nothing. Never blocks.
 *
 * Fails with:
 *
 * - [error@Aioproc.Error.INVALID_STATE] if another thread is writing with
 *   [method@QueueLoan.write_bytes], or the loan was committed or aborted before
 * - [error@Aioproc.Error.NOT_OWNER] in a child that was forked from the process whose loan it is,
 *   or if the room is not this process's any more, since another one has damaged the queue
 *
 * Returns: `TRUE` if the room is free again
 *
 * Since: 0.1
 */
gboolean
aioproc_queue_loan_abort (AioprocQueueLoan  *self,
                          GError           **error)
{
  g_return_val_if_fail (AIOPROC_IS_QUEUE_LOAN (self), FALSE);

  return aioproc_queue_loan_end (self, error) && self->backend->abort (self->impl, error);
}
