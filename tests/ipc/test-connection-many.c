/* test-connection-many.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Many threads, many operations, and peers in processes of their own, which are killed. */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "connection-test.h"

#define N_THREADS  2
#define N_MESSAGES 2000

/* A number has the thread that sent it in its upper half. */
#define FROM(thread, number) ((guint32) (thread) << 16 | (number))

/* Until a random moment, to which nothing is bound. */
static void
pass_time (int max_usec)
{
  gint64 end = g_get_monotonic_time () + g_random_int_range (0, max_usec);

  while (g_get_monotonic_time () < end)
    g_thread_yield ();
}

typedef struct {
  AioprocConnection *connection;
  guint              index;
  guint32            next[N_THREADS];   /* the least that may come of each sender */
  guint              n_received;
} Thread;

static gpointer
send_thread (gpointer data)
{
  Thread *self = data;

  for (guint32 i = 0; i < N_MESSAGES; i++)
    {
      g_autoptr(AioprocMessage) message = NULL;
      g_autoptr(GError) error = NULL;

      message = i % 500 == 7 ? connection_test_new_large (FROM (self->index, i))
                             : connection_test_new_number (FROM (self->index, i));
      g_assert_true (aioproc_connection_send (self->connection, message, -1, NULL, &error));
      g_assert_no_error (error);
    }

  return NULL;
}

static gpointer
recv_thread (gpointer data)
{
  Thread *self = data;

  for (;;)
    {
      g_autoptr(GError) error = NULL;
      AioprocMessage *message = aioproc_connection_recv (self->connection, -1, NULL, &error);
      guint32 number;

      if (message == NULL)
        {
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
          return NULL;
        }

      number = connection_test_take_number (message);
      g_assert_cmpuint (number >> 16, <, N_THREADS);
      g_assert_cmpuint (number & 0xffff, >=, self->next[number >> 16]);
      self->next[number >> 16] = (number & 0xffff) + 1;
      self->n_received++;
    }
}

static void
test_many_threads (void)
{
  AioprocConnection *a, *b;
  Thread senders[N_THREADS] = { 0 };
  Thread receivers[N_THREADS] = { 0 };
  GThread *send_threads[N_THREADS];
  GThread *recv_threads[N_THREADS];
  g_autoptr(GError) error = NULL;
  guint n_received = 0;

  g_test_summary ("Several threads at each end: messages are whole, in order, and none is lost");

  connection_test_pipe (&a, &b);

  for (guint i = 0; i < N_THREADS; i++)
    {
      senders[i].connection = a;
      senders[i].index = i;
      receivers[i].connection = b;
      send_threads[i] = g_thread_new ("send", send_thread, &senders[i]);
      recv_threads[i] = g_thread_new ("recv", recv_thread, &receivers[i]);
    }

  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (send_threads[i]);

  g_assert_true (aioproc_connection_close_send (a, &error));
  g_assert_no_error (error);

  for (guint i = 0; i < N_THREADS; i++)
    {
      g_thread_join (recv_threads[i]);
      n_received += receivers[i].n_received;
    }

  g_assert_cmpuint (n_received, ==, N_THREADS * N_MESSAGES);

  g_assert_finalize_object (a);
  g_assert_finalize_object (b);
}

static gpointer
blocked_thread (gpointer data)
{
  Thread *self = data;
  g_autoptr(GError) error = NULL;

  if (self->index == 0)
    {
      connection_test_assert_recv (self->connection, G_IO_ERROR_CLOSED);
    }
  else if (self->index == 1)
    {
      g_autoptr(AioprocMessage) large = connection_test_new_large (0);

      while (aioproc_connection_send (self->connection, large, -1, NULL, &error))
        ;

      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
    }
  else
    {
      g_assert_false (aioproc_connection_poll (self->connection, -1, NULL, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
    }

  return NULL;
}

static void
test_many_closed (void)
{
  g_test_summary ("A close ends what other threads wait for, whenever it comes");

  for (guint round = 0; round < 100; round++)
    {
      AioprocConnection *a, *b;
      Thread threads[3] = { 0 };
      GThread *running[3];

      connection_test_pipe (&a, &b);

      for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
        {
          threads[i].connection = a;
          threads[i].index = i;
          running[i] = g_thread_new ("blocked", blocked_thread, &threads[i]);
        }

      pass_time (500);
      aioproc_connection_close (a);

      for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
        g_thread_join (running[i]);

      g_assert_finalize_object (a);
      g_assert_finalize_object (b);
    }
}

/* --- A storm of cancellations --- */

#define N_STORM 3000

typedef struct {
  AioprocConnection *connection;
  guint              n_pending;
  GArray            *numbers;     /* (owned) what each receive got, 0: nothing */
  guint              n_sent;
  gboolean           has_ended;
} Storm;

typedef struct {
  Storm *storm;
  guint  index;
} StormReceive;

static void
storm_received_cb (GObject      *source,
                   GAsyncResult *result,
                   gpointer      user_data)
{
  g_autoptr(GError) error = NULL;
  g_autofree StormReceive *receive = user_data;
  Storm *storm = receive->storm;
  AioprocMessage *message;

  storm->n_pending--;
  message = aioproc_connection_recv_finish (AIOPROC_CONNECTION (source), result, &error);

  if (message != NULL)
    {
      g_array_index (storm->numbers, guint32, receive->index) =
        connection_test_take_number (message);
    }
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    {
      storm->has_ended = TRUE;
    }
  else
    {
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    }
}

static void
storm_receive (Storm        *storm,
               GCancellable *cancellable)
{
  const guint32 nothing = 0;
  StormReceive *receive = g_new (StormReceive, 1);

  receive->storm = storm;
  receive->index = storm->numbers->len;
  g_array_append_val (storm->numbers, nothing);
  storm->n_pending++;
  aioproc_connection_recv_async (storm->connection, -1, cancellable, storm_received_cb, receive);
}

static void
storm_sent_cb (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr(GError) error = NULL;
  Storm *storm = user_data;

  storm->n_pending--;

  if (aioproc_connection_send_finish (AIOPROC_CONNECTION (source), result, &error))
    storm->n_sent++;
  else
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_many_cancelled (void)
{
  Storm sender = { 0 };
  Storm receiver = { 0 };
  g_autoptr(GError) error = NULL;
  guint n_received = 0;
  guint32 last = 0;

  g_test_summary ("Sends and receives are cancelled at any moment: what was sent comes, whole");

  connection_test_pipe (&sender.connection, &receiver.connection);

  receiver.numbers = g_array_new (FALSE, FALSE, sizeof (guint32));

  for (guint32 i = 1; i <= N_STORM; i++)
    {
      g_autoptr(AioprocMessage) message = i % 50 == 7 ? connection_test_new_large (i)
                                                      : connection_test_new_number (i);
      g_autoptr(GCancellable) send_cancellable = g_cancellable_new ();
      g_autoptr(GCancellable) recv_cancellable = g_cancellable_new ();

      sender.n_pending++;
      aioproc_connection_send_async (sender.connection, message, -1, send_cancellable,
                                     storm_sent_cb, &sender);
      storm_receive (&receiver, recv_cancellable);

      while (g_random_int_range (0, 3) != 0)
        g_main_context_iteration (NULL, FALSE);

      if (g_random_boolean ())
        g_cancellable_cancel (send_cancellable);

      if (g_random_boolean ())
        g_cancellable_cancel (recv_cancellable);

      /* Never far ahead of those who receive. */
      while (sender.n_pending > 20)
        {
          storm_receive (&receiver, NULL);
          g_main_context_iteration (NULL, TRUE);
        }
    }

  g_assert_true (aioproc_connection_close_send (sender.connection, &error));
  g_assert_no_error (error);

  while (!receiver.has_ended)
    {
      storm_receive (&receiver, NULL);
      g_main_context_iteration (NULL, TRUE);
    }

  aioproc_test_wait_until (receiver.n_pending == 0 && sender.n_pending == 0);

  for (guint i = 0; i < receiver.numbers->len; i++)
    {
      guint32 number = g_array_index (receiver.numbers, guint32, i);

      if (number == 0)
        continue;

      g_assert_cmpuint (number, >, last);
      last = number;
      n_received++;
    }

  g_assert_cmpuint (n_received, ==, sender.n_sent);
  g_assert_cmpuint (n_received, >, 0);
  g_array_unref (receiver.numbers);

  g_assert_finalize_object (sender.connection);
  g_assert_finalize_object (receiver.connection);
}

static gpointer
cancel_thread (gpointer data)
{
  GCancellable *cancellable = data;

  pass_time (300);
  g_cancellable_cancel (cancellable);

  return NULL;
}

static void
test_many_cancelled_blocking (void)
{
  AioprocConnection *a, *b;
  guint32 next = 0;

  g_test_summary ("A blocking receive that another thread cancels takes a message or leaves it");

  connection_test_pipe (&a, &b);

  for (guint32 i = 0; i < 300; i++)
    {
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      g_autoptr(GError) error = NULL;
      GThread *thread = g_thread_new ("cancel", cancel_thread, cancellable);
      AioprocMessage *message;

      connection_test_send_number (a, i);

      while ((message = aioproc_connection_recv (b, -1, cancellable, &error)) != NULL)
        {
          g_assert_cmpuint (connection_test_take_number (message), ==, next);
          next++;
        }

      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_thread_join (thread);
    }

  for (; next < 300; next++)
    g_assert_cmpuint (connection_test_recv_number (b), ==, next);

  g_assert_finalize_object (a);
  g_assert_finalize_object (b);
}

/* --- Contexts --- */

static gpointer
other_context_thread (gpointer data)
{
  g_autoptr(GMainContext) context = g_main_context_new ();
  AioprocConnection *connection = data;
  guint32 next = 0;

  g_main_context_push_thread_default (context);

  for (guint i = 0; i < 200; i++)
    {
      g_autoptr(GAsyncResult) result = NULL;
      guint32 number;

      aioproc_connection_recv_async (connection, -1, NULL, aioproc_test_store_result, &result);
      number = connection_test_finish_number (connection, &result);
      g_assert_cmpuint (number, >=, next);
      next = number + 1;
    }

  g_main_context_pop_thread_default (context);

  return NULL;
}

static void
test_many_contexts (void)
{
  g_autoptr(GAsyncResult) result = NULL;
  AioprocConnection *a, *b;
  GThread *threads[2];

  g_test_summary ("A context that does not run holds up no receives of others, behind its own");

  connection_test_pipe (&a, &b);

  /* The first of all; its context runs at the end. */
  aioproc_connection_recv_async (b, -1, NULL, aioproc_test_store_result, &result);

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("context", other_context_thread, b);

  for (guint32 i = 0; i < 401; i++)
    connection_test_send_number (a, i);

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);

  g_assert_cmpuint (connection_test_finish_number (b, &result), ==, 0);

  g_assert_finalize_object (a);
  g_assert_finalize_object (b);
}

/* --- Processes --- */

static GSubprocess *
start_peer (const char         *mode,
            AioprocConnection **connection)
{
  g_autofree char *path = aioproc_test_build_helper_path ("aioproc-test-connection-peer");
  g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_autoptr(GError) error = NULL;
  GSubprocess *process;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  g_subprocess_launcher_take_fd (launcher, fds[1], 3);
  process = g_subprocess_launcher_spawn (launcher, &error, path, "3", mode, NULL);
  g_assert_no_error (error);
  *connection = aioproc_connection_new_for_fd (fds[0], &error);
  g_assert_no_error (error);

  return process;
}

static void
test_many_echo (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GSubprocess) process = NULL;
  AioprocConnection *connection;

  g_test_summary ("Another process sends back what it gets, until the end");

  process = start_peer ("echo", &connection);

  for (guint32 i = 0; i < 200; i++)
    {
      g_autoptr(AioprocMessage) message = i % 20 == 3 ? connection_test_new_large (i)
                                                      : connection_test_new_number (i);

      g_assert_true (aioproc_connection_send (connection, message, -1, NULL, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (connection_test_recv_number (connection), ==, i);
    }

  g_assert_true (aioproc_connection_close_send (connection, &error));
  g_assert_no_error (error);
  connection_test_assert_recv (connection, G_IO_ERROR_CLOSED);
  g_assert_true (aioproc_test_wait_subprocess (process));

  g_assert_finalize_object (connection);
}

static void
test_many_killed (void)
{
  g_test_summary ("A peer that is killed amid its sends: whole messages, then the end");

  /* Each starts a program, which takes long on a machine that is busy. */
  for (guint round = 0; round < 10; round++)
    {
      g_autoptr(GSubprocess) process = NULL;
      AioprocConnection *connection;
      guint32 next;

      process = start_peer ("flood", &connection);

      for (next = 0; next < (guint32) g_random_int_range (1, 2000); next++)
        g_assert_cmpuint (connection_test_recv_number (connection), ==, next);

      g_subprocess_force_exit (process);

      for (;; next++)
        {
          g_autoptr(GError) error = NULL;
          AioprocMessage *message = aioproc_connection_recv (connection, -1, NULL, &error);

          if (message == NULL)
            {
              g_assert_true (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED) ||
                             g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT));
              break;
            }

          g_assert_cmpuint (connection_test_take_number (message), ==, next);
        }

      g_assert_false (aioproc_test_wait_subprocess (process));
      g_assert_finalize_object (connection);
    }
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/connection/many/threads", test_many_threads);
  aioproc_test_add_func ("/aioproc/connection/many/closed", test_many_closed);
  aioproc_test_add_func ("/aioproc/connection/many/cancelled", test_many_cancelled);
  aioproc_test_add_func ("/aioproc/connection/many/cancelled/blocking",
                         test_many_cancelled_blocking);
  aioproc_test_add_func ("/aioproc/connection/many/contexts", test_many_contexts);
  aioproc_test_add_func ("/aioproc/connection/many/echo", test_many_echo);
  aioproc_test_add_func ("/aioproc/connection/many/killed", test_many_killed);

  return g_test_run ();
}
