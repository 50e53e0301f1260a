#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Shared memory as a Python program has it."""

import os
import sys

from aioproc_test import (IO_ERROR, SOURCE, Aioproc, Callback, Case, Gio, GLib, no_descriptors,
                          run)


class SharedMemory(Case):

    def content(self, memory, offset=0, length=None):
        length = memory.get_size() - offset if length is None else length
        return memory.read_bytes(offset, length).get_data() or b''

    def test_construct(self):
        """Constructors, with and without properties"""
        memory = Aioproc.SharedMemory.new(100)
        self.assertEqual(memory.get_size(), 100)
        self.assertEqual(self.content(memory), bytes(100))
        self.assertIsInstance(memory, Aioproc.Shareable)

        memory = Aioproc.SharedMemory.new_from_bytes(GLib.Bytes.new(b'content'))
        self.assertEqual(self.content(memory), b'content')

        memory = Aioproc.SharedMemory(name='frames', size=10, max_size=20000)
        self.assertTrue(memory.init())
        self.assertEqual(memory.props.name, 'frames')
        self.assertEqual(memory.props.size, 10)
        self.assertGreaterEqual(memory.props.max_size, 20000)
        self.assertFalse(memory.props.read_only)

    def test_construct_uninitialized(self):
        """An object that could not be constructed answers everything"""
        with no_descriptors():
            memory = Aioproc.SharedMemory(size=10)
        for operation in (memory.dup_bytes, memory.dup_read_only, lambda: memory.resize(20),
                          lambda: memory.read_bytes(0, 1),
                          lambda: memory.write_bytes(0, GLib.Bytes.new(b'x'))):
            with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_INITIALIZED, 'open files'):
                operation()
        self.assertEqual(memory.get_size(), 0)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TOO_MANY_OPEN_FILES):
            memory.init()
        self.assertTrue(memory.init())
        self.assertEqual(memory.get_size(), 10)

    def test_content(self):
        """Bytes go in and come out, and those of dup_bytes() lie in the memory"""
        memory = Aioproc.SharedMemory.new(1 << 20)
        data = os.urandom(1 << 20)
        self.assertTrue(memory.write_bytes(0, GLib.Bytes.new(data)))
        self.assertEqual(self.content(memory), data)
        inside = memory.dup_bytes()
        self.assertTrue(memory.write_bytes(5, GLib.Bytes.new(b'changed')))
        self.assertEqual(self.content(memory, 5, 7), b'changed')
        del memory
        self.assertEqual(inside.get_data()[5:12], b'changed')
        self.assertEqual(inside.get_data()[12:], data[12:])

    def test_errors(self):
        """Errors are matched by domain and code"""
        memory = Aioproc.SharedMemory(name='frames', size=10)
        for operation in (lambda: memory.read_bytes(5, 6), lambda: memory.read_bytes(1 << 62, 1),
                          lambda: memory.write_bytes(8, GLib.Bytes.new(b'abc')),
                          lambda: memory.resize(1 << 62), lambda: memory.resize(9)):
            with self.raises(IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT, 'frames'):
                operation()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT):
            Aioproc.SharedMemory.new(0)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT):
            Aioproc.SharedMemory.new((1 << 64) - 1)

    def test_resize(self):
        """Memory grows with zeros"""
        memory = Aioproc.SharedMemory(size=3, max_size=100000)
        memory.write_bytes(0, GLib.Bytes.new(b'abc'))
        self.assertTrue(memory.resize(100000))
        self.assertEqual(self.content(memory), b'abc' + bytes(99997))

    def test_read_only(self):
        """What is for reading reads, and does nothing else"""
        memory = Aioproc.SharedMemory(name='frames', size=3)
        reader = memory.dup_read_only()
        self.assertTrue(reader.get_read_only())
        self.assertNotEqual(reader.dup_id(), memory.dup_id())
        memory.write_bytes(0, GLib.Bytes.new(b'abc'))
        self.assertEqual(self.content(reader), b'abc')
        with self.raises(IO_ERROR, Gio.IOErrorEnum.PERMISSION_DENIED, 'frames'):
            reader.write_bytes(0, GLib.Bytes.new(b'x'))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.PERMISSION_DENIED, 'frames'):
            reader.resize(4)

    def fill(self, memory):
        """Lets a worker write to the memory."""
        context = Aioproc.Context(program=[sys.executable, os.path.join(SOURCE, 'worker.py')])
        message = Aioproc.Message.new()
        message.set_body(GLib.Variant('(h)', (message.append_object(memory),)))
        process = Aioproc.Process.new_with_message(context, 'fill', message)
        start, join = Callback(), Callback()
        process.start_async(None, start)
        process.start_finish(start.wait())
        process.join_async(-1, None, join)
        process.join_finish(join.wait())
        return process.dup_result().unpack()

    def test_worker(self):
        """What a worker writes is there, unless it got the memory for reading"""
        memory = Aioproc.SharedMemory.new(5000)
        self.assertEqual(self.fill(memory), (5000,))
        self.assertEqual(self.content(memory), b'x' * 5000)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.PERMISSION_DENIED):
            self.fill(memory.dup_read_only())


if __name__ == '__main__':
    run('/aioproc/python/shared-memory', SharedMemory)
