/* aioproc-process-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-process.h"
#include "core/aioproc-mutex-private.h"
#include "core/aioproc-waitable-private.h"
#include "process/aioproc-child-private.h"
#include "process/aioproc-context-private.h"

G_BEGIN_DECLS

typedef enum
{
  AIOPROC_PROCESS_CHILD,      /* started, or to be started, by this process */
  AIOPROC_PROCESS_CURRENT,    /* this process */
  AIOPROC_PROCESS_PARENT,     /* the one that started this process */
} AioprocProcessKind;

typedef enum
{
  AIOPROC_PROCESS_INITIAL,
  AIOPROC_PROCESS_STARTING,   /* until its bootstrap is done, or it has ended without */
  AIOPROC_PROCESS_RUNNING,
  AIOPROC_PROCESS_ENDED,
} AioprocProcessState;

typedef enum
{
  AIOPROC_PROCESS_PROP_CONTEXT = 1,
  AIOPROC_PROCESS_PROP_FUNCTION,
  AIOPROC_PROCESS_PROP_ARGUMENTS,
  AIOPROC_PROCESS_PROP_MESSAGE,
  AIOPROC_PROCESS_PROP_NAME,
  AIOPROC_PROCESS_PROP_DAEMON,
  AIOPROC_PROCESS_PROP_PROGRESS,
  AIOPROC_PROCESS_PROP_PROGRESS_TEXT,
  AIOPROC_PROCESS_N_PROPS
} AioprocProcessProperty;

/* For the aioproc-process-*.c only. */
struct _AioprocProcess
{
  GObject                 parent_instance;

  /* All immutable after construction */
  AioprocProcessKind      kind;
  AioprocContext         *context;            /* (owned) (nullable) CHILD only */
  char                   *function;           /* (owned) (nullable) CHILD only */
  char                   *identity;           /* (owned) place in the tree: "" is the program */
  int                     hangup_fd;          /* PARENT only: hangs up when it ends; else -1 */

  AioprocMutex            mutex;
  GCond                   cond;               /* broadcast by aioproc_process_wake_locked() */

  /* All protected by @mutex */
  GVariant               *arguments;          /* (owned) (nullable) until it is started */
  AioprocMessage         *message;            /* (owned) (nullable) until it is started */
  char                   *name;               /* (owned) */
  gboolean                is_daemon;
  AioprocProcessState     state;
  gboolean                is_closed;
  int                     pid;                /* 0: not known yet */
  AioprocChild           *child;              /* (owned) (nullable) from its start to close() */
  guint64                 pending_signals;    /* to send once there is a child: bit N - 1 for N */
  gboolean                has_pending_cancel; /* to send once there is a child */
  gint64                  exit_timeout_usec;
  gboolean                log_fatal;
  gboolean                is_ready;           /* its bootstrap was done */
  gboolean                is_hung_up;         /* it closed its channel before that */
  AioprocMessage         *result;             /* (owned) (nullable) */
  GError                 *error;              /* (owned) (nullable) what is to be told instead */
  gboolean                has_exit_code;
  int                     exit_code;
  GPtrArray              *waits;              /* (owned) (element-type GSource) pending waits */
  AioprocWatches          watches;
  GMainContext           *notify_context;     /* (owned) (nullable) of the thread that started it */
  GSource                *notify_source;      /* (owned) (nullable) while a notify is on its way */
  double                  progress;           /* from 0 to 1; -1: not known */
  char                   *progress_text;      /* (owned) (nullable) */
};

extern GParamSpec *aioproc_process_props[AIOPROC_PROCESS_N_PROPS];

/* "Process “Process-1” (pid 123)", for messages. */
char           *aioproc_process_describe_locked   (AioprocProcess        *self);
/* FALSE: it is no child of this process, or closed. */
gboolean        aioproc_process_check_child_locked (AioprocProcess       *self,
                                                   GError               **error);
/* FALSE: as above, or it has not been started. */
gboolean        aioproc_process_check_started_locked (AioprocProcess     *self,
                                                   GError               **error);

/* --- aioproc-process-start.c --- */

/* Has the worker started; never waits for it. On failure the process is as it was before. */
gboolean        aioproc_process_begin_start       (AioprocProcess        *self,
                                                   GError               **error);

/* --- aioproc-process-frames.c: what the monitor thread tells --- */

extern const AioprocChildOps aioproc_process_child_ops;

/* Sets the child, if that has not been done by an event that came first. */
void            aioproc_process_set_child_locked  (AioprocProcess        *self,
                                                   AioprocChild          *child);
/* Sends, or keeps until there is a process to send it to. */
gboolean        aioproc_process_signal_locked     (AioprocProcess        *self,
                                                   int                    signum,
                                                   GError               **error);

void            aioproc_process_send_cancel_locked (AioprocProcess       *self);

/* --- aioproc-process-wait.c --- */

/* Whether what is waited for has come. */
typedef gboolean (*AioprocProcessPredicate) (AioprocProcess *self);

/* Something changed that a predicate looks at. */
void            aioproc_process_wake_locked       (AioprocProcess        *self);
/* Waits in the calling thread. G_IO_ERROR_TIMED_OUT, CANCELLED. @deadline_usec: -1 for none. */
gboolean        aioproc_process_wait              (AioprocProcess        *self,
                                                   AioprocProcessPredicate predicate,
                                                   gint64                 deadline_usec,
                                                   GCancellable          *cancellable,
                                                   GError               **error);
/* Calls @ready with @task in its context, not before this returns: once @predicate holds, or with
 * G_IO_ERROR_TIMED_OUT or CANCELLED. Takes @task.
 */
typedef void   (*AioprocProcessReadyFunc)         (AioprocProcess        *self,
                                                   GTask                 *task,
                                                   GError                *error);
void            aioproc_process_wait_async        (AioprocProcess        *self,
                                                   AioprocProcessPredicate predicate,
                                                   gint64                 deadline_usec,
                                                   GTask                 *task,
                                                   AioprocProcessReadyFunc ready);
/* The predicate of a join: whether what may be joined has ended. */
gboolean        aioproc_process_has_ended         (AioprocProcess        *self);
gboolean        aioproc_process_wait_ended        (AioprocProcess        *self,
                                                   gint64                 deadline_usec);
/* As aioproc_process_wait(), for PARENT, which no event tells of. */
gboolean        aioproc_process_wait_parent       (AioprocProcess        *self,
                                                   gint64                 deadline_usec,
                                                   GCancellable          *cancellable,
                                                   GError               **error);
/* The implementation of AioprocWaitable. */
gboolean        aioproc_process_watch             (AioprocWaitable       *waitable,
                                                   AioprocWatch          *watch,
                                                   GError               **error);
void            aioproc_process_unwatch           (AioprocWaitable       *waitable,
                                                   AioprocWatch          *watch);

/* --- aioproc-process-tree.c: this process and its parent --- */

/* What the START frame says of this process; called once by the worker's bootstrap. */
void            aioproc_process_set_current       (const char            *name,
                                                   const char            *identity,
                                                   gboolean               is_daemon,
                                                   const char            *parent_name,
                                                   int                    parent_pid,
                                                   int                    hangup_fd);
/* The place of the next child in the tree, and what it inherits. */
void            aioproc_process_init_child        (char                 **identity,
                                                   gboolean              *is_daemon);

gint64          aioproc_process_get_exit_timeout  (AioprocProcess        *self);

G_END_DECLS
