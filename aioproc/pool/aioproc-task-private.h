/* aioproc-task-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-task.h"
#include "pool/aioproc-pool-core-private.h"

G_BEGIN_DECLS

typedef enum
{
  AIOPROC_TASK_PROP_FUNCTION = 1,
  AIOPROC_TASK_PROP_ARGUMENTS,
  AIOPROC_TASK_PROP_MESSAGE,
  AIOPROC_TASK_PROP_PRIORITY,
  AIOPROC_TASK_PROP_TIMEOUT,
  AIOPROC_TASK_PROP_STATE,
  AIOPROC_TASK_PROP_PROGRESS,
  AIOPROC_TASK_PROP_PROGRESS_TEXT,
  AIOPROC_TASK_PROP_WORKER_PID,
  AIOPROC_TASK_PROP_STARTED_TIME,
  AIOPROC_TASK_PROP_FINISHED_TIME,
  AIOPROC_TASK_N_PROPS
} AioprocTaskProperty;

/* For the aioproc-task*.c and aioproc-pool-submit.c only. */
struct _AioprocTask {
  GObject           parent_instance;

  /* All immutable after construction */
  char             *function;        /* (owned) */
  GVariant         *arguments;       /* (owned) (nullable) */
  AioprocMessage   *message;         /* (owned) (nullable) */

  AioprocMutex      mutex;

  /* All protected by @mutex */
  int               priority;
  gint64            timeout_usec;
  AioprocTaskState  state;
  AioprocPoolCore  *core;            /* (owned) (nullable) from its submission to its end */
  AioprocPoolJob   *job;             /* (owned) (nullable) the same; it has the task, too */
  GVariant         *value;           /* (owned) (nullable) the outcome: this … */
  AioprocMessage   *result;          /* (owned) (nullable) … or this … */
  GError           *error;           /* (owned) (nullable) … or this */
  double            progress;        /* from 0 to 1; -1: not known */
  char             *progress_text;   /* (owned) (nullable) */
  int               worker_pid;      /* 0: none yet */
  gint64            started_usec;    /* 0: not yet */
  gint64            finished_usec;   /* 0: not yet */
  AioprocWatches    watches;
  GMainContext     *notify_context;  /* (owned) (nullable) of the thread that submitted it */
  GSource          *notify_source;   /* (owned) (nullable) while a notify is on its way */
  guint             n_changed;       /* bit N for property N, of which that tells */
};

extern GParamSpec *aioproc_task_props[AIOPROC_TASK_N_PROPS];

/* --- aioproc-task-state.c --- */

gboolean aioproc_task_has_ended_locked (AioprocTask      *self);
/* What the pool tells of it, of which the program is told on the context of the thread that
 * submitted it.
 */
void     aioproc_task_set_started     (AioprocTask       *self,
                                       int                worker_pid,
                                       gint64             started_usec);
void     aioproc_task_set_progress    (AioprocTask       *self,
                                       double             fraction,
                                       const char        *text);
/* @job has ended. */
void     aioproc_task_set_ended       (AioprocTask       *self,
                                       AioprocPoolJob    *job);
/* It is @core's from now on. FALSE: it was submitted before. */
gboolean aioproc_task_claim           (AioprocTask       *self,
                                       AioprocPoolCore   *core,
                                       AioprocPoolJob    *job,
                                       GError           **error);
/* That came to nothing. */
void     aioproc_task_unclaim         (AioprocTask       *self);

G_END_DECLS
