/* test-step.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/aioproc-shareable-private.h"
#include "core/core-test.h"
#include "core/trace-test.h"
#include "platform/platform-test.h"

/* Each operation is killed after its first instruction, its second, its third… Then the others
 * have to find everything as it should be.
 */

#define NOTHING 0
#define ACQUIRE 1
#define WAIT    2

typedef struct {
  /* What the children inherit. */
  AioprocFamily *family;
  AioprocLock   *lock;          /* (owned) */
  AioprocEvent  *event;         /* (owned) */
  AioprocLock   *warm_lock;     /* (owned) for the linker, and what is done once */
  AioprocEvent  *warm_event;    /* (owned) */

  /* What they share. */
  struct {
    _Atomic guint32 owner;      /* of the victim */
    _Atomic guint32 command;    /* for the waiter */
    _Atomic guint32 begun;
    _Atomic guint32 ended;      /* 1: it has what it waits for; 2: and the lock was abandoned */
    _Atomic guint32 go;
  } *shared;
  pid_t          waiter;        /* one that waits when it is told to */
} Fixture;

static Fixture fixture;

static _Atomic guint32 *
get_word (gpointer object)
{
  AioprocShareable *shareable = object;

  return aioproc_shm_get_state (AIOPROC_SHAREABLE_GET_IFACE (shareable)->get_shm (shareable));
}

static gboolean
victim_owns_lock (void)
{
  return (atomic_load (get_word (fixture.lock)) & AIOPROC_OWNER_MASK) ==
         atomic_load (&fixture.shared->owner);
}

/* --- The one that waits --- */

static int
waiter_run (gpointer user_data)
{
  core_test_attach (fixture.family);

  for (;;)
    {
      guint32 command = core_test_wait_for_any (&fixture.shared->command);
      g_autoptr(GError) error = NULL;
      guint32 ended = 1;

      core_test_store (&fixture.shared->begun, 1);

      if (command == ACQUIRE)
        {
          g_assert_true (aioproc_lock_acquire (fixture.lock, -1, NULL, &error));
          g_assert_no_error (error);
          ended = aioproc_lock_get_was_abandoned (fixture.lock) ? 2 : 1;
          g_assert_true (aioproc_lock_release (fixture.lock, &error));
        }
      else
        {
          g_assert_true (aioproc_event_wait (fixture.event, -1, NULL, &error));
        }

      g_assert_no_error (error);
      atomic_store (&fixture.shared->command, NOTHING);
      core_test_store (&fixture.shared->ended, ended);
    }

  return 0;
}

static void
start_waiter (guint32 command)
{
  atomic_store (&fixture.shared->begun, 0);
  atomic_store (&fixture.shared->ended, 0);
  core_test_store (&fixture.shared->command, command);
  core_test_wait_for (&fixture.shared->begun, 1);
  core_test_wait_for_sleep (fixture.waiter);
}

static guint32
end_waiter (void)
{
  return core_test_wait_for_any (&fixture.shared->ended);
}

/* --- What must hold --- */

static void
check_lock (gboolean abandoned)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_lock_acquire (fixture.lock, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (aioproc_lock_get_was_abandoned (fixture.lock), ==, abandoned);
  g_assert_true (aioproc_lock_release (fixture.lock, &error));
  g_assert_no_error (error);
}

static void
check_free_lock (gboolean owned)
{
  check_lock (owned);
}

static void
check_abandoned_lock (gboolean owned)
{
  /* Of the one who died before, if not of the victim. */
  check_lock (TRUE);
}

static void
check_waited_lock (gboolean owned)
{
  g_assert_cmpuint (end_waiter (), ==, owned ? 2 : 1);
  check_lock (FALSE);
}

static void
check_held_lock (gboolean owned)
{
  /* We hold it, not the victim. */
  g_assert_false (owned);
  g_assert_true (aioproc_lock_release (fixture.lock, NULL));
  check_waited_lock (FALSE);
}

static void
check_event (gboolean owned)
{
  if (!aioproc_event_is_set (fixture.event))
    g_assert_true (aioproc_event_set (fixture.event, NULL));

  g_assert_cmpuint (end_waiter (), ==, 1);
  g_assert_true (aioproc_event_wait (fixture.event, 0, NULL, NULL));
  g_assert_true (aioproc_event_clear (fixture.event, NULL));
  g_assert_false (aioproc_event_wait (fixture.event, 0, NULL, NULL));
}

/* --- How it begins --- */

static void
hold_lock (void)
{
  g_assert_true (aioproc_lock_acquire (fixture.lock, -1, NULL, NULL));
}

static int
dying_holder_run (gpointer user_data)
{
  hold_lock ();

  return 0;
}

static void
let_holder_die (void)
{
  platform_test_wait_success (platform_test_fork (dying_holder_run, NULL));
  core_test_wait_for_death (fixture.family,
                            atomic_load (get_word (fixture.lock)) & AIOPROC_OWNER_MASK);
}

static void
hold_and_start_waiter (void)
{
  hold_lock ();
  start_waiter (ACQUIRE);
}

static void
start_event_waiter (void)
{
  start_waiter (WAIT);
}

/* --- The operations --- */

static void
do_acquire (AioprocLock  *lock,
            AioprocEvent *event)
{
  g_assert_true (aioproc_lock_acquire (lock, -1, NULL, NULL));
}

static void
do_release (AioprocLock  *lock,
            AioprocEvent *event)
{
  g_assert_true (aioproc_lock_release (lock, NULL));
}

static void
do_set (AioprocLock  *lock,
        AioprocEvent *event)
{
  g_assert_true (aioproc_event_set (event, NULL));
}

static void
do_clear (AioprocLock  *lock,
          AioprocEvent *event)
{
  g_assert_true (aioproc_event_clear (event, NULL));
}

static void
do_wait (AioprocLock  *lock,
         AioprocEvent *event)
{
  g_assert_true (aioproc_event_wait (event, -1, NULL, NULL));
}

typedef enum {
  BEFORE_SLEEP,     /* or to its end, where it does not sleep */
  WOKEN,            /* from its wake-up on */
} Part;

typedef struct {
  const char  *path;
  /* (nullable) In this process, before the victim comes. */
  void       (*begin)  (void);
  /* (nullable) In the victim, freely. */
  void       (*before) (AioprocLock  *lock,
                        AioprocEvent *event);
  /* (nullable) In this process, before the operation. */
  void       (*amid)   (void);
  /* In the victim, step by step. */
  void       (*step)   (AioprocLock  *lock,
                        AioprocEvent *event);
  Part         part;
  /* (nullable) In this process, when the victim sleeps: what wakes it. */
  void       (*wake)   (void);
  /* In this process, when the victim is dead. Whether it had the lock when it was killed. */
  void       (*check)  (gboolean      owned);
} Operation;

static void
start_lock_waiter (void)
{
  start_waiter (ACQUIRE);
}

static void
wake_victim (void)
{
  /* Behind the victim, which is woken first. */
  start_waiter (ACQUIRE);
  g_assert_true (aioproc_lock_release (fixture.lock, NULL));
}

static void
wake_event_victim (void)
{
  start_waiter (WAIT);
  g_assert_true (aioproc_event_set (fixture.event, NULL));
}

static void
set_event (void)
{
  g_assert_true (aioproc_event_set (fixture.event, NULL));
}

static void
check_set_event (gboolean owned)
{
  if (aioproc_event_is_set (fixture.event))
    g_assert_true (aioproc_event_clear (fixture.event, NULL));

  start_waiter (WAIT);
  check_event (FALSE);
}

static const Operation operations[] = {
  { "acquire/free", NULL, NULL, NULL, do_acquire, BEFORE_SLEEP, NULL, check_free_lock },
  { "acquire/abandoned", let_holder_die, NULL, NULL, do_acquire, BEFORE_SLEEP, NULL,
    check_abandoned_lock },
  { "acquire/held", hold_and_start_waiter, NULL, NULL, do_acquire, BEFORE_SLEEP, NULL,
    check_held_lock },
  { "acquire/woken", hold_lock, NULL, NULL, do_acquire, WOKEN, wake_victim, check_waited_lock },
  { "release/alone", NULL, do_acquire, NULL, do_release, BEFORE_SLEEP, NULL, check_free_lock },
  { "release/waiter", NULL, do_acquire, start_lock_waiter, do_release, BEFORE_SLEEP, NULL,
    check_waited_lock },
  { "set/alone", NULL, NULL, NULL, do_set, BEFORE_SLEEP, NULL, check_set_event },
  { "set/waiter", start_event_waiter, NULL, NULL, do_set, BEFORE_SLEEP, NULL, check_event },
  { "clear", set_event, NULL, NULL, do_clear, BEFORE_SLEEP, NULL, check_set_event },
  { "wait/set", set_event, NULL, NULL, do_wait, BEFORE_SLEEP, NULL, check_set_event },
  { "wait/unset", start_event_waiter, NULL, NULL, do_wait, BEFORE_SLEEP, NULL, check_event },
  { "wait/woken", NULL, NULL, NULL, do_wait, WOKEN, wake_event_victim, check_event },
};

static int
victim_run (gpointer user_data)
{
  const Operation *operation = user_data;

  core_test_store (&fixture.shared->owner, core_test_attach (fixture.family));

  if (operation->before != NULL)
    operation->before (fixture.lock, fixture.event);

  trace_test_mark ();
  operation->step (fixture.lock, fixture.event);
  trace_test_mark ();

  return 1;
}

/* Everything once, so that the victims, which are forked, find it loaded and resolved. */
static void
warm_up (void)
{
  for (guint i = 0; i < 2; i++)
    {
      do_acquire (fixture.warm_lock, NULL);
      g_assert_false (aioproc_lock_acquire (fixture.warm_lock, 1, NULL, NULL));
      do_release (fixture.warm_lock, NULL);
      g_assert_false (aioproc_event_wait (fixture.warm_event, 1, NULL, NULL));
      do_set (NULL, fixture.warm_event);
      do_wait (NULL, fixture.warm_event);
      do_clear (NULL, fixture.warm_event);
    }
}

static void
fixture_init (void)
{
  if (fixture.family != NULL)
    return;

  fixture.family = core_test_get_family ();
  core_test_attach (fixture.family);
  fixture.lock = aioproc_lock_new (NULL);
  fixture.event = aioproc_event_new (NULL);
  fixture.warm_lock = aioproc_lock_new (NULL);
  fixture.warm_event = aioproc_event_new (NULL);
  fixture.shared = platform_test_map_shared (sizeof *fixture.shared);
  fixture.waiter = platform_test_fork (waiter_run, NULL);
  warm_up ();
}

/* Kills the victim after @n_steps. FALSE: it had fewer. */
static gboolean
run_point (const Operation *operation,
           guint            n_steps)
{
  TraceTestStep last;
  gboolean owned;
  guint n_done;
  pid_t pid;

  if (operation->begin != NULL)
    operation->begin ();

  pid = trace_test_fork (victim_run, (gpointer) operation);

  if (operation->amid != NULL)
    operation->amid ();

  if (operation->part == WOKEN)
    {
      trace_test_step_many (pid, G_MAXUINT, &last);
      g_assert_cmpint (last, ==, TRACE_TEST_ASLEEP);
      operation->wake ();
    }

  n_done = trace_test_step_many (pid, n_steps, &last);
  owned = victim_owns_lock ();
  core_test_kill (pid);
  operation->check (owned);

  return n_done == n_steps;
}

static void
test_step (gconstpointer data)
{
  const Operation *operation = data;
  guint n = 0;

  g_test_summary ("A process is killed after each instruction of an operation");

  fixture_init ();

  while (run_point (operation, n))
    {
      aioproc_test_arm_watchdog (60);
      n++;
    }

  g_test_message ("%u instructions", n);
  g_assert_cmpuint (n, >, 10);
}

/* --- A process that joins --- */

#define OFFSET_CURSOR 32
/* All of it takes some thousands of instructions, since a thread is started. What it writes to the
 * slot, it writes soon after it has locked its byte.
 */
#define ATTACH_STRIDE 23
#define N_SLOT_STEPS  300

static int
attach_run (gpointer user_data)
{
  trace_test_mark ();
  core_test_attach (fixture.family);
  trace_test_mark ();

  return 1;
}

static void
set_cursor (guint32 slot)
{
  int fd = aioproc_family_open (fixture.family, NULL);

  g_assert_cmpint (pwrite (fd, &slot, sizeof slot, OFFSET_CURSOR), ==, sizeof slot);
  close (fd);
}

static void
test_step_attach_slot (void)
{
  g_test_summary ("A process is killed while it writes to a dead one's slot, which stays dead");

  fixture_init ();

  for (guint n = 0; n < N_SLOT_STEPS; n++)
    {
      TraceTestStep last;
      pid_t pid;

      let_holder_die ();
      set_cursor (atomic_load (get_word (fixture.lock)) & 1023);
      pid = trace_test_fork (attach_run, NULL);
      trace_test_run_to_syscall (pid, SYS_fcntl);
      trace_test_step_many (pid, n, &last);
      g_assert_cmpint (last, ==, TRACE_TEST_STEPPED);
      core_test_kill (pid);
      check_lock (TRUE);
      aioproc_test_arm_watchdog (60);
    }
}

static void
test_step_attach (void)
{
  TraceTestStep last = TRACE_TEST_STEPPED;
  guint n;

  g_test_summary ("A process is killed while it takes the slot of a dead one, which stays dead");

  fixture_init ();

  for (n = g_test_rand_int_range (0, ATTACH_STRIDE); last == TRACE_TEST_STEPPED;
       n += ATTACH_STRIDE)
    {
      pid_t pid;

      let_holder_die ();
      set_cursor (atomic_load (get_word (fixture.lock)) & 1023);
      pid = trace_test_fork (attach_run, NULL);
      trace_test_step_many (pid, n, &last);
      core_test_kill (pid);
      check_lock (TRUE);
      aioproc_test_arm_watchdog (60);
    }

  g_test_message ("%u instructions", n);
  g_assert_cmpuint (n, >, 1000);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (operations); i++)
    {
      g_autofree char *path = g_strconcat ("/aioproc/step/", operations[i].path, NULL);

      aioproc_test_add_data_func (path, &operations[i], test_step);
    }

  aioproc_test_add_func ("/aioproc/step/attach/slot", test_step_attach_slot);
  aioproc_test_add_func ("/aioproc/step/attach/all", test_step_attach);

  return g_test_run ();
}
