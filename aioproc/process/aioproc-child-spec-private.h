/* aioproc-child-spec-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The same numbers as the public AioprocStartMethod. */
typedef enum {
  AIOPROC_CHILD_SPAWN = 1,
  AIOPROC_CHILD_FORKSERVER,
  AIOPROC_CHILD_FORK,
} AioprocChildMethod;

/* How and where a worker runs. Its maker fills the fields, which are immutable from the first
 * start on. A NULL environment or directory is the program's own: at the start of the worker
 * (SPAWN), or at that of the forkserver. FORK has no use for @argv
 * and @preload.
 */
typedef struct {
  gatomicrefcount      ref_count;
  AioprocChildMethod   method;
  char               **argv;              /* (owned) argv[0]: path of the program, not searched */
  char               **environment;       /* (owned) (nullable) the whole environment */
  char                *working_directory; /* (owned) (nullable) */
  char               **preload;           /* (owned) (nullable) functions a forkserver runs once */
  guint64              memory_limit;      /* RLIMIT_AS bytes, 0: inherited */
  guint64              cpu_time_limit;    /* RLIMIT_CPU seconds, then SIGXCPU; 0: inherited */
  guint64              file_limit;        /* RLIMIT_NOFILE, 0: the program's own at the start */
  gboolean             stdout_to_stderr;  /* standard output goes to standard error (TAP) */
} AioprocChildSpec;

AioprocChildSpec *aioproc_child_spec_new               (AioprocChildMethod      method);
AioprocChildSpec *aioproc_child_spec_ref               (AioprocChildSpec       *self);
void              aioproc_child_spec_unref             (AioprocChildSpec       *self);
/* Whether workers of both can come from one supervisor: all SPAWN ones can; those of a forkserver
 * if program, environment, directory and preloads are the same.
 */
gboolean          aioproc_child_spec_shares_supervisor (const AioprocChildSpec *self,
                                                        const AioprocChildSpec *other);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocChildSpec, aioproc_child_spec_unref)

G_END_DECLS
