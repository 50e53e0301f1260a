/* aioproc-stream-thread.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-stream-thread-private.h"

#include <pthread.h>

#include <gio/gio.h>

#include "core/aioproc-mutex-private.h"
#include "core/aioproc-thread-private.h"
#include "platform/aioproc-fds-private.h"

static AioprocMutex thread_mutex;
/* (nullable): protected by @thread_mutex. */
static GMainContext *thread_context;

static gboolean
timeout_dispatch (GSource     *source,
                  GSourceFunc  callback,
                  gpointer     user_data)
{
  callback (user_data);

  return G_SOURCE_REMOVE;
}

static GSourceFuncs timeout_funcs = {
  .dispatch = timeout_dispatch,
};

static gpointer
stream_thread_main (gpointer data)
{
  GMainContext *context = data;

  g_main_context_push_thread_default (context);

  for (;;)
    g_main_context_iteration (context, TRUE);

  return NULL;
}

/* The child has the context, but no thread. */
static void
stream_thread_forked_child (void)
{
  aioproc_mutex_init (&thread_mutex);
  thread_context = NULL;
}

static void
watch_forks (void)
{
  static gsize is_watching = 0;

  if (g_once_init_enter (&is_watching))
    {
      pthread_atfork (NULL, NULL, stream_thread_forked_child);
      g_once_init_leave (&is_watching, 1);
    }
}

GMainContext *
aioproc_stream_thread_get_context (GError **error)
{
  g_autoptr(GMainContext) context = NULL;

  watch_forks ();

  AIOPROC_MUTEX_AUTO_LOCK (&thread_mutex, locker);

  if (thread_context != NULL)
    return thread_context;

  /* GLib aborts where there is no descriptor left for a context: ours, that of the program, which
   * the thread asks for, and the one behind all tasks. One more may be taken meanwhile.
   */
  if (!aioproc_fds_check_free (4, error))
    return NULL;

  context = g_main_context_new ();
  g_main_context_default ();
  g_type_ensure (G_TYPE_TASK);

  if (!aioproc_thread_start ("aioproc-streams", stream_thread_main, context, error))
    return NULL;

  thread_context = g_steal_pointer (&context);

  return thread_context;
}

GSource *
aioproc_stream_thread_new_timeout (gint64      usec,
                                   const char *name)
{
  GSource *source = g_source_new (&timeout_funcs, sizeof (GSource));
  gint64 now_usec = g_get_monotonic_time ();

  g_source_set_static_name (source, name);
  g_source_set_ready_time (source, usec < G_MAXINT64 - now_usec ? now_usec + usec : -1);

  return source;
}
