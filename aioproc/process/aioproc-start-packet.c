/* aioproc-start-packet.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "process/aioproc-start-packet-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "platform/aioproc-memfd-private.h"
#include "platform/aioproc-packet-private.h"
#include "platform/aioproc-self-private.h"

struct _AioprocStartPacket {
  AioprocSupervisionPacket  packet;
  GString                  *strings;     /* (owned) each with its NUL */
  AioprocParentFd           control;
  AioprocParentFd           hangup;
  AioprocParentFd           directory;
  AioprocParentFd           payload;     /* memfd, where @strings are too long for a packet */
};

static AioprocStartPacket *
start_packet_new (AioprocSupervisionKind kind)
{
  AioprocStartPacket *self = g_new0 (AioprocStartPacket, 1);

  self->packet.kind = kind;
  self->strings = g_string_new (NULL);
  aioproc_parent_fd_init (&self->control);
  aioproc_parent_fd_init (&self->hangup);
  aioproc_parent_fd_init (&self->directory);
  aioproc_parent_fd_init (&self->payload);

  return self;
}

void
aioproc_start_packet_free (AioprocStartPacket *self)
{
  aioproc_parent_fd_close (&self->control);
  aioproc_parent_fd_close (&self->hangup);
  aioproc_parent_fd_close (&self->directory);
  aioproc_parent_fd_close (&self->payload);
  g_string_free (self->strings, TRUE);
  g_free (self);
}

static void
add_string (AioprocStartPacket *self,
            const char         *string,
            guint32            *n_strings)
{
  g_string_append_len (self->strings, string, strlen (string) + 1);
  *n_strings += 1;
}

/* The worker's directory, as a descriptor: so it is found and allowed as it is for this process,
 * and this one's own has not even to have a name anymore.
 */
static gboolean
open_directory (AioprocStartPacket  *self,
                const char          *path,
                GError             **error)
{
  int fd = aioproc_self_lift_fd (open (path != NULL ? path : ".",
                                       O_PATH | O_DIRECTORY | O_CLOEXEC));

  if (fd < 0)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Could not open the working directory “%s” of a worker: %s",
                   path != NULL ? path : ".", g_strerror (saved_errno));
      return FALSE;
    }

  aioproc_parent_fd_set (&self->directory, fd);
  self->packet.flags |= AIOPROC_SUPERVISION_DIRECTORY;

  return TRUE;
}

static gboolean
move_payload_to_memfd (AioprocStartPacket  *self,
                       GError             **error)
{
  gsize length = self->strings->len;
  int fd = aioproc_memfd_new ("aioproc-start", length, error);
  gpointer base;

  if (fd < 0)
    return FALSE;

  aioproc_parent_fd_set (&self->payload, fd);
  self->packet.flags |= AIOPROC_SUPERVISION_PAYLOAD;

  /* Not written: beyond the largest file that is allowed, that would be fatal. */
  if (!aioproc_memfd_reserve (fd, 0, length, error))
    return FALSE;

  base = aioproc_memfd_map (fd, 0, length, TRUE, error);

  if (base == NULL)
    return FALSE;

  memcpy (base, self->strings->str, length);
  aioproc_memfd_unmap (base, length);

  return TRUE;
}

static gboolean
finish (AioprocStartPacket  *self,
        GError             **error)
{
  self->packet.payload_length = self->strings->len;

  return self->strings->len <= AIOPROC_SUPERVISION_MAX_PAYLOAD ||
         move_payload_to_memfd (self, error);
}

AioprocStartPacket *
aioproc_start_packet_new (AioprocChildSpec  *spec,
                          char             **environment,
                          guint32            serial,
                          AioprocParentFd   *control,
                          AioprocParentFd   *hangup,
                          GError           **error)
{
  g_autoptr(AioprocStartPacket) self = start_packet_new (AIOPROC_SUPERVISION_START);

  self->packet.serial = serial;
  self->packet.memory_limit = spec->memory_limit;
  self->packet.cpu_time_limit = spec->cpu_time_limit;
  self->packet.file_limit = spec->file_limit;

  if (spec->stdout_to_stderr)
    self->packet.flags |= AIOPROC_SUPERVISION_STDOUT_TO_STDERR;

  if (spec->method == AIOPROC_CHILD_SPAWN)
    {
      g_autofree char *marker = NULL;

      for (guint i = 0; spec->argv[i] != NULL; i++)
        add_string (self, spec->argv[i], &self->packet.n_arguments);

      for (guint i = 0; environment[i] != NULL; i++)
        {
          if (!g_str_has_prefix (environment[i], AIOPROC_SUPERVISION_ENVIRONMENT "="))
            add_string (self, environment[i], &self->packet.n_environment);
        }

      marker = g_strdup_printf (AIOPROC_SUPERVISION_ENVIRONMENT "=worker:%d:%d",
                                AIOPROC_SUPERVISION_CONTROL_FD,
                                AIOPROC_SUPERVISION_WORKER_HANGUP_FD);
      add_string (self, marker, &self->packet.n_environment);

      if (!open_directory (self, spec->working_directory, error))
        return NULL;
    }

  if (!finish (self, error))
    return NULL;

  aioproc_parent_fd_move (&self->control, control);
  aioproc_parent_fd_move (&self->hangup, hangup);

  return g_steal_pointer (&self);
}

AioprocStartPacket *
aioproc_start_packet_new_setup (AioprocChildSpec  *spec,
                                GError           **error)
{
  g_autoptr(AioprocStartPacket) self = start_packet_new (AIOPROC_SUPERVISION_SETUP);

  for (guint i = 0; spec->preload != NULL && spec->preload[i] != NULL; i++)
    add_string (self, spec->preload[i], &self->packet.n_arguments);

  if (spec->working_directory != NULL && !open_directory (self, spec->working_directory, error))
    return NULL;

  if (!finish (self, error))
    return NULL;

  return g_steal_pointer (&self);
}

int
aioproc_start_packet_send (AioprocStartPacket *self,
                           int                 socket_fd)
{
  struct iovec pieces[] = {
    { .iov_base = &self->packet, .iov_len = sizeof self->packet },
    { .iov_base = self->strings->str, .iov_len = self->strings->len },
  };
  const int candidates[AIOPROC_PACKET_MAX_FDS] = {
    self->control.fd, self->hangup.fd, self->directory.fd, self->payload.fd,
  };
  int fds[AIOPROC_PACKET_MAX_FDS];
  guint n_fds = 0;

  for (guint i = 0; i < G_N_ELEMENTS (candidates); i++)
    {
      if (candidates[i] >= 0)
        fds[n_fds++] = candidates[i];
    }

  if (aioproc_packet_send (socket_fd, pieces, self->payload.fd >= 0 ? 1 : 2, fds, n_fds, true))
    return 0;

  return errno == ECONNRESET ? EPIPE : errno;
}
