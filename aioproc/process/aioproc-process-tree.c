/* aioproc-process-tree.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <unistd.h>

#include "aioproc-process.h"
#include "process/aioproc-exit-private.h"
#include "process/aioproc-process-private.h"

/* The main program's name, as in Python. */
#define MAIN_NAME "MainProcess"

/* Where this process stands in the tree of processes. */
static AioprocMutex tree_mutex;
static AioprocProcess *current;   /* (owned) (nullable) immortal; protected by @tree_mutex */
static AioprocProcess *parent;    /* (owned) (nullable) immortal; protected by @tree_mutex */
static GSList *inherited;         /* (owned) immortal: of the programs it was forked from */
static guint n_children;          /* how many have a place; protected by @tree_mutex */

static AioprocProcess *
make_process (AioprocProcessKind  kind,
              const char         *name,
              const char         *identity,
              gboolean            is_daemon)
{
  AioprocProcess *self = g_object_new (AIOPROC_TYPE_PROCESS, NULL);

  self->kind = kind;
  g_free (self->name);
  self->name = g_strdup (name);
  g_free (self->identity);
  self->identity = g_strdup (identity);
  self->is_daemon = is_daemon;
  self->state = AIOPROC_PROCESS_RUNNING;

  return self;
}

static AioprocProcess *
get_current_locked (void)
{
  if (current == NULL)
    current = make_process (AIOPROC_PROCESS_CURRENT, MAIN_NAME, "", FALSE);

  return current;
}

void
aioproc_process_set_current (const char *name,
                             const char *identity,
                             gboolean    is_daemon,
                             const char *parent_name,
                             int         parent_pid,
                             int         hangup_fd)
{
  /* What a fork of a program finds here is that program's, and is left to it. */
  aioproc_mutex_init (&tree_mutex);
  n_children = 0;

  if (current != NULL)
    inherited = g_slist_prepend (inherited, current);
  if (parent != NULL)
    inherited = g_slist_prepend (inherited, parent);

  current = make_process (AIOPROC_PROCESS_CURRENT, name, identity, is_daemon);
  parent = make_process (AIOPROC_PROCESS_PARENT, parent_name, "", FALSE);
  parent->pid = parent_pid;
  parent->hangup_fd = hangup_fd;
}

void
aioproc_process_init_child (char     **identity,
                            gboolean  *is_daemon)
{
  AIOPROC_MUTEX_AUTO_LOCK (&tree_mutex, locker);
  AioprocProcess *self = get_current_locked ();
  guint number = ++n_children;

  if (*self->identity == '\0')
    *identity = g_strdup_printf ("%u", number);
  else
    *identity = g_strdup_printf ("%s:%u", self->identity, number);

  /* Immutable in the current process. */
  *is_daemon = self->is_daemon;
}

/**
 * aioproc_process_get_current:
 *
 * Gets the object of the process that calls this.
 *
 * In a worker it has the name, and the daemon flag, that the program which started it gave to its
 * process object; in a program that Aioproc did not start, its name is “MainProcess”.
 *
 * Nothing can be done to the current process through this object: it cannot be started, joined or
 * signalled.
 *
 * Returns: (transfer none): this process
 *
 * Since: 0.1
 */
AioprocProcess *
aioproc_process_get_current (void)
{
  AIOPROC_MUTEX_AUTO_LOCK (&tree_mutex, locker);

  return get_current_locked ();
}

/**
 * aioproc_process_get_parent:
 *
 * Gets the process that started this worker.
 *
 * It can be joined, and asked for its name, its pid and whether it is alive. Workers are killed
 * when the program that started them ends, so that few of them have a use for that.
 *
 * Returns: (transfer none) (nullable): the process that started this one, or `NULL` if that was not
 *   done by Aioproc
 *
 * Since: 0.1
 */
AioprocProcess *
aioproc_process_get_parent (void)
{
  AIOPROC_MUTEX_AUTO_LOCK (&tree_mutex, locker);

  return parent;
}

/**
 * aioproc_process_get_active_children:
 *
 * Gets the processes that this process has started and that have not ended.
 *
 * A process is in it from the beginning of its start until it has ended, whether or not the program
 * keeps its object.
 *
 * Returns: (transfer container) (element-type AioprocProcess): the processes, the oldest first
 *
 * Since: 0.1
 */
GPtrArray *
aioproc_process_get_active_children (void)
{
  return aioproc_exit_dup_children ();
}
