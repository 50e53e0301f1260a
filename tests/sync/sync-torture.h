/* sync-torture.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <aioproc.h>

#include "sync-test.h"

G_BEGIN_DECLS

/* Does its thing once with @object. @async: by an asynchronous operation, on the thread-default
 * context. @state is memory that all processes share.
 */
typedef void (*TortureStep) (gpointer    object,
                             gboolean    async,
                             gpointer    state,
                             GRand      *random);

/* Processes, of two threads each, that repeat their step for ever, and of which one at a time is
 * killed at a random moment and replaced. All the others must go on.
 */
typedef struct {
  gpointer  (*make)            (void);   /* (nullable) the object; NULL: by the next ones */
  GType       type;            /* of the object */
  const char *property;        /* (nullable) of it, with @value */
  guint       value;
  gsize       state_size;
  guint       n_processes;     /* at most 8 */
  /* After so many kills each thread has to prove that it goes on, before another death, or a new
   * process, could wake it by accident; 0: four.
   */
  guint       check_every;
  TortureStep steps[2];        /* of the even processes, and of the odd ones */
  gboolean    orphans;         /* they are nobody's children */
  /* Whether, in the end, there has happened what is to be tested. */
  void      (*check)           (gconstpointer state);
  /* (nullable) When all processes are dead, in one of which nobody knew: what has become of
   * @object.
   */
  void      (*check_object)    (gpointer      object,
                                gconstpointer state);
} TortureSetup;

/* Kills processes that do the steps, @n_kills times. ThreadSanitizer sees one process only: under
 * it @n_threads of this one do @n_steps each, and nobody is killed.
 */
void torture (const TortureSetup *setup,
              guint               n_kills,
              guint               n_threads,
              guint               n_steps);

/* An acquire that is asynchronous, or not; the same for a wait. @random decides whether it has a
 * timeout, or is cancelled.
 */
gboolean torture_acquire       (AioprocLock      *lock,
                                gboolean          async,
                                GRand            *random);
gboolean torture_acquire_rlock (AioprocRLock     *lock,
                                guint64           owner,
                                gboolean          async,
                                GRand            *random);
gboolean torture_acquire_unit  (AioprocSemaphore *semaphore,
                                gboolean          async,
                                GRand            *random);
gboolean torture_wait_notified (AioprocCondition *condition,
                                guint64           owner,
                                gboolean          async,
                                GRand            *random);
gboolean torture_wait          (AioprocEvent     *event,
                                gboolean          async,
                                GRand            *random);
/* Returns the index; or -1, also where another one has broken the barrier. */
int      torture_meet          (AioprocBarrier   *barrier,
                                gboolean          async,
                                GRand            *random);

G_END_DECLS
