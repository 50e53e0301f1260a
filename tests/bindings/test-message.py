#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Messages as a Python program has them: values, objects, bytes and descriptors."""

import os
import sys

from aioproc_test import AIOPROC_ERROR, IO_ERROR, Aioproc, Case, Gio, GLib, Watched, run


class Message(Case):

    def test_body(self):
        """A body is a GLib.Variant, or there is none"""
        self.assertIsNone(Aioproc.Message.new().dup_body())
        self.assertIsNone(Aioproc.Message.new(None).dup_body())
        self.assertIsNone(Aioproc.Message().dup_body())

        message = Aioproc.Message.new(GLib.Variant('(sai)', ('thumbnail', [1, 2, 3])))
        self.assertEqual(message.dup_body().get_type_string(), '(sai)')
        self.assertEqual(message.dup_body().unpack(), ('thumbnail', [1, 2, 3]))
        message.set_body(None)
        self.assertIsNone(message.dup_body())
        message.set_body(GLib.Variant('s', 'other'))
        self.assertEqual(message.dup_body().unpack(), 'other')

    def test_body_ownership(self):
        """A variant belongs to who has it, before and after a message had it"""
        variant = GLib.Variant('as', ['some', 'strings'])
        message = Aioproc.Message.new(variant)
        for _ in range(100):
            message.set_body(variant)
            self.assertEqual(message.dup_body().unpack(), variant.unpack())
        body = message.dup_body()
        del message
        self.assertEqual(body.unpack(), ['some', 'strings'])
        self.assertEqual(variant.unpack(), ['some', 'strings'])

    def test_object(self):
        """An object is found by its handle, and is the same"""
        lock, event = Aioproc.Lock.new(), Aioproc.Event.new()
        message = Aioproc.Message.new()
        handles = message.append_object(lock), message.append_object(event)
        message.set_body(GLib.Variant('(hh)', handles))
        self.assertEqual(handles, (0, 1))
        self.assertEqual(message.get_n_handles(), 2)
        lock_handle, event_handle = message.dup_body().unpack()
        self.assertIs(message.dup_object(lock_handle), lock)
        self.assertIs(message.dup_object(event_handle), event)

    def test_object_ownership(self):
        """A message keeps its objects, and lets them go"""
        lock = Aioproc.Lock.new()
        watched = Watched(lock)
        message = Aioproc.Message.new()
        message.append_object(lock)
        del lock
        self.assertFalse(watched.gone)
        self.assertTrue(message.dup_object(0).try_acquire())
        del message
        self.assertTrue(watched.gone)

    def test_object_not_shareable(self):
        """What cannot be shared is refused"""
        message = Aioproc.Message.new()
        with self.raises(AIOPROC_ERROR, Aioproc.Error.NOT_SHAREABLE, 'GCancellable'):
            message.append_object(Gio.Cancellable())
        with self.assertRaises(TypeError):
            message.append_object('text')
        with self.assertRaises(TypeError):
            message.append_object(None)
        self.assertEqual(message.get_n_handles(), 0)

    def test_bytes(self):
        """Bytes in bulk are not taken apart"""
        data = os.urandom(1 << 20)
        message = Aioproc.Message.new()
        handle = message.append_bytes(GLib.Bytes.new(data))
        self.assertEqual(message.dup_bytes(handle).get_size(), len(data))
        self.assertEqual(message.dup_bytes(handle).get_data(), data)
        self.assertEqual(message.append_bytes(GLib.Bytes.new(b'')), 1)
        self.assertEqual(message.dup_bytes(1).get_size(), 0)

    def test_fd(self):
        """A descriptor is duplicated when it goes in and when it comes out"""
        reader, writer = os.pipe()
        message = Aioproc.Message.new()
        handle = message.append_fd(writer)
        os.close(writer)
        writer = message.dup_fd(handle)
        self.assertFalse(os.get_inheritable(writer))
        os.write(writer, b'through the pipe')
        os.close(writer)
        del message
        with os.fdopen(reader, 'rb') as stream:
            self.assertEqual(stream.read(), b'through the pipe')

    def test_fd_bad(self):
        """What is no descriptor is refused"""
        message = Aioproc.Message.new()
        for fd in (-1, 1 << 30):
            with self.assertRaises(GLib.Error) as caught:
                message.append_fd(fd)
            self.assertEqual(caught.exception.domain, GLib.quark_to_string(IO_ERROR))
        self.assertEqual(message.get_n_handles(), 0)

    def test_handle_wrong(self):
        """A handle that is not there, and one of another kind"""
        message = Aioproc.Message.new()
        message.append_object(Aioproc.Lock.new())
        message.append_bytes(GLib.Bytes.new(b'bytes'))
        message.append_fd(sys.stdin.fileno())
        for duplicate, right in ((message.dup_object, 0), (message.dup_bytes, 1),
                                 (message.dup_fd, 2)):
            for handle in (-1, 3, 1 << 30):
                with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_FOUND):
                    duplicate(handle)
            for handle in {0, 1, 2} - {right}:
                with self.raises(IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT):
                    duplicate(handle)


if __name__ == '__main__':
    run('/aioproc/python/message', Message)
