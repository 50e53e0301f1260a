/* test-sync-death.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/core-test.h"
#include "death-things.h"
#include "platform/platform-test.h"
#include "sync/aioproc-grants-private.h"

/* All ways to die, for all that a process can have when it does. */

static const char * const ends[] = {
  "killed", "exits", "executes", "aborts", "crashes", "dumps-core", "stopped-killed",
  "stopped-continues", "namespace/killed", "namespace/ended",
};

#define NO_NAMESPACE G_MAXUINT32

static void
take_slot (Fixture *self)
{
  guint32 owner = core_test_attach (core_test_get_family ());

  atomic_store (&self->shared->slot, owner % AIOPROC_GRANTS_N_SLOTS);
}

/* --- The order of slots, by which it is decided who is chosen --- */

static int
passer_by_run (gpointer user_data)
{
  take_slot (user_data);

  return 0;
}

/* Slots are taken going round. That of the victim has to come before that of the one that waits. */
static void
go_round_slots (Fixture *self)
{
  while (atomic_load (&self->shared->slot) > AIOPROC_GRANTS_N_SLOTS - 8)
    platform_test_wait_success (platform_test_fork (passer_by_run, self));
}

/* --- The one that waits --- */

static int
waiter_run (gpointer user_data)
{
  Fixture *self = user_data;

  take_slot (self);
  core_test_store (&self->shared->got, self->thing->wait (self) ? 2 : 1);

  return 0;
}

static pid_t
start_waiter (Fixture *self)
{
  pid_t pid = platform_test_fork (waiter_run, self);

  core_test_wait_for (&self->shared->begun, 1);
  core_test_wait_for_sleep (pid);
  g_assert_cmpuint (atomic_load (&self->shared->got), ==, 0);

  return pid;
}

/* --- The one that dies --- */

static void
limit_core (Fixture *self)
{
  struct rlimit limit = { 0, 0 };

  if (self->end == END_DUMPS)
    {
      g_assert_no_errno (getrlimit (RLIMIT_CORE, &limit));
      limit.rlim_cur = limit.rlim_max;
      g_assert_no_errno (chdir (self->folder));
      g_assert_no_errno (prctl (PR_SET_DUMPABLE, 1, 0, 0, 0));
    }

  g_assert_no_errno (setrlimit (RLIMIT_CORE, &limit));
}

/* In a thread beside the one that holds, or waits. */
static gpointer
end_victim (gpointer data)
{
  Fixture *self = data;

  core_test_wait_for (&self->shared->go, 1);

  switch (self->end)
    {
    case END_EXITS:
      _exit (0);

    case END_EXECUTES:
      /* Lives on, without a thread or a descriptor of before. */
      execl ("/bin/sh", "sh", "-c", "kill -STOP $$", NULL);
      _exit (127);

    case END_ABORTS:
    case END_DUMPS:
      /* Not what a sanitizer would make of it. */
      signal (SIGABRT, SIG_DFL);
      kill (getpid (), SIGABRT);
      break;

    case END_CRASHES:
      signal (SIGSEGV, SIG_DFL);
      kill (getpid (), SIGSEGV);
      break;

    default:
      break;
    }

  return NULL;
}

static int
victim_run (gpointer user_data)
{
  Fixture *self = user_data;

  limit_core (self);
  take_slot (self);
  g_thread_unref (g_thread_new ("end", end_victim, self));
  self->thing->hold (self);
  core_test_wait_for (&self->shared->go, 2);
  self->thing->let_go (self);

  return 0;
}

static void
run_in_namespace (Fixture *self)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);

  /* The victim, or its init. */
  if (self->end == END_NAMESPACE_ENDED && fork () != 0)
    {
      for (;;)
        pause ();
    }

  _exit (victim_run (self));
}

static int
namespace_run (gpointer user_data)
{
  Fixture *self = user_data;
  pid_t pid;

  if (unshare (CLONE_NEWPID) != 0 && unshare (CLONE_NEWUSER | CLONE_NEWPID) != 0)
    {
      core_test_store (&self->shared->pid, NO_NAMESPACE);
      return 0;
    }

  pid = fork ();

  if (pid == 0)
    run_in_namespace (self);

  g_assert_cmpint (pid, >, 0);
  core_test_store (&self->shared->pid, pid);
  platform_test_wait (pid);

  return 0;
}

static gboolean
is_in_namespace (End end)
{
  return end == END_NAMESPACE_KILLED || end == END_NAMESPACE_ENDED;
}

/* 0: there is none. */
static pid_t
start_victim (Fixture *self)
{
  pid_t pid = platform_test_fork (is_in_namespace (self->end) ? namespace_run : victim_run, self);

  if (is_in_namespace (self->end) &&
      core_test_wait_for_any (&self->shared->pid) == NO_NAMESPACE)
    {
      platform_test_wait_success (pid);
      return 0;
    }

  core_test_wait_for (&self->shared->held, 1);

  /* It holds it, or waits. */
  if (!is_in_namespace (self->end))
    core_test_wait_for_sleep (pid);

  return pid;
}

/* Returns whether there is a core. */
static gboolean
check_signal (pid_t pid,
              int   signum)
{
  int status = platform_test_wait (pid);

  g_assert_true (WIFSIGNALED (status));
  g_assert_cmpint (WTERMSIG (status), ==, signum);

  return WCOREDUMP (status) != 0;
}

/* Of the victim, which is dead then, or another program. */
static void
let_end (Fixture *self,
         pid_t    pid)
{
  switch (self->end)
    {
    case END_KILLED:
    case END_STOPPED_KILLED:
      core_test_kill (pid);
      break;

    case END_STOPPED_CONTINUES:
      core_test_store (&self->shared->go, 2);
      g_assert_no_errno (kill (pid, SIGCONT));
      break;

    case END_NAMESPACE_KILLED:
    case END_NAMESPACE_ENDED:
      g_assert_no_errno (kill (atomic_load (&self->shared->pid), SIGKILL));
      platform_test_wait_success (pid);
      break;

    default:
      core_test_store (&self->shared->go, 1);
      break;
    }

  switch (self->end)
    {
    case END_EXITS:
      platform_test_wait_success (pid);
      break;

    case END_EXECUTES:
      platform_test_wait_for_state (pid, pid, 'T');
      break;

    case END_ABORTS:
      g_assert_false (check_signal (pid, SIGABRT));
      break;

    case END_DUMPS:
      /* With it or without, the others have to go on. */
      if (!check_signal (pid, SIGABRT))
        g_test_skip ("The kernel has written no core");

      break;

    case END_CRASHES:
      g_assert_false (check_signal (pid, SIGSEGV));
      break;

    default:
      break;
    }
}

/* --- The cases --- */

typedef struct {
  const Thing *thing;
  End          end;
  gboolean     async;
} Case;

static void
run (Fixture *self)
{
  gboolean stopped = self->end == END_STOPPED_KILLED || self->end == END_STOPPED_CONTINUES;
  gboolean told = self->thing->tells && self->end != END_STOPPED_CONTINUES;
  pid_t waiter = self->thing->waiter_first ? start_waiter (self) : 0;
  pid_t pid = start_victim (self);

  if (pid == 0)
    {
      g_test_skip ("This process may not make a PID namespace");

      if (waiter != 0)
        core_test_kill (waiter);

      return;
    }

  if (waiter == 0)
    waiter = start_waiter (self);

  if (stopped)
    core_test_stop (pid);

  if (self->thing->amid != NULL)
    self->thing->amid (self);

  if (stopped && self->thing->check_stopped != NULL)
    self->thing->check_stopped (self);

  let_end (self, pid);

  if (self->thing->after != NULL)
    self->thing->after (self);

  g_assert_cmpuint (core_test_wait_for_any (&self->shared->got), ==, told ? 2 : 1);
  platform_test_wait_success (waiter);

  if (self->end == END_EXECUTES)
    core_test_kill (pid);
  else if (self->end == END_STOPPED_CONTINUES)
    platform_test_wait_success (pid);

  death_things_check_free (self->object);
}

/* NULL: the kernel writes cores elsewhere, or none. */
static char *
make_core_folder (void)
{
  g_autofree char *pattern = NULL;
  struct rlimit limit;

  if (!g_file_get_contents ("/proc/sys/kernel/core_pattern", &pattern, NULL, NULL) ||
      pattern[0] == '|' || strchr (pattern, '/') != NULL || g_strchomp (pattern)[0] == '\0' ||
      getrlimit (RLIMIT_CORE, &limit) != 0 || limit.rlim_max != RLIM_INFINITY)
    return NULL;

  return g_dir_make_tmp ("aioproc-core-XXXXXX", NULL);
}

static void
remove_core_folder (const char *folder)
{
  g_autoptr(GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      g_assert_no_errno (unlink (path));
    }

  g_assert_no_errno (rmdir (folder));
}

static void
test_sync_death (gconstpointer data)
{
  const Case *self = data;
  g_autofree char *folder = NULL;
  Fixture fixture = { .thing = self->thing, .end = self->end, .async = self->async };
  static guint32 last_slot;

  g_test_summary ("One ends in this way, and another goes on with what that had");

  if (self->end == END_DUMPS && (folder = make_core_folder ()) == NULL)
    {
      g_test_skip ("No core is written into the working directory here");
      return;
    }

  fixture.folder = folder;
  fixture.object = self->thing->make ();
  fixture.shared = platform_test_map_shared (sizeof *fixture.shared);
  atomic_store (&fixture.shared->slot, last_slot);
  go_round_slots (&fixture);
  run (&fixture);
  last_slot = atomic_load (&fixture.shared->slot);
  platform_test_unmap (fixture.shared, sizeof *fixture.shared);
  g_assert_finalize_object (fixture.object);

  if (folder != NULL)
    remove_core_folder (folder);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  for (guint i = 0; i < n_death_things; i++)
    {
      for (guint j = 0; j < 2 * G_N_ELEMENTS (ends); j++)
        {
          const Thing *thing = &death_things[i];
          g_autofree char *path = g_strdup_printf ("/aioproc/sync-death/%s/%s-%s", thing->path,
                                                   ends[j / 2], j % 2 == 0 ? "sync" : "async");
          Case *test_case = g_new (Case, 1);

          *test_case = (Case) { thing, j / 2, j % 2 };
          aioproc_test_add_data_func_full (path, test_case, test_sync_death, g_free);
        }
    }

  return g_test_run ();
}
