/* aioproc-pool-job-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdatomic.h>

#include "aioproc-message.h"
#include "pool/aioproc-pool-parcel-private.h"

G_BEGIN_DECLS

/* One task of a pool, or a chunk of several that go to a worker together, from its submission to
 * its end. It is over exactly once. Reference-counted.
 */
typedef struct _AioprocPoolJob  AioprocPoolJob;
typedef struct _AioprocPoolSeat AioprocPoolSeat;

typedef enum {
  AIOPROC_POOL_JOB_NEW,
  AIOPROC_POOL_JOB_QUEUED,    /* in the backlog */
  AIOPROC_POOL_JOB_SENDING,   /* chosen for a seat, to whose worker its message goes first */
  AIOPROC_POOL_JOB_POSTED,    /* in the ring of a worker, which perhaps runs it */
  AIOPROC_POOL_JOB_AWAITED,   /* the worker is through with it, and sends the result */
  AIOPROC_POOL_JOB_ENDED,
} AioprocPoolJobState;

typedef struct {
  gsize size;   /* of the structure that begins with the job */
  /* (nullable) Once, in any thread, with no mutex held: the outcome is there. */
  void (*ended)    (AioprocPoolJob *job);
  /* (nullable) This worker has begun with it, at @began_usec. As above, but again after a retry,
   * and not if it ended before that was seen.
   */
  void (*started)  (AioprocPoolJob *job,
                    int             worker_pid,
                    gint64          began_usec);
  /* (nullable) The function reports how far it is. As above, but several times. */
  void (*progress) (AioprocPoolJob *job,
                    double          fraction,
                    const char     *text);
  /* (nullable) Before it is freed. */
  void (*clear)    (AioprocPoolJob *job);
} AioprocPoolJobOps;

struct _AioprocPoolJob {
  gatomicrefcount          ref_count;

  /* Immutable once it is submitted. */
  const AioprocPoolJobOps *ops;
  AioprocPoolTaskKind      kind;
  guint32                  flags;         /* of the slot, besides */
  char                    *function;      /* (owned) a GRefString */
  GVariant                *arguments;     /* (owned) (nullable) of a CALL; prepared */
  AioprocMessage          *message;       /* (owned) (nullable) of one with handles, instead */
  GBytes                  *items;         /* (owned) (nullable) of a CHUNK */
  int                      priority;      /* the lower, the earlier */
  gint64                   timeout_usec;  /* from the beginning of its run; -1: none */
  guint                    max_retries;   /* after how many deaths of its worker it is run again */
  gboolean                 is_admitted;   /* see aioproc_pool_core_admit() */
  gboolean                 is_waited_for; /* a thread waits for it, and needs no thread of ours */

  /* All protected by the pool's mutex. */
  GList                    link;          /* in the backlog, or in a queue of its seat */
  GList                    end_link;      /* among those that have ended just now */
  AioprocPoolJobState      state;
  guint64                  serial;        /* 0: not submitted yet */
  AioprocPoolSeat         *seat;          /* (nullable) once it is SENDING */
  guint32                  position;      /* in the ring, once it is POSTED */
  gint64                   began_usec;    /* of its run, or of the wait for what is sent; 0 */
  gboolean                 is_sent;       /* its message has gone to the worker */
  guint                    n_retries;
  gboolean                 is_started;    /* that was told */

  /* The same until it has ended, then immutable; of one that has started(). */
  int                      worker_pid;    /* the last one that was at it; 0: none was */
  guint32                  run_usec;      /* how long it has run, if it was brought to its end */

  _Atomic guint32          has_ended;     /* (atomic) what is below is there */

  /* Immutable once it has ended. */
  GVariant                *value;         /* (owned) (nullable) of a CALL */
  AioprocMessage          *result;        /* (owned) (nullable) of a CALL, what was sent beside */
  GBytes                  *outcomes;      /* (owned) (nullable) of a CHUNK */
  GError                  *error;         /* (owned) (nullable) */
};

/* A reference of @function, which is a GRefString, is taken. */
AioprocPoolJob *aioproc_pool_job_new        (const AioprocPoolJobOps *ops,
                                             AioprocPoolTaskKind      kind,
                                             char                    *function);
AioprocPoolJob *aioproc_pool_job_ref        (AioprocPoolJob          *self);
void            aioproc_pool_job_unref      (AioprocPoolJob          *self);

/* How many bytes it takes in a slot; 0: it does not go there. */
gsize           aioproc_pool_job_get_size   (AioprocPoolJob          *self);
void            aioproc_pool_job_store      (AioprocPoolJob          *self,
                                             guint8                  *to);
/* What is sent instead. */
AioprocMessage *aioproc_pool_job_make_message (AioprocPoolJob        *self);

/* The outcome, by whoever ends it; one of them, once. */
void            aioproc_pool_job_take_error (AioprocPoolJob          *self,
                                             GError                  *error);
/* What was in the slot. */
void            aioproc_pool_job_load       (AioprocPoolJob          *self,
                                             guint32                  kind,
                                             const guint8            *data,
                                             gsize                    length);
/* What has come beside, of which @value is the last part. */
void            aioproc_pool_job_load_message (AioprocPoolJob        *self,
                                               guint32                kind,
                                               GVariant              *value,
                                               AioprocMessage        *message);
/* That: everything is there. */
void            aioproc_pool_job_set_ended  (AioprocPoolJob          *self);

static inline gboolean
aioproc_pool_job_has_ended (AioprocPoolJob *self)
{
  /* Partner: aioproc_pool_job_set_ended(). */
  return atomic_load_explicit (&self->has_ended, memory_order_acquire) != 0;
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocPoolJob, aioproc_pool_job_unref)

G_END_DECLS
