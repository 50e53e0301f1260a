/* aioproc-exit.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "process/aioproc-exit-private.h"

#include <stdlib.h>
#include <unistd.h>

#include "aioproc-init.h"
#include "core/aioproc-mutex-private.h"
#include "process/aioproc-child-private.h"
#include "process/aioproc-process-private.h"

typedef struct
{
  AioprocExitFunc  function;
  gpointer         user_data;
  GDestroyNotify   destroy;
} ExitHandler;

/* What belongs to one process. A fork of it has a copy, which it forgets when it first looks. */
static struct
{
  int           pid;             /* (atomic) whose all this is; 0: nobody's */
  AioprocMutex  mutex;

  /* All protected by @mutex */
  gboolean      is_registered;   /* with atexit(), which forked children inherit */
  GArray       *handlers;        /* (owned) (nullable) (element-type ExitHandler) */
  GPtrArray    *children;        /* (owned) (nullable) (element-type AioprocProcess) */
} at_exit;

static void
at_exit_cb (void)
{
  aioproc_exit_finish_children ();
  aioproc_exit_run_handlers ();
}

static void
lock_state (void)
{
  int pid = getpid ();
  int owner = g_atomic_int_get (&at_exit.pid);

  /* The one thread of a forked child, whose parent may have been in here with another one. What
   * the copies refer to is leaked: to let go of it is for the parent alone.
   */
  if (owner != 0 && owner != pid)
    {
      aioproc_mutex_init (&at_exit.mutex);
      at_exit.handlers = NULL;
      at_exit.children = NULL;
    }

  aioproc_mutex_lock (&at_exit.mutex);

  g_atomic_int_set (&at_exit.pid, pid);
  if (at_exit.handlers == NULL)
    at_exit.handlers = g_array_new (FALSE, FALSE, sizeof (ExitHandler));
  if (at_exit.children == NULL)
    at_exit.children = g_ptr_array_new_with_free_func (g_object_unref);
  if (!at_exit.is_registered)
    at_exit.is_registered = atexit (at_exit_cb) == 0;
}

static void
unlock_state (void)
{
  aioproc_mutex_unlock (&at_exit.mutex);
}

/* Whether this process itself has anything to see to. */
static gboolean
has_state (void)
{
  return g_atomic_int_get (&at_exit.pid) == getpid ();
}

/**
 * aioproc_worker_add_exit_handler:
 * @function: (scope notified) (closure user_data) (destroy destroy): what to do
 * @user_data: data for @function
 * @destroy: (nullable): what to do with @user_data afterwards
 *
 * Adds a function that is called once, at the normal end of this process.
 *
 * In a worker that is after its function has ended and its result has been sent, in the main
 * thread; the latest handler is called first. This is where a worker cleans up: `atexit()` handlers
 * do not run in workers that were forked. In other programs the handlers run at `exit()`.
 *
 * A worker program that adds handlers before it serves, as one in Python does, adds them to each of
 * its workers, whether they are forked or not. Other forks of a process run none of its handlers. A
 * process that is killed, or ends by `_exit()` or `abort()`, runs no handlers.
 *
 * Since: 0.1
 */
void
aioproc_worker_add_exit_handler (AioprocExitFunc  function,
                                 gpointer         user_data,
                                 GDestroyNotify   destroy)
{
  ExitHandler handler = { function, user_data, destroy };

  g_return_if_fail (function != NULL);

  lock_state ();
  g_array_append_val (at_exit.handlers, handler);
  unlock_state ();
}

void
aioproc_exit_inherit_handlers (void)
{
  if (g_atomic_int_get (&at_exit.pid) == 0)
    return;

  /* There is one thread, and in the forkserver there was one too. */
  aioproc_mutex_init (&at_exit.mutex);
  at_exit.children = NULL;
  g_atomic_int_set (&at_exit.pid, getpid ());
}

void
aioproc_exit_run_handlers (void)
{
  while (has_state ())
    {
      ExitHandler handler = { NULL };

      lock_state ();
      if (at_exit.handlers->len > 0)
        {
          guint last = at_exit.handlers->len - 1;

          handler = g_array_index (at_exit.handlers, ExitHandler, last);
          g_array_set_size (at_exit.handlers, last);
        }
      unlock_state ();

      if (handler.function == NULL)
        return;

      handler.function (handler.user_data);
      if (handler.destroy != NULL)
        handler.destroy (handler.user_data);
    }
}

void
aioproc_exit_add_child (AioprocProcess *process)
{
  lock_state ();
  g_ptr_array_add (at_exit.children, g_object_ref (process));
  unlock_state ();
}

void
aioproc_exit_remove_child (AioprocProcess *process)
{
  g_autoptr(AioprocProcess) removed = NULL;
  guint index;

  lock_state ();
  if (g_ptr_array_find (at_exit.children, process, &index))
    removed = g_ptr_array_steal_index (at_exit.children, index);
  unlock_state ();
}

GPtrArray *
aioproc_exit_dup_children (void)
{
  g_autoptr(GPtrArray) children = g_ptr_array_new_with_free_func (g_object_unref);

  if (!has_state ())
    return g_steal_pointer (&children);

  lock_state ();
  for (guint i = 0; i < at_exit.children->len; i++)
    g_ptr_array_add (children, g_object_ref (g_ptr_array_index (at_exit.children, i)));
  unlock_state ();

  return g_steal_pointer (&children);
}

void
aioproc_exit_finish_children (void)
{
  g_autoptr(GPtrArray) children = aioproc_exit_dup_children ();
  gint64 now_usec = g_get_monotonic_time ();
  gboolean all_ended = TRUE;

  for (guint i = 0; i < children->len; i++)
    {
      AioprocProcess *process = g_ptr_array_index (children, i);

      if (aioproc_process_get_daemon (process))
        aioproc_process_terminate (process, NULL);
    }

  for (guint i = 0; i < children->len; i++)
    {
      AioprocProcess *process = g_ptr_array_index (children, i);
      gint64 patience_usec = aioproc_process_get_exit_timeout (process);
      gint64 deadline_usec = patience_usec < G_MAXINT64 - now_usec ? now_usec + patience_usec : -1;

      if (!aioproc_process_wait_ended (process, deadline_usec))
        all_ended = FALSE;
    }

  if (!all_ended)
    aioproc_child_kill_all ();
}
