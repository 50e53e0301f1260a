/* aioproc-context.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-context.h"
#include "process/aioproc-context-private.h"

#include <string.h>

#include "aioproc-error.h"
#include "process/aioproc-functions-private.h"
#include "process/aioproc-own-program-private.h"
#include "process/aioproc-supervisor-spawn-private.h"

#define DEFAULT_EXIT_TIMEOUT_USEC (2 * G_USEC_PER_SEC)
#define DEFAULT_LOG_LEVELS        (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL | \
                                   G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE)

/**
 * AioprocContext:
 *
 * Says how and where worker processes run.
 *
 * A context is made once for each kind of worker that a program has, and given to
 * [ctor@Aioproc.Process.new]. Without one, a process uses the default context: its workers are
 * this executable itself, whose `main()` calls [func@Aioproc.init] first.
 *
 * ```c
 * static AioprocContext *
 * new_context (void)
 * {
 *   g_auto(GStrv) environment = g_environ_setenv (g_get_environ (), "COLOUR", "green", TRUE);
 *   AioprocContext *context = aioproc_context_new ();
 *
 *   aioproc_context_set_start_method (context, AIOPROC_START_METHOD_SPAWN);
 *   aioproc_context_set_environment (context, (const char * const *) environment);
 *   aioproc_context_set_working_directory (context, "/");
 *   aioproc_context_set_cpu_time_limit (context, 60);
 *   aioproc_context_set_exit_timeout (context, 10 * G_TIME_SPAN_SECOND);
 *
 *   return context;
 * }
 * …
 * context = new_context ();
 * process = aioproc_process_new (context, "look-around", NULL);
 * ```
 *
 * # The worker program
 *
 * - This program: neither [property@Aioproc.Context:program] nor [property@Aioproc.Context:module]
 *   is set. The functions are those that it gave to [func@Aioproc.init]; if it is a script, those
 *   that it added before [func@Aioproc.worker_run], and its workers run the script again.
 * - A module: [property@Aioproc.Context:module] names a shared library, which the small installed
 *   program `aioproc-worker` loads. The functions are its exported symbols.
 * - Any program: [property@Aioproc.Context:program] is its command line. Such a program calls
 *   [func@Aioproc.init] or [func@Aioproc.worker_run], or speaks the wire protocol by itself.
 *
 * # Changing it
 *
 * All properties can be set until the first process of the context is started, and no more after
 * that: all workers of one context are alike. To set one later is a critical warning, and has no
 * effect.
 *
 * # Thread safety
 *
 * All functions may be called from any thread. `notify` is emitted in the thread that set the
 * property.
 *
 * # Process safety
 *
 * A context is not shareable. A worker has a default context of its own, that says nothing of how
 * the worker itself was started.
 *
 * Since: 0.1
 */
G_DEFINE_FINAL_TYPE (AioprocContext, aioproc_context, G_TYPE_OBJECT)

G_DEFINE_ENUM_TYPE (AioprocStartMethod, aioproc_start_method,
  G_DEFINE_ENUM_VALUE (AIOPROC_START_METHOD_SPAWN, "spawn"),
  G_DEFINE_ENUM_VALUE (AIOPROC_START_METHOD_FORKSERVER, "forkserver"),
  G_DEFINE_ENUM_VALUE (AIOPROC_START_METHOD_FORK, "fork"))

G_STATIC_ASSERT ((int) AIOPROC_START_METHOD_SPAWN == (int) AIOPROC_CHILD_SPAWN);
G_STATIC_ASSERT ((int) AIOPROC_START_METHOD_FORKSERVER == (int) AIOPROC_CHILD_FORKSERVER);
G_STATIC_ASSERT ((int) AIOPROC_START_METHOD_FORK == (int) AIOPROC_CHILD_FORK);

GParamSpec *aioproc_context_props[AIOPROC_CONTEXT_N_PROPS];

static char **
make_argv_locked (AioprocContext  *self,
                  GError         **error)
{
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new ();
  g_autofree char *path = NULL;

  if (self->program != NULL && self->module != NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           "A context has either a program or a module, not both");
      return NULL;
    }

  if (self->module != NULL)
    {
      /* A bare name is looked for as dlopen() does. */
      g_autofree char *module = strchr (self->module, '/') != NULL
                                ? g_canonicalize_filename (self->module, NULL)
                                : g_strdup (self->module);

      path = aioproc_build_program_path ("aioproc-worker");
      g_strv_builder_add_many (builder, path, module, NULL);
    }
  else if (self->program != NULL)
    {
      if (self->program[0] == NULL)
        {
          g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                               "The program of the context is an empty command line");
          return NULL;
        }

      if (strchr (self->program[0], '/') != NULL)
        path = g_canonicalize_filename (self->program[0], NULL);
      else
        path = g_find_program_in_path (self->program[0]);

      if (path == NULL)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                       "Could not find the worker program “%s”", self->program[0]);
          return NULL;
        }

      g_strv_builder_add (builder, path);
      g_strv_builder_addv (builder, (const char **) self->program + 1);
    }
  else
    {
      if (self->start_method != AIOPROC_START_METHOD_FORK && !aioproc_functions_are_known ())
        {
          g_set_error_literal (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_INITIALIZED,
                               "This program is its own worker program, but it never called "
                               "aioproc_init(), or aioproc_worker_run(), which must come first "
                               "in main()");
          return NULL;
        }

      return aioproc_own_program_dup_argv (error);
    }

  return g_strv_builder_end (builder);
}

static gboolean
make_spec_locked (AioprocContext  *self,
                  GError         **error)
{
  g_autoptr(AioprocChildSpec) spec = NULL;

  spec = aioproc_child_spec_new ((AioprocChildMethod) self->start_method);
  spec->argv = make_argv_locked (self, error);
  if (spec->argv == NULL)
    return FALSE;

  spec->environment = g_strdupv (self->environment);
  spec->working_directory = g_strdup (self->working_directory);
  spec->preload = g_strdupv (self->preload);
  spec->memory_limit = self->memory_limit;
  spec->cpu_time_limit = self->cpu_time_limit;
  spec->file_limit = self->file_limit;

  /* The standard output of a test program is TAP, of which a worker must not write a line. */
  spec->stdout_to_stderr = g_test_initialized ();

  self->spec = g_steal_pointer (&spec);

  return TRUE;
}

gboolean
aioproc_context_begin_start (AioprocContext          *self,
                             AioprocContextSettings  *settings,
                             GError                 **error)
{
  g_autoptr(AioprocMutexLocker) locker = NULL;

  g_assert (AIOPROC_IS_CONTEXT (self));

  locker = aioproc_mutex_locker_new (&self->mutex);

  if (self->spec == NULL && !make_spec_locked (self, error))
    return FALSE;

  self->is_used = TRUE;

  settings->spec = aioproc_child_spec_ref (self->spec);
  settings->log_levels = self->log_levels;
  settings->log_fatal = self->log_fatal;
  settings->exit_timeout_usec = self->exit_timeout_usec;

  return TRUE;
}

static void
aioproc_context_get_property (GObject    *object,
                              guint       prop_id,
                              GValue     *value,
                              GParamSpec *pspec)
{
  AioprocContext *self = AIOPROC_CONTEXT (object);

  switch ((AioprocContextProperty) prop_id)
    {
    case AIOPROC_CONTEXT_PROP_START_METHOD:
      g_value_set_enum (value, aioproc_context_get_start_method (self));
      break;

    case AIOPROC_CONTEXT_PROP_PROGRAM:
      g_value_take_boxed (value, aioproc_context_dup_program (self));
      break;

    case AIOPROC_CONTEXT_PROP_MODULE:
      g_value_take_string (value, aioproc_context_dup_module (self));
      break;

    case AIOPROC_CONTEXT_PROP_PRELOAD:
      g_value_take_boxed (value, aioproc_context_dup_preload (self));
      break;

    case AIOPROC_CONTEXT_PROP_ENVIRONMENT:
      g_value_take_boxed (value, aioproc_context_dup_environment (self));
      break;

    case AIOPROC_CONTEXT_PROP_WORKING_DIRECTORY:
      g_value_take_string (value, aioproc_context_dup_working_directory (self));
      break;

    case AIOPROC_CONTEXT_PROP_MEMORY_LIMIT:
      g_value_set_uint64 (value, aioproc_context_get_memory_limit (self));
      break;

    case AIOPROC_CONTEXT_PROP_CPU_TIME_LIMIT:
      g_value_set_uint64 (value, aioproc_context_get_cpu_time_limit (self));
      break;

    case AIOPROC_CONTEXT_PROP_FILE_LIMIT:
      g_value_set_uint64 (value, aioproc_context_get_file_limit (self));
      break;

    case AIOPROC_CONTEXT_PROP_LOG_FORWARDING:
      g_value_set_uint (value, aioproc_context_get_log_forwarding (self));
      break;

    case AIOPROC_CONTEXT_PROP_LOG_FATAL:
      g_value_set_boolean (value, aioproc_context_get_log_fatal (self));
      break;

    case AIOPROC_CONTEXT_PROP_EXIT_TIMEOUT:
      g_value_set_int64 (value, aioproc_context_get_exit_timeout (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_context_set_property (GObject      *object,
                              guint         prop_id,
                              const GValue *value,
                              GParamSpec   *pspec)
{
  AioprocContext *self = AIOPROC_CONTEXT (object);

  switch ((AioprocContextProperty) prop_id)
    {
    case AIOPROC_CONTEXT_PROP_START_METHOD:
      aioproc_context_set_start_method (self, g_value_get_enum (value));
      break;

    case AIOPROC_CONTEXT_PROP_PROGRAM:
      aioproc_context_set_program (self, g_value_get_boxed (value));
      break;

    case AIOPROC_CONTEXT_PROP_MODULE:
      aioproc_context_set_module (self, g_value_get_string (value));
      break;

    case AIOPROC_CONTEXT_PROP_PRELOAD:
      aioproc_context_set_preload (self, g_value_get_boxed (value));
      break;

    case AIOPROC_CONTEXT_PROP_ENVIRONMENT:
      aioproc_context_set_environment (self, g_value_get_boxed (value));
      break;

    case AIOPROC_CONTEXT_PROP_WORKING_DIRECTORY:
      aioproc_context_set_working_directory (self, g_value_get_string (value));
      break;

    case AIOPROC_CONTEXT_PROP_MEMORY_LIMIT:
      aioproc_context_set_memory_limit (self, g_value_get_uint64 (value));
      break;

    case AIOPROC_CONTEXT_PROP_CPU_TIME_LIMIT:
      aioproc_context_set_cpu_time_limit (self, g_value_get_uint64 (value));
      break;

    case AIOPROC_CONTEXT_PROP_FILE_LIMIT:
      aioproc_context_set_file_limit (self, g_value_get_uint64 (value));
      break;

    case AIOPROC_CONTEXT_PROP_LOG_FORWARDING:
      aioproc_context_set_log_forwarding (self, g_value_get_uint (value));
      break;

    case AIOPROC_CONTEXT_PROP_LOG_FATAL:
      aioproc_context_set_log_fatal (self, g_value_get_boolean (value));
      break;

    case AIOPROC_CONTEXT_PROP_EXIT_TIMEOUT:
      aioproc_context_set_exit_timeout (self, g_value_get_int64 (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_context_finalize (GObject *object)
{
  AioprocContext *self = AIOPROC_CONTEXT (object);

  g_strfreev (self->program);
  g_free (self->module);
  g_strfreev (self->preload);
  g_strfreev (self->environment);
  g_free (self->working_directory);
  g_clear_pointer (&self->spec, aioproc_child_spec_unref);
  aioproc_mutex_clear (&self->mutex);

  G_OBJECT_CLASS (aioproc_context_parent_class)->finalize (object);
}

static void
aioproc_context_class_init (AioprocContextClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamSpec **props = aioproc_context_props;

  object_class->get_property = aioproc_context_get_property;
  object_class->set_property = aioproc_context_set_property;
  object_class->finalize = aioproc_context_finalize;

  /**
   * AioprocContext:start-method: (getter get_start_method) (setter set_start_method)
   *
   * How workers come to be; at first that of the program, see [func@Aioproc.set_start_method].
   *
   * Since: 0.1
   */
  props[AIOPROC_CONTEXT_PROP_START_METHOD] =
    g_param_spec_enum ("start-method", NULL, NULL,
                       AIOPROC_TYPE_START_METHOD, AIOPROC_START_METHOD_FORKSERVER,
                       G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocContext:program: (getter dup_program) (setter set_program)
   *
   * The command line of the worker program, or `NULL` for this executable.
   *
   * The first element is looked for in `PATH` if it has no slash. The program is to call
   * [func@Aioproc.init] or [func@Aioproc.worker_run], or to speak the wire protocol.
   *
   * Since: 0.1
   */
  props[AIOPROC_CONTEXT_PROP_PROGRAM] =
    g_param_spec_boxed ("program", NULL, NULL, G_TYPE_STRV,
                        G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocContext:module: (getter dup_module) (setter set_module)
   *
   * The shared library whose exported symbols are the functions, or `NULL`.
   *
   * A name without a slash is looked for as `dlopen()` does. The library is loaded by the
   * installed program `aioproc-worker`. Each function has the type [callback@Aioproc.Function].
   *
   * Since: 0.1
   */
  props[AIOPROC_CONTEXT_PROP_MODULE] =
    g_param_spec_string ("module", NULL, NULL, NULL,
                         G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocContext:preload: (getter dup_preload) (setter set_preload)
   *
   * The names of functions that run once in the forkserver, or `NULL`.
   *
   * What they load and compute is then shared by all its workers, copy on write. They get an
   * [class@Aioproc.Call] without arguments, must not start threads or processes, and what they log
   * goes to the forkserver’s standard error. Other start methods ignore them. A function that
   * fails, or is not there, fails the starts.
   *
   * Since: 0.1
   */
  props[AIOPROC_CONTEXT_PROP_PRELOAD] =
    g_param_spec_boxed ("preload", NULL, NULL, G_TYPE_STRV,
                        G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocContext:environment: (getter dup_environment) (setter set_environment)
   *
   * The whole environment of workers, as `NAME=value`, or `NULL` for that of this program.
   *
   * Since: 0.1
   */
  props[AIOPROC_CONTEXT_PROP_ENVIRONMENT] =
    g_param_spec_boxed ("environment", NULL, NULL, G_TYPE_STRV,
                        G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocContext:working-directory: (getter dup_working_directory) (setter set_working_directory)
   *
   * The folder that workers start in, or `NULL` for that of this program.
   *
   * Since: 0.1
   */
  props[AIOPROC_CONTEXT_PROP_WORKING_DIRECTORY] =
    g_param_spec_string ("working-directory", NULL, NULL, NULL,
                         G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocContext:memory-limit: (getter get_memory_limit) (setter set_memory_limit)
   *
   * The most bytes of address space that a worker may have, or 0 for no limit of its own.
   *
   * Since: 0.1
   */
  props[AIOPROC_CONTEXT_PROP_MEMORY_LIMIT] =
    g_param_spec_uint64 ("memory-limit", NULL, NULL, 0, G_MAXUINT64, 0,
                         G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocContext:cpu-time-limit: (getter get_cpu_time_limit) (setter set_cpu_time_limit)
   *
   * The most seconds of processor time that a worker may use, or 0 for no limit of its own.
   *
   * A worker that uses more is killed by `SIGXCPU`.
   *
   * Since: 0.1
   */
  props[AIOPROC_CONTEXT_PROP_CPU_TIME_LIMIT] =
    g_param_spec_uint64 ("cpu-time-limit", NULL, NULL, 0, G_MAXUINT64, 0,
                         G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocContext:file-limit: (getter get_file_limit) (setter set_file_limit)
   *
   * One more than the highest descriptor that a worker may have, or 0 for this program’s limit.
   *
   * Since: 0.1
   */
  props[AIOPROC_CONTEXT_PROP_FILE_LIMIT] =
    g_param_spec_uint64 ("file-limit", NULL, NULL, 0, G_MAXUINT64, 0,
                         G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocContext:log-forwarding: (getter get_log_forwarding) (setter set_log_forwarding)
   *
   * The levels of log records that a worker sends to this program.
   *
   * It is a mask of [flags@GLib.LogLevelFlags]; the default is messages, warnings and all that is
   * worse. Records arrive while the worker runs, in a thread of the library’s own, through
   * [func@GLib.log_structured_array], as what they were in the worker, with two fields more:
   * `AIOPROC_WORKER_PID` and `AIOPROC_WORKER_NAME`. What is not forwarded is handled in the worker
   * by [func@GLib.log_writer_default].
   *
   * Since: 0.1
   */
  props[AIOPROC_CONTEXT_PROP_LOG_FORWARDING] =
    g_param_spec_uint ("log-forwarding", NULL, NULL, 0, G_MAXUINT, DEFAULT_LOG_LEVELS,
                       G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocContext:log-fatal: (getter get_log_fatal) (setter set_log_fatal)
   *
   * Whether a record that a worker sent may abort this program as if it were its own.
   *
   * By default it never does, not in a test program, where warnings are fatal, and not if the
   * worker called `g_error()`, whose record arrives as a critical warning with the field
   * `AIOPROC_WORKER_FATAL`.
   *
   * Since: 0.1
   */
  props[AIOPROC_CONTEXT_PROP_LOG_FATAL] =
    g_param_spec_boolean ("log-fatal", NULL, NULL, FALSE,
                          G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocContext:exit-timeout: (getter get_exit_timeout) (setter set_exit_timeout)
   *
   * How many microseconds the end of this program waits for running workers.
   *
   * Two seconds by default. Daemons get `SIGTERM` first. What runs after that time is killed.
   *
   * Since: 0.1
   */
  props[AIOPROC_CONTEXT_PROP_EXIT_TIMEOUT] =
    g_param_spec_int64 ("exit-timeout", NULL, NULL, 0, G_MAXINT64, DEFAULT_EXIT_TIMEOUT_USEC,
                        G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, AIOPROC_CONTEXT_N_PROPS, props);
}

static void
aioproc_context_init (AioprocContext *self)
{
  aioproc_mutex_init (&self->mutex);
  self->start_method = aioproc_get_start_method ();
  self->log_levels = DEFAULT_LOG_LEVELS;
  self->exit_timeout_usec = DEFAULT_EXIT_TIMEOUT_USEC;
}

/**
 * aioproc_context_new:
 *
 * Creates a context.
 *
 * Its workers are this executable, started by the start method of the program, until its properties
 * say something else.
 *
 * Returns: (transfer full): a new context
 *
 * Since: 0.1
 */
AioprocContext *
aioproc_context_new (void)
{
  return g_object_new (AIOPROC_TYPE_CONTEXT, NULL);
}
