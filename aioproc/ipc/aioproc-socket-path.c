/* aioproc-socket-path.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-socket-path-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gio/gio.h>

/* The name of all sockets that have a folder of their own. */
#define SOCKET_NAME "socket"

struct _AioprocSocketPath {
  char     *name;       /* (owned) */
  char     *folder;     /* (owned) (nullable) that was made for it */
  gboolean  is_bound;
  dev_t     device;     /* of the socket, if it is bound */
  ino_t     inode;
};

static AioprocSocketPath *
take_names (char *name,
            char *folder)
{
  AioprocSocketPath *self = g_new0 (AioprocSocketPath, 1);

  self->name = name;
  self->folder = folder;

  return self;
}

/* FALSE with @error set: it is there, and not private. FALSE without: it cannot be had. */
static gboolean
make_base (const char  *base,
           GError     **error)
{
  struct stat info;
  int fd;
  gboolean is_private;

  if (mkdir (base, 0700) != 0 && errno != EEXIST)
    return FALSE;

  fd = open (base, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0 && errno != ELOOP && errno != ENOTDIR)
    return FALSE;

  is_private = fd >= 0 && fstat (fd, &info) == 0 && info.st_uid == geteuid () &&
               (info.st_mode & (S_IRWXG | S_IRWXO)) == 0;

  if (fd >= 0)
    close (fd);

  if (!is_private)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                 "Could not make a socket in “%s”: it is no folder that only this user may enter",
                 base);

  return is_private;
}

/* NULL: it cannot be made here, with errno set. */
static AioprocSocketPath *
make_folder (const char *pattern)
{
  g_autofree char *folder = g_strdup (pattern);
  struct sockaddr_un address;
  char *name;

  /* What an address has room for, with the end of a string. */
  if (strlen (folder) + sizeof ("/" SOCKET_NAME) > sizeof address.sun_path)
    {
      errno = ENAMETOOLONG;
      return NULL;
    }

  if (g_mkdtemp_full (folder, 0700) == NULL)
    return NULL;

  name = g_build_filename (folder, SOCKET_NAME, NULL);

  return take_names (name, g_steal_pointer (&folder));
}

AioprocSocketPath *
aioproc_socket_path_new_private (GError **error)
{
  const char *temporary[] = { g_get_tmp_dir (), "/tmp" };
  g_autofree char *base = g_build_filename (g_get_user_runtime_dir (), "aioproc", NULL);
  g_autofree char *inner = g_build_filename (base, "XXXXXX", NULL);
  g_autoptr(GError) local_error = NULL;
  AioprocSocketPath *self = NULL;
  int saved_errno = 0;

  if (make_base (base, &local_error))
    self = make_folder (inner);

  if (local_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return NULL;
    }

  for (guint i = 0; self == NULL && i < G_N_ELEMENTS (temporary); i++)
    {
      g_autofree char *pattern = g_build_filename (temporary[i], "aioproc-XXXXXX", NULL);

      self = make_folder (pattern);
      saved_errno = errno;
    }

  if (self == NULL)
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                 "Could not make a folder for a socket: %s", g_strerror (saved_errno));

  return self;
}

AioprocSocketPath *
aioproc_socket_path_new (const char *name)
{
  return take_names (g_strdup (name), NULL);
}

const char *
aioproc_socket_path_get_name (AioprocSocketPath *self)
{
  return self->name;
}

void
aioproc_socket_path_set_bound (AioprocSocketPath *self)
{
  struct stat info;

  if (lstat (self->name, &info) != 0)
    return;

  self->is_bound = TRUE;
  self->device = info.st_dev;
  self->inode = info.st_ino;
}

void
aioproc_socket_path_remove (AioprocSocketPath *self)
{
  struct stat info;

  /* Somebody may have put another one in its place. */
  if (self->is_bound && lstat (self->name, &info) == 0 && info.st_dev == self->device &&
      info.st_ino == self->inode)
    unlink (self->name);

  if (self->folder != NULL)
    rmdir (self->folder);

  g_free (self->name);
  g_free (self->folder);
  g_free (self);
}
