/* queue-lease-cases.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "queue-cases.h"

/* An item that is leased is neither there nor gone. */

#define MSEC G_TIME_SPAN_MILLISECOND

/* The next item is @value, which has failed so often. */
static void
assert_lease (Party   *party,
              guint64  value,
              guint    n_failures)
{
  g_assert_cmpint (party_do (party, OPERATION_LEASE, -1), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (party), ==, value);
  g_assert_cmpint (party_do_with (party, OPERATION_GET_N_FAILURES, value, 0), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (party), ==, n_failures);
}

static void
end (Party     *party,
     Operation  how,
     guint64    value)
{
  g_assert_cmpint (party_do_with (party, how, value, 0), ==, OUTCOME_TRUE);
}

static void
case_lease_ack (Cast *cast)
{
  for (guint i = 0; i < 10; i++)
    {
      queue_case_put (cast->a, i);
      assert_lease (cast->b, i, 0);
      queue_case_assert_size (cast, 0);
      g_assert_cmpint (party_do (cast->a, OPERATION_TRY_LEASE, 0), ==, OUTCOME_WOULD_BLOCK);
      g_assert_cmpint (party_do (cast->a, OPERATION_TRY_GET, 0), ==, OUTCOME_WOULD_BLOCK);
      end (cast->b, OPERATION_ACK, i);
      queue_case_assert_size (cast, 0);
      g_assert_cmpint (party_do (cast->a, OPERATION_TRY_GET, 0), ==, OUTCOME_WOULD_BLOCK);
    }
}

static void
case_lease_nack (Cast *cast)
{
  queue_case_put (cast->a, 1);
  queue_case_put (cast->a, 2);

  for (guint i = 0; i < 5; i++)
    {
      Party *party = i % 2 == 0 ? cast->b : cast->a;

      assert_lease (party, 1, i);
      queue_case_assert_size (cast, 1);
      end (party, OPERATION_NACK, 1);
      queue_case_assert_size (cast, 2);
    }

  queue_case_assert_get (cast->c, 1);
  assert_lease (cast->a, 2, 0);
  end (cast->a, OPERATION_ACK, 2);
}

static void
case_lease_order (Cast *cast)
{
  for (guint i = 1; i <= 4; i++)
    queue_case_put (cast->a, i);

  assert_lease (cast->b, 1, 0);
  assert_lease (cast->a, 2, 0);
  queue_case_assert_get (cast->b, 3);
  end (cast->a, OPERATION_NACK, 2);
  end (cast->b, OPERATION_NACK, 1);
  queue_case_assert_get (cast->a, 1);
  queue_case_assert_get (cast->b, 2);
  queue_case_assert_get (cast->a, 4);
}

static void
case_lease_dropped (Cast *cast)
{
  queue_case_put (cast->a, 1);
  assert_lease (cast->b, 1, 0);
  end (cast->b, OPERATION_DROP, 1);
  assert_lease (cast->a, 1, 0);
  end (cast->a, OPERATION_NACK, 1);
  assert_lease (cast->b, 1, 1);
  end (cast->b, OPERATION_ACK, 1);
}

static void
case_lease_twice (Cast *cast)
{
  queue_case_put (cast->a, 1);
  queue_case_put (cast->a, 2);
  assert_lease (cast->b, 1, 0);
  end (cast->b, OPERATION_ACK, 1);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_ACK, 1, 0), ==, OUTCOME_INVALID_STATE);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_NACK, 1, 0), ==, OUTCOME_INVALID_STATE);
  assert_lease (cast->b, 2, 0);
  end (cast->b, OPERATION_NACK, 2);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_NACK, 2, 0), ==, OUTCOME_INVALID_STATE);
  g_assert_cmpint (party_do_with (cast->b, OPERATION_ACK, 2, 0), ==, OUTCOME_INVALID_STATE);
  queue_case_assert_size (cast, 1);
}

static void
case_lease_waits (Cast *cast)
{
  gint64 before_usec = g_get_monotonic_time ();

  g_assert_cmpint (party_do (cast->b, OPERATION_LEASE, 20 * MSEC), ==, OUTCOME_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - before_usec, >=, 20 * MSEC);

  for (guint i = 0; i < 20; i++)
    {
      party_begin (cast->b, OPERATION_LEASE, -1);
      g_assert_true (party_is_pending (cast->b));
      queue_case_put (cast->a, i);
      g_assert_cmpint (party_end (cast->b), ==, OUTCOME_TRUE);
      g_assert_cmpuint (party_get_value (cast->b), ==, i);

      /* Now a waits, for what b gives back. */
      party_begin (cast->a, OPERATION_LEASE, -1);
      g_assert_true (party_is_pending (cast->a));
      end (cast->b, OPERATION_NACK, i);
      g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
      g_assert_cmpuint (party_get_value (cast->a), ==, i);
      end (cast->a, OPERATION_ACK, i);
    }
}

static void
case_lease_cancelled (Cast *cast)
{
  party_begin (cast->b, OPERATION_LEASE, -1);
  g_assert_true (party_is_pending (cast->b));
  party_cancel (cast->b);
  g_assert_cmpint (party_end (cast->b), ==, OUTCOME_CANCELLED);
  queue_case_put (cast->a, 1);

  /* Also where an item is there. */
  g_assert_cmpint (party_do (cast->b, OPERATION_LEASE, -1), ==, OUTCOME_CANCELLED);
  assert_lease (cast->a, 1, 0);
  end (cast->a, OPERATION_ACK, 1);
}

static void
case_lease_bytes (Cast *cast)
{
  const guint64 lengths[] = { 0, 1, 80, 81, 4096, 4097, 100000 };

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_assert_cmpint (party_do_with (cast->a, OPERATION_PUT_BYTES, lengths[i], -1), ==,
                       OUTCOME_TRUE);
      assert_lease (cast->b, lengths[i], 0);
      end (cast->b, OPERATION_NACK, lengths[i]);
      assert_lease (cast->b, lengths[i], 1);
      end (cast->b, OPERATION_ACK, lengths[i]);
    }

  queue_case_assert_size (cast, 0);
}

static Party *
get_victim (Cast *cast)
{
  return party_is_here (cast->b) ? cast->a : cast->b;
}

static void
case_lease_holder_dies (Cast *cast)
{
  Party *victim = get_victim (cast);

  for (guint i = 1; i <= 3; i++)
    queue_case_put (victim, i);

  assert_lease (victim, 1, 0);
  assert_lease (victim, 2, 0);
  end (victim, OPERATION_ACK, 2);
  queue_case_assert_get (cast->c, 3);

  /* One waits for what the dead one leaves. */
  party_begin (cast->c, OPERATION_LEASE, -1);
  g_assert_true (party_is_pending (cast->c));
  party_kill (victim);
  g_assert_cmpint (party_end (cast->c), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (cast->c), ==, 1);
  g_assert_cmpint (party_do_with (cast->c, OPERATION_GET_N_FAILURES, 1, 0), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (cast->c), ==, 1);
  end (cast->c, OPERATION_ACK, 1);
  g_assert_cmpint (party_do (cast->c, OPERATION_TRY_GET, 0), ==, OUTCOME_WOULD_BLOCK);
}

static void
case_lease_close (Cast *cast)
{
  queue_case_put (cast->a, 1);
  queue_case_put (cast->a, 2);
  assert_lease (cast->b, 1, 0);
  assert_lease (cast->b, 2, 0);
  queue_case_close (cast->a);
  party_begin (cast->a, OPERATION_GET, -1);
  g_assert_true (party_is_pending (cast->a));
  end (cast->b, OPERATION_NACK, 1);
  g_assert_cmpint (party_end (cast->a), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (cast->a), ==, 1);

  party_begin (cast->a, OPERATION_LEASE, -1);
  g_assert_true (party_is_pending (cast->a));
  end (cast->b, OPERATION_ACK, 2);
  g_assert_cmpint (party_end (cast->a), ==, OUTCOME_CLOSED);
  g_assert_cmpint (party_do (cast->b, OPERATION_LEASE, -1), ==, OUTCOME_CLOSED);
}

const ConformanceCase queue_lease_cases[] = {
  { "ack", "What one has leased nobody else gets, and it is gone when it is acknowledged",
    case_lease_ack },
  { "nack", "What is given back is there for all, at its place, and has failed once more",
    case_lease_nack },
  { "order", "Items that are leased and given back by several keep their order",
    case_lease_order },
  { "dropped", "What is given back by the end of a lease has not failed", case_lease_dropped },
  { "twice", "A lease ends once", case_lease_twice },
  { "waits", "Who waits leases what another puts, or gives back", case_lease_waits },
  { "cancelled", "Who is cancelled leases nothing", case_lease_cancelled, NEEDS_CANCEL },
  { "bytes", "Bytes of any size are leased, again and again", case_lease_bytes },
  { "holder-dies", "What a process has leased comes back when it is killed",
    case_lease_holder_dies, NEEDS_PROCESS },
  { "close", "A closed queue has an end when the last lease has", case_lease_close },
};

const guint n_queue_lease_cases = G_N_ELEMENTS (queue_lease_cases);

/* --- Too many failures --- */

static void
assert_failed (Cast  *cast,
               guint  expected)
{
  Party *parties[] = { cast->a, cast->b, cast->c };

  for (guint i = 0; i < G_N_ELEMENTS (parties); i++)
    {
      g_assert_cmpint (party_do (parties[i], OPERATION_GET_N_FAILED, 0), ==, OUTCOME_TRUE);
      g_assert_cmpuint (party_get_value (parties[i]), ==, expected);
    }
}

static void
get_failed (Party   *party,
            guint64  value,
            guint    n_failures)
{
  g_assert_cmpint (party_do (party, OPERATION_TRY_GET_FAILED, 0), ==, OUTCOME_TRUE);
  g_assert_cmpuint (party_get_value (party), ==, value + 1000 * n_failures);
}

static void
case_failed_nack (Cast *cast)
{
  for (guint i = 1; i <= 3; i++)
    queue_case_put (cast->a, i);

  assert_failed (cast, 0);
  g_assert_cmpint (party_do (cast->a, OPERATION_TRY_GET_FAILED, 0), ==, OUTCOME_WOULD_BLOCK);
  assert_lease (cast->b, 1, 0);
  end (cast->b, OPERATION_NACK, 1);
  assert_failed (cast, 0);
  assert_lease (cast->a, 1, 1);
  assert_lease (cast->b, 2, 0);
  end (cast->a, OPERATION_NACK, 1);

  /* It is not got any more. */
  assert_failed (cast, 1);
  queue_case_assert_size (cast, 1);
  end (cast->b, OPERATION_NACK, 2);
  assert_lease (cast->a, 2, 1);
  end (cast->a, OPERATION_NACK, 2);
  assert_failed (cast, 2);
  queue_case_assert_get (cast->c, 3);
  queue_case_assert_size (cast, 0);
  g_assert_cmpint (party_do (cast->b, OPERATION_TRY_GET, 0), ==, OUTCOME_WOULD_BLOCK);

  get_failed (cast->b, 1, 2);
  assert_failed (cast, 1);
  get_failed (cast->a, 2, 2);
  assert_failed (cast, 0);
  g_assert_cmpint (party_do (cast->b, OPERATION_TRY_GET_FAILED, 0), ==, OUTCOME_WOULD_BLOCK);
}

static void
case_failed_dropped (Cast *cast)
{
  queue_case_put (cast->a, 1);

  /* Which is no failure. */
  for (guint i = 0; i < 5; i++)
    {
      assert_lease (cast->b, 1, 0);
      end (cast->b, OPERATION_DROP, 1);
    }

  assert_failed (cast, 0);
  queue_case_assert_get (cast->a, 1);
}

static void
case_failed_holder_dies (Cast *cast)
{
  Party *victim = get_victim (cast);

  queue_case_put (victim, 1);
  assert_lease (victim, 1, 0);
  end (victim, OPERATION_NACK, 1);
  assert_lease (victim, 1, 1);
  queue_case_close (cast->c);

  /* One waits for what the victim has: in vain. */
  party_begin (cast->c, OPERATION_GET, -1);
  g_assert_true (party_is_pending (cast->c));
  party_kill (victim);
  g_assert_cmpint (party_end (cast->c), ==, OUTCOME_CLOSED);
  get_failed (cast->c, 1, 2);
  g_assert_cmpint (party_do (cast->c, OPERATION_TRY_GET_FAILED, 0), ==, OUTCOME_WOULD_BLOCK);
}

const ConformanceCase queue_failed_cases[] = {
  { "nack", "What is given back as often as allowed is set aside, for who asks for it",
    case_failed_nack },
  { "dropped", "What is given back without a failure is never set aside", case_failed_dropped },
  { "holder-dies", "The death of who has it counts as a failure", case_failed_holder_dies,
    NEEDS_PROCESS },
};

const guint n_queue_failed_cases = G_N_ELEMENTS (queue_failed_cases);
