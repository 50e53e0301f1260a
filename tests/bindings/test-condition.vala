/* test-condition.vala
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Recursive locks, semaphores and conditions as a Vala program has them. */

const int N_FLOWS = 50;

int64 millisecond = TimeSpan.MILLISECOND;

/* --- Recursive locks --- */

void test_rlock_construct () throws Error {
  var plain = new Aioproc.RLock ();
  assert_null (plain.name);
  assert_false (plain.strict);
  assert_false (plain.was_abandoned);
  assert_false (plain.is_locked ());

  var named = (Aioproc.RLock) Initable.@new (typeof (Aioproc.RLock), null,
    "name", "jobs", "strict", true);
  assert_cmpstr (named.get_name (), CompareOperator.EQ, "jobs");
  assert_true (named.get_strict ());
  assert_true (named is Aioproc.Shareable);
  assert_cmpstr (named.dup_id (), CompareOperator.NE, plain.dup_id ());
}

void test_rlock_owners () throws Error {
  var mutex = new Aioproc.RLock ();

  assert_true (mutex.try_acquire (1));
  assert_true (mutex.acquire (1, -1));
  assert_cmpuint ((uint) mutex.get_depth (1), CompareOperator.EQ, 2);
  assert_true (mutex.is_owned (1));
  assert_false (mutex.is_owned (2));
  try {
    mutex.try_acquire (2);
    assert_not_reached ();
  } catch (IOError.WOULD_BLOCK e) {
  }
  try {
    mutex.acquire (2, 20 * millisecond);
    assert_not_reached ();
  } catch (IOError.TIMED_OUT e) {
  }
  try {
    mutex.release (2);
    assert_not_reached ();
  } catch (Aioproc.Error.NOT_OWNER e) {
  }
  assert_true (mutex.release (1));
  assert_true (mutex.release (1));
  assert_false (mutex.is_locked ());
}

async void acquire_twice (Aioproc.RLock mutex, uint64 owner, Array<uint64> order) throws Error {
  assert_true (yield mutex.acquire_async (owner, -1, null));
  assert_true (yield mutex.acquire_async (owner, -1, null));
  order.append_val (owner);
  assert_true (mutex.release (owner));
  assert_true (mutex.release (owner));
}

async void test_rlock_async () throws Error {
  var mutex = new Aioproc.RLock ();
  var order = new Array<uint64> ();

  // For the thread, as owner 0 is.
  assert_true (mutex.try_acquire (0));
  for (var i = 1; i <= N_FLOWS; i++)
    acquire_twice.begin (mutex, i, order, (source, result) => {
      try {
        acquire_twice.end (result);
      } catch (Error e) {
        error ("%s", e.message);
      }
    });
  assert_cmpuint (order.length, CompareOperator.EQ, 0);
  assert_true (mutex.release (0));
  // Behind all of the others.
  assert_true (yield mutex.acquire_async (N_FLOWS + 1, -1, null));
  assert_true (mutex.release (N_FLOWS + 1));
  while (order.length < N_FLOWS)
    MainContext.@default ().iteration (true);
  for (var i = 0; i < N_FLOWS; i++)
    assert_cmpuint ((uint) order.index (i), CompareOperator.EQ, i + 1);
  assert_false (mutex.is_locked ());
}

/* --- Semaphores --- */

void test_semaphore_units () throws Error {
  var semaphore = new Aioproc.Semaphore (2);

  assert_cmpuint (semaphore.initial_value, CompareOperator.EQ, 2);
  assert_true (semaphore.try_acquire ());
  assert_true (semaphore.acquire (-1));
  assert_cmpuint (semaphore.get_held (), CompareOperator.EQ, 2);
  assert_true (semaphore.is_locked ());
  try {
    semaphore.try_acquire ();
    assert_not_reached ();
  } catch (IOError.WOULD_BLOCK e) {
  }
  assert_true (semaphore.release ());
  assert_true (semaphore.consume ());
  assert_true (semaphore.post ());
  assert_cmpuint (semaphore.get_value (), CompareOperator.EQ, 2);
  try {
    semaphore.release ();
    assert_not_reached ();
  } catch (Aioproc.Error.NOT_OWNER e) {
  }
}

void test_semaphore_bounded () throws Error {
  var semaphore = new Aioproc.BoundedSemaphore (1);

  assert_true (semaphore is Aioproc.Semaphore);
  try {
    semaphore.post ();
    assert_not_reached ();
  } catch (Aioproc.Error.INVALID_STATE e) {
  }
  assert_cmpuint (semaphore.get_value (), CompareOperator.EQ, 1);
}

async void test_semaphore_async () throws Error {
  var semaphore = (Aioproc.Semaphore) Initable.@new (typeof (Aioproc.Semaphore), null,
    "name", "slots", "initial-value", 0);
  var cancellable = new Cancellable ();

  Idle.add (() => {
    try {
      semaphore.post ();
    } catch (Error e) {
      error ("%s", e.message);
    }
    return Source.REMOVE;
  });
  assert_true (yield semaphore.acquire_async (-1, null));
  try {
    yield semaphore.acquire_async (20 * millisecond, null);
    assert_not_reached ();
  } catch (IOError.TIMED_OUT e) {
    assert_true ("slots" in e.message);
  }
  Idle.add (() => {
    cancellable.cancel ();
    return Source.REMOVE;
  });
  try {
    yield semaphore.acquire_async (-1, cancellable);
    assert_not_reached ();
  } catch (IOError.CANCELLED e) {
  }
  assert_cmpuint (semaphore.get_held (), CompareOperator.EQ, 1);
}

/* --- Conditions --- */

void test_condition_construct () throws Error {
  assert_true (new Aioproc.Condition (null).@lock is Aioproc.RLock);

  var mutex = new Aioproc.Lock ();
  var condition = (Aioproc.Condition) Initable.@new (typeof (Aioproc.Condition), null,
    "name", "ready", "lock", mutex);
  assert_cmpstr (condition.name, CompareOperator.EQ, "ready");
  assert_true (condition.get_lock () == mutex);
  try {
    new Aioproc.Condition (new Aioproc.Event ());
    assert_not_reached ();
  } catch (IOError.INVALID_ARGUMENT e) {
  }
  try {
    condition.notify_all (0);
    assert_not_reached ();
  } catch (Aioproc.Error.NOT_OWNER e) {
  }
}

void test_condition_thread () throws Error {
  var mutex = new Aioproc.Lock ();
  var condition = new Aioproc.Condition (mutex);
  int n_items = 0;

  assert_true (mutex.acquire (-1));
  try {
    condition.wait (0, 20 * millisecond);
    assert_not_reached ();
  } catch (IOError.TIMED_OUT e) {
    assert_true (mutex.is_locked ());
  }
  var thread = new Thread<bool> ("maker", () => {
    try {
      for (var i = 0; i < 3; i++) {
        mutex.acquire (-1);
        n_items++;
        condition.notify_n (0, 1);
        mutex.release ();
      }
      return true;
    } catch (Error e) {
      error ("%s", e.message);
    }
  });
  assert_true (condition.wait_for (0, () => n_items == 3, -1));
  assert_true (mutex.release ());
  assert_true (thread.join ());
}

async void notify_later (Aioproc.Condition condition, Aioproc.RLock mutex) throws Error {
  assert_true (yield mutex.acquire_async (2, -1, null));
  assert_true (condition.notify_all (2));
  assert_true (mutex.release (2));
}

async void test_condition_async () throws Error {
  var mutex = new Aioproc.RLock ();
  var condition = new Aioproc.Condition (mutex);
  int n_asked = 0;

  assert_true (mutex.try_acquire (1));
  assert_true (mutex.try_acquire (1));
  // Both have to wait for the lock.
  notify_later.begin (condition, mutex);
  assert_true (yield condition.wait_async (1, -1, null));
  assert_cmpuint ((uint) mutex.get_depth (1), CompareOperator.EQ, 2);

  notify_later.begin (condition, mutex);
  assert_true (yield condition.wait_for_async (1, () => ++n_asked == 2, -1, null));
  assert_cmpint (n_asked, CompareOperator.EQ, 2);
  try {
    yield condition.wait_async (1, 20 * millisecond, null);
    assert_not_reached ();
  } catch (IOError.TIMED_OUT e) {
  }
  assert_cmpuint ((uint) mutex.get_depth (1), CompareOperator.EQ, 2);
  assert_true (mutex.release (1));
  assert_true (mutex.release (1));
}

int main (string[] args) {
  AioprocTest.init (ref args);

  add_case ("/aioproc/vala/rlock/construct", "Constructors, with and without properties",
    test_rlock_construct);
  add_case ("/aioproc/vala/rlock/owners", "One owner keeps the others out", test_rlock_owners);
  add_case ("/aioproc/vala/rlock/async", "Flows that yield acquire it again and again", () => {
    var done = new Completion ();
    test_rlock_async.begin (done.callback);
    test_rlock_async.end (done.wait ());
  });
  add_case ("/aioproc/vala/semaphore/units", "Units come, go, are made and given up",
    test_semaphore_units);
  add_case ("/aioproc/vala/semaphore/bounded", "A bounded semaphore has no unit more",
    test_semaphore_bounded);
  add_case ("/aioproc/vala/semaphore/async", "A unit that is posted ends a yield", () => {
    var done = new Completion ();
    test_semaphore_async.begin (done.callback);
    test_semaphore_async.end (done.wait ());
  });
  add_case ("/aioproc/vala/condition/construct", "A condition has a lock of either kind",
    test_condition_construct);
  add_case ("/aioproc/vala/condition/thread", "The main thread waits for what another one makes",
    test_condition_thread);
  add_case ("/aioproc/vala/condition/async", "A yield ends with a notification, and the lock",
    () => {
    var done = new Completion ();
    test_condition_async.begin (done.callback);
    test_condition_async.end (done.wait ());
  });

  return Test.run ();
}
