/* test-process.vala
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Processes as a Vala program has them, which is its own worker program. */

Variant? square (Aioproc.Call call) throws Error {
  call.check_arguments ("(i)");

  int number;
  call.dup_arguments ().@get ("(i)", out number);
  call.report_progress (0.5, null);
  call.report_progress (1.0, "squared");
  return new Variant ("(i)", number * number);
}

Variant? fail (Aioproc.Call call) throws Error {
  throw new IOError.NOT_FOUND ("There is no such thing");
}

Variant? nothing (Aioproc.Call call) throws Error {
  return null;
}

Variant? later (Aioproc.Call call) throws Error {
  call.defer ();
  Idle.add (() => {
    call.return_value (new Variant ("(s)", "later"));
    return Source.REMOVE;
  });
  return null;
}

Variant? fail_later (Aioproc.Call call) throws Error {
  call.defer ();
  Idle.add (() => {
    call.return_error (new Aioproc.Error.BROKEN_BARRIER ("Too late"));
    return Source.REMOVE;
  });
  return null;
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

/* The result of a function, once its process has ended. */
async Variant call_function (string function, Variant? arguments = null) throws Error {
  var process = new Aioproc.Process (null, function, arguments);

  assert_true (yield process.start_async (null));
  assert_true (yield process.join_async (-1, null));
  return process.dup_result ();
}

async void test_result () throws Error {
  assert_cmpstr ((yield call_function ("square", new Variant ("(i)", 12))).print (false),
    CompareOperator.EQ, "(144,)");
  assert_cmpstr ((yield call_function ("later")).print (false), CompareOperator.EQ, "('later',)");

  var process = new Aioproc.Process (null, "square", new Variant ("(i)", 3));
  var text = "";
  process.notify["progress-text"].connect (() => {
    text = process.progress_text;
  });
  process.name = "squarer";
  assert_cmpstr (process.dup_name (), CompareOperator.EQ, "squarer");
  yield process.start_async (null);
  yield process.join_async (-1, null);
  assert_cmpstr (text, CompareOperator.EQ, "squared");
  assert_cmpfloat (process.progress, CompareOperator.EQ, 1.0);

  int exit_code;
  assert_true (process.get_exit_code (out exit_code));
  assert_cmpint (exit_code, CompareOperator.EQ, 0);
}

async void test_errors () throws Error {
  try {
    yield call_function ("fail");
    assert_not_reached ();
  } catch (IOError.NOT_FOUND e) {
    assert_cmpstr (e.message, CompareOperator.EQ, "There is no such thing");
  }
  try {
    yield call_function ("fail_later");
    assert_not_reached ();
  } catch (Aioproc.Error.BROKEN_BARRIER e) {
    assert_cmpstr (e.message, CompareOperator.EQ, "Too late");
  }
  try {
    yield call_function ("nothing");
    assert_not_reached ();
  } catch (Aioproc.Error.REMOTE e) {
  }
  try {
    yield call_function ("square", new Variant ("(s)", "12"));
    assert_not_reached ();
  } catch (IOError.INVALID_ARGUMENT e) {
  }
  try {
    yield call_function ("cube");
    assert_not_reached ();
  } catch (Aioproc.Error.NOT_FOUND e) {
    assert_true ("square" in e.message);
  }
}

async void test_message () throws Error {
  var queue = new Aioproc.Queue (0);
  var bytes = new Bytes ({ 1, 2, 3 });
  var message = new Aioproc.Message (null);

  message.set_body (new Variant ("(hh)", message.append_object (queue),
    message.append_bytes (bytes)));
  var process = new Aioproc.Process.with_message (null, "echo", message);
  yield process.start_async (null);
  yield process.join_async (-1, null);
  var result = process.dup_result_message ();
  assert_true (result.dup_object (0) == queue);
  assert_true (result.dup_bytes (1).compare (bytes) == 0);
}

async void test_cancel () throws Error {
  var ready = new Aioproc.Event ();
  var message = new Aioproc.Message (null);
  var cancellable = new Cancellable ();

  message.set_body (new Variant ("(h)", message.append_object (ready)));
  var process = new Aioproc.Process.with_message (null, "wait_cancelled", message);
  yield process.start_async (null);
  yield ready.wait_async (-1, null);

  Idle.add (() => {
    cancellable.cancel ();
    return Source.REMOVE;
  });
  try {
    yield process.join_async (-1, cancellable);
    assert_not_reached ();
  } catch (IOError.CANCELLED e) {
  }
  assert_true (process.is_alive ());
  assert_cmpuint (Aioproc.Process.get_active_children ().length, CompareOperator.EQ, 1);
  assert_true (Aioproc.Process.get_active_children ()[0] == process);

  process.cancel ();
  yield process.join_async (-1, null);
  try {
    process.dup_result ();
    assert_not_reached ();
  } catch (IOError.CANCELLED e) {
  }
  assert_cmpuint (Aioproc.Process.get_active_children ().length, CompareOperator.EQ, 0);
}

void test_context () throws Error {
  var context = new Aioproc.Context ();

  assert_true (context.start_method == Aioproc.StartMethod.FORKSERVER);
  context.start_method = Aioproc.StartMethod.SPAWN;
  context.program = { "/bin/true", "--flag" };
  context.set_environment ({ "A=1" });
  assert_cmpint (context.dup_program ().length, CompareOperator.EQ, 2);
  assert_cmpstr (context.dup_environment ()[0], CompareOperator.EQ, "A=1");
  assert_null (context.dup_module ());
  assert_null (context.working_directory);

  var process = new Aioproc.Process (context, "square", null);
  assert_true (process.get_context () == context);
  try {
    process.start ();
    assert_not_reached ();
  } catch (Aioproc.Error.WORKER_DIED e) {
  }
}

int main (string[] args) {
  Aioproc.worker_add_function ("square", square);
  Aioproc.worker_add_function ("fail", fail);
  Aioproc.worker_add_function ("nothing", nothing);
  Aioproc.worker_add_function ("later", later);
  Aioproc.worker_add_function ("fail_later", fail_later);
  Aioproc.worker_add_function ("wait_cancelled", wait_cancelled);
  Aioproc.worker_add_function ("echo", echo);
  Aioproc.worker_run ();
  AioprocTest.init (ref args);

  add_case ("/aioproc/vala/process/result", "A function returns, now or later", () => {
    var done = new Completion ();
    test_result.begin (done.callback);
    test_result.end (done.wait ());
  });
  add_case ("/aioproc/vala/process/errors", "What a function throws is thrown", () => {
    var done = new Completion ();
    test_errors.begin (done.callback);
    test_errors.end (done.wait ());
  });
  add_case ("/aioproc/vala/process/message", "Objects and bytes go there and back", () => {
    var done = new Completion ();
    test_message.begin (done.callback);
    test_message.end (done.wait ());
  });
  add_case ("/aioproc/vala/process/cancel", "Joins and functions are cancelled", () => {
    var done = new Completion ();
    test_cancel.begin (done.callback);
    test_cancel.end (done.wait ());
  });
  add_case ("/aioproc/vala/process/context", "Properties of a context", test_context);

  return Test.run ();
}
