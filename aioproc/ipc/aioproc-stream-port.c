/* aioproc-stream-port.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-stream-port-private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gio/gfiledescriptorbased.h>
#include <glib-unix.h>

#include "core/aioproc-mutex-private.h"
#include "ipc/aioproc-sealed-stream-private.h"
#include "ipc/aioproc-stream-thread-private.h"
#include "platform/aioproc-fds-private.h"
#include "platform/aioproc-self-private.h"

/* What is read ahead, and written at a time. */
#define PIECE_MAX (64 * 1024)

/* How long the close of a stream may wait for a peer that takes nothing. */
#define CLOSE_MSEC 5000

/* How soon is tried again what there was no descriptor for. */
#define LACK_USEC (100 * 1000)

/* The largest value of an eventfd, which is not writable then. */
#define EVENT_FULL (G_MAXUINT64 - 1)

struct _AioprocStreamPort {
  AioprocCarrier   carrier;
  gatomicrefcount  ref_count;

  /* Immutable after construction. */
  int              pid;              /* of the process that made it */
  GMainContext    *context;          /* not owned, never freed */
  GIOStream       *stream;           /* (owned) */
  GInputStream    *input;            /* (nullable) the stream's */
  GOutputStream   *output;           /* (nullable) the stream's */
  gboolean         may_wait;         /* a thread of GIO may, which takes a descriptor */
  GCancellable    *cancellable;      /* (owned) of all but the close */
  GCancellable    *close_cancellable; /* (owned) */
  int              receive_fd;       /* (owned) an eventfd, readable: see the header */
  int              send_fd;          /* (owned) an eventfd, writable: see the header */

  AioprocMutex     mutex;

  /* All protected by @mutex. */
  gsize            in_begin;         /* of what is in @in */
  gsize            in_end;
  gboolean         is_eof;
  GError          *in_error;         /* (owned) (nullable) */
  gsize            out_length;       /* of what was offered, 0: nothing */
  GError          *out_error;        /* (owned) (nullable) */
  gboolean         is_reading;
  gboolean         is_writing;
  gboolean         is_closing_output;
  gboolean         is_closed;

  /* Streams' thread only, but while it is not at work on them protected by @mutex. */
  guint8          *in;               /* (owned) */
  guint8          *out;              /* (owned) */

  /* Streams' thread only. */
  gboolean         is_closing;
  GSource         *close_timeout;    /* (owned) (nullable) */
};

/* Has @func run in the streams' thread, with a reference of its own, which it is to give back. */
static void
aioproc_stream_port_run (AioprocStreamPort *self,
                         GSourceFunc        func)
{
  g_autoptr(GSource) source = g_idle_source_new ();

  g_source_set_static_name (source, "[aioproc] something to be done for a stream");
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, func, aioproc_stream_port_ref (self), NULL);
  g_source_attach (source, self->context);
}

static void
set_event (int     fd,
           guint64 value)
{
  eventfd_write (fd, value);
}

static void
clear_event (int fd)
{
  eventfd_t value;

  eventfd_read (fd, &value);
}

/* A thread of GIO that waits for a cancellable, too, does so by a descriptor of it, and GLib ends
 * the program where there is none. So it is made here, and kept for as long as @cancellable is.
 * There has to be one more, since TLS may wait for a cancellable of its own besides.
 */
static gboolean
make_descriptor (GCancellable  *cancellable,
                 GError       **error)
{
  if (!aioproc_fds_check_free (2, error))
    return FALSE;

  g_cancellable_get_fd (cancellable);

  return TRUE;
}

/* (nullable) What a stream that changes what goes through it is made over. */
static GIOStream *
dup_base (GIOStream *stream)
{
  GIOStream *base = NULL;

  if (G_IS_TLS_CONNECTION (stream) || G_IS_TCP_WRAPPER_CONNECTION (stream))
    g_object_get (stream, "base-io-stream", &base, NULL);
  else if (AIOPROC_IS_SEALED_STREAM (stream))
    base = g_object_ref (aioproc_sealed_stream_peek_base (AIOPROC_SEALED_STREAM (stream)));

  return base;
}

/* --- The end: in the streams' thread --- */

/* TLS that could not be closed, since it is in the middle of its handshake, has a thread of GIO
 * that would wait for the peer for ever. What ends that is the end of the socket.
 */
static void
end_socket (GIOStream *stream)
{
  g_autoptr(GIOStream) base = dup_base (stream);

  if (base != NULL)
    end_socket (base);
  else if (G_IS_SOCKET_CONNECTION (stream))
    shutdown (g_socket_get_fd (g_socket_connection_get_socket (G_SOCKET_CONNECTION (stream))),
              SHUT_RDWR);
}

static void
aioproc_stream_port_closed_cb (GObject      *source,
                               GAsyncResult *result,
                               gpointer      user_data)
{
  g_autoptr(AioprocStreamPort) self = user_data;

  /* Whatever it says, the stream is closed. */
  if (!g_io_stream_close_finish (self->stream, result, NULL))
    end_socket (self->stream);

  if (self->close_timeout != NULL)
    g_source_destroy (self->close_timeout);

  g_clear_pointer (&self->close_timeout, g_source_unref);
}

static gboolean
aioproc_stream_port_late_cb (gpointer user_data)
{
  AioprocStreamPort *self = user_data;

  g_cancellable_cancel (self->close_cancellable);

  return G_SOURCE_REMOVE;
}

/* A stream is closed when nothing else is under way. */
static void
aioproc_stream_port_close_if_idle (AioprocStreamPort *self)
{
  GCancellable *cancellable = self->close_cancellable;
  gboolean is_idle;

  aioproc_mutex_lock (&self->mutex);
  is_idle = self->is_closed && !self->is_reading && !self->is_writing && !self->is_closing_output;
  aioproc_mutex_unlock (&self->mutex);

  if (!is_idle || self->is_closing)
    return;

  self->is_closing = TRUE;

  /* That one is cancelled, and has a descriptor: the stream ends without a good-bye. */
  if (self->may_wait && !make_descriptor (cancellable, NULL))
    cancellable = self->cancellable;

  self->close_timeout = g_timeout_source_new (CLOSE_MSEC);
  g_source_set_static_name (self->close_timeout, "[aioproc] the close of a stream is late");
  g_source_set_callback (self->close_timeout, aioproc_stream_port_late_cb, self, NULL);
  g_source_attach (self->close_timeout, self->context);
  g_io_stream_close_async (self->stream, G_PRIORITY_DEFAULT, cancellable,
                           aioproc_stream_port_closed_cb, aioproc_stream_port_ref (self));
}

static gboolean
aioproc_stream_port_close_cb (gpointer user_data)
{
  g_autoptr(AioprocStreamPort) self = user_data;

  g_cancellable_cancel (self->cancellable);
  aioproc_stream_port_close_if_idle (self);

  return G_SOURCE_REMOVE;
}

static void
aioproc_stream_port_output_closed_cb (GObject      *source,
                                      GAsyncResult *result,
                                      gpointer      user_data)
{
  g_autoptr(AioprocStreamPort) self = user_data;

  g_output_stream_close_finish (self->output, result, NULL);
  aioproc_mutex_lock (&self->mutex);
  self->is_closing_output = FALSE;
  aioproc_mutex_unlock (&self->mutex);
  aioproc_stream_port_close_if_idle (self);
}

/* TLS whose handshake is not over waits for that in a thread of GIO, by a descriptor of its own,
 * and GLib ends the program where there is none. One more may be taken meanwhile.
 */
static gboolean
can_close_output (AioprocStreamPort *self)
{
  return !self->may_wait || aioproc_fds_check_free (2, NULL);
}

static gboolean
aioproc_stream_port_close_output_cb (gpointer user_data)
{
  AioprocStreamPort *self = user_data;
  g_autoptr(GSource) again = NULL;

  if (can_close_output (self) || g_cancellable_is_cancelled (self->cancellable))
    {
      g_output_stream_close_async (self->output, G_PRIORITY_DEFAULT, self->cancellable,
                                   aioproc_stream_port_output_closed_cb, self);
      return G_SOURCE_REMOVE;
    }

  /* Nothing else would tell the peer. */
  again = aioproc_stream_thread_new_timeout (LACK_USEC, "[aioproc] no descriptor for an end");
  g_source_set_callback (again, aioproc_stream_port_close_output_cb, self, NULL);
  g_source_attach (again, self->context);

  return G_SOURCE_REMOVE;
}

/* --- Reading: in the streams' thread --- */

static void
aioproc_stream_port_read_cb (GObject      *source,
                             GAsyncResult *result,
                             gpointer      user_data)
{
  g_autoptr(AioprocStreamPort) self = user_data;
  GError *error = NULL;
  gssize n_read;

  n_read = g_input_stream_read_finish (self->input, result, &error);

  aioproc_mutex_lock (&self->mutex);
  self->is_reading = FALSE;

  if (n_read > 0)
    self->in_end = (gsize) n_read;
  else if (n_read == 0)
    self->is_eof = TRUE;
  else
    self->in_error = error;

  set_event (self->receive_fd, 1);
  aioproc_mutex_unlock (&self->mutex);

  aioproc_stream_port_close_if_idle (self);
}

static gboolean
aioproc_stream_port_read_begin_cb (gpointer user_data)
{
  AioprocStreamPort *self = user_data;

  g_input_stream_read_async (self->input, self->in, PIECE_MAX, G_PRIORITY_DEFAULT,
                             self->cancellable, aioproc_stream_port_read_cb, self);

  return G_SOURCE_REMOVE;
}

static void
aioproc_stream_port_read_locked (AioprocStreamPort *self)
{
  self->in_begin = 0;
  self->in_end = 0;
  self->is_reading = TRUE;
  aioproc_stream_port_run (self, aioproc_stream_port_read_begin_cb);
}

/* --- Writing: in the streams' thread --- */

/* Takes @error. */
static void
aioproc_stream_port_written (AioprocStreamPort *self,
                             GError            *error)
{
  aioproc_mutex_lock (&self->mutex);
  self->is_writing = FALSE;
  self->out_error = error;
  clear_event (self->send_fd);
  aioproc_mutex_unlock (&self->mutex);

  aioproc_stream_port_close_if_idle (self);
}

static void
aioproc_stream_port_flush_cb (GObject      *source,
                              GAsyncResult *result,
                              gpointer      user_data)
{
  g_autoptr(AioprocStreamPort) self = user_data;
  GError *error = NULL;

  g_output_stream_flush_finish (self->output, result, &error);
  aioproc_stream_port_written (self, error);
}

static void
aioproc_stream_port_write_cb (GObject      *source,
                              GAsyncResult *result,
                              gpointer      user_data)
{
  g_autoptr(AioprocStreamPort) self = user_data;
  GError *error = NULL;

  g_output_stream_write_all_finish (self->output, result, NULL, &error);

  /* For those that have nothing to flush GIO would start a thread. */
  if (error == NULL && G_OUTPUT_STREAM_GET_CLASS (self->output)->flush != NULL)
    g_output_stream_flush_async (self->output, G_PRIORITY_DEFAULT, self->cancellable,
                                 aioproc_stream_port_flush_cb, aioproc_stream_port_ref (self));
  else
    aioproc_stream_port_written (self, error);
}

static gboolean
aioproc_stream_port_write_begin_cb (gpointer user_data)
{
  AioprocStreamPort *self = user_data;

  g_output_stream_write_all_async (self->output, self->out, self->out_length, G_PRIORITY_DEFAULT,
                                   self->cancellable, aioproc_stream_port_write_cb, self);

  return G_SOURCE_REMOVE;
}

/* --- For frames: any thread --- */

static AioprocIOStatus
aioproc_stream_port_receive (AioprocCarrier  *carrier,
                             void            *data,
                             gsize            length,
                             gsize           *n_done,
                             GError         **error)
{
  AioprocStreamPort *self = (AioprocStreamPort *) carrier;
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  *n_done = MIN (length, self->in_end - self->in_begin);

  if (*n_done > 0)
    {
      memcpy (data, self->in + self->in_begin, *n_done);
      self->in_begin += *n_done;

      if (self->in_begin == self->in_end)
        {
          clear_event (self->receive_fd);
          aioproc_stream_port_read_locked (self);
        }

      return AIOPROC_IO_OK;
    }

  if (self->in_error != NULL)
    {
      g_propagate_error (error, g_error_copy (self->in_error));
      return AIOPROC_IO_ERROR;
    }

  return self->is_eof ? AIOPROC_IO_EOF : AIOPROC_IO_AGAIN;
}

static AioprocIOStatus
aioproc_stream_port_send (AioprocCarrier  *carrier,
                          const void      *data,
                          gsize            length,
                          gsize           *n_done,
                          GError         **error)
{
  AioprocStreamPort *self = (AioprocStreamPort *) carrier;
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  *n_done = 0;

  if (self->is_writing)
    return AIOPROC_IO_AGAIN;

  if (self->out_error != NULL)
    {
      g_propagate_error (error, g_error_copy (self->out_error));
      return AIOPROC_IO_ERROR;
    }

  if (self->out_length > 0)
    {
      g_assert (self->out_length <= length);
      *n_done = self->out_length;
      self->out_length = 0;
      return AIOPROC_IO_OK;
    }

  self->out_length = MIN (length, PIECE_MAX);
  memcpy (self->out, data, self->out_length);
  self->is_writing = TRUE;
  set_event (self->send_fd, EVENT_FULL);
  aioproc_stream_port_run (self, aioproc_stream_port_write_begin_cb);

  return AIOPROC_IO_AGAIN;
}

/* --- The whole --- */

gboolean
aioproc_stream_port_tune_socket (GSocket *socket)
{
  GSocketFamily family = g_socket_get_family (socket);

  if (family != G_SOCKET_FAMILY_IPV4 && family != G_SOCKET_FAMILY_IPV6)
    return FALSE;

  /* An error changes nothing but the time that a message takes. */
  g_socket_set_option (socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);

  return TRUE;
}

/* A descriptor in blocking mode that can take something would keep the thread of all streams until
 * it has taken all of a piece. GIO looks whether it can take something, but does not change that.
 */
static void
tune_stream (GIOStream *stream)
{
  GOutputStream *output = g_io_stream_get_output_stream (stream);
  g_autoptr(GIOStream) base = dup_base (stream);

  if (base != NULL)
    tune_stream (base);
  else if (G_IS_SOCKET_CONNECTION (stream))
    aioproc_stream_port_tune_socket (g_socket_connection_get_socket (G_SOCKET_CONNECTION (stream)));

  while (output != NULL && G_IS_FILTER_OUTPUT_STREAM (output))
    output = g_filter_output_stream_get_base_stream (G_FILTER_OUTPUT_STREAM (output));

  if (output != NULL && G_IS_FILE_DESCRIPTOR_BASED (output))
    g_unix_set_fd_nonblocking (g_file_descriptor_based_get_fd (G_FILE_DESCRIPTOR_BASED (output)),
                               TRUE, NULL);
}

/* What the library makes by itself is read, written and closed without a wait in any thread but
 * that of the streams. Of no other stream is that known: TLS waits when it is closed, and so do
 * those that have something to flush then.
 */
static gboolean
may_wait (GIOStream *stream)
{
  return !AIOPROC_IS_SEALED_STREAM (stream) ||
         !G_IS_SOCKET_CONNECTION (aioproc_sealed_stream_peek_base (AIOPROC_SEALED_STREAM (stream)));
}

static int
new_event (GError **error)
{
  int fd = aioproc_self_lift_fd (eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK));

  if (fd < 0)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Could not wait for a stream: %s", g_strerror (saved_errno));
    }

  return fd;
}

AioprocStreamPort *
aioproc_stream_port_new (GIOStream  *stream,
                         GError    **error)
{
  AioprocStreamPort *self;
  GMainContext *context = aioproc_stream_thread_get_context (error);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  int fds[2] = { -1, -1 };

  if (context == NULL)
    return NULL;

  fds[0] = new_event (error);

  if (fds[0] >= 0)
    fds[1] = new_event (error);

  if (fds[1] < 0 || (may_wait (stream) && !make_descriptor (cancellable, error)))
    {
      aioproc_fds_close_all (fds, G_N_ELEMENTS (fds));
      return NULL;
    }

  tune_stream (stream);
  self = g_new0 (AioprocStreamPort, 1);
  g_atomic_ref_count_init (&self->ref_count);
  aioproc_mutex_init (&self->mutex);
  self->carrier.receive = aioproc_stream_port_receive;
  self->carrier.send = aioproc_stream_port_send;
  self->pid = getpid ();
  self->context = context;
  self->stream = g_object_ref (stream);
  self->input = g_io_stream_get_input_stream (stream);
  self->output = g_io_stream_get_output_stream (stream);
  self->may_wait = may_wait (stream);
  self->cancellable = g_steal_pointer (&cancellable);
  self->close_cancellable = g_cancellable_new ();
  self->receive_fd = fds[0];
  self->send_fd = fds[1];
  self->in = self->input != NULL ? g_malloc (PIECE_MAX) : NULL;
  self->out = self->output != NULL ? g_malloc (PIECE_MAX) : NULL;

  if (self->input != NULL)
    {
      aioproc_mutex_lock (&self->mutex);
      aioproc_stream_port_read_locked (self);
      aioproc_mutex_unlock (&self->mutex);
    }

  return self;
}

AioprocStreamPort *
aioproc_stream_port_ref (AioprocStreamPort *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
aioproc_stream_port_unref (AioprocStreamPort *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  aioproc_fds_close_all (&self->receive_fd, 1);
  aioproc_fds_close_all (&self->send_fd, 1);

  /* What a forked child has is a copy of the stream: its end would say good-bye to the peer. */
  if (self->pid == getpid ())
    g_object_unref (self->stream);

  g_object_unref (self->cancellable);
  g_object_unref (self->close_cancellable);
  g_clear_error (&self->in_error);
  g_clear_error (&self->out_error);
  aioproc_mutex_clear (&self->mutex);
  g_free (self->in);
  g_free (self->out);
  g_free (self);
}

AioprocCarrier *
aioproc_stream_port_get_carrier (AioprocStreamPort *self)
{
  return &self->carrier;
}

int
aioproc_stream_port_get_receive_fd (AioprocStreamPort *self)
{
  return self->receive_fd;
}

int
aioproc_stream_port_get_send_fd (AioprocStreamPort *self)
{
  return self->send_fd;
}

void
aioproc_stream_port_close_send (AioprocStreamPort *self)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  if (self->is_closed || self->output == NULL)
    return;

  g_assert (!self->is_writing);
  self->is_closing_output = TRUE;
  aioproc_stream_port_run (self, aioproc_stream_port_close_output_cb);
}

void
aioproc_stream_port_close (AioprocStreamPort *self)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  if (self->is_closed)
    return;

  self->is_closed = TRUE;
  aioproc_stream_port_run (self, aioproc_stream_port_close_cb);
}
