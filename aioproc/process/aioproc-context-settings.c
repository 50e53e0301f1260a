/* aioproc-context-settings.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-context.h"

#include "process/aioproc-context-private.h"

/* Locks @self for a change of @prop. FALSE: too late, and not locked. */
static gboolean
begin_change (AioprocContext         *self,
              AioprocContextProperty  prop)
{
  aioproc_mutex_lock (&self->mutex);

  if (!self->is_used)
    return TRUE;

  aioproc_mutex_unlock (&self->mutex);
  g_critical ("The property “%s” of a context cannot be set after the first start",
              aioproc_context_props[prop]->name);

  return FALSE;
}

static void
end_change (AioprocContext         *self,
            AioprocContextProperty  prop,
            gboolean                is_changed)
{
  aioproc_mutex_unlock (&self->mutex);

  if (is_changed)
    g_object_notify_by_pspec (G_OBJECT (self), aioproc_context_props[prop]);
}

static void
set_string (AioprocContext          *self,
            AioprocContextProperty   prop,
            char                   **field,
            const char              *value)
{
  gboolean is_changed;

  if (!begin_change (self, prop))
    return;

  is_changed = g_strcmp0 (*field, value) != 0;
  if (is_changed)
    {
      g_free (*field);
      *field = g_strdup (value);
    }

  end_change (self, prop, is_changed);
}

static void
set_strv (AioprocContext           *self,
          AioprocContextProperty    prop,
          char                   ***field,
          const char * const       *value)
{
  gboolean is_changed;

  if (!begin_change (self, prop))
    return;

  if (*field == NULL || value == NULL)
    is_changed = (*field == NULL) != (value == NULL);
  else
    is_changed = !g_strv_equal ((const char * const *) *field, value);

  if (is_changed)
    {
      g_strfreev (*field);
      *field = g_strdupv ((char **) value);
    }

  end_change (self, prop, is_changed);
}

static void
set_uint64 (AioprocContext         *self,
            AioprocContextProperty  prop,
            guint64                *field,
            guint64                 value)
{
  gboolean is_changed;

  if (!begin_change (self, prop))
    return;

  is_changed = *field != value;
  *field = value;

  end_change (self, prop, is_changed);
}

static char *
dup_string (AioprocContext  *self,
            char           **field)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return g_strdup (*field);
}

static char **
dup_strv (AioprocContext   *self,
          char           ***field)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return g_strdupv (*field);
}

static guint64
get_uint64 (AioprocContext *self,
            guint64        *field)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return *field;
}

/**
 * aioproc_context_get_start_method: (get-property start-method)
 * @self: a context
 *
 * Gets how workers come to be.
 *
 * Returns: the start method
 *
 * Since: 0.1
 */
AioprocStartMethod
aioproc_context_get_start_method (AioprocContext *self)
{
  g_autoptr(AioprocMutexLocker) locker = NULL;

  g_return_val_if_fail (AIOPROC_IS_CONTEXT (self), AIOPROC_START_METHOD_FORKSERVER);

  locker = aioproc_mutex_locker_new (&self->mutex);

  return self->start_method;
}

/**
 * aioproc_context_set_start_method: (set-property start-method)
 * @self: a context
 * @start_method: the new start method
 *
 * Sets how workers come to be, before the first start.
 *
 * Since: 0.1
 */
void
aioproc_context_set_start_method (AioprocContext     *self,
                                  AioprocStartMethod  start_method)
{
  gboolean is_changed;

  g_return_if_fail (AIOPROC_IS_CONTEXT (self));
  g_return_if_fail (start_method >= AIOPROC_START_METHOD_SPAWN &&
                    start_method <= AIOPROC_START_METHOD_FORK);

  if (!begin_change (self, AIOPROC_CONTEXT_PROP_START_METHOD))
    return;

  is_changed = self->start_method != start_method;
  self->start_method = start_method;

  end_change (self, AIOPROC_CONTEXT_PROP_START_METHOD, is_changed);
}

/**
 * aioproc_context_dup_program: (get-property program)
 * @self: a context
 *
 * Gets the command line of the worker program.
 *
 * Returns: (transfer full) (nullable) (array zero-terminated=1): a copy, or `NULL`
 *
 * Since: 0.1
 */
char **
aioproc_context_dup_program (AioprocContext *self)
{
  g_return_val_if_fail (AIOPROC_IS_CONTEXT (self), NULL);

  return dup_strv (self, &self->program);
}

/**
 * aioproc_context_set_program: (set-property program)
 * @self: a context
 * @program: (nullable) (array zero-terminated=1): a command line, or `NULL` for this executable
 *
 * Sets the command line of the worker program, before the first start.
 *
 * Since: 0.1
 */
void
aioproc_context_set_program (AioprocContext      *self,
                             const char * const  *program)
{
  g_return_if_fail (AIOPROC_IS_CONTEXT (self));

  set_strv (self, AIOPROC_CONTEXT_PROP_PROGRAM, &self->program, program);
}

/**
 * aioproc_context_dup_module: (get-property module)
 * @self: a context
 *
 * Gets the shared library whose symbols are the functions.
 *
 * Returns: (transfer full) (nullable): a copy, or `NULL`
 *
 * Since: 0.1
 */
char *
aioproc_context_dup_module (AioprocContext *self)
{
  g_return_val_if_fail (AIOPROC_IS_CONTEXT (self), NULL);

  return dup_string (self, &self->module);
}

/**
 * aioproc_context_set_module: (set-property module)
 * @self: a context
 * @module: (nullable): a file name, or `NULL`
 *
 * Sets the shared library with the functions, before the first start.
 *
 * Since: 0.1
 */
void
aioproc_context_set_module (AioprocContext *self,
                            const char     *module)
{
  g_return_if_fail (AIOPROC_IS_CONTEXT (self));

  set_string (self, AIOPROC_CONTEXT_PROP_MODULE, &self->module, module);
}

/**
 * aioproc_context_dup_preload: (get-property preload)
 * @self: a context
 *
 * Gets the names of the functions that run once in the forkserver.
 *
 * Returns: (transfer full) (nullable) (array zero-terminated=1): a copy, or `NULL`
 *
 * Since: 0.1
 */
char **
aioproc_context_dup_preload (AioprocContext *self)
{
  g_return_val_if_fail (AIOPROC_IS_CONTEXT (self), NULL);

  return dup_strv (self, &self->preload);
}

/**
 * aioproc_context_set_preload: (set-property preload)
 * @self: a context
 * @preload: (nullable) (array zero-terminated=1): names of functions, or `NULL`
 *
 * Sets which functions run once in the forkserver, before the first start.
 *
 * Since: 0.1
 */
void
aioproc_context_set_preload (AioprocContext      *self,
                             const char * const  *preload)
{
  g_return_if_fail (AIOPROC_IS_CONTEXT (self));

  set_strv (self, AIOPROC_CONTEXT_PROP_PRELOAD, &self->preload, preload);
}

/**
 * aioproc_context_dup_environment: (get-property environment)
 * @self: a context
 *
 * Gets the environment of workers.
 *
 * Returns: (transfer full) (nullable) (array zero-terminated=1): a copy, or `NULL`
 *
 * Since: 0.1
 */
char **
aioproc_context_dup_environment (AioprocContext *self)
{
  g_return_val_if_fail (AIOPROC_IS_CONTEXT (self), NULL);

  return dup_strv (self, &self->environment);
}

/**
 * aioproc_context_set_environment: (set-property environment)
 * @self: a context
 * @environment: (nullable) (array zero-terminated=1): `NAME=value` strings, or
 *   `NULL` for that of this program
 *
 * Sets the environment of workers, before the first start.
 *
 * Since: 0.1
 */
void
aioproc_context_set_environment (AioprocContext      *self,
                                 const char * const  *environment)
{
  g_return_if_fail (AIOPROC_IS_CONTEXT (self));

  set_strv (self, AIOPROC_CONTEXT_PROP_ENVIRONMENT, &self->environment, environment);
}

/**
 * aioproc_context_dup_working_directory: (get-property working-directory)
 * @self: a context
 *
 * Gets the folder that workers start in.
 *
 * Returns: (transfer full) (nullable): a copy, or `NULL`
 *
 * Since: 0.1
 */
char *
aioproc_context_dup_working_directory (AioprocContext *self)
{
  g_return_val_if_fail (AIOPROC_IS_CONTEXT (self), NULL);

  return dup_string (self, &self->working_directory);
}

/**
 * aioproc_context_set_working_directory: (set-property working-directory)
 * @self: a context
 * @directory: (nullable): a folder, or `NULL` for that of this program
 *
 * Sets the folder that workers start in, before the first start.
 *
 * Since: 0.1
 */
void
aioproc_context_set_working_directory (AioprocContext *self,
                                       const char     *directory)
{
  g_return_if_fail (AIOPROC_IS_CONTEXT (self));

  set_string (self, AIOPROC_CONTEXT_PROP_WORKING_DIRECTORY,
              &self->working_directory, directory);
}

/**
 * aioproc_context_get_memory_limit: (get-property memory-limit)
 * @self: a context
 *
 * Gets the limit of a worker’s address space.
 *
 * Returns: the limit, or 0
 *
 * Since: 0.1
 */
guint64
aioproc_context_get_memory_limit (AioprocContext *self)
{
  g_return_val_if_fail (AIOPROC_IS_CONTEXT (self), 0);

  return get_uint64 (self, &self->memory_limit);
}

/**
 * aioproc_context_set_memory_limit: (set-property memory-limit)
 * @self: a context
 * @bytes: the limit, or 0 for none
 *
 * Sets the limit of a worker’s address space, before the first start.
 *
 * Since: 0.1
 */
void
aioproc_context_set_memory_limit (AioprocContext *self,
                                  guint64         bytes)
{
  g_return_if_fail (AIOPROC_IS_CONTEXT (self));

  set_uint64 (self, AIOPROC_CONTEXT_PROP_MEMORY_LIMIT,
              &self->memory_limit, bytes);
}

/**
 * aioproc_context_get_cpu_time_limit: (get-property cpu-time-limit)
 * @self: a context
 *
 * Gets the limit of a worker’s processor time.
 *
 * Returns: the limit, or 0
 *
 * Since: 0.1
 */
guint64
aioproc_context_get_cpu_time_limit (AioprocContext *self)
{
  g_return_val_if_fail (AIOPROC_IS_CONTEXT (self), 0);

  return get_uint64 (self, &self->cpu_time_limit);
}

/**
 * aioproc_context_set_cpu_time_limit: (set-property cpu-time-limit)
 * @self: a context
 * @seconds: the limit, or 0 for none
 *
 * Sets the limit of a worker’s processor time, before the first start.
 *
 * Since: 0.1
 */
void
aioproc_context_set_cpu_time_limit (AioprocContext *self,
                                    guint64         seconds)
{
  g_return_if_fail (AIOPROC_IS_CONTEXT (self));

  set_uint64 (self, AIOPROC_CONTEXT_PROP_CPU_TIME_LIMIT,
              &self->cpu_time_limit, seconds);
}

/**
 * aioproc_context_get_file_limit: (get-property file-limit)
 * @self: a context
 *
 * Gets the limit of a worker’s descriptors.
 *
 * Returns: the limit, or 0
 *
 * Since: 0.1
 */
guint64
aioproc_context_get_file_limit (AioprocContext *self)
{
  g_return_val_if_fail (AIOPROC_IS_CONTEXT (self), 0);

  return get_uint64 (self, &self->file_limit);
}

/**
 * aioproc_context_set_file_limit: (set-property file-limit)
 * @self: a context
 * @n_files: the limit, or 0 for that of this program
 *
 * Sets the limit of a worker’s descriptors, before the first start.
 *
 * Since: 0.1
 */
void
aioproc_context_set_file_limit (AioprocContext *self,
                                guint64         n_files)
{
  g_return_if_fail (AIOPROC_IS_CONTEXT (self));

  set_uint64 (self, AIOPROC_CONTEXT_PROP_FILE_LIMIT,
              &self->file_limit, n_files);
}

/**
 * aioproc_context_get_log_forwarding: (get-property log-forwarding)
 * @self: a context
 *
 * Gets the levels of log records that reach this program.
 *
 * Returns: a mask of levels
 *
 * Since: 0.1
 */
GLogLevelFlags
aioproc_context_get_log_forwarding (AioprocContext *self)
{
  g_autoptr(AioprocMutexLocker) locker = NULL;

  g_return_val_if_fail (AIOPROC_IS_CONTEXT (self), 0);

  locker = aioproc_mutex_locker_new (&self->mutex);

  return self->log_levels;
}

/**
 * aioproc_context_set_log_forwarding: (set-property log-forwarding)
 * @self: a context
 * @levels: a mask of levels
 *
 * Sets which log records reach this program, before the first start.
 *
 * Since: 0.1
 */
void
aioproc_context_set_log_forwarding (AioprocContext *self,
                                    GLogLevelFlags  levels)
{
  gboolean is_changed;

  g_return_if_fail (AIOPROC_IS_CONTEXT (self));

  if (!begin_change (self, AIOPROC_CONTEXT_PROP_LOG_FORWARDING))
    return;

  is_changed = self->log_levels != levels;
  self->log_levels = levels;

  end_change (self, AIOPROC_CONTEXT_PROP_LOG_FORWARDING, is_changed);
}

/**
 * aioproc_context_get_log_fatal: (get-property log-fatal)
 * @self: a context
 *
 * Gets whether forwarded log records can be fatal.
 *
 * Returns: `TRUE` if they can abort this program
 *
 * Since: 0.1
 */
gboolean
aioproc_context_get_log_fatal (AioprocContext *self)
{
  g_autoptr(AioprocMutexLocker) locker = NULL;

  g_return_val_if_fail (AIOPROC_IS_CONTEXT (self), FALSE);

  locker = aioproc_mutex_locker_new (&self->mutex);

  return self->log_fatal;
}

/**
 * aioproc_context_set_log_fatal: (set-property log-fatal)
 * @self: a context
 * @log_fatal: whether they can abort this program
 *
 * Sets whether forwarded log records can be fatal, before the first start.
 *
 * Since: 0.1
 */
void
aioproc_context_set_log_fatal (AioprocContext *self,
                               gboolean        log_fatal)
{
  gboolean is_changed;

  g_return_if_fail (AIOPROC_IS_CONTEXT (self));

  if (!begin_change (self, AIOPROC_CONTEXT_PROP_LOG_FATAL))
    return;

  is_changed = self->log_fatal != log_fatal;
  self->log_fatal = log_fatal;

  end_change (self, AIOPROC_CONTEXT_PROP_LOG_FATAL, is_changed);
}

/**
 * aioproc_context_get_exit_timeout: (get-property exit-timeout)
 * @self: a context
 *
 * Gets how long the end of this program waits for workers.
 *
 * Returns: microseconds
 *
 * Since: 0.1
 */
gint64
aioproc_context_get_exit_timeout (AioprocContext *self)
{
  g_autoptr(AioprocMutexLocker) locker = NULL;

  g_return_val_if_fail (AIOPROC_IS_CONTEXT (self), 0);

  locker = aioproc_mutex_locker_new (&self->mutex);

  return self->exit_timeout_usec;
}

/**
 * aioproc_context_set_exit_timeout: (set-property exit-timeout)
 * @self: a context
 * @timeout_usec: microseconds, 0 for no patience
 *
 * Sets how long the program’s end waits for workers, before the first start.
 *
 * Since: 0.1
 */
void
aioproc_context_set_exit_timeout (AioprocContext *self,
                                  gint64          timeout_usec)
{
  gboolean is_changed;

  g_return_if_fail (AIOPROC_IS_CONTEXT (self));
  g_return_if_fail (timeout_usec >= 0);

  if (!begin_change (self, AIOPROC_CONTEXT_PROP_EXIT_TIMEOUT))
    return;

  is_changed = self->exit_timeout_usec != timeout_usec;
  self->exit_timeout_usec = timeout_usec;

  end_change (self, AIOPROC_CONTEXT_PROP_EXIT_TIMEOUT, is_changed);
}
