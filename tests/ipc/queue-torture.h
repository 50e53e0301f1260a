/* queue-torture.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <sys/types.h>

#include <aioproc.h>

#include "queue-log.h"

G_BEGIN_DECLS

/* So many kills. With a sanitizer, for which each new process is slow and which needs no certain
 * moment, a few.
 */
#ifdef HAVE_SANITIZER
# define QUEUE_TORTURE_KILLS(n) ((n) / 5)
#else
# define QUEUE_TORTURE_KILLS(n) (n)
#endif

/* A process with a queue and a log. With @socket_fd it begins only with queue_test_send(). */
pid_t queue_test_spawn (AioprocQueue *queue,
                        int           log_fd,
                        const char   *what,
                        guint32       argument,
                        int          *socket_fd);
void  queue_test_send  (AioprocQueue *queue,
                        int           socket_fd);
/* Until it has ended. Returns its wait status. */
int   queue_test_reap  (pid_t         pid);

typedef struct {
  gboolean naive;            /* the control */
  guint    max_items;
  guint    n_producers;
  guint    n_consumers;
  gboolean kill_producers;
  gboolean kill_consumers;
  guint    n_kills;
  gboolean leased;           /* consumers lease, so that nothing may be missing */
  guint    max_deliveries;
  guint    n_trimmers;       /* which give memory back all the time; they are killed, too */
} TortureSetup;

typedef struct {
  gboolean hung;
  guint    n_items;          /* puts that have returned */
  guint    n_missing;        /* of these */
  guint    n_doubled;
  guint    n_torn;
  guint    n_failed;         /* items that were set aside */
  guint    n_unknown;        /* whose consumer was killed between the ack and writing it down */
  guint    n_trims;          /* rounds after which memory was given back */
  guint    n_doubts;         /* consumers that were killed in a get: an item each may be missing */
} TortureResult;

/* Producers and consumers, of which one at a time is killed at a random moment and replaced. */
TortureResult queue_torture        (const TortureSetup *setup);
/* The same, and asserts that nothing is wrong. */
TortureResult queue_torture_assert (const TortureSetup *setup);

G_END_DECLS
