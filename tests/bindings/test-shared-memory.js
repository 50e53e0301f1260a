/* test-shared-memory.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Shared memory as a JavaScript program has it. */

import Aioproc from 'gi://Aioproc?version=1';
import GLib from 'gi://GLib';
import Gio from 'gi://Gio';

import {SOURCE, assert, assertEqual, assertRejects, assertSame, assertThrows, run,
  test} from './aioproc-test.js';

Gio._promisify(Aioproc.Process.prototype, 'start_async');
Gio._promisify(Aioproc.Process.prototype, 'join_async');

function bytesOf(...numbers) {
  return new GLib.Bytes(new Uint8Array(numbers));
}

function contentOf(memory, offset = 0, length = memory.size - offset) {
  return [...memory.read_bytes(offset, length).toArray()];
}

test('construct', 'Constructors, with and without properties', () => {
  let memory = Aioproc.SharedMemory.new(4);
  assertSame(memory.get_size(), 4);
  assertEqual(contentOf(memory), [0, 0, 0, 0]);
  assert(memory instanceof Aioproc.Shareable);

  memory = Aioproc.SharedMemory.new_from_bytes(bytesOf(1, 2));
  assertEqual(contentOf(memory), [1, 2]);

  memory = new Aioproc.SharedMemory({name: 'frames', size: 10, maxSize: 20000});
  assert(memory.init(null));
  assertSame(memory.name, 'frames');
  assertSame(memory.size, 10);
  assert(memory.maxSize >= 20000);
  assertSame(memory.readOnly, false);
});

test('content', 'Bytes go in and come out, and those of dup_bytes() lie in the memory', () => {
  const memory = Aioproc.SharedMemory.new(6);
  const inside = memory.dup_bytes();

  assertSame(memory.write_bytes(2, bytesOf(7, 8, 9)), true);
  assertEqual(contentOf(memory), [0, 0, 7, 8, 9, 0]);
  assertEqual(contentOf(memory, 3, 2), [8, 9]);
  assertEqual([...inside.toArray()], [0, 0, 7, 8, 9, 0]);
});

test('errors', 'Errors are matched by domain and code', () => {
  const memory = new Aioproc.SharedMemory({name: 'frames', size: 3});
  const reader = memory.dup_read_only();

  for (const operation of [() => memory.read_bytes(1, 3), () => memory.resize(1e15),
    () => memory.write_bytes(1, bytesOf(1, 2, 3)), () => memory.resize(2)])
    assertThrows(operation, Gio.IOErrorEnum, Gio.IOErrorEnum.INVALID_ARGUMENT, 'frames');
  assertThrows(() => Aioproc.SharedMemory.new(0), Gio.IOErrorEnum,
    Gio.IOErrorEnum.INVALID_ARGUMENT);
  assertThrows(() => reader.write_bytes(0, bytesOf(1)), Gio.IOErrorEnum,
    Gio.IOErrorEnum.PERMISSION_DENIED, 'frames');
  assertThrows(() => reader.resize(4), Gio.IOErrorEnum, Gio.IOErrorEnum.PERMISSION_DENIED);
});

test('resize', 'Memory grows with zeros', () => {
  const memory = new Aioproc.SharedMemory({size: 1, maxSize: 5000});

  memory.write_bytes(0, bytesOf(5));
  assertSame(memory.resize(5000), true);
  assertSame(memory.size, 5000);
  assertEqual(contentOf(memory, 0, 3), [5, 0, 0]);
});

async function fill(memory) {
  const context = new Aioproc.Context({
    program: ['gjs', '-m', `${SOURCE}/worker.js`],
    startMethod: Aioproc.StartMethod.SPAWN,
  });
  const message = Aioproc.Message.new(null);

  message.set_body(new GLib.Variant('(h)', [message.append_object(memory)]));
  const process = Aioproc.Process.new_with_message(context, 'fill', message);
  await process.start_async(null);
  await process.join_async(-1, null);
  return process.dup_result().deepUnpack();
}

test('worker', 'What a worker writes is there, unless it got the memory for reading', async () => {
  const memory = Aioproc.SharedMemory.new(5000);

  assertEqual(await fill(memory), [5000]);
  assert(contentOf(memory).every(byte => byte === 120));
  await assertRejects(fill(memory.dup_read_only()), Gio.IOErrorEnum,
    Gio.IOErrorEnum.PERMISSION_DENIED);
});

await run('/aioproc/gjs/shared-memory');
