/* test-wait.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* The wait for the first of many as a JavaScript program has it. */

import Aioproc from 'gi://Aioproc?version=1';
import GLib from 'gi://GLib';
import Gio from 'gi://Gio';

import {assert, assertEqual, assertRejects, assertSame, assertThrows, run, test}
  from './aioproc-test.js';

function wait(waitables, timeout, cancellable) {
  return new Promise((resolve, reject) => {
    Aioproc.wait_async(waitables, timeout, cancellable, (_source, result) => {
      try {
        resolve(Aioproc.wait_finish(result));
      } catch (error) {
        reject(error);
      }
    });
  });
}

function assertFound(found, expected) {
  assertSame(found.length, expected.length);
  found.forEach((waitable, i) => assertSame(waitable, expected[i]));
}

function make() {
  const [, here, there] = Aioproc.pipe(true);
  const queue = new Aioproc.Queue();

  return {here, there, queue};
}

test('blocking', 'A mix, of which more and more are ready', () => {
  const {here, there, queue} = make();

  assertThrows(() => Aioproc.wait([here, queue], 1000, null), Gio.IOErrorEnum,
    Gio.IOErrorEnum.TIMED_OUT);
  queue.try_put(new GLib.Variant('i', 1));
  assertFound(Aioproc.wait([here, queue], -1, null), [queue]);
  there.send(Aioproc.Message.new(new GLib.Variant('i', 2)), -1, null);
  assertFound(Aioproc.wait([here, queue, here], -1, null), [here, queue]);
  assertThrows(() => Aioproc.wait([], -1, null), Gio.IOErrorEnum,
    Gio.IOErrorEnum.INVALID_ARGUMENT);
});

test('async', 'Promises that end with what is ready', async () => {
  const {here, there, queue} = make();
  const first = wait([here, queue], -1, null);

  there.send(Aioproc.Message.new(new GLib.Variant('i', 2)), -1, null);
  assertFound(await first, [here]);
  there.close();
  queue.close(false);
  assertFound(await wait([queue, here], -1, null), [queue, here]);
  assertEqual(here.recv(-1, null).dup_body().unpack(), 2);
});

test('cancelled', 'A wait that is cancelled, or late', async () => {
  const {here, queue} = make();
  const cancellable = new Gio.Cancellable();
  const cancelled = wait([here, queue], -1, cancellable);

  cancellable.cancel();
  await assertRejects(cancelled, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
  await assertRejects(wait([here], 1000, null), Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT);
});

test('descriptor', 'A descriptor is one of them', async () => {
  const {here} = make();
  const [, socket, other] = Aioproc.pipe(true);
  const descriptor = new Aioproc.Descriptor({
    fd: socket.get_fd(),
    condition: GLib.IOCondition.OUT,
  });

  assertSame(descriptor.get_fd(), socket.get_fd());
  assertSame(descriptor.check(), GLib.IOCondition.OUT);
  assertFound(await wait([here, descriptor], -1, null), [descriptor]);
  assert(descriptor.is_ready());
  other.close();
});

await run('/aioproc/gjs/wait');
