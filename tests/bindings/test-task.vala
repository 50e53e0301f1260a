/* test-task.vala
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Tasks of a pool as a Vala program has them, which is its own worker program. */

const int N_MANY = 100;

Variant? square (Aioproc.Call call) throws Error {
  int number;

  call.check_arguments ("(i)");
  call.dup_arguments ().@get ("(i)", out number);
  return new Variant ("(i)", number * number);
}

Variant? pause_halfway (Aioproc.Call call) throws Error {
  var go = (Aioproc.Event) call.dup_object (call.dup_arguments ().get_child_value (0)
    .get_handle ());

  call.report_progress (0.5, "half-way");
  go.wait (-1, call.get_cancellable ());
  return new Variant ("()");
}

int first_number (Variant tuple) {
  return tuple.get_child_value (0).get_int32 ();
}

Aioproc.Task make_pause (Aioproc.Event go) throws Error {
  var message = new Aioproc.Message (null);

  message.set_body (new Variant ("(h)", message.append_object (go)));
  return new Aioproc.Task.with_message ("pause_halfway", message);
}

/* Begins a task, and iterates until the program was told that it is half-way. */
void begin (Aioproc.Pool pool, Aioproc.Task task) throws Error {
  var was_told = false;
  var handler = task.notify.connect (() => {
    was_told = task.state == RUNNING && task.progress == 0.5;
  });

  assert_true (pool.submit (task));
  while (!was_told)
    MainContext.@default ().iteration (true);
  task.disconnect (handler);
}

async void finish (Aioproc.Pool pool) throws Error {
  pool.close ();
  assert_true (yield pool.join_async (-1, null));
}

async void test_result () throws Error {
  var pool = new Aioproc.Pool (null, 1);
  var task = new Aioproc.Task ("square", new Variant ("(i)", 12));

  assert_cmpstr (task.function, CompareOperator.EQ, "square");
  assert_cmpint (first_number (task.arguments), CompareOperator.EQ, 12);
  assert_true (task.state == NEW);
  assert_true (pool.submit (task));
  assert_true (yield task.wait_async (-1, null));
  assert_true (task.get_state () == SUCCEEDED);
  assert_cmpint (first_number (task.dup_result ()), CompareOperator.EQ, 144);
  assert_cmpint (first_number (task.dup_result_message ().dup_body ()), CompareOperator.EQ, 144);
  assert_cmpint (task.worker_pid, CompareOperator.EQ, task.get_worker_pid ());
  assert_true (task.started_time > 0 && task.started_time <= task.finished_time);
  try {
    pool.submit (task);
    assert_not_reached ();
  } catch (Aioproc.Error.INVALID_STATE e) {
    assert_true ("square" in e.message);
  }
  yield finish (pool);
}

async void test_progress () throws Error {
  var pool = new Aioproc.Pool (null, 1);
  var go = new Aioproc.Event ();
  var task = make_pause (go);

  assert_true (task.progress == -1 && task.progress_text == null);
  begin (pool, task);
  assert_cmpstr (task.progress_text, CompareOperator.EQ, "half-way");
  assert_cmpstr (task.dup_progress_text (), CompareOperator.EQ, "half-way");
  assert_true (task.get_started_time () > 0);
  assert_true (task.get_finished_time () == 0);
  go.set ();
  assert_true (yield task.wait_async (-1, null));
  yield finish (pool);
}

async void test_cancel () throws Error {
  var pool = (Aioproc.Pool) Initable.@new (typeof (Aioproc.Pool), null, "n-workers", 1,
    "cancel-grace", int64.MAX / 2);
  var task = make_pause (new Aioproc.Event ());

  task.priority = -1;
  task.timeout = TimeSpan.HOUR;
  assert_cmpint (task.get_priority (), CompareOperator.EQ, -1);
  assert_true (task.get_timeout () == TimeSpan.HOUR);
  begin (pool, task);
  task.cancel ();
  assert_true (yield task.wait_async (-1, null));
  assert_true (task.state == CANCELLED);
  try {
    task.dup_result ();
    assert_not_reached ();
  } catch (IOError.CANCELLED e) {
  }
  yield finish (pool);
}

async void test_wait () throws Error {
  var pool = new Aioproc.Pool (null, 2);
  Aioproc.Waitable[] tasks = {};
  var n_ended = 0;

  for (var i = 0; i < N_MANY; i++) {
    var task = new Aioproc.Task ("square", new Variant ("(i)", i));
    pool.submit (task);
    tasks += task;
  }
  while (n_ended < N_MANY) {
    Aioproc.Waitable[] waiting = {};
    foreach (var task in tasks)
      if (!task.is_ready ())
        waiting += task;
    n_ended = N_MANY - waiting.length;
    if (waiting.length > 0)
      assert_cmpuint ((yield Aioproc.wait_async (waiting, -1, null)).length,
        CompareOperator.GT, 0);
  }
  for (var i = 0; i < N_MANY; i++)
    assert_cmpint (first_number (((Aioproc.Task) tasks[i]).dup_result ()), CompareOperator.EQ,
      i * i);
  yield finish (pool);
}

int main (string[] args) {
  Aioproc.worker_add_function ("square", square);
  Aioproc.worker_add_function ("pause_halfway", pause_halfway);
  Aioproc.worker_run ();
  AioprocTest.init (ref args);

  add_case ("/aioproc/vala/task/result", "A task tells what became of it", () => {
    var done = new Completion ();
    test_result.begin (done.callback);
    test_result.end (done.wait ());
  });
  add_case ("/aioproc/vala/task/progress", "A program is told of progress", () => {
    var done = new Completion ();
    test_progress.begin (done.callback);
    test_progress.end (done.wait ());
  });
  add_case ("/aioproc/vala/task/cancel", "A task that runs is cancelled", () => {
    var done = new Completion ();
    test_cancel.begin (done.callback);
    test_cancel.end (done.wait ());
  });
  add_case ("/aioproc/vala/task/wait", "Many tasks are waited for together", () => {
    var done = new Completion ();
    test_wait.begin (done.callback);
    test_wait.end (done.wait ());
  });

  return Test.run ();
}
