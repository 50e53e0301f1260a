#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Shared values and arrays as a Python program has them."""

import os
import sys

from aioproc_test import (IO_ERROR, SOURCE, Aioproc, Callback, Case, Gio, GLib, no_descriptors,
                          run)

N_WORKERS = 3


class Value(Case):

    def test_construct(self):
        """Constructors, with and without properties"""
        value = Aioproc.Value.new(GLib.Variant('i', 5))
        self.assertEqual(value.get().unpack(), 5)
        self.assertEqual(value.get_type_string(), 'i')
        self.assertIsInstance(value.get_lock(), Aioproc.RLock)

        lock = Aioproc.Lock.new()
        value = Aioproc.Value(value=GLib.Variant('d', 0.5), lock=lock, name='ratio')
        self.assertTrue(value.init())
        self.assertIs(value.get_lock(), lock)
        self.assertEqual(value.props.name, 'ratio')

        array = Aioproc.Array.new('q', 3)
        self.assertEqual(array.get_slice(0, 3).unpack(), [0, 0, 0])
        array = Aioproc.Array.new_from_variant(GLib.Variant('ax', [1, -2]))
        self.assertEqual(array.get_length(), 2)
        self.assertEqual(array.get_type_string(), 'x')
        array = Aioproc.Array(type_string='b', length=2, unlocked=True)
        self.assertTrue(array.init())
        self.assertIsNone(array.get_lock())

    def test_construct_uninitialized(self):
        """An object that could not be constructed answers everything"""
        with no_descriptors():
            value = Aioproc.Value(value=GLib.Variant('i', 5))
        for operation in (value.get, lambda: value.set(GLib.Variant('i', 1)),
                          lambda: value.add(1)):
            with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_INITIALIZED, 'open files'):
                operation()

    def test_types(self):
        """Numbers of every type, single ones and slices"""
        for kind, numbers in (('b', [True, False]), ('y', [0, 255]), ('n', [-32768, 32767]),
                              ('q', [65535, 0]), ('i', [-5, 5]), ('u', [0, (1 << 32) - 1]),
                              ('x', [-(1 << 63), 1]), ('t', [(1 << 64) - 1, 0]),
                              ('d', [0.5, -1e300])):
            array = Aioproc.Array.new(kind, 4)
            self.assertTrue(array.set_slice(1, GLib.Variant('a' + kind, numbers)))
            self.assertEqual(list(array.get_slice(1, 2).unpack()), numbers)
            self.assertEqual(array.get(1).unpack(), numbers[0])
            self.assertTrue(array.set(3, GLib.Variant(kind, numbers[1])))
            self.assertEqual(array.get(3).unpack(), numbers[1])

    def test_integers(self):
        """Sums and swaps tell what was there"""
        value = Aioproc.Value.new(GLib.Variant('u', 7))
        self.assertEqual(value.add(-3), (True, 7))
        self.assertEqual(value.compare_and_swap(3, 9), (False, 4))
        self.assertEqual(value.compare_and_swap(4, 9), (True, 4))
        self.assertEqual(value.get().unpack(), 9)
        array = Aioproc.Array.new('x', 2)
        self.assertEqual(array.add(1, -5), (True, 0))
        self.assertEqual(array.compare_and_swap(1, -5, 6), (True, -5))
        self.assertEqual(array.get_slice(0, 2).unpack(), [0, 6])

    def test_errors(self):
        """Errors are matched by domain and code"""
        array = Aioproc.Array(type_string='i', length=2, name='jobs')
        for operation in (lambda: array.get(2), lambda: array.set(0, GLib.Variant('x', 1)),
                          lambda: array.get_slice(1, 2), lambda: array.add(1 << 62, 1),
                          lambda: array.set_slice(1, GLib.Variant('ai', [1, 2]))):
            with self.raises(IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT, 'jobs'):
                operation()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT, '“s”'):
            Aioproc.Value.new(GLib.Variant('s', 'text'))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_SUPPORTED):
            Aioproc.Value.new(GLib.Variant('d', 1)).add(1)

    def test_lock(self):
        """More than one step is for who holds the lock"""
        value = Aioproc.Value.new(GLib.Variant('d', 1))
        lock = value.get_lock()
        for _ in range(3):
            self.assertTrue(lock.acquire(0, -1))
            value.set(GLib.Variant('d', value.get().unpack() * 2))
            self.assertTrue(lock.release(0))
        self.assertEqual(value.get().unpack(), 8)

    def test_workers(self):
        """Workers add to one number, and fill an array"""
        context = Aioproc.Context(program=[sys.executable, os.path.join(SOURCE, 'worker.py')])
        counter = Aioproc.Value.new(GLib.Variant('i', 0))
        array = Aioproc.Array.new('i', N_WORKERS)
        processes = []
        for _ in range(N_WORKERS):
            message = Aioproc.Message.new()
            message.set_body(GLib.Variant('(hh)', [message.append_object(obj)
                                                   for obj in (counter, array)]))
            processes.append(Aioproc.Process.new_with_message(context, 'count', message))
        for process in processes:
            start = Callback()
            process.start_async(None, start)
            process.start_finish(start.wait())
        for process in processes:
            join = Callback()
            process.join_async(-1, None, join)
            process.join_finish(join.wait())
            process.dup_result()
        self.assertEqual(counter.get().unpack(), N_WORKERS * 100)
        self.assertEqual(sorted(array.get_slice(0, N_WORKERS).unpack()),
                         list(range(1, N_WORKERS + 1)))


if __name__ == '__main__':
    run('/aioproc/python/value', Value)
