/* test-condition.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A condition as a JavaScript program has it: GJS, promises, await. */

import Aioproc from 'gi://Aioproc?version=1';
import Gio from 'gi://Gio';

import {assert, assertEqual, assertRejects, assertSame, assertThrows, run, test}
  from './aioproc-test.js';

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

await run('/aioproc/gjs/condition');
