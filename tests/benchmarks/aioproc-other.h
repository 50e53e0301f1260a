/* aioproc-other.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <aioproc.h>

#include "bench.h"

G_BEGIN_DECLS

/* The other process of a case, which Aioproc starts, with what it shares with this one. */

#define BENCH_N_STAMPS 1000

/* Memory of the program, for what is no part of what is measured. */
typedef struct {
  BenchMeeting meeting;
  BenchCrowd   crowd;
  gint64       size;
  gint64       n_messages;
  int          turn;                     /* protected by a lock of the case */
  gint64       stamps[BENCH_N_STAMPS];
} BenchShared;

/* In both processes. */
extern BenchShared *bench_shared;

/* Before bench_start_other(). */
void            bench_other_begin (void);
/* Starts @function, which gets up to two objects. */
AioprocProcess *bench_other_start (const char       *function,
                                   gpointer          first,
                                   gpointer          second);
/* Takes @process. */
void            bench_other_join  (AioprocProcess   *process);

/* In the function: goes to its CPU, and gets its objects. */
void            bench_other_enter (AioprocCall      *call,
                                   gpointer         *first,
                                   gpointer         *second);

G_END_DECLS
