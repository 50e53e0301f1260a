/* aioproc-test-frame.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-test-frame.h"

#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include "platform/aioproc-memfd-private.h"

#include "aioproc-test.h"

GBytes *
aioproc_test_frame_flatten (AioprocFrame *frame,
                            int          *fds,
                            guint        *n_fds)
{
  g_autoptr(GByteArray) bytes = g_byte_array_new ();
  g_autoptr(GError) error = NULL;
  gboolean done = FALSE;
  int sockets[2];

  *n_fds = 0;
  g_assert_true (aioproc_fds_socketpair (SOCK_STREAM, sockets, &error));

  while (!done || bytes->len < aioproc_frame_get_length (frame))
    {
      guint8 buffer[4096];
      AioprocIOStatus status;
      gsize n_done;
      guint n_new;

      if (!done)
        {
          g_assert_true (aioproc_frame_write (frame, sockets[0], TRUE, &done, &error));
          g_assert_no_error (error);
        }

      status = aioproc_fds_receive (sockets[1], buffer, sizeof buffer, fds + *n_fds,
                                    AIOPROC_FDS_MAX - *n_fds, &n_new, TRUE, &n_done, &error);
      g_assert_no_error (error);

      if (status == AIOPROC_IO_OK)
        {
          g_byte_array_append (bytes, buffer, n_done);
          *n_fds += n_new;
        }
    }

  g_assert_cmpuint (bytes->len, ==, aioproc_frame_get_length (frame));
  aioproc_fds_close_all (sockets, 2);
  aioproc_frame_free (frame);

  return g_byte_array_free_to_bytes (g_steal_pointer (&bytes));
}

AioprocMessage *
aioproc_test_frame_transfer (AioprocFrame     *frame,
                             AioprocFrameInfo *info)
{
  g_autoptr(AioprocFrameReader) reader = NULL;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GError) error = NULL;
  AioprocIOStatus status = AIOPROC_IO_AGAIN;
  gboolean done = FALSE;
  int sockets[2];

  g_assert_true (aioproc_fds_socketpair (SOCK_STREAM, sockets, &error));
  reader = aioproc_frame_reader_new (sockets[1], G_MAXUINT64);

  while (!done || status == AIOPROC_IO_AGAIN)
    {
      if (!done)
        {
          g_assert_true (aioproc_frame_write (frame, sockets[0], TRUE, &done, &error));
          g_assert_no_error (error);
        }

      status = aioproc_frame_reader_read (reader, TRUE, info, &message, &error);
      g_assert_no_error (error);
    }

  g_assert_cmpint (status, ==, AIOPROC_IO_OK);
  aioproc_frame_free (frame);
  aioproc_fds_close_all (sockets, 1);
  g_assert_cmpint (aioproc_frame_reader_read (reader, TRUE, info, &message, &error), ==,
                   AIOPROC_IO_EOF);
  aioproc_fds_close_all (sockets, 2);

  return g_steal_pointer (&message);
}

AioprocMessage *
aioproc_test_frame_send (AioprocMessage *message)
{
  const AioprocFrameInfo sent = { AIOPROC_FRAME_MESSAGE, 7 };
  AioprocFrameInfo info = { 0 };
  g_autoptr(AioprocMessage) received = NULL;
  g_autoptr(GError) error = NULL;
  AioprocFrame *frame;

  frame = aioproc_frame_new (&sent, message, &error);
  g_assert_no_error (error);
  received = aioproc_test_frame_transfer (frame, &info);
  g_assert_cmpint (info.kind, ==, sent.kind);
  g_assert_cmpuint (info.serial, ==, sent.serial);

  return g_steal_pointer (&received);
}

void
aioproc_test_frame_send_raw (int            socket_fd,
                             gconstpointer  data,
                             gsize          length,
                             const int     *fds,
                             guint          n_fds)
{
  g_autoptr(GError) error = NULL;
  gsize n_done;

  aioproc_fds_send (socket_fd, data, length, fds, n_fds, TRUE, &n_done, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (n_done, ==, length);
}

GBytes *
aioproc_test_frame_pattern (gsize length)
{
  guint8 *data = g_malloc (MAX (length, 1));

  for (gsize i = 0; i < length; i++)
    data[i] = (guint8) (i * 7 + i / 251);

  return g_bytes_new_take (data, length);
}

int
aioproc_test_frame_file (const char *text)
{
  g_autoptr(GError) error = NULL;
  gssize length = strlen (text);
  int fd;

  fd = aioproc_memfd_new ("aioproc-test", 0, &error);
  g_assert_no_error (error);
  g_assert_cmpint (pwrite (fd, text, length, 0), ==, length);

  return fd;
}

void
aioproc_test_frame_assert_file (int         fd,
                                const char *text)
{
  char buffer[256] = { 0 };

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (pread (fd, buffer, sizeof buffer - 1, 0), ==, strlen (text));
  g_assert_cmpstr (buffer, ==, text);
}
