/* test-step-semaphore.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/core-test.h"
#include "core/trace-test.h"
#include "platform/platform-test.h"

/* Each operation of a semaphore is killed after its first instruction, its second, its third… Then
 * no unit may be lost or made, and no waiter left behind. See test-step.c.
 *
 * The semaphore may have two units, and mostly has one: so a post tells how many there are.
 */

typedef struct {
  /* What the children inherit. */
  AioprocFamily    *family;
  AioprocSemaphore *semaphore;   /* (owned) */
  AioprocSemaphore *warm;        /* (owned) for the linker, and what is done once */

  /* What they share. */
  struct {
    _Atomic guint32 owner;       /* of the victim, or of one who died before */
    _Atomic guint32 command;     /* 1: the waiter acquires a unit, and releases it */
    _Atomic guint32 begun;
    _Atomic guint32 ended;
  } *shared;
  pid_t             waiter;
} Fixture;

static Fixture fixture;

/* --- The one that waits --- */

static int
waiter_run (gpointer user_data)
{
  core_test_attach (fixture.family);

  for (;;)
    {
      g_autoptr(GError) error = NULL;

      core_test_wait_for (&fixture.shared->command, 1);
      core_test_store (&fixture.shared->begun, 1);
      g_assert_true (aioproc_semaphore_acquire (fixture.semaphore, -1, NULL, &error));
      g_assert_no_error (error);
      g_assert_true (aioproc_semaphore_release (fixture.semaphore, &error));
      g_assert_no_error (error);
      atomic_store (&fixture.shared->command, 0);
      core_test_store (&fixture.shared->ended, 1);
    }

  return 0;
}

static void
start_waiter (void)
{
  atomic_store (&fixture.shared->begun, 0);
  atomic_store (&fixture.shared->ended, 0);
  core_test_store (&fixture.shared->command, 1);
  core_test_wait_for (&fixture.shared->begun, 1);
  core_test_wait_for_sleep (fixture.waiter);
}

static void
end_waiter (void)
{
  core_test_wait_for (&fixture.shared->ended, 1);
}

/* --- The operations --- */

static void
do_acquire (AioprocSemaphore *semaphore)
{
  g_assert_true (aioproc_semaphore_acquire (semaphore, -1, NULL, NULL));
}

static void
do_release (AioprocSemaphore *semaphore)
{
  g_assert_true (aioproc_semaphore_release (semaphore, NULL));
}

static void
do_post (AioprocSemaphore *semaphore)
{
  g_assert_true (aioproc_semaphore_post (semaphore, NULL));
}

static void
do_consume (AioprocSemaphore *semaphore)
{
  g_assert_true (aioproc_semaphore_consume (semaphore, NULL));
}

static void
do_acquire_release (AioprocSemaphore *semaphore)
{
  do_acquire (semaphore);
  do_release (semaphore);
}

/* --- What must hold --- */

/* As many are free, and nobody holds any. Leaves one. */
static void
check_units (guint n_units)
{
  g_autoptr(GError) error = NULL;

  g_assert_cmpuint (aioproc_semaphore_get_held (fixture.semaphore), ==, 0);
  g_assert_cmpuint (aioproc_semaphore_get_value (fixture.semaphore), ==, n_units);

  for (guint i = 0; i < n_units; i++)
    do_acquire (fixture.semaphore);

  g_assert_false (aioproc_semaphore_try_acquire (fixture.semaphore, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);

  for (guint i = 1; i < n_units; i++)
    do_consume (fixture.semaphore);

  do_release (fixture.semaphore);
}

/* There are two now, whether or not the victim has made one. */
static gboolean
post_unless_done (void)
{
  g_autoptr(GError) error = NULL;

  if (aioproc_semaphore_post (fixture.semaphore, &error))
    return FALSE;

  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);

  return TRUE;
}

static gboolean
check_one (void)
{
  check_units (1);

  return TRUE;
}

static gboolean
check_waited (void)
{
  end_waiter ();

  return check_one ();
}

static gboolean
check_held (void)
{
  /* We hold it, not the victim. */
  do_release (fixture.semaphore);

  return check_waited ();
}

static gboolean
check_posted (void)
{
  gboolean done = post_unless_done ();

  check_units (2);

  return done;
}

static gboolean
check_posted_waited (void)
{
  gboolean done = post_unless_done ();

  end_waiter ();
  do_consume (fixture.semaphore);
  check_units (1);

  return done;
}

static gboolean
check_consumed (void)
{
  gboolean done;

  do_post (fixture.semaphore);
  done = aioproc_semaphore_get_value (fixture.semaphore) == 1;
  check_units (done ? 1 : 2);

  return done;
}

/* --- How it begins --- */

static void
use_unit (void)
{
  do_acquire_release (fixture.semaphore);
}

static void
hold_unit (void)
{
  do_acquire (fixture.semaphore);
}

static void
hold_and_start_waiter (void)
{
  hold_unit ();
  start_waiter ();
}

static int
dying_holder_run (gpointer user_data)
{
  core_test_store (&fixture.shared->owner, core_test_attach (fixture.family));
  do_acquire (fixture.semaphore);

  return 0;
}

static void
let_holder_die (void)
{
  platform_test_wait_success (platform_test_fork (dying_holder_run, NULL));
  core_test_wait_for_death (fixture.family, atomic_load (&fixture.shared->owner));
}

/* The victim holds the only unit, and is not the last one who did anything. */
static void
intervene (void)
{
  do_post (fixture.semaphore);
  do_acquire (fixture.semaphore);
  do_consume (fixture.semaphore);
}

static void
wake_victim (void)
{
  /* Behind the victim, which is woken first. */
  start_waiter ();
  do_release (fixture.semaphore);
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
  void       (*before) (AioprocSemaphore *semaphore);
  /* (nullable) In this process, before the operation. */
  void       (*amid)   (void);
  /* In the victim, step by step. */
  void       (*step)   (AioprocSemaphore *semaphore);
  Part         part;
  /* (nullable) In this process, when the victim sleeps: what wakes it. */
  void       (*wake)   (void);
  /* In this process, when the victim is dead. Whether it has made or ended a unit, if it was to. */
  gboolean   (*check)  (void);
} Operation;

static const Operation operations[] = {
  { "acquire/free", use_unit, NULL, NULL, do_acquire, BEFORE_SLEEP, NULL, check_one },
  { "acquire/own", NULL, do_acquire_release, NULL, do_acquire, BEFORE_SLEEP, NULL, check_one },
  { "acquire/dead", let_holder_die, NULL, NULL, do_acquire, BEFORE_SLEEP, NULL, check_one },
  { "acquire/held", hold_and_start_waiter, NULL, NULL, do_acquire, BEFORE_SLEEP, NULL,
    check_held },
  { "acquire/woken", hold_unit, NULL, NULL, do_acquire, WOKEN, wake_victim, check_waited },
  { "release/own", NULL, do_acquire, NULL, do_release, BEFORE_SLEEP, NULL, check_one },
  { "release/other", NULL, do_acquire, intervene, do_release, BEFORE_SLEEP, NULL, check_one },
  { "release/waiter", NULL, do_acquire, start_waiter, do_release, BEFORE_SLEEP, NULL,
    check_waited },
  { "post/alone", use_unit, NULL, NULL, do_post, BEFORE_SLEEP, NULL, check_posted },
  { "post/waiter", hold_and_start_waiter, NULL, NULL, do_post, BEFORE_SLEEP, NULL,
    check_posted_waited },
  { "consume/own", NULL, do_acquire, NULL, do_consume, BEFORE_SLEEP, NULL, check_consumed },
  { "consume/other", NULL, do_acquire, intervene, do_consume, BEFORE_SLEEP, NULL,
    check_consumed },
};

static int
victim_run (gpointer user_data)
{
  const Operation *operation = user_data;

  core_test_store (&fixture.shared->owner, core_test_attach (fixture.family));

  if (operation->before != NULL)
    operation->before (fixture.semaphore);

  trace_test_mark ();
  operation->step (fixture.semaphore);
  trace_test_mark ();

  return 1;
}

/* Everything once, so that the victims, which are forked, find it loaded and resolved. */
static void
warm_up (void)
{
  for (guint i = 0; i < 2; i++)
    {
      do_acquire (fixture.warm);
      g_assert_false (aioproc_semaphore_acquire (fixture.warm, 1, NULL, NULL));
      do_consume (fixture.warm);
      do_post (fixture.warm);
    }
}

static void
fixture_init (void)
{
  if (fixture.family != NULL)
    return;

  fixture.family = core_test_get_family ();
  core_test_attach (fixture.family);
  fixture.semaphore = AIOPROC_SEMAPHORE (aioproc_bounded_semaphore_new (2, NULL));
  fixture.warm = aioproc_semaphore_new (1, NULL);
  fixture.shared = platform_test_map_shared (sizeof *fixture.shared);
  do_acquire (fixture.semaphore);
  do_consume (fixture.semaphore);
  fixture.waiter = platform_test_fork (waiter_run, NULL);
  warm_up ();
}

#define OFFSET_CURSOR 32
#define FIRST_SLOT    16

/* Victims take the same few slots again: else a search for the dead would soon take thousands of
 * instructions.
 */
static void
reuse_slots (void)
{
  const guint32 slot = FIRST_SLOT;
  int fd = aioproc_family_open (fixture.family, NULL);

  g_assert_cmpint (pwrite (fd, &slot, sizeof slot, OFFSET_CURSOR), ==, sizeof slot);
  close (fd);
}

/* Kills the victim after @n_steps. FALSE: it had fewer. */
static gboolean
run_point (const Operation *operation,
           guint            n_steps,
           gboolean        *done)
{
  TraceTestStep last;
  guint n_done;
  pid_t pid;

  reuse_slots ();

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
  core_test_kill (pid);
  core_test_wait_for_death (fixture.family, atomic_load (&fixture.shared->owner));
  *done = operation->check ();

  return n_done == n_steps;
}

static void
test_step (gconstpointer data)
{
  const Operation *operation = data;
  gboolean was_done = FALSE;
  gboolean done;
  guint n = 0;

  g_test_summary ("A process is killed after each instruction of an operation");

  fixture_init ();

  while (run_point (operation, n, &done))
    {
      aioproc_test_arm_watchdog (60);

      /* There is one instruction that does it: the same one each time, where no waiter that becomes
       * hungry sends the victim another way.
       */
      if (operation->begin != hold_and_start_waiter)
        g_assert_true (done || !was_done);

      was_done = done;
      n++;
    }

  /* The last one came to its end. */
  g_assert_true (done);
  g_test_message ("%u instructions", n);
  g_assert_cmpuint (n, >, 10);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (operations); i++)
    {
      g_autofree char *path = g_strconcat ("/aioproc/step-semaphore/", operations[i].path, NULL);

      aioproc_test_add_data_func (path, &operations[i], test_step);
    }

  return g_test_run ();
}
