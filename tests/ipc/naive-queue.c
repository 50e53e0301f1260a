/* naive-queue.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "naive-queue.h"

#include <string.h>

/* So that one who is killed at random is often enough killed amid an operation, also where the
 * machine is busy, and those who are not running are mostly those who wait.
 */
static void
linger (void)
{
  g_thread_yield ();
}

gboolean
naive_queue_put (NaiveQueue    *self,
                 AioprocFamily *family,
                 GBytes        *bytes)
{
  gsize size = g_bytes_get_size (bytes);
  gboolean success = FALSE;

  g_assert_cmpuint (size, <=, NAIVE_QUEUE_MAX_SIZE);
  aioproc_lock_word_lock (&self->lock, family);

  if (self->n_items < NAIVE_QUEUE_N_ITEMS)
    {
      self->n_items++;
      linger ();
      self->items[self->last % NAIVE_QUEUE_N_ITEMS].size = size;
      memcpy (self->items[self->last % NAIVE_QUEUE_N_ITEMS].data, g_bytes_get_data (bytes, NULL),
              size);
      self->last++;
      success = TRUE;
    }

  aioproc_lock_word_release (&self->lock, family);

  return success;
}

GBytes *
naive_queue_get (NaiveQueue    *self,
                 AioprocFamily *family)
{
  GBytes *bytes = NULL;

  aioproc_lock_word_lock (&self->lock, family);

  if (self->n_items > 0)
    {
      guint32 first = self->first++ % NAIVE_QUEUE_N_ITEMS;

      linger ();
      self->n_items--;
      bytes = g_bytes_new (self->items[first].data,
                           MIN (self->items[first].size, NAIVE_QUEUE_MAX_SIZE));
    }

  aioproc_lock_word_release (&self->lock, family);

  return bytes;
}
