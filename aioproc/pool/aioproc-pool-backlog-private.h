/* aioproc-pool-backlog-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "pool/aioproc-pool-job-private.h"

G_BEGIN_DECLS

/* The jobs of a pool that wait for a worker: by priority, and in the order of their submission.
 * Protected by the pool's mutex. It keeps a reference of each.
 */
typedef struct {
  GArray *levels;   /* (owned) (nullable) those that are not empty, by priority */
  guint   n_jobs;
} AioprocPoolBacklog;

void            aioproc_pool_backlog_clear      (AioprocPoolBacklog *self);
/* Takes @job. */
void            aioproc_pool_backlog_push       (AioprocPoolBacklog *self,
                                                 AioprocPoolJob     *job);
/* Before all others of its priority. Takes @job. */
void            aioproc_pool_backlog_push_front (AioprocPoolBacklog *self,
                                                 AioprocPoolJob     *job);
/* Not referenced; NULL: there is none. */
AioprocPoolJob *aioproc_pool_backlog_peek       (AioprocPoolBacklog *self);
/* (transfer full) */
AioprocPoolJob *aioproc_pool_backlog_remove     (AioprocPoolBacklog *self,
                                                 AioprocPoolJob     *job);

G_END_DECLS
