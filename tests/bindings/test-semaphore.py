#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Semaphores as a Python program has them: PyGObject, callbacks, the main loop of GLib."""

import threading
import time

from aioproc_test import (AIOPROC_ERROR, IO_ERROR, Aioproc, Callback, Case, Gio, GLib, Watched,
                          drain, iterate_until, no_descriptors, run)

N_MANY = 500
MOST = 1048575


class Semaphore(Case):

    def assert_units(self, semaphore, free, held):
        self.assertEqual(semaphore.get_value(), free)
        self.assertEqual(semaphore.get_held(), held)
        self.assertEqual(semaphore.is_locked(), free == 0)

    def exhausted(self, **properties):
        semaphore = Aioproc.Semaphore(**properties)
        self.assertTrue(semaphore.try_acquire())
        return semaphore

    def test_construct(self):
        """Constructors, with and without properties"""
        semaphore = Aioproc.Semaphore.new(3)
        self.assertIsNone(semaphore.get_name())
        self.assertEqual(semaphore.get_initial_value(), 3)
        self.assertEqual(semaphore.props.initial_value, 3)
        self.assert_units(semaphore, 3, 0)

        semaphore = Aioproc.Semaphore(name='slots', initial_value=2)
        self.assertTrue(semaphore.init(), 'it does no harm')
        self.assertEqual(semaphore.get_name(), 'slots')
        self.assertEqual(semaphore.props.name, 'slots')
        self.assert_units(semaphore, 2, 0)
        self.assert_units(Aioproc.Semaphore(), 1, 0)
        with self.assertRaises(TypeError):
            Aioproc.Semaphore(nmae='slots')

    def test_construct_bounded(self):
        """A bounded semaphore is a semaphore"""
        semaphore = Aioproc.BoundedSemaphore.new(2)
        self.assertIsInstance(semaphore, Aioproc.Semaphore)
        self.assertIsInstance(semaphore, Aioproc.BoundedSemaphore)
        self.assert_units(semaphore, 2, 0)
        self.assert_units(Aioproc.BoundedSemaphore(initial_value=4), 4, 0)

    def test_bounded(self):
        """Every form of a bounded semaphore, and how each ends without a unit"""
        semaphore = Aioproc.BoundedSemaphore.new(3)
        callback = Callback()
        self.assertTrue(semaphore.try_acquire())
        self.assertTrue(semaphore.acquire(-1))
        semaphore.acquire_async(-1, None, callback)
        self.assertTrue(semaphore.acquire_finish(callback.wait()))
        self.assert_units(semaphore, 0, 3)

        cancellable = Gio.Cancellable()
        late, cancelled, behind = Callback(), Callback(), Callback()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.WOULD_BLOCK):
            semaphore.try_acquire()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            semaphore.acquire(1000)
        semaphore.acquire_async(1000, None, late)
        semaphore.acquire_async(-1, cancellable, cancelled)
        semaphore.acquire_async(-1, None, behind)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            semaphore.acquire_finish(late.wait())
        cancellable.cancel()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            semaphore.acquire_finish(cancelled.wait())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            semaphore.acquire(-1, cancellable)
        self.assertTrue(semaphore.release())
        self.assertTrue(semaphore.acquire_finish(behind.wait()))
        for _ in range(3):
            self.assertTrue(semaphore.release())
        self.assert_units(semaphore, 3, 0)

    def test_construct_too_large(self):
        """More units than there can be are refused"""
        for new in (Aioproc.Semaphore.new, Aioproc.BoundedSemaphore.new):
            with self.raises(IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT, str(MOST)):
                new(MOST + 1)
            self.assertEqual(new(MOST).get_value(), MOST)
        semaphore = Aioproc.Semaphore(initial_value=MOST + 1)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_INITIALIZED, str(MOST)):
            semaphore.try_acquire()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT):
            semaphore.init()

    def test_construct_uninitialized(self):
        """An object that could not be constructed answers everything"""
        with no_descriptors():
            semaphore = Aioproc.Semaphore(name='slots')
        for operation in (semaphore.try_acquire, semaphore.release, semaphore.post,
                          semaphore.consume, lambda: semaphore.acquire(-1)):
            with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_INITIALIZED, 'open files'):
                operation()
        callback = Callback()
        semaphore.acquire_async(-1, None, callback)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_INITIALIZED):
            semaphore.acquire_finish(callback.wait())
        self.assertEqual(semaphore.get_value(), 0)
        self.assertEqual(semaphore.get_held(), 0)
        self.assertIsNone(semaphore.dup_id())

    def test_shareable(self):
        """A semaphore implements Shareable, and has an identity"""
        semaphore = Aioproc.Semaphore.new(1)
        self.assertIsInstance(semaphore, Aioproc.Shareable)
        self.assertIsInstance(semaphore, Gio.Initable)
        self.assertNotEqual(semaphore.dup_id(), Aioproc.Semaphore.new(1).dup_id())

    def test_acquire(self):
        """Every form to acquire, and release"""
        semaphore = Aioproc.Semaphore.new(4)
        forms = (semaphore.try_acquire, lambda: semaphore.acquire(-1),
                 lambda: semaphore.acquire(0, None),
                 lambda: semaphore.acquire(timeout_usec=GLib.MAXINT64, cancellable=None))
        for held, acquire in enumerate(forms):
            self.assert_units(semaphore, 4 - held, held)
            self.assertTrue(acquire())
        self.assert_units(semaphore, 0, 4)
        for _ in forms:
            self.assertTrue(semaphore.release())
        self.assert_units(semaphore, 4, 0)

    def test_post_consume(self):
        """Units are made, and given up"""
        semaphore = Aioproc.Semaphore.new(0)
        self.assertTrue(semaphore.post())
        self.assertTrue(semaphore.post())
        self.assertTrue(semaphore.acquire(-1))
        self.assertTrue(semaphore.consume())
        self.assert_units(semaphore, 1, 0)

    def test_errors(self):
        """Errors are matched by domain and code"""
        semaphore = self.exhausted(name='slots')
        with self.raises(IO_ERROR, Gio.IOErrorEnum.WOULD_BLOCK, 'slots'):
            semaphore.try_acquire()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT, 'slots'):
            semaphore.acquire(0)
        self.assertTrue(semaphore.release())
        for operation in (semaphore.release, semaphore.consume):
            with self.raises(AIOPROC_ERROR, Aioproc.Error.NOT_OWNER, 'slots'):
                operation()

        bounded = Aioproc.BoundedSemaphore(name='few')
        with self.raises(AIOPROC_ERROR, Aioproc.Error.INVALID_STATE, 'few'):
            bounded.post()
        self.assertTrue(bounded.try_acquire())
        with self.raises(AIOPROC_ERROR, Aioproc.Error.INVALID_STATE, 'few'):
            bounded.post()

    def test_acquire_timeout(self):
        """Timeouts of the blocking form and of the asynchronous one"""
        semaphore = self.exhausted()
        before = time.monotonic()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            semaphore.acquire(20 * GLib.TIME_SPAN_MILLISECOND)
        self.assertGreaterEqual(time.monotonic() - before, 0.02)

        for timeout in (0, 20 * GLib.TIME_SPAN_MILLISECOND):
            callback = Callback()
            before = time.monotonic()
            semaphore.acquire_async(timeout, None, callback)
            self.assertFalse(callback.called, 'called inside of the call')
            with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
                semaphore.acquire_finish(callback.wait())
            self.assertGreaterEqual(time.monotonic() - before, timeout / 1e6)

    def test_acquire_thread(self):
        """A thread that blocks in acquire() lets the others run"""
        semaphore = Aioproc.Semaphore.new(0)
        order = []

        def work():
            semaphore.acquire(-1)
            order.append('thread')

        thread = threading.Thread(target=work)
        thread.start()
        order.append('main')
        self.assertTrue(semaphore.post())
        thread.join()
        self.assertEqual(order, ['main', 'thread'])
        self.assert_units(semaphore, 0, 1)

    def test_acquire_async(self):
        """A pending operation completes on the main loop after a post"""
        semaphore = Aioproc.Semaphore.new(0)
        callback = Callback()
        semaphore.acquire_async(-1, None, callback)
        drain()
        self.assertFalse(callback.called)
        self.assertTrue(semaphore.post())
        self.assertFalse(callback.called, 'called inside of the call')
        self.assertTrue(semaphore.acquire_finish(callback.wait()))
        self.assertIs(callback.source, semaphore)
        self.assertIs(callback.thread, threading.main_thread())
        self.assert_units(semaphore, 0, 1)

    def test_acquire_async_many(self):
        """Many operations get the units in their order"""
        semaphore = self.exhausted()
        order = []

        def acquired(source, result, number):
            source.acquire_finish(result)
            order.append(number)
            source.release()

        for number in range(N_MANY):
            semaphore.acquire_async(-1, None, acquired, number)
        self.assertTrue(semaphore.release())
        iterate_until(lambda: len(order) == N_MANY)
        self.assertEqual(order, list(range(N_MANY)))
        self.assert_units(semaphore, 1, 0)

    def test_cancel(self):
        """A cancelled operation holds no unit, and the one behind it gets it"""
        semaphore = self.exhausted()
        cancellable = Gio.Cancellable()
        callback, behind = Callback(), Callback()
        semaphore.acquire_async(-1, cancellable, callback)
        semaphore.acquire_async(-1, None, behind)
        cancellable.cancel()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            semaphore.acquire_finish(callback.wait())
        self.assertTrue(semaphore.release())
        self.assertTrue(semaphore.acquire_finish(behind.wait()))
        self.assertTrue(semaphore.release())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            semaphore.acquire(-1, cancellable)
        self.assert_units(semaphore, 1, 0)

    def test_drop_while_pending(self):
        """A pending operation keeps the object alive, and nothing else does"""
        semaphore = self.exhausted()
        watched = Watched(semaphore)
        callback = Callback()
        semaphore.acquire_async(20 * GLib.TIME_SPAN_MILLISECOND, None, callback)
        del semaphore
        self.assertFalse(watched.gone)
        result = callback.wait()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            callback.source.acquire_finish(result)
        del callback, result
        drain()
        self.assertTrue(watched.gone)

    def test_dispose_while_pending(self):
        """Disposing of the object completes what is pending"""
        semaphore = self.exhausted()
        callback = Callback()
        semaphore.acquire_async(-1, None, callback)
        semaphore.run_dispose()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            semaphore.acquire_finish(callback.wait())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            semaphore.try_acquire()


if __name__ == '__main__':
    run('/aioproc/python/semaphore', Semaphore)
