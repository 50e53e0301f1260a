/* test-barrier.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A barrier as a JavaScript program has it: GJS, promises, await. */

import Aioproc from 'gi://Aioproc?version=1';
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

import {assert, assertEqual, assertRejects, assertSame, assertThrows, run, test}
  from './aioproc-test.js';

Gio._promisify(Aioproc.Barrier.prototype, 'wait_async');

test('construct', 'Constructors, and the properties', () => {
  const barrier = new Aioproc.Barrier({parties: 4, name: 'start'});

  assertSame(Aioproc.Barrier.new(3).get_parties(), 3);
  assertSame(barrier.parties, 4);
  assertSame(barrier.name, 'start');
  assertSame(barrier.broken, false);
  assertSame(barrier.n_waiting, 0);
  assertThrows(() => Aioproc.Barrier.new(0), Gio.IOErrorEnum, Gio.IOErrorEnum.INVALID_ARGUMENT);
});

test('meet', 'Parties meet, each with a number of its own', async () => {
  const barrier = new Aioproc.Barrier({parties: 3});

  for (let i = 0; i < 3; i++) {
    const waits = [0, 1, 2].map(() => barrier.wait_async(-1, null));
    assertEqual(await Promise.all(waits), [0, 1, 2]);
  }
});

test('shareable', 'A barrier implements Shareable, and has an identity', () => {
  const barrier = new Aioproc.Barrier({parties: 2});

  assert(barrier instanceof Gio.Initable);
  assert(barrier.dup_id() !== new Aioproc.Barrier({parties: 2}).dup_id());
});

test('wait', 'The blocking form, and how it ends without the others', async () => {
  const barrier = new Aioproc.Barrier({parties: 2});
  const cancellable = new Gio.Cancellable();
  const first = barrier.wait_async(-1, null);

  assertSame(barrier.wait(-1, null), 1);
  assertSame(await first, 0);
  cancellable.cancel();
  assertThrows(() => barrier.wait(-1, cancellable), Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
  await assertRejects(barrier.wait_async(-1, cancellable), Gio.IOErrorEnum,
    Gio.IOErrorEnum.CANCELLED);
  assertSame(barrier.is_broken(), false, 'it had not come');
  for (const timeout of [0, 1000]) {
    assertThrows(() => barrier.wait(timeout, null), Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT);
    assertThrows(() => barrier.wait(-1, null), Aioproc.Error, Aioproc.Error.BROKEN_BARRIER);
    assertSame(barrier.reset(), true);
  }
});

test('dispose-while-pending', 'Disposing of the object completes what is pending', async () => {
  const barrier = new Aioproc.Barrier({parties: 2});

  // See the semaphores.
  await new Promise((resolve, reject) => {
    barrier.wait_async(-1, null, (source, result) => {
      try {
        assertThrows(() => result.propagate_int(), Gio.IOErrorEnum, Gio.IOErrorEnum.CLOSED);
        resolve();
      } catch (error) {
        reject(error);
      }
    });
    barrier.run_dispose();
  });
});

test('broken', 'A timeout, a cancellation and an abort break it for the others', async () => {
  const barrier = new Aioproc.Barrier({parties: 3});
  const isBroken = promise =>
    assertRejects(promise, Aioproc.Error, Aioproc.Error.BROKEN_BARRIER);

  let wait = barrier.wait_async(-1, null);
  await assertRejects(barrier.wait_async(1000, null), Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT);
  await isBroken(wait);
  assertSame(barrier.is_broken(), true);
  await isBroken(barrier.wait_async(-1, null));
  assertSame(barrier.reset(), true);

  const cancellable = new Gio.Cancellable();
  wait = barrier.wait_async(-1, null);
  const cancelled = barrier.wait_async(-1, cancellable);
  assertSame(barrier.n_waiting, 2);
  cancellable.cancel();
  await assertRejects(cancelled, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
  await isBroken(wait);
  assertSame(barrier.reset(), true);

  wait = barrier.wait_async(-1, null);
  assertSame(barrier.abort(), true);
  await isBroken(wait);
});

test('action', 'The action is done once a round, and what it throws is an error', async () => {
  const barrier = new Aioproc.Barrier({parties: 2});
  let calls = 0;

  barrier.set_action(() => {
    calls++;
  });

  for (let i = 0; i < 3; i++) {
    assertEqual(await Promise.all([barrier.wait_async(-1, null), barrier.wait_async(-1, null)]),
      [0, 1]);
    assertSame(calls, i + 1);
  }

  barrier.set_action(() => {
    throw new GLib.Error(Gio.IOErrorEnum, Gio.IOErrorEnum.BUSY, 'no');
  });

  const wait = barrier.wait_async(-1, null);
  await assertRejects(barrier.wait_async(-1, null), Gio.IOErrorEnum, Gio.IOErrorEnum.BUSY);
  await assertRejects(wait, Aioproc.Error, Aioproc.Error.BROKEN_BARRIER);
  barrier.set_action(null);
});

await run('/aioproc/gjs/barrier');
