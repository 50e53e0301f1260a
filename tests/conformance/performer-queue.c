/* performer-queue.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "performer.h"

/* An item is a number, or as many bytes as a number says. */

static guint8
get_byte (gsize i)
{
  return i * 31 + (i >> 8);
}

GBytes *
performer_make_bytes (gsize size)
{
  guint8 *data = g_malloc (size);

  for (gsize i = 0; i < size; i++)
    data[i] = get_byte (i);

  return g_bytes_new_take (data, size);
}

static guint64
check_bytes (GBytes *bytes)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  for (gsize i = 0; i < size; i++)
    g_assert_cmpuint (data[i], ==, get_byte (i));

  return size;
}

gboolean
performer_got_bytes (GBytes *got,
                     Act    *act)
{
  g_autoptr(GBytes) bytes = got;

  if (bytes == NULL)
    return FALSE;

  act->value = check_bytes (bytes);

  return TRUE;
}

gboolean
performer_got_value (GVariant *got,
                     Act      *act)
{
  g_autoptr(GVariant) value = got;

  if (value == NULL)
    return FALSE;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING))
    return performer_got_bytes (g_variant_get_data_as_bytes (value), act);

  act->value = g_variant_get_uint64 (value);

  return TRUE;
}

/* --- Batches --- */

static GPtrArray *
make_many (const Act *act)
{
  gboolean as_bytes = act->operation == OPERATION_PUT_MANY_BYTES;
  GPtrArray *items = g_ptr_array_new_with_free_func (as_bytes ? (GDestroyNotify) g_bytes_unref
                                                              : (GDestroyNotify) g_variant_unref);

  for (guint64 i = 0; i < act->value; i++)
    g_ptr_array_add (items, as_bytes ? (gpointer) performer_make_bytes (i * 97)
                                     : g_variant_ref_sink (g_variant_new_uint64 (i)));

  return items;
}

static gboolean
put_many (guint  n_put,
          Act   *act)
{
  act->value = n_put;

  return n_put > 0;
}

static gboolean
got_many (GPtrArray *got,
          Act       *act)
{
  g_autoptr(GPtrArray) items = got;
  guint64 last = 0;

  if (items == NULL)
    return FALSE;

  for (guint i = 0; i < items->len; i++)
    {
      Act item = *act;

      if (act->operation == OPERATION_GET_MANY_BYTES)
        g_assert_true (performer_got_bytes (g_bytes_ref (g_ptr_array_index (items, i)), &item));
      else
        g_assert_true (performer_got_value (g_variant_ref (g_ptr_array_index (items, i)), &item));

      g_assert_true (i == 0 || item.value > last);
      last = item.value;
    }

  act->value = items->len;

  return TRUE;
}

/* --- Leases --- */

/* The leases of this process, by the number of the item. Those of one object go with it. */
static GMutex leases_mutex;

static GHashTable *
get_leases (gpointer object)
{
  GHashTable *leases = g_object_get_data (object, "leases");

  if (leases == NULL)
    {
      leases = g_hash_table_new_full (NULL, NULL, NULL, g_object_unref);
      g_object_set_data_full (object, "leases", leases, (GDestroyNotify) g_hash_table_unref);
    }

  return leases;
}

static gboolean
got_lease (gpointer           object,
           AioprocQueueLease *lease,
           Act               *act)
{
  if (lease == NULL)
    return FALSE;

  g_assert_true (performer_got_value (g_variant_ref (aioproc_queue_lease_get_value (lease)), act));
  g_mutex_lock (&leases_mutex);
  g_hash_table_insert (get_leases (object), GSIZE_TO_POINTER (act->value), lease);
  g_mutex_unlock (&leases_mutex);

  return TRUE;
}

static gboolean
use_lease (gpointer   object,
           Act       *act,
           GError   **error)
{
  g_autoptr(AioprocQueueLease) lease = NULL;

  g_mutex_lock (&leases_mutex);
  lease = g_hash_table_lookup (get_leases (object), GSIZE_TO_POINTER (act->value));

  if (lease != NULL)
    g_object_ref (lease);

  if (act->operation == OPERATION_DROP)
    g_hash_table_remove (get_leases (object), GSIZE_TO_POINTER (act->value));

  g_mutex_unlock (&leases_mutex);

  if (lease == NULL)
    return FALSE;

  switch ((int) act->operation)
    {
    case OPERATION_ACK:
      return aioproc_queue_lease_ack (lease, error);

    case OPERATION_NACK:
      return aioproc_queue_lease_nack (lease, error);

    case OPERATION_GET_N_FAILURES:
      act->value = aioproc_queue_lease_get_n_failures (lease);
      return TRUE;

    case OPERATION_DROP:
    default:
      return TRUE;
    }
}

/* --- Loans --- */

/* Those of this process, by their sizes. They go with their object, too. */
static GHashTable *
get_loans (gpointer object)
{
  GHashTable *loans = g_object_get_data (object, "loans");

  if (loans == NULL)
    {
      loans = g_hash_table_new_full (NULL, NULL, NULL, g_object_unref);
      g_object_set_data_full (object, "loans", loans, (GDestroyNotify) g_hash_table_unref);
    }

  return loans;
}

static gboolean
got_loan (gpointer          object,
          AioprocQueueLoan *loan)
{
  if (loan == NULL)
    return FALSE;

  g_mutex_lock (&leases_mutex);
  g_hash_table_insert (get_loans (object), GSIZE_TO_POINTER (aioproc_queue_loan_get_size (loan)),
                       loan);
  g_mutex_unlock (&leases_mutex);

  return TRUE;
}

static gboolean
commit_loan (AioprocQueueLoan  *loan,
             gsize              length,
             GError           **error)
{
  gsize half = aioproc_queue_loan_get_size (loan) / 2;
  g_autoptr(GBytes) bytes = performer_make_bytes (aioproc_queue_loan_get_size (loan));
  g_autoptr(GBytes) second = g_bytes_new_from_bytes (bytes, half, g_bytes_get_size (bytes) - half);
  gsize size;
  guint8 *data = aioproc_queue_loan_get_data (loan, &size);

  /* One half as C programs write it, the other as others do. */
  if (data != NULL && half > 0)
    memcpy (data, g_bytes_get_data (bytes, NULL), half);

  return aioproc_queue_loan_write_bytes (loan, half, second, error) &&
         aioproc_queue_loan_commit (loan, length, error);
}

static gboolean
use_loan (gpointer   object,
          Act       *act,
          GError   **error)
{
  g_autoptr(AioprocQueueLoan) loan = NULL;

  g_mutex_lock (&leases_mutex);
  loan = g_hash_table_lookup (get_loans (object), GSIZE_TO_POINTER (act->value));

  if (loan != NULL)
    g_object_ref (loan);

  if (act->operation == OPERATION_DROP_LOAN)
    g_hash_table_remove (get_loans (object), GSIZE_TO_POINTER (act->value));

  g_mutex_unlock (&leases_mutex);

  if (loan == NULL)
    return FALSE;

  switch ((int) act->operation)
    {
    case OPERATION_COMMIT:
      return commit_loan (loan, act->value, error);

    case OPERATION_COMMIT_HALF:
      return commit_loan (loan, act->value / 2, error);

    case OPERATION_ABORT_LOAN:
      return aioproc_queue_loan_abort (loan, error);

    case OPERATION_DROP_LOAN:
    default:
      return TRUE;
    }
}

static gboolean
got_failed (AioprocQueueFailure *got,
            Act                 *act)
{
  g_autoptr(AioprocQueueFailure) failure = got;
  GVariant *history;
  guint n_failures;

  if (failure == NULL)
    return FALSE;

  g_assert_true (performer_got_value (g_variant_ref (aioproc_queue_failure_get_value (failure)),
                                      act));
  n_failures = aioproc_queue_failure_get_n_failures (failure);
  history = aioproc_queue_failure_get_history (failure);
  g_assert_cmpuint (g_variant_n_children (history), ==, MIN (n_failures, 4));
  act->value += 1000 * n_failures;

  return TRUE;
}

/* --- All --- */

gboolean
performer_queue_block (gpointer   object,
                       Act       *act,
                       GError   **error)
{
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GPtrArray) items = NULL;
  gpointer data = NULL;

  if (act->operation == OPERATION_PUT_MANY || act->operation == OPERATION_TRY_PUT_MANY ||
      act->operation == OPERATION_PUT_MANY_BYTES)
    items = make_many (act);

  data = items != NULL ? items->pdata : NULL;

  if (act->operation == OPERATION_PUT_BYTES || act->operation == OPERATION_TRY_PUT_BYTES)
    bytes = performer_make_bytes (act->value);

  switch ((int) act->operation)
    {
    case OPERATION_PUT:
      return aioproc_queue_put (object, g_variant_new_uint64 (act->value), act->timeout_usec,
                                act->cancellable, error);

    case OPERATION_TRY_PUT:
      return aioproc_queue_try_put (object, g_variant_new_uint64 (act->value), error);

    case OPERATION_GET:
      return performer_got_value (aioproc_queue_get (object, act->timeout_usec, act->cancellable,
                                                     error), act);

    case OPERATION_TRY_GET:
      return performer_got_value (aioproc_queue_try_get (object, error), act);

    case OPERATION_PUT_BYTES:
      return aioproc_queue_put_bytes (object, bytes, act->timeout_usec, act->cancellable, error);

    case OPERATION_TRY_PUT_BYTES:
      return aioproc_queue_try_put_bytes (object, bytes, error);

    case OPERATION_GET_BYTES:
      return performer_got_bytes (aioproc_queue_get_bytes (object, act->timeout_usec,
                                                           act->cancellable, error), act);

    case OPERATION_TRY_GET_BYTES:
      return performer_got_bytes (aioproc_queue_try_get_bytes (object, error), act);

    case OPERATION_LEASE:
      return got_lease (object, aioproc_queue_get_leased (object, act->timeout_usec,
                                                          act->cancellable, error), act);

    case OPERATION_TRY_LEASE:
      return got_lease (object, aioproc_queue_try_get_leased (object, error), act);

    case OPERATION_ACK:
    case OPERATION_NACK:
    case OPERATION_DROP:
    case OPERATION_GET_N_FAILURES:
      return use_lease (object, act, error);

    case OPERATION_LOAN:
      return got_loan (object, aioproc_queue_loan (object, act->value, act->timeout_usec,
                                                   act->cancellable, error));

    case OPERATION_TRY_LOAN:
      return got_loan (object, aioproc_queue_try_loan (object, act->value, error));

    case OPERATION_COMMIT:
    case OPERATION_COMMIT_HALF:
    case OPERATION_ABORT_LOAN:
    case OPERATION_DROP_LOAN:
      return use_loan (object, act, error);

    case OPERATION_GET_N_FAILED:
      act->value = aioproc_queue_get_n_failed (object);
      return TRUE;

    case OPERATION_TRY_GET_FAILED:
      return got_failed (aioproc_queue_try_get_failed (object, error), act);

    case OPERATION_TASK_DONE:
      return aioproc_joinable_queue_task_done (object, error);

    case OPERATION_TRY_JOIN:
      return aioproc_joinable_queue_try_join (object, error);

    case OPERATION_JOIN:
      return aioproc_joinable_queue_join (object, act->timeout_usec, act->cancellable, error);

    case OPERATION_PUT_MANY:
      return put_many (aioproc_queue_put_many (object, data, act->value, act->timeout_usec,
                                               act->cancellable, error), act);

    case OPERATION_TRY_PUT_MANY:
      return put_many (aioproc_queue_try_put_many (object, data, act->value, error), act);

    case OPERATION_PUT_MANY_BYTES:
      return put_many (aioproc_queue_put_many_bytes (object, data, act->value, act->timeout_usec,
                                                     act->cancellable, error), act);

    case OPERATION_GET_MANY:
      return got_many (aioproc_queue_get_many (object, act->value, act->timeout_usec,
                                               act->cancellable, error), act);

    case OPERATION_TRY_GET_MANY:
      return got_many (aioproc_queue_try_get_many (object, act->value, error), act);

    case OPERATION_GET_MANY_BYTES:
      return got_many (aioproc_queue_get_many_bytes (object, act->value, act->timeout_usec,
                                                     act->cancellable, error), act);

    case OPERATION_CLOSE:
      return aioproc_queue_close (object, FALSE, error);

    case OPERATION_CLOSE_NOW:
      return aioproc_queue_close (object, TRUE, error);

    case OPERATION_IS_CLOSED:
      return aioproc_queue_is_closed (object);

    case OPERATION_IS_EMPTY:
      return aioproc_queue_is_empty (object);

    case OPERATION_IS_FULL:
      return aioproc_queue_is_full (object);

    case OPERATION_GET_SIZE:
      act->value = aioproc_queue_get_size (object);
      return TRUE;

    case OPERATION_GET_MAX_ITEMS:
      act->value = aioproc_queue_get_max_items (object);
      return TRUE;

    case OPERATION_GET_MAX_BYTES:
      act->value = aioproc_queue_get_max_bytes (object);
      return TRUE;

    case OPERATION_GET_N_BYTES:
      act->value = aioproc_queue_get_n_bytes (object);
      return TRUE;

    case OPERATION_GET_PEAK_ITEMS:
      act->value = aioproc_queue_get_peak_items (object);
      return TRUE;

    case OPERATION_GET_PEAK_BYTES:
      act->value = aioproc_queue_get_peak_bytes (object);
      return TRUE;

    default:
      g_assert_not_reached ();
    }
}

void
performer_queue_start (gpointer             object,
                       const Act           *act,
                       GAsyncReadyCallback  callback,
                       gpointer             user_data)
{
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GPtrArray) items = NULL;
  gpointer data = NULL;

  switch ((int) act->operation)
    {
    case OPERATION_PUT:
      aioproc_queue_put_async (object, g_variant_new_uint64 (act->value), act->timeout_usec,
                               act->cancellable, callback, user_data);
      break;

    case OPERATION_GET:
      aioproc_queue_get_async (object, act->timeout_usec, act->cancellable, callback, user_data);
      break;

    case OPERATION_JOIN:
      aioproc_joinable_queue_join_async (object, act->timeout_usec, act->cancellable, callback,
                                         user_data);
      break;

    case OPERATION_LEASE:
      aioproc_queue_get_leased_async (object, act->timeout_usec, act->cancellable, callback,
                                      user_data);
      break;

    case OPERATION_LOAN:
      aioproc_queue_loan_async (object, act->value, act->timeout_usec, act->cancellable, callback,
                                user_data);
      break;

    case OPERATION_PUT_BYTES:
      bytes = performer_make_bytes (act->value);
      aioproc_queue_put_bytes_async (object, bytes, act->timeout_usec, act->cancellable, callback,
                                     user_data);
      break;

    case OPERATION_GET_BYTES:
      aioproc_queue_get_bytes_async (object, act->timeout_usec, act->cancellable, callback,
                                     user_data);
      break;

    case OPERATION_PUT_MANY:
      items = make_many (act);
      data = items->pdata;
      aioproc_queue_put_many_async (object, data, act->value, act->timeout_usec, act->cancellable,
                                    callback, user_data);
      break;

    case OPERATION_PUT_MANY_BYTES:
      items = make_many (act);
      data = items->pdata;
      aioproc_queue_put_many_bytes_async (object, data, act->value, act->timeout_usec,
                                          act->cancellable, callback, user_data);
      break;

    case OPERATION_GET_MANY:
      aioproc_queue_get_many_async (object, act->value, act->timeout_usec, act->cancellable,
                                    callback, user_data);
      break;

    case OPERATION_GET_MANY_BYTES:
      aioproc_queue_get_many_bytes_async (object, act->value, act->timeout_usec, act->cancellable,
                                          callback, user_data);
      break;

    default:
      g_assert_not_reached ();
    }
}

gboolean
performer_queue_finish (gpointer       object,
                        Act           *act,
                        GAsyncResult  *result,
                        GError       **error)
{
  switch ((int) act->operation)
    {
    case OPERATION_PUT:
      return aioproc_queue_put_finish (object, result, error);

    case OPERATION_GET:
      return performer_got_value (aioproc_queue_get_finish (object, result, error), act);

    case OPERATION_JOIN:
      return aioproc_joinable_queue_join_finish (object, result, error);

    case OPERATION_LEASE:
      return got_lease (object, aioproc_queue_get_leased_finish (object, result, error), act);

    case OPERATION_LOAN:
      return got_loan (object, aioproc_queue_loan_finish (object, result, error));

    case OPERATION_PUT_BYTES:
      return aioproc_queue_put_bytes_finish (object, result, error);

    case OPERATION_GET_BYTES:
      return performer_got_bytes (aioproc_queue_get_bytes_finish (object, result, error), act);

    case OPERATION_PUT_MANY:
      return put_many (aioproc_queue_put_many_finish (object, result, error), act);

    case OPERATION_PUT_MANY_BYTES:
      return put_many (aioproc_queue_put_many_bytes_finish (object, result, error), act);

    case OPERATION_GET_MANY:
      return got_many (aioproc_queue_get_many_finish (object, result, error), act);

    case OPERATION_GET_MANY_BYTES:
      return got_many (aioproc_queue_get_many_bytes_finish (object, result, error), act);

    default:
      g_assert_not_reached ();
    }
}
