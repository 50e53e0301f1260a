/* test-value.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Shared values and arrays as a JavaScript program has them. */

import Aioproc from 'gi://Aioproc?version=1';
import GLib from 'gi://GLib';
import Gio from 'gi://Gio';

import {SOURCE, assert, assertEqual, assertSame, assertThrows, run, test} from './aioproc-test.js';

Gio._promisify(Aioproc.Process.prototype, 'start_async');
Gio._promisify(Aioproc.Process.prototype, 'join_async');

const N_WORKERS = 2;

test('construct', 'Constructors, with and without properties', () => {
  let value = Aioproc.Value.new(new GLib.Variant('i', 5));
  assertSame(value.get().unpack(), 5);
  assertSame(value.get_type_string(), 'i');
  assert(value.get_lock() instanceof Aioproc.RLock);

  const lock = Aioproc.Lock.new();
  value = new Aioproc.Value({value: new GLib.Variant('d', 0.5), lock, name: 'ratio'});
  assert(value.init(null));
  assertSame(value.lock, lock);
  assertSame(value.name, 'ratio');

  let array = Aioproc.Array.new('q', 3);
  assertEqual(array.get_slice(0, 3).deepUnpack(), [0, 0, 0]);
  array = Aioproc.Array.new_from_variant(new GLib.Variant('ax', [1, -2]));
  assertSame(array.length, 2);
  assertSame(array.typeString, 'x');
  array = new Aioproc.Array({typeString: 'b', length: 2, unlocked: true});
  assertSame(array.lock, null);
});

test('types', 'Numbers of every type, single ones and slices', () => {
  for (const [kind, numbers] of [['b', [true, false]], ['n', [-32768, 32767]], ['q', [65535, 0]],
    ['i', [-5, 5]], ['u', [0, 4294967295]], ['x', [-5, 5]], ['t', [7, 0]], ['d', [0.5, -1e300]]]) {
    const array = Aioproc.Array.new(kind, 4);

    assertSame(array.set_slice(1, new GLib.Variant(`a${kind}`, numbers)), true);
    assertEqual(array.get_slice(1, 2).deepUnpack(), numbers);
    assertSame(array.set(3, new GLib.Variant(kind, numbers[1])), true);
    assertSame(array.get(3).unpack(), numbers[1]);
  }
});

test('integers', 'Sums and swaps tell what was there', () => {
  const value = Aioproc.Value.new(new GLib.Variant('u', 7));

  assertEqual(value.add(-3), [true, 7]);
  assertEqual(value.compare_and_swap(3, 9), [false, 4]);
  assertEqual(value.compare_and_swap(4, 9), [true, 4]);
  assertSame(value.get().unpack(), 9);
});

test('errors', 'Errors are matched by domain and code', () => {
  const array = new Aioproc.Array({typeString: 'i', length: 2, name: 'jobs'});

  for (const operation of [() => array.get(2), () => array.set(0, new GLib.Variant('x', 1)),
    () => array.get_slice(1, 2), () => array.set_slice(1, new GLib.Variant('ai', [1, 2]))])
    assertThrows(operation, Gio.IOErrorEnum, Gio.IOErrorEnum.INVALID_ARGUMENT, 'jobs');
  assertThrows(() => Aioproc.Value.new(new GLib.Variant('s', 'text')), Gio.IOErrorEnum,
    Gio.IOErrorEnum.INVALID_ARGUMENT, '“s”');
  assertThrows(() => Aioproc.Value.new(new GLib.Variant('d', 1)).add(1), Gio.IOErrorEnum,
    Gio.IOErrorEnum.NOT_SUPPORTED);
});

test('workers', 'Workers add to one number, and fill an array', async () => {
  const context = new Aioproc.Context({
    program: ['gjs', '-m', `${SOURCE}/worker.js`],
    startMethod: Aioproc.StartMethod.SPAWN,
  });
  const counter = Aioproc.Value.new(new GLib.Variant('i', 0));
  const array = Aioproc.Array.new('i', N_WORKERS);

  await Promise.all([...Array(N_WORKERS)].map(async () => {
    const message = Aioproc.Message.new(null);

    message.set_body(new GLib.Variant('(hh)', [counter, array].map(
      object => message.append_object(object))));
    const process = Aioproc.Process.new_with_message(context, 'count', message);
    await process.start_async(null);
    await process.join_async(-1, null);
    process.dup_result();
  }));
  assertSame(counter.get().unpack(), N_WORKERS * 100);
  assertEqual(array.get_slice(0, N_WORKERS).deepUnpack().sort(), [1, 2]);
});

await run('/aioproc/gjs/value');
