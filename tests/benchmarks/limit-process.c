/* limit-process.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define N_STARTS 20

static int server_fd;

static pid_t
spawn_program (char *argument)
{
  g_autofree char *folder = g_path_get_dirname (g_get_prgname ());
  g_autofree char *path = g_build_filename (folder, "bench-limit-gio-program", NULL);
  char *argv[] = { path, argument, NULL };
  pid_t pid;

  errno = posix_spawn (&pid, path, NULL, NULL, argv, environ);
  bench_check (errno == 0, "Could not spawn");

  return pid;
}

/* --- start-join-spawn; start-cold of pools --- */

static double
spawn_and_wait (void)
{
  double values[N_STARTS];

  for (int i = 0; i < N_STARTS; i++)
    {
      gint64 began = bench_now_nsec ();

      bench_join (spawn_program (NULL));
      values[i] = (bench_now_nsec () - began) / 1e3;
    }

  return bench_median (values, N_STARTS);
}

/* --- start-join-forkserver --- */

static void
begin_server (void)
{
  g_autofree char *argument = NULL;
  int fds[2];

  bench_check (socketpair (AF_UNIX, SOCK_STREAM, 0, fds) == 0, "Could not make sockets");
  server_fd = fds[0];
  argument = g_strdup_printf ("%d", fds[1]);
  bench_check (fcntl (fds[0], F_SETFD, FD_CLOEXEC) == 0, "Could not set a flag");
  spawn_program (argument);
  close (fds[1]);
}

static void
send_fd (int socket_fd,
         int fd)
{
  char control[CMSG_SPACE (sizeof (int))] __attribute__ ((aligned (8))) = { 0 };
  char byte = 0;
  struct iovec piece = { &byte, 1 };
  struct msghdr header = {
    .msg_iov = &piece,
    .msg_iovlen = 1,
    .msg_control = control,
    .msg_controllen = sizeof control,
  };
  struct cmsghdr *message = CMSG_FIRSTHDR (&header);

  message->cmsg_level = SOL_SOCKET;
  message->cmsg_type = SCM_RIGHTS;
  message->cmsg_len = CMSG_LEN (sizeof (int));
  memcpy (CMSG_DATA (message), &fd, sizeof (int));
  bench_check (sendmsg (socket_fd, &header, 0) == 1, "Could not send");
}

static void
call (void)
{
  g_autoptr(GVariant) request = NULL;
  char result[16];
  char byte;
  int fds[2];

  bench_check (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0,
               "Could not make sockets");
  send_fd (server_fd, fds[1]);
  close (fds[1]);

  request = g_variant_ref_sink (g_variant_new ("(sv)", "do-nothing", g_variant_new ("()")));
  bench_check (write (fds[0], g_variant_get_data (request), g_variant_get_size (request)) ==
                 (gssize) g_variant_get_size (request) &&
               read (fds[0], result, sizeof result) > 0 &&
               read (server_fd, &byte, 1) == 1, "Could not call");
  close (fds[0]);
}

static double
fork_and_wait (void)
{
  double values[N_STARTS];

  for (int i = 0; i < N_STARTS; i++)
    {
      gint64 began = bench_now_nsec ();

      call ();
      values[i] = (bench_now_nsec () - began) / 1e3;
    }

  return bench_median (values, N_STARTS);
}

static const BenchCase cases[] = {
  { "start-join-spawn", NULL, spawn_and_wait, NULL },
  { "start-cold", NULL, spawn_and_wait, NULL },
  { "start-join-forkserver", begin_server, fork_and_wait, NULL },
  { NULL }
};

int
main (int   argc,
      char *argv[])
{
  return bench_main (argc, argv, cases);
}
