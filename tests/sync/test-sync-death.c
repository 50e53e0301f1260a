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
#include "platform/platform-test.h"

/* All ways to die, for all that a process can have when it does. */

typedef struct _Fixture Fixture;

/* What one dies with, and another waits for. */
typedef struct {
  const char *path;
  gpointer  (*make)   (void);
  /* In the victim, which has said so when it holds what there is, or is about to sleep. */
  void      (*hold)   (Fixture *self);
  /* In the victim, if it may go on. */
  void      (*let_go) (Fixture *self);
  /* In the one that waits: it says so, waits, and returns whether it was told that one died. */
  gboolean  (*wait)   (Fixture *self);
  gboolean    waiter_first;
  /* (nullable) In this process, when both stand. */
  void      (*amid)   (Fixture *self);
  /* (nullable) In this process, when the victim is stopped, and when it has ended. */
  void      (*check_stopped) (Fixture *self);
  void      (*after)  (Fixture *self);
  gboolean    tells;             /* the one that waits is told */
} Thing;

typedef enum {
  END_KILLED,
  END_EXITS,
  END_EXECUTES,
  END_ABORTS,
  END_CRASHES,
  END_DUMPS,
  END_STOPPED_KILLED,
  END_STOPPED_CONTINUES,
  END_NAMESPACE_KILLED,
  END_NAMESPACE_ENDED,
} End;

static const char * const ends[] = {
  "killed", "exits", "executes", "aborts", "crashes", "dumps-core", "stopped-killed",
  "stopped-continues", "namespace/killed", "namespace/ended",
};

struct _Fixture {
  /* What the children inherit. */
  const Thing *thing;
  End          end;
  gboolean     async;            /* how the waiter waits */
  gpointer     object;           /* (owned) */
  const char  *folder;           /* (nullable) where the core goes */

  /* What they share. */
  struct {
    _Atomic guint32 held;
    _Atomic guint32 begun;
    _Atomic guint32 got;         /* 1: what it waits for; 2: and it was told that one died */
    _Atomic guint32 go;          /* 1: come to your end; 2: let go */
    _Atomic guint32 pid;         /* of the one to be killed in another namespace, or NO_NAMESPACE */
  } *shared;
};

#define NO_NAMESPACE G_MAXUINT32

/* --- All alike --- */

static gboolean
acquire_within (gpointer   object,
                gint64     timeout_usec,
                GError   **error)
{
  if (AIOPROC_IS_LOCK (object))
    return aioproc_lock_acquire (object, timeout_usec, NULL, error);

  if (AIOPROC_IS_RLOCK (object))
    return aioproc_rlock_acquire (object, 0, timeout_usec, NULL, error);

  return aioproc_semaphore_acquire (object, timeout_usec, NULL, error);
}

static void
acquire (gpointer object)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (acquire_within (object, -1, &error));
  g_assert_no_error (error);
}

static void
acquire_async (gpointer object)
{
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  gboolean acquired;

  g_main_context_push_thread_default (context);

  if (AIOPROC_IS_LOCK (object))
    {
      aioproc_lock_acquire_async (object, -1, NULL, aioproc_test_store_result, &result);
      aioproc_test_wait (&result);
      acquired = aioproc_lock_acquire_finish (object, result, &error);
    }
  else if (AIOPROC_IS_RLOCK (object))
    {
      aioproc_rlock_acquire_async (object, 0, -1, NULL, aioproc_test_store_result, &result);
      aioproc_test_wait (&result);
      acquired = aioproc_rlock_acquire_finish (object, result, &error);
    }
  else
    {
      aioproc_semaphore_acquire_async (object, -1, NULL, aioproc_test_store_result, &result);
      aioproc_test_wait (&result);
      acquired = aioproc_semaphore_acquire_finish (object, result, &error);
    }

  g_main_context_pop_thread_default (context);
  g_assert_no_error (error);
  g_assert_true (acquired);
}

static void
release (gpointer object)
{
  g_autoptr(GError) error = NULL;

  if (AIOPROC_IS_LOCK (object))
    g_assert_true (aioproc_lock_release (object, &error));
  else if (AIOPROC_IS_RLOCK (object))
    g_assert_true (aioproc_rlock_release (object, 0, &error));
  else
    g_assert_true (aioproc_semaphore_release (object, &error));

  g_assert_no_error (error);
}

static gboolean
was_abandoned (gpointer object)
{
  if (AIOPROC_IS_LOCK (object))
    return aioproc_lock_get_was_abandoned (object);

  return AIOPROC_IS_RLOCK (object) && aioproc_rlock_get_was_abandoned (object);
}

static void
check_free (gpointer object)
{
  if (AIOPROC_IS_LOCK (object))
    g_assert_false (aioproc_lock_is_locked (object));
  else if (AIOPROC_IS_RLOCK (object))
    g_assert_false (aioproc_rlock_is_locked (object));
  else
    g_assert_cmpuint (aioproc_semaphore_get_value (object), ==, 1);
}

/* --- Locks and units --- */

static gpointer
make_lock (void)
{
  return aioproc_lock_new (NULL);
}

static gpointer
make_rlock (void)
{
  return aioproc_rlock_new (NULL);
}

static gpointer
make_semaphore (void)
{
  return aioproc_semaphore_new (1, NULL);
}

static gpointer
make_bounded_semaphore (void)
{
  return aioproc_bounded_semaphore_new (1, NULL);
}

static void
hold (Fixture *self)
{
  acquire (self->object);

  /* Of which nothing is left. */
  if (AIOPROC_IS_RLOCK (self->object))
    acquire (self->object);

  core_test_store (&self->shared->held, 1);
}

static void
let_go (Fixture *self)
{
  release (self->object);

  if (AIOPROC_IS_RLOCK (self->object))
    release (self->object);
}

static gboolean
wait_for_object (Fixture *self)
{
  gboolean told;

  core_test_store (&self->shared->begun, 1);

  if (self->async)
    acquire_async (self->object);
  else
    acquire (self->object);

  told = was_abandoned (self->object);

  if (AIOPROC_IS_RLOCK (self->object))
    g_assert_cmpuint (aioproc_rlock_get_depth (self->object, 0), ==, 1);

  release (self->object);

  return told;
}

static void
check_held (Fixture *self)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (acquire_within (self->object, 20 * G_TIME_SPAN_MILLISECOND, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
}

/* --- Conditions --- */

static gpointer
make_condition (void)
{
  g_autoptr(AioprocLock) lock = aioproc_lock_new (NULL);

  return aioproc_condition_new (AIOPROC_SHAREABLE (lock), NULL);
}

static gpointer
make_condition_of_rlock (void)
{
  return aioproc_condition_new (NULL, NULL);
}

static void
notify (Fixture *self)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_condition_notify_n (self->object, 0, 1, &error));
  g_assert_no_error (error);
}

static void
hold_condition (Fixture *self)
{
  acquire (aioproc_condition_get_lock (self->object));
  notify (self);
  core_test_store (&self->shared->held, 1);
}

static void
let_go_of_condition (Fixture *self)
{
  release (aioproc_condition_get_lock (self->object));
}

static gboolean
wait_for_condition (Fixture *self)
{
  gpointer lock = aioproc_condition_get_lock (self->object);
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  gboolean told;

  acquire (lock);
  core_test_store (&self->shared->begun, 1);

  if (self->async)
    {
      g_main_context_push_thread_default (context);
      aioproc_condition_wait_async (self->object, 0, -1, NULL, aioproc_test_store_result, &result);
      aioproc_test_wait (&result);
      g_assert_true (aioproc_condition_wait_finish (self->object, result, &error));
      g_main_context_pop_thread_default (context);
    }
  else
    {
      g_assert_true (aioproc_condition_wait (self->object, 0, -1, NULL, &error));
    }

  g_assert_no_error (error);
  told = was_abandoned (lock);
  release (lock);

  return told;
}

static void
wait_to_die (Fixture *self)
{
  g_autoptr(GError) error = NULL;

  acquire (aioproc_condition_get_lock (self->object));
  core_test_store (&self->shared->held, 1);
  g_assert_true (aioproc_condition_wait (self->object, 0, -1, NULL, &error));
  g_assert_no_error (error);
}

/* It was chosen, and may tell the other now. */
static void
tell_other (Fixture *self)
{
  notify (self);
  release (aioproc_condition_get_lock (self->object));
}

/* The victim is chosen, whose slot comes first: and has to wait for the lock, which is ours. */
static void
choose_victim (Fixture *self)
{
  acquire (aioproc_condition_get_lock (self->object));
  notify (self);
}

static void
let_chosen_go (Fixture *self)
{
  release (aioproc_condition_get_lock (self->object));
}

/* Nothing is passed on, neither to the other nor to us. */
static void
check_waits (Fixture *self)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (aioproc_condition_wait (self->object, 0, 20 * G_TIME_SPAN_MILLISECOND, NULL,
                                          &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpuint (atomic_load (&self->shared->got), ==, 0);
}

static void
check_condition_held (Fixture *self)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (acquire_within (aioproc_condition_get_lock (self->object),
                                  20 * G_TIME_SPAN_MILLISECOND, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
}

static void
notify_after (Fixture *self)
{
  acquire (aioproc_condition_get_lock (self->object));
  notify (self);
  release (aioproc_condition_get_lock (self->object));
}

static const Thing things[] = {
  { "lock", make_lock, hold, let_go, wait_for_object, FALSE, NULL, check_held, NULL, TRUE },
  { "rlock", make_rlock, hold, let_go, wait_for_object, FALSE, NULL, check_held, NULL, TRUE },
  { "semaphore", make_semaphore, hold, let_go, wait_for_object, FALSE, NULL, check_held, NULL,
    FALSE },
  { "bounded-semaphore", make_bounded_semaphore, hold, let_go, wait_for_object, FALSE, NULL,
    check_held, NULL, FALSE },
  { "condition/notifying", make_condition, hold_condition, let_go_of_condition, wait_for_condition,
    TRUE, NULL, check_condition_held, NULL, TRUE },
  { "condition/notifying-rlock", make_condition_of_rlock, hold_condition, let_go_of_condition,
    wait_for_condition, TRUE, NULL, check_condition_held, NULL, TRUE },
  { "condition/waiting", make_condition, wait_to_die, tell_other, wait_for_condition, FALSE, NULL,
    NULL, notify_after, FALSE },
  { "condition/chosen", make_condition, wait_to_die, tell_other, wait_for_condition, FALSE,
    choose_victim, check_waits, let_chosen_go, FALSE },
  { "condition/chosen-rlock", make_condition_of_rlock, wait_to_die, tell_other,
    wait_for_condition, FALSE, choose_victim, check_waits, let_chosen_go, FALSE },
};

/* --- The one that waits --- */

static int
waiter_run (gpointer user_data)
{
  Fixture *self = user_data;

  core_test_attach (core_test_get_family ());
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
  core_test_attach (core_test_get_family ());
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

  if (AIOPROC_IS_CONDITION (self->object))
    check_free (aioproc_condition_get_lock (self->object));
  else
    check_free (self->object);
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

  g_test_summary ("One ends in this way, and another goes on with what that had");

  if (self->end == END_DUMPS && (folder = make_core_folder ()) == NULL)
    {
      g_test_skip ("No core is written into the working directory here");
      return;
    }

  fixture.folder = folder;
  fixture.object = self->thing->make ();
  fixture.shared = platform_test_map_shared (sizeof *fixture.shared);
  run (&fixture);
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

  for (guint i = 0; i < G_N_ELEMENTS (things); i++)
    {
      for (guint j = 0; j < 2 * G_N_ELEMENTS (ends); j++)
        {
          g_autofree char *path = g_strdup_printf ("/aioproc/sync-death/%s/%s-%s", things[i].path,
                                                   ends[j / 2], j % 2 == 0 ? "sync" : "async");
          Case *test_case = g_new (Case, 1);

          *test_case = (Case) { &things[i], j / 2, j % 2 };
          aioproc_test_add_data_func_full (path, test_case, test_sync_death, g_free);
        }
    }

  return g_test_run ();
}
