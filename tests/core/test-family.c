/* test-family.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "core-test.h"
#include "core/aioproc-waiter-private.h"
#include "platform/aioproc-memfd-private.h"
#include "platform/aioproc-robust-private.h"
#include "platform/platform-test.h"

/* What the tests know of a family's memory. */
#define REGION_SIZE   (256 + N_SLOTS * SLOT_SIZE)
#define N_SLOTS       1024
#define SLOT_SIZE     16
#define OFFSET_ID     16
#define OFFSET_CURSOR 32
#define OFFSET_SLOTS  256
#define OWNER_DIED    0x40000000u
#define ALL_SEALS     (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

typedef struct {
  _Atomic guint32 owner;     /* of the member, or of its child */
  _Atomic guint32 other;     /* of the other */
  _Atomic guint32 pid;
  _Atomic guint32 go;
} Shared;

static guint
slot_of (guint32 owner)
{
  return owner & (N_SLOTS - 1);
}

static _Atomic guint32 *
map_family (AioprocFamily *family)
{
  g_autoptr(GError) error = NULL;
  int fd = aioproc_family_open (family, &error);
  gpointer base;

  g_assert_no_error (error);
  base = aioproc_memfd_map (fd, 0, REGION_SIZE, TRUE, &error);
  g_assert_no_error (error);
  close (fd);

  return base;
}

static void
set_cursor (AioprocFamily *family,
            guint          slot)
{
  _Atomic guint32 *words = map_family (family);

  atomic_store (&words[OFFSET_CURSOR / 4], slot);
  aioproc_memfd_unmap ((gpointer) words, REGION_SIZE);
}

/* Until the mark is made that the death of the slot's member was announced. */
static void
wait_for_vacancy (AioprocFamily *family,
                  guint          slot)
{
  _Atomic guint32 *words = map_family (family);

  while ((atomic_load (&words[OFFSET_SLOTS / 4 + slot * 4 + 1]) & 3) == 1)
    core_test_pass_time (50);

  aioproc_memfd_unmap ((gpointer) words, REGION_SIZE);
}

/* Attaches, says so, and lives until it is told otherwise. */
static int
member_run (gpointer user_data)
{
  Shared *shared = user_data;

  core_test_store (&shared->owner, core_test_attach (core_test_get_family ()));
  core_test_wait_for (&shared->go, 1);

  return 0;
}

static int
attach_run (gpointer user_data)
{
  Shared *shared = user_data;

  core_test_store (&shared->owner, core_test_attach (core_test_get_family ()));

  return 0;
}

static void
test_family_default (void)
{
  AioprocFamily *family;
  guint32 owner;

  g_test_summary ("A process makes one family, and is a member once it has attached");

  family = core_test_get_family ();
  g_assert_true (core_test_get_family () == family);
  g_assert_true (aioproc_family_lookup (aioproc_family_get_id (family)) == family);

  owner = core_test_attach (family);
  g_assert_cmphex (owner & ~AIOPROC_OWNER_MASK, ==, 0);
  g_assert_cmphex (owner & AIOPROC_OWNER_BIT, !=, 0);
  g_assert_cmphex (aioproc_family_get_owner (family), ==, owner);
  g_assert_cmphex (core_test_attach (family), ==, owner);
  g_assert_cmpuint (aioproc_family_count_threads (), ==, 1);

  g_assert_false (aioproc_family_is_dying (family, owner));
  g_assert_false (aioproc_family_is_dead (family, owner));
}

static void
test_family_join_twice (void)
{
  AioprocFamily *family = core_test_get_family ();
  g_autoptr(GError) error = NULL;
  guint n_fds = aioproc_test_count_fds ();

  g_test_summary ("The same family is the same object, however often its descriptor comes");

  for (guint i = 0; i < 2; i++)
    {
      int fd = aioproc_family_open (family, &error);

      g_assert_no_error (error);
      g_assert_true (aioproc_family_join (fd, &error) == family);
      g_assert_no_error (error);
    }

  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
}

static int
new_memory (gsize size,
            int   seals)
{
  g_autoptr(GError) error = NULL;
  int fd = aioproc_memfd_new ("not a family", size, &error);

  g_assert_no_error (error);

  if (seals != 0)
    aioproc_memfd_seal (fd, seals, &error);

  g_assert_no_error (error);

  return fd;
}

static int
new_pipe_end (void)
{
  int fds[2];

  g_assert_no_errno (pipe2 (fds, O_CLOEXEC));
  close (fds[1]);

  return fds[0];
}

/* Memory like that of @family, without its members, and with four bytes at @offset changed. */
static int
new_copy (AioprocFamily *family,
          gsize          offset)
{
  _Atomic guint32 *words = map_family (family);
  int fd = new_memory (REGION_SIZE, 0);
  guint32 changed = g_random_int () | 0x80800000u;

  g_assert_cmpint (pwrite (fd, (gconstpointer) words, OFFSET_SLOTS, 0), ==, OFFSET_SLOTS);
  g_assert_cmpint (pwrite (fd, &changed, sizeof changed, offset), ==, sizeof changed);
  g_assert_no_errno (fcntl (fd, F_ADD_SEALS, ALL_SEALS));
  aioproc_memfd_unmap ((gpointer) words, REGION_SIZE);

  return fd;
}

static void
test_family_join_foreign (void)
{
  AioprocFamily *family = core_test_get_family ();
  guint n_fds = aioproc_test_count_fds ();
  const int fds[] = {
    open ("/dev/null", O_RDWR | O_CLOEXEC),
    open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
    new_pipe_end (),
    new_memory (REGION_SIZE, 0),
    new_memory (REGION_SIZE, F_SEAL_SHRINK | F_SEAL_SEAL),
    new_memory (REGION_SIZE, ALL_SEALS),
    new_memory (REGION_SIZE - 4096, ALL_SEALS),
    new_memory (0, ALL_SEALS),
    new_copy (family, 0),
    new_copy (family, 4),
    new_copy (family, 12),
  };

  g_test_summary ("What is not a family's memory is refused, and closed");

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (aioproc_family_join (fds[i], &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
      g_test_message ("%s", error->message);
    }

  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
}

static void
test_family_join_other (void)
{
  AioprocFamily *family = core_test_get_family ();
  AioprocFamily *other;
  g_autoptr(GError) error = NULL;
  Shared *shared = platform_test_map_shared (sizeof *shared);
  guint32 owner = core_test_attach (family);
  guint32 other_owner;
  guint32 sequence;
  guint n_threads;
  pid_t pid;

  g_test_summary ("A process may be a member of two families, which do not hear of each other");

  other = aioproc_family_join (new_copy (family, OFFSET_ID), &error);
  g_assert_no_error (error);
  g_assert_nonnull (other);
  g_assert_true (other != family);
  g_assert_true (core_test_get_family () == family);
  g_assert_true (aioproc_family_lookup (aioproc_family_get_id (other)) == other);
  g_assert_true (aioproc_family_lookup (aioproc_family_get_id (family)) == family);

  n_threads = aioproc_family_count_threads ();
  other_owner = core_test_attach (other);
  g_assert_cmpuint (aioproc_family_count_threads (), ==, n_threads + 1);
  g_assert_cmphex (aioproc_family_get_owner (family), ==, owner);
  g_assert_cmphex (aioproc_family_get_owner (other), ==, other_owner);

  sequence = atomic_load (aioproc_family_get_sequence (other));
  pid = platform_test_fork (member_run, shared);
  owner = core_test_wait_for_any (&shared->owner);
  core_test_kill (pid);
  core_test_wait_for_death (family, owner);
  g_assert_cmpuint (atomic_load (aioproc_family_get_sequence (other)), ==, sequence);

  platform_test_unmap (shared, sizeof *shared);
}

static void
test_family_round_robin (void)
{
  AioprocFamily *family = core_test_get_family ();
  Shared *shared = platform_test_map_shared (sizeof *shared);
  guint last;

  g_test_summary ("Slots are taken in turn, so that one is used again as late as can be");

  last = slot_of (core_test_attach (family));
  set_cursor (family, N_SLOTS - 5);

  for (guint i = 0; i < 10; i++)
    {
      guint slot;

      atomic_store (&shared->owner, 0);
      platform_test_wait_success (platform_test_fork (attach_run, shared));
      slot = slot_of (atomic_load (&shared->owner));

      /* Those of members that live are passed over. */
      if (i > 0)
        g_assert_cmpuint ((slot - last) % N_SLOTS, <=, 4);

      g_assert_cmpuint (slot, !=, last);
      g_assert_cmpuint (slot, !=, slot_of (aioproc_family_get_owner (family)));
      last = slot;
    }

  platform_test_unmap (shared, sizeof *shared);
}

static void
test_family_generation (void)
{
  AioprocFamily *family = core_test_get_family ();
  Shared *shared = platform_test_map_shared (sizeof *shared);
  guint32 owners[3];

  g_test_summary ("A slot that is taken again makes another owner, and the last stays dead");

  core_test_attach (family);

  for (guint i = 0; i < G_N_ELEMENTS (owners); i++)
    {
      set_cursor (family, 700);
      atomic_store (&shared->owner, 0);
      platform_test_wait_success (platform_test_fork (attach_run, shared));
      owners[i] = atomic_load (&shared->owner);
      g_assert_cmpuint (slot_of (owners[i]), ==, 700);
      core_test_wait_for_death (family, owners[i]);
      wait_for_vacancy (family, 700);

      for (guint j = 0; j < i; j++)
        {
          g_assert_cmphex (owners[j], !=, owners[i]);
          g_assert_true (aioproc_family_is_dead (family, owners[j]));
        }
    }

  platform_test_unmap (shared, sizeof *shared);
}

static int
attach_full_run (gpointer user_data)
{
  AioprocFamily *family = core_test_get_family ();
  g_autoptr(GError) error = NULL;
  int fd = aioproc_family_open (family, &error);
  guint n_fds;

  g_assert_no_error (error);

  for (guint i = 0; i < N_SLOTS; i++)
    aioproc_ofd_try_lock (fd, i, NULL);

  n_fds = aioproc_test_count_fds ();
  g_assert_cmphex (aioproc_family_attach (family, &error), ==, 0);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_clear_error (&error);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
  g_assert_cmphex (aioproc_family_get_owner (family), ==, 0);

  close (fd);
  core_test_attach (family);

  return 0;
}

static void
test_family_full (void)
{
  g_test_summary ("A family with 1024 living members takes no more, until one of them dies");

  core_test_get_family ();
  platform_test_wait_success (platform_test_fork (attach_full_run, NULL));
}

static int
attach_dead_run (gpointer user_data)
{
  AioprocFamily *family;
  _Atomic guint32 *words;
  g_autoptr(GError) error = NULL;
  guint32 sequence;
  guint32 owner;

  family = aioproc_family_join (new_copy (core_test_get_family (), OFFSET_ID), &error);
  g_assert_no_error (error);
  words = map_family (family);

  for (guint i = 0; i < N_SLOTS; i++)
    {
      atomic_store (&words[OFFSET_SLOTS / 4 + i * 4], 1 | OWNER_DIED);
      /* Generation 5, attached. */
      atomic_store (&words[OFFSET_SLOTS / 4 + i * 4 + 1], 5 << 2 | 1);
    }

  sequence = atomic_load (aioproc_family_get_sequence (family));
  owner = core_test_attach (family);
  g_assert_cmpuint (atomic_load (aioproc_family_get_sequence (family)), !=, sequence);

  for (guint i = 0; i < N_SLOTS; i++)
    {
      guint32 former = AIOPROC_OWNER_BIT | 5 << 10 | i;

      g_assert_true (aioproc_family_is_dead (family, former));
    }

  g_assert_false (aioproc_family_is_dead (family, owner));

  return 0;
}

static void
test_family_all_dead (void)
{
  g_test_summary ("A family whose members all died, with nobody to see it, takes new ones");

  core_test_get_family ();
  platform_test_wait_success (platform_test_fork (attach_dead_run, NULL));
}

/* A child that the test does not kill, since it failed before, ends nevertheless. */
static void
outlive_parent (void)
{
  alarm (120);
}

static int
fork_child_run (gpointer user_data)
{
  Shared *shared = user_data;
  AioprocFamily *family = core_test_get_family ();
  guint32 parent = atomic_load (&shared->owner);
  guint32 owner;

  g_assert_cmphex (aioproc_family_get_owner (family), ==, 0);
  g_assert_cmpuint (aioproc_family_count_threads (), ==, 0);

  owner = core_test_attach (family);
  g_assert_cmphex (owner, !=, parent);
  g_assert_cmpuint (slot_of (owner), !=, slot_of (parent));
  g_assert_false (aioproc_family_is_dead (family, parent));
  g_assert_false (aioproc_family_is_dead (family, owner));

  core_test_store (&shared->other, owner);
  core_test_wait_for (&shared->go, 1);

  return 0;
}

static int
idle_child_run (gpointer user_data)
{
  Shared *shared = user_data;

  core_test_store (&shared->other, 1);
  core_test_wait_for (&shared->go, 1);

  return 0;
}

/* A member with a child, which does not die with it. */
static int
fork_parent_run (gpointer user_data)
{
  Shared *shared = user_data;
  gboolean idle = atomic_load (&shared->go) == 2;
  pid_t pid;

  atomic_store (&shared->go, 0);
  core_test_store (&shared->owner, core_test_attach (core_test_get_family ()));
  pid = fork ();
  g_assert_cmpint (pid, >=, 0);

  if (pid == 0)
    {
      outlive_parent ();
      _exit (idle ? idle_child_run (shared) : fork_child_run (shared));
    }

  core_test_store (&shared->pid, pid);
  core_test_wait_for (&shared->go, 1);

  return 0;
}

static void
test_family_fork (void)
{
  AioprocFamily *family = core_test_get_family ();
  Shared *shared = platform_test_map_shared (sizeof *shared);
  guint32 parent;
  guint32 child;
  pid_t child_pid;
  pid_t pid;

  g_test_summary ("A forked child is a member of its own, and its parent's death is the parent's");

  core_test_attach (family);
  pid = platform_test_fork (fork_parent_run, shared);
  parent = core_test_wait_for_any (&shared->owner);
  child_pid = core_test_wait_for_any (&shared->pid);
  child = core_test_wait_for_any (&shared->other);

  core_test_kill (pid);
  core_test_wait_for_death (family, parent);
  g_assert_false (aioproc_family_is_dying (family, child));
  g_assert_false (aioproc_family_is_dead (family, child));

  g_assert_no_errno (kill (child_pid, SIGKILL));
  core_test_wait_for_death (family, child);

  platform_test_unmap (shared, sizeof *shared);
}

static void
test_family_fork_idle (void)
{
  AioprocFamily *family = core_test_get_family ();
  Shared *shared = platform_test_map_shared (sizeof *shared);
  guint32 parent;
  pid_t pid;

  g_test_summary ("A forked child that never attaches does not keep its parent alive");

  core_test_attach (family);
  atomic_store (&shared->go, 2);
  pid = platform_test_fork (fork_parent_run, shared);
  parent = core_test_wait_for_any (&shared->owner);
  core_test_wait_for_any (&shared->other);

  core_test_kill (pid);
  core_test_wait_for_death (family, parent);

  core_test_store (&shared->go, 1);
  platform_test_unmap (shared, sizeof *shared);
}

static gpointer
attach_thread (gpointer data)
{
  Shared *shared = data;

  core_test_wait_for (&shared->go, 1);
  core_test_store (&shared->owner, core_test_attach (core_test_get_family ()));

  return NULL;
}

/* Forks while a thread attaches. */
static int
fork_racing_run (gpointer user_data)
{
  Shared *shared = user_data;
  GThread *thread = g_thread_new ("attach", attach_thread, shared);
  pid_t pid;

  core_test_store (&shared->go, 1);
  core_test_pass_time (g_random_int_range (0, 200));
  pid = fork ();
  g_assert_cmpint (pid, >=, 0);

  if (pid == 0)
    {
      outlive_parent ();
      core_test_store (&shared->other, 1);
      core_test_wait_for (&shared->go, 2);
      _exit (0);
    }

  core_test_store (&shared->pid, pid);
  g_thread_join (thread);
  core_test_wait_for (&shared->go, 2);

  return 0;
}

static void
test_family_fork_while_attaching (void)
{
  AioprocFamily *family = core_test_get_family ();
  guint n = g_test_slow () ? 2000 : 50;

  g_test_summary ("A child that was forked amid an attach does not keep its parent alive");

  core_test_attach (family);

  for (guint i = 0; i < n; i++)
    {
      Shared *shared = platform_test_map_shared (sizeof *shared);
      guint32 owner;
      pid_t pid = platform_test_fork (fork_racing_run, shared);

      owner = core_test_wait_for_any (&shared->owner);
      core_test_wait_for_any (&shared->other);
      core_test_wait_for_any (&shared->pid);
      core_test_kill (pid);
      core_test_wait_for_death (family, owner);
      core_test_store (&shared->go, 2);
      platform_test_unmap (shared, sizeof *shared);
    }
}

static void
test_family_stopped (void)
{
  AioprocFamily *family = core_test_get_family ();
  Shared *shared = platform_test_map_shared (sizeof *shared);
  guint32 owner;
  pid_t pid;

  g_test_summary ("A stopped member is not dead, and hinders nobody from hearing of deaths");

  core_test_attach (family);
  pid = platform_test_fork (member_run, shared);
  owner = core_test_wait_for_any (&shared->owner);
  core_test_stop (pid);
  g_assert_false (aioproc_family_is_dying (family, owner));
  g_assert_false (aioproc_family_is_dead (family, owner));

  /* Its anchor was the first to sleep, perhaps. */
  for (guint i = 0; i < 20; i++)
    {
      Shared *other = platform_test_map_shared (sizeof *other);
      pid_t other_pid = platform_test_fork (member_run, other);
      guint32 other_owner = core_test_wait_for_any (&other->owner);

      core_test_kill (other_pid);
      core_test_wait_for_death (family, other_owner);
      platform_test_unmap (other, sizeof *other);
    }

  g_assert_false (aioproc_family_is_dead (family, owner));
  core_test_kill (pid);
  core_test_wait_for_death (family, owner);
  platform_test_unmap (shared, sizeof *shared);
}

static int
attach_without_threads_run (gpointer user_data)
{
  AioprocFamily *family = core_test_get_family ();
  g_autoptr(GError) error = NULL;
  guint n_fds = aioproc_test_count_fds ();

  if (!platform_test_deny_syscall (SYS_clone3, EAGAIN) ||
      !platform_test_deny_syscall (SYS_clone, EAGAIN))
    return 77;

  for (guint i = 0; i < 2; i++)
    {
      g_assert_cmphex (aioproc_family_attach (family, &error), ==, 0);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
      g_clear_error (&error);
    }

  g_assert_cmphex (aioproc_family_get_owner (family), ==, 0);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);

  return 0;
}

static void
test_family_no_thread (void)
{
  int status;

  g_test_summary ("Where no thread can be started, an attach fails, and leaves nothing behind");

  core_test_get_family ();
  status = platform_test_wait (platform_test_fork (attach_without_threads_run, NULL));

  if (status == 77 << 8)
    g_test_skip ("No filter can be installed here");
  else
    g_assert_cmphex (status, ==, 0);
}

static int
attach_without_fds_run (gpointer user_data)
{
  AioprocFamily *family = core_test_get_family ();
  g_autoptr(GError) error = NULL;
  struct rlimit limit;

  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &limit));
  platform_test_leave_fds (0);
  g_assert_cmphex (aioproc_family_attach (family, &error), ==, 0);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
  g_clear_error (&error);

  g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &limit));
  core_test_attach (family);

  return 0;
}

static void
test_family_no_descriptor (void)
{
  g_test_summary ("Where no descriptor is left, an attach fails, and can be tried again");

  core_test_get_family ();
  platform_test_wait_success (platform_test_fork (attach_without_fds_run, NULL));
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/family/default", test_family_default);
  aioproc_test_add_func ("/aioproc/family/join/twice", test_family_join_twice);
  aioproc_test_add_func ("/aioproc/family/join/foreign", test_family_join_foreign);
  aioproc_test_add_func ("/aioproc/family/join/other", test_family_join_other);
  aioproc_test_add_func ("/aioproc/family/attach/round-robin", test_family_round_robin);
  aioproc_test_add_func ("/aioproc/family/attach/generation", test_family_generation);
  aioproc_test_add_func ("/aioproc/family/attach/full", test_family_full);
  aioproc_test_add_func ("/aioproc/family/attach/all-dead", test_family_all_dead);
  aioproc_test_add_func ("/aioproc/family/attach/no-thread", test_family_no_thread);
  aioproc_test_add_func ("/aioproc/family/attach/no-descriptor", test_family_no_descriptor);
  aioproc_test_add_func ("/aioproc/family/fork/attached", test_family_fork);
  aioproc_test_add_func ("/aioproc/family/fork/idle", test_family_fork_idle);
  aioproc_test_add_func ("/aioproc/family/fork/while-attaching",
                         test_family_fork_while_attaching);
  aioproc_test_add_func ("/aioproc/family/stopped", test_family_stopped);

  return g_test_run ();
}
