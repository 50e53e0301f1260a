/* aioproc-start-method.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-context.h"

#include "aioproc-error.h"
#include "process/aioproc-context-private.h"
#include "process/aioproc-processors-private.h"

/* What is set once for the whole program. The mutex is taken before that of a context. */
static AioprocMutex program_mutex;
static AioprocStartMethod program_start_method = AIOPROC_START_METHOD_FORKSERVER;
static gboolean program_start_method_is_set;
static AioprocContext *default_context;   /* (owned) (nullable) immortal */

/**
 * aioproc_context_get_default:
 *
 * Gets the context of processes that were given none.
 *
 * Its properties can be set, before the first such process is started.
 *
 * Returns: (transfer none): the default context
 *
 * Since: 0.1
 */
AioprocContext *
aioproc_context_get_default (void)
{
  static gsize initialized = 0;

  if (g_once_init_enter (&initialized))
    {
      AioprocContext *context = aioproc_context_new ();

      aioproc_mutex_lock (&program_mutex);
      context->start_method = program_start_method;
      default_context = context;
      aioproc_mutex_unlock (&program_mutex);

      g_once_init_leave (&initialized, 1);
    }

  return default_context;
}

/**
 * aioproc_set_start_method:
 * @start_method: how workers come to be
 * @error: return location for a [type@GLib.Error]
 *
 * Sets the start method of the program, once.
 *
 * It holds for the default context, and for all contexts that are made later, until they are given
 * another one. This is for `main()`, not for libraries, which use a context of their own.
 *
 * Errors:
 *
 * - `AIOPROC_ERROR_INVALID_STATE`: the start method was set before, or a process of the default
 *   context was started.
 *
 * Returns: whether the start method was set
 *
 * Since: 0.1
 */
gboolean
aioproc_set_start_method (AioprocStartMethod   start_method,
                          GError             **error)
{
  AioprocContext *changed = NULL;

  g_return_val_if_fail (start_method >= AIOPROC_START_METHOD_SPAWN &&
                        start_method <= AIOPROC_START_METHOD_FORK, FALSE);

  aioproc_mutex_lock (&program_mutex);

  if (program_start_method_is_set)
    {
      aioproc_mutex_unlock (&program_mutex);
      g_set_error_literal (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE,
                           "The start method of the program was set before");
      return FALSE;
    }

  if (default_context != NULL)
    {
      gboolean is_used;

      aioproc_mutex_lock (&default_context->mutex);
      is_used = default_context->is_used;
      if (!is_used && default_context->start_method != start_method)
        {
          default_context->start_method = start_method;
          changed = default_context;
        }
      aioproc_mutex_unlock (&default_context->mutex);

      if (is_used)
        {
          aioproc_mutex_unlock (&program_mutex);
          g_set_error_literal (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE,
                               "A process was started already with the default start method");
          return FALSE;
        }
    }

  program_start_method = start_method;
  program_start_method_is_set = TRUE;

  aioproc_mutex_unlock (&program_mutex);

  if (changed != NULL)
    g_object_notify_by_pspec (G_OBJECT (changed),
                              aioproc_context_props[AIOPROC_CONTEXT_PROP_START_METHOD]);

  return TRUE;
}

/**
 * aioproc_get_start_method:
 *
 * Gets the start method of the program.
 *
 * Returns: what [func@Aioproc.set_start_method] set, or `AIOPROC_START_METHOD_FORKSERVER`
 *
 * Since: 0.1
 */
AioprocStartMethod
aioproc_get_start_method (void)
{
  AIOPROC_MUTEX_AUTO_LOCK (&program_mutex, locker);

  return program_start_method;
}

/**
 * aioproc_get_processor_count:
 *
 * Counts the processors that this process may use.
 *
 * The processor affinity of the process and the quotas of its control groups are heeded, so that
 * it is a good number of workers in a container too. It is asked anew by each call.
 *
 * Returns: how many, at least 1
 *
 * Since: 0.1
 */
guint
aioproc_get_processor_count (void)
{
  return aioproc_processors_apply_quota ("", g_get_num_processors ());
}
