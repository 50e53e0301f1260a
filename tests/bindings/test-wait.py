#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The wait for the first of many as a Python program has it."""

import os
import socket
import threading

from aioproc_test import IO_ERROR, Aioproc, Callback, Case, Gio, GLib, run


def send(connection, number):
    connection.send(Aioproc.Message.new(GLib.Variant('i', number)), -1, None)


class Wait(Case):

    def setUp(self):
        super().setUp()
        self.here, self.there = Aioproc.pipe(True)
        self.queue = Aioproc.Queue()
        self.ours, self.theirs = socket.socketpair()
        self.addCleanup(self.ours.close)
        self.addCleanup(self.theirs.close)
        self.descriptor = Aioproc.Descriptor(fd=self.ours.fileno(),
                                             condition=GLib.IOCondition.IN)
        self.all = [self.here, self.queue, self.descriptor]

    def test_blocking(self):
        """A mix, of which more and more are ready"""
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            Aioproc.wait(self.all, 0, None)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            Aioproc.wait(self.all, 1000, None)
        self.theirs.send(b'x')
        self.assertEqual(Aioproc.wait(self.all, -1, None), [self.descriptor])
        self.assertTrue(self.descriptor.check() & GLib.IOCondition.IN)
        send(self.there, 1)
        self.assertEqual(Aioproc.wait(self.all, -1, None), [self.here, self.descriptor])
        thread = threading.Thread(target=self.queue.put, args=(GLib.Variant('i', 2), -1, None))
        thread.start()
        self.assertEqual(Aioproc.wait([self.queue], -1, None), [self.queue])
        thread.join()
        self.assertEqual(Aioproc.wait(self.all * 2, -1, None), self.all)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT):
            Aioproc.wait([], -1, None)

    def test_async(self):
        """The form that does not block"""
        waited = Callback()
        Aioproc.wait_async(self.all, -1, None, waited)
        self.assertFalse(waited.called)
        self.queue.try_put(GLib.Variant('i', 1))
        self.assertEqual(Aioproc.wait_finish(waited.wait()), [self.queue])

        waited = Callback()
        Aioproc.wait_async(self.all, -1, None, waited)
        self.assertEqual(Aioproc.wait_finish(waited.wait()), [self.queue])
        self.assertEqual(self.queue.try_get().unpack(), 1)

        waited = Callback()
        cancellable = Gio.Cancellable()
        Aioproc.wait_async(self.all, -1, cancellable, waited)
        cancellable.cancel()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            Aioproc.wait_finish(waited.wait())

        waited = Callback()
        Aioproc.wait_async(self.all, 1000, None, waited)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            Aioproc.wait_finish(waited.wait())

    def test_ends(self):
        """What comes to its end is ready"""
        self.there.close()
        self.queue.close(False)
        self.theirs.close()
        self.assertEqual(Aioproc.wait(self.all, -1, None), self.all)
        self.assertTrue(all(waitable.is_ready() for waitable in self.all))

    def test_descriptor(self):
        """What a descriptor is, and whether it is open"""
        descriptor = Aioproc.Descriptor.new(self.ours.fileno(), GLib.IOCondition.OUT)
        self.assertEqual(descriptor.get_fd(), self.ours.fileno())
        self.assertEqual(descriptor.props.condition, GLib.IOCondition.OUT)
        self.assertEqual(descriptor.check(), GLib.IOCondition.OUT)
        fd = os.dup(self.ours.fileno())
        os.close(fd)
        gone = Aioproc.Descriptor.new(fd, GLib.IOCondition.IN)
        self.assertEqual(gone.check(), GLib.IOCondition.NVAL)
        self.assertEqual(Aioproc.wait([gone, descriptor], -1, None), [gone, descriptor])


if __name__ == '__main__':
    run('/aioproc/python/wait', Wait)
