/* test-connection.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Connections as a JavaScript program has them. */

import Aioproc from 'gi://Aioproc?version=1';
import GLib from 'gi://GLib';
import Gio from 'gi://Gio';

import {assert, assertEqual, assertRejects, assertSame, assertThrows, run, test}
  from './aioproc-test.js';

for (const name of ['send', 'send_bytes', 'recv', 'recv_bytes', 'poll'])
  Gio._promisify(Aioproc.Connection.prototype, `${name}_async`);

function message(signature, value) {
  return Aioproc.Message.new(new GLib.Variant(signature, value));
}

test('pipe', 'Both ends, in one direction and in two', () => {
  const [, here, there] = Aioproc.pipe(true);

  assert(here.readable && here.writable && !here.closed);
  assertSame(here.send(message('(us)', [1, 'x']), -1, null), true);
  assertEqual(there.recv(-1, null).dup_body().deepUnpack(), [1, 'x']);

  const [, receiver, sender] = Aioproc.pipe(false);

  assert(!receiver.is_writable() && !sender.is_readable());
  assertThrows(() => receiver.try_send(message('i', 1)), Gio.IOErrorEnum,
    Gio.IOErrorEnum.PERMISSION_DENIED);
  assertThrows(() => sender.try_recv(), Gio.IOErrorEnum, Gio.IOErrorEnum.PERMISSION_DENIED);
});

test('bytes', 'Parts of bytes, limits, and what is left behind', () => {
  const [, here, there] = Aioproc.pipe(true);
  const data = new GLib.Bytes([0, 1, 2, 3, 4, 5]);

  assertSame(here.send_bytes(data, 2, 3, -1, null), true);
  assertSame(here.try_send_bytes(data, 5, -1), true);
  assertThrows(() => here.send_bytes(data, 7, -1, -1, null), Gio.IOErrorEnum,
    Gio.IOErrorEnum.INVALID_ARGUMENT);
  assertThrows(() => there.try_recv_bytes(2), Gio.IOErrorEnum, Gio.IOErrorEnum.MESSAGE_TOO_LARGE);
  assertEqual([...there.recv_bytes(-1, -1, null).toArray()], [2, 3, 4]);
  assertEqual([...there.try_recv_bytes(1).toArray()], [5]);
  assertThrows(() => there.try_recv(), Gio.IOErrorEnum, Gio.IOErrorEnum.WOULD_BLOCK);
  assertThrows(() => there.poll(0, null), Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT);
});

test('async', 'Promises, for messages and bytes, in order', async () => {
  const [, here, there] = Aioproc.pipe(true);
  const pending = [1, 2, 3].map(() => there.recv_async(-1, null));

  assertSame(await here.send_async(message('i', 1), -1, null), true);
  await Promise.all([2, 3].map(i => here.send_async(message('i', i), -1, null)));
  assertEqual((await Promise.all(pending)).map(m => m.dup_body().unpack()), [1, 2, 3]);

  const big = new GLib.Bytes(new Uint8Array(3 << 20).fill(7));
  const received = there.recv_bytes_async(-1, -1, null);

  await here.send_bytes_async(big, 0, -1, -1, null);
  assert((await received).equal(big));

  const cancellable = new Gio.Cancellable();
  const polled = there.poll_async(-1, cancellable);

  cancellable.cancel();
  await assertRejects(polled, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
});

test('pass', 'A connection in a message is given away', () => {
  const [, here, there] = Aioproc.pipe(true);
  const [, ours, theirs] = Aioproc.pipe(true);
  const carrier = Aioproc.Message.new(null);

  assertSame(carrier.append_object(theirs), 0);
  assertSame(here.send(carrier, -1, null), true);
  assertSame(theirs.closed, true);

  const received = there.recv(-1, null).dup_object(0);

  assert(received instanceof Aioproc.Connection);
  assertSame(received.try_send(message('i', 9)), true);
  assertSame(ours.recv(-1, null).dup_body().unpack(), 9);
  assertThrows(() => here.send(carrier, -1, null), Gio.IOErrorEnum, Gio.IOErrorEnum.CLOSED);
});

test('end', 'Half-closed, closed, and closed by the other side', async () => {
  const [, here, there] = Aioproc.pipe(true);
  const received = there.recv_async(-1, null);

  assertSame(here.close_send(), true);
  await assertRejects(received, Gio.IOErrorEnum, Gio.IOErrorEnum.CLOSED);
  assertSame(there.try_send(Aioproc.Message.new(null)), true);
  assertSame(here.recv(-1, null).dup_body(), null);
  here.close();
  assertSame(here.closed, true);
  assertSame(here.get_fd(), -1);
  assertThrows(() => there.try_send(Aioproc.Message.new(null)), Gio.IOErrorEnum,
    Gio.IOErrorEnum.BROKEN_PIPE);
});

test('stream', 'A connection over streams of GIO', async () => {
  const listener = new Gio.SocketListener();
  const port = listener.add_any_inet_port(null);
  const client = new Gio.SocketClient().connect_to_host('127.0.0.1', port, null);
  const [server] = listener.accept(null);

  listener.close();

  const here = Aioproc.Connection.new_for_stream(client);
  const there = Aioproc.Connection.new_for_stream(server);
  const received = there.recv_async(-1, null);

  await here.send_async(message('s', 'far'), -1, null);
  assertSame((await received).dup_body().unpack(), 'far');

  const carrier = Aioproc.Message.new(null);

  carrier.append_object(Aioproc.Queue.new(0));
  assertThrows(() => here.send(carrier, -1, null), Gio.IOErrorEnum,
    Gio.IOErrorEnum.NOT_SUPPORTED);
  here.close();
  await assertRejects(there.recv_async(-1, null), Gio.IOErrorEnum, Gio.IOErrorEnum.CLOSED);
});

test('settings', 'The limit of messages, and connections made of nothing', () => {
  const [, here] = Aioproc.pipe(true);

  here.maxMessageSize = 4096;
  assertSame(here.get_max_message_size(), 4096);
  assertThrows(() => Aioproc.Connection.new_for_fd(-1), Gio.IOErrorEnum, Gio.IOErrorEnum.FAILED);
  assertThrows(() => new Aioproc.Connection().try_recv(), Gio.IOErrorEnum,
    Gio.IOErrorEnum.NOT_INITIALIZED);
});

await run('/aioproc/gjs/connection');
