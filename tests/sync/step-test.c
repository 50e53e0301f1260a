/* step-test.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "step-test.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "core/aioproc-lock-word-private.h"
#include "core/aioproc-shareable-private.h"
#include "core/core-test.h"
#include "core/trace-test.h"
#include "platform/platform-test.h"

#ifndef SYS_futex_waitv
# define SYS_futex_waitv 449
#endif

/* Where the region of a family says which slot comes next. */
#define OFFSET_CURSOR 32
#define FIRST_SLOT    16

struct _StepHelper {
  _Atomic guint32 command;
  _Atomic guint32 begun;
  _Atomic guint32 ended;
  pid_t           pid;
  void          (*func) (StepHelper *self,
                         guint32     command);
};

static AioprocFamily *family;
static _Atomic guint32 *victim_owner;     /* shared */

AioprocFamily *
step_test_init (void)
{
  if (family == NULL)
    {
      family = core_test_get_family ();
      core_test_attach (family);
      victim_owner = platform_test_map_shared (sizeof *victim_owner);
    }

  return family;
}

_Atomic guint32 *
step_test_get_word (gpointer object)
{
  AioprocShareable *shareable = object;

  return aioproc_shm_get_state (AIOPROC_SHAREABLE_GET_IFACE (shareable)->get_shm (shareable));
}

/* --- The helpers --- */

static int
helper_run (gpointer data)
{
  StepHelper *self = data;

  core_test_attach (family);

  for (;;)
    {
      self->func (self, core_test_wait_for_any (&self->command));
      atomic_store (&self->command, 0);
      core_test_store (&self->ended, 1);
    }

  return 0;
}

StepHelper *
step_test_helper_new (void (*func) (StepHelper *self,
                                    guint32     command))
{
  StepHelper *self = platform_test_map_shared (sizeof *self);

  self->func = func;
  self->pid = platform_test_fork (helper_run, self);

  return self;
}

void
step_test_helper_begin (StepHelper *self)
{
  core_test_store (&self->begun, 1);
}

void
step_test_helper_start (StepHelper *self,
                        guint32     command)
{
  atomic_store (&self->begun, 0);
  atomic_store (&self->ended, 0);
  core_test_store (&self->command, command);
  core_test_wait_for (&self->begun, 1);
  core_test_wait_for_sleep (self->pid);
}

void
step_test_helper_end (StepHelper *self)
{
  core_test_wait_for (&self->ended, 1);
}

gboolean
step_test_helper_is_up (StepHelper *self)
{
  return atomic_load (&self->ended) == 0;
}

/* --- The victims --- */

static int
victim_run (gpointer user_data)
{
  const StepOperation *operation = user_data;

  core_test_store (victim_owner, core_test_attach (family));

  if (operation->before != NULL)
    operation->before ();

  trace_test_mark ();
  operation->step ();
  trace_test_mark ();

  return 1;
}

/* Victims take the same few slots again: else a search for the dead would soon take thousands of
 * instructions.
 */
static void
reuse_slots (void)
{
  const guint32 slot = FIRST_SLOT;
  int fd = aioproc_family_open (family, NULL);

  g_assert_cmpint (pwrite (fd, &slot, sizeof slot, OFFSET_CURSOR), ==, sizeof slot);
  close (fd);
}

/* Kills the victim after @n_steps. FALSE: it had fewer. */
static gboolean
run_point (const StepOperation *operation,
           guint                n_steps,
           _Atomic guint32     *word)
{
  TraceTestStep last;
  gboolean owned;
  guint n_done;
  pid_t pid;

  reuse_slots ();

  if (operation->begin != NULL)
    operation->begin ();

  pid = trace_test_fork (victim_run, (gpointer) operation);

  if (operation->amid != NULL)
    operation->amid ();

  for (guint i = 0; i < operation->part; i++)
    {
      trace_test_run_to_sleep (pid, SYS_futex_waitv);
      operation->wake[i] ();
      trace_test_end_syscall (pid);
    }

  n_done = trace_test_step_many (pid, n_steps, &last);
  owned = (atomic_load (word) & AIOPROC_OWNER_MASK) == atomic_load (victim_owner);
  core_test_kill (pid);
  operation->check (owned);

  return n_done == n_steps;
}

void
step_test_run (const StepOperation *operation,
               guint                stride,
               _Atomic guint32     *word)
{
  guint n;

#ifdef AIOPROC_TEST_STRESS
  stride = 1;
#endif

  for (n = g_test_rand_int_range (0, stride); run_point (operation, n, word); n += stride)
    aioproc_test_arm_watchdog (60);

  g_test_message ("%u instructions", n);
  g_assert_cmpuint (n, >, 10);
}
