/* bench.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <sys/types.h>

#include <glib.h>

/* C++ has no word for it, and its programs leave it alone. */
#ifdef __cplusplus
# define BENCH_ATOMIC(type) volatile type
#else
# define BENCH_ATOMIC(type) _Atomic type
#endif

G_BEGIN_DECLS

/* What all programs here that measure have in common. Each is called as
 *
 *   PROGRAM CASE REPETITIONS
 *
 * and prints one value a line. REPETITIONS is a number, or "-": then each line on standard input
 * asks for one repetition, which is how the runner interleaves programs that it compares.
 *
 * A CASE may end with a placement: "_1cpu", all processes on the same CPU; or "_cross", this one
 * and the other one on two. Without it, they run where the kernel puts them.
 */

typedef struct {
  const char *name;           /* without the placement; the last one is NULL */
  /* (nullable) Once, before the first repetition; on the CPU of this process already. */
  void      (*begin)  (void);
  double    (*repeat) (void);
  /* (nullable) Once, after the last. */
  void      (*end)    (void);
} BenchCase;

int      bench_main          (int               argc,
                              char             *argv[],
                              const BenchCase  *cases);

gint64   bench_now_nsec      (void);
double   bench_median        (double           *values,
                              gsize             n_values);

/* The CPU of the other process, -1 for any; and how it gets there. */
int      bench_get_other_cpu (void);
void     bench_pin           (int               cpu);

/* The nanoseconds that one of @n_runs takes in the median of many calls of @func, which makes
 * @n_runs of them and has to be short: so that what the machine does besides counts little.
 */
double   bench_loop          (void            (*func) (int n_runs),
                              int               n_runs);

/* Where this process and the other one meet, in memory that both have; zero at first. */
typedef struct {
  BENCH_ATOMIC (int)    ready;
  BENCH_ATOMIC (int)    go;
  BENCH_ATOMIC (int)    stop;
  BENCH_ATOMIC (int)    is_over;
  BENCH_ATOMIC (gint64) n_runs_of_other;
} BenchMeeting;

/* Both begin when both are there. */
void     bench_meet_own      (BenchMeeting     *meeting);
void     bench_meet_other    (BenchMeeting     *meeting);

/* As bench_loop(), of two processes that call @func at the same time: of both together. */
double   bench_contend_own   (BenchMeeting     *meeting,
                              void            (*func) (int n_runs),
                              int               n_runs);
void     bench_contend_other (BenchMeeting     *meeting,
                              void            (*func) (int n_runs),
                              int               n_runs);
/* The same, with a forked child. */
double   bench_contend       (void            (*func) (int n_runs),
                              int               n_runs);

/* Messages a second from a forked child to this process. */
typedef struct {
  void (*put) (gconstpointer message,
               gsize         size);
  void (*get) (gpointer      message,
               gsize         size);
} BenchStream;

/* How many messages there is room for in queues that are compared: of 64 bytes, and of more. */
#define BENCH_CAPACITY_SMALL 1024
#define BENCH_CAPACITY       64

/* All of it, by blocking calls. */
void     bench_write_all     (int                fd,
                              const char        *data,
                              gsize              size);
void     bench_read_all      (int                fd,
                              char              *data,
                              gsize              size);
double   bench_stream        (const BenchStream *stream,
                              gsize              size,
                              guint              n_messages);

/* How many producers there are, and how many consumers, that use one queue at the same time. */
#define BENCH_CROWD_SIDE 2

/* Where they meet, as in BenchMeeting. */
typedef struct {
  BENCH_ATOMIC (int)    n_ready;
  BENCH_ATOMIC (int)    go;
  BENCH_ATOMIC (int)    stop;
  BENCH_ATOMIC (int)    n_over;
  BENCH_ATOMIC (gint64) n_messages;
} BenchCrowd;

typedef struct {
  void     (*put) (gboolean is_last);
  /* Returns whether it was a last message. */
  gboolean (*get) (void);
} BenchCrowdFuncs;

/* In the processes of each side. */
void     bench_crowd_produce (BenchCrowd            *crowd,
                              const BenchCrowdFuncs *funcs);
void     bench_crowd_consume (BenchCrowd            *crowd,
                              const BenchCrowdFuncs *funcs);
/* In the process that has started them, and has nothing to do itself: messages a second of all. */
double   bench_crowd_measure (BenchCrowd            *crowd);
/* The same, with forked children. */
double   bench_crowd         (const BenchCrowdFuncs *funcs);

/* So that whoever is to be woken sleeps by then. */
void     bench_pause         (void);

/* Memory that is shared with a forked child, and with whoever gets @fd. */
gpointer bench_share         (gsize             size);
gpointer bench_share_fd      (gsize             size,
                              int              *fd);
gpointer bench_map           (int               fd,
                              gsize             size);
/* Runs @func in a child, on the other CPU; the child ends with it, or with this process. */
pid_t    bench_fork          (void            (*func) (void));
void     bench_join          (pid_t             pid);

/* What this process uses: resident memory; voluntary and involuntary switches of all threads that
 * there are.
 */
typedef struct {
  gint64 n_switches;
  int    n_threads;
  gint64 memory_kib;
} BenchUsage;

BenchUsage bench_get_usage       (void);
/* As many as the system lets it have. */
void     bench_allow_descriptors (void);
void     bench_run_main_loop     (guint         msec);

/* Ends the program. */
void     bench_check         (gboolean          ok,
                              const char       *what);
void     bench_check_error   (gboolean          ok,
                              const GError     *error);

G_END_DECLS
