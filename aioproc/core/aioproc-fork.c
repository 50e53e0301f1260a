/* aioproc-fork.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-fork-private.h"

#include <pthread.h>
#include <stdatomic.h>

/* Several threads may fork at once, so that one count does not tell whether one of them is amid
 * it. The first epoch is 1.
 */
static _Atomic guint64 n_begun = 1;
static _Atomic guint64 n_ended = 1;

static void
aioproc_fork_prepare (void)
{
  atomic_fetch_add (&n_begun, 1);
}

static void
aioproc_fork_forked_parent (void)
{
  atomic_fetch_add (&n_ended, 1);
}

/* Forks that other threads of the parent were amid are none of the child's. */
static void
aioproc_fork_forked_child (void)
{
  atomic_store (&n_ended, atomic_load (&n_begun));
}

/* Before anybody can ask. */
__attribute__ ((constructor)) static void
aioproc_fork_watch (void)
{
  pthread_atfork (aioproc_fork_prepare, aioproc_fork_forked_parent, aioproc_fork_forked_child);
}

guint64
aioproc_fork_get_epoch (void)
{
  /* In this order: a fork that begins in between is seen by aioproc_fork_is_epoch(), or here. */
  guint64 ended = atomic_load (&n_ended);
  guint64 begun = atomic_load (&n_begun);

  return ended == begun ? begun : 0;
}

gboolean
aioproc_fork_is_epoch (guint64 epoch)
{
  return atomic_load (&n_begun) == epoch;
}
