/* aioproc-debug.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-debug-private.h"

#include <pthread.h>

#include "core/aioproc-mutex-private.h"

_Atomic guint aioproc_debug_flags = AIOPROC_DEBUG_UNKNOWN;

static AioprocMutex warned_mutex;
/* (element-type utf8) the functions that were warned of, which are static strings; protected by
 * @warned_mutex
 */
static GHashTable *warned;

static void
aioproc_debug_forked_child (void)
{
  aioproc_mutex_init (&warned_mutex);
}

static AioprocDebugFlags
aioproc_debug_get_flags (void)
{
  static const GDebugKey keys[] = {
    { "blocking", AIOPROC_DEBUG_BLOCKING },
  };
  static gsize read;

  if (g_once_init_enter (&read))
    {
      guint flags = g_parse_debug_string (g_getenv ("AIOPROC_DEBUG"), keys, G_N_ELEMENTS (keys));

      if (flags != 0)
        pthread_atfork (NULL, NULL, aioproc_debug_forked_child);

      atomic_store (&aioproc_debug_flags, flags);
      g_once_init_leave (&read, 1);
    }

  return atomic_load (&aioproc_debug_flags);
}

static gboolean
is_first (const char *function)
{
  AIOPROC_MUTEX_AUTO_LOCK (&warned_mutex, locker);

  if (warned == NULL)
    warned = g_hash_table_new (g_str_hash, g_str_equal);

  return g_hash_table_add (warned, (gpointer) function);
}

void
aioproc_debug_warn_blocking (const char *function)
{
  if ((aioproc_debug_get_flags () & AIOPROC_DEBUG_BLOCKING) != 0 && g_main_depth () > 0 &&
      is_first (function))
    g_warning ("%s() was called by a callback of a main loop, and may keep the loop waiting: "
               "use %s_async()", function, function);
}
