/* test-semaphore.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Semaphores as a JavaScript program has them: GJS, promises, await. */

import Aioproc from 'gi://Aioproc?version=1';
import GLib from 'gi://GLib';
import Gio from 'gi://Gio';

import {assert, assertEqual, assertRejects, assertSame, assertThrows, idle, run, test}
  from './aioproc-test.js';

Gio._promisify(Aioproc.Semaphore.prototype, 'acquire_async');

const N_MANY = 500;
const MOST = 1048575;
const MILLISECOND = GLib.TIME_SPAN_MILLISECOND;

function exhausted(properties = {}) {
  const semaphore = new Aioproc.Semaphore(properties);

  assert(semaphore.try_acquire());
  return semaphore;
}

function assertUnits(semaphore, free, held) {
  assertSame(semaphore.get_value(), free);
  assertSame(semaphore.get_held(), held);
  assertSame(semaphore.is_locked(), free === 0);
}

test('construct', 'Constructors, with and without properties', () => {
  let semaphore = Aioproc.Semaphore.new(3);
  assertSame(semaphore.get_name(), null);
  assertSame(semaphore.initial_value, 3);
  assertSame(semaphore.initialValue, 3);
  assertSame(semaphore.get_initial_value(), 3);
  assertUnits(semaphore, 3, 0);

  semaphore = new Aioproc.Semaphore({name: 'slots', initial_value: 2});
  assert(semaphore.init(null), 'it does no harm');
  assertSame(semaphore.name, 'slots');
  assertUnits(semaphore, 2, 0);
  assertUnits(new Aioproc.Semaphore(), 1, 0);
  assert(semaphore instanceof Gio.Initable);
});

test('construct-bounded', 'A bounded semaphore is a semaphore', () => {
  const semaphore = Aioproc.BoundedSemaphore.new(2);

  assert(semaphore instanceof Aioproc.Semaphore);
  assertUnits(semaphore, 2, 0);
  assertUnits(new Aioproc.BoundedSemaphore({initial_value: 4}), 4, 0);
});

test('bounded', 'Every form of a bounded semaphore, and how each ends without', async () => {
  const semaphore = Aioproc.BoundedSemaphore.new(3);
  const cancellable = new Gio.Cancellable();

  assert(semaphore.try_acquire());
  assert(semaphore.acquire(-1, null));
  assertSame(await semaphore.acquire_async(-1, null), true);
  assertUnits(semaphore, 0, 3);

  assertThrows(() => semaphore.try_acquire(), Gio.IOErrorEnum, Gio.IOErrorEnum.WOULD_BLOCK);
  assertThrows(() => semaphore.acquire(MILLISECOND, null), Gio.IOErrorEnum,
    Gio.IOErrorEnum.TIMED_OUT);
  const late = semaphore.acquire_async(MILLISECOND, null);
  const cancelled = semaphore.acquire_async(-1, cancellable);
  const behind = semaphore.acquire_async(-1, null);
  await assertRejects(late, Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT);
  cancellable.cancel();
  await assertRejects(cancelled, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
  assertThrows(() => semaphore.acquire(-1, cancellable), Gio.IOErrorEnum,
    Gio.IOErrorEnum.CANCELLED);
  semaphore.release();
  assertSame(await behind, true);
  for (let i = 0; i < 3; i++)
    semaphore.release();
  assertUnits(semaphore, 3, 0);
});

test('construct-too-large', 'More units than there can be are refused', () => {
  assertThrows(() => Aioproc.Semaphore.new(MOST + 1), Gio.IOErrorEnum,
    Gio.IOErrorEnum.INVALID_ARGUMENT, `${MOST}`);
  assertSame(Aioproc.Semaphore.new(MOST).get_value(), MOST);
});

test('shareable', 'A semaphore implements Shareable, and has an identity', () => {
  const semaphore = Aioproc.Semaphore.new(1);

  assert(semaphore instanceof Aioproc.Shareable);
  assert(semaphore.dup_id() !== Aioproc.Semaphore.new(1).dup_id());
});

test('acquire', 'Every form to acquire, and release', async () => {
  const semaphore = Aioproc.Semaphore.new(4);
  const forms = [
    () => semaphore.try_acquire(),
    () => semaphore.acquire(-1, null),
    () => semaphore.acquire(0, null),
    () => semaphore.acquire_async(-1, null),
  ];
  let held = 0;

  for (const acquire of forms) {
    assertUnits(semaphore, 4 - held, held);
    assertSame(await acquire(), true);
    held++;
  }
  assertUnits(semaphore, 0, 4);
  for (; held > 0; held--)
    assertSame(semaphore.release(), true);
  assertUnits(semaphore, 4, 0);
});

test('post-consume', 'Units are made, and given up', () => {
  const semaphore = Aioproc.Semaphore.new(0);

  assert(semaphore.post());
  assert(semaphore.post());
  assert(semaphore.acquire(-1, null));
  assert(semaphore.consume());
  assertUnits(semaphore, 1, 0);
});

test('errors', 'Errors are matched by domain and code', () => {
  const semaphore = exhausted({name: 'slots'});
  const bounded = new Aioproc.BoundedSemaphore({name: 'few'});

  assertThrows(() => semaphore.try_acquire(), Gio.IOErrorEnum, Gio.IOErrorEnum.WOULD_BLOCK,
    'slots');
  assertThrows(() => semaphore.acquire(0, null), Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT,
    'slots');
  semaphore.release();
  assertThrows(() => semaphore.release(), Aioproc.Error, Aioproc.Error.NOT_OWNER, 'slots');
  assertThrows(() => semaphore.consume(), Aioproc.Error, Aioproc.Error.NOT_OWNER, 'slots');
  assertThrows(() => bounded.post(), Aioproc.Error, Aioproc.Error.INVALID_STATE, 'few');
});

test('acquire-timeout', 'Timeouts of the blocking form and of the asynchronous one', async () => {
  const semaphore = exhausted();
  let before = GLib.get_monotonic_time();

  assertThrows(() => semaphore.acquire(20 * MILLISECOND, null), Gio.IOErrorEnum,
    Gio.IOErrorEnum.TIMED_OUT);
  assert(GLib.get_monotonic_time() - before >= 20 * MILLISECOND);

  for (const timeout of [0, 20 * MILLISECOND]) {
    before = GLib.get_monotonic_time();
    await assertRejects(semaphore.acquire_async(timeout, null), Gio.IOErrorEnum,
      Gio.IOErrorEnum.TIMED_OUT);
    assert(GLib.get_monotonic_time() - before >= timeout);
  }
});

test('acquire-async', 'A pending operation completes after a post', async () => {
  const semaphore = Aioproc.Semaphore.new(0);
  let acquired = false;
  const promise = semaphore.acquire_async(-1, null).then(result => {
    acquired = result;
  });

  await idle();
  assertSame(acquired, false);
  assert(semaphore.post());
  assertSame(acquired, false, 'called inside of the call');
  await promise;
  assertSame(acquired, true);
  assertUnits(semaphore, 0, 1);
});

test('acquire-async-many', 'Many operations get the units in their order', async () => {
  const semaphore = exhausted();
  const order = [];
  const promises = [];

  for (let i = 0; i < N_MANY; i++) {
    promises.push(semaphore.acquire_async(-1, null).then(() => {
      order.push(i);
      semaphore.release();
    }));
  }
  semaphore.release();
  await Promise.all(promises);
  assertEqual(order, [...Array(N_MANY).keys()]);
  assertUnits(semaphore, 1, 0);
});

test('cancel', 'A cancelled operation holds no unit; the next one gets it', async () => {
  const semaphore = exhausted();
  const cancellable = new Gio.Cancellable();
  const cancelled = semaphore.acquire_async(-1, cancellable);
  const behind = semaphore.acquire_async(-1, null);

  cancellable.cancel();
  await assertRejects(cancelled, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
  semaphore.release();
  assertSame(await behind, true);
  semaphore.release();
  assertThrows(() => semaphore.acquire(-1, cancellable), Gio.IOErrorEnum,
    Gio.IOErrorEnum.CANCELLED);
  assertUnits(semaphore, 1, 0);
});

test('dispose-while-pending', 'Disposing of the object completes what is pending', async () => {
  const semaphore = exhausted();

  // GJS lets nobody call methods of an object that was disposed of: not acquire_finish() either.
  await new Promise((resolve, reject) => {
    semaphore.acquire_async(-1, null, (source, result) => {
      try {
        assertThrows(() => result.propagate_boolean(), Gio.IOErrorEnum, Gio.IOErrorEnum.CLOSED);
        resolve();
      } catch (error) {
        reject(error);
      }
    });
    semaphore.run_dispose();
  });
});

test('wrong-arguments', 'Wrong arguments throw, and crash nothing', () => {
  const semaphore = Aioproc.Semaphore.new(1);
  const wrong = [
    () => semaphore.acquire(),
    () => semaphore.acquire(-1, {}),
    () => semaphore.acquire_finish(null),
    () => new Aioproc.Semaphore({nmae: 'slots'}),
  ];

  for (const func of wrong) {
    let error = null;

    try {
      func();
    } catch (e) {
      error = e;
    }
    assert(error instanceof Error, `${func}`);
  }
  assertUnits(semaphore, 1, 0);
});

await run('/aioproc/gjs/semaphore');
