/* test-death.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "core-test.h"
#include "platform/aioproc-memfd-private.h"
#include "platform/platform-test.h"

/* How a member dies. */
typedef enum {
  END_KILLED,
  END_KILLED_WITHOUT_MAIN,   /* after its main thread has ended, which is no death */
  END_EXIT,
  END_QUICK_EXIT,
  END_EXIT_OF_THREAD,
  END_ABORT,
  END_FAULT,
  END_TERMINATED,
  END_EXEC,                  /* lives on, as another program that is no member */
  END_EXEC_OF_THREAD,
} End;

static const struct {
  const char *name;
  End         end;
  const char *summary;
} ends[] = {
  { "killed", END_KILLED, "The death of a member that is killed is announced" },
  { "killed-without-main", END_KILLED_WITHOUT_MAIN,
    "A member whose main thread has ended lives, until it is killed" },
  { "exit", END_EXIT, "The death of a member that exits is announced" },
  { "quick-exit", END_QUICK_EXIT, "The death of a member that exits at once is announced" },
  { "exit-of-thread", END_EXIT_OF_THREAD, "The exit that another thread calls is a death" },
  { "abort", END_ABORT, "The death of a member that aborts is announced" },
  { "fault", END_FAULT, "The death of a member that crashes is announced" },
  { "terminated", END_TERMINATED, "The death of a member that is told to end is announced" },
  { "exec", END_EXEC, "A member that executes another program is dead" },
  { "exec-of-thread", END_EXEC_OF_THREAD, "A member of which a thread executes a program is dead" },
};

typedef struct {
  _Atomic guint32 owner;
  _Atomic guint32 go;
  _Atomic guint32 main_has_ended;
  End             end;
} Shared;

static int exec_pipe[2];

static void
run_program (void)
{
  /* Ends when the test closes its end, or ends. */
  dup2 (exec_pipe[0], STDIN_FILENO);
  close (exec_pipe[1]);
  execl ("/bin/cat", "cat", NULL);
  _exit (127);
}

static void
end_process (Shared *shared)
{
  switch (shared->end)
    {
    case END_EXIT:
    case END_EXIT_OF_THREAD:
      /* Not exit(), which runs what belongs to the test program: the kernel sees no difference. */
      _exit (0);

    case END_QUICK_EXIT:
      quick_exit (0);

    case END_ABORT:
      signal (SIGABRT, SIG_DFL);
      abort ();

    case END_FAULT:
      signal (SIGSEGV, SIG_DFL);
      raise (SIGSEGV);
      break;

    case END_TERMINATED:
      signal (SIGTERM, SIG_DFL);
      raise (SIGTERM);
      break;

    case END_EXEC:
    case END_EXEC_OF_THREAD:
      run_program ();
      break;

    case END_KILLED:
    case END_KILLED_WITHOUT_MAIN:
    default:
      break;
    }

  core_test_wait_for (&shared->go, 2);
}

static gpointer
end_of_thread (gpointer data)
{
  Shared *shared = data;

  if (shared->end == END_KILLED_WITHOUT_MAIN)
    {
      while (platform_test_get_state (getpid (), getpid ()) != 'Z')
        g_thread_yield ();

      core_test_store (&shared->main_has_ended, 1);
    }

  core_test_wait_for (&shared->go, 1);
  end_process (shared);

  return NULL;
}

static int
victim_run (gpointer user_data)
{
  Shared *shared = user_data;
  const struct rlimit no_core = { 0, 0 };

  setrlimit (RLIMIT_CORE, &no_core);
  core_test_store (&shared->owner, core_test_attach (core_test_get_family ()));

  if (shared->end == END_KILLED_WITHOUT_MAIN || shared->end == END_EXIT_OF_THREAD ||
      shared->end == END_EXEC_OF_THREAD)
    g_thread_unref (g_thread_new ("end", end_of_thread, shared));

  if (shared->end == END_KILLED_WITHOUT_MAIN)
    pthread_exit (NULL);

  if (shared->end == END_EXIT_OF_THREAD || shared->end == END_EXEC_OF_THREAD)
    core_test_wait_for (&shared->go, 2);

  core_test_wait_for (&shared->go, 1);
  end_process (shared);

  return 0;
}

static void
test_death (gconstpointer data)
{
  AioprocFamily *family = core_test_get_family ();
  guint index = GPOINTER_TO_UINT (data);
  Shared *shared = platform_test_map_shared (sizeof *shared);
  guint32 sequence;
  guint32 owner;
  pid_t pid;

  g_test_summary (ends[index].summary);

  core_test_attach (family);
  shared->end = ends[index].end;
  g_assert_no_errno (pipe2 (exec_pipe, O_CLOEXEC));
  pid = platform_test_fork (victim_run, shared);
  owner = core_test_wait_for_any (&shared->owner);

  if (shared->end == END_KILLED_WITHOUT_MAIN)
    core_test_wait_for (&shared->main_has_ended, 1);

  g_assert_false (aioproc_family_is_dying (family, owner));
  g_assert_false (aioproc_family_is_dead (family, owner));

  sequence = atomic_load (aioproc_family_get_sequence (family));
  core_test_store (&shared->go, 1);

  if (shared->end == END_KILLED || shared->end == END_KILLED_WITHOUT_MAIN)
    g_assert_no_errno (kill (pid, SIGKILL));

  core_test_wait_for_death (family, owner);
  g_assert_true (aioproc_family_is_dying (family, owner));

  /* Also who does not look by itself is told. */
  while (atomic_load (aioproc_family_get_sequence (family)) == sequence)
    aioproc_futex_wait (aioproc_family_get_sequence (family), sequence, -1);

  if (shared->end == END_EXEC || shared->end == END_EXEC_OF_THREAD)
    g_assert_no_errno (kill (pid, SIGKILL));

  close (exec_pipe[0]);
  close (exec_pipe[1]);
  platform_test_wait (pid);
  platform_test_unmap (shared, sizeof *shared);
}

/* A read() of so much into shared memory takes some tens of milliseconds, and cannot be
 * interrupted, not even by SIGKILL.
 */
#define CORPSE_SIZE (128 * 1024 * 1024)
#define PAGE        4096
#define LIVING      0xaa
#define DEAD        0x55

typedef struct {
  _Atomic guint32 owner;
  _Atomic guint32 n_reads;
  int             source_fd;
  guint8         *target;
} Corpse;

static gpointer
corpse_read (gpointer data)
{
  Corpse *corpse = data;

  for (;;)
    {
      atomic_fetch_add (&corpse->n_reads, 1);
      g_assert_cmpint (pread (corpse->source_fd, corpse->target, CORPSE_SIZE, 0), ==, CORPSE_SIZE);
    }

  return NULL;
}

static int
corpse_run (gpointer user_data)
{
  Corpse *corpse = user_data;

  g_thread_unref (g_thread_new ("read", corpse_read, corpse));
  core_test_wait_beyond (&corpse->n_reads, 0);
  core_test_store (&corpse->owner, core_test_attach (core_test_get_family ()));
  pause ();

  return 0;
}

static void
test_death_corpse (void)
{
  AioprocFamily *family = core_test_get_family ();
  Corpse *corpse = platform_test_map_shared (sizeof *corpse);
  g_autofree guint8 *fill = g_malloc (1024 * 1024);
  g_autoptr(GError) error = NULL;

  g_test_summary ("A member with a thread that can still write to memory is not dead");

  core_test_attach (family);
  corpse->source_fd = aioproc_memfd_new ("corpse", CORPSE_SIZE, &error);
  g_assert_no_error (error);
  corpse->target = platform_test_map_shared (CORPSE_SIZE);
  memset (fill, LIVING, 1024 * 1024);

  for (guint i = 0; i < CORPSE_SIZE / (1024 * 1024); i++)
    g_assert_cmpint (write (corpse->source_fd, fill, 1024 * 1024), ==, 1024 * 1024);

  for (guint i = 0; i < 10; i++)
    {
      guint32 owner;
      pid_t pid;

      atomic_store (&corpse->owner, 0);
      atomic_store (&corpse->n_reads, 0);
      pid = platform_test_fork (corpse_run, corpse);
      owner = core_test_wait_for_any (&corpse->owner);
      core_test_wait_beyond (&corpse->n_reads, 2);
      core_test_pass_time (g_random_int_range (0, 10000));
      g_assert_no_errno (kill (pid, SIGKILL));
      core_test_wait_for_death (family, owner);

      /* From the end, since a read comes from the start. */
      for (gsize offset = CORPSE_SIZE; offset > 0; offset -= PAGE)
        corpse->target[offset - 1] = DEAD;

      platform_test_wait (pid);

      for (gsize offset = CORPSE_SIZE; offset > 0; offset -= PAGE)
        g_assert_cmphex (corpse->target[offset - 1], ==, DEAD);
    }

  close (corpse->source_fd);
  platform_test_unmap (corpse->target, CORPSE_SIZE);
  platform_test_unmap (corpse, sizeof *corpse);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      g_autofree char *path = g_strconcat ("/aioproc/death/", ends[i].name, NULL);

      aioproc_test_add_data_func (path, GUINT_TO_POINTER (i), test_death);
    }

  aioproc_test_add_func ("/aioproc/death/corpse", test_death_corpse);

  return g_test_run ();
}
