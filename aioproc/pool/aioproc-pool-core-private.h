/* aioproc-pool-core-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-connection.h"
#include "core/aioproc-mutex-private.h"
#include "core/aioproc-waitable-private.h"
#include "core/aioproc-wait-queue-private.h"
#include "pool/aioproc-pool-backlog-private.h"
#include "pool/aioproc-pool-bell-private.h"
#include "pool/aioproc-pool-channel-private.h"
#include "process/aioproc-process-private.h"

G_BEGIN_DECLS

/* The inside of a pool: its workers, and the jobs on their way. It has a mutex of its own, and
 * lives until its last worker has ended, with or without the AioprocPool.
 *
 * Results are taken out of the channels by whoever has a use for them: a thread that waits for one,
 * in that thread; else a thread of the waiter, which is asked to watch as long as there are jobs
 * that nobody waits for. What takes time, or has to be at hand when nobody is, is done by one
 * source on the thread of the streams, the service: ends of workers, messages, limits of time.
 */
typedef struct _AioprocPoolCore AioprocPoolCore;

typedef enum {
  AIOPROC_POOL_OPEN,
  AIOPROC_POOL_CLOSED,        /* no new jobs; workers end when there are no others */
  AIOPROC_POOL_TERMINATED,    /* no jobs at all */
  AIOPROC_POOL_FAILED,        /* the same, since workers cannot be had */
} AioprocPoolState;

typedef enum {
  AIOPROC_POOL_SEAT_EMPTY,
  AIOPROC_POOL_SEAT_STARTING, /* there is a channel, and soon a process */
  AIOPROC_POOL_SEAT_RUNNING,
  AIOPROC_POOL_SEAT_LEAVING,  /* told to end: gets no more jobs */
} AioprocPoolSeatState;

/* Where one worker at a time is. All protected by the pool's mutex, but where it says otherwise. */
struct _AioprocPoolSeat {
  /* Immutable. */
  AioprocPoolCore       *core;
  guint                  index;

  AioprocPoolSeatState   state;
  AioprocPoolChannel    *channel;       /* (owned) (nullable) unless EMPTY */
  AioprocConnection     *connection;    /* (owned) (nullable) the same */
  AioprocConnection     *their_end;     /* (owned) (nullable) STARTING only */
  AioprocProcess        *process;       /* (owned) (nullable) from RUNNING on */
  gpointer               fd_tag;        /* (nullable) service only: its connection there */
  gboolean               is_hung_up;    /* service only: nothing more comes from that */
  AioprocWatch           watch;         /* of the process */
  _Atomic guint32        has_ended;     /* (atomic) set by @watch: the process may have ended */

  GList                  idle_link;     /* in the pool's @idle, if @is_idle */
  gboolean               is_idle;
  gboolean               is_mute;       /* nothing comes over the connection: gets no more jobs */
  AioprocPoolJob        *sending;       /* (owned) (nullable) */
  GQueue                 posted;        /* (element-type AioprocPoolJob) (owned) as in the ring */
  GQueue                 awaited;       /* (element-type AioprocPoolJob) (owned) */
  guint64                n_results;
  gint64                 kill_usec;     /* it is killed then; -1: it is not */
  guint64                stopping;      /* the job that it is killed for then; 0: another reason */
  gint64                 retry_usec;    /* EMPTY: it is not tried before; 0 */
};

/* What a pool is made with. */
typedef struct {
  AioprocContext *context;              /* (owned) (nullable) */
  char           *name;                 /* (owned) (nullable) */
  guint           n_workers;
  char           *initializer;          /* (owned) (nullable) */
  GVariant       *initializer_arguments; /* (owned) (nullable) */
  gint64          grace_usec;           /* from a cancel to a kill */
  guint64         max_tasks;            /* of a worker; 0: no limit */
} AioprocPoolConfig;

struct _AioprocPoolCore {
  gatomicrefcount        ref_count;

  /* Immutable. */
  AioprocPoolConfig      config;
  AioprocPoolBell       *bell;          /* (owned) */
  AioprocWaitQueue      *rings;         /* (owned) who waits for results */
  AioprocWaitQueue      *joins;         /* (owned) who waits for the end */
  GMainContext          *service_context;
  pid_t                  pid;           /* of the process that it belongs to */
  guint                  n_seats;
  AioprocPoolSeat       *seats;         /* (owned) (array length=n_seats) */

  _Atomic guint32        is_poked;      /* (atomic) the service is to run */

  AioprocMutex           mutex;

  /* All protected by @mutex. */
  AioprocPoolState       state;
  GError                *failure;       /* (owned) (nullable) why it is FAILED */
  AioprocPoolBacklog     backlog;
  GQueue                 idle;          /* (element-type AioprocPoolSeat) the latest first */
  guint                  n_live;        /* seats that are not EMPTY */
  guint                  n_jobs;        /* that have not ended */
  guint                  n_admitted;    /* what will submit jobs yet, also when it is CLOSED */
  guint                  n_unattended;  /* of those, that no thread waits for */
  guint64                last_serial;
  gint64                 run_nsec;      /* how long a job runs, on average of late; 0: not known */
  guint                  n_in_vain;     /* workers in a row that ended without a job */
  guint                  start_delay;   /* in microseconds, after a start without resources; 0 */
  GSource               *service;       /* (owned) (nullable) until @is_over */
  gint64                 service_usec;  /* when the service is to run; -1: not */
  gboolean               is_watched;    /* @watch_request is pending */
  gboolean               is_over;

  /* Of the operation that watches for jobs that nobody waits for. */
  AioprocWaitRequest     watch_request;
};

/* A job that a worker has begun with. */
typedef struct {
  AioprocPoolJob *job;    /* (owned) */
  int             worker_pid;
  gint64          began_usec;
} AioprocPoolStart;

/* What has to be done without the mutex. All zeros at first. */
typedef struct {
  GQueue    ended;      /* (element-type AioprocPoolJob) (owned), by their end links */
  GQueue    started;    /* (element-type AioprocPoolStart) (owned) */
  GQueue    dropped;    /* (element-type AioprocPoolJob) (owned), by their links */
  GQueue    starts;     /* (element-type AioprocPoolSeat) */
  GQueue    sends;      /* (element-type AioprocPoolSeat) */
  GQueue    terminated; /* (element-type AioprocProcess) (owned) */
  GQueue    killed;     /* (element-type AioprocProcess) (owned) */
  char     *warning;    /* (owned) (nullable) the first of what is to be logged */
  gboolean  wakes;      /* a thread waits for one of @ended */
  gboolean  watches;    /* somebody has to see to jobs that nobody waits for */
  GSource  *service;    /* (owned) (nullable) the pool is over */
} AioprocPoolActions;

/* --- aioproc-pool-core.c --- */

/* Takes what @config owns. */
AioprocPoolCore *aioproc_pool_core_new             (AioprocPoolConfig   *config,
                                                    GError             **error);
AioprocPoolCore *aioproc_pool_core_ref             (AioprocPoolCore     *self);
void             aioproc_pool_core_unref           (AioprocPoolCore     *self);
/* Lets go of the mutex, and does what is to be done. */
void             aioproc_pool_core_unlock          (AioprocPoolCore     *self,
                                                    AioprocPoolActions  *actions);
/* Has this logged, once the mutex is free: who listens to logs may call the pool. */
void             aioproc_pool_actions_warn         (AioprocPoolActions  *actions,
                                                    const char          *format,
                                                    ...) G_GNUC_PRINTF (2, 3);
/* "the pool", or "pool “name”". */
char            *aioproc_pool_core_describe        (AioprocPoolCore     *self);

/* TRUE: this is a forked child of the process that has it, which can do nothing with it. */
gboolean         aioproc_pool_core_is_foreign      (AioprocPoolCore     *self,
                                                    GError             **error);
/* Whoever has a series of jobs may submit them, if they are marked so, until it is through: the
 * pool is not over before, unless it is terminated. FALSE: it takes no more.
 */
gboolean         aioproc_pool_core_admit           (AioprocPoolCore     *self,
                                                    GError             **error);
void             aioproc_pool_core_dismiss         (AioprocPoolCore     *self);
/* Takes a reference of @job until it has ended. FALSE: it was not submitted. Never blocks. */
gboolean         aioproc_pool_core_submit          (AioprocPoolCore     *self,
                                                    AioprocPoolJob      *job,
                                                    GError             **error);
/* Waits in the calling thread until @flag is not 0, and takes results meanwhile. FALSE:
 * G_IO_ERROR_CANCELLED. Who sets another flag than that of a job calls aioproc_pool_bell_wake().
 */
gboolean         aioproc_pool_core_wait            (AioprocPoolCore     *self,
                                                    const _Atomic guint32 *flag,
                                                    GCancellable        *cancellable,
                                                    GError             **error);
/* Ends @job with this error, which is taken, unless it has ended. */
void             aioproc_pool_core_end_job         (AioprocPoolCore     *self,
                                                    AioprocPoolJob      *job,
                                                    GError              *error);
/* The same, unless a worker has begun with it. */
void             aioproc_pool_core_withdraw_job    (AioprocPoolCore     *self,
                                                    AioprocPoolJob      *job,
                                                    GError              *error);

/* Ends @job, of which @error (nullable) is the outcome, and which is in no queue. Takes both. */
void             aioproc_pool_core_end_job_locked  (AioprocPoolCore     *self,
                                                    AioprocPoolJob      *job,
                                                    GError              *error,
                                                    AioprocPoolActions  *actions);
/* A worker is at @job, or sends its result, which nobody wants: it is asked to stop, and killed if
 * it does not.
 */
void             aioproc_pool_core_stop_job_locked (AioprocPoolCore     *self,
                                                    AioprocPoolJob      *job);
/* Takes all results that are there, and hands out what waits. */
void             aioproc_pool_core_drain_locked    (AioprocPoolCore     *self,
                                                    AioprocPoolActions  *actions);

/* --- aioproc-pool-dispatch.c: who gets what --- */

void             aioproc_pool_core_dispatch_locked (AioprocPoolCore     *self,
                                                    AioprocPoolActions  *actions);
/* How many jobs more the worker may be given. */
guint64          aioproc_pool_seat_get_room_locked (AioprocPoolSeat     *seat);
/* A seat with nothing to do, or with something again. */
void             aioproc_pool_seat_update_idle_locked (AioprocPoolSeat  *seat);
/* The jobs of the seat that no worker has begun go back to the backlog. */
void             aioproc_pool_seat_recall_locked   (AioprocPoolSeat     *seat);
/* What was to be sent to the worker, if anything was, has not been: it goes back to the backlog. */
void             aioproc_pool_seat_unsend_locked   (AioprocPoolSeat     *seat,
                                                    AioprocPoolActions  *actions);
/* Sends what is to be sent to the worker, and posts it. */
void             aioproc_pool_seat_send            (AioprocPoolSeat     *seat);

/* --- aioproc-pool-seat.c: a worker from its start to its end --- */

/* What it takes to post jobs for a worker. FALSE: there is no room for it now. */
gboolean         aioproc_pool_seat_prepare_locked  (AioprocPoolSeat     *seat,
                                                    AioprocPoolActions  *actions);
void             aioproc_pool_seat_start           (AioprocPoolSeat     *seat);
void             aioproc_pool_seat_drain_locked    (AioprocPoolSeat     *seat,
                                                    AioprocPoolActions  *actions);
/* @job needs no worker any more: one that was to be killed for it is not. */
void             aioproc_pool_seat_spare_locked    (AioprocPoolSeat     *seat,
                                                    AioprocPoolJob      *job);
/* Tells the worker to end once it has nothing more to do. */
void             aioproc_pool_seat_dismiss_locked  (AioprocPoolSeat     *seat);
/* The worker has closed its connection, or sent what is no message: it ends just now, or is of no
 * use any more.
 */
void             aioproc_pool_seat_mute            (AioprocPoolSeat     *seat);
/* The worker is to be killed at once. It gets no more jobs. */
void             aioproc_pool_seat_kill_locked     (AioprocPoolSeat     *seat,
                                                    AioprocPoolActions  *actions);
/* What has come over the connection, in the service: each message that is there, up to so many.
 * FALSE: nothing more will come.
 */
gboolean         aioproc_pool_seat_receive         (AioprocPoolSeat     *seat,
                                                    guint                max_messages);
/* The same, once the worker has ended: its seat is empty after that. */
void             aioproc_pool_seat_bury            (AioprocPoolSeat     *seat);

/* --- aioproc-pool-service.c --- */

GSource         *aioproc_pool_service_new          (AioprocPoolCore     *core);
/* Has the service run at @usec at the latest. */
void             aioproc_pool_service_hurry_locked (AioprocPoolCore     *core,
                                                    gint64               usec);
/* The same before long, as long as there are jobs: a worker that is stopped, or that means harm,
 * between its result and its ring does not keep that.
 */
void             aioproc_pool_service_sweep_locked (AioprocPoolCore     *core);
/* The same, at once. Any thread, with or without the mutex. */
void             aioproc_pool_service_poke         (AioprocPoolCore     *core);

/* --- aioproc-pool-end.c --- */

void             aioproc_pool_core_close           (AioprocPoolCore     *self);
void             aioproc_pool_core_terminate       (AioprocPoolCore     *self);
/* Takes @error. */
void             aioproc_pool_core_fail_locked     (AioprocPoolCore     *self,
                                                    GError              *error,
                                                    AioprocPoolActions  *actions);
/* Sees to workers that have no use any more, and to the end of the pool. */
void             aioproc_pool_core_settle_locked   (AioprocPoolCore     *self,
                                                    AioprocPoolActions  *actions);
/* FALSE: it is to be closed first, or G_IO_ERROR_TIMED_OUT or CANCELLED. */
gboolean         aioproc_pool_core_check_join      (AioprocPoolCore     *self,
                                                    GError             **error);
gboolean         aioproc_pool_core_join            (AioprocPoolCore     *self,
                                                    gint64               timeout_usec,
                                                    GCancellable        *cancellable,
                                                    GError             **error);
/* Takes @task, as aioproc_wait_queue_start(). */
void             aioproc_pool_core_join_start      (AioprocPoolCore     *self,
                                                    GTask               *task,
                                                    gint64               timeout_usec);

/* --- aioproc-pool-worker.c --- */

/* The name of the function that a worker of a pool runs. */
extern const char aioproc_pool_worker_function[];

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocPoolCore, aioproc_pool_core_unref)

G_END_DECLS
