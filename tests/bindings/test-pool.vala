/* test-pool.vala
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Pools as a Vala program has them, which is its own worker program. */

const int N_MANY = 100;

Variant? square (Aioproc.Call call) throws Error {
  int number;

  call.check_arguments ("(i)");
  call.dup_arguments ().@get ("(i)", out number);
  return new Variant ("(i)", number * number);
}

Variant? fail (Aioproc.Call call) throws Error {
  throw new IOError.NOT_FOUND ("There is no such thing");
}

Variant? whoami (Aioproc.Call call) throws Error {
  return new Variant ("(i)", Aioproc.Process.get_current ().get_pid ());
}

Variant? wait_cancelled (Aioproc.Call call) throws Error {
  var ready = (Aioproc.Event) call.dup_object (call.dup_arguments ().get_child_value (0)
    .get_handle ());

  ready.set ();
  new Aioproc.Event ().wait (-1, call.get_cancellable ());
  return new Variant ("()");
}

Variant? echo (Aioproc.Call call) throws Error {
  call.return_message (call.dup_message ());
  return null;
}

int first_number (Variant tuple) {
  return tuple.get_child_value (0).get_int32 ();
}

async void finish (Aioproc.Pool pool) throws Error {
  pool.close ();
  assert_true (yield pool.join_async (-1, null));
}

async void test_apply () throws Error {
  var pool = new Aioproc.Pool (null, 2);
  var result = yield pool.apply_async ("square", new Variant ("(i)", 12), null);

  assert_cmpint (first_number (result), CompareOperator.EQ, 144);
  assert_cmpint (first_number (pool.apply ("square", new Variant ("(i)", 3))),
    CompareOperator.EQ, 9);
  try {
    yield pool.apply_async ("fail", null, null);
    assert_not_reached ();
  } catch (IOError.NOT_FOUND e) {
    assert_cmpstr (e.message, CompareOperator.EQ, "There is no such thing");
  }
  try {
    yield pool.apply_async ("cube", null, null);
    assert_not_reached ();
  } catch (Aioproc.Error.NOT_FOUND e) {
    assert_true ("cube" in e.message);
  }
  yield finish (pool);
}

async void test_map () throws Error {
  var pool = new Aioproc.Pool (null, 2);
  Variant[] items = {};

  for (var i = 0; i < N_MANY; i++)
    items += new Variant ("(i)", i);
  var results = yield pool.map_async ("square", items, 0, null);
  assert_cmpint (results.length, CompareOperator.EQ, N_MANY);
  for (var i = 0; i < N_MANY; i++)
    assert_cmpint (first_number (results[i]), CompareOperator.EQ, i * i);
  results = pool.map ("square", items[0:3], 1);
  assert_cmpint (results.length, CompareOperator.EQ, 3);
  assert_cmpint (first_number (results[2]), CompareOperator.EQ, 4);
  assert_cmpint (first_number (items[2]), CompareOperator.EQ, 2);
  yield finish (pool);
}

async void test_message () throws Error {
  var pool = new Aioproc.Pool (null, 1);
  var mutex = new Aioproc.Lock ();
  var bytes = new Bytes ({ 1, 2, 3 });
  var message = new Aioproc.Message (null);

  message.set_body (new Variant ("(hh)", message.append_object (mutex),
    message.append_bytes (bytes)));
  var result = yield pool.apply_message_async ("echo", message, null);
  assert_true (result.dup_object (0) == mutex);
  assert_true (result.dup_bytes (1).compare (bytes) == 0);
  assert_cmpuint (pool.apply_message ("echo", message).get_n_handles (), CompareOperator.EQ, 2);
  yield finish (pool);
}

async void test_cancel () throws Error {
  var pool = (Aioproc.Pool) Initable.@new (typeof (Aioproc.Pool), null, "n-workers", 1,
    "cancel-grace", int64.MAX / 2);
  var worker = first_number (yield pool.apply_async ("whoami", null, null));
  var ready = new Aioproc.Event ();
  var cancellable = new Cancellable ();
  var message = new Aioproc.Message (null);

  message.set_body (new Variant ("(h)", message.append_object (ready)));
  ready.wait_async.begin (-1, null, () => cancellable.cancel ());
  try {
    yield pool.apply_message_async ("wait_cancelled", message, cancellable);
    assert_not_reached ();
  } catch (IOError.CANCELLED e) {
  }
  assert_cmpint (first_number (yield pool.apply_async ("whoami", null, null)), CompareOperator.EQ,
    worker);
  yield finish (pool);
}

void kill_children () {
  try {
    foreach (var child in Aioproc.Process.get_active_children ())
      child.kill ();
  } catch (Error e) {
    error ("%s", e.message);
  }
}

async void test_kill () throws Error {
  var pool = new Aioproc.Pool (null, 1);
  var worker = first_number (yield pool.apply_async ("whoami", null, null));
  var ready = new Aioproc.Event ();
  var message = new Aioproc.Message (null);

  message.set_body (new Variant ("(h)", message.append_object (ready)));
  ready.wait_async.begin (-1, null, () => kill_children ());
  try {
    yield pool.apply_message_async ("wait_cancelled", message, null);
    assert_not_reached ();
  } catch (Aioproc.Error.WORKER_DIED e) {
    assert_true ("wait_cancelled" in e.message);
  }
  assert_cmpint (first_number (yield pool.apply_async ("whoami", null, null)), CompareOperator.NE,
    worker);
  pool.terminate ();
  assert_true (pool.join (-1));
}

void test_properties () throws Error {
  var context = new Aioproc.Context ();
  var pool = (Aioproc.Pool) Initable.@new (typeof (Aioproc.Pool), null, "context", context, "name",
    "squares", "n-workers", 3, "initializer", "square", "initializer-arguments",
    new Variant ("(i)", 1), "task-timeout", TimeSpan.MINUTE);

  assert_true (pool.get_context () == context);
  assert_cmpstr (pool.name, CompareOperator.EQ, "squares");
  assert_cmpuint (pool.n_workers, CompareOperator.EQ, 3);
  assert_cmpstr (pool.initializer, CompareOperator.EQ, "square");
  assert_cmpstr (pool.initializer_arguments.print (false), CompareOperator.EQ, "(1,)");
  assert_true (pool.cancel_grace == TimeSpan.SECOND);
  assert_true (pool.task_timeout == TimeSpan.MINUTE);
  assert_cmpuint (pool.max_retries, CompareOperator.EQ, 0);
  pool.task_timeout = -1;
  pool.max_retries = 2;
  assert_true (pool.get_task_timeout () == -1);
  assert_cmpuint (pool.get_max_retries (), CompareOperator.EQ, 2);
}

int main (string[] args) {
  Aioproc.worker_add_function ("square", square);
  Aioproc.worker_add_function ("fail", fail);
  Aioproc.worker_add_function ("whoami", whoami);
  Aioproc.worker_add_function ("wait_cancelled", wait_cancelled);
  Aioproc.worker_add_function ("echo", echo);
  Aioproc.worker_run ();
  AioprocTest.init (ref args);

  add_case ("/aioproc/vala/pool/apply", "Functions return values and errors", () => {
    var done = new Completion ();
    test_apply.begin (done.callback);
    test_apply.end (done.wait ());
  });
  add_case ("/aioproc/vala/pool/map", "Results are in the order of the items", () => {
    var done = new Completion ();
    test_map.begin (done.callback);
    test_map.end (done.wait ());
  });
  add_case ("/aioproc/vala/pool/message", "Objects and bytes go there and back", () => {
    var done = new Completion ();
    test_message.begin (done.callback);
    test_message.end (done.wait ());
  });
  add_case ("/aioproc/vala/pool/cancel", "A call is cancelled, and its worker stays", () => {
    var done = new Completion ();
    test_cancel.begin (done.callback);
    test_cancel.end (done.wait ());
  });
  add_case ("/aioproc/vala/pool/kill", "A worker that is killed costs one call", () => {
    var done = new Completion ();
    test_kill.begin (done.callback);
    test_kill.end (done.wait ());
  });
  add_case ("/aioproc/vala/pool/properties", "Properties of a pool", test_properties);

  return Test.run ();
}
