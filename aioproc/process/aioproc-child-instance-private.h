/* aioproc-child-instance-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "core/aioproc-mutex-private.h"
#include "process/aioproc-child-private.h"
#include "process/aioproc-monitor-private.h"
#include "process/aioproc-parent-fd-private.h"

G_BEGIN_DECLS

/* For the aioproc-child*.c only. */
struct _AioprocChild
{
  gatomicrefcount        ref_count;

  /* All immutable */
  AioprocChildSpec      *spec;              /* (owned) */
  char                 **environment;       /* (owned) (nullable) what that of @spec stands for */
  const AioprocChildOps *ops;
  gpointer               user_data;
  GDestroyNotify         destroy;

  /* Both protected by @all_mutex */
  AioprocChild          *previous;
  AioprocChild          *next;

  AioprocMutex           mutex;

  /* All protected by @mutex */
  GQueue                 outgoing;          /* (element-type AioprocFrame) (owned) */
  gboolean               is_flushing;       /* the monitor has been told of them */
  pid_t                  pid;               /* 0: not known yet */
  AioprocParentFd        pidfd;             /* -1: not known yet, or in a forked child */
  guint64                pending_signals;   /* bit N - 1 for N, until there is a pidfd */
  gboolean               is_foreign;        /* this process was forked from the one it belongs to */
  gboolean               has_ended;
  gboolean               has_status;
  int                    wait_status;
  gboolean               has_record;        /* the worker's own, AIOPROC_FRAME_EXIT */
  int                    record;

  /* FORK, from the fork to begin_worker() */
  pid_t                  forked_pid;
  int                    forked_pidfd;

  /* All monitor thread only */
  AioprocParentFd        control;
  AioprocParentFd        hangup;
  AioprocMonitorWatch    control_watch;
  AioprocMonitorWatch    pidfd_watch;       /* where no supervisor tells of the end */
  AioprocMonitorTimer    hung_up_timer;     /* from the end of the channel on */
  gboolean               has_vigil;         /* from its start to its end */
  AioprocFrameReader    *reader;            /* (owned) (nullable) NULL: read to the end */
  GError                *error;             /* (owned) (nullable) why it had to be killed */
};

/* In the list of all children. */
AioprocChild *aioproc_child_new           (AioprocChildSpec      *spec,
                                           const AioprocChildOps *ops,
                                           gpointer               user_data,
                                           GDestroyNotify         destroy);
void          aioproc_child_drop_outgoing (AioprocChild          *self);
/* In a forked worker, of which what all children send and receive is none of its business. */
void          aioproc_child_drop_all      (gpointer               data);

G_END_DECLS
