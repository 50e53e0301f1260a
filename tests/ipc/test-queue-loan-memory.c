/* test-queue-loan-memory.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* The memory that a loan gives away: where there is none, and where a peer writes to it. */

#include <string.h>
#include <sys/resource.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "ipc/aioproc-queue-memory-private.h"
#include "loan-test.h"
#include "queue-test.h"

static void
test_queue_loan_memory_allocated (void)
{
  static const gsize sizes[] = { 1000, 100000, 3000000, 20000000 };

  g_test_summary ("All memory of a loan is there before it is written to, and used again");

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr(AioprocQueue) queue = queue_test_new (0);
      g_autoptr(GError) error = NULL;
      guint64 before = queue_test_get_n_allocated (queue);
      AioprocQueueLoan *loan = aioproc_queue_try_loan (queue, sizes[i], &error);
      guint64 after = queue_test_get_n_allocated (queue);

      g_assert_no_error (error);
      g_assert_cmpuint (after - before, >=, sizes[i]);
      memset (aioproc_queue_loan_get_data (loan, NULL), 1, sizes[i]);
      g_assert_cmpuint (queue_test_get_n_allocated (queue), ==, after);
      loan_test_commit (loan, sizes[i]);
      g_assert_cmpuint (queue_test_get_n_allocated (queue), ==, after);

      {
        g_autoptr(GBytes) item = aioproc_queue_try_get_bytes (queue, &error);

        g_assert_cmpuint (g_bytes_get_size (item), ==, sizes[i]);
      }

      loan_test_abort (loan_test_lend (queue, sizes[i], 2));
      g_assert_cmpuint (queue_test_get_n_allocated (queue), ==, after);
    }
}

/* --- Limits of the process --- */

static void
test_queue_loan_memory_address_space (void)
{
  struct rlimit limit;

#ifdef HAVE_SANITIZER
  g_test_skip ("A sanitizer needs all of the address space");
  return;
#endif

  if (!g_test_subprocess ())
    {
      g_test_summary ("Where a queue is mapped in pieces, what has several is mapped once more");
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }

  getrlimit (RLIMIT_AS, &limit);
  limit.rlim_cur = (rlim_t) 1 << 30;
  g_assert_cmpint (setrlimit (RLIMIT_AS, &limit), ==, 0);

  {
    static const gsize sizes[] = { 64, 1000, 5000, 1000000, 16777216, 16777217, 40000000 };
    g_autoptr(AioprocQueue) queue = queue_test_new (0);
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_cmpuint (aioproc_shm_get_mapped_size (queue_test_get_shm (queue)), <,
                      AIOPROC_QUEUE_FILE_SIZE);

    /* Again and again, which leaves no mapping behind. */
    for (guint round = 0; round < 30; round++)
      {
        for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
          {
            if (round % 10 == 0)
              {
                loan_test_commit (loan_test_lend (queue, sizes[i], i), sizes[i]);
                loan_test_expect (queue, sizes[i], sizes[i], i);
              }
            else
              {
                loan_test_abort (aioproc_queue_try_loan (queue, sizes[i], &error));
              }
          }
      }

    /* There is no room for so much in this process. Nothing was allocated for it. */
    for (guint i = 0; i < 2; i++)
      {
        const gsize size = (gsize) 2 << 30;
        guint64 before = queue_test_get_n_allocated (queue);

        g_assert_null (aioproc_queue_loan (queue, size, -1, NULL, &error));
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
        g_clear_error (&error);
        aioproc_queue_loan_async (queue, size, -1, NULL, aioproc_test_store_result, &result);
        aioproc_test_wait (&result);
        g_assert_null (aioproc_queue_loan_finish (queue, result, &error));
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
        g_clear_error (&error);
        g_clear_object (&result);
        g_assert_cmpuint (queue_test_get_n_allocated (queue), <=, before + 1024 * 1024);
        loan_test_assert_empty (queue);
      }

    g_assert_finalize_object (g_steal_pointer (&queue));
  }
}

static void
test_queue_loan_memory_no_space (void)
{
  static const gsize sizes[] = { 1000, 5000, 200000, 5000000 };
  g_autoptr(AioprocQueue) queue = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  if (!g_test_subprocess ())
    {
      g_test_summary ("Without memory nothing is lent, and no room is lost");
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }

  queue = queue_test_new (1);
  loan_test_abort (loan_test_lend (queue, 300000, 0));
  queue_test_forbid_growth ();

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      /* That much is there. */
      if (sizes[i] == 200000)
        continue;

      g_assert_null (aioproc_queue_try_loan (queue, sizes[i], &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
      g_assert_nonnull (strstr (error->message, "queue “test”"));
      g_clear_error (&error);

      aioproc_queue_loan_async (queue, sizes[i], -1, NULL, aioproc_test_store_result, &result);
      aioproc_test_wait (&result);
      g_assert_null (aioproc_queue_loan_finish (queue, result, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
      g_clear_error (&error);
      g_clear_object (&result);
      loan_test_assert_empty (queue);
    }

  loan_test_commit (loan_test_lend (queue, 300000, 3), 300000);
  loan_test_expect (queue, 300000, 300000, 3);
  loan_test_commit (loan_test_lend (queue, 80, 4), 80);
  loan_test_expect (queue, 80, 80, 4);
  loan_test_assert_empty (queue);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

/* --- Damage --- */

static const gsize damaged_sizes[] = { 60, 1000, 5000, 70000 };

/* Whatever is in the memory, every function returns, with a result or an error. */
static void
use_damaged (AioprocQueue *queue)
{
  for (guint i = 0; i < G_N_ELEMENTS (damaged_sizes); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(AioprocQueueLoan) loan = aioproc_queue_try_loan (queue, damaged_sizes[i], &error);

      g_assert_true ((loan == NULL) == (error != NULL));

      if (loan != NULL)
        memset (aioproc_queue_loan_get_data (loan, NULL), 1, damaged_sizes[i]);

      if (loan != NULL && i % 2 == 0)
        g_assert_true (aioproc_queue_loan_commit (loan, damaged_sizes[i] / 2, &error) ==
                       (error == NULL));
    }

  for (guint i = 0; i < 10; i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(GBytes) bytes = aioproc_queue_try_get_bytes (queue, &error);

      g_assert_true ((bytes == NULL) == (error != NULL));
    }
}

/* Loans are held while one word of the queue changes, and then end in all ways. */
static void
damage (gboolean header,
        guint    slot,
        gsize    offset,
        guint32  value)
{
  g_autoptr(AioprocQueue) queue = queue_test_new (0);
  AioprocQueueLoan *loans[2 * G_N_ELEMENTS (damaged_sizes)];
  guint8 *base;

  for (guint i = 0; i < G_N_ELEMENTS (loans); i++)
    loans[i] = loan_test_lend (queue, damaged_sizes[i / 2], i);

  base = header ? (guint8 *) queue_test_get_header (queue)
                : (guint8 *) queue_test_get_slot (queue, slot);
  memcpy (base + offset, &value, sizeof (value));

  for (guint i = 0; i < G_N_ELEMENTS (loans); i++)
    {
      g_autoptr(GError) error = NULL;
      gsize size = damaged_sizes[i / 2];
      gboolean done = TRUE;

      /* What was lent is there, whatever a peer says. */
      memset (aioproc_queue_loan_get_data (loans[i], NULL), 7, size);

      if (i % 4 == 0)
        done = aioproc_queue_loan_commit (loans[i], size, &error);
      else if (i % 4 == 1)
        done = aioproc_queue_loan_commit (loans[i], size / 2, &error);
      else if (i % 4 == 2)
        done = aioproc_queue_loan_abort (loans[i], &error);

      g_assert_true (done == (error == NULL));

      /* Only where it is said of the slot itself that it is another's, or the queue is closed. */
      if (!done && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
        g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);

      g_assert_finalize_object (loans[i]);
    }

  use_damaged (queue);
  g_assert_cmpuint (queue_test_get_n_allocated (queue), <, 64 * 1024 * 1024);
  g_assert_finalize_object (g_steal_pointer (&queue));
}

/* A sanitizer makes it long. */
#ifdef HAVE_SANITIZER
# define VALUE_STEP 5
#else
# define VALUE_STEP 1
#endif

static const guint32 values[] = {
  0, 1, 2, 5, 81, 96, 97, 1000, 0x10, 0x2f30, 0xff00, 0x3fffffff, 0x40000000, 0x7fffffff,
  0x80000000, 0x80000001, 0xc0000001, 0xffffffff, AIOPROC_QUEUE_MAX_SLOTS + 1,
};

static void
test_queue_loan_memory_damaged_header (void)
{
  g_test_summary ("No word of the header can make a process that has loans crash or hang");

  /* The lock comes first: a process that lives can hold it for as long as it likes. */
  for (gsize offset = 4; offset < sizeof (AioprocQueueHeader); offset += 4)
    {
      for (guint i = offset / 4 % VALUE_STEP; i < G_N_ELEMENTS (values); i += VALUE_STEP)
        damage (TRUE, 0, offset, values[i]);
    }
}

static void
test_queue_loan_memory_damaged_slots (void)
{
  g_test_summary ("No word of a slot can make a process that has lent it crash or hang");

  for (guint slot = 0; slot < 24; slot++)
    {
      for (gsize offset = 0; offset < G_STRUCT_OFFSET (AioprocQueueSlot, payload); offset += 4)
        {
          for (guint i = offset / 4 % VALUE_STEP; i < G_N_ELEMENTS (values); i += VALUE_STEP)
            damage (FALSE, slot, offset, values[i]);
        }
    }
}

/* The first slot is free, or another's; its loan ends in one of the ways. */
static void
test_queue_loan_memory_lost (void)
{
  static const guint32 states[] = {
    AIOPROC_QUEUE_FREE, AIOPROC_QUEUE_READY, AIOPROC_QUEUE_FILLING, AIOPROC_QUEUE_FILLING | 77,
  };

  g_test_summary ("A loan ends nothing that another process has made its own");

  for (guint i = 0; i < 2 * G_N_ELEMENTS (states); i++)
    {
      g_autoptr(AioprocQueue) queue = queue_test_new (0);
      g_autoptr(AioprocQueueLoan) loan = loan_test_lend (queue, 60, 1);
      g_autoptr(GError) error = NULL;
      guint32 state = states[i / 2];

      g_assert_cmpuint (atomic_load (&queue_test_get_slot (queue, 0)->state) &
                        AIOPROC_QUEUE_STATE_MASK, ==, AIOPROC_QUEUE_FILLING);
      atomic_store (&queue_test_get_slot (queue, 0)->state, state);

      if (i % 2 == 0)
        g_assert_false (aioproc_queue_loan_commit (loan, 60, &error));
      else
        g_assert_false (aioproc_queue_loan_abort (loan, &error));

      g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);
      g_assert_false (aioproc_queue_loan_is_open (loan));
      g_assert_cmpuint (atomic_load (&queue_test_get_slot (queue, 0)->state), ==, state);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_setenv ("AIOPROC_DISABLE_BACKSTOP", "1", TRUE);
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/queue/loan-memory/allocated", test_queue_loan_memory_allocated);
  aioproc_test_add_func ("/aioproc/queue/loan-memory/address-space",
                         test_queue_loan_memory_address_space);
  aioproc_test_add_func ("/aioproc/queue/loan-memory/no-space", test_queue_loan_memory_no_space);
  aioproc_test_add_func ("/aioproc/queue/loan-memory/damaged-header",
                         test_queue_loan_memory_damaged_header);
  aioproc_test_add_func ("/aioproc/queue/loan-memory/damaged-slots",
                         test_queue_loan_memory_damaged_slots);
  aioproc_test_add_func ("/aioproc/queue/loan-memory/lost", test_queue_loan_memory_lost);

  return g_test_run ();
}
