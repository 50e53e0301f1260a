/* naive-queue.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "core/aioproc-lock-word-private.h"

G_BEGIN_DECLS

/* The control: a ring as one writes it who does not think of death. Its lock is a robust one, but
 * what it guards is not repaired. The tests of the real queue have to find that.
 */
#define NAIVE_QUEUE_N_ITEMS  16
#define NAIVE_QUEUE_MAX_SIZE 4096

typedef struct {
  AioprocLockWord lock;
  guint32         first;
  guint32         last;
  guint32         n_items;
  struct {
    guint32 size;
    guint8  data[NAIVE_QUEUE_MAX_SIZE];
  } items[NAIVE_QUEUE_N_ITEMS];
} NaiveQueue;

/* FALSE: it is full. */
gboolean  naive_queue_put (NaiveQueue    *self,
                           AioprocFamily *family,
                           GBytes        *bytes);
/* NULL: it is empty. */
GBytes   *naive_queue_get (NaiveQueue    *self,
                           AioprocFamily *family);

G_END_DECLS
