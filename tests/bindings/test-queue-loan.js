/* test-queue-loan.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Loans of a queue's memory as a JavaScript program has them. */

import Aioproc from 'gi://Aioproc?version=1';
import GLib from 'gi://GLib';
import Gio from 'gi://Gio';

import {assert, assertRejects, assertSame, assertThrows, run, test} from './aioproc-test.js';

Gio._promisify(Aioproc.Queue.prototype, 'loan_async');

const bytes = text => new GLib.Bytes(text);
const text = item => new TextDecoder().decode(item.get_data());

test('commit', 'An item is built in parts, and is there when it is committed', () => {
  const queue = Aioproc.Queue.new(0);
  const loan = queue.loan(10, -1, null);

  assertSame(loan.get_size(), 10);
  assertSame(loan.write_bytes(5, bytes('world')), true);
  assertSame(loan.write_bytes(0, bytes('hello')), true);
  assertThrows(() => loan.write_bytes(9, bytes('no')), Gio.IOErrorEnum,
    Gio.IOErrorEnum.INVALID_ARGUMENT);
  assertThrows(() => loan.commit(11), Gio.IOErrorEnum, Gio.IOErrorEnum.INVALID_ARGUMENT);
  assertSame(queue.is_empty(), true);
  assertSame(loan.is_open(), true);
  assertSame(loan.commit(8), true);
  assertSame(loan.is_open(), false);
  assertSame(text(queue.get_bytes(-1, null)), 'hellowor');
  assertThrows(() => loan.commit(8), Aioproc.Error, Aioproc.Error.INVALID_STATE);
  assertThrows(() => loan.abort(), Aioproc.Error, Aioproc.Error.INVALID_STATE);
});

test('async', 'Room is waited for while the main loop runs', async () => {
  const queue = Aioproc.Queue.new(1);
  const first = queue.try_loan(3);

  assertThrows(() => queue.try_loan(3), Gio.IOErrorEnum, Gio.IOErrorEnum.WOULD_BLOCK);
  const pending = queue.loan_async(100000, -1, null);
  assertSame(first.abort(), true);
  const loan = await pending;
  assertSame(loan.get_size(), 100000);
  assert(loan.write_bytes(0, bytes('abc')));
  assertSame(loan.commit(3), true);
  assertSame(text(queue.try_get_bytes()), 'abc');
});

test('closed', 'A queue that was closed immediately takes nothing', async () => {
  const queue = Aioproc.Queue.new(0);
  const loan = await queue.loan_async(5, -1, null);

  assertSame(queue.close(true), true);
  assertThrows(() => loan.commit(5), Gio.IOErrorEnum, Gio.IOErrorEnum.CLOSED);
  await assertRejects(queue.loan_async(5, -1, null), Gio.IOErrorEnum, Gio.IOErrorEnum.CLOSED);
});

await run('/aioproc/gjs/queue-loan');
