/* test-shared-list.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Shared lists as a JavaScript program has them. */

import Aioproc from 'gi://Aioproc?version=1';
import GLib from 'gi://GLib';
import Gio from 'gi://Gio';

import {assert, assertEqual, assertSame, assertThrows, run, test} from './aioproc-test.js';

function newList() {
  return new Aioproc.SharedList({
    items: new GLib.Variant('(sid)', ['idle', 0, 0.5]),
    name: 'things',
  });
}

test('construct', 'Constructors, with and without properties', () => {
  let list = Aioproc.SharedList.new(new GLib.Variant('ai', [1, 2]));
  assertSame(list.get_length(), 2);
  assertSame(list.get(1).unpack(), 2);
  assert(list instanceof Aioproc.Shareable);

  list = newList();
  assert(list.init(null));
  assertSame(list.length, 3);
  assertSame(list.name, 'things');
});

test('items', 'Items are replaced by values of any type, and found', () => {
  const list = newList();

  assertSame(list.set(1, new GLib.Variant('s', 'text')), true);
  assertSame(list.set(0, new GLib.Variant('b', true)), true);
  assertEqual(list.dup_items().recursiveUnpack(), [true, 'text', 0.5]);
  assertEqual(list.find(new GLib.Variant('d', 0.5)), [true, 2]);
  assertSame(list.find(new GLib.Variant('d', 1))[0], false);
});

test('errors', 'Errors are matched by domain and code', () => {
  const list = newList();

  assertThrows(() => list.set(1, new GLib.Variant('s', 'x'.repeat(100))), Gio.IOErrorEnum,
    Gio.IOErrorEnum.MESSAGE_TOO_LARGE, 'things');
  assertThrows(() => list.get(3), Gio.IOErrorEnum, Gio.IOErrorEnum.INVALID_ARGUMENT, 'things');
  assertThrows(() => Aioproc.SharedList.new(new GLib.Variant('s', 'text')), Gio.IOErrorEnum,
    Gio.IOErrorEnum.INVALID_ARGUMENT);
  assertEqual(list.dup_items().recursiveUnpack(), ['idle', 0, 0.5]);
});

await run('/aioproc/gjs/shared-list');
