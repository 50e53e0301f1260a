/* quickstart.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A worker, and what it shares with the main program, in JavaScript. Run it with: gjs -m */

import Aioproc from 'gi://Aioproc?version=1';
import GLib from 'gi://GLib';
import Gio from 'gi://Gio';

Gio._promisify(Aioproc.Event.prototype, 'wait_async');
Gio._promisify(Aioproc.Lock.prototype, 'acquire_async');
Gio._promisify(Aioproc.Process.prototype, 'join_async');
Gio._promisify(Aioproc.Process.prototype, 'start_async');
Gio._promisify(Aioproc.Queue.prototype, 'get_async');
Gio._promisify(Aioproc.Queue.prototype, 'put_async');

/* Runs in its own process, with plain blocking calls. The queue ends with a mark: nothing. */
function worker(call) {
  const [queue, event, lock] = call.dup_arguments().deepUnpack().map(h => call.dup_object(h));

  lock.acquire(-1, null);
  event.set();
  for (let item = 1; item <= 5; item++) {
    GLib.usleep(100000);
    queue.put(new GLib.Variant('mi', item + 5), -1, null);
  }
  queue.put(new GLib.Variant('mi', null), -1, null);
  lock.release();
  return new GLib.Variant('()', []);
}

Aioproc.worker_add_function('worker', worker);
Aioproc.worker_run();  // in the worker: does not return

const queue = Aioproc.Queue.new(0);
const event = Aioproc.Event.new();
const lock = Aioproc.Lock.new();

// A handle in the arguments is the place of an object in the message.
const message = new Aioproc.Message();
const handles = [queue, event, lock].map(object => message.append_object(object));
message.set_body(new GLib.Variant('(hhh)', handles));

// GJS has threads from the beginning on, which is why its workers cannot be forked.
Aioproc.set_start_method(Aioproc.StartMethod.SPAWN);

print('Starting worker process...');
const process = Aioproc.Process.new_with_message(null, 'worker', message);
await process.start_async(null);
await event.wait_async(-1, null);
print('Worker is ready.');

await lock.acquire_async(-1, null);
print('Lock acquired in main process (async).');
await queue.put_async(new GLib.Variant('mi', 78), -1, null);
print('Put 78 into queue from main process.');
lock.release();

print('Collecting results from queue...');
for (;;) {
  const item = (await queue.get_async(-1, null)).deepUnpack();

  if (item === null)
    break;
  print(`Got result: ${item}`);
}

await process.join_async(-1, null);
process.dup_result();
print('Worker process finished.');
