/* test-sync.vala
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Locks, events and barriers as a Vala program has them: constructors that throw, yield. */

const int N_MANY = 500;

int64 millisecond = TimeSpan.MILLISECOND;

void test_lock_construct () throws Error {
  var plain = new Aioproc.Lock ();
  assert_null (plain.get_name ());
  assert_null (plain.name);
  assert_false (plain.strict);
  assert_false (plain.was_abandoned);
  assert_true (plain.try_acquire ());

  var named = (Aioproc.Lock) Initable.@new (typeof (Aioproc.Lock), null,
    "name", "jobs", "strict", true);
  assert_cmpstr (named.name, CompareOperator.EQ, "jobs");
  assert_cmpstr (named.get_name (), CompareOperator.EQ, "jobs");
  assert_true (named.get_strict ());
  assert_true (named is Aioproc.Shareable);
  assert_cmpstr (named.dup_id (), CompareOperator.NE, plain.dup_id ());
}

void test_lock_construct_only () throws Error {
  var mutex = (Aioproc.Lock) Object.@new (typeof (Aioproc.Lock), "name", "jobs");
  assert_true (mutex.acquire (-1));
  assert_nonnull (mutex.dup_id ());
  assert_true (mutex.init ());
}

void test_lock_errors () throws Error {
  var mutex = new Aioproc.Lock ();
  assert_true (mutex.acquire (-1));
  assert_true (mutex.is_locked ());
  try {
    mutex.try_acquire ();
    assert_not_reached ();
  } catch (IOError.WOULD_BLOCK e) {
  }
  try {
    mutex.acquire (20 * millisecond);
    assert_not_reached ();
  } catch (IOError.TIMED_OUT e) {
  }
  assert_true (mutex.release ());
  try {
    mutex.release ();
    assert_not_reached ();
  } catch (Aioproc.Error.NOT_OWNER e) {
    assert_error (e, Aioproc.Error.quark (), Aioproc.Error.NOT_OWNER);
  }
}

async void acquire_and_release (Aioproc.Lock mutex, int number, Array<int> order) throws Error {
  assert_true (yield mutex.acquire_async (-1, null));
  order.append_val (number);
  mutex.release ();
}

async void test_lock_async () throws Error {
  var mutex = new Aioproc.Lock ();
  var order = new Array<int> ();
  var cancellable = new Cancellable ();

  assert_true (yield mutex.acquire_async (-1, null));
  for (var i = 0; i < N_MANY; i++)
    acquire_and_release.begin (mutex, i, order, (source, result) => {
      try {
        acquire_and_release.end (result);
      } catch (Error e) {
        error ("%s", e.message);
      }
    });
  try {
    yield mutex.acquire_async (20 * millisecond, null);
    assert_not_reached ();
  } catch (IOError.TIMED_OUT e) {
  }
  assert_cmpuint (order.length, CompareOperator.EQ, 0);

  mutex.release ();
  // Behind all of the others.
  yield mutex.acquire_async (-1, null);
  mutex.release ();
  while (order.length < N_MANY)
    MainContext.@default ().iteration (true);
  for (var i = 0; i < N_MANY; i++)
    assert_cmpint (order.index (i), CompareOperator.EQ, i);

  cancellable.cancel ();
  try {
    yield mutex.acquire_async (-1, cancellable);
    assert_not_reached ();
  } catch (IOError.CANCELLED e) {
  }
  assert_false (mutex.is_locked ());
}

async void test_lock_cancel () throws Error {
  var mutex = new Aioproc.Lock ();
  var cancellable = new Cancellable ();

  assert_true (mutex.try_acquire ());
  Idle.add (() => {
    cancellable.cancel ();
    return Source.REMOVE;
  });
  try {
    yield mutex.acquire_async (-1, cancellable);
    assert_not_reached ();
  } catch (IOError.CANCELLED e) {
  }
  mutex.release ();
  assert_false (mutex.is_locked ());
}

void test_event_set () throws Error {
  var event = new Aioproc.Event ();
  assert_null (event.name);
  assert_false (event.is_set ());
  try {
    event.wait (0);
    assert_not_reached ();
  } catch (IOError.TIMED_OUT e) {
  }
  assert_true (event.set ());
  assert_true (event.is_set ());
  assert_true (event.wait (-1));
  assert_true (event.clear ());
  assert_false (event.is_set ());
}

async void test_event_thread () throws Error {
  var event = new Aioproc.Event ();
  var answer = new Aioproc.Event ();
  var thread = new Thread<bool> ("worker", () => {
    try {
      return event.set () && answer.wait (-1);
    } catch (Error e) {
      error ("%s", e.message);
    }
  });

  assert_true (yield event.wait_async (-1, null));
  assert_true (answer.set ());
  assert_true (thread.join ());
}

async void test_event_timeout () throws Error {
  var event = new Aioproc.Event ();
  var before = get_monotonic_time ();

  try {
    yield event.wait_async (20 * millisecond, null);
    assert_not_reached ();
  } catch (IOError.TIMED_OUT e) {
  }
  assert_true (get_monotonic_time () - before >= 20 * millisecond);
}

async int meet (Aioproc.Barrier barrier) throws Error {
  return yield barrier.wait_async (-1, null);
}

async void test_barrier_meet () throws Error {
  var barrier = new Aioproc.Barrier (2);
  var calls = 0;
  barrier.set_action (() => {
    calls++;
  });
  assert_true (barrier.parties == 2);

  for (var i = 0; i < 3; i++) {
    var first = -1;
    meet.begin (barrier, (source, result) => {
      try {
        first = meet.end (result);
      } catch (Error e) {
        error ("%s", e.message);
      }
    });
    assert_true (barrier.n_waiting == 1);
    var second = yield barrier.wait_async (-1, null);
    assert_true (second == 1);
    while (first < 0)
      MainContext.default ().iteration (true);
    assert_true (first == 0);
    assert_true (calls == i + 1);
  }
}

async void test_barrier_broken () throws Error {
  var barrier = new Aioproc.Barrier (2);
  try {
    yield barrier.wait_async (20 * millisecond, null);
    assert_not_reached ();
  } catch (IOError.TIMED_OUT e) {
  }
  assert_true (barrier.is_broken ());
  try {
    barrier.wait (-1);
    assert_not_reached ();
  } catch (Aioproc.Error.BROKEN_BARRIER e) {
  }
  assert_true (barrier.reset ());
  barrier.set_action ((self) => {
    throw new IOError.BUSY ("no");
  });
  try {
    meet.begin (barrier);
    yield barrier.wait_async (-1, null);
    assert_not_reached ();
  } catch (IOError.BUSY e) {
  }
  assert_true (barrier.broken);
}

int main (string[] args) {
  AioprocTest.init (ref args);

  add_case ("/aioproc/vala/lock/construct", "Constructors, with and without properties",
    test_lock_construct);
  add_case ("/aioproc/vala/lock/construct-only", "An object is ready without init()",
    test_lock_construct_only);
  add_case ("/aioproc/vala/lock/errors", "Errors are caught by domain and code",
    test_lock_errors);
  add_case ("/aioproc/vala/lock/async",
    "Operations that yield get the lock one after the other", () => {
    var done = new Completion ();
    test_lock_async.begin (done.callback);
    test_lock_async.end (done.wait ());
  });
  add_case ("/aioproc/vala/lock/cancel", "A cancelled operation throws, and holds no lock", () => {
    var done = new Completion ();
    test_lock_cancel.begin (done.callback);
    test_lock_cancel.end (done.wait ());
  });
  add_case ("/aioproc/vala/event/set", "An event is set until it is cleared",
    test_event_set);
  add_case ("/aioproc/vala/event/thread",
    "A thread sets the event that the main loop waits for", () => {
    var done = new Completion ();
    test_event_thread.begin (done.callback);
    test_event_thread.end (done.wait ());
  });
  add_case ("/aioproc/vala/event/timeout", "A wait ends with its timeout, not before", () => {
    var done = new Completion ();
    test_event_timeout.begin (done.callback);
    test_event_timeout.end (done.wait ());
  });
  add_case ("/aioproc/vala/barrier/meet", "Two flows meet, and one does the action", () => {
    var done = new Completion ();
    test_barrier_meet.begin (done.callback);
    test_barrier_meet.end (done.wait ());
  });
  add_case ("/aioproc/vala/barrier/broken", "A timeout and an action that throws break it", () => {
    var done = new Completion ();
    test_barrier_broken.begin (done.callback);
    test_barrier_broken.end (done.wait ());
  });

  return Test.run ();
}
