/* worker-functions.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "worker-functions.h"

GVariant *
square (AioprocCall  *call,
        GError      **error)
{
  int number;

  if (!aioproc_call_get_arguments (call, error, "(i)", &number))
    return NULL;

  return g_variant_new ("(i)", number * number);
}

/* The arguments as they came, with what their handles name. */
GVariant *
echo (AioprocCall  *call,
      GError      **error)
{
  g_autoptr(AioprocMessage) message = aioproc_call_dup_message (call);

  aioproc_call_return_message (call, message);

  return NULL;
}

GVariant *
fail (AioprocCall  *call,
      GError      **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "There is no such thing");

  return NULL;
}

GVariant *
fail_aioproc (AioprocCall  *call,
              GError      **error)
{
  g_set_error_literal (error, AIOPROC_ERROR, AIOPROC_ERROR_BROKEN_BARRIER, "It is broken");

  return NULL;
}

GVariant *
nothing (AioprocCall  *call,
         GError      **error)
{
  return NULL;
}

static gboolean
later_cb (gpointer user_data)
{
  aioproc_call_return_value (user_data, g_variant_new ("(s)", "later"));

  return G_SOURCE_REMOVE;
}

GVariant *
later (AioprocCall  *call,
       GError      **error)
{
  aioproc_call_defer (call);
  g_idle_add_full (G_PRIORITY_LOW, later_cb, g_object_ref (call), g_object_unref);

  return NULL;
}

static gboolean
fail_later_cb (gpointer user_data)
{
  g_autoptr(GError) error = NULL;

  error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_BUSY, "Too late");
  aioproc_call_return_error (user_data, error);

  return G_SOURCE_REMOVE;
}

GVariant *
fail_later (AioprocCall  *call,
            GError      **error)
{
  aioproc_call_defer (call);
  g_idle_add_full (G_PRIORITY_LOW, fail_later_cb, g_object_ref (call), g_object_unref);

  return NULL;
}

GVariant *
progress (AioprocCall  *call,
          GError      **error)
{
  aioproc_call_report_progress (call, 0.25, "begins");
  aioproc_call_report_progress (call, 0.75, "goes on");

  return g_variant_new ("()");
}

/* Says that it is half-way, and stays there until the event is set. */
GVariant *
pause_halfway (AioprocCall  *call,
               GError      **error)
{
  g_autoptr(GObject) go = NULL;
  int handle;

  if (!aioproc_call_get_arguments (call, error, "(h)", &handle))
    return NULL;

  aioproc_call_report_progress (call, 0.5, "half-way");

  go = aioproc_call_dup_object (call, handle, error);
  if (go == NULL || !aioproc_event_wait (AIOPROC_EVENT (go), -1, NULL, error))
    return NULL;

  return g_variant_new ("()");
}

/* Sets the event, and waits to be cancelled. */
GVariant *
wait_cancelled (AioprocCall  *call,
                GError      **error)
{
  g_autoptr(AioprocEvent) never = NULL;
  g_autoptr(GObject) ready = NULL;
  int handle;

  if (!aioproc_call_get_arguments (call, error, "(h)", &handle))
    return NULL;

  ready = aioproc_call_dup_object (call, handle, error);
  if (ready == NULL || !aioproc_event_set (AIOPROC_EVENT (ready), error))
    return NULL;

  never = aioproc_event_new (error);
  if (never == NULL || !aioproc_event_wait (never, -1, aioproc_call_get_cancellable (call), error))
    return NULL;

  return g_variant_new ("()");
}

/* Acquires the lock, sets the first event, and holds the lock until the second one is set. */
GVariant *
hold (AioprocCall  *call,
      GError      **error)
{
  g_autoptr(GObject) lock = NULL;
  g_autoptr(GObject) held = NULL;
  g_autoptr(GObject) go = NULL;
  int handles[3];

  if (!aioproc_call_get_arguments (call, error, "(hhh)", &handles[0], &handles[1], &handles[2]))
    return NULL;

  if ((lock = aioproc_call_dup_object (call, handles[0], error)) == NULL
      || (held = aioproc_call_dup_object (call, handles[1], error)) == NULL
      || (go = aioproc_call_dup_object (call, handles[2], error)) == NULL
      || !aioproc_lock_acquire (AIOPROC_LOCK (lock), -1, NULL, error)
      || !aioproc_event_set (AIOPROC_EVENT (held), error)
      || !aioproc_event_wait (AIOPROC_EVENT (go), -1, NULL, error)
      || !aioproc_lock_release (AIOPROC_LOCK (lock), error))
    return NULL;

  return g_variant_new ("()");
}

/* Holds the lock while it puts the numbers from 0 to below the last argument, and an end mark. */
GVariant *
produce (AioprocCall  *call,
         GError      **error)
{
  g_autoptr(GObject) lock = NULL;
  g_autoptr(GObject) ready = NULL;
  g_autoptr(GObject) queue = NULL;
  int handles[3];
  int n;

  if (!aioproc_call_get_arguments (call, error, "(hhhi)", &handles[0], &handles[1], &handles[2],
                                   &n))
    return NULL;

  if ((lock = aioproc_call_dup_object (call, handles[0], error)) == NULL
      || (ready = aioproc_call_dup_object (call, handles[1], error)) == NULL
      || (queue = aioproc_call_dup_object (call, handles[2], error)) == NULL
      || !aioproc_lock_acquire (AIOPROC_LOCK (lock), -1, NULL, error)
      || !aioproc_event_set (AIOPROC_EVENT (ready), error))
    return NULL;

  for (int i = 0; i < n; i++)
    {
      if (!aioproc_queue_put (AIOPROC_QUEUE (queue), g_variant_new ("i", i), -1, NULL, error))
        return NULL;
    }

  if (!aioproc_queue_put (AIOPROC_QUEUE (queue), g_variant_new ("()"), -1, NULL, error)
      || !aioproc_lock_release (AIOPROC_LOCK (lock), error))
    return NULL;

  return g_variant_new ("()");
}

/* Puts into the second queue what it gets from the first one, negated, until that is closed. */
GVariant *
negate (AioprocCall  *call,
        GError      **error)
{
  g_autoptr(GObject) from = NULL;
  g_autoptr(GObject) to = NULL;
  g_autoptr(GError) end = NULL;
  int handles[2];

  if (!aioproc_call_get_arguments (call, error, "(hh)", &handles[0], &handles[1]))
    return NULL;

  if ((from = aioproc_call_dup_object (call, handles[0], error)) == NULL
      || (to = aioproc_call_dup_object (call, handles[1], error)) == NULL)
    return NULL;

  for (;;)
    {
      g_autoptr(GVariant) value = aioproc_queue_get (AIOPROC_QUEUE (from), -1, NULL, &end);

      if (value == NULL)
        break;

      if (!aioproc_queue_put (AIOPROC_QUEUE (to), g_variant_new ("i", -g_variant_get_int32 (value)),
                              -1, NULL, error))
        return NULL;
    }

  if (!g_error_matches (end, G_IO_ERROR, G_IO_ERROR_CLOSED))
    {
      g_propagate_error (error, g_steal_pointer (&end));
      return NULL;
    }

  return g_variant_new ("()");
}

/* What the worker knows of itself: its name, its pid, and the pid of who started it. */
GVariant *
whoami (AioprocCall  *call,
        GError      **error)
{
  g_autofree char *name = aioproc_process_dup_name (aioproc_process_get_current ());

  return g_variant_new ("(sii)", name, aioproc_process_get_pid (aioproc_process_get_current ()),
                        aioproc_process_get_pid (aioproc_process_get_parent ()));
}

/* What a worker that stays has been told, and has kept. */
static int remembered;

GVariant *
remember (AioprocCall  *call,
          GError      **error)
{
  if (!aioproc_call_get_arguments (call, error, "(i)", &remembered))
    return NULL;

  return g_variant_new ("()");
}

GVariant *
recall (AioprocCall  *call,
        GError      **error)
{
  return g_variant_new ("(i)", remembered);
}
