/* bench.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "bench.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N_LOOPS 50
#define CONTEND_NSEC (100 * 1000 * 1000)

/* Until a process that was told to wait surely does. */
#define PAUSE_NSEC (300 * 1000)

static int other_cpu = -1;

void
bench_write_all (int         fd,
                 const char *data,
                 gsize       size)
{
  while (size > 0)
    {
      gssize n = write (fd, data, size);

      bench_check (n > 0, "Could not write");
      data += n;
      size -= n;
    }
}

void
bench_read_all (int    fd,
                char  *data,
                gsize  size)
{
  while (size > 0)
    {
      gssize n = read (fd, data, size);

      bench_check (n > 0, "Could not read");
      data += n;
      size -= n;
    }
}

void
bench_check (gboolean    ok,
             const char *what)
{
  if (ok)
    return;

  fprintf (stderr, "%s: %s: %s\n", g_get_prgname (), what, g_strerror (errno));
  exit (1);
}

void
bench_check_error (gboolean      ok,
                   const GError *error)
{
  if (ok)
    return;

  fprintf (stderr, "%s: %s\n", g_get_prgname (),
           error != NULL ? error->message : "failed without an error");
  exit (1);
}

gint64
bench_now_nsec (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);

  return now.tv_sec * G_GINT64_CONSTANT (1000000000) + now.tv_nsec;
}

static int
compare_values (const void *a,
                const void *b)
{
  double x = *(const double *) a;
  double y = *(const double *) b;

  return (x > y) - (x < y);
}

double
bench_median (double *values,
              gsize   n_values)
{
  qsort (values, n_values, sizeof (double), compare_values);

  if (n_values % 2 == 1)
    return values[n_values / 2];

  return (values[n_values / 2 - 1] + values[n_values / 2]) / 2;
}

double
bench_loop (void (*func) (int n_runs),
            int    n_runs)
{
  double values[N_LOOPS];

  for (int i = 0; i < N_LOOPS; i++)
    {
      gint64 began = bench_now_nsec ();

      func (n_runs);
      values[i] = (double) (bench_now_nsec () - began) / n_runs;
    }

  return bench_median (values, N_LOOPS);
}

int
bench_get_other_cpu (void)
{
  return other_cpu;
}

void
bench_pin (int cpu)
{
  cpu_set_t set;

  if (cpu < 0)
    return;

  CPU_ZERO (&set);
  CPU_SET (cpu, &set);
  bench_check (sched_setaffinity (0, sizeof set, &set) == 0, "Could not pin");
}

void
bench_pause (void)
{
  struct timespec pause = { 0, PAUSE_NSEC };

  ppoll (NULL, 0, &pause, NULL);
}

gpointer
bench_map (int   fd,
           gsize size)
{
  gpointer memory = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

  bench_check (memory != MAP_FAILED, "Could not map memory");

  return memory;
}

gpointer
bench_share_fd (gsize  size,
                int   *fd)
{
  gpointer memory;

  *fd = memfd_create ("bench", MFD_CLOEXEC);
  bench_check (*fd >= 0 && ftruncate (*fd, size) == 0, "Could not make memory");
  memory = bench_map (*fd, size);
  /* The faults are not what is measured. */
  memset (memory, 0, size);

  return memory;
}

gpointer
bench_share (gsize size)
{
  int fd;
  gpointer memory = bench_share_fd (size, &fd);

  close (fd);

  return memory;
}

pid_t
bench_fork (void (*func) (void))
{
  pid_t parent = getpid ();
  pid_t pid = fork ();

  bench_check (pid >= 0, "Could not fork");

  if (pid > 0)
    return pid;

  prctl (PR_SET_PDEATHSIG, SIGKILL);

  if (getppid () == parent)
    {
      bench_pin (other_cpu);
      func ();
    }

  _exit (0);
}

void
bench_join (pid_t pid)
{
  int status;

  bench_check (waitpid (pid, &status, 0) == pid, "Could not wait for the other process");
  errno = 0;
  bench_check (status == 0, "The other process failed");
}

void
bench_meet_own (BenchMeeting *meeting)
{
  while (!meeting->ready)
    sched_yield ();

  meeting->go = 1;
}

void
bench_meet_other (BenchMeeting *meeting)
{
  meeting->ready = 1;

  while (!meeting->go)
    sched_yield ();
}

void
bench_contend_other (BenchMeeting  *meeting,
                     void         (*func) (int n_runs),
                     int            n_runs)
{
  gint64 n_runs_done = 0;

  func (n_runs);
  bench_meet_other (meeting);

  while (!meeting->stop)
    {
      func (n_runs);
      n_runs_done += n_runs;
    }

  meeting->n_runs_of_other = n_runs_done;
  meeting->is_over = 1;
}

double
bench_contend_own (BenchMeeting  *meeting,
                   void         (*func) (int n_runs),
                   int            n_runs)
{
  gint64 n_runs_done = 0;
  gint64 began;
  gint64 took;

  bench_meet_own (meeting);
  began = bench_now_nsec ();

  do
    {
      func (n_runs);
      n_runs_done += n_runs;
      took = bench_now_nsec () - began;
    }
  while (took < CONTEND_NSEC);

  meeting->stop = 1;

  while (!meeting->is_over)
    sched_yield ();

  return (double) took / (n_runs_done + meeting->n_runs_of_other);
}

typedef struct {
  BenchMeeting       meeting;
  void             (*func) (int n_runs);
  int                n_runs;
  const BenchStream *stream;
  gsize              size;
  guint              n_messages;
} Fork;

static Fork *forked;

static Fork *
get_forked (void)
{
  if (forked == NULL)
    forked = bench_share (sizeof *forked);

  memset (forked, 0, sizeof *forked);

  return forked;
}

static void
contend (void)
{
  bench_contend_other (&forked->meeting, forked->func, forked->n_runs);
}

double
bench_contend (void (*func) (int n_runs),
               int    n_runs)
{
  Fork *self = get_forked ();
  double value;
  pid_t pid;

  self->func = func;
  self->n_runs = n_runs;
  pid = bench_fork (contend);
  value = bench_contend_own (&self->meeting, func, n_runs);
  bench_join (pid);

  return value;
}

static void
produce (void)
{
  g_autofree char *message = g_malloc0 (forked->size);

  bench_meet_other (&forked->meeting);

  for (guint i = 0; i < forked->n_messages; i++)
    {
      memcpy (message, &i, sizeof i);
      forked->stream->put (message, forked->size);
    }
}

double
bench_stream (const BenchStream *stream,
              gsize              size,
              guint              n_messages)
{
  g_autofree char *message = g_malloc0 (size);
  Fork *self = get_forked ();
  gint64 began;
  gint64 took;
  pid_t pid;

  self->stream = stream;
  self->size = size;
  self->n_messages = n_messages;
  pid = bench_fork (produce);
  bench_meet_own (&self->meeting);
  began = bench_now_nsec ();

  for (guint i = 0; i < n_messages; i++)
    {
      stream->get (message, size);
      errno = 0;
      bench_check (memcmp (message, &i, sizeof i) == 0, "A message is not the next one");
    }

  took = bench_now_nsec () - began;
  bench_join (pid);

  return n_messages * 1e9 / took;
}

/* Takes the placement off the name of the case, and goes there. */
static void
place (char *name)
{
  char *placement = strrchr (name, '_');
  cpu_set_t allowed;
  int cpus[2];
  int n_cpus = 0;

  if (placement == NULL)
    return;

  bench_check (sched_getaffinity (0, sizeof allowed, &allowed) == 0, "Could not get the CPUs");

  for (int i = 0; i < CPU_SETSIZE && n_cpus < 2; i++)
    {
      if (CPU_ISSET (i, &allowed))
        cpus[n_cpus++] = i;
    }

  errno = EINVAL;

  if (strcmp (placement, "_1cpu") == 0)
    {
      other_cpu = cpus[0];
    }
  else
    {
      bench_check (strcmp (placement, "_cross") == 0, "There is no such placement");
      bench_check (n_cpus == 2, "There is one CPU only");
      other_cpu = cpus[1];
    }

  bench_pin (cpus[0]);
  *placement = '\0';
}

BenchUsage
bench_get_usage (void)
{
  g_autoptr(GDir) tasks = g_dir_open ("/proc/self/task", 0, NULL);
  g_autofree char *statm = NULL;
  BenchUsage usage = { 0 };
  const char *task;

  bench_check (tasks != NULL && g_file_get_contents ("/proc/self/statm", &statm, NULL, NULL),
               "Could not read from /proc");
  usage.memory_kib = atoll (strchr (statm, ' ')) * sysconf (_SC_PAGESIZE) / 1024;

  while ((task = g_dir_read_name (tasks)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/task", task, "status", NULL);
      g_autofree char *status = NULL;
      const char *rest;

      if (!g_file_get_contents (path, &status, NULL, NULL))
        continue;

      usage.n_threads++;

      for (rest = status; (rest = strstr (rest, "voluntary_ctxt_switches:")) != NULL; )
        {
          rest = strchr (rest, ':') + 1;
          usage.n_switches += atoll (rest);
        }
    }

  return usage;
}

void
bench_allow_descriptors (void)
{
  struct rlimit limit;

  bench_check (getrlimit (RLIMIT_NOFILE, &limit) == 0, "Could not get a limit");
  limit.rlim_cur = limit.rlim_max;
  bench_check (setrlimit (RLIMIT_NOFILE, &limit) == 0, "Could not set a limit");
}

static gboolean
quit_cb (gpointer user_data)
{
  g_main_loop_quit (user_data);

  return G_SOURCE_REMOVE;
}

void
bench_run_main_loop (guint msec)
{
  GMainLoop *loop = g_main_loop_new (NULL, FALSE);

  g_timeout_add (msec, quit_cb, loop);
  g_main_loop_run (loop);
  g_main_loop_unref (loop);
}

static void
repeat (const BenchCase *item)
{
  printf ("%.9g\n", item->repeat ());
  fflush (stdout);
}

int
bench_main (int              argc,
            char            *argv[],
            const BenchCase *cases)
{
  const BenchCase *item = cases;
  char line[16];

  g_set_prgname (argv[0]);

  if (argc != 3)
    {
      fprintf (stderr, "Usage: %s CASE[_1cpu|_cross] REPETITIONS|-\n\n", argv[0]);

      for (; item->name != NULL; item++)
        fprintf (stderr, "  %s\n", item->name);

      return 2;
    }

  place (argv[1]);

  while (item->name != NULL && strcmp (item->name, argv[1]) != 0)
    item++;

  errno = EINVAL;
  bench_check (item->name != NULL, "There is no such case");

  if (item->begin != NULL)
    item->begin ();

  if (strcmp (argv[2], "-") == 0)
    {
      while (fgets (line, sizeof line, stdin) != NULL)
        repeat (item);
    }
  else
    {
      for (int i = atoi (argv[2]); i > 0; i--)
        repeat (item);
    }

  if (item->end != NULL)
    item->end ();

  return 0;
}
