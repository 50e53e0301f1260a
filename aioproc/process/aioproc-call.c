/* aioproc-call.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-call.h"
#include "process/aioproc-call-private.h"

#include "aioproc-error.h"
#include "core/aioproc-mutex-private.h"

/* More reports than this are held back, if they bring no new text. */
#define PROGRESS_INTERVAL_USEC (20 * 1000)

/**
 * AioprocCall:
 *
 * A call of a function, as the worker that runs it sees it.
 *
 * It is the first argument of every worker function: it holds the arguments and the shared objects
 * that came with them, tells when the caller wants the function to stop, and carries progress to
 * the caller.
 *
 * ```c
 * static GVariant *
 * count (AioprocCall  *call,
 *        GError      **error)
 * {
 *   GCancellable *cancellable = aioproc_call_get_cancellable (call);
 *   guint n;
 *
 *   if (!aioproc_call_get_arguments (call, error, "(u)", &n))
 *     return NULL;
 *
 *   for (guint i = 0; i < n; i++)
 *     {
 *       if (g_cancellable_set_error_if_cancelled (cancellable, error))
 *         return NULL;
 *       aioproc_call_report_progress (call, (double) i / n, "Counting");
 *     }
 *
 *   return g_variant_new ("(u)", n);
 * }
 * ```
 *
 * # Asynchronous functions
 *
 * A function that cannot give its result at once calls [method@Aioproc.Call.defer], keeps a
 * reference to the call, returns `NULL`, and later, from any thread, calls
 * [method@Aioproc.Call.return_value], [method@Aioproc.Call.return_message] or
 * [method@Aioproc.Call.return_error].
 *
 * # Thread safety
 *
 * All functions may be called from any thread.
 *
 * # Process safety
 *
 * A call belongs to the worker that runs it. In a process that this worker forks it has no effect:
 * nothing is reported, and nothing returned. When the calling program ends, the worker is killed.
 *
 * Since: 0.1
 */
struct _AioprocCall
{
  GObject               parent_instance;

  char                 *name;              /* (owned) immutable */
  GVariant             *arguments;         /* (owned) immutable */
  const AioprocCallOps *ops;               /* immutable */

  AioprocMutex          mutex;

  /* All protected by @mutex; the first two are immutable once they are there */
  AioprocMessage       *message;           /* (owned) (nullable) NULL: not asked for, no handles */
  GCancellable         *cancellable;       /* (owned) (nullable) NULL: not asked for */
  gboolean              is_deferred;
  gboolean              is_returned;
  GVariant             *value;             /* (owned) (nullable) the result, if it is no message */
  AioprocMessage       *result;            /* (owned) (nullable) */
  GError               *error;             /* (owned) (nullable) */
  gint64                progress_usec;     /* when the last report was sent; 0: none */
  gboolean              progress_is_held;  /* whether what follows is still to be sent */
  double                progress_fraction;
  char                 *progress_text;     /* (owned) (nullable) */
};

G_DEFINE_FINAL_TYPE (AioprocCall, aioproc_call, G_TYPE_OBJECT)

static void
aioproc_call_finalize (GObject *object)
{
  AioprocCall *self = AIOPROC_CALL (object);

  g_free (self->name);
  g_clear_object (&self->message);
  g_clear_pointer (&self->arguments, g_variant_unref);
  g_clear_object (&self->cancellable);
  g_clear_pointer (&self->value, g_variant_unref);
  g_clear_object (&self->result);
  g_clear_error (&self->error);
  g_free (self->progress_text);
  aioproc_mutex_clear (&self->mutex);

  G_OBJECT_CLASS (aioproc_call_parent_class)->finalize (object);
}

static void
aioproc_call_class_init (AioprocCallClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = aioproc_call_finalize;
}

static void
aioproc_call_init (AioprocCall *self)
{
  aioproc_mutex_init (&self->mutex);
}

AioprocCall *
aioproc_call_new (const char           *name,
                  AioprocMessage       *message,
                  const AioprocCallOps *ops)
{
  AioprocCall *self = g_object_new (AIOPROC_TYPE_CALL, NULL);

  self->name = g_strdup (name);
  self->message = g_object_ref (message);
  self->arguments = aioproc_message_dup_body (message);
  if (self->arguments == NULL)
    self->arguments = g_variant_ref_sink (g_variant_new ("()"));
  self->ops = ops;

  return self;
}

AioprocCall *
aioproc_call_new_for_arguments (const char           *name,
                                GVariant             *arguments,
                                const AioprocCallOps *ops)
{
  AioprocCall *self = g_object_new (AIOPROC_TYPE_CALL, NULL);

  self->name = g_strdup (name);
  self->arguments = arguments;
  self->ops = ops;

  return self;
}

static AioprocMessage *
get_message (AioprocCall *self)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  if (self->message == NULL)
    self->message = aioproc_message_new (self->arguments);

  return self->message;
}

/* Ends the call with @value, @result or @error, of which it takes the one that is not NULL. */
static void
take_outcome (AioprocCall    *self,
              GVariant       *value,
              AioprocMessage *result,
              GError         *error)
{
  gboolean is_second;

  aioproc_mutex_lock (&self->mutex);

  is_second = self->is_returned;
  if (!is_second)
    {
      self->is_returned = TRUE;
      self->value = g_steal_pointer (&value);
      self->result = g_steal_pointer (&result);
      self->error = g_steal_pointer (&error);
    }

  aioproc_mutex_unlock (&self->mutex);

  if (is_second)
    {
      g_critical ("The call of “%s” was returned twice", self->name);
      g_clear_pointer (&value, g_variant_unref);
      g_clear_object (&result);
      g_clear_error (&error);
      return;
    }

  self->ops->returned (self);
}

void
aioproc_call_function_ended (AioprocCall *self,
                             GVariant    *value,
                             GError      *error)
{
  g_autoptr(GVariant) owned = value != NULL ? g_variant_take_ref (value) : NULL;
  gboolean is_pending;

  if (error != NULL)
    {
      take_outcome (self, NULL, NULL, error);
      return;
    }

  if (owned != NULL)
    {
      take_outcome (self, g_steal_pointer (&owned), NULL, NULL);
      return;
    }

  aioproc_mutex_lock (&self->mutex);
  is_pending = self->is_deferred || self->is_returned;
  aioproc_mutex_unlock (&self->mutex);

  if (!is_pending)
    take_outcome (self, NULL, NULL,
                  g_error_new (AIOPROC_ERROR, AIOPROC_ERROR_REMOTE,
                               "The function “%s” returned neither a value nor an error",
                               self->name));
}

gboolean
aioproc_call_is_returned (AioprocCall *self)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return self->is_returned;
}

AioprocMessage *
aioproc_call_dup_outcome (AioprocCall  *self,
                          GError      **error)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  g_assert (self->is_returned);

  if (self->error != NULL)
    {
      g_propagate_error (error, g_error_copy (self->error));
      return NULL;
    }

  return self->result != NULL ? g_object_ref (self->result) : aioproc_message_new (self->value);
}

GVariant *
aioproc_call_steal_value (AioprocCall *self)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  return g_steal_pointer (&self->value);
}

gboolean
aioproc_call_reuse (AioprocCall *self,
                    GVariant    *arguments)
{
  GObject *object = G_OBJECT (self);

  /* With one reference, the caller's, nobody else can do anything to it; data, and weak references,
   * which are that too, end with the object.
   */
  if (g_atomic_int_get (&object->ref_count) != 1 || object->qdata != NULL)
    return FALSE;

  g_clear_object (&self->message);
  g_clear_object (&self->cancellable);
  g_clear_pointer (&self->value, g_variant_unref);
  g_clear_object (&self->result);
  g_clear_error (&self->error);
  g_clear_pointer (&self->progress_text, g_free);
  g_clear_pointer (&self->arguments, g_variant_unref);
  self->arguments = arguments;
  self->is_deferred = FALSE;
  self->is_returned = FALSE;
  self->progress_usec = 0;
  self->progress_is_held = FALSE;

  return TRUE;
}

/**
 * aioproc_call_get_name:
 * @self: a call
 *
 * Gets the name of the called function.
 *
 * Returns: the name by which the caller asked for it
 *
 * Since: 0.1
 */
const char *
aioproc_call_get_name (AioprocCall *self)
{
  g_return_val_if_fail (AIOPROC_IS_CALL (self), NULL);

  return self->name;
}

/**
 * aioproc_call_get_cancellable:
 * @self: a call
 *
 * Gets the cancellable of the call.
 *
 * It is cancelled, in a thread of the library’s own, when the caller uses
 * [method@Aioproc.Process.cancel]. A function that never asks for it cannot be stopped that way.
 *
 * Returns: (transfer none): the cancellable
 *
 * Since: 0.1
 */
GCancellable *
aioproc_call_get_cancellable (AioprocCall *self)
{
  gboolean is_first;

  g_return_val_if_fail (AIOPROC_IS_CALL (self), NULL);

  aioproc_mutex_lock (&self->mutex);
  is_first = self->cancellable == NULL;
  if (is_first)
    self->cancellable = g_cancellable_new ();
  aioproc_mutex_unlock (&self->mutex);

  if (is_first)
    self->ops->watch_cancel (self, self->cancellable);

  return self->cancellable;
}

/**
 * aioproc_call_dup_arguments:
 * @self: a call
 *
 * Gets the arguments of the call.
 *
 * Returns: (transfer full): the arguments; the empty tuple, `()`, if the caller gave none
 *
 * Since: 0.1
 */
GVariant *
aioproc_call_dup_arguments (AioprocCall *self)
{
  g_return_val_if_fail (AIOPROC_IS_CALL (self), NULL);

  return g_variant_ref (self->arguments);
}

/**
 * aioproc_call_dup_message:
 * @self: a call
 *
 * Gets the message that the call came with.
 *
 * It holds the arguments, shared objects, bytes and descriptors.
 *
 * Returns: (transfer full): the message, which must not be changed
 *
 * Since: 0.1
 */
AioprocMessage *
aioproc_call_dup_message (AioprocCall *self)
{
  g_return_val_if_fail (AIOPROC_IS_CALL (self), NULL);

  return g_object_ref (get_message (self));
}

static void
set_type_error (AioprocCall  *self,
                const char   *expected,
                GError      **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               "The function “%s” takes arguments of the type “%s”, not “%s”",
               self->name, expected, g_variant_get_type_string (self->arguments));
}

/**
 * aioproc_call_check_arguments:
 * @self: a call
 * @type_string: a [struct@GLib.VariantType] string, as `(us)`, which may be indefinite
 * @error: return location for a [type@GLib.Error]
 *
 * Checks that the arguments are of a type.
 *
 * A function begins with it, and returns `NULL` with the error if it fails.
 *
 * Errors:
 *
 * - `G_IO_ERROR_INVALID_ARGUMENT`: the arguments are of another type.
 *
 * Returns: whether the arguments are of the type
 *
 * Since: 0.1
 */
gboolean
aioproc_call_check_arguments (AioprocCall  *self,
                              const char   *type_string,
                              GError      **error)
{
  g_return_val_if_fail (AIOPROC_IS_CALL (self), FALSE);
  g_return_val_if_fail (type_string != NULL, FALSE);
  g_return_val_if_fail (g_variant_type_string_is_valid (type_string), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (g_variant_is_of_type (self->arguments, G_VARIANT_TYPE (type_string)))
    return TRUE;

  set_type_error (self, type_string, error);

  return FALSE;
}

/**
 * aioproc_call_get_arguments: (skip)
 * @self: a call
 * @error: return location for a [type@GLib.Error]
 * @format_string: a format string of [method@GLib.Variant.get]
 * @...: where to store the arguments
 *
 * Checks the type of the arguments, and takes them apart.
 *
 * What the format borrows, as `&s` does, lives as long as the call.
 *
 * Errors:
 *
 * - `G_IO_ERROR_INVALID_ARGUMENT`: the arguments are not of the type of the format.
 *
 * Returns: whether the arguments have been stored
 *
 * Since: 0.1
 */
gboolean
aioproc_call_get_arguments (AioprocCall  *self,
                            GError      **error,
                            const char   *format_string,
                            ...)
{
  va_list args;

  g_return_val_if_fail (AIOPROC_IS_CALL (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);
  g_return_val_if_fail (format_string != NULL, FALSE);

  if (!g_variant_check_format_string (self->arguments, format_string, FALSE))
    {
      set_type_error (self, format_string, error);
      return FALSE;
    }

  va_start (args, format_string);
  g_variant_get_va (self->arguments, format_string, NULL, &args);
  va_end (args);

  return TRUE;
}

/**
 * aioproc_call_dup_object:
 * @self: a call
 * @handle: a handle, the value of an `h` in the arguments
 * @error: return location for a [type@GLib.Error]
 *
 * Gets a shared object that came with the arguments.
 *
 * Errors: those of [method@Aioproc.Message.dup_object].
 *
 * Returns: (transfer full): the object, or `NULL` with @error set
 *
 * Since: 0.1
 */
GObject *
aioproc_call_dup_object (AioprocCall  *self,
                         int           handle,
                         GError      **error)
{
  g_return_val_if_fail (AIOPROC_IS_CALL (self), NULL);

  return aioproc_message_dup_object (get_message (self), handle, error);
}

/**
 * aioproc_call_dup_bytes:
 * @self: a call
 * @handle: a handle, the value of an `h` in the arguments
 * @error: return location for a [type@GLib.Error]
 *
 * Gets bytes that came with the arguments.
 *
 * Errors: those of [method@Aioproc.Message.dup_bytes].
 *
 * Returns: (transfer full): the bytes, or `NULL` with @error set
 *
 * Since: 0.1
 */
GBytes *
aioproc_call_dup_bytes (AioprocCall  *self,
                        int           handle,
                        GError      **error)
{
  g_return_val_if_fail (AIOPROC_IS_CALL (self), NULL);

  return aioproc_message_dup_bytes (get_message (self), handle, error);
}

/**
 * aioproc_call_dup_fd:
 * @self: a call
 * @handle: a handle, the value of an `h` in the arguments
 * @error: return location for a [type@GLib.Error]
 *
 * Gets a descriptor that came with the arguments.
 *
 * Errors: those of [method@Aioproc.Message.dup_fd].
 *
 * Returns: a descriptor that the caller closes, or -1 with @error set
 *
 * Since: 0.1
 */
int
aioproc_call_dup_fd (AioprocCall  *self,
                     int           handle,
                     GError      **error)
{
  g_return_val_if_fail (AIOPROC_IS_CALL (self), -1);

  return aioproc_message_dup_fd (get_message (self), handle, error);
}

/**
 * aioproc_call_report_progress:
 * @self: a call
 * @fraction: how much is done, from 0 to 1, or -1 if that is not known
 * @text: (nullable): what is being done, for people
 *
 * Tells the caller how far the call has come.
 *
 * It becomes [property@Aioproc.Process:progress] and [property@Aioproc.Process:progress-text] in
 * the program that started the process; of a task of a pool, [property@Aioproc.Task:progress] and
 * [property@Aioproc.Task:progress-text]. It may be called as often as is convenient: reports within
 * 20 ms of the last one are held back if they bring no new text, and the latest of them is sent
 * with a later one, or at the end.
 *
 * Since: 0.1
 */
void
aioproc_call_report_progress (AioprocCall *self,
                              double       fraction,
                              const char  *text)
{
  gint64 now_usec = g_get_monotonic_time ();
  gboolean is_due;

  g_return_if_fail (AIOPROC_IS_CALL (self));
  g_return_if_fail (fraction == -1.0 || (fraction >= 0.0 && fraction <= 1.0));
  g_return_if_fail (text == NULL || g_utf8_validate (text, -1, NULL));

  aioproc_mutex_lock (&self->mutex);

  is_due = self->progress_usec == 0
           || now_usec - self->progress_usec >= PROGRESS_INTERVAL_USEC
           || g_strcmp0 (text, self->progress_text) != 0;

  if (g_strcmp0 (text, self->progress_text) != 0)
    {
      g_free (self->progress_text);
      self->progress_text = g_strdup (text);
    }
  self->progress_fraction = fraction;
  self->progress_is_held = !is_due;
  if (is_due)
    self->progress_usec = now_usec;

  aioproc_mutex_unlock (&self->mutex);

  if (is_due)
    self->ops->report_progress (self, fraction, text);
}

void
aioproc_call_flush_progress (AioprocCall *self)
{
  g_autofree char *text = NULL;
  double fraction;
  gboolean is_held;

  aioproc_mutex_lock (&self->mutex);
  is_held = self->progress_is_held;
  self->progress_is_held = FALSE;
  fraction = self->progress_fraction;
  text = g_strdup (self->progress_text);
  aioproc_mutex_unlock (&self->mutex);

  if (is_held)
    self->ops->report_progress (self, fraction, text);
}

/**
 * aioproc_call_defer:
 * @self: a call
 *
 * Says that the call will be returned later, not by what its function returns.
 *
 * The function then returns `NULL`, and the worker iterates its main context until the call is
 * returned by [method@Aioproc.Call.return_value] or one of its like.
 *
 * Since: 0.1
 */
void
aioproc_call_defer (AioprocCall *self)
{
  g_return_if_fail (AIOPROC_IS_CALL (self));

  aioproc_mutex_lock (&self->mutex);
  self->is_deferred = TRUE;
  aioproc_mutex_unlock (&self->mutex);
}

/**
 * aioproc_call_return_value:
 * @self: a call
 * @value: the result; a floating one is taken
 *
 * Ends the call with a value.
 *
 * A call is returned once: by this, by one of its like, or by what its function returns.
 *
 * Since: 0.1
 */
void
aioproc_call_return_value (AioprocCall *self,
                           GVariant    *value)
{
  g_return_if_fail (AIOPROC_IS_CALL (self));
  g_return_if_fail (value != NULL);

  take_outcome (self, g_variant_ref_sink (value), NULL, NULL);
}

/**
 * aioproc_call_return_message:
 * @self: a call
 * @message: the result: a value, and the shared objects, bytes and descriptors it names
 *
 * Ends the call with a message.
 *
 * A function that wants to give shared objects back calls this, and returns `NULL`.
 *
 * Since: 0.1
 */
void
aioproc_call_return_message (AioprocCall    *self,
                             AioprocMessage *message)
{
  g_return_if_fail (AIOPROC_IS_CALL (self));
  g_return_if_fail (AIOPROC_IS_MESSAGE (message));

  take_outcome (self, NULL, g_object_ref (message), NULL);
}

/**
 * aioproc_call_return_error:
 * @self: a call
 * @error: what went wrong
 *
 * Ends the call with an error.
 *
 * Since: 0.1
 */
void
aioproc_call_return_error (AioprocCall  *self,
                           const GError *error)
{
  g_return_if_fail (AIOPROC_IS_CALL (self));
  g_return_if_fail (error != NULL);

  take_outcome (self, NULL, NULL, g_error_copy (error));
}
