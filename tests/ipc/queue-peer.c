/* queue-peer.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <aioproc.h>

#include "core/aioproc-shareable-private.h"
#include "platform/aioproc-fds-private.h"
#include "queue-log.h"
#include "queue-test.h"

/* A process that shares a queue, and a log, with a test: WHAT ARGUMENT. */

static AioprocQueue *
receive_queue (void)
{
  g_autoptr(GError) error = NULL;
  AioprocShareable *queue;
  int fds[AIOPROC_SHAREABLE_MAX_FDS];
  guint n_fds;
  gsize n_done;
  char byte;

  if (aioproc_fds_receive (QUEUE_PEER_SOCKET, &byte, 1, fds, G_N_ELEMENTS (fds), &n_fds, FALSE,
                           &n_done, &error) != AIOPROC_IO_OK)
    g_error ("Could not receive a queue: %s", error != NULL ? error->message : "no message");

  queue = aioproc_shareable_import (AIOPROC_SHM_QUEUE, fds, n_fds, &error);

  if (queue == NULL)
    g_error ("Could not import a queue: %s", error->message);

  return AIOPROC_QUEUE (queue);
}

/* What a peer puts into and gets from: the real queue, or the naive one of the log. */
typedef struct {
  AioprocQueue  *queue;   /* (owned) */
  QueueLog      *log;
  AioprocFamily *family;
  gboolean       naive;
  guint          n_puts;
} Peer;

/* A loan that has @item in it, and room for @n_more bytes. */
static AioprocQueueLoan *
peer_lend (Peer    *self,
           GBytes  *item,
           gsize    n_more,
           gint64   timeout_usec,
           GError **error)
{
  g_autoptr(AioprocQueueLoan) loan = NULL;

  loan = aioproc_queue_loan (self->queue, g_bytes_get_size (item) + n_more, timeout_usec, NULL,
                             error);

  if (loan == NULL || !aioproc_queue_loan_write_bytes (loan, 0, item, error))
    return NULL;

  return g_steal_pointer (&loan);
}

static gboolean
peer_put_lent (Peer    *self,
               GBytes  *item,
               GError **error)
{
  g_autoptr(AioprocQueueLoan) aborted = NULL;
  g_autoptr(AioprocQueueLoan) loan = NULL;

  /* Some come to nothing first. */
  if (self->n_puts % 4 == 0)
    {
      aborted = peer_lend (self, item, 0, -1, error);

      if (aborted == NULL || !aioproc_queue_loan_abort (aborted, error))
        return FALSE;
    }

  loan = peer_lend (self, item, self->n_puts % 2 * 1000, -1, error);

  return loan != NULL && aioproc_queue_loan_commit (loan, g_bytes_get_size (item), error);
}

static gboolean
peer_put (Peer   *self,
          GBytes *item)
{
  g_autoptr(GError) error = NULL;

  if (self->naive)
    {
      while (!naive_queue_put (&self->log->naive, self->family, item))
        {
          if (atomic_load (&self->log->stop))
            return FALSE;

          g_thread_yield ();
        }

      return TRUE;
    }

  /* Every third one is built where it lies. */
  if (self->n_puts++ % 3 == 2)
    {
      if (peer_put_lent (self, item, &error))
        return TRUE;
    }
  else if (aioproc_queue_put_bytes (self->queue, item, -1, NULL, &error))
    {
      return TRUE;
    }

  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    g_error ("Could not put: %s", error->message);

  return FALSE;
}

static GBytes *
peer_get (Peer *self)
{
  g_autoptr(GError) error = NULL;
  GBytes *item;

  if (self->naive)
    {
      while ((item = naive_queue_get (&self->log->naive, self->family)) == NULL)
        {
          if (atomic_load (&self->log->drain))
            return NULL;

          g_thread_yield ();
        }

      return item;
    }

  item = aioproc_queue_get_bytes (self->queue, -1, NULL, &error);

  if (item == NULL && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    g_error ("Could not get: %s", error->message);

  return item;
}

/* Mostly small, at times of a size that is copied beside the lock. */
static gsize
peer_get_size (Peer  *self,
               GRand *rand)
{
  guint32 dice = g_rand_int_range (rand, 0, 100);

  if (self->naive)
    return g_rand_int_range (rand, 1000, NAIVE_QUEUE_MAX_SIZE);

  if (dice < 60)
    return g_rand_int_range (rand, 8, 100);

  if (dice < 80)
    return g_rand_int_range (rand, 100, 4097);

  if (dice < 97)
    return g_rand_int_range (rand, 4097, 40000);

  return g_rand_int_range (rand, 40000, 300000);
}

static void
peer_produce (Peer    *self,
              guint32  life)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed (life);

  atomic_store (&self->log->lives[life].ready, 1);

  for (guint32 number = 0; !atomic_load (&self->log->stop); number++)
    {
      g_autoptr(GBytes) item = queue_log_make_item (life, number, peer_get_size (self, rand));

      if (!peer_put (self, item))
        break;

      atomic_store (&self->log->lives[life].n_put, number + 1);
    }
}

/* How many items a consumer keeps while it gets others. */
#define MAX_KEPT 3

static void
peer_consume (Peer    *self,
              guint32  life)
{
  QueueLog *log = self->log;
  GBytes *kept[MAX_KEPT] = { NULL };
  guint64 records[MAX_KEPT] = { 0 };
  guint32 places[MAX_KEPT] = { 0 };

  atomic_store (&log->lives[life].ready, 1);

  for (guint i = 0; ; i = (i + 1) % MAX_KEPT)
    {
      g_autoptr(GBytes) item = NULL;
      guint64 record = QUEUE_LOG_RECORD;
      guint32 item_life = 0;
      guint32 number = 0;
      guint32 n;

      atomic_store (&log->lives[life].doubt, 1);
      item = peer_get (self);

      if (item == NULL)
        break;

      queue_log_read_item (item, &item_life, &number);
      record |= (guint64) (item_life & 0xfffff) << 32 | number;
      n = atomic_fetch_add (&log->n_records, 1);

      if (n >= QUEUE_LOG_MAX_RECORDS)
        g_error ("The log is full");

      atomic_store (&log->records[n], record);
      atomic_store (&log->lives[life].doubt, 0);

      if (!queue_log_check_item (item))
        atomic_store (&log->records[n], record | QUEUE_LOG_BAD);

      /* Nor does what is kept change meanwhile. */
      if (kept[i] != NULL && !queue_log_check_item (kept[i]))
        atomic_store (&log->records[places[i]], records[i] | QUEUE_LOG_BAD);

      g_clear_pointer (&kept[i], g_bytes_unref);
      kept[i] = g_steal_pointer (&item);
      records[i] = record;
      places[i] = n;
    }

  for (guint i = 0; i < MAX_KEPT; i++)
    g_clear_pointer (&kept[i], g_bytes_unref);

  atomic_store (&log->lives[life].doubt, 0);
}

/* --- Leases --- */

#define MAX_HELD 3

/* What the control takes for a lease: the item, which the queue has forgotten. */
static void
peer_end_naive (Peer    *self,
                GBytes  *item)
{
  QueueLog *log = self->log;
  guint64 record = QUEUE_LOG_RECORD;
  guint32 life = 0;
  guint32 number = 0;

  /* So that it is killed here at times. */
  g_thread_yield ();
  queue_log_read_item (item, &life, &number);
  record |= (guint64) (life & 0xfffff) << 32 | number;
  record |= queue_log_check_item (item) ? 0 : QUEUE_LOG_BAD;
  atomic_store (&log->records[atomic_fetch_add (&log->n_records, 1)], record);
}

/* Most are acknowledged, some are given back. */
static void
peer_end_lease (Peer              *self,
                AioprocQueueLease *lease,
                GRand             *rand)
{
  QueueLog *log = self->log;
  GBytes *item = aioproc_queue_lease_get_bytes (lease);
  guint64 record = QUEUE_LOG_RECORD;
  g_autoptr(GError) error = NULL;
  guint32 dice = g_rand_int_range (rand, 0, 100);
  guint32 item_life = 0;
  guint32 number = 0;
  guint32 n;

  if (dice < 5)
    return;

  if (dice < 15)
    {
      if (!aioproc_queue_lease_nack (lease, &error))
        g_error ("Could not give back: %s", error->message);

      return;
    }

  queue_log_read_item (item, &item_life, &number);
  record |= (guint64) (item_life & 0xfffff) << 32 | number;
  record |= queue_log_check_item (item) ? 0 : QUEUE_LOG_BAD;
  n = atomic_fetch_add (&log->n_records, 1);

  if (n >= QUEUE_LOG_MAX_RECORDS)
    g_error ("The log is full");

  atomic_store (&log->records[n], record | QUEUE_LOG_INTENT);

  if (!aioproc_queue_lease_ack (lease, &error))
    g_error ("Could not acknowledge: %s", error->message);

  atomic_store (&log->records[n], record);
}

static void
peer_consume_leased (Peer    *self,
                     guint32  life)
{
  g_autoptr(GPtrArray) held = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr(GRand) rand = g_rand_new_with_seed (life);

  atomic_store (&self->log->lives[life].ready, 1);

  for (;;)
    {
      AioprocQueueLease *lease;
      g_autoptr(GError) error = NULL;

      /* Who has leased something must not wait for a closed queue to be empty. */
      if (held->len > 0)
        lease = aioproc_queue_try_get_leased (self->queue, &error);
      else
        lease = aioproc_queue_get_leased (self->queue, -1, NULL, &error);

      if (lease != NULL)
        g_ptr_array_add (held, lease);
      else if (held->len == 0 && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
        break;
      else if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        g_error ("Could not lease: %s", error->message);

      if (lease != NULL && held->len < MAX_HELD)
        continue;

      while (held->len > 0)
        {
          guint i = g_rand_int_range (rand, 0, held->len);

          peer_end_lease (self, g_ptr_array_index (held, i), rand);
          g_ptr_array_remove_index_fast (held, i);
        }
    }
}

static void
peer_consume_naive (Peer    *self,
                    guint32  life)
{
  GBytes *item;

  atomic_store (&self->log->lives[life].ready, 1);

  while ((item = peer_get (self)) != NULL)
    {
      peer_end_naive (self, item);
      g_bytes_unref (item);
    }
}

/* --- Memory --- */

static void
peer_init_slots (Peer              *self,
                 AioprocQueueSlots *slots)
{
  g_autoptr(GError) error = NULL;

  *slots = (AioprocQueueSlots) { 0 };

  if (!aioproc_queue_slots_init (slots, queue_test_get_shm (self->queue), FALSE, 0, 0, 0, &error))
    g_error ("Could not look after memory: %s", error->message);
}

static void
peer_trim (Peer    *self,
           guint32  life)
{
  AioprocQueueSlots slots;

  peer_init_slots (self, &slots);
  atomic_store (&self->log->lives[life].ready, 1);

  while (!atomic_load (&self->log->stop))
    {
      queue_test_trim (&slots);

      if (queue_test_count_cold (self->queue) > 0)
        atomic_fetch_add (&self->log->n_trims, 1);
    }

  aioproc_queue_slots_clear (&slots);
}

/* Puts as much as it may, in items of @size, or of all sizes. Nothing is lent for it, which could
 * have more room than is used: the memory is to be that of the items.
 */
static void
peer_fill (Peer    *self,
           guint32  size)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed (size);
  QueueLog *log = self->log;
  guint64 n_bytes = 0;

  for (guint32 number = 0; ; number++)
    {
      g_autoptr(GBytes) item = NULL;
      g_autoptr(GError) error = NULL;
      gsize item_size = size;

      /* As many of each order, so that most of the bytes are in large ones. */
      if (size == 0)
        item_size = g_rand_int_range (rand, 64, 128) << g_rand_int_range (rand, 0, 15);

      item = queue_log_make_item (0, number, item_size);
      n_bytes += item_size;

      while (n_bytes > atomic_load (&log->max_bytes))
        {
          if (atomic_load (&log->stop))
            return;

          g_thread_yield ();
        }

      aioproc_queue_put_bytes (self->queue, item, -1, NULL, &error);
      g_assert_no_error (error);
      atomic_store (&log->n_bytes, n_bytes);
    }
}

/* --- Steps --- */

/* What is done for the first time in a process, types and symbols, is no part of an operation. */
static void
warm_up (GBytes *item)
{
  g_autoptr(AioprocQueue) queue = NULL;
  g_autoptr(GError) error = NULL;

  queue = aioproc_queue_new (0, &error);

  for (guint i = 0; i < 2 && error == NULL; i++)
    {
      g_autoptr(GBytes) got = NULL;

      if (aioproc_queue_put_bytes (queue, item, 0, NULL, &error))
        got = aioproc_queue_get_bytes (queue, 0, NULL, &error);
    }

  for (guint i = 0; i < 3 && error == NULL; i++)
    {
      g_autoptr(AioprocQueueLease) lease = NULL;

      if ((i == 1 || aioproc_queue_put_bytes (queue, item, 0, NULL, &error)) &&
          (lease = aioproc_queue_get_leased (queue, 0, NULL, &error)) != NULL)
        (void) (i == 0 ? aioproc_queue_lease_nack (lease, &error)
                       : aioproc_queue_lease_ack (lease, &error));
    }

  for (guint i = 0; i < 2 && error == NULL; i++)
    {
      Peer peer = { .queue = queue };
      g_autoptr(AioprocQueueLoan) loan = peer_lend (&peer, item, i * 100, 0, &error);
      g_autoptr(GBytes) got = NULL;

      if (loan != NULL && aioproc_queue_loan_commit (loan, g_bytes_get_size (item), &error))
        got = aioproc_queue_get_bytes (queue, 0, NULL, &error);

      g_clear_object (&loan);

      if (error == NULL && (loan = peer_lend (&peer, item, 0, 0, &error)) != NULL)
        aioproc_queue_loan_abort (loan, &error);
    }

  if (error != NULL)
    g_error ("Could not warm up: %s", error->message);

  aioproc_queue_close (queue, FALSE, NULL);
}

/* What begins once there is a loan, and whether it has more room than the item. */
static AioprocQueueLoan *
peer_step_lend (Peer       *self,
                const char *what,
                GBytes     *item)
{
  if (g_str_equal (what, "step-commit-part"))
    return peer_lend (self, item, 1000, 0, NULL);

  if (g_str_equal (what, "step-commit") || g_str_equal (what, "step-abort") ||
      g_str_equal (what, "step-write"))
    return peer_lend (self, item, 0, 0, NULL);

  return NULL;
}

/* Once, between two signals by which a tracer knows where it begins and ends. */
static void
peer_step (Peer       *self,
           const char *what,
           guint32     size)
{
  g_autoptr(GBytes) item = queue_log_make_item (1, 0, size);
  g_autoptr(GBytes) got = NULL;
  g_autoptr(AioprocQueueLease) lease = NULL;
  AioprocQueueSlots slots;
  g_autoptr(AioprocQueueLoan) loan = NULL;
  gboolean success;

  peer_init_slots (self, &slots);

  if (!self->naive)
    warm_up (item);

  loan = peer_step_lend (self, what, item);

  if (g_str_equal (what, "step-ack") || g_str_equal (what, "step-nack"))
    lease = aioproc_queue_get_leased (self->queue, 0, NULL, NULL);
  else if (g_str_equal (what, "step-release"))
    got = aioproc_queue_get_bytes (self->queue, 0, NULL, NULL);

  atomic_store (&self->log->owner, aioproc_family_get_owner (self->family));
  raise (SIGUSR1);

  if (g_str_equal (what, "step-put"))
    {
      success = self->naive ? peer_put (self, item)
                            : aioproc_queue_put_bytes (self->queue, item, 0, NULL, NULL);
    }
  else if (g_str_equal (what, "step-get"))
    {
      got = self->naive ? peer_get (self)
                        : aioproc_queue_get_bytes (self->queue, 0, NULL, NULL);
      success = got != NULL;
    }
  else if (g_str_equal (what, "step-await"))
    {
      got = aioproc_queue_get_bytes (self->queue, -1, NULL, NULL);
      success = got != NULL;
    }
  else if (g_str_equal (what, "step-watch"))
    {
      AioprocQueueSleep sleep = { 0 };

      success = aioproc_queue_slots_watch (&slots, &sleep, NULL) == AIOPROC_QUEUE_DONE;
    }
  else if (g_str_equal (what, "step-release"))
    {
      success = got != NULL;
      g_clear_pointer (&got, g_bytes_unref);
    }
  else if (g_str_equal (what, "step-lease"))
    {
      lease = aioproc_queue_get_leased (self->queue, 0, NULL, NULL);
      success = lease != NULL;
    }
  else if (g_str_equal (what, "step-ack"))
    {
      success = aioproc_queue_lease_ack (lease, NULL);
    }
  else if (g_str_equal (what, "step-nack"))
    {
      success = aioproc_queue_lease_nack (lease, NULL);
    }
  else if (g_str_equal (what, "step-trim"))
    {
      queue_test_trim (&slots);
      success = queue_test_count_cold (self->queue) > 0;
    }
  else if (g_str_equal (what, "step-loan"))
    {
      loan = aioproc_queue_loan (self->queue, size, 0, NULL, NULL);
      success = loan != NULL;
    }
  else if (g_str_equal (what, "step-write"))
    {
      success = aioproc_queue_loan_write_bytes (loan, 0, item, NULL);
    }
  else if (g_str_has_prefix (what, "step-commit"))
    {
      success = aioproc_queue_loan_commit (loan, size, NULL);
    }
  else if (g_str_equal (what, "step-abort"))
    {
      success = aioproc_queue_loan_abort (loan, NULL);
    }
  else
    {
      success = aioproc_queue_close (self->queue, g_str_equal (what, "step-close-now"), NULL);
    }

  raise (success ? SIGUSR2 : SIGQUIT);
  aioproc_queue_slots_clear (&slots);
}

int
main (int   argc,
      char *argv[])
{
  Peer self = { 0 };
  const char *what = argv[1];
  guint32 argument;

  if (argc != 3)
    return EXIT_FAILURE;

  /* A test that fails leaves nobody behind. */
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  self.queue = receive_queue ();
  self.family = aioproc_shm_get_family (queue_test_get_shm (self.queue));
  self.log = queue_log_map (QUEUE_PEER_LOG);
  self.naive = g_str_has_prefix (what, "naive-");
  what += self.naive ? strlen ("naive-") : 0;
  argument = strtoul (argv[2], NULL, 10);

  if (g_str_equal (what, "produce"))
    peer_produce (&self, argument);
  else if (g_str_equal (what, "consume"))
    peer_consume (&self, argument);
  else if (g_str_equal (what, "fill"))
    peer_fill (&self, argument);
  else if (g_str_equal (what, "trim"))
    peer_trim (&self, argument);
  else if (g_str_equal (what, "consume-leased") && self.naive)
    peer_consume_naive (&self, argument);
  else if (g_str_equal (what, "consume-leased"))
    peer_consume_leased (&self, argument);
  else
    peer_step (&self, what, argument);

  g_object_unref (self.queue);

  return EXIT_SUCCESS;
}
