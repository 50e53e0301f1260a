/* quickstart.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A worker, and what it shares with the main program, whose main loop never stands still. */

#include <aioproc.h>

#define TICK_MSEC 10
#define LONG_USEC (100 * G_TIME_SPAN_MILLISECOND)

/* Runs in its own process, with plain blocking calls. The queue ends with a mark: nothing. */
static GVariant *
worker (AioprocCall  *call,
        GError      **error)
{
  g_autoptr(AioprocQueue) queue = NULL;
  g_autoptr(AioprocEvent) event = NULL;
  g_autoptr(AioprocLock) lock = NULL;
  int handles[3];

  if (!aioproc_call_get_arguments (call, error, "(hhh)", &handles[0], &handles[1], &handles[2]) ||
      !(queue = AIOPROC_QUEUE (aioproc_call_dup_object (call, handles[0], error))) ||
      !(event = AIOPROC_EVENT (aioproc_call_dup_object (call, handles[1], error))) ||
      !(lock = AIOPROC_LOCK (aioproc_call_dup_object (call, handles[2], error))) ||
      !aioproc_lock_acquire (lock, -1, NULL, error) ||
      !aioproc_event_set (event, error))
    return NULL;

  for (int item = 1; item <= 5; item++)
    {
      g_usleep (LONG_USEC);
      if (!aioproc_queue_put (queue, g_variant_new ("mi", TRUE, item + 5), -1, NULL, error))
        return NULL;
    }
  if (!aioproc_queue_put (queue, g_variant_new ("mi", FALSE, 0), -1, NULL, error) ||
      !aioproc_lock_release (lock, error))
    return NULL;
  return g_variant_new ("()");
}

static const AioprocFunctionEntry functions[] = { { "worker", worker } };

static GMainLoop *loop;
static AioprocQueue *queue;
static AioprocEvent *event;
static AioprocLock *lock;
static guint n_ticks;   /* since the wait began */
static gint64 wait_began_usec, last_tick_usec, latest_usec;

static gboolean
tick_cb (gpointer user_data)
{
  gint64 now_usec = g_get_monotonic_time ();

  latest_usec = MAX (latest_usec, now_usec - last_tick_usec - TICK_MSEC * 1000);
  last_tick_usec = now_usec;
  n_ticks++;
  return G_SOURCE_CONTINUE;
}

/* One wait has ended, without an error, and the main loop ran meanwhile; the next one begins. */
static void
next_wait (const GError *error)
{
  gint64 now_usec = g_get_monotonic_time ();

  if (error != NULL)
    g_error ("%s", error->message);
  if (now_usec - wait_began_usec >= LONG_USEC && n_ticks == 0)
    g_error ("The main loop stood still");

  wait_began_usec = now_usec;
  n_ticks = 0;
}

static void
joined_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  AioprocProcess *process = AIOPROC_PROCESS (source);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  if (aioproc_process_join_finish (process, result, &error))
    value = aioproc_process_dup_result (process, &error);
  next_wait (error);
  g_print ("Worker process finished.\n"
           "The latest tick was %.1f ms late.\n", (double) latest_usec / 1000);
  g_main_loop_quit (loop);
}

static void
got_cb (GObject      *source,
        GAsyncResult *result,
        gpointer      user_data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) value = aioproc_queue_get_finish (queue, result, &error);
  gboolean is_number;
  int number;

  next_wait (error);
  g_variant_get (value, "mi", &is_number, &number);
  if (!is_number)
    {
      aioproc_process_join_async (user_data, -1, NULL, joined_cb, NULL);
      return;
    }

  g_print ("Got result: %d\n", number);
  aioproc_queue_get_async (queue, -1, NULL, got_cb, user_data);
}

static void
put_cb (GObject      *source,
        GAsyncResult *result,
        gpointer      user_data)
{
  g_autoptr(GError) error = NULL;

  if (aioproc_queue_put_finish (queue, result, &error) && aioproc_lock_release (lock, &error))
    g_print ("Put 78 into queue from main process.\n");
  next_wait (error);
  g_print ("Collecting results from queue...\n");
  aioproc_queue_get_async (queue, -1, NULL, got_cb, user_data);
}

static void
acquired_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr(GError) error = NULL;

  if (aioproc_lock_acquire_finish (lock, result, &error))
    g_print ("Lock acquired in main process (async).\n");
  next_wait (error);
  aioproc_queue_put_async (queue, g_variant_new ("mi", TRUE, 78), -1, NULL, put_cb, user_data);
}

static void
ready_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  g_autoptr(GError) error = NULL;

  if (aioproc_event_wait_finish (event, result, &error))
    g_print ("Worker is ready.\n");
  next_wait (error);
  aioproc_lock_acquire_async (lock, -1, NULL, acquired_cb, user_data);
}

static void
started_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr(GError) error = NULL;

  aioproc_process_start_finish (AIOPROC_PROCESS (source), result, &error);
  next_wait (error);
  aioproc_event_wait_async (event, -1, NULL, ready_cb, source);
}

int
main (void)
{
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(GError) error = NULL;
  int handles[3];

  aioproc_init (functions, G_N_ELEMENTS (functions));   /* in the worker: does not return */

  message = aioproc_message_new (NULL);
  if (!(queue = aioproc_queue_new (0, &error)) || !(event = aioproc_event_new (&error)) ||
      !(lock = aioproc_lock_new (&error)) ||
      (handles[0] = aioproc_message_append_object (message, G_OBJECT (queue), &error)) < 0 ||
      (handles[1] = aioproc_message_append_object (message, G_OBJECT (event), &error)) < 0 ||
      (handles[2] = aioproc_message_append_object (message, G_OBJECT (lock), &error)) < 0)
    g_error ("%s", error->message);

  aioproc_message_set_body (message, g_variant_new ("(hhh)", handles[0], handles[1], handles[2]));
  process = aioproc_process_new_with_message (NULL, "worker", message);

  g_print ("Starting worker process...\n");
  wait_began_usec = last_tick_usec = g_get_monotonic_time ();
  g_timeout_add (TICK_MSEC, tick_cb, NULL);
  aioproc_process_start_async (process, NULL, started_cb, NULL);
  loop = g_main_loop_new (NULL, FALSE);
  g_main_loop_run (loop);
  return 0;
}
