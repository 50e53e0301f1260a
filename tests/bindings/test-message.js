/* test-message.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Messages as a JavaScript program has them: values, objects, bytes and descriptors. */

import Aioproc from 'gi://Aioproc?version=1';
import GLib from 'gi://GLib';
import Gio from 'gi://Gio';

import {assert, assertEqual, assertSame, assertThrows, collect, countFds, run, test}
  from './aioproc-test.js';

test('body', 'A body is a GLib.Variant, or there is none', () => {
  assertSame(new Aioproc.Message().dup_body(), null);

  const message = Aioproc.Message.new(new GLib.Variant('(sai)', ['thumbnail', [1, 2, 3]]));
  assertSame(message.dup_body().get_type_string(), '(sai)');
  assertEqual(message.dup_body().recursiveUnpack(), ['thumbnail', [1, 2, 3]]);
  message.set_body(null);
  assertSame(message.dup_body(), null);
  message.set_body(new GLib.Variant('s', 'other'));
  assertSame(message.dup_body().unpack(), 'other');
  assertSame(Aioproc.Message.new(null).dup_body(), null);
});

test('body-ownership', 'A variant belongs to who has it, before and after', async () => {
  const variant = new GLib.Variant('as', ['some', 'strings']);
  let message = Aioproc.Message.new(variant);

  for (let i = 0; i < 100; i++) {
    message.set_body(variant);
    assertEqual(message.dup_body().deepUnpack(), variant.deepUnpack());
  }
  const body = message.dup_body();
  message = null;
  await collect();
  assertEqual(body.deepUnpack(), ['some', 'strings']);
  assertEqual(variant.deepUnpack(), ['some', 'strings']);
});

test('object', 'An object is found by its handle, and is the same', () => {
  const lock = Aioproc.Lock.new();
  const event = Aioproc.Event.new();
  const message = new Aioproc.Message();
  const handles = [message.append_object(lock), message.append_object(event)];

  message.set_body(new GLib.Variant('(hh)', handles));
  assertEqual(handles, [0, 1]);
  assertSame(message.get_n_handles(), 2);
  const [lockHandle, eventHandle] = message.dup_body().deepUnpack();
  assertSame(message.dup_object(lockHandle), lock);
  assertSame(message.dup_object(eventHandle), event);
});

test('object-ownership', 'A message keeps its objects, and lets them go', async () => {
  await collect();
  const before = countFds();
  let message = new Aioproc.Message();

  message.append_object(Aioproc.Lock.new());
  await collect();
  assert(message.dup_object(0).try_acquire());
  message = null;
  await collect(() => countFds() <= before);
});

test('object-not-shareable', 'What cannot be shared is refused', () => {
  const message = new Aioproc.Message();

  assertThrows(() => message.append_object(new Gio.Cancellable()), Aioproc.Error,
    Aioproc.Error.NOT_SHAREABLE, 'GCancellable');
  for (const wrong of ['text', null]) {
    let error = null;

    try {
      message.append_object(wrong);
    } catch (e) {
      error = e;
    }
    assert(error instanceof Error, `${wrong}`);
  }
  assertSame(message.get_n_handles(), 0);
});

test('bytes', 'Bytes in bulk are not taken apart', () => {
  const data = new Uint8Array(1 << 20).map((_, i) => i % 251);
  const message = new Aioproc.Message();
  const handle = message.append_bytes(new GLib.Bytes(data));
  const received = message.dup_bytes(handle).toArray();

  assertSame(received.length, data.length);
  assert(received.every((byte, i) => byte === data[i]));
  assertSame(message.append_bytes(new GLib.Bytes([])), 1);
  assertSame(message.dup_bytes(1).get_size(), 0);
});

test('fd', 'A descriptor is duplicated when it goes in and when it comes out', () => {
  const [file, stream] = Gio.File.new_tmp(null);
  const message = new Aioproc.Message();
  const before = countFds();
  const handle = message.append_fd(stream.output_stream.get_fd());
  const fd = message.dup_fd(handle);

  assertSame(countFds(), before + 2);
  stream.close(null);
  const output = new Gio.UnixOutputStream({fd, closeFd: true});
  output.write_all('through the descriptor', null);
  output.close(null);
  const [, contents] = file.load_contents(null);
  assertSame(new TextDecoder().decode(contents), 'through the descriptor');
  file.delete(null);
});

test('handle-wrong', 'A handle that is not there, and one of another kind', () => {
  const message = new Aioproc.Message();

  message.append_object(Aioproc.Lock.new());
  message.append_bytes(new GLib.Bytes([1]));
  message.append_fd(0);
  for (const [right, duplicate] of [[0, 'dup_object'], [1, 'dup_bytes'], [2, 'dup_fd']]) {
    for (const handle of [-1, 3, 1 << 30]) {
      assertThrows(() => message[duplicate](handle), Gio.IOErrorEnum,
        Gio.IOErrorEnum.NOT_FOUND);
    }
    for (const handle of [0, 1, 2].filter(other => other !== right)) {
      assertThrows(() => message[duplicate](handle), Gio.IOErrorEnum,
        Gio.IOErrorEnum.INVALID_ARGUMENT);
    }
  }
});

await run('/aioproc/gjs/message');
