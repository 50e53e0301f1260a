/* aioproc-process-frames.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "aioproc-error.h"
#include "core/aioproc-message-private.h"
#include "process/aioproc-exit-private.h"
#include "process/aioproc-process-log-private.h"
#include "process/aioproc-process-private.h"
#include "process/aioproc-worker-private.h"

/* Everything here but what is `_locked` is called by the monitor thread, with no lock held. */

char *
aioproc_process_describe_locked (AioprocProcess *self)
{
  if (self->pid == 0)
    return g_strdup_printf ("Process “%s”", self->name);

  return g_strdup_printf ("Process “%s” (pid %d)", self->name, self->pid);
}

void
aioproc_process_set_child_locked (AioprocProcess *self,
                                  AioprocChild   *child)
{
  /* After the end, close() may have let go of it already. */
  if (self->child != NULL || self->state == AIOPROC_PROCESS_ENDED)
    return;

  self->child = aioproc_child_ref (child);
  if (self->has_pending_cancel)
    aioproc_process_send_cancel_locked (self);

  for (int signum = 1; self->pending_signals != 0; signum++, self->pending_signals >>= 1)
    {
      if ((self->pending_signals & 1) != 0)
        aioproc_child_send_signal (child, signum, NULL);
    }
}

void
aioproc_process_send_cancel_locked (AioprocProcess *self)
{
  const AioprocFrameInfo info = { .kind = AIOPROC_FRAME_CANCEL };

  if (self->state == AIOPROC_PROCESS_ENDED)
    return;

  if (self->child == NULL)
    self->has_pending_cancel = TRUE;
  else
    aioproc_child_send (self->child, aioproc_frame_new (&info, NULL, NULL));
}

gboolean
aioproc_process_signal_locked (AioprocProcess  *self,
                               int              signum,
                               GError         **error)
{
  if (self->state == AIOPROC_PROCESS_ENDED)
    return TRUE;

  if (self->child == NULL)
    {
      self->pending_signals |= G_GUINT64_CONSTANT (1) << (signum - 1);
      return TRUE;
    }

  return aioproc_child_send_signal (self->child, signum, error);
}

static void
child_started_cb (AioprocChild *child,
                  gpointer      user_data)
{
  AioprocProcess *self = user_data;
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  aioproc_process_set_child_locked (self, child);
  self->pid = aioproc_child_get_pid (child);
}

static void
take_error_locked (AioprocProcess *self,
                   GError         *error)
{
  /* What was first says what went wrong. */
  if (self->error == NULL && self->result == NULL)
    self->error = error;
  else
    g_error_free (error);
}

static void
take_ready (AioprocProcess *self)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  /* A start that was given up stays so. */
  if (self->state != AIOPROC_PROCESS_STARTING || self->error != NULL)
    return;

  self->is_ready = TRUE;
  self->state = AIOPROC_PROCESS_RUNNING;
  aioproc_process_wake_locked (self);
}

static void
take_error (AioprocProcess *self,
            AioprocMessage *message)
{
  g_autoptr(GVariant) body = aioproc_message_dup_body (message);
  GError *error = aioproc_codec_error_from_variant (body);

  aioproc_mutex_lock (&self->mutex);
  take_error_locked (self, error);
  aioproc_mutex_unlock (&self->mutex);
}

static gboolean
take_result (AioprocProcess *self,
             AioprocMessage *message)
{
  if (aioproc_message_peek_body (message) == NULL)
    return FALSE;

  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  if (self->result == NULL && self->error == NULL)
    self->result = g_object_ref (message);

  return TRUE;
}

static void
weak_ref_free (gpointer data)
{
  g_weak_ref_clear (data);
  g_free (data);
}

static gboolean
notify_progress_cb (gpointer user_data)
{
  g_autoptr(AioprocProcess) self = g_weak_ref_get (user_data);

  if (self == NULL)
    return G_SOURCE_REMOVE;

  aioproc_mutex_lock (&self->mutex);
  g_clear_pointer (&self->notify_source, g_source_unref);
  aioproc_mutex_unlock (&self->mutex);

  g_object_freeze_notify (G_OBJECT (self));
  g_object_notify_by_pspec (G_OBJECT (self),
                            aioproc_process_props[AIOPROC_PROCESS_PROP_PROGRESS]);
  g_object_notify_by_pspec (G_OBJECT (self),
                            aioproc_process_props[AIOPROC_PROCESS_PROP_PROGRESS_TEXT]);
  g_object_thaw_notify (G_OBJECT (self));

  return G_SOURCE_REMOVE;
}

static gboolean
take_progress (AioprocProcess *self,
               AioprocMessage *message)
{
  g_autoptr(GVariant) body = aioproc_message_dup_body (message);
  g_autoptr(AioprocMutexLocker) locker = NULL;
  const char *text;
  double fraction;

  if (body == NULL || !g_variant_is_of_type (body, G_VARIANT_TYPE ("(ds)")))
    return FALSE;

  g_variant_get (body, "(d&s)", &fraction, &text);
  if (!(fraction >= 0.0))
    fraction = -1.0;

  locker = aioproc_mutex_locker_new (&self->mutex);

  self->progress = MIN (fraction, 1.0);
  g_free (self->progress_text);
  self->progress_text = *text != '\0' ? g_strdup (text) : NULL;

  /* One notification for all that comes until the program has time for it; it may have none, ever,
   * which must not keep the process.
   */
  if (self->notify_source == NULL)
    {
      GWeakRef *weak_ref = g_new0 (GWeakRef, 1);

      g_weak_ref_init (weak_ref, self);
      self->notify_source = g_idle_source_new ();
      g_source_set_static_name (self->notify_source, "[aioproc] progress of a process");
      g_source_set_priority (self->notify_source, G_PRIORITY_DEFAULT);
      g_source_set_callback (self->notify_source, notify_progress_cb, weak_ref, weak_ref_free);
      g_source_attach (self->notify_source, self->notify_context);
    }

  return TRUE;
}

static gboolean
take_log (AioprocProcess *self,
          AioprocMessage *message)
{
  g_autoptr(GVariant) body = aioproc_message_dup_body (message);
  g_autofree char *name = NULL;
  gboolean may_be_fatal;
  int pid;

  aioproc_mutex_lock (&self->mutex);
  name = g_strdup (self->name);
  pid = self->pid;
  may_be_fatal = self->log_fatal;
  aioproc_mutex_unlock (&self->mutex);

  return aioproc_process_log_emit (body, name, pid, may_be_fatal);
}

/* Whether a worker may send this frame now. */
static gboolean
is_expected (AioprocProcess   *self,
             AioprocFrameKind  kind)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  switch (kind)
    {
    case AIOPROC_FRAME_READY:
    case AIOPROC_FRAME_FAILED:
      return !self->is_ready;

    case AIOPROC_FRAME_RESULT:
    case AIOPROC_FRAME_ERROR:
    case AIOPROC_FRAME_PROGRESS:
      return self->is_ready || self->error != NULL;

    case AIOPROC_FRAME_LOG:
    case AIOPROC_FRAME_EXIT:
      return TRUE;

    case AIOPROC_FRAME_MESSAGE:
    case AIOPROC_FRAME_START:
    case AIOPROC_FRAME_CANCEL:
    default:
      return FALSE;
    }
}

static gboolean
take_frame (AioprocProcess   *self,
            AioprocFrameKind  kind,
            AioprocMessage   *message)
{
  if (!is_expected (self, kind))
    return FALSE;

  switch (kind)
    {
    case AIOPROC_FRAME_READY:
      take_ready (self);
      return TRUE;

    case AIOPROC_FRAME_FAILED:
    case AIOPROC_FRAME_ERROR:
      take_error (self, message);
      return TRUE;

    case AIOPROC_FRAME_RESULT:
      return take_result (self, message);

    case AIOPROC_FRAME_PROGRESS:
      return take_progress (self, message);

    case AIOPROC_FRAME_LOG:
      return take_log (self, message);

    case AIOPROC_FRAME_EXIT:
      /* The child has made a note of it. */
      return TRUE;

    case AIOPROC_FRAME_MESSAGE:
    case AIOPROC_FRAME_START:
    case AIOPROC_FRAME_CANCEL:
    default:
      return FALSE;
    }
}

static void
child_frame_cb (AioprocChild           *child,
                const AioprocFrameInfo *info,
                AioprocMessage         *message,
                gpointer                user_data)
{
  AioprocProcess *self = user_data;
  g_autofree char *description = NULL;

  if (take_frame (self, info->kind, message))
    return;

  /* A worker that does not keep to the wire cannot be trusted with what follows either. */
  aioproc_mutex_lock (&self->mutex);
  description = aioproc_process_describe_locked (self);
  take_error_locked (self, g_error_new (G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                                        "%s sent a bad frame of kind %d, and was killed",
                                        description, (int) info->kind));
  aioproc_process_signal_locked (self, SIGKILL, NULL);
  aioproc_mutex_unlock (&self->mutex);
}

/* Nothing that its start waits for can come anymore. */
static void
child_hung_up_cb (AioprocChild *child,
                  gpointer      user_data)
{
  AioprocProcess *self = user_data;
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  if (self->is_ready)
    return;

  self->is_hung_up = TRUE;
  aioproc_process_signal_locked (self, SIGKILL, NULL);
}

/* Why there is neither a result nor an error of the function. */
static GError *
make_death_error_locked (AioprocProcess *self,
                         gboolean        is_known,
                         int             wait_status)
{
  g_autofree char *description = aioproc_process_describe_locked (self);
  const char *moment = self->is_ready ? "its function returned" : "its bootstrap was done";

  if (!is_known)
    return g_error_new (AIOPROC_ERROR, AIOPROC_ERROR_STATUS_LOST,
                        "%s ended before %s, and its exit status was lost with its supervisor, "
                        "or with descriptors that this program has closed",
                        description, moment);

  if (self->is_hung_up && WIFSIGNALED (wait_status) && WTERMSIG (wait_status) == SIGKILL)
    return g_error_new (AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED,
                        "%s closed its channel before %s, and was killed", description, moment);

  if (WIFSIGNALED (wait_status))
    return g_error_new (AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED,
                        "%s was killed by signal %d (%s) before %s",
                        description, WTERMSIG (wait_status),
                        g_strsignal (WTERMSIG (wait_status)), moment);

  return g_error_new (AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED,
                      "%s exited with status %d before %s%s",
                      description, WEXITSTATUS (wait_status), moment,
                      self->is_ready ? "" : ": does its main() begin with aioproc_init()?");
}

static void
child_ended_cb (AioprocChild *child,
                const GError *error,
                gpointer      user_data)
{
  AioprocProcess *self = user_data;
  GMainContext *notify_context;
  int wait_status = 0;
  gboolean is_known;

  /* First: who has joined a process finds it nowhere among the active ones. */
  aioproc_exit_remove_child (self);

  aioproc_mutex_lock (&self->mutex);

  aioproc_process_set_child_locked (self, child);

  is_known = aioproc_child_get_wait_status (child, &wait_status);
  self->has_exit_code = is_known;
  if (is_known)
    self->exit_code = WIFSIGNALED (wait_status) ? -WTERMSIG (wait_status)
                                                : WEXITSTATUS (wait_status);

  if (error != NULL)
    take_error_locked (self, g_error_copy (error));
  else
    take_error_locked (self, make_death_error_locked (self, is_known, wait_status));

  self->state = AIOPROC_PROCESS_ENDED;
  notify_context = g_steal_pointer (&self->notify_context);
  aioproc_process_wake_locked (self);

  aioproc_mutex_unlock (&self->mutex);

  g_clear_pointer (&notify_context, g_main_context_unref);
}

const AioprocChildOps aioproc_process_child_ops = {
  .started = child_started_cb,
  .frame = child_frame_cb,
  .hung_up = child_hung_up_cb,
  .ended = child_ended_cb,
  .forked = aioproc_worker_main_forked,
};
