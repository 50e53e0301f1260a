/* test-conformance-joinable-queue.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-test.h"
#include "core/core-test.h"
#include "queue-cases.h"

/* What a joinable queue has beside what a queue has. */

#define MSEC G_TIME_SPAN_MILLISECOND

static void
task_done (Party *party)
{
  g_assert_cmpint (party_do (party, OPERATION_TASK_DONE, 0), ==, OUTCOME_TRUE);
}

static void
assert_joined (Cast    *cast,
               Outcome  expected)
{
  g_assert_cmpint (party_do (cast->a, OPERATION_TRY_JOIN, 0), ==, expected);
  g_assert_cmpint (party_do (cast->b, OPERATION_TRY_JOIN, 0), ==, expected);
  g_assert_cmpint (party_do (cast->c, OPERATION_TRY_JOIN, 0), ==, expected);
}

static void
case_unused (Cast *cast)
{
  assert_joined (cast, OUTCOME_TRUE);
  g_assert_cmpint (party_do (cast->a, OPERATION_JOIN, -1), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_do (cast->b, OPERATION_JOIN, 0), ==, OUTCOME_TRUE);
}

static void
case_done (Cast *cast)
{
  for (guint i = 0; i < 3; i++)
    queue_case_put (cast->a, i);

  assert_joined (cast, OUTCOME_WOULD_BLOCK);
  party_begin (cast->c, OPERATION_JOIN, -1);

  for (guint i = 0; i < 3; i++)
    {
      queue_case_assert_get (cast->b, i);
      g_assert_true (party_is_pending (cast->c));
      task_done (cast->b);
    }

  g_assert_cmpint (party_end (cast->c), ==, OUTCOME_TRUE);
  assert_joined (cast, OUTCOME_TRUE);

  /* And again. */
  queue_case_put (cast->b, 5);
  assert_joined (cast, OUTCOME_WOULD_BLOCK);
  queue_case_assert_get (cast->a, 5);
  queue_case_assert_size (cast, 0);
  assert_joined (cast, OUTCOME_WOULD_BLOCK);
  task_done (cast->a);
  assert_joined (cast, OUTCOME_TRUE);
}

static void
case_all_join (Cast *cast)
{
  queue_case_put (cast->a, 1);
  queue_case_assert_get (cast->c, 1);
  party_begin (cast->a, OPERATION_JOIN, -1);
  party_begin (cast->b, OPERATION_JOIN, -1);
  g_assert_true (party_is_pending (cast->a));
  g_assert_true (party_is_pending (cast->b));
  task_done (cast->c);
  g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
}

static void
case_too_many (Cast *cast)
{
  g_assert_cmpint (party_do (cast->b, OPERATION_TASK_DONE, 0), ==, OUTCOME_INVALID_STATE);
  queue_case_put (cast->a, 1);
  g_assert_cmpint (party_do (cast->a, OPERATION_TASK_DONE, 0), ==, OUTCOME_INVALID_STATE);
  queue_case_assert_get (cast->b, 1);

  /* What one process has got another cannot have done. */
  if (!party_is_here (cast->b))
    g_assert_cmpint (party_do (cast->c, OPERATION_TASK_DONE, 0), ==, OUTCOME_INVALID_STATE);

  task_done (cast->b);
  g_assert_cmpint (party_do (cast->b, OPERATION_TASK_DONE, 0), ==, OUTCOME_INVALID_STATE);
}

static void
case_timeout (Cast *cast)
{
  gint64 before_usec = g_get_monotonic_time ();

  queue_case_put (cast->a, 1);
  g_assert_cmpint (party_do (cast->b, OPERATION_JOIN, 0), ==, OUTCOME_TIMED_OUT);
  g_assert_cmpint (party_do (cast->b, OPERATION_JOIN, 20 * MSEC), ==, OUTCOME_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - before_usec, >=, 20 * MSEC);
  queue_case_assert_get (cast->a, 1);
  g_assert_cmpint (party_do (cast->b, OPERATION_JOIN, 2 * MSEC), ==, OUTCOME_TIMED_OUT);
  task_done (cast->a);
  g_assert_cmpint (party_do (cast->b, OPERATION_JOIN, 0), ==, OUTCOME_TRUE);
}

static void
case_cancelled (Cast *cast)
{
  queue_case_put (cast->a, 1);
  party_begin (cast->b, OPERATION_JOIN, -1);
  g_assert_true (party_is_pending (cast->b));
  party_cancel (cast->b);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_CANCELLED);
}

static void
case_bytes (Cast *cast)
{
  const guint64 lengths[] = { 0, 80, 4096, 4097, 100000 };

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_assert_cmpint (party_do_with (cast->a, OPERATION_PUT_BYTES, lengths[i], -1), ==,
                       OUTCOME_TRUE);
      g_assert_cmpint (party_do (cast->b, OPERATION_GET_BYTES, -1), ==, OUTCOME_TRUE);
      g_assert_cmpuint (party_get_value (cast->b), ==, lengths[i]);
      assert_joined (cast, OUTCOME_WOULD_BLOCK);
      task_done (cast->b);
      assert_joined (cast, OUTCOME_TRUE);
    }
}

static void
case_lease (Cast *cast)
{
  queue_case_put (cast->a, 1);
  g_assert_cmpint (party_do (cast->b, OPERATION_LEASE, -1), ==, OUTCOME_TRUE);
  assert_joined (cast, OUTCOME_WOULD_BLOCK);

  /* Who has leased acknowledges. */
  g_assert_cmpint (party_do (cast->b, OPERATION_TASK_DONE, 0), ==, OUTCOME_INVALID_STATE);
  party_begin (cast->c, OPERATION_JOIN, -1);
  g_assert_true (party_is_pending (cast->c));
  g_assert_cmpint (party_do_with (cast->b, OPERATION_ACK, 1, 0), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_end (cast->c), ==, OUTCOME_TRUE);
}

static void
case_consumer_dies (Cast *cast)
{
  Party *victim = party_is_here (cast->b) ? cast->a : cast->b;
  Party *other = victim == cast->a ? cast->b : cast->a;

  for (guint i = 1; i <= 3; i++)
    queue_case_put (victim, i);

  queue_case_assert_get (victim, 1);
  queue_case_assert_get (victim, 2);
  task_done (victim);
  queue_case_assert_get (other, 3);
  party_begin (cast->c, OPERATION_JOIN, -1);
  party_kill (victim);

  /* What was not done is there again; what was is not. */
  queue_case_assert_get (other, 2);
  g_assert_true (party_is_pending (cast->c));
  task_done (other);
  g_assert_true (party_is_pending (cast->c));
  task_done (other);
  g_assert_cmpint (party_end (cast->c), ==, OUTCOME_TRUE);
}

static void
case_close (Cast *cast)
{
  queue_case_put (cast->a, 1);
  queue_case_close (cast->a);
  party_begin (cast->c, OPERATION_JOIN, -1);
  g_assert_true (party_is_pending (cast->c));
  queue_case_assert_get (cast->b, 1);
  g_assert_true (party_is_pending (cast->c));
  task_done (cast->b);
  g_assert_cmpint (party_end (cast->c), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_do (cast->a, OPERATION_GET, -1), ==, OUTCOME_CLOSED);
  assert_joined (cast, OUTCOME_TRUE);
}

static void
case_loan (Cast *cast)
{
  g_assert_cmpint (party_do_with (cast->a, OPERATION_LOAN, 5000, -1), ==, OUTCOME_TRUE);
  assert_joined (cast, OUTCOME_WOULD_BLOCK);
  g_assert_cmpint (party_do_with (cast->a, OPERATION_COMMIT, 5000, 0), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_do (cast->b, OPERATION_GET_BYTES, -1), ==, OUTCOME_TRUE);
  assert_joined (cast, OUTCOME_WOULD_BLOCK);
  task_done (cast->b);
  assert_joined (cast, OUTCOME_TRUE);

  /* One that comes to nothing is waited for, too. */
  g_assert_cmpint (party_do_with (cast->a, OPERATION_LOAN, 60, -1), ==, OUTCOME_TRUE);
  party_begin (cast->b, OPERATION_JOIN, -1);
  g_assert_true (party_is_pending (cast->b));
  g_assert_cmpint (party_do_with (cast->a, OPERATION_DROP_LOAN, 60, 0), ==, OUTCOME_TRUE);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
}

static const ConformanceCase cases[] = {
  { "unused", "A queue that nobody has used is joined at once", case_unused },
  { "done", "Who joins waits until all that was put is done", case_done },
  { "all-join", "All who join go on when all is done", case_all_join },
  { "too-many", "More cannot be done than the process has got", case_too_many },
  { "timeout", "It is waited for as long as asked, no less", case_timeout },
  { "cancelled", "Who is cancelled waits no more", case_cancelled, NEEDS_CANCEL },
  { "bytes", "Bytes of any size are tasks", case_bytes },
  { "lease", "What is leased is a task until it is acknowledged", case_lease },
  { "loan", "What is built in a loan is a task until it is done", case_loan },
  { "consumer-dies", "What a process had not done when it was killed others do",
    case_consumer_dies, NEEDS_PROCESS },
  { "close", "A queue that was closed is joined when the rest is done", case_close },
};

static gpointer
create (const Backend *backend)
{
  return backend->create (AIOPROC_TYPE_JOINABLE_QUEUE, NULL);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);
  conformance_add ("joinable-queue", create, cases, G_N_ELEMENTS (cases));

  return g_test_run ();
}
