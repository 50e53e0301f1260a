/* test-connection-loop.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* When and where asynchronous operations call back. */

#include <aioproc.h>

#include "aioproc-test.h"
#include "connection-test.h"

typedef struct {
  AioprocConnection *a;
  AioprocConnection *b;
  guint32            n_received;
  guint32            n_wanted;
  guint              depth;
  guint              max_depth;
  gboolean           is_starting;
} Loop;

static void
loop_begin (Loop *self)
{
  memset (self, 0, sizeof *self);
  connection_test_pipe (&self->a, &self->b);
}

static void
loop_run_until (Loop         *self,
                GMainContext *context,
                guint32       n_received)
{
  while (self->n_received < n_received)
    g_main_context_iteration (context, TRUE);
}

static void
loop_finish (Loop         *self,
             GAsyncResult *result)
{
  g_autoptr(GError) error = NULL;
  AioprocMessage *message = aioproc_connection_recv_finish (self->b, result, &error);

  g_assert_false (self->is_starting);
  g_assert_no_error (error);
  g_assert_cmpuint (connection_test_take_number (message), ==, self->n_received);
  self->n_received++;
}

static void
loop_start (Loop                *self,
            GAsyncReadyCallback  callback)
{
  self->is_starting = TRUE;
  aioproc_connection_recv_async (self->b, -1, NULL, callback, self);
  self->is_starting = FALSE;
}

static void
received_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  loop_finish (user_data, result);
}

/* Another message, and a wait for it, before the one that has come is done with. */
static void
nested_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Loop *self = user_data;
  guint32 number;

  loop_finish (self, result);
  number = self->n_received;
  self->depth++;
  self->max_depth = MAX (self->max_depth, self->depth);

  if (number < self->n_wanted)
    {
      loop_start (self, nested_cb);
      connection_test_send_number (self->a, number);
      loop_run_until (self, NULL, number + 1);
    }

  self->depth--;
}

static void
test_loop_nested (void)
{
  Loop loop;

  g_test_summary ("A callback can run a main loop of its own, and wait there for the next message");

  loop_begin (&loop);
  loop.n_wanted = 10;
  loop_start (&loop, nested_cb);
  connection_test_send_number (loop.a, 0);
  loop_run_until (&loop, NULL, loop.n_wanted);
  g_assert_cmpuint (loop.max_depth, ==, loop.n_wanted);
  connection_test_release (loop.a, loop.b);
}

static void
chained_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  Loop *self = user_data;

  loop_finish (self, result);

  /* Now one, now several at once, some for messages that are there already. */
  for (guint i = 0; i < self->n_received % 3 && self->n_wanted > 0; i++, self->n_wanted--)
    {
      loop_start (self, i == 0 ? chained_cb : received_cb);
      loop_start (self, received_cb);
    }
}

static void
test_loop_order (void)
{
  Loop loop;
  guint32 n_sent = 0;

  g_test_summary ("Callbacks come in order, and never from inside a call, however they get there");

  loop_begin (&loop);

  for (guint round = 0; round < 100; round++)
    {
      guint32 n_before = loop.n_received;

      loop.n_wanted = round % 7;
      loop_start (&loop, chained_cb);

      for (guint i = 0; i < round % 5; i++)
        loop_start (&loop, received_cb);

      /* More than will be received, as far as is known, and some before the context goes on. */
      for (guint i = 0; i < 20; i++)
        {
          connection_test_send_number (loop.a, n_sent++);

          if (i % 3 == round % 3)
            g_main_context_iteration (NULL, FALSE);
        }

      while (loop.n_received < n_before + 1 + round % 5)
        g_main_context_iteration (NULL, TRUE);

      while (g_main_context_iteration (NULL, FALSE))
        continue;

      while (loop.n_received < n_sent)
        g_assert_cmpuint (connection_test_recv_number (loop.b), ==, loop.n_received++);
    }

  connection_test_release (loop.a, loop.b);
}

static void
test_loop_contexts (void)
{
  Loop loop;

  g_test_summary ("A context may be gone right after a callback, and another be in its place");

  loop_begin (&loop);

  for (guint i = 0; i < 300; i++)
    {
      g_autoptr(GMainContext) context = g_main_context_new ();

      g_main_context_push_thread_default (context);
      loop_start (&loop, received_cb);

      if (i % 2 == 0)
        while (g_main_context_iteration (context, FALSE))
          continue;

      connection_test_send_number (loop.a, i);
      loop_run_until (&loop, context, i + 1);
      g_main_context_pop_thread_default (context);
    }

  connection_test_release (loop.a, loop.b);
}

static void
test_loop_rests (void)
{
  g_autoptr(GMainContext) context = g_main_context_new ();
  Loop loop;

  g_test_summary ("Once nothing is pending, its context has nothing to do, whatever comes");

  g_main_context_push_thread_default (context);
  loop_begin (&loop);
  loop_start (&loop, received_cb);
  connection_test_send_number (loop.a, 0);
  loop_run_until (&loop, context, 1);

  while (g_main_context_iteration (context, FALSE))
    continue;

  connection_test_send_number (loop.a, 1);
  g_assert_false (g_main_context_iteration (context, FALSE));
  aioproc_connection_close (loop.a);
  g_assert_false (g_main_context_iteration (context, FALSE));
  g_assert_cmpuint (connection_test_recv_number (loop.b), ==, 1);

  connection_test_release (loop.a, loop.b);
  g_main_context_pop_thread_default (context);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/connection/loop/nested", test_loop_nested);
  aioproc_test_add_func ("/aioproc/connection/loop/order", test_loop_order);
  aioproc_test_add_func ("/aioproc/connection/loop/contexts", test_loop_contexts);
  aioproc_test_add_func ("/aioproc/connection/loop/rests", test_loop_rests);

  return g_test_run ();
}
