/* forward.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "forward-private.h"

#include "core/aioproc-shareable-private.h"

static GMutex calls_mutex;
static GString *calls;   /* (nullable) protected by @calls_mutex */

static gconstpointer
get_backend (gpointer inner)
{
  if (AIOPROC_IS_BARRIER (inner))
    return &forward_barrier_backend;

  if (AIOPROC_IS_CONDITION (inner))
    return &forward_condition_backend;

  if (AIOPROC_IS_EVENT (inner))
    return &forward_event_backend;

  if (AIOPROC_IS_LOCK (inner))
    return &forward_lock_backend;

  if (AIOPROC_IS_QUEUE (inner))
    return &forward_queue_backend;

  if (AIOPROC_IS_RLOCK (inner))
    return &forward_rlock_backend;

  if (AIOPROC_IS_SIMPLE_QUEUE (inner))
    return &forward_simple_queue_backend;

  g_assert_true (AIOPROC_IS_SEMAPHORE (inner));

  return &forward_semaphore_backend;
}

gpointer
forward_new (gpointer inner,
             gpointer lock)
{
  const char *property = lock != NULL ? "lock" : NULL;
  AioprocShareable *outer;

  outer = aioproc_shareable_new_for_backend (G_OBJECT_TYPE (inner), get_backend (inner),
                                             g_object_ref (inner), property, lock, NULL);
  g_object_set_data (G_OBJECT (outer), "forward-inner", inner);

  return outer;
}

gpointer
forward_get_inner (gpointer outer)
{
  return g_object_get_data (outer, "forward-inner");
}

void
forward_note (const char *function)
{
  g_mutex_lock (&calls_mutex);

  if (calls == NULL)
    calls = g_string_new (function);
  else
    g_string_append_printf (calls, " %s", function);

  g_mutex_unlock (&calls_mutex);
}

char *
forward_dup_calls (void)
{
  GString *taken;

  g_mutex_lock (&calls_mutex);
  taken = g_steal_pointer (&calls);
  g_mutex_unlock (&calls_mutex);

  return taken != NULL ? g_string_free (taken, FALSE) : NULL;
}

void
forward_return (GTask    *owned_task,
                gboolean  result,
                GError   *error)
{
  g_autoptr(GTask) task = owned_task;

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, result);
}

AioprocShm *
forward_get_no_shm (gpointer impl)
{
  return NULL;
}

void
forward_close (gpointer impl)
{
  g_object_run_dispose (impl);
}
