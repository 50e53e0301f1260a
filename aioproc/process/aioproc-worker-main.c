/* aioproc-worker-main.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aioproc-error.h"
#include "core/aioproc-family-private.h"
#include "core/aioproc-message-private.h"
#include "core/aioproc-waiter-private.h"
#include "platform/aioproc-fds-private.h"
#include "process/aioproc-call-private.h"
#include "process/aioproc-exit-private.h"
#include "process/aioproc-functions-private.h"
#include "process/aioproc-process-private.h"
#include "process/aioproc-worker-channel-private.h"
#include "process/aioproc-worker-log-private.h"
#include "process/aioproc-worker-private.h"

typedef enum
{
  /* The program is all its own. */
  WORKER_ENDS_BY_EXIT,
  /* What atexit() knows of belongs to the program that it was forked from. */
  WORKER_ENDS_BY_EXIT_AT_ONCE,
} WorkerEnding;

/* What the START frame asks for. */
typedef struct
{
  char           *function;        /* (owned) */
  AioprocMessage *message;         /* (owned) the arguments */
  GVariant       *options;         /* (owned) what the strings below are in */
  const char     *name;
  const char     *identity;
  const char     *parent_name;
  guint32         parent_pid;
  guint32         log_levels;
  gboolean        is_daemon;
  gboolean        has_family;
  gint32          family_handle;   /* of the frame */
} WorkerRequest;

/* What the main thread iterates for a deferred call; NULL: the default one. Immutable. */
static GMainContext *worker_context;
/* (atomic) whether the main thread waits for the call to be returned */
static int worker_is_waiting;

static void
worker_request_clear (WorkerRequest *request)
{
  g_clear_pointer (&request->function, g_free);
  g_clear_object (&request->message);
  g_clear_pointer (&request->options, g_variant_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (WorkerRequest, worker_request_clear)

static void
send_error (AioprocFrameKind  kind,
            const GError     *error)
{
  aioproc_worker_channel_send_body (kind, aioproc_codec_error_to_variant (error));
}

/* --- The end --- */

G_NORETURN static void
end_worker (int          status,
            WorkerEnding ending)
{
  aioproc_exit_finish_children ();
  aioproc_exit_run_handlers ();

  aioproc_worker_channel_send_body (AIOPROC_FRAME_EXIT, g_variant_new ("(i)", status));

  if (ending == WORKER_ENDS_BY_EXIT)
    exit (status);

  fflush (NULL);
  _exit (status);
}

/* --- The beginning --- */

/* Makes the caller's family this process's own, and lets go of its handle, which is the last one:
 * the function has no use for it.
 */
static gboolean
inherit_family (AioprocMessage       *message,
                const WorkerRequest  *request,
                GError              **error)
{
  int fd;

  if (!request->has_family)
    return TRUE;

  fd = aioproc_message_dup_fd (message, request->family_handle, error);
  aioproc_message_truncate (request->message, (guint) MAX (request->family_handle, 0));

  if (fd < 0)
    return FALSE;

  aioproc_family_inherit (fd);

  return TRUE;
}

static gboolean
parse_start (AioprocMessage  *message,
             WorkerRequest   *request,
             GError         **error)
{
  g_autoptr(GVariant) body = aioproc_message_dup_body (message);
  g_autoptr(GVariant) arguments = NULL;
  g_auto(GVariantDict) options = G_VARIANT_DICT_INIT (NULL);

  if (body == NULL || !g_variant_is_of_type (body, G_VARIANT_TYPE ("(sa{sv}v)")))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                           "The worker got a START frame that it does not understand");
      return FALSE;
    }

  g_variant_get (body, "(s@a{sv}v)", &request->function, &request->options, &arguments);
  request->message = aioproc_message_derive (message, arguments);
  request->name = request->identity = request->parent_name = "";

  g_variant_dict_init (&options, request->options);
  g_variant_dict_lookup (&options, "name", "&s", &request->name);
  g_variant_dict_lookup (&options, "identity", "&s", &request->identity);
  g_variant_dict_lookup (&options, "daemon", "b", &request->is_daemon);
  g_variant_dict_lookup (&options, "parent-name", "&s", &request->parent_name);
  g_variant_dict_lookup (&options, "parent-pid", "u", &request->parent_pid);
  g_variant_dict_lookup (&options, "log-levels", "u", &request->log_levels);
  request->has_family = g_variant_dict_lookup (&options, "family", "h", &request->family_handle);

  return TRUE;
}

static gboolean
take_start (AioprocMessage  *message,
            int              hangup_fd,
            WorkerRequest   *request,
            GError         **error)
{
  if (!parse_start (message, request, error))
    return FALSE;

  aioproc_worker_log_set_levels ((GLogLevelFlags) request->log_levels);
  aioproc_process_set_current (request->name, request->identity, request->is_daemon,
                               request->parent_name, (int) request->parent_pid, hangup_fd);

  return inherit_family (message, request, error);
}

static gboolean
read_start (int             hangup_fd,
            WorkerRequest  *request,
            GError        **error)
{
  g_autoptr(AioprocMessage) message = NULL;
  AioprocFrameInfo info = { 0 };

  switch (aioproc_worker_channel_read (&info, &message, error))
    {
    case AIOPROC_IO_OK:
      break;

    case AIOPROC_IO_ERROR:
      return FALSE;

    case AIOPROC_IO_EOF:
    case AIOPROC_IO_AGAIN:
    default:
      /* Whoever wanted this worker has gone before it could say what for. */
      _exit (EXIT_FAILURE);
    }

  if (info.kind != AIOPROC_FRAME_START)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "The worker got a frame of kind %d before that which starts it",
                   (int) info.kind);
      return FALSE;
    }

  return take_start (message, hangup_fd, request, error);
}

/* --- The call --- */

/* On a thread of the library's pool, for as long as the worker lives. */
static void
watch_cancel_thread (gpointer data)
{
  g_autoptr(GCancellable) cancellable = data;

  for (;;)
    {
      g_autoptr(AioprocMessage) message = NULL;
      g_autoptr(GError) error = NULL;
      AioprocFrameInfo info = { 0 };

      if (aioproc_worker_channel_read (&info, &message, &error) != AIOPROC_IO_OK)
        return;

      if (info.kind == AIOPROC_FRAME_CANCEL)
        g_cancellable_cancel (cancellable);
    }
}

static void
worker_watch_cancel (AioprocCall  *call,
                     GCancellable *cancellable)
{
  g_autoptr(GError) error = NULL;

  if (aioproc_waiter_run (watch_cancel_thread, g_object_ref (cancellable), &error))
    return;

  g_warning ("The function “%s” cannot be cancelled: %s",
             aioproc_call_get_name (call), error->message);
  g_object_unref (cancellable);
}

static void
worker_report_progress (AioprocCall *call,
                        double       fraction,
                        const char  *text)
{
  aioproc_worker_channel_send_body (AIOPROC_FRAME_PROGRESS,
                                    g_variant_new ("(ds)", fraction, text != NULL ? text : ""));
}

static void
worker_returned (AioprocCall *call)
{
  /* Partner: the store before the main thread looks whether the call was returned. A call that is
   * returned at once needs no context at all.
   */
  if (g_atomic_int_get (&worker_is_waiting))
    g_main_context_wakeup (worker_context);
}

static const AioprocCallOps worker_call_ops = {
  .watch_cancel = worker_watch_cancel,
  .report_progress = worker_report_progress,
  .returned = worker_returned,
};

static int
send_outcome (AioprocCall *call)
{
  g_autoptr(AioprocMessage) result = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GError) send_failure = NULL;

  result = aioproc_call_dup_outcome (call, &error);
  if (result != NULL
      && aioproc_worker_channel_send (AIOPROC_FRAME_RESULT, result, &send_failure))
    return EXIT_SUCCESS;

  if (result != NULL)
    {
      error = g_steal_pointer (&send_failure);
      g_prefix_error (&error, "Could not send the result of “%s”: ", aioproc_call_get_name (call));
    }

  send_error (AIOPROC_FRAME_ERROR, error);

  return EXIT_FAILURE;
}

static int
run_call (const AioprocFunctionRecord *record,
          const WorkerRequest         *request)
{
  g_autoptr(AioprocCall) call = NULL;
  GError *error = NULL;
  GVariant *value;

  call = aioproc_call_new (request->function, request->message, &worker_call_ops);
  value = aioproc_functions_call (record, call, &error);
  aioproc_call_function_ended (call, value, error);

  if (!aioproc_call_is_returned (call))
    {
      g_atomic_int_set (&worker_is_waiting, TRUE);

      while (!aioproc_call_is_returned (call))
        g_main_context_iteration (worker_context, TRUE);
    }

  aioproc_call_flush_progress (call);

  return send_outcome (call);
}

static int
serve (int control_fd,
       int hangup_fd)
{
  g_auto(WorkerRequest) request = { NULL };
  g_autoptr(GError) error = NULL;
  AioprocFunctionRecord record = { NULL };

  aioproc_worker_set_role (AIOPROC_ROLE_BOOTSTRAP);
  aioproc_worker_channel_open (control_fd);

  if (!read_start (hangup_fd, &request, &error)
      || !aioproc_functions_lookup (request.function, &record, &error))
    {
      send_error (AIOPROC_FRAME_FAILED, error);
      return EXIT_FAILURE;
    }

  aioproc_worker_set_role (AIOPROC_ROLE_WORKER);

  if (!aioproc_worker_channel_send (AIOPROC_FRAME_READY, NULL, NULL))
    return EXIT_FAILURE;

  return run_call (&record, &request);
}

void
aioproc_worker_main_spawned (int control_fd,
                             int hangup_fd)
{
  end_worker (serve (control_fd, hangup_fd), WORKER_ENDS_BY_EXIT);
}

void
aioproc_worker_main_served (int control_fd,
                            int hangup_fd)
{
  aioproc_exit_inherit_handlers ();

  end_worker (serve (control_fd, hangup_fd), WORKER_ENDS_BY_EXIT_AT_ONCE);
}

void
aioproc_worker_main_forked (int control_fd,
                            int hangup_fd)
{
  /* The default context has the sources of the program, which are none of the worker's business. */
  worker_context = g_main_context_new ();
  g_main_context_push_thread_default (worker_context);

  end_worker (serve (control_fd, hangup_fd), WORKER_ENDS_BY_EXIT_AT_ONCE);
}

/* --- Rehearsal and preloads, in the forkserver --- */

static void
preload_watch_cancel (AioprocCall  *call,
                      GCancellable *cancellable)
{
}

static void
preload_report_progress (AioprocCall *call,
                         double       fraction,
                         const char  *text)
{
}

static void
preload_returned (AioprocCall *call)
{
}

static const AioprocCallOps preload_call_ops = {
  .watch_cancel = preload_watch_cancel,
  .report_progress = preload_report_progress,
  .returned = preload_returned,
};

static AioprocFrame *
make_rehearsal_frame (void)
{
  const AioprocFrameInfo info = { .kind = AIOPROC_FRAME_START };
  g_autoptr(AioprocMessage) message = NULL;
  g_auto(GVariantDict) options = G_VARIANT_DICT_INIT (NULL);

  g_variant_dict_insert (&options, "name", "s", "");
  g_variant_dict_insert (&options, "parent-pid", "u", 0);
  message = aioproc_message_new (g_variant_new ("(s@a{sv}v)", "", g_variant_dict_end (&options),
                                                g_variant_new ("()")));

  return aioproc_frame_new (&info, message, NULL);
}

/* The worker's part of a call, from the socket and back to it. */
static void
rehearse_call (int       peer_fd,
               GError  **error)
{
  g_auto(WorkerRequest) request = { NULL };
  g_autoptr(AioprocFrame) frame = make_rehearsal_frame ();
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(AioprocCall) call = NULL;
  AioprocFrameInfo info;
  gboolean is_done;

  if (!aioproc_frame_write (frame, peer_fd, TRUE, &is_done, error)
      || aioproc_worker_channel_read (&info, &message, error) != AIOPROC_IO_OK
      || !parse_start (message, &request, error))
    return;

  call = aioproc_call_new (request.function, request.message, &preload_call_ops);
  aioproc_call_function_ended (call, g_variant_new ("()"), NULL);
  send_outcome (call);
}

/* Does once what every worker does: so that workers, which are copies of this process, find types
 * that are registered, symbols that are bound, and memory that is there. Without it, each would
 * do that anew. Should it fail, they do.
 */
void
aioproc_worker_rehearse (void)
{
  g_autoptr(GError) error = NULL;
  int fds[2];

  if (!aioproc_fds_socketpair (SOCK_STREAM, fds, &error))
    return;

  aioproc_worker_channel_open (fds[0]);
  rehearse_call (fds[1], &error);
  aioproc_worker_channel_close ();
  close (fds[0]);
  close (fds[1]);

  /* Both of the objects that a worker has of itself and of its parent are of this type. */
  aioproc_process_get_current ();
}

gboolean
aioproc_worker_preload (const char  *name,
                        GError     **error)
{
  AioprocFunctionRecord record = { NULL };
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(AioprocMessage) result = NULL;
  g_autoptr(AioprocCall) call = NULL;
  GError *call_error = NULL;
  GVariant *value;

  if (!aioproc_functions_lookup (name, &record, error))
    {
      g_prefix_error (error, "Could not preload: ");
      return FALSE;
    }

  call = aioproc_call_new (name, message, &preload_call_ops);
  value = aioproc_functions_call (&record, call, &call_error);
  aioproc_call_function_ended (call, value, call_error);

  if (!aioproc_call_is_returned (call))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                   "The preload function “%s” may not be asynchronous", name);
      return FALSE;
    }

  result = aioproc_call_dup_outcome (call, error);
  if (result == NULL)
    g_prefix_error (error, "The preload function “%s” failed: ", name);

  return result != NULL;
}
