/* test-rlock.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Recursive locks as a JavaScript program has them: GJS, promises, await. */

import Aioproc from 'gi://Aioproc?version=1';
import GLib from 'gi://GLib';
import Gio from 'gi://Gio';

import {assert, assertEqual, assertRejects, assertSame, assertThrows, idle, run, test}
  from './aioproc-test.js';

Gio._promisify(Aioproc.RLock.prototype, 'acquire_async');

const N_MANY = 500;
const MILLISECOND = GLib.TIME_SPAN_MILLISECOND;
/* Whatever a program numbers its flows with. */
const ALICE = 1;
const BOB = 2;

function hold(owner, properties = {}) {
  const lock = new Aioproc.RLock(properties);

  assert(lock.try_acquire(owner));
  return lock;
}

function assertDepth(lock, owner, depth) {
  assertSame(lock.get_depth(owner), depth);
  assertSame(lock.is_owned(owner), depth > 0);
}

test('construct', 'Constructors, with and without properties', () => {
  let lock = Aioproc.RLock.new();
  assertSame(lock.name, null);
  assertSame(lock.strict, false);
  assertSame(lock.was_abandoned, false);
  assertSame(lock.is_locked(), false);

  lock = new Aioproc.RLock({name: 'jobs', strict: true});
  assert(lock.init(null), 'it does no harm');
  assertSame(lock.get_name(), 'jobs');
  assertSame(lock.get_strict(), true);
  assert(lock instanceof Gio.Initable);
});

test('shareable', 'A recursive lock implements Shareable, and has an identity', () => {
  const lock = Aioproc.RLock.new();

  assert(lock instanceof Aioproc.Shareable);
  assert(lock.dup_id() !== Aioproc.RLock.new().dup_id());
});

test('acquire', 'Every form to acquire, again and again, and as many releases', async () => {
  const lock = Aioproc.RLock.new();
  const forms = [
    () => lock.try_acquire(ALICE),
    () => lock.acquire(ALICE, -1, null),
    () => lock.acquire(ALICE, 0, null),
    () => lock.acquire_async(ALICE, -1, null),
  ];
  let depth = 0;

  for (const acquire of forms) {
    assertDepth(lock, ALICE, depth);
    assertSame(await acquire(), true);
    depth++;
  }
  for (; depth > 0; depth--) {
    assertSame(lock.is_locked(), true);
    assertDepth(lock, ALICE, depth);
    assertSame(lock.release(ALICE), true);
  }
  assertSame(lock.is_locked(), false);
});

test('owners', 'One owner keeps the others out, also those of its own process', () => {
  const lock = hold(0, {name: 'jobs'});

  assert(lock.try_acquire(0));
  assertDepth(lock, 0, 2);
  assertDepth(lock, ALICE, 0);
  assertThrows(() => lock.try_acquire(ALICE), Gio.IOErrorEnum, Gio.IOErrorEnum.WOULD_BLOCK,
    'jobs');
  assertThrows(() => lock.acquire(ALICE, 0, null), Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT,
    'jobs');
  assertThrows(() => lock.release(ALICE), Aioproc.Error, Aioproc.Error.NOT_OWNER, 'jobs');
  assert(lock.release(0));
  assert(lock.release(0));
  assertThrows(() => lock.release(0), Aioproc.Error, Aioproc.Error.NOT_OWNER, 'jobs');
});

test('acquire-timeout', 'Timeouts of the blocking form and of the asynchronous one', async () => {
  const lock = hold(ALICE);
  let before = GLib.get_monotonic_time();

  assertThrows(() => lock.acquire(BOB, 20 * MILLISECOND, null), Gio.IOErrorEnum,
    Gio.IOErrorEnum.TIMED_OUT);
  assert(GLib.get_monotonic_time() - before >= 20 * MILLISECOND);

  for (const timeout of [0, 20 * MILLISECOND]) {
    before = GLib.get_monotonic_time();
    await assertRejects(lock.acquire_async(BOB, timeout, null), Gio.IOErrorEnum,
      Gio.IOErrorEnum.TIMED_OUT);
    assert(GLib.get_monotonic_time() - before >= timeout);
  }
});

test('acquire-async', 'The owner does not wait, and another one does', async () => {
  const lock = hold(ALICE);
  let acquired = false;
  const promise = lock.acquire_async(BOB, -1, null).then(result => {
    acquired = result;
  });

  assertSame(await lock.acquire_async(ALICE, -1, null), true);
  assertDepth(lock, ALICE, 2);
  assert(lock.release(ALICE));
  await idle();
  assertSame(acquired, false);
  assert(lock.release(ALICE));
  assertSame(acquired, false, 'called inside of the call');
  await promise;
  assertSame(acquired, true);
  assertDepth(lock, BOB, 1);
});

test('acquire-async-many', 'Many owners get the lock in their order', async () => {
  const lock = hold(0);
  const order = [];
  const promises = [];

  for (let i = 1; i <= N_MANY; i++) {
    promises.push(lock.acquire_async(i, -1, null).then(() => {
      order.push(i);
      lock.release(i);
    }));
  }
  lock.release(0);
  await Promise.all(promises);
  assertEqual(order, [...Array(N_MANY).keys()].map(i => i + 1));
  assertSame(lock.is_locked(), false);
});

test('cancel', 'A cancelled operation holds no lock; the next one gets it', async () => {
  const lock = hold(ALICE);
  const cancellable = new Gio.Cancellable();
  const cancelled = lock.acquire_async(BOB, -1, cancellable);
  const behind = lock.acquire_async(BOB, -1, null);

  cancellable.cancel();
  await assertRejects(cancelled, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
  lock.release(ALICE);
  assertSame(await behind, true);
  assertThrows(() => lock.acquire(BOB, -1, cancellable), Gio.IOErrorEnum,
    Gio.IOErrorEnum.CANCELLED);
  assertDepth(lock, BOB, 1);
});

test('wrong-arguments', 'Wrong arguments throw, and crash nothing', () => {
  const lock = Aioproc.RLock.new();
  const wrong = [
    () => lock.try_acquire(),
    () => lock.acquire(ALICE),
    () => lock.acquire(ALICE, -1, {}),
    () => lock.acquire_finish(null),
    () => new Aioproc.RLock({nmae: 'jobs'}),
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

await run('/aioproc/gjs/rlock');
