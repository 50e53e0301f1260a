/* test-robust.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "platform-test.h"
#include "platform/aioproc-futex-private.h"
#include "platform/aioproc-memfd-private.h"
#include "platform/aioproc-robust-private.h"

#define REGION_SIZE (3 * 4096)
#define N_WORDS     (REGION_SIZE / sizeof (guint32))

/* Words of the region, far from each other and from its ends, but for the last live word. */
#define POKE     65
#define LIVE     1000
#define LIVE_END (N_WORDS - 2)
#define GO       2000

typedef struct {
  int                   fd;
  AioprocRobustMapping  mapping;
  _Atomic guint32      *words;
} Region;

static void
region_init (Region *region)
{
  g_autoptr(GError) error = NULL;
  gboolean mapped;

  region->fd = aioproc_memfd_new ("region", REGION_SIZE, &error);
  g_assert_no_error (error);
  mapped = aioproc_robust_map (&region->mapping, region->fd, REGION_SIZE, &error);
  g_assert_no_error (error);
  g_assert_true (mapped);
  region->words = region->mapping.base;
}

static void
region_clear (Region *region)
{
  aioproc_robust_unmap (&region->mapping);
  close (region->fd);
}

static guint32
read_word (const Region *region,
           guint         index)
{
  return atomic_load_explicit (&region->words[index], memory_order_acquire);
}

/* A process with an anchor thread, and how it is going to end. */
typedef enum {
  END_NEVER,            /* until the test kills it */
  END_EXIT,
  END_EXIT_THREAD,      /* exit() by a third thread */
  END_ABORT,
  END_FAULT,
  END_EXEC,             /* lives on, as another program */
  END_EXEC_THREAD,
  END_MAIN_THREAD,      /* the main thread ends, the process does not */
} End;

typedef struct {
  Region  *region;
  guint    live;
  End      end;
} Victim;

static gpointer
anchor_run (gpointer user_data)
{
  const Victim *victim = user_data;
  const Region *region = victim->region;
  g_autoptr(GError) error = NULL;
  gboolean adopted;

  adopted = aioproc_robust_adopt (&region->mapping, &region->words[victim->live],
                                  &region->words[POKE], &error);
  g_assert_no_error (error);
  g_assert_true (adopted);

  for (;;)
    pause ();

  return NULL;
}

static void
end_process (End end)
{
  switch (end)
    {
    case END_EXIT:
    case END_EXIT_THREAD:
      _exit (0);

    case END_ABORT:
      signal (SIGABRT, SIG_DFL);
      abort ();

    case END_FAULT:
      signal (SIGSEGV, SIG_DFL);
      raise (SIGSEGV);
      break;

    case END_EXEC:
    case END_EXEC_THREAD:
      /* Reads its input, which ends when the test closes the other end. */
      execl ("/bin/cat", "cat", NULL);
      _exit (127);

    case END_MAIN_THREAD:
      pthread_exit (NULL);

    case END_NEVER:
    default:
      break;
    }

  for (;;)
    pause ();
}

static gpointer
end_run (gpointer user_data)
{
  end_process (((Victim *) user_data)->end);

  return NULL;
}

static int
victim_main (gpointer user_data)
{
  Victim *victim = user_data;
  _Atomic guint32 *go = &victim->region->words[GO];

  prctl (PR_SET_DUMPABLE, 0, 0, 0, 0);
  g_thread_unref (g_thread_new ("anchor", anchor_run, victim));

  platform_test_wait_for_word (go, 1);

  if (victim->end == END_EXEC_THREAD || victim->end == END_EXIT_THREAD)
    g_thread_unref (g_thread_new ("end", end_run, victim));
  else
    end_process (victim->end);

  for (;;)
    pause ();

  return 0;
}

/* Returns when the anchor of the child is registered. */
static pid_t
start_victim (Victim *victim)
{
  pid_t pid = platform_test_fork (victim_main, victim);
  guint32 live;

  while ((live = read_word (victim->region, victim->live)) == 0)
    g_thread_yield ();

  g_assert_cmphex (live & FUTEX_WAITERS, ==, FUTEX_WAITERS);
  g_assert_cmphex (live & FUTEX_TID_MASK, !=, 0);
  g_assert_cmphex (live & FUTEX_TID_MASK, !=, (guint32) pid);
  g_assert_false (aioproc_robust_is_died (live));

  return pid;
}

static void
let_go (const Region *region)
{
  /* Release: nothing but the word itself is told. */
  atomic_store_explicit (&region->words[GO], 1, memory_order_release);
}

/* A thread of the test that sleeps on a word. */
typedef struct {
  _Atomic guint32    *word;      /* immutable */
  guint32             expected;  /* immutable */
  AioprocFutexResult  result;    /* read after join */
  _Atomic guint32     tid;       /* (atomic) */
  _Atomic guint32     done;      /* (atomic) */
  GThread            *thread;
} Sleeper;

static gpointer
sleeper_run (gpointer user_data)
{
  Sleeper *sleeper = user_data;

  /* Release: pairs with the acquire loads of the test. */
  atomic_store_explicit (&sleeper->tid, (guint32) gettid (), memory_order_release);
  sleeper->result = aioproc_futex_wait (sleeper->word, sleeper->expected, -1);
  atomic_store_explicit (&sleeper->done, 1, memory_order_release);

  return NULL;
}

static void
sleeper_start (Sleeper         *sleeper,
               _Atomic guint32 *word,
               guint32          expected)
{
  guint32 tid;

  *sleeper = (Sleeper) { .word = word, .expected = expected };
  sleeper->thread = g_thread_new ("sleeper", sleeper_run, sleeper);

  while ((tid = atomic_load_explicit (&sleeper->tid, memory_order_acquire)) == 0)
    g_thread_yield ();

  platform_test_wait_for_state (getpid (), (pid_t) tid, 'S');
}

static void
sleeper_join (Sleeper *sleeper)
{
  g_thread_join (sleeper->thread);
  g_assert_cmpint (sleeper->result, ==, AIOPROC_FUTEX_WOKEN);
}

static void
test_map (void)
{
  g_autoptr(GError) error = NULL;
  AioprocRobustMapping mapping;
  int fd = aioproc_memfd_new ("region", 5000, &error);
  char *shared;
  char *private;
  char byte;

  g_test_summary ("The shadow of a mapping is private, as large as it, and at a fixed distance");

  g_assert_no_error (error);
  g_assert_true (aioproc_robust_map (&mapping, fd, 5000, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (mapping.size, ==, 8192);
  g_assert_cmpuint (mapping.distance, >=, mapping.size);

  shared = mapping.base;
  private = shared - mapping.distance;

  memset (private, 'p', mapping.size);
  memset (shared, 's', 5000);
  g_assert_cmpint (private[0], ==, 'p');
  g_assert_cmpint (private[mapping.size - 1], ==, 'p');
  g_assert_cmpint (pread (fd, &byte, 1, 0), ==, 1);
  g_assert_cmpint (byte, ==, 's');
  g_assert_cmpint (pread (fd, &byte, 1, 4999), ==, 1);
  g_assert_cmpint (byte, ==, 's');

  aioproc_robust_unmap (&mapping);
  g_assert_null (mapping.base);
  aioproc_robust_unmap (&mapping);
  close (fd);
}

static guint
count_mappings (void)
{
  g_autofree char *maps = NULL;
  guint n = 0;

  g_assert_true (g_file_get_contents ("/proc/self/maps", &maps, NULL, NULL));

  for (const char *p = strstr (maps, "/memfd:region"); p != NULL;
       p = strstr (p + 1, "/memfd:region"))
    n++;

  return n;
}

static void
test_map_errors (void)
{
  int fd = aioproc_memfd_new ("region", REGION_SIZE, NULL);
  int read_fd = aioproc_memfd_reopen_readonly (fd, NULL);
  const struct {
    int   fd;
    gsize size;
    int   code;
  } cases[] = {
    { fd, 0, G_IO_ERROR_INVALID_ARGUMENT },
    { fd, G_MAXSIZE, G_IO_ERROR_NO_SPACE },
    { fd, G_MAXSIZE / 4, G_IO_ERROR_NO_SPACE },
    { read_fd, REGION_SIZE, G_IO_ERROR_PERMISSION_DENIED },
    { -1, REGION_SIZE, G_IO_ERROR_FAILED },
  };

  g_test_summary ("What cannot be mapped leaves nothing behind");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GError) error = NULL;
      AioprocRobustMapping mapping;

      g_assert_false (aioproc_robust_map (&mapping, cases[i].fd, cases[i].size, &error));
      g_assert_error (error, G_IO_ERROR, cases[i].code);
      g_assert_null (mapping.base);
      aioproc_robust_unmap (&mapping);
    }

  g_assert_cmpuint (count_mappings (), ==, 0);
  close (read_fd);
  close (fd);
}

static void
check_death (End   end,
             guint live,
             int   signum)
{
  Region region;
  Victim victim = { &region, live, end };
  Sleeper poke_sleeper;
  Sleeper live_sleeper;
  int stdin_fds[2];
  int old_stdin;
  guint32 word;
  pid_t pid;

  region_init (&region);

  /* The program that END_EXEC becomes ends when nobody can write to its input. */
  g_assert_no_errno (pipe2 (stdin_fds, O_CLOEXEC));
  old_stdin = fcntl (STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
  g_assert_cmpint (old_stdin, >=, 0);
  g_assert_cmpint (dup2 (stdin_fds[0], STDIN_FILENO), ==, STDIN_FILENO);
  pid = start_victim (&victim);
  g_assert_cmpint (dup2 (old_stdin, STDIN_FILENO), ==, STDIN_FILENO);
  close (old_stdin);
  close (stdin_fds[0]);

  sleeper_start (&poke_sleeper, &region.words[POKE], 0);
  sleeper_start (&live_sleeper, &region.words[live], read_word (&region, live));

  if (signum != 0)
    g_assert_no_errno (kill (pid, signum));
  else
    let_go (&region);

  sleeper_join (&poke_sleeper);
  sleeper_join (&live_sleeper);

  word = read_word (&region, live);
  g_assert_true (aioproc_robust_is_died (word));
  g_assert_cmphex (word & FUTEX_TID_MASK, ==, 0);
  g_assert_cmpuint (read_word (&region, POKE), ==, 0);

  /* Nothing else in the region was touched. */
  for (guint i = 0; i < N_WORDS; i++)
    {
      if (i != live && i != GO)
        g_assert_cmphex (read_word (&region, i), ==, 0);
    }

  if (end == END_EXEC || end == END_EXEC_THREAD)
    g_assert_cmpint (waitpid (pid, NULL, WNOHANG), ==, 0);

  close (stdin_fds[1]);
  platform_test_wait (pid);
  region_clear (&region);
}

static void
test_death_end (gconstpointer user_data)
{
  g_test_summary ("However a process ends, its live word says so and two sleepers wake");

  check_death (GPOINTER_TO_INT (user_data), LIVE, 0);
}

static void
test_death_signal (gconstpointer user_data)
{
  g_test_summary ("A process that a signal ends is announced");

  check_death (END_NEVER, LIVE, GPOINTER_TO_INT (user_data));
}

static void
test_death_last_word (void)
{
  g_test_summary ("The last word of a region can be a live word");

  check_death (END_NEVER, LIVE_END, SIGKILL);
}

static void
test_death_repeated (void)
{
  g_test_summary ("No death of many goes unannounced");

  for (guint i = 0; i < 100; i++)
    check_death (END_NEVER, LIVE, SIGKILL);
}

static void
test_death_one_sleeper (void)
{
  Region region;
  Victim victim = { &region, LIVE, END_NEVER };
  Sleeper sleepers[2];
  guint n_done = 0;
  pid_t pid;

  g_test_summary ("A death wakes one sleeper on the poke word, the others sleep on");

  region_init (&region);
  pid = start_victim (&victim);

  for (guint i = 0; i < 2; i++)
    sleeper_start (&sleepers[i], &region.words[POKE], 0);

  g_assert_no_errno (kill (pid, SIGKILL));
  platform_test_wait (pid);

  while (n_done == 0)
    {
      for (guint i = 0; i < 2; i++)
        n_done += atomic_load_explicit (&sleepers[i].done, memory_order_acquire);
    }

  g_assert_cmpuint (n_done, ==, 1);
  g_assert_cmpuint (aioproc_futex_wake (&region.words[POKE], 2), ==, 1);

  for (guint i = 0; i < 2; i++)
    sleeper_join (&sleepers[i]);

  region_clear (&region);
}

static void
test_alive (void)
{
  Region region;
  Victim victim = { &region, LIVE, END_MAIN_THREAD };
  guint32 live;
  pid_t pid;

  g_test_summary ("A stopped process, or one without its main thread, is not announced");

  region_init (&region);
  pid = start_victim (&victim);
  live = read_word (&region, LIVE);

  let_go (&region);
  platform_test_wait_for_state (pid, pid, 'Z');
  g_assert_cmphex (read_word (&region, LIVE), ==, live);

  g_assert_no_errno (kill (pid, SIGSTOP));
  platform_test_wait_for_state (pid, (pid_t) (live & FUTEX_TID_MASK), 'T');
  g_assert_cmphex (read_word (&region, LIVE), ==, live);

  g_assert_no_errno (kill (pid, SIGKILL));
  platform_test_wait (pid);
  g_assert_true (aioproc_robust_is_died (read_word (&region, LIVE)));

  region_clear (&region);
}

static void
test_not_live_yet (gconstpointer user_data)
{
  const guint32 other = GPOINTER_TO_UINT (user_data);
  Region region;
  Victim victim = { &region, LIVE, END_NEVER };
  Sleeper sleeper;
  pid_t pid;

  g_test_summary ("A live word that does not hold the dead thread's id is left alone");

  region_init (&region);
  pid = start_victim (&victim);
  atomic_store_explicit (&region.words[LIVE], other, memory_order_release);

  sleeper_start (&sleeper, &region.words[POKE], 0);
  g_assert_no_errno (kill (pid, SIGKILL));
  platform_test_wait (pid);

  sleeper_join (&sleeper);
  g_assert_cmphex (read_word (&region, LIVE), ==, other);

  region_clear (&region);
}

static void
test_hostile_peer (void)
{
  Region region;
  Victim victim = { &region, LIVE, END_NEVER };
  Sleeper sleeper;
  pid_t pid;

  g_test_summary ("Rubbish in shared memory does not reach the list that the kernel walks");

  region_init (&region);
  pid = start_victim (&victim);

  for (guint i = 0; i < N_WORDS; i++)
    {
      if (i != LIVE && i != POKE)
        atomic_store_explicit (&region.words[i], 0xdeadbeef ^ i, memory_order_release);
    }

  sleeper_start (&sleeper, &region.words[POKE], 0);
  g_assert_no_errno (kill (pid, SIGKILL));
  sleeper_join (&sleeper);
  platform_test_wait (pid);

  g_assert_true (aioproc_robust_is_died (read_word (&region, LIVE)));

  for (guint i = 0; i < N_WORDS; i++)
    {
      if (i != LIVE && i != POKE)
        g_assert_cmphex (read_word (&region, i), ==, 0xdeadbeef ^ i);
    }

  region_clear (&region);
}

static int
adopt_again (gpointer user_data)
{
  Victim *victim = user_data;
  Victim child_victim = { victim->region, LIVE + 2, END_NEVER };
  Sleeper sleeper;
  pid_t pid;

  g_thread_unref (g_thread_new ("anchor", anchor_run, victim));
  while (read_word (victim->region, victim->live) == 0)
    g_thread_yield ();

  /* The child of a process with an anchor adopts in the mapping that it inherited. */
  pid = start_victim (&child_victim);
  sleeper_start (&sleeper, &victim->region->words[POKE], 0);
  g_assert_no_errno (kill (pid, SIGKILL));
  sleeper_join (&sleeper);
  platform_test_wait (pid);

  g_assert_true (aioproc_robust_is_died (read_word (victim->region, LIVE + 2)));
  g_assert_false (aioproc_robust_is_died (read_word (victim->region, LIVE)));

  return 0;
}

static void
test_fork (void)
{
  Region region;
  Victim victim = { &region, LIVE, END_NEVER };

  g_test_summary ("A forked child has its own list, and its death is not its parent's");

  region_init (&region);
  platform_test_wait_success (platform_test_fork (adopt_again, &victim));
  g_assert_true (aioproc_robust_is_died (read_word (&region, LIVE)));
  region_clear (&region);
}

static int
adopt_filtered (gpointer user_data)
{
  Region *region = user_data;

  if (!platform_test_deny_syscall (SYS_set_robust_list, ENOSYS))
    return 0;

  /* After a failure another thread may try. */
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_false (aioproc_robust_adopt (&region->mapping, &region->words[LIVE],
                                            &region->words[POKE], &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
      g_assert_cmphex (read_word (region, LIVE), ==, 0);
    }

  return 0;
}

static void
test_adopt_filtered (void)
{
  Region region;

  g_test_summary ("A kernel or filter without robust lists is an error, and marks nothing");

  region_init (&region);
  platform_test_wait_success (platform_test_fork (adopt_filtered, &region));
  region_clear (&region);
}

static void
test_adopt_unaligned (void)
{
  g_test_summary ("A live word between two places for a pointer is a mistake of the caller");

  if (g_test_subprocess ())
    {
      Region region;

      region_init (&region);
      aioproc_robust_adopt (&region.mapping, &region.words[LIVE + 1], &region.words[POKE], NULL);
      return;
    }

  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*% sizeof*");
}

static void
test_adopt_twice (void)
{
  g_test_summary ("A second anchor in one mapping is a mistake of the caller");

  if (g_test_subprocess ())
    {
      Region region;
      g_autoptr(GError) error = NULL;

      region_init (&region);
      g_assert_true (aioproc_robust_adopt (&region.mapping, &region.words[LIVE],
                                           &region.words[POKE], &error));
      g_assert_no_error (error);
      aioproc_robust_adopt (&region.mapping, &region.words[LIVE], &region.words[POKE], &error);
      return;
    }

  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*head->list.next*");
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/robust/map/plain", test_map);
  aioproc_test_add_func ("/aioproc/robust/map/errors", test_map_errors);
  aioproc_test_add_data_func ("/aioproc/robust/death/exit",
                              GINT_TO_POINTER (END_EXIT), test_death_end);
  aioproc_test_add_data_func ("/aioproc/robust/death/exit-thread",
                              GINT_TO_POINTER (END_EXIT_THREAD), test_death_end);
  aioproc_test_add_data_func ("/aioproc/robust/death/abort",
                              GINT_TO_POINTER (END_ABORT), test_death_end);
  aioproc_test_add_data_func ("/aioproc/robust/death/fault",
                              GINT_TO_POINTER (END_FAULT), test_death_end);
  aioproc_test_add_data_func ("/aioproc/robust/death/exec",
                              GINT_TO_POINTER (END_EXEC), test_death_end);
  aioproc_test_add_data_func ("/aioproc/robust/death/exec-thread",
                              GINT_TO_POINTER (END_EXEC_THREAD), test_death_end);
  aioproc_test_add_data_func ("/aioproc/robust/death/kill",
                              GINT_TO_POINTER (SIGKILL), test_death_signal);
  aioproc_test_add_data_func ("/aioproc/robust/death/terminate",
                              GINT_TO_POINTER (SIGTERM), test_death_signal);
  aioproc_test_add_func ("/aioproc/robust/death/last-word", test_death_last_word);
  aioproc_test_add_func ("/aioproc/robust/death/repeated", test_death_repeated);
  aioproc_test_add_func ("/aioproc/robust/death/one-sleeper", test_death_one_sleeper);
  aioproc_test_add_func ("/aioproc/robust/alive", test_alive);
  aioproc_test_add_data_func ("/aioproc/robust/not-live/zero", GUINT_TO_POINTER (0),
                              test_not_live_yet);
  aioproc_test_add_data_func ("/aioproc/robust/not-live/other",
                              GUINT_TO_POINTER (FUTEX_WAITERS | 1), test_not_live_yet);
  aioproc_test_add_func ("/aioproc/robust/hostile-peer", test_hostile_peer);
  aioproc_test_add_func ("/aioproc/robust/fork", test_fork);
  aioproc_test_add_func ("/aioproc/robust/adopt/filtered", test_adopt_filtered);
  aioproc_test_add_func ("/aioproc/robust/adopt/unaligned", test_adopt_unaligned);
  aioproc_test_add_func ("/aioproc/robust/adopt/twice", test_adopt_twice);

  return g_test_run ();
}
