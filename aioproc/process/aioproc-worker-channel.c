/* aioproc-worker-channel.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "process/aioproc-worker-channel-private.h"

#include <unistd.h>

#include "core/aioproc-mutex-private.h"

/* Immutable once the channel is open, which is before the process has a second thread. */
static int channel_fd = -1;
static pid_t channel_pid;
static AioprocFrameReader *channel_reader;

static AioprocMutex channel_mutex;
static gboolean channel_is_broken;   /* protected by @channel_mutex */

/* Set while a thread sends: what is logged meanwhile by it cannot be sent. */
static GPrivate thread_is_sending;

void
aioproc_worker_channel_open (int control_fd)
{
  /* A fork of a process that had a channel: whatever state that was in is not of interest. */
  aioproc_mutex_init (&channel_mutex);
  channel_is_broken = FALSE;

  channel_fd = control_fd;
  channel_pid = getpid ();
  channel_reader = aioproc_frame_reader_new (control_fd, AIOPROC_FRAME_MAX_LENGTH);
}

void
aioproc_worker_channel_close (void)
{
  channel_fd = -1;
  g_clear_pointer (&channel_reader, aioproc_frame_reader_free);
}

gboolean
aioproc_worker_channel_is_usable (void)
{
  return channel_fd >= 0 && channel_pid == getpid () && g_private_get (&thread_is_sending) == NULL;
}

AioprocIOStatus
aioproc_worker_channel_read (AioprocFrameInfo  *info,
                             AioprocMessage   **message,
                             GError           **error)
{
  return aioproc_frame_reader_read (channel_reader, FALSE, info, message, error);
}

static gboolean
send_frame (AioprocFrameKind   kind,
            AioprocMessage    *message,
            GError           **error)
{
  const AioprocFrameInfo info = { .kind = kind };
  g_autoptr(AioprocFrame) frame = NULL;
  g_autoptr(AioprocMutexLocker) locker = NULL;
  gboolean is_done = FALSE;

  frame = aioproc_frame_new (&info, message, error);
  if (frame == NULL)
    return FALSE;

  locker = aioproc_mutex_locker_new (&channel_mutex);

  if (channel_is_broken)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED,
                           "The program that started this worker has gone");
      return FALSE;
    }

  while (!is_done)
    {
      if (!aioproc_frame_write (frame, channel_fd, FALSE, &is_done, error))
        {
          channel_is_broken = TRUE;
          return FALSE;
        }
    }

  return TRUE;
}

gboolean
aioproc_worker_channel_send (AioprocFrameKind   kind,
                             AioprocMessage    *message,
                             GError           **error)
{
  gboolean is_sent;

  if (!aioproc_worker_channel_is_usable ())
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED,
                           "This process has no channel to the program that started it");
      return FALSE;
    }

  g_private_set (&thread_is_sending, GINT_TO_POINTER (TRUE));
  is_sent = send_frame (kind, message, error);
  g_private_set (&thread_is_sending, NULL);

  return is_sent;
}

gboolean
aioproc_worker_channel_send_body (AioprocFrameKind  kind,
                                  GVariant         *body)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (body);

  return aioproc_worker_channel_send (kind, message, NULL);
}
