/* sync-test.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "sync-test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "core/aioproc-shareable-private.h"
#include "core/core-test.h"
#include "platform/aioproc-fds-private.h"
#include "platform/platform-test.h"

SyncParcel
sync_test_export (gpointer object)
{
  g_autoptr(GError) error = NULL;
  int fds[AIOPROC_SHAREABLE_MAX_FDS];
  SyncParcel parcel;

  G_STATIC_ASSERT (G_N_ELEMENTS (parcel.fds) == AIOPROC_SHAREABLE_MAX_FDS);

  aioproc_shareable_export (object, &parcel.kind, fds, &parcel.n_fds, &error);
  g_assert_no_error (error);

  for (guint i = 0; i < parcel.n_fds; i++)
    parcel.fds[i] = fds[i];

  return parcel;
}

gpointer
sync_test_import (const SyncParcel *parcel)
{
  g_autoptr(GError) error = NULL;
  AioprocShareable *object;
  int fds[AIOPROC_SHAREABLE_MAX_FDS];

  for (guint i = 0; i < parcel->n_fds; i++)
    {
      fds[i] = aioproc_fds_dup (parcel->fds[i], &error);
      g_assert_no_error (error);
    }

  object = aioproc_shareable_import (parcel->kind, fds, parcel->n_fds, &error);
  g_assert_no_error (error);

  return object;
}

void
sync_test_parcel_clear (SyncParcel *parcel)
{
  aioproc_fds_close_all (parcel->fds, parcel->n_fds);
}

typedef struct {
  gpointer  (*make) (void);     /* (nullable) NULL: by the next ones */
  GType       type;
  const char *property;
  guint       value;
  int         socket_fd;
} CreateRun;

static int
create_run (gpointer user_data)
{
  CreateRun *run = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GObject) object = NULL;
  SyncParcel parcel;
  gsize n_done;

  if (run->make != NULL)
    object = run->make ();
  else
    object = g_initable_new (run->type, NULL, &error, run->property, run->value, NULL);

  g_assert_no_error (error);
  parcel = sync_test_export (object);
  aioproc_fds_send (run->socket_fd, &parcel.kind, sizeof parcel.kind, parcel.fds,
                    parcel.n_fds, FALSE, &n_done, &error);
  g_assert_no_error (error);

  return 0;
}

static SyncParcel
create (CreateRun *run)
{
  g_autoptr(GError) error = NULL;
  SyncParcel parcel;
  int socket_fds[2];
  gsize n_done;
  pid_t pid;

  aioproc_fds_socketpair (SOCK_SEQPACKET, socket_fds, &error);
  g_assert_no_error (error);
  run->socket_fd = socket_fds[1];
  parcel.n_fds = G_N_ELEMENTS (parcel.fds);
  pid = platform_test_fork (create_run, run);
  aioproc_fds_receive (socket_fds[0], &parcel.kind, sizeof parcel.kind, parcel.fds,
                       parcel.n_fds, &parcel.n_fds, FALSE, &n_done, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (parcel.n_fds, >=, 2);
  platform_test_wait_success (pid);
  aioproc_fds_close_all (socket_fds, G_N_ELEMENTS (socket_fds));

  return parcel;
}

SyncParcel
sync_test_create (GType type)
{
  return sync_test_create_with (type, NULL, 0);
}

SyncParcel
sync_test_create_with (GType       type,
                       const char *property,
                       guint       value)
{
  CreateRun run = { .type = type, .property = property, .value = value };

  return create (&run);
}

SyncParcel
sync_test_create_by (gpointer (*make) (void))
{
  CreateRun run = { .make = make };

  return create (&run);
}

/* --- Orphans --- */

/* Orphans see its end when the test ends. */
static int life_pipe[2] = { -1, -1 };

static gpointer
end_with_test (gpointer data)
{
  char byte;

  while (read (life_pipe[0], &byte, 1) < 0 && errno == EINTR)
    continue;

  kill (getpid (), SIGKILL);

  return NULL;
}

pid_t
sync_test_fork_orphan (int      (*func) (gpointer data),
                       gpointer   data)
{
  int pid_pipe[2];
  pid_t pid;
  pid_t orphan;

  if (life_pipe[0] < 0)
    g_assert_no_errno (pipe2 (life_pipe, O_CLOEXEC));

  g_assert_no_errno (pipe2 (pid_pipe, O_CLOEXEC));
  pid = fork ();
  g_assert_cmpint (pid, >=, 0);

  if (pid == 0)
    {
      orphan = fork ();

      if (orphan != 0)
        _exit (orphan > 0 && write (pid_pipe[1], &orphan, sizeof orphan) == sizeof orphan ? 0 : 1);

      close (life_pipe[1]);
      g_thread_unref (g_thread_new ("life", end_with_test, NULL));
      _exit (func (data));
    }

  platform_test_wait_success (pid);
  g_assert_cmpint (read (pid_pipe[0], &orphan, sizeof orphan), ==, sizeof orphan);
  close (pid_pipe[0]);
  close (pid_pipe[1]);

  return orphan;
}

void
sync_test_kill_orphan (pid_t pid)
{
  g_assert_no_errno (kill (pid, SIGKILL));
}
