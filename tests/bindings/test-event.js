/* test-event.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* An event as a JavaScript program has it: GJS, promises, await. */

import Aioproc from 'gi://Aioproc?version=1';
import GLib from 'gi://GLib';
import Gio from 'gi://Gio';

import {assert, assertEqual, assertRejects, assertSame, assertThrows, collect, countFds, idle, run,
  test} from './aioproc-test.js';

Gio._promisify(Aioproc.Event.prototype, 'wait_async');

const N_MANY = 500;
const MILLISECOND = GLib.TIME_SPAN_MILLISECOND;

test('construct', 'Constructors, with and without properties', () => {
  let event = Aioproc.Event.new();
  assertSame(event.get_name(), null);
  assertSame(event.name, null);
  assertSame(event.is_set(), false);

  event = new Aioproc.Event({name: 'ready'});
  assert(event.init(null));
  assertSame(event.get_name(), 'ready');
  assertSame(event.name, 'ready');
  assert(event instanceof Aioproc.Shareable);
  assert(event instanceof Gio.Initable);
  assert(event.dup_id() !== Aioproc.Event.new().dup_id());
});

test('construct-only', 'An object is ready without init()', () => {
  const event = new Aioproc.Event({name: 'ready'});

  assert(event.set());
  assertSame(event.name, 'ready');
  assert(event.dup_id() !== null);
  assert(event.init(null), 'it does no harm');
});

test('construct-fails', 'A cancelled init() throws, and can be called again', () => {
  const cancellable = new Gio.Cancellable();
  const event = new Aioproc.Event();

  cancellable.cancel();
  assertThrows(() => event.init(cancellable), Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
  assert(event.init(null));
  assert(event.set());
});

test('set-clear', 'An event is set until it is cleared; both may be said twice', async () => {
  const event = Aioproc.Event.new();

  for (let i = 0; i < 2; i++) {
    assertSame(event.set(), true);
    assertSame(event.is_set(), true);
    assertSame(event.wait(-1, null), true);
    assertSame(await event.wait_async(-1, null), true);
  }
  for (let i = 0; i < 2; i++) {
    assertSame(event.clear(), true);
    assertSame(event.is_set(), false);
  }
});

test('wait-timeout', 'Timeouts of the blocking form and of the asynchronous one', async () => {
  const event = new Aioproc.Event({name: 'ready'});

  assert(event.init(null));
  for (const timeout of [0, 20 * MILLISECOND]) {
    let before = GLib.get_monotonic_time();
    assertThrows(() => event.wait(timeout, null), Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT,
      'ready');
    assert(GLib.get_monotonic_time() - before >= timeout);

    before = GLib.get_monotonic_time();
    await assertRejects(event.wait_async(timeout, null), Gio.IOErrorEnum,
      Gio.IOErrorEnum.TIMED_OUT, 'ready');
    assert(GLib.get_monotonic_time() - before >= timeout);
  }
});

test('wait-async', 'A wait completes on the main loop, not inside of set()', async () => {
  const event = Aioproc.Event.new();
  let wasSet = false;
  const promise = event.wait_async(-1, null).then(result => {
    wasSet = result;
  });

  await idle();
  assertSame(wasSet, false);
  event.set();
  assertSame(wasSet, false);
  await promise;
  assertSame(wasSet, true);
});

test('wait-many', 'One set releases all who waited before it, though cleared at once', async () => {
  const event = Aioproc.Event.new();
  const waits = [];

  for (let i = 0; i < N_MANY; i++)
    waits.push(event.wait_async(-1, null));
  event.set();
  event.clear();
  const late = event.wait_async(20 * MILLISECOND, null);
  assertEqual(await Promise.all(waits), Array(N_MANY).fill(true));
  await assertRejects(late, Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT);
});

test('wait-race', 'The first of several events', async () => {
  const events = [Aioproc.Event.new(), Aioproc.Event.new(), Aioproc.Event.new()];
  const cancellable = new Gio.Cancellable();
  const waits = events.map((event, i) => event.wait_async(-1, cancellable).then(() => i));

  events[1].set();
  assertSame(await Promise.race(waits), 1);
  cancellable.cancel();
  await assertRejects(waits[0], Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
  await assertRejects(waits[2], Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
});

test('cancel', 'A wait can be cancelled before it begins, while it lasts, not after', async () => {
  const event = Aioproc.Event.new();
  let cancellable = new Gio.Cancellable();
  const pending = event.wait_async(-1, cancellable);

  cancellable.cancel();
  await assertRejects(pending, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
  await assertRejects(event.wait_async(-1, cancellable), Gio.IOErrorEnum,
    Gio.IOErrorEnum.CANCELLED);
  assertThrows(() => event.wait(-1, cancellable), Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);

  cancellable = new Gio.Cancellable();
  event.set();
  const done = event.wait_async(-1, cancellable);
  cancellable.cancel();
  assertSame(await done, true);
});

test('drop-while-pending', 'A pending operation keeps the object alive', async () => {
  const start = () => Aioproc.Event.new().wait_async(20 * MILLISECOND, null);

  // Of the cases before this one.
  await collect();
  const before = countFds();

  let promise = start();
  await collect();
  await assertRejects(promise, Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT);
  promise = null;
  await collect(() => countFds() <= before);
});

test('callback-throws', 'An exception in a callback harms nothing', async () => {
  const event = Aioproc.Event.new();

  GLib.test_expect_message('Gjs', GLib.LogLevelFlags.LEVEL_CRITICAL, '*from the callback*');
  await new Promise(resolve => {
    event.wait_async(-1, null, (source, result) => {
      source.wait_finish(result);
      resolve();
      throw new Error('from the callback');
    });
    event.set();
  });
  assertSame(await event.wait_async(-1, null), true);
  GLib.test_assert_expected_messages_internal('Gjs', 'test-event.js', 0, 'callback-throws');
});

await run('/aioproc/gjs/event');
