/* aioproc-pool-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-pool.h"
#include "pool/aioproc-pool-core-private.h"

G_BEGIN_DECLS

/* For the aioproc-pool*.c only. */
struct _AioprocPool {
  GObject                parent_instance;

  /* All immutable after construction */
  AioprocContext        *context;               /* (owned) (nullable) */
  char                  *name;                  /* (owned) (nullable) */
  guint                  n_workers;
  char                  *initializer;           /* (owned) (nullable) */
  GVariant              *initializer_arguments; /* (owned) (nullable) */
  gint64                 cancel_grace;
  guint64                max_tasks_per_worker;
  AioprocPoolCore       *core;                  /* (owned) (nullable) NULL: it could not be made */
  GError                *init_error;            /* (owned) (nullable) why not */

  AioprocMutex           mutex;

  /* All protected by @mutex: of the tasks to come */
  gint64                 task_timeout;
  guint                  max_retries;
};

/* NULL: G_IO_ERROR_NOT_INITIALIZED, and why. */
AioprocPoolCore *aioproc_pool_get_core    (AioprocPool     *self,
                                           GError         **error);
/* What tasks have in common: limits, as the properties say now. */
void             aioproc_pool_set_up_job  (AioprocPool     *self,
                                           AioprocPoolJob  *job);
/* A call, of @message, if there is one, else of @arguments. */
AioprocPoolJob  *aioproc_pool_new_call    (AioprocPool              *self,
                                           const AioprocPoolJobOps  *ops,
                                           const char               *function,
                                           GVariant                 *arguments,
                                           AioprocMessage           *message,
                                           GError                  **error);

G_END_DECLS
