/* test-lock.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A lock as a JavaScript program has it: GJS, promises, await. */

import Aioproc from 'gi://Aioproc?version=1';
import GLib from 'gi://GLib';
import Gio from 'gi://Gio';

import {assert, assertEqual, assertRejects, assertSame, assertThrows, collect, countFds, idle,
  run, test} from './aioproc-test.js';

Gio._promisify(Aioproc.Lock.prototype, 'acquire_async');

const N_MANY = 500;
const MILLISECOND = GLib.TIME_SPAN_MILLISECOND;

function hold(properties = {}) {
  const lock = new Aioproc.Lock(properties);

  assert(lock.init(null));
  assert(lock.try_acquire());
  return lock;
}

test('construct', 'Constructors, with and without properties', () => {
  let lock = Aioproc.Lock.new();
  assertSame(lock.get_name(), null);
  assertSame(lock.name, null);
  assertSame(lock.strict, false);
  assertSame(lock.was_abandoned, false);
  assertSame(lock.wasAbandoned, false);
  assert(lock.try_acquire());

  lock = new Aioproc.Lock({name: 'jobs', strict: true});
  assert(lock.init(null));
  assert(lock.init(null), 'once more does no harm');
  assertSame(lock.get_name(), 'jobs');
  assertSame(lock.name, 'jobs');
  assertSame(lock.strict, true);
  assertSame(lock.get_strict(), true);
  assert(lock instanceof Gio.Initable);
});

test('construct-only', 'An object is ready without init()', () => {
  const lock = new Aioproc.Lock({name: 'jobs'});

  assert(lock.try_acquire());
  assertSame(lock.name, 'jobs');
  assert(lock.dup_id() !== null);
  assert(lock.init(null), 'it does no harm');
});

test('construct-fails', 'A cancelled init() throws, and can be called again', () => {
  const cancellable = new Gio.Cancellable();
  const lock = new Aioproc.Lock();

  cancellable.cancel();
  assertThrows(() => lock.init(cancellable), Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
  assert(lock.init(null));
  assert(lock.try_acquire());
});

test('shareable', 'A lock implements Shareable, and has an identity', () => {
  const lock = Aioproc.Lock.new();

  assert(lock instanceof Aioproc.Shareable);
  assert(lock.dup_id() !== Aioproc.Lock.new().dup_id());
});

test('acquire', 'Every form to acquire, and release', async () => {
  const lock = Aioproc.Lock.new();
  const forms = [
    () => lock.try_acquire(),
    () => lock.acquire(-1, null),
    () => lock.acquire(0, null),
    () => lock.acquire_async(-1, null),
  ];

  for (const acquire of forms) {
    assertSame(lock.is_locked(), false);
    assertSame(await acquire(), true);
    assertSame(lock.is_locked(), true);
    assertSame(lock.release(), true);
  }
});

test('errors', 'Errors are matched by domain and code', () => {
  const lock = hold({name: 'jobs'});

  assertThrows(() => lock.try_acquire(), Gio.IOErrorEnum, Gio.IOErrorEnum.WOULD_BLOCK, 'jobs');
  assertThrows(() => lock.acquire(0, null), Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT, 'jobs');
  lock.release();
  assertThrows(() => lock.release(), Aioproc.Error, Aioproc.Error.NOT_OWNER, 'jobs');
  try {
    lock.release();
  } catch (error) {
    assert(error instanceof Aioproc.Error);
    assertSame(error.domain, Aioproc.error_quark());
    assertSame(Aioproc.Error.quark(), Aioproc.error_quark());
  }
});

test('acquire-timeout', 'Timeouts of the blocking form and of the asynchronous one', async () => {
  const lock = hold();
  let before = GLib.get_monotonic_time();

  assertThrows(() => lock.acquire(20 * MILLISECOND, null), Gio.IOErrorEnum,
    Gio.IOErrorEnum.TIMED_OUT);
  assert(GLib.get_monotonic_time() - before >= 20 * MILLISECOND);

  for (const timeout of [0, 20 * MILLISECOND]) {
    before = GLib.get_monotonic_time();
    await assertRejects(lock.acquire_async(timeout, null), Gio.IOErrorEnum,
      Gio.IOErrorEnum.TIMED_OUT);
    assert(GLib.get_monotonic_time() - before >= timeout);
  }
});

test('acquire-async', 'A pending operation completes after a release', async () => {
  const lock = hold();
  let acquired = false;
  const promise = lock.acquire_async(-1, null).then(result => {
    acquired = result;
  });

  await idle();
  assertSame(acquired, false);
  assert(lock.release());
  assertSame(acquired, false, 'called inside of the call');
  await promise;
  assertSame(acquired, true);
  assert(lock.is_locked());
});

test('acquire-async-callback', 'Without a promise: callback, or nothing at all', async () => {
  const lock = hold();

  lock.acquire_async(-1, null, null);
  lock.release();
  // What nobody waits for is acquired nevertheless.
  assert(lock.is_locked());
  lock.release();

  await new Promise(resolve => {
    lock.acquire_async(-1, null, (source, result) => {
      assertSame(source, lock);
      assertSame(lock.acquire_finish(result), true);
      resolve();
    });
  });
});

test('acquire-async-many', 'Many operations get the lock one after the other', async () => {
  const lock = hold();
  const order = [];
  const promises = [];

  for (let i = 0; i < N_MANY; i++) {
    promises.push(lock.acquire_async(-1, null).then(() => {
      order.push(i);
      lock.release();
    }));
  }
  lock.release();
  await Promise.all(promises);
  assertEqual(order, [...Array(N_MANY).keys()]);
  assertSame(lock.is_locked(), false);
});

test('cancel-before', 'A cancelled cancellable fails every form at once', async () => {
  const lock = Aioproc.Lock.new();
  const cancellable = new Gio.Cancellable();

  cancellable.cancel();
  assertThrows(() => lock.acquire(-1, cancellable), Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
  await assertRejects(lock.acquire_async(-1, cancellable), Gio.IOErrorEnum,
    Gio.IOErrorEnum.CANCELLED);
  assertSame(lock.is_locked(), false);
});

test('cancel-while', 'A cancelled operation holds no lock; the next one gets it', async () => {
  const lock = hold();
  const cancellable = new Gio.Cancellable();
  const cancelled = lock.acquire_async(-1, cancellable);
  const behind = lock.acquire_async(-1, null);

  cancellable.cancel();
  await assertRejects(cancelled, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
  lock.release();
  assertSame(await behind, true);
});

test('cancel-after', 'Who cancels after the lock was acquired has it', async () => {
  const lock = Aioproc.Lock.new();
  const cancellable = new Gio.Cancellable();
  const promise = lock.acquire_async(-1, cancellable);

  cancellable.cancel();
  assertSame(await promise, true);
  assert(lock.is_locked());
});

test('drop-while-pending', 'A pending operation keeps the object alive', async () => {
  const start = () => hold().acquire_async(20 * MILLISECOND, null);

  // Of the cases before this one.
  await collect();
  const before = countFds();

  let promise = start();
  await collect();
  await assertRejects(promise, Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT);
  promise = null;
  await collect(() => countFds() <= before);
});

test('dispose-while-pending', 'Disposing of the object completes what is pending', async () => {
  const lock = hold();

  // GJS lets nobody call methods of an object that was disposed of: not acquire_finish() either.
  await new Promise((resolve, reject) => {
    lock.acquire_async(-1, null, (source, result) => {
      try {
        assertThrows(() => result.propagate_boolean(), Gio.IOErrorEnum, Gio.IOErrorEnum.CLOSED);
        resolve();
      } catch (error) {
        reject(error);
      }
    });
    lock.run_dispose();
  });
});

test('callback-throws', 'An exception in a callback harms nothing', async () => {
  const lock = hold();

  GLib.test_expect_message('Gjs', GLib.LogLevelFlags.LEVEL_CRITICAL, '*from the callback*');
  lock.acquire_async(-1, null, (source, result) => {
    source.acquire_finish(result);
    source.release();
    throw new Error('from the callback');
  });
  const promise = lock.acquire_async(-1, null);
  lock.release();
  assertSame(await promise, true);
  GLib.test_assert_expected_messages_internal('Gjs', 'test-lock.js', 0, 'callback-throws');
});

test('wrong-arguments', 'Wrong arguments throw, and crash nothing', () => {
  const lock = Aioproc.Lock.new();
  const wrong = [
    () => lock.acquire(),
    () => lock.acquire(-1, {}),
    () => lock.acquire_finish(null),
    () => lock.acquire_finish(lock),
    () => new Aioproc.Lock({nmae: 'jobs'}),
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
  assertSame(lock.is_locked(), false);
});

await run('/aioproc/gjs/lock');
