/* test-listener-crowd.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Listeners whose process has no descriptor left, that crowds come to, or that are used for long.
 * In the stress suite with figures.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "connection-test.h"
#include "listener-test.h"

#define KEY "of nobody but these tests, and long"

#ifdef CROWD_ALL
# define N_SILENT 1000
# define N_SLOW   1000
# define N_HONEST 50
# define N_CYCLES 10000
#else
# define N_SILENT 150
# define N_SLOW   150
# define N_HONEST 5
# define N_CYCLES 300
#endif

/* --- No descriptors --- */

/* All that this process may have. */
static GArray *
take_descriptors (void)
{
  GArray *fds = g_array_new (FALSE, FALSE, sizeof (int));

  for (;;)
    {
      int fd = fcntl (STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

      if (fd < 0)
        break;

      g_array_append_val (fds, fd);
    }

  g_assert_cmpint (errno, ==, EMFILE);

  return fds;
}

static void
give_descriptors (GArray *fds)
{
  for (guint i = 0; i < fds->len; i++)
    close (g_array_index (fds, int, i));

  g_array_free (fds, TRUE);
}

static gint64
get_cpu_usec (void)
{
  struct rusage usage;

  g_assert_cmpint (getrusage (RUSAGE_SELF, &usage), ==, 0);

  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * G_USEC_PER_SEC +
         usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void
test_descriptors (void)
{
  g_autoptr(AioprocSecurity) patient = NULL;
  AioprocListener *listener;
  struct rlimit saved;
  struct rlimit limit;
  GArray *fds;
  int waiting[4];
  gint64 begin_usec;
  gint64 cpu_usec;

  g_test_summary ("A process without descriptors lets people in when it can, and works little");

  patient = g_object_new (AIOPROC_TYPE_SECURITY, "handshake-timeout", G_MAXINT64, NULL);
  listener = listener_test_new (NULL, patient);

  /* They are there, but to take them needs a descriptor for each. */
  for (guint i = 0; i < G_N_ELEMENTS (waiting); i++)
    waiting[i] = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &saved), ==, 0);
  limit = saved;
  limit.rlim_cur = 64;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  fds = take_descriptors ();
  begin_usec = g_get_monotonic_time ();
  cpu_usec = get_cpu_usec ();

  for (guint i = 0; i < G_N_ELEMENTS (waiting); i++)
    listener_test_connect_by (listener, waiting[i]);

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr(AioprocConnection) nobody = NULL;
      g_autoptr(GError) error = NULL;

      nobody = aioproc_listener_accept (listener, G_USEC_PER_SEC, NULL, &error);
      g_assert_null (nobody);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
    }

  cpu_usec = get_cpu_usec () - cpu_usec;
  begin_usec = g_get_monotonic_time () - begin_usec;
  g_test_message ("%" G_GINT64_FORMAT " µs of a processor in %" G_GINT64_FORMAT " µs", cpu_usec,
                  begin_usec);
#ifdef CROWD_ALL
  /* That of the process, whatever else runs. */
  g_assert_cmpint (cpu_usec, <, begin_usec / 20);
#endif
  give_descriptors (fds);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &saved), ==, 0);

  {
    g_autoptr(AioprocConnection) ours = NULL;
    g_autoptr(AioprocConnection) theirs = NULL;
    g_autoptr(GError) error = NULL;
    GThread *thread = g_thread_new ("client", listener_test_connect_thread, listener);

    ours = aioproc_listener_accept (listener, -1, NULL, &error);
    g_assert_no_error (error);
    theirs = g_thread_join (thread);
    connection_test_send_number (theirs, 3);
    g_assert_cmpuint (connection_test_recv_number (ours), ==, 3);
  }

  for (guint i = 0; i < G_N_ELEMENTS (waiting); i++)
    close (waiting[i]);

  listener_test_wait_refused (listener, G_N_ELEMENTS (waiting), G_IO_ERROR,
                              G_IO_ERROR_CONNECTION_CLOSED);
  g_assert_finalize_object (listener);
}

/* --- Crowds --- */

typedef struct {
  AioprocListener *listener;
  _Atomic gboolean is_over;
  _Atomic guint    n_there;   /* rounds */
} Crowd;

/* Some say nothing, others a byte a second, and who is sent away comes again. */
static gpointer
crowd_thread (gpointer data)
{
  Crowd *crowd = data;
  g_autofree struct pollfd *peers = g_new0 (struct pollfd, N_SILENT + N_SLOW);

  for (guint i = 0; i < N_SILENT + N_SLOW; i++)
    peers[i] = (struct pollfd) { .fd = -1, .events = POLLIN };

  while (!atomic_load (&crowd->is_over))
    {
      gint64 end_usec = g_get_monotonic_time () + G_USEC_PER_SEC;

      for (guint i = 0; i < N_SILENT + N_SLOW; i++)
        {
          if (peers[i].fd >= 0 && i >= N_SILENT && send (peers[i].fd, "A", 1, MSG_NOSIGNAL) != 1)
            peers[i].revents = POLLHUP;

          if (peers[i].fd >= 0 && peers[i].revents != 0)
            close (g_steal_fd (&peers[i].fd));

          if (peers[i].fd < 0)
            peers[i].fd = listener_test_connect_raw (crowd->listener);

          peers[i].revents = 0;
        }

      atomic_fetch_add (&crowd->n_there, 1);

      while (!atomic_load (&crowd->is_over) && g_get_monotonic_time () < end_usec)
        poll (NULL, 0, 50);

      poll (peers, N_SILENT + N_SLOW, 0);
    }

  for (guint i = 0; i < N_SILENT + N_SLOW; i++)
    {
      if (peers[i].fd >= 0)
        close (peers[i].fd);
    }

  return NULL;
}

static void
test_crowd (gconstpointer data)
{
  gboolean is_tcp = GPOINTER_TO_INT (data);
  g_autoptr(GSocketAddress) address = is_tcp ? listener_test_new_tcp () : NULL;
  g_autoptr(AioprocSecurity) security = listener_test_new_security (KEY);
  Crowd crowd = { listener_test_new (address, security), FALSE, 0 };
  struct rlimit limit;
  GThread *thread;
  gint64 longest_usec = 0;

  g_test_summary ("Those who say nothing or little do not keep anybody from coming in");

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  limit.rlim_cur = MIN (limit.rlim_max, 2 * (N_SILENT + N_SLOW) + 500);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);

  if (limit.rlim_cur < N_SILENT + N_SLOW + 300)
    {
      g_test_skip ("This process may not have as many descriptors");
      g_assert_finalize_object (crowd.listener);
      return;
    }

  thread = g_thread_new ("crowd", crowd_thread, &crowd);

  while (atomic_load (&crowd.n_there) == 0)
    g_thread_yield ();

  for (guint i = 0; i < N_HONEST; i++)
    {
      gint64 begin_usec = g_get_monotonic_time ();
      AioprocConnection *ours, *theirs;

      listener_test_connect (crowd.listener, security, &ours, &theirs);
      longest_usec = MAX (longest_usec, g_get_monotonic_time () - begin_usec);
      listener_test_exchange (ours, theirs);
#ifdef CROWD_ALL
      {
        g_autoptr(AioprocConnection) nobody = NULL;

        /* Over some rounds of the crowd. */
        nobody = aioproc_listener_accept (crowd.listener, G_USEC_PER_SEC / 5, NULL, NULL);
        g_assert_null (nobody);
      }
#endif
    }

  g_test_message ("The longest of %d took %" G_GINT64_FORMAT " µs, among %" G_GUINT64_FORMAT
                  " that were refused", N_HONEST, longest_usec,
                  aioproc_listener_get_n_refused (crowd.listener));
#ifdef CROWD_ALL
  g_assert_cmpint (longest_usec, <, G_USEC_PER_SEC);
#endif
  atomic_store (&crowd.is_over, TRUE);
  g_thread_join (thread);
  g_assert_finalize_object (crowd.listener);
}

/* --- Long use --- */

static guint64
count_resident_pages (void)
{
  g_autofree char *text = NULL;
  g_auto(GStrv) fields = NULL;

  g_assert_true (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
  fields = g_strsplit (text, " ", 3);

  return g_ascii_strtoull (fields[1], NULL, 10);
}

static void
test_cycles (gconstpointer data)
{
  gboolean is_tcp = GPOINTER_TO_INT (data);
  g_autoptr(GSocketAddress) address = is_tcp ? listener_test_new_tcp () : NULL;
  g_autoptr(AioprocSecurity) security = listener_test_new_security (KEY);
  AioprocListener *listener = listener_test_new (address, security);
  guint n_fds = 0;
  guint n_threads = 0;
  guint64 n_pages = 0;

  g_test_summary ("Connections that come and go leave nothing behind");
  aioproc_test_arm_watchdog (1800);

  for (guint i = 0; i < N_CYCLES; i++)
    {
      AioprocConnection *ours, *theirs;

      listener_test_connect (listener, security, &ours, &theirs);
      connection_test_send_number (ours, i);
      g_assert_cmpuint (connection_test_recv_number (theirs), ==, i);
      g_assert_finalize_object (ours);
      g_assert_finalize_object (theirs);

      if (i == N_CYCLES / 10)
        {
          n_fds = aioproc_test_count_fds ();
          n_threads = aioproc_test_count_threads ();
          n_pages = count_resident_pages ();
        }
    }

  /* A stream is closed in a thread of the library, a moment later: so some are always there. */
  while (aioproc_test_count_fds () > n_fds)
    g_thread_yield ();

  /* And those of GIO's pool, in which it closes streams that have nothing to be waited for. */
  g_assert_cmpuint (aioproc_test_count_threads (), <=, n_threads + 10);
  g_test_message ("%" G_GUINT64_FORMAT " pages, and %" G_GUINT64_FORMAT " in the end", n_pages,
                  count_resident_pages ());
#if defined (CROWD_ALL) && !defined (HAVE_SANITIZER)
  g_assert_cmpuint (count_resident_pages (), <, n_pages + 1024);
#endif
  g_assert_cmpuint (aioproc_listener_get_n_refused (listener), ==, 0);
  g_assert_finalize_object (listener);
}

int
main (int    argc,
      char **argv)
{
  listener_test_init (&argc, &argv);
  aioproc_test_add_func ("/aioproc/listener/crowd/descriptors", test_descriptors);
  aioproc_test_add_data_func ("/aioproc/listener/crowd/unix", GINT_TO_POINTER (FALSE), test_crowd);
  aioproc_test_add_data_func ("/aioproc/listener/crowd/tcp", GINT_TO_POINTER (TRUE), test_crowd);
  aioproc_test_add_data_func ("/aioproc/listener/cycles/unix", GINT_TO_POINTER (FALSE),
                              test_cycles);
  aioproc_test_add_data_func ("/aioproc/listener/cycles/tcp", GINT_TO_POINTER (TRUE), test_cycles);

  return listener_test_run ();
}
