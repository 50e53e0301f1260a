/* quickstart.vala
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A worker, and what it shares with the main program, in Vala. */

/* Runs in its own process, with plain blocking calls. The queue ends with a mark: nothing. */
Variant? worker (Aioproc.Call call) throws Error {
  int queue_handle, event_handle, lock_handle;

  call.check_arguments ("(hhh)");
  call.dup_arguments ().@get ("(hhh)", out queue_handle, out event_handle, out lock_handle);
  var queue = (Aioproc.Queue) call.dup_object (queue_handle);
  var event = (Aioproc.Event) call.dup_object (event_handle);
  var mutex = (Aioproc.Lock) call.dup_object (lock_handle);

  mutex.acquire (-1);
  event.set ();
  for (var item = 1; item <= 5; item++) {
    Thread.usleep (100000);
    queue.put (new Variant ("mi", true, item + 5), -1);
  }
  queue.put (new Variant ("mi", false, 0), -1);
  mutex.release ();
  return new Variant ("()");
}

async void run () throws Error {
  var queue = new Aioproc.Queue (0);
  var event = new Aioproc.Event ();
  var mutex = new Aioproc.Lock ();

  // A handle in the arguments is the place of an object in the message.
  var message = new Aioproc.Message (null);
  message.set_body (new Variant ("(hhh)", message.append_object (queue),
    message.append_object (event), message.append_object (mutex)));

  print ("Starting worker process...\n");
  var process = new Aioproc.Process.with_message (null, "worker", message);
  yield process.start_async (null);
  yield event.wait_async (-1, null);
  print ("Worker is ready.\n");

  yield mutex.acquire_async (-1, null);
  print ("Lock acquired in main process (async).\n");
  yield queue.put_async (new Variant ("mi", true, 78), -1, null);
  print ("Put 78 into queue from main process.\n");
  mutex.release ();

  print ("Collecting results from queue...\n");
  for (;;) {
    var item = (yield queue.get_async (-1, null)).get_maybe ();

    if (item == null)
      break;
    print ("Got result: %d\n", item.get_int32 ());
  }

  yield process.join_async (-1, null);
  process.dup_result ();
  print ("Worker process finished.\n");
}

int main () {
  Aioproc.worker_add_function ("worker", worker);
  Aioproc.worker_run ();  // in the worker: does not return

  var loop = new MainLoop ();
  run.begin ((source, result) => {
    try {
      run.end (result);
    } catch (Error e) {
      error ("%s", e.message);
    }
    loop.quit ();
  });
  loop.run ();
  return 0;
}
