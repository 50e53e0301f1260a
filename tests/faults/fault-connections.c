/* fault-connections.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "fault-scenario.h"

#include "aioproc-test.h"

/* What fits anywhere. */
#define SMALL    16
/* What does not fit into a socket. */
#define STREAMED (600 * 1024)
/* What is sent as memory of its own. */
#define MAPPED   (5 * 1024 * 1024)

typedef struct {
  AioprocConnection *here;      /* (owned) */
  AioprocConnection *there;     /* (owned) */
  guint32            n_sent;
  guint32            n_received;
  guint              n_failures; /* receives that failed, one after the other */
} Pair;

static gboolean
pair_init (Pair *self)
{
  g_autoptr(GError) error = NULL;

  *self = (Pair) { 0 };

  return fault_check (aioproc_pipe (TRUE, &self->here, &self->there, &error), &error);
}

static void
pair_clear (Pair *self)
{
  g_assert_finalize_object (self->here);
  g_assert_finalize_object (self->there);
}

/* One call fails at most. So a receive that fails twice has found the end of the connection. */
static gboolean
pair_is_over (Pair *self)
{
  return self->n_failures > 1;
}

/* Of @size bytes in large elements, since GLib checks each that is received. */
static AioprocMessage *
new_message (guint32 number,
             gsize   size)
{
  g_autofree guint64 *data = g_malloc0 (size);

  return aioproc_message_new (g_variant_new ("(u@at)", number,
                                             g_variant_new_fixed_array (G_VARIANT_TYPE_UINT64,
                                                                        data, size / sizeof *data,
                                                                        sizeof *data)));
}

/* What comes is what was sent, whole, in order. */
static void
pair_take (Pair           *self,
           AioprocMessage *message,
           GError        **error)
{
  g_autoptr(GVariant) body = NULL;
  guint32 number;

  if (!fault_check (message != NULL, error))
    {
      self->n_failures++;
      return;
    }

  body = aioproc_message_dup_body (message);
  g_variant_get_child (body, 0, "u", &number);
  g_assert_cmpuint (number, ==, self->n_received);
  self->n_received++;
  self->n_failures = 0;
}

static void
pair_receive_all (Pair *self)
{
  while (self->n_received < self->n_sent && !pair_is_over (self))
    {
      AioprocWaitable *waitable = AIOPROC_WAITABLE (self->there);
      g_autoptr(AioprocMessage) message = NULL;
      g_autoptr(GPtrArray) found = NULL;
      g_autoptr(GError) error = NULL;

      fault_check (aioproc_connection_poll (self->there, -1, NULL, &error), &error);
      found = aioproc_wait (&waitable, 1, -1, NULL, &error);
      fault_check (found != NULL, &error);
      message = aioproc_connection_recv (self->there, -1, NULL, &error);
      pair_take (self, message, &error);
    }
}

static void
pair_send (Pair           *self,
           AioprocMessage *message)
{
  g_autoptr(GError) error = NULL;

  self->n_sent += fault_check (aioproc_connection_send (self->here, message, -1, NULL, &error),
                               &error);
  pair_receive_all (self);
}

static void
pair_send_small (Pair *self)
{
  g_autoptr(AioprocMessage) message = new_message (self->n_sent, SMALL);

  pair_send (self, message);
}

static void
pair_send_mapped (Pair *self)
{
  g_autoptr(AioprocMessage) message = new_message (self->n_sent, SMALL);
  g_autoptr(GBytes) bytes = g_bytes_new_take (g_malloc0 (MAPPED), MAPPED);

  aioproc_message_append_bytes (message, bytes);
  pair_send (self, message);
}

/* In a main loop, and in many pieces. */
static void
pair_send_streamed (Pair *self)
{
  g_autoptr(AioprocMessage) message = new_message (self->n_sent, STREAMED);
  g_autoptr(AioprocMessage) received = NULL;
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) sent = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  aioproc_connection_send_async (self->here, message, -1, cancellable, aioproc_test_store_result,
                                 &sent);
  aioproc_connection_recv_async (self->there, -1, cancellable, aioproc_test_store_result,
                                 &result);

  aioproc_test_wait_until (sent != NULL || result != NULL);

  /* Where one has failed the other would not end. */
  if (sent != NULL)
    {
      self->n_sent += fault_check (aioproc_connection_send_finish (self->here, sent, &error),
                                   &error);

      if (self->n_sent == self->n_received)
        g_cancellable_cancel (cancellable);

      aioproc_test_wait (&result);
      received = aioproc_connection_recv_finish (self->there, result, &error);
      pair_take (self, received, &error);
    }
  else
    {
      received = aioproc_connection_recv_finish (self->there, result, &error);

      if (received == NULL)
        g_cancellable_cancel (cancellable);
      else
        self->n_sent++;

      pair_take (self, received, &error);
      aioproc_test_wait (&sent);

      if (fault_check (aioproc_connection_send_finish (self->here, sent, &error), &error) &&
          received == NULL)
        self->n_sent++;
    }

  pair_receive_all (self);
}

/* An end that is given away is there, or still here. */
static void
pair_pass (Pair *self)
{
  g_autoptr(AioprocMessage) message = new_message (self->n_sent, SMALL);
  g_autoptr(AioprocMessage) received = NULL;
  g_autoptr(GError) error = NULL;
  Pair given;
  int handle;

  if (pair_is_over (self) || !pair_init (&given))
    return;

  handle = aioproc_message_append_object (message, G_OBJECT (given.there), &error);

  if (fault_check (handle >= 0, &error) &&
      fault_check (aioproc_connection_send (self->here, message, -1, NULL, &error), &error))
    {
      g_assert_true (aioproc_connection_is_closed (given.there));
      self->n_sent++;

      while (received == NULL && !pair_is_over (self))
        {
          received = aioproc_connection_recv (self->there, -1, NULL, &error);
          pair_take (self, received, &error);
        }

      if (received != NULL)
        {
          g_object_unref (given.there);
          given.there = AIOPROC_CONNECTION (aioproc_message_dup_object (received, handle, &error));
          g_assert_no_error (error);
        }
    }

  /* Once it is settled. */
  g_clear_object (&message);
  g_clear_object (&received);

  if (!aioproc_connection_is_closed (given.there))
    pair_send_small (&given);

  pair_clear (&given);
}

void
fault_run_connections (void)
{
  Pair pair;

  if (!pair_init (&pair))
    return;

  for (guint i = 0; i < 2 && !pair_is_over (&pair); i++)
    {
      pair_send_small (&pair);

      if (!pair_is_over (&pair))
        pair_send_mapped (&pair);

      if (!pair_is_over (&pair))
        pair_send_streamed (&pair);

      pair_pass (&pair);
    }

  if (!pair_is_over (&pair))
    {
      g_autoptr(AioprocMessage) message = NULL;
      g_autoptr(GError) error = NULL;

      message = aioproc_connection_recv (pair.there, FAULT_WAIT_USEC, NULL, &error);
      fault_check_vain (message != NULL, G_IO_ERROR_TIMED_OUT, &error);
      g_assert_cmpuint (pair.n_received, ==, pair.n_sent);
    }

  pair_clear (&pair);
}

/* --- Waits for many --- */

static GPtrArray *
wait_in_loop (AioprocWaitable **waitables,
              guint             n_waitables,
              gint64            timeout_usec,
              GError          **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  aioproc_wait_async (waitables, n_waitables, timeout_usec, NULL, aioproc_test_store_result,
                      &result);
  aioproc_test_wait (&result);

  return aioproc_wait_finish (result, error);
}

static void
use_many (AioprocWaitable **waitables,
          guint             n_waitables,
          AioprocQueue     *queue)
{
  for (guint i = 0; i < 2; i++)
    {
      gboolean blocks = i == 0;
      g_autoptr(GPtrArray) none = NULL;
      g_autoptr(GPtrArray) found = NULL;
      g_autoptr(GVariant) value = NULL;
      g_autoptr(GError) error = NULL;

      none = blocks ? aioproc_wait (waitables, n_waitables, FAULT_WAIT_USEC, NULL, &error)
                    : wait_in_loop (waitables, n_waitables, FAULT_WAIT_USEC, &error);
      fault_check_vain (none != NULL, G_IO_ERROR_TIMED_OUT, &error);

      if (!fault_check (aioproc_queue_try_put (queue, g_variant_new_int32 (1), &error), &error))
        continue;

      found = blocks ? aioproc_wait (waitables, n_waitables, -1, NULL, &error)
                     : wait_in_loop (waitables, n_waitables, -1, &error);

      if (fault_check (found != NULL, &error))
        {
          g_assert_cmpuint (found->len, ==, 1);
          g_assert_true (g_ptr_array_index (found, 0) == queue);
        }

      value = aioproc_queue_try_get (queue, &error);
      fault_check (value != NULL, &error);
    }
}

void
fault_run_many (void)
{
  g_autoptr(AioprocQueue) queue = NULL;
  g_autoptr(GError) error = NULL;
  Pair pair;

  queue = aioproc_queue_new (0, &error);

  if (!fault_check (queue != NULL, &error) || !pair_init (&pair))
    return;

  {
    g_autoptr(AioprocDescriptor) descriptor = NULL;
    AioprocWaitable *waitables[3];

    descriptor = aioproc_descriptor_new (aioproc_connection_get_fd (pair.here), G_IO_IN);
    waitables[0] = AIOPROC_WAITABLE (pair.there);
    waitables[1] = AIOPROC_WAITABLE (descriptor);
    waitables[2] = AIOPROC_WAITABLE (queue);
    use_many (waitables, G_N_ELEMENTS (waitables), queue);
  }

  pair_clear (&pair);
}
