/* test-condition.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A condition as a JavaScript program has it: GJS, promises, await. */

import Aioproc from 'gi://Aioproc?version=1';
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

import {assert, assertEqual, assertRejects, assertSame, assertThrows, idle, run, test}
  from './aioproc-test.js';

const MILLISECOND = GLib.TIME_SPAN_MILLISECOND;

Gio._promisify(Aioproc.Condition.prototype, 'wait_async');
Gio._promisify(Aioproc.Condition.prototype, 'wait_for_async');

test('construct', 'Constructors, with a lock and without', () => {
  const lock = Aioproc.Lock.new();

  assert(Aioproc.Condition.new(null).get_lock() instanceof Aioproc.RLock);
  assertSame(new Aioproc.Condition({lock}).lock, lock);
  assertThrows(() => Aioproc.Condition.new(Aioproc.Event.new()), Gio.IOErrorEnum,
    Gio.IOErrorEnum.INVALID_ARGUMENT);
});

test('wait', 'One flow waits, another notifies', async () => {
  const condition = new Aioproc.Condition();
  const lock = condition.lock;

  assert(lock.acquire(1, -1, null));
  const wait = condition.wait_async(1, -1, null);
  assertSame(lock.is_locked(), false);
  assert(lock.acquire(2, -1, null));
  assert(condition.notify_n(2, 1));
  assert(lock.release(2));
  assertSame(await wait, true);
  assertSame(lock.is_owned(1), true);
  await assertRejects(condition.wait_async(1, 1000, null), Gio.IOErrorEnum,
    Gio.IOErrorEnum.TIMED_OUT);
  assertSame(lock.is_owned(1), true);
  assert(lock.release(1));
});

test('wait-for', 'A flow waits for what another one makes', async () => {
  const condition = new Aioproc.Condition();
  const lock = condition.lock;
  const items = [];

  assert(lock.acquire(1, -1, null));
  const wait = condition.wait_for_async(1, () => items.length > 0, -1, null);
  assert(lock.acquire(2, -1, null));
  items.push('item');
  assert(condition.notify_all(2));
  assert(lock.release(2));
  assertSame(await wait, true);
  assertEqual(items, ['item']);
  assert(lock.release(1));
});

/* A condition whose lock is held. */
function held() {
  const condition = new Aioproc.Condition({lock: Aioproc.Lock.new()});

  assert(condition.lock.acquire(-1, null));
  return condition;
}

test('shareable', 'A condition implements Shareable, and has an identity', () => {
  const condition = new Aioproc.Condition();

  assert(condition instanceof Gio.Initable);
  assert(condition.dup_id() !== new Aioproc.Condition().dup_id());
});

test('wait-ends', 'A wait that times out or is cancelled has the lock again', async () => {
  const condition = held();
  const cancellable = new Gio.Cancellable();

  assertThrows(() => condition.wait(0, MILLISECOND, null), Gio.IOErrorEnum,
    Gio.IOErrorEnum.TIMED_OUT);
  assert(condition.lock.is_locked());
  await assertRejects(condition.wait_async(0, 0, null), Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT);
  assert(condition.lock.is_locked());
  const wait = condition.wait_async(0, -1, cancellable);
  assert(!condition.lock.is_locked());
  cancellable.cancel();
  await assertRejects(wait, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
  assert(condition.lock.is_locked());
  assertThrows(() => condition.wait(0, -1, cancellable), Gio.IOErrorEnum,
    Gio.IOErrorEnum.CANCELLED);
  assert(condition.lock.release());
});

test('wait-for-ends', 'So does a wait for what does not come, in either form', async () => {
  const condition = held();
  const cancellable = new Gio.Cancellable();
  let nLooks = 0;
  const never = () => {
    nLooks++;
    return false;
  };

  assertThrows(() => condition.wait_for(0, never, MILLISECOND, null), Gio.IOErrorEnum,
    Gio.IOErrorEnum.TIMED_OUT);
  assert(nLooks >= 2);
  assertSame(condition.wait_for(0, () => true, -1, null), true);
  await assertRejects(condition.wait_for_async(0, never, MILLISECOND, null), Gio.IOErrorEnum,
    Gio.IOErrorEnum.TIMED_OUT);
  const wait = condition.wait_for_async(0, never, -1, cancellable);
  await idle();
  cancellable.cancel();
  await assertRejects(wait, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
  assert(condition.lock.release());
});

test('notify-all', 'All who wait are notified', async () => {
  const condition = new Aioproc.Condition();
  const lock = condition.lock;
  const waits = [1, 2, 3].map(owner => {
    assert(lock.acquire(owner, -1, null));
    return condition.wait_async(owner, -1, null).then(() => lock.release(owner));
  });

  assert(lock.acquire(9, -1, null));
  assert(condition.notify_all(9));
  assert(lock.release(9));
  assertEqual(await Promise.all(waits), [true, true, true]);
  assertSame(lock.is_locked(), false);
});

test('not-owner', 'Who does not hold the lock can neither wait nor notify', async () => {
  const condition = new Aioproc.Condition();

  for (const operation of [() => condition.wait(1, -1, null), () => condition.notify_n(1, 1),
    () => condition.notify_all(1)])
    assertThrows(operation, Aioproc.Error, Aioproc.Error.NOT_OWNER);
  await assertRejects(condition.wait_async(1, -1, null), Aioproc.Error, Aioproc.Error.NOT_OWNER);
});

test('dispose-while-pending', 'Disposing of the object completes what is pending', async () => {
  const condition = held();

  // See the semaphores.
  await new Promise((resolve, reject) => {
    condition.wait_async(0, -1, null, (source, result) => {
      try {
        assertThrows(() => result.propagate_boolean(), Gio.IOErrorEnum, Gio.IOErrorEnum.CLOSED);
        resolve();
      } catch (error) {
        reject(error);
      }
    });
    condition.run_dispose();
  });
});

await run('/aioproc/gjs/condition');
