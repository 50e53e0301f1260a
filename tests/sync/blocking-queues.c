/* blocking-queues.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "blocking-test.h"

void
block_queue_put (Objects *objects,
                 gint64   timeout_usec)
{
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_queue_put (objects->queue, g_variant_new_string ("x"), timeout_usec, NULL,
                                    &error));
  g_assert_no_error (error);
  value = aioproc_queue_try_get (objects->queue, &error);
  g_assert_no_error (error);
  g_assert_nonnull (value);
}

void
block_queue_get (Objects *objects,
                 gint64   timeout_usec)
{
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_queue_try_put (objects->queue, g_variant_new_string ("x"), &error));
  g_assert_no_error (error);
  value = aioproc_queue_get (objects->queue, timeout_usec, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (value);
}

void
block_queue_put_bytes (Objects *objects,
                       gint64   timeout_usec)
{
  g_autoptr(GBytes) bytes = g_bytes_new_static ("x", 1);
  g_autoptr(GBytes) got = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_queue_put_bytes (objects->queue, bytes, timeout_usec, NULL, &error));
  g_assert_no_error (error);
  got = aioproc_queue_try_get_bytes (objects->queue, &error);
  g_assert_no_error (error);
  g_assert_nonnull (got);
}

void
block_queue_get_bytes (Objects *objects,
                       gint64   timeout_usec)
{
  g_autoptr(GBytes) bytes = g_bytes_new_static ("x", 1);
  g_autoptr(GBytes) got = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_queue_try_put_bytes (objects->queue, bytes, &error));
  g_assert_no_error (error);
  got = aioproc_queue_get_bytes (objects->queue, timeout_usec, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (got);
}

/* Puts two and gets them; who of both may block is told by the timeouts. */
static void
queue_use_many (Objects *objects,
                gint64   put_timeout_usec,
                gint64   get_timeout_usec)
{
  g_autoptr(GVariant) value = g_variant_ref_sink (g_variant_new_string ("x"));
  GVariant *values[] = { value, value };
  g_autoptr(GPtrArray) got = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_cmpuint (aioproc_queue_put_many (objects->queue, values, 2, put_timeout_usec, NULL,
                                            &error), ==, 2);
  g_assert_no_error (error);
  got = aioproc_queue_get_many (objects->queue, 2, get_timeout_usec, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (got->len, ==, 2);
}

static void
queue_use_many_bytes (Objects *objects,
                      gint64   put_timeout_usec,
                      gint64   get_timeout_usec)
{
  g_autoptr(GBytes) bytes = g_bytes_new_static ("x", 1);
  GBytes *items[] = { bytes, bytes };
  g_autoptr(GPtrArray) got = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_cmpuint (aioproc_queue_put_many_bytes (objects->queue, items, 2, put_timeout_usec, NULL,
                                                  &error), ==, 2);
  g_assert_no_error (error);
  got = aioproc_queue_get_many_bytes (objects->queue, 2, get_timeout_usec, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (got->len, ==, 2);
}

void
block_queue_put_many (Objects *objects,
                      gint64   timeout_usec)
{
  queue_use_many (objects, timeout_usec, 0);
}

void
block_queue_get_many (Objects *objects,
                      gint64   timeout_usec)
{
  queue_use_many (objects, 0, timeout_usec);
}

void
block_queue_put_many_bytes (Objects *objects,
                            gint64   timeout_usec)
{
  queue_use_many_bytes (objects, timeout_usec, 0);
}

void
block_queue_get_many_bytes (Objects *objects,
                            gint64   timeout_usec)
{
  queue_use_many_bytes (objects, 0, timeout_usec);
}

void
block_queue_get_leased (Objects *objects,
                        gint64   timeout_usec)
{
  g_autoptr(AioprocQueueLease) lease = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_queue_try_put (objects->queue, g_variant_new_string ("x"), &error));
  g_assert_no_error (error);
  lease = aioproc_queue_get_leased (objects->queue, timeout_usec, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (aioproc_queue_lease_ack (lease, &error));
  g_assert_no_error (error);
}

void
block_queue_loan (Objects *objects,
                  gint64   timeout_usec)
{
  g_autoptr(AioprocQueueLoan) loan = NULL;
  g_autoptr(GError) error = NULL;

  loan = aioproc_queue_loan (objects->queue, 10, timeout_usec, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (aioproc_queue_loan_abort (loan, &error));
  g_assert_no_error (error);
}

void
block_joinable_queue_join (Objects *objects,
                           gint64   timeout_usec)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_joinable_queue_join (objects->joinable_queue, timeout_usec, NULL,
                                              &error));
  g_assert_no_error (error);
}

static void
simple_queue_use (Objects *objects,
                  gboolean as_bytes,
                  gint64   put_timeout_usec,
                  gint64   get_timeout_usec)
{
  AioprocSimpleQueue *queue = objects->simple_queue;
  g_autoptr(GBytes) bytes = g_bytes_new_static ("x", 1);
  g_autoptr(GError) error = NULL;

  if (as_bytes)
    {
      g_autoptr(GBytes) got = NULL;

      g_assert_true (aioproc_simple_queue_put_bytes (queue, bytes, put_timeout_usec, NULL,
                                                     &error));
      g_assert_no_error (error);
      got = aioproc_simple_queue_get_bytes (queue, get_timeout_usec, NULL, &error);
      g_assert_nonnull (got);
    }
  else
    {
      g_autoptr(GVariant) got = NULL;

      g_assert_true (aioproc_simple_queue_put (queue, g_variant_new_string ("x"),
                                               put_timeout_usec, NULL, &error));
      g_assert_no_error (error);
      got = aioproc_simple_queue_get (queue, get_timeout_usec, NULL, &error);
      g_assert_nonnull (got);
    }

  g_assert_no_error (error);
}

/* It has no forms that only try: the other half does not wait. */
void
block_simple_queue_put (Objects *objects,
                        gint64   timeout_usec)
{
  simple_queue_use (objects, FALSE, timeout_usec, 0);
}

void
block_simple_queue_put_bytes (Objects *objects,
                              gint64   timeout_usec)
{
  simple_queue_use (objects, TRUE, timeout_usec, 0);
}

void
block_simple_queue_get (Objects *objects,
                        gint64   timeout_usec)
{
  simple_queue_use (objects, FALSE, 0, timeout_usec);
}

void
block_simple_queue_get_bytes (Objects *objects,
                              gint64   timeout_usec)
{
  simple_queue_use (objects, TRUE, 0, timeout_usec);
}
