#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Recursive locks as a Python program has them: PyGObject, callbacks, the main loop of GLib."""

import threading
import time

from aioproc_test import (AIOPROC_ERROR, IO_ERROR, Aioproc, Callback, Case, Gio, GLib, Watched,
                          drain, iterate_until, no_descriptors, run)

N_MANY = 500
# Whatever a program numbers its flows with.
ALICE, BOB = 1, GLib.MAXUINT64


class RLock(Case):

    def hold(self, owner, **properties):
        lock = Aioproc.RLock(**properties)
        self.assertTrue(lock.try_acquire(owner))
        return lock

    def assert_depth(self, lock, owner, depth):
        self.assertEqual(lock.get_depth(owner), depth)
        self.assertEqual(lock.is_owned(owner), depth > 0)

    def test_construct(self):
        """Constructors, with and without properties"""
        lock = Aioproc.RLock.new()
        self.assertIsNone(lock.get_name())
        self.assertFalse(lock.get_strict())
        self.assertFalse(lock.get_was_abandoned())
        self.assertFalse(lock.is_locked())

        lock = Aioproc.RLock(name='jobs', strict=True)
        self.assertTrue(lock.init(), 'it does no harm')
        self.assertEqual(lock.props.name, 'jobs')
        self.assertTrue(lock.props.strict)
        with self.assertRaises(TypeError):
            Aioproc.RLock(nmae='jobs')

    def test_construct_uninitialized(self):
        """An object that could not be constructed answers everything"""
        with no_descriptors():
            lock = Aioproc.RLock(name='jobs')
        for operation in (lambda: lock.try_acquire(0), lambda: lock.release(0),
                          lambda: lock.acquire(0, -1)):
            with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_INITIALIZED, 'open files'):
                operation()
        callback = Callback()
        lock.acquire_async(0, -1, None, callback)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_INITIALIZED):
            lock.acquire_finish(callback.wait())
        self.assertFalse(lock.is_locked())
        self.assert_depth(lock, 0, 0)
        self.assertIsNone(lock.dup_id())

    def test_shareable(self):
        """A recursive lock implements Shareable, and has an identity"""
        lock = Aioproc.RLock.new()
        self.assertIsInstance(lock, Aioproc.Shareable)
        self.assertNotEqual(lock.dup_id(), Aioproc.RLock.new().dup_id())

    def test_acquire(self):
        """Every form to acquire, again and again, and as many releases"""
        lock = Aioproc.RLock.new()
        forms = (lambda: lock.try_acquire(0), lambda: lock.acquire(0, -1),
                 lambda: lock.acquire(0, 0, None),
                 lambda: lock.acquire(owner=0, timeout_usec=GLib.MAXINT64, cancellable=None))
        for depth, acquire in enumerate(forms):
            self.assert_depth(lock, 0, depth)
            self.assertTrue(acquire())
        for depth in range(len(forms), 0, -1):
            self.assertTrue(lock.is_locked())
            self.assert_depth(lock, 0, depth)
            self.assertTrue(lock.release(0))
        self.assertFalse(lock.is_locked())

    def test_owners(self):
        """One owner keeps the others out, also those of its own process"""
        lock = self.hold(BOB, name='jobs')
        self.assertTrue(lock.try_acquire(BOB))
        self.assert_depth(lock, BOB, 2)
        self.assert_depth(lock, ALICE, 0)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.WOULD_BLOCK, 'jobs'):
            lock.try_acquire(ALICE)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT, 'jobs'):
            lock.acquire(ALICE, 0)
        for owner in (ALICE, 0):
            with self.raises(AIOPROC_ERROR, Aioproc.Error.NOT_OWNER, 'jobs'):
                lock.release(owner)
        self.assertTrue(lock.release(BOB))
        self.assertTrue(lock.release(BOB))
        with self.raises(AIOPROC_ERROR, Aioproc.Error.NOT_OWNER, 'jobs'):
            lock.release(BOB)

    def test_acquire_thread(self):
        """Without a number the thread is the owner"""
        lock = self.hold(0)
        order = []
        refused = threading.Event()

        def work():
            with self.raises(IO_ERROR, Gio.IOErrorEnum.WOULD_BLOCK):
                lock.try_acquire(0)
            refused.set()
            lock.acquire(0, -1)
            order.append('thread')
            lock.release(0)

        thread = threading.Thread(target=work)
        thread.start()
        refused.wait()
        order.append('main')
        self.assertTrue(lock.release(0))
        thread.join()
        self.assertEqual(order, ['main', 'thread'])
        self.assertFalse(lock.is_locked())

    def test_acquire_timeout(self):
        """Timeouts of the blocking form and of the asynchronous one"""
        lock = self.hold(ALICE)
        before = time.monotonic()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            lock.acquire(BOB, 20 * GLib.TIME_SPAN_MILLISECOND)
        self.assertGreaterEqual(time.monotonic() - before, 0.02)

        for timeout in (0, 20 * GLib.TIME_SPAN_MILLISECOND):
            callback = Callback()
            before = time.monotonic()
            lock.acquire_async(BOB, timeout, None, callback)
            self.assertFalse(callback.called, 'called inside of the call')
            with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
                lock.acquire_finish(callback.wait())
            self.assertGreaterEqual(time.monotonic() - before, timeout / 1e6)

    def test_acquire_async(self):
        """An operation of the owner does not wait, and that of another one does"""
        lock = self.hold(ALICE)
        again, other = Callback(), Callback()
        lock.acquire_async(BOB, -1, None, other)
        lock.acquire_async(ALICE, -1, None, again)
        self.assertTrue(lock.acquire_finish(again.wait()))
        self.assert_depth(lock, ALICE, 2)
        self.assertTrue(lock.release(ALICE))
        drain()
        self.assertFalse(other.called)
        self.assertTrue(lock.release(ALICE))
        self.assertFalse(other.called, 'called inside of the call')
        self.assertTrue(lock.acquire_finish(other.wait()))
        self.assertIs(other.source, lock)
        self.assertIs(other.thread, threading.main_thread())
        self.assert_depth(lock, BOB, 1)

    def test_acquire_async_many(self):
        """Many owners get the lock one after the other, in their order"""
        lock = self.hold(0)
        order = []

        def acquired(source, result, number):
            self.assertTrue(source.acquire_finish(result))
            self.assertTrue(source.is_owned(number))
            order.append(number)
            source.release(number)

        for number in range(1, N_MANY + 1):
            lock.acquire_async(number, -1, None, acquired, number)
        self.assertTrue(lock.release(0))
        iterate_until(lambda: len(order) == N_MANY)
        self.assertEqual(order, list(range(1, N_MANY + 1)))
        self.assertFalse(lock.is_locked())

    def test_cancel(self):
        """A cancelled operation holds no lock, and the one behind it gets it"""
        lock = self.hold(ALICE)
        cancellable = Gio.Cancellable()
        callback, behind = Callback(), Callback()
        lock.acquire_async(BOB, -1, cancellable, callback)
        lock.acquire_async(BOB, -1, None, behind)
        cancellable.cancel()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            lock.acquire_finish(callback.wait())
        self.assertTrue(lock.release(ALICE))
        self.assertTrue(lock.acquire_finish(behind.wait()))
        self.assert_depth(lock, BOB, 1)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            lock.acquire(BOB, -1, cancellable)
        self.assert_depth(lock, BOB, 1)

    def test_drop_while_pending(self):
        """A pending operation keeps the object alive, and nothing else does"""
        lock = self.hold(ALICE)
        watched = Watched(lock)
        callback = Callback()
        lock.acquire_async(BOB, 20 * GLib.TIME_SPAN_MILLISECOND, None, callback)
        del lock
        self.assertFalse(watched.gone)
        result = callback.wait()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            callback.source.acquire_finish(result)
        del callback, result
        drain()
        self.assertTrue(watched.gone)

    def test_dispose_while_pending(self):
        """Disposing of the object completes what is pending"""
        lock = self.hold(ALICE)
        callback = Callback()
        lock.acquire_async(BOB, -1, None, callback)
        lock.run_dispose()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            lock.acquire_finish(callback.wait())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            lock.try_acquire(BOB)


if __name__ == '__main__':
    run('/aioproc/python/rlock', RLock)
