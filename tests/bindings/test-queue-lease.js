/* test-queue-lease.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Leases, failures, joinable and simple queues as a JavaScript program has them. */

import Aioproc from 'gi://Aioproc?version=1';
import GLib from 'gi://GLib';
import Gio from 'gi://Gio';

import {assert, assertEqual, assertRejects, assertSame, assertThrows, run, test}
  from './aioproc-test.js';

Gio._promisify(Aioproc.Queue.prototype, 'get_leased_async');
Gio._promisify(Aioproc.JoinableQueue.prototype, 'join_async');
for (const name of ['get', 'get_bytes', 'put', 'put_bytes'])
  Gio._promisify(Aioproc.SimpleQueue.prototype, `${name}_async`);

const int = number => new GLib.Variant('i', number);
const string = text => new GLib.Variant('s', text);

test('ack', 'An item is there until it is acknowledged, and hidden from others', () => {
  const queue = Aioproc.Queue.new(0);

  assert(queue.try_put(string('job')));
  const lease = queue.get_leased(-1, null);
  assertSame(lease.get_value().unpack(), 'job');
  assertSame(lease.get_bytes(), null);
  assertSame(lease.get_n_failures(), 0);
  assertSame(lease.is_open(), true);
  assertThrows(() => queue.try_get_leased(), Gio.IOErrorEnum, Gio.IOErrorEnum.WOULD_BLOCK);
  assertSame(lease.ack(), true);
  assertSame(lease.is_open(), false);
  assertThrows(() => lease.ack(), Aioproc.Error, Aioproc.Error.INVALID_STATE);
});

test('nack', 'An item that is given back comes again', async () => {
  const queue = Aioproc.Queue.new(0);

  assert(queue.try_put_bytes(new GLib.Bytes('job')));
  let lease = await queue.get_leased_async(-1, null);
  assertSame(lease.get_bytes().get_size(), 3);
  const pending = queue.get_leased_async(-1, null);
  assertSame(lease.nack(), true);
  lease = await pending;
  assertSame(lease.get_n_failures(), 1);
  assertSame(lease.ack(), true);
});

test('failed', 'What fails too often is set aside, with its history', () => {
  const queue = new Aioproc.Queue({maxDeliveries: 1});

  assertSame(queue.maxDeliveries, 1);
  assert(queue.try_put(string('bad')));
  assert(queue.try_get_leased().nack());
  assertSame(queue.get_n_failed(), 1);
  const failure = queue.try_get_failed();
  assertSame(failure.get_value().unpack(), 'bad');
  assertSame(failure.get_n_failures(), 1);
  const history = failure.get_history().deepUnpack();
  assertEqual(history.map(record => record[2]), ['nack']);
  assertThrows(() => queue.try_get_failed(), Gio.IOErrorEnum, Gio.IOErrorEnum.WOULD_BLOCK);
});

test('joinable', 'A join waits until all is done', async () => {
  const queue = Aioproc.JoinableQueue.new(0);

  assert(queue instanceof Aioproc.Queue);
  assertSame(await queue.join_async(-1, null), true);
  assert(queue.try_put(int(1)));
  const joined = queue.join_async(-1, null);
  assertSame(queue.try_get().unpack(), 1);
  assertThrows(() => queue.try_join(), Gio.IOErrorEnum, Gio.IOErrorEnum.WOULD_BLOCK);
  assertSame(queue.task_done(), true);
  assertSame(await joined, true);
  assertThrows(() => queue.task_done(), Aioproc.Error, Aioproc.Error.INVALID_STATE);
});

test('simple', 'A simple queue carries values and bytes', async () => {
  const queue = Aioproc.SimpleQueue.new();

  assertSame(queue.is_empty(), true);
  const got = queue.get_async(-1, null);
  assertSame(await queue.put_async(string('text'), -1, null), true);
  assertSame((await got).unpack(), 'text');
  assertSame(await queue.put_bytes_async(new GLib.Bytes('abc'), -1, null), true);
  assertSame((await queue.get_bytes_async(-1, null)).get_size(), 3);
  assertSame(queue.close(), true);
  await assertRejects(queue.get_async(-1, null), Gio.IOErrorEnum, Gio.IOErrorEnum.CLOSED);
});

await run('/aioproc/gjs/queue-lease');
