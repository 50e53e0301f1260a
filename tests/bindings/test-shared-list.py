#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Shared lists as a Python program has them."""

from aioproc_test import IO_ERROR, Aioproc, Case, Gio, GLib, no_descriptors, run


class SharedList(Case):

    def new(self):
        return Aioproc.SharedList(items=GLib.Variant('(sid)', ('idle', 0, 0.5)), name='things')

    def test_construct(self):
        """Constructors, with and without properties"""
        shared = Aioproc.SharedList.new(GLib.Variant('av', [GLib.Variant('s', 'text'),
                                                            GLib.Variant('i', 5)]))
        self.assertEqual(shared.dup_items().unpack(), ['text', 5])
        self.assertEqual(shared.get_length(), 2)
        self.assertIsInstance(shared, Aioproc.Shareable)
        shared = self.new()
        self.assertTrue(shared.init())
        self.assertEqual(shared.props.length, 3)
        self.assertEqual(shared.props.name, 'things')

    def test_construct_uninitialized(self):
        """An object that could not be constructed answers everything"""
        with no_descriptors():
            shared = self.new()
        for operation in (shared.dup_items, lambda: shared.get(0),
                          lambda: shared.set(0, GLib.Variant('i', 1)),
                          lambda: shared.find(GLib.Variant('i', 1))):
            with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_INITIALIZED, 'open files'):
                operation()

    def test_items(self):
        """Items are replaced by values of any type, and found"""
        shared = self.new()
        self.assertTrue(shared.set(1, GLib.Variant('s', 'text')))
        self.assertTrue(shared.set(0, GLib.Variant('b', True)))
        self.assertEqual(shared.dup_items().unpack(), [True, 'text', 0.5])
        self.assertEqual(shared.get(1).get_type_string(), 's')
        self.assertEqual(shared.find(GLib.Variant('d', 0.5)), (True, 2))
        self.assertFalse(shared.find(GLib.Variant('d', 1))[0])

    def test_errors(self):
        """Errors are matched by domain and code"""
        shared = self.new()
        self.assertEqual(shared.get_room(1), 16)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.MESSAGE_TOO_LARGE, 'things'):
            shared.set(1, GLib.Variant('s', 'x' * 100))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT, 'things'):
            shared.get(3)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_SUPPORTED):
            shared.set(0, GLib.Variant('h', 0))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT):
            Aioproc.SharedList.new(GLib.Variant('s', 'text'))
        self.assertEqual(shared.dup_items().unpack(), ['idle', 0, 0.5])


if __name__ == '__main__':
    run('/aioproc/python/shared-list', SharedList)
