/* limit-memory.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

/* The same by the kernel alone: a memfd, a descriptor through a socket, a mapping. */

#define SIZE ((gsize) 256 * 1024 * 1024)

static guint8 *payload;
static int sockets[2];
static guint64 sum;

static void
send_fd (int fd)
{
  char control[CMSG_SPACE (sizeof fd)] = { 0 };
  char byte = 0;
  struct iovec iov = { &byte, 1 };
  struct msghdr header = {
    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control,
  };
  struct cmsghdr *cmsg = CMSG_FIRSTHDR (&header);

  cmsg->cmsg_level = SOL_SOCKET;
  cmsg->cmsg_type = SCM_RIGHTS;
  cmsg->cmsg_len = CMSG_LEN (sizeof fd);
  memcpy (CMSG_DATA (cmsg), &fd, sizeof fd);
  bench_check (sendmsg (sockets[0], &header, 0) == 1, "Could not send");
}

/* -1: the end. */
static int
receive_fd (void)
{
  char control[CMSG_SPACE (sizeof (int))] = { 0 };
  char byte;
  struct iovec iov = { &byte, 1 };
  struct msghdr header = {
    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control,
  };
  int fd;

  if (recvmsg (sockets[1], &header, 0) != 1)
    return -1;

  memcpy (&fd, CMSG_DATA (CMSG_FIRSTHDR (&header)), sizeof fd);

  return fd;
}

static void
look (int fd)
{
  guint8 *data = mmap (NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);

  bench_check (data != MAP_FAILED, "Could not map");

  for (gsize i = 0; i < SIZE; i += 4096)
    sum += data[i];

  munmap (data, SIZE);
}

static void
receive_all (void)
{
  int fd;

  close (sockets[0]);

  while ((fd = receive_fd ()) >= 0)
    {
      look (fd);
      close (fd);
      bench_check (write (sockets[1], &sum, 1) == 1, "Could not answer");
    }
}

static void
begin (void)
{
  payload = g_malloc (SIZE);
  memset (payload, 1, SIZE);
  bench_check (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0,
               "Could not make sockets");
  bench_fork (receive_all);
  close (sockets[1]);
}

static int
new_memory (void)
{
  int fd = memfd_create ("payload", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  bench_check (fd >= 0, "Could not make a memfd");

  return fd;
}

static void
hand_over (int fd)
{
  char byte;

  send_fd (fd);
  close (fd);
  bench_check (read (sockets[0], &byte, 1) == 1, "Could not read");
}

/* --- memory-in-place --- */

static double
in_place (void)
{
  gint64 began = bench_now_nsec ();
  int fd = new_memory ();
  gpointer data;

  bench_check (ftruncate (fd, SIZE) == 0, "Could not size");
  data = mmap (NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  bench_check (data != MAP_FAILED, "Could not map");
  memset (data, 1, SIZE);
  hand_over (fd);
  munmap (data, SIZE);

  return (bench_now_nsec () - began) / 1e6;
}

/* --- memory-copy --- */

static double
copied (void)
{
  gint64 began = bench_now_nsec ();
  int fd = new_memory ();

  for (gsize done = 0; done < SIZE;)
    {
      gssize n = write (fd, payload + done, SIZE - done);

      bench_check (n > 0, "Could not write");
      done += n;
    }

  bench_check (fcntl (fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) == 0,
               "Could not seal");
  hand_over (fd);

  return (bench_now_nsec () - began) / 1e6;
}

/* --- memory-again: a copy of what is in use --- */

static guint8 *target;

static void
again_begin (void)
{
  payload = g_malloc (SIZE);
  target = bench_share (SIZE);
  memset (payload, 1, SIZE);
  memset (target, 1, SIZE);
}

static double
again (void)
{
  gint64 began = bench_now_nsec ();

  memcpy (target, payload, SIZE);

  return (bench_now_nsec () - began) / 1e6;
}

static const BenchCase cases[] = {
  { "memory-in-place", begin, in_place, NULL },
  { "memory-copy", begin, copied, NULL },
  { "memory-again", again_begin, again, NULL },
  { NULL, NULL, NULL, NULL },
};

int
main (int   argc,
      char *argv[])
{
  return bench_main (argc, argv, cases);
}
