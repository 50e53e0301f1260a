/* test-queue.vala
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A queue as a Vala program has it. */

const int N_MANY = 500;

void test_construct () throws Error {
  var queue = new Aioproc.Queue (2);
  assert_null (queue.get_name ());
  assert_cmpuint (queue.max_items, CompareOperator.EQ, 2);
  assert_true (queue.is_empty ());

  queue = (Aioproc.Queue) Initable.@new (typeof (Aioproc.Queue), null, "name", "jobs");
  assert_cmpstr (queue.name, CompareOperator.EQ, "jobs");
  assert_cmpuint (queue.max_items, CompareOperator.EQ, 0);
  assert_true (queue is Aioproc.Shareable);
}

void test_values () throws Error {
  var queue = new Aioproc.Queue (1);

  // A floating value, and one that is kept.
  assert_true (queue.put (new Variant ("(si)", "text", 3), -1));
  assert_true (queue.is_full ());
  try {
    queue.try_put (new Variant.int32 (1));
    assert_not_reached ();
  } catch (IOError.WOULD_BLOCK e) {
  }
  assert_cmpstr (queue.@get (-1).print (false), CompareOperator.EQ, "('text', 3)");

  var kept = new Variant.string ("kept");
  assert_true (queue.try_put (kept));
  assert_true (queue.try_get ().equal (kept));
  try {
    queue.@get (20 * TimeSpan.MILLISECOND);
    assert_not_reached ();
  } catch (IOError.TIMED_OUT e) {
  }
}

void test_bytes () throws Error {
  var queue = new Aioproc.Queue (0);
  var bytes = new Bytes ({ 1, 2, 3 });

  assert_true (queue.put_bytes (bytes, -1));
  assert_true (queue.try_put_bytes (bytes));
  assert_cmpuint (queue.get_size (), CompareOperator.EQ, 2);
  assert_true (queue.get_bytes (-1).compare (bytes) == 0);
  assert_true (queue.try_get_bytes ().compare (bytes) == 0);
}

void test_loan () throws Error {
  var queue = new Aioproc.Queue (1);
  var loan = queue.loan (5, -1, null);

  assert_cmpuint ((uint) loan.get_size (), CompareOperator.EQ, 5);
  assert_true (loan.write_bytes (0, new Bytes ("abc".data)));
  assert_true (loan.commit (3));
  assert_true (queue.try_get_bytes ().compare (new Bytes ("abc".data)) == 0);
  assert_true (queue.try_loan (5).abort ());
}

async void put_many (Aioproc.Queue queue) throws Error {
  for (var i = 0; i < N_MANY; i++)
    assert_true (yield queue.put_async (new Variant.int32 (i), -1, null));
  yield queue.put_bytes_async (new Bytes ("end".data), -1, null);
  queue.close (false);
}

async void test_async () throws Error {
  var queue = new Aioproc.Queue (10);
  var cancellable = new Cancellable ();

  assert_true ((yield queue.loan_async (5, -1, null)).abort ());

  put_many.begin (queue, (source, result) => {
    try {
      put_many.end (result);
    } catch (Error e) {
      error ("%s", e.message);
    }
  });
  for (var i = 0; i < N_MANY; i++)
    assert_cmpint ((yield queue.get_async (-1, null)).get_int32 (), CompareOperator.EQ, i);
  assert_true ((yield queue.get_bytes_async (-1, null)).compare (new Bytes ("end".data)) == 0);
  try {
    yield queue.get_async (-1, null);
    assert_not_reached ();
  } catch (IOError.CLOSED e) {
  }
  assert_true (queue.is_closed ());

  queue = new Aioproc.Queue (0);
  Idle.add (() => {
    cancellable.cancel ();
    return Source.REMOVE;
  });
  try {
    yield queue.get_async (-1, cancellable);
    assert_not_reached ();
  } catch (IOError.CANCELLED e) {
  }
}

async void test_lease () throws Error {
  var queue = (Aioproc.Queue) Initable.@new (typeof (Aioproc.Queue), null, "max-deliveries", 1);

  assert_true (queue.try_put (new Variant.string ("done")));
  assert_true (queue.try_put (new Variant.string ("bad")));
  var lease = yield queue.get_leased_async (-1, null);
  assert_cmpstr (lease.get_value ().get_string (), CompareOperator.EQ, "done");
  assert_null (lease.get_bytes ());
  assert_true (lease.ack ());
  try {
    lease.ack ();
    assert_not_reached ();
  } catch (Aioproc.Error.INVALID_STATE e) {
  }
  assert_true (queue.get_leased (-1).nack ());
  assert_cmpuint (queue.get_n_failed (), CompareOperator.EQ, 1);
  var failure = queue.try_get_failed ();
  assert_cmpstr (failure.get_value ().get_string (), CompareOperator.EQ, "bad");
  assert_cmpuint ((uint) failure.get_history ().n_children (), CompareOperator.EQ, 1);
}

async void test_joinable () throws Error {
  var queue = new Aioproc.JoinableQueue (0);

  assert_true (queue is Aioproc.Queue);
  assert_true (queue.try_put (new Variant.int32 (1)));
  assert_cmpint ((yield queue.get_async (-1, null)).get_int32 (), CompareOperator.EQ, 1);
  Idle.add (() => {
    try {
      queue.task_done ();
    } catch (Error e) {
      error ("%s", e.message);
    }
    return Source.REMOVE;
  });
  assert_true (yield queue.join_async (-1, null));

  var simple = new Aioproc.SimpleQueue ();
  assert_true (yield simple.put_async (new Variant.string ("text"), -1, null));
  assert_cmpstr ((yield simple.get_async (-1, null)).get_string (), CompareOperator.EQ, "text");
  assert_true (simple.is_empty ());
}

int main (string[] args) {
  AioprocTest.init (ref args);

  add_case ("/aioproc/vala/queue/construct", "Constructors, with and without properties",
    test_construct);
  add_case ("/aioproc/vala/queue/values", "Values come out as they went in", test_values);
  add_case ("/aioproc/vala/queue/bytes", "Bytes come out as they went in", test_bytes);
  add_case ("/aioproc/vala/queue/loan", "An item is built where it lies", test_loan);
  add_case ("/aioproc/vala/queue/async", "Gets and puts that yield", () => {
    var done = new Completion ();
    test_async.begin (done.callback);
    test_async.end (done.wait ());
  });

  add_case ("/aioproc/vala/queue/lease", "Leases, and what has failed", () => {
    var done = new Completion ();
    test_lease.begin (done.callback);
    test_lease.end (done.wait ());
  });
  add_case ("/aioproc/vala/queue/joinable", "Joinable and simple queues", () => {
    var done = new Completion ();
    test_joinable.begin (done.callback);
    test_joinable.end (done.wait ());
  });

  return Test.run ();
}
