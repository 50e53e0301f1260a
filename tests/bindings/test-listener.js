/* test-listener.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Listeners and clients as a JavaScript program has them. */

import Aioproc from 'gi://Aioproc?version=1';
import GLib from 'gi://GLib';
import Gio from 'gi://Gio';

import {assert, assertEqual, assertRejects, assertSame, assertThrows, run, test}
  from './aioproc-test.js';

Gio._promisify(Aioproc.Listener.prototype, 'accept_async');
Gio._promisify(Aioproc.Client.prototype, 'connect_to_async');

const KEY = new GLib.Bytes(Array.from({length: 32}, (_, i) => i));

async function exchange(address, security) {
  const listener = Aioproc.Listener.new(address, security);
  const client = Aioproc.Client.new(security);
  const [ours, theirs] = await Promise.all([
    listener.accept_async(-1, null),
    client.connect_to_async(listener.get_address(), -1, null),
  ]);

  assertSame(theirs.send(Aioproc.Message.new(new GLib.Variant('s', 'hello')), -1, null), true);
  assertEqual(ours.recv(-1, null).dup_body().unpack(), 'hello');
  assert(listener.dup_last_accepted() instanceof Gio.SocketAddress);
  listener.close();
  assert(listener.closed);
}

test('async', 'Promises at both ends, over a Unix socket and over TCP', async () => {
  const security = Aioproc.Security.new(KEY);

  await exchange(null, null);
  await exchange(null, security);
  await exchange(Gio.InetSocketAddress.new_from_string('127.0.0.1', 0), security);
});

test('settings', 'What can be asked for, and read again', () => {
  const security = new Aioproc.Security({auth_key: KEY, handshake_timeout: 1000000});
  const listener = new Aioproc.Listener({security, backlog: 3});

  listener.init(null);
  assertSame(security.handshake_timeout, 1000000);
  assertSame(listener.backlog, 3);
  assertSame(listener.security, security);
  assertSame(listener.is_ready(), false);
  assertThrows(() => listener.try_accept(), Gio.IOErrorEnum, Gio.IOErrorEnum.WOULD_BLOCK);
  assertThrows(() => listener.accept(1000, null), Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT);
});

test('refused', 'Keys that differ, and accepts that are cancelled', async () => {
  const listener = Aioproc.Listener.new(null, Aioproc.Security.new(KEY));
  const client = Aioproc.Client.new(null);
  const cancellable = new Gio.Cancellable();
  const accepted = listener.accept_async(-1, cancellable);

  await assertRejects(client.connect_to_async(listener.get_address(), -1, null), Aioproc.Error,
    Aioproc.Error.AUTHENTICATION_FAILED);
  cancellable.cancel();
  await assertRejects(accepted, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
  assert(listener.get_n_refused() <= 1);
});

await run('/aioproc/gjs/listener');
