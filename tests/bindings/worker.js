/* worker.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A worker program in JavaScript, with the functions of worker-functions.c and some more. */

import Aioproc from 'gi://Aioproc?version=1';
import GLib from 'gi://GLib';
import Gio from 'gi://Gio';

Gio._promisify(Aioproc.Event.prototype, 'wait_async');
Gio._promisify(Aioproc.Lock.prototype, 'acquire_async');
Gio._promisify(Aioproc.Queue.prototype, 'get_async');
Gio._promisify(Aioproc.Queue.prototype, 'put_async');

/* Lets a process call an asynchronous function, with await and all. */
function deferred(func) {
  return call => {
    call.defer();
    func(call).then(value => call.return_value(value), error => {
      if (!(error instanceof GLib.Error)) {
        error = new Aioproc.Error({
          code: Aioproc.Error.REMOTE,
          message: `${error}\n${error.stack}`,
        });
      }
      call.return_error(error);
    });
    return null;
  };
}

let remembered;

const functions = {
  square(call) {
    call.check_arguments('(i)');
    const [number] = call.dup_arguments().deepUnpack();

    return new GLib.Variant('(i)', [number * number]);
  },

  echo(call) {
    call.return_message(call.dup_message());
    return null;
  },

  fail() {
    throw new Gio.IOErrorEnum({
      code: Gio.IOErrorEnum.NOT_FOUND,
      message: 'There is no such thing',
    });
  },

  fail_aioproc() {
    throw new Aioproc.Error({code: Aioproc.Error.BROKEN_BARRIER, message: 'It is broken'});
  },

  nothing() {
    return null;
  },

  later: deferred(async () => {
    await null;
    return new GLib.Variant('(s)', ['later']);
  }),

  fail_later: deferred(async () => {
    await null;
    throw new Gio.IOErrorEnum({code: Gio.IOErrorEnum.BUSY, message: 'Too late'});
  }),

  progress(call) {
    call.report_progress(0.25, 'begins');
    call.report_progress(0.75, 'goes on');
    return new GLib.Variant('()', []);
  },

  pause_halfway(call) {
    const [handle] = call.dup_arguments().deepUnpack();

    call.report_progress(0.5, 'half-way');
    call.dup_object(handle).wait(-1, null);
    return new GLib.Variant('()', []);
  },

  // The asynchronous form, where the others block.
  wait_cancelled: deferred(async call => {
    const [handle] = call.dup_arguments().deepUnpack();

    call.dup_object(handle).set();
    await Aioproc.Event.new().wait_async(-1, call.get_cancellable());
    return new GLib.Variant('()', []);
  }),

  hold(call) {
    const [lock, held, go] = call.dup_arguments().deepUnpack().map(h => call.dup_object(h));

    lock.acquire(-1, null);
    held.set();
    go.wait(-1, null);
    lock.release();
    return new GLib.Variant('()', []);
  },

  produce: deferred(async call => {
    const [lockHandle, readyHandle, queueHandle, n] = call.dup_arguments().deepUnpack();
    const lock = call.dup_object(lockHandle);
    const ready = call.dup_object(readyHandle);
    const queue = call.dup_object(queueHandle);

    await lock.acquire_async(-1, null);
    ready.set();
    for (let i = 0; i < n; i++)
      await queue.put_async(new GLib.Variant('i', i), -1, null);
    await queue.put_async(new GLib.Variant('()', []), -1, null);
    lock.release();
    return new GLib.Variant('()', []);
  }),

  negate: deferred(async call => {
    const [source, target] = call.dup_arguments().deepUnpack().map(h => call.dup_object(h));

    try {
      for (;;) {
        const value = await source.get_async(-1, null);

        await target.put_async(new GLib.Variant('i', -value.unpack()), -1, null);
      }
    } catch (error) {
      if (!error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.CLOSED))
        throw error;
    }
    return new GLib.Variant('()', []);
  }),

  fill(call) {
    const [handle] = call.dup_arguments().deepUnpack();
    const memory = call.dup_object(handle);

    memory.write_bytes(0, new GLib.Bytes(new Uint8Array(memory.size).fill(120)));
    return new GLib.Variant('(t)', [memory.size]);
  },

  count(call) {
    const [counter, array] = call.dup_arguments().deepUnpack().map(h => call.dup_object(h));
    let place = 0;

    for (let i = 0; i < 100; i++)
      counter.add(1);
    while (!array.compare_and_swap(place, 0, place + 1)[0])
      place++;
    return new GLib.Variant('()', []);
  },

  whoami() {
    const current = Aioproc.Process.get_current();

    return new GLib.Variant('(sii)', [current.dup_name(), current.get_pid(),
      Aioproc.Process.get_parent().get_pid()]);
  },

  remember(call) {
    remembered = call.dup_arguments().deepUnpack();
    return new GLib.Variant('()', []);
  },

  recall() {
    return new GLib.Variant('(i)', remembered);
  },

  throw() {
    throw new TypeError('from the worker');
  },

  throw_later: deferred(async () => {
    await null;
    throw new TypeError('from the worker');
  }),

  wrong_type() {
    return 'no variant';
  },

  speak() {
    print('What a worker says');
    return new GLib.Variant('()', []);
  },
};

for (const [name, func] of Object.entries(functions))
  Aioproc.worker_add_function(name, func);

Aioproc.worker_run();
throw new Error('This is a worker program');
