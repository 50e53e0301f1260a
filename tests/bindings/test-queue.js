/* test-queue.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A queue as a JavaScript program has it: GJS, promises, await. */

import Aioproc from 'gi://Aioproc?version=1';
import GLib from 'gi://GLib';
import Gio from 'gi://Gio';

import {assert, assertEqual, assertRejects, assertSame, assertThrows, collect, countFds, idle, run,
  test} from './aioproc-test.js';

for (const name of ['get', 'get_bytes', 'get_many', 'get_many_bytes', 'put', 'put_bytes',
  'put_many', 'put_many_bytes'])
  Gio._promisify(Aioproc.Queue.prototype, `${name}_async`);

const N_MANY = 500;
const MILLISECOND = GLib.TIME_SPAN_MILLISECOND;

const int = number => new GLib.Variant('i', number);
const string = text => new GLib.Variant('s', text);

function fullQueue() {
  const queue = Aioproc.Queue.new(1);

  assert(queue.try_put(string('first')));
  return queue;
}

test('construct', 'Constructors, with and without properties', () => {
  let queue = Aioproc.Queue.new(0);
  assertSame(queue.get_name(), null);
  assertSame(queue.get_max_items(), 0);
  assertSame(queue.get_size(), 0);
  assertSame(queue.is_empty(), true);
  assertSame(queue.is_full(), false);
  assertSame(queue.is_closed(), false);
  assert(queue instanceof Aioproc.Shareable);
  assert(queue.dup_id() !== Aioproc.Queue.new(0).dup_id());

  queue = new Aioproc.Queue({name: 'jobs', maxItems: 2});
  assert(queue.init(null));
  assertSame(queue.name, 'jobs');
  assertSame(queue.get_name(), 'jobs');
  assertSame(queue.maxItems, 2);
  assertSame(queue.max_items, 2);
});

test('construct-only', 'An object is ready without init()', () => {
  const queue = new Aioproc.Queue({name: 'jobs'});

  assert(queue.try_put(int(1)));
  assertSame(queue.name, 'jobs');
  assert(queue.dup_id() !== null);
  assert(queue.init(null), 'it does no harm');
});

test('values', 'Values come out as they went in, and belong to who has them', async () => {
  const queue = Aioproc.Queue.new(0);
  const values = [int(-3), string('Zoë'), new GLib.Variant('d', 0.5), new GLib.Variant('()', []),
    new GLib.Variant('(sai)', ['list', [1, 2, 3]]), new GLib.Variant('ms', null),
    new GLib.Variant('a{sv}', {key: new GLib.Variant('b', true)})];

  for (const value of values) {
    assertSame(queue.put(value, -1, null), true);
    const got = queue.get(-1, null);
    assert(got.equal(value), value.print(true));
    assertSame(got.get_type_string(), value.get_type_string());
    assertSame(await queue.put_async(value, -1, null), true);
    await collect();
    assert((await queue.get_async(-1, null)).equal(value), value.print(true));
  }
});

test('bytes', 'Bytes come out as they went in, large ones too, and as a value', async () => {
  const queue = Aioproc.Queue.new(0);

  for (const size of [0, 1, 100, 5 << 20]) {
    const data = new Uint8Array(size).map((_, i) => i % 251);
    const bytes = new GLib.Bytes(data);

    assertSame(queue.put_bytes(bytes, -1, null), true);
    assert(queue.get_bytes(-1, null).equal(bytes));
    const get = queue.get_bytes_async(-1, null);
    // An array becomes bytes by itself.
    assertSame(await queue.put_bytes_async(data, -1, null), true);
    assert((await get).equal(bytes));
  }
  assert(queue.try_put_bytes(new GLib.Bytes([1, 2, 3])));
  const value = queue.try_get();
  assertSame(value.get_type_string(), 'ay');
  assertEqual([...value.deepUnpack()], [1, 2, 3]);
  assert(queue.try_put(value));
  assertEqual([...queue.try_get_bytes().toArray()], [1, 2, 3]);
});

test('errors', 'Errors are matched by domain and code', () => {
  const queue = new Aioproc.Queue({name: 'jobs', maxItems: 1});
  const wouldBlock = Gio.IOErrorEnum.WOULD_BLOCK;

  queue.init(null);
  assertThrows(() => queue.try_get(), Gio.IOErrorEnum, wouldBlock, 'jobs');
  assertThrows(() => queue.try_get_bytes(), Gio.IOErrorEnum, wouldBlock, 'jobs');
  assertThrows(() => queue.try_put(new GLib.Variant('(h)', [0])), Gio.IOErrorEnum,
    Gio.IOErrorEnum.NOT_SUPPORTED);
  assert(queue.try_put(int(1)));
  assertSame(queue.is_full(), true);
  assertThrows(() => queue.try_put(int(2)), Gio.IOErrorEnum, wouldBlock, 'jobs');
  assertThrows(() => queue.try_put_bytes(new GLib.Bytes([2])), Gio.IOErrorEnum, wouldBlock, 'jobs');
  for (const wrong of [null, 1, 'text', {}]) {
    let error = null;

    try {
      queue.try_put(wrong);
    } catch (e) {
      error = e;
    }
    assert(error instanceof Error, `${wrong}`);
  }
  assertSame(queue.get_size(), 1);
});

test('timeout', 'Timeouts of every form', async () => {
  const [empty, full] = [Aioproc.Queue.new(0), fullQueue()];
  const data = new GLib.Bytes([1]);
  const timedOut = Gio.IOErrorEnum.TIMED_OUT;

  for (const timeout of [0, 20 * MILLISECOND]) {
    for (const operation of [() => empty.get(timeout, null), () => empty.get_bytes(timeout, null),
      () => full.put(int(1), timeout, null), () => full.put_bytes(data, timeout, null)]) {
      const before = GLib.get_monotonic_time();

      assertThrows(operation, Gio.IOErrorEnum, timedOut);
      assert(GLib.get_monotonic_time() - before >= timeout);
    }
    for (const start of [() => empty.get_async(timeout, null),
      () => empty.get_bytes_async(timeout, null), () => full.put_async(int(1), timeout, null),
      () => full.put_bytes_async(data, timeout, null)]) {
      const before = GLib.get_monotonic_time();

      await assertRejects(start(), Gio.IOErrorEnum, timedOut);
      assert(GLib.get_monotonic_time() - before >= timeout);
    }
  }
  assertSame(full.get_size(), 1);
});

test('async', 'A get waits for an item, and a put for room', async () => {
  const queue = fullQueue();
  let done = 0;
  const put = queue.put_async(string('second'), -1, null).then(() => done++);

  await idle();
  assertSame(done, 0);
  assertSame(queue.get(-1, null).unpack(), 'first');
  await put;
  assertSame(queue.get(-1, null).unpack(), 'second');

  const get = queue.get_async(-1, null);
  get.then(() => done++);
  await idle();
  assertSame(done, 1);
  assert(queue.try_put(string('third')));
  assertSame((await get).unpack(), 'third');
});

test('async-many', 'Many gets and puts, each with its item, in their order', async () => {
  const queue = Aioproc.Queue.new(10);
  const numbers = [...Array(N_MANY).keys()];
  const gets = numbers.map(() => queue.get_async(-1, null));
  const puts = numbers.map(number => queue.put_async(int(number), -1, null));

  assertEqual((await Promise.all(gets)).map(value => value.unpack()), numbers);
  assertEqual(await Promise.all(puts), Array(N_MANY).fill(true));
});

test('cancel', 'A cancelled get takes nothing, and a cancelled put leaves nothing', async () => {
  const [queue, full] = [Aioproc.Queue.new(0), fullQueue()];
  let cancellable = new Gio.Cancellable();
  const pending = [
    queue.get_async(-1, cancellable),
    queue.get_bytes_async(-1, cancellable),
    full.put_async(string('second'), -1, cancellable),
  ];

  cancellable.cancel();
  pending.push(queue.get_async(-1, cancellable));
  for (const promise of pending)
    await assertRejects(promise, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
  assertThrows(() => queue.put(int(1), -1, cancellable), Gio.IOErrorEnum,
    Gio.IOErrorEnum.CANCELLED);
  assertEqual([queue.get_size(), full.get_size()], [0, 1]);

  // Whoever cancels after the item was taken has it.
  cancellable = new Gio.Cancellable();
  const get = full.get_async(-1, cancellable);
  cancellable.cancel();
  assertSame((await get).unpack(), 'first');
});

test('close', 'After a close, what is there can be got, and all else fails', async () => {
  const queue = fullQueue();
  const put = queue.put_async(string('second'), -1, null);

  assertSame(queue.close(false), true);
  assertSame(queue.is_closed(), true);
  await assertRejects(put, Gio.IOErrorEnum, Gio.IOErrorEnum.CLOSED);
  assertSame((await queue.get_async(-1, null)).unpack(), 'first');
  await assertRejects(queue.get_async(-1, null), Gio.IOErrorEnum, Gio.IOErrorEnum.CLOSED);
  assertThrows(() => queue.try_put(int(3)), Gio.IOErrorEnum, Gio.IOErrorEnum.CLOSED);
});

test('bytes-limit', 'A limit to the bytes, and what there is and was', () => {
  const queue = new Aioproc.Queue({name: 'jobs', maxBytes: 1000});

  assertSame(queue.get_max_bytes(), 1000);
  assert(queue.try_put_bytes(new GLib.Bytes(new Uint8Array(600))));
  assert(queue.try_put_bytes(new GLib.Bytes(new Uint8Array(400))));
  assertSame(queue.is_full(), true);
  assertThrows(() => queue.try_put_bytes(new GLib.Bytes([1])), Gio.IOErrorEnum,
    Gio.IOErrorEnum.WOULD_BLOCK);
  assertThrows(() => queue.put_bytes(new GLib.Bytes(new Uint8Array(1001)), -1, null),
    Gio.IOErrorEnum, Gio.IOErrorEnum.MESSAGE_TOO_LARGE, '1000');
  queue.get(-1, null);
  assertSame(queue.get_n_bytes(), 400);
  assertEqual([queue.peak_items, queue.peakBytes], [2, 1000]);
});

test('many', 'Batches are arrays', async () => {
  const queue = Aioproc.Queue.new(0);
  const numbers = [...Array(N_MANY).keys()];
  const values = numbers.map(int);

  assertSame(queue.put_many(values, -1, null), N_MANY);
  assertSame(queue.try_put_many(values.slice(0, 1)), 1);
  assertEqual(queue.get_many(200, -1, null).map(value => value.unpack()), numbers.slice(0, 200));
  assertSame(queue.try_get_many(N_MANY).length, N_MANY - 199);
  assertThrows(() => queue.try_get_many(1), Gio.IOErrorEnum, Gio.IOErrorEnum.WOULD_BLOCK);

  const get = queue.get_many_async(10, -1, null);
  assertSame(await queue.put_many_async(values, -1, null), N_MANY);
  await collect();
  assertEqual((await get).map(value => value.unpack()), numbers.slice(0, (await get).length));
});

test('many-bytes', 'Batches of bytes', async () => {
  const queue = Aioproc.Queue.new(0);
  const items = [0, 1, 100, 5000, 70000].map(size => new GLib.Bytes(new Uint8Array(size)));

  assertSame(queue.put_many_bytes(items, -1, null), 5);
  assertSame(await queue.put_many_bytes_async(items, -1, null), 5);
  const got = [...queue.get_many_bytes(5, -1, null),
    ...await queue.get_many_bytes_async(5, -1, null)];
  assertEqual(got.map(item => item.get_size()), [0, 1, 100, 5000, 70000, 0, 1, 100, 5000, 70000]);
});

test('close-now', 'An immediate close drops what is there', async () => {
  const queue = fullQueue();
  const put = queue.put_async(string('second'), -1, null);

  assertSame(queue.close(true), true);
  await assertRejects(put, Gio.IOErrorEnum, Gio.IOErrorEnum.CLOSED);
  await assertRejects(queue.get_async(-1, null), Gio.IOErrorEnum, Gio.IOErrorEnum.CLOSED);
  assertSame(queue.get_size(), 0);
});

test('drop-while-pending', 'A pending operation keeps the object alive', async () => {
  const start = () => Aioproc.Queue.new(0).get_async(20 * MILLISECOND, null);

  // Of the cases before this one.
  await collect();
  const before = countFds();

  let promise = start();
  await collect();
  await assertRejects(promise, Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT);
  promise = null;
  await collect(() => countFds() <= before);
});

test('callback-throws', 'An exception in a callback loses its own item only', async () => {
  const queue = Aioproc.Queue.new(0);

  GLib.test_expect_message('Gjs', GLib.LogLevelFlags.LEVEL_CRITICAL, '*from the callback*');
  queue.get_async(-1, null, (source, result) => {
    source.get_finish(result);
    throw new Error('from the callback');
  });
  const get = queue.get_async(-1, null);
  queue.try_put(int(1));
  queue.try_put(int(2));
  assertSame((await get).unpack(), 2);
  GLib.test_assert_expected_messages_internal('Gjs', 'test-queue.js', 0, 'callback-throws');
});

await run('/aioproc/gjs/queue');
