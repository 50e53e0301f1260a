#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A condition as a Python program has it: PyGObject, callbacks, the main loop of GLib."""

import threading

from aioproc_test import (AIOPROC_ERROR, IO_ERROR, Aioproc, Callback, Case, Gio, GLib, Watched,
                          drain, no_descriptors, run)

MSEC = GLib.TIME_SPAN_MILLISECOND


class Condition(Case):

    def test_construct(self):
        """Constructors, with a lock and without"""
        condition = Aioproc.Condition.new(None)
        self.assertIsInstance(condition.get_lock(), Aioproc.RLock)
        lock = Aioproc.Lock()
        condition = Aioproc.Condition(name='ready', lock=lock)
        self.assertIs(condition.get_lock(), lock)
        self.assertIs(condition.props.lock, lock)
        self.assertEqual(condition.get_name(), 'ready')
        with self.raises(IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT):
            Aioproc.Condition.new(Aioproc.Event())

    def test_async(self):
        """One flow waits, another notifies"""
        condition = Aioproc.Condition()
        lock = condition.get_lock()
        callback = Callback()
        self.assertTrue(lock.acquire(1, -1, None))
        condition.wait_async(1, -1, None, callback)
        self.assertFalse(lock.is_locked())
        self.assertTrue(lock.acquire(2, -1, None))
        self.assertTrue(condition.notify_n(2, 1))
        self.assertTrue(lock.release(2))
        self.assertTrue(condition.wait_finish(callback.wait()))
        self.assertTrue(lock.is_owned(1))
        self.assertTrue(lock.release(1))

    def held(self, **properties):
        """A condition whose lock is held"""
        condition = Aioproc.Condition(lock=Aioproc.Lock(), **properties)
        self.assertTrue(condition.get_lock().acquire(-1, None))
        return condition

    def assert_ends(self, condition, callback, code):
        """The wait ends so, and has the lock again"""
        with self.raises(IO_ERROR, code):
            condition.wait_finish(callback.wait())
        self.assertTrue(condition.get_lock().is_locked())

    def test_uninitialized(self):
        """An object that could not be constructed answers everything"""
        with no_descriptors():
            condition = Aioproc.Condition()
        for operation in (lambda: condition.wait(0, -1, None), lambda: condition.notify_n(0, 1),
                          lambda: condition.notify_all(0)):
            with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_INITIALIZED):
                operation()
        callback = Callback()
        condition.wait_async(0, -1, None, callback)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_INITIALIZED):
            condition.wait_finish(callback.wait())

    def test_shareable(self):
        """A condition implements Shareable, and has an identity"""
        condition = Aioproc.Condition()
        self.assertIsInstance(condition, Aioproc.Shareable)
        self.assertNotEqual(condition.dup_id(), Aioproc.Condition().dup_id())

    def test_not_owner(self):
        """Who does not hold the lock can neither wait nor notify"""
        condition = Aioproc.Condition(name='ready')
        for operation in (lambda: condition.wait(1, -1, None), lambda: condition.notify_n(1, 1),
                          lambda: condition.notify_all(1)):
            with self.raises(AIOPROC_ERROR, Aioproc.Error.NOT_OWNER, 'ready'):
                operation()
        callback = Callback()
        condition.wait_async(1, -1, None, callback)
        with self.raises(AIOPROC_ERROR, Aioproc.Error.NOT_OWNER):
            condition.wait_finish(callback.wait())

    def test_timeout_async(self):
        """The same of the asynchronous form"""
        condition = self.held()
        for timeout in (0, MSEC):
            callback = Callback()
            condition.wait_async(0, timeout, None, callback)
            self.assertFalse(callback.called, 'called inside of the call')
            self.assert_ends(condition, callback, Gio.IOErrorEnum.TIMED_OUT)

    def test_cancel(self):
        """A wait that is cancelled before or while has the lock again"""
        condition = self.held()
        cancellable = Gio.Cancellable()
        callback = Callback()
        condition.wait_async(0, -1, cancellable, callback)
        drain()
        self.assertFalse(callback.called)
        cancellable.cancel()
        self.assert_ends(condition, callback, Gio.IOErrorEnum.CANCELLED)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            condition.wait(0, -1, cancellable)
        self.assertTrue(condition.get_lock().is_locked())
        callback = Callback()
        condition.wait_async(0, -1, cancellable, callback)
        self.assert_ends(condition, callback, Gio.IOErrorEnum.CANCELLED)

    def test_notify_all(self):
        """All who wait are notified, and have the lock one after the other"""
        condition = Aioproc.Condition()
        lock = condition.get_lock()
        callbacks = {}
        for owner in range(1, 6):
            self.assertTrue(lock.acquire(owner, -1, None))
            callbacks[owner] = Callback()
            condition.wait_async(owner, -1, None, callbacks[owner])
        self.assertTrue(lock.acquire(9, -1, None))
        self.assertTrue(condition.notify_all(9))
        self.assertTrue(lock.release(9))
        for owner, callback in callbacks.items():
            self.assertTrue(condition.wait_finish(callback.wait()))
            self.assertTrue(lock.release(owner))
        self.assertFalse(lock.is_locked())

    def test_dispose_while_pending(self):
        """Disposing of the object completes what is pending"""
        condition = self.held()
        callback = Callback()
        condition.wait_async(0, -1, None, callback)
        condition.run_dispose()
        self.assert_ends(condition, callback, Gio.IOErrorEnum.CLOSED)

    def test_drop_while_pending(self):
        """A pending operation keeps the object alive, and nothing else does"""
        condition = self.held()
        watched = Watched(condition)
        callback = Callback()
        condition.wait_async(0, 20 * MSEC, None, callback)
        del condition
        self.assertFalse(watched.gone)
        result = callback.wait()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            callback.source.wait_finish(result)
        del callback, result
        drain()
        self.assertTrue(watched.gone)

    def test_timeout(self):
        """A wait that times out has the lock again"""
        lock = Aioproc.Lock()
        condition = Aioproc.Condition(lock=lock)
        self.assertTrue(lock.acquire(-1, None))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            condition.wait(0, 1000, None)
        self.assertTrue(lock.is_locked())
        self.assertTrue(condition.notify_all(0))
        self.assertTrue(lock.release())

    def test_wait_for(self):
        """A thread waits for what another one makes"""
        lock = Aioproc.Lock()
        condition = Aioproc.Condition(lock=lock)
        items = []

        def make():
            lock.acquire(-1, None)
            items.append('item')
            condition.notify_n(0, 1)
            lock.release()

        self.assertTrue(lock.acquire(-1, None))
        thread = threading.Thread(target=make)
        thread.start()
        self.assertTrue(condition.wait_for(0, lambda *args: bool(items), None, -1, None))
        self.assertEqual(items, ['item'])
        self.assertTrue(lock.release())
        thread.join()

    def test_wait_for_ends(self):
        """A wait for what does not come times out or is cancelled, with the lock"""
        condition = self.held()
        looks = []

        def never(*args):
            looks.append(args[0])
            return False

        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            condition.wait_for(0, never, None, MSEC, None)
        self.assertGreaterEqual(len(looks), 2)
        self.assertIs(looks[0], condition)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            cancellable = Gio.Cancellable()
            cancellable.cancel()
            condition.wait_for(0, never, None, -1, cancellable)
        self.assertTrue(condition.get_lock().is_locked())

    def test_wait_for_async(self):
        """A flow waits for what another one makes"""
        condition = Aioproc.Condition()
        lock = condition.get_lock()
        items = []
        callback = Callback()
        self.assertTrue(lock.acquire(1, -1, None))
        # With two functions in a call, PyGObject wants the data of the first to be a tuple.
        condition.wait_for_async(1, lambda *args: len(items) > 1, (), -1, None, callback)
        for _ in range(2):
            drain()
            self.assertFalse(callback.called)
            self.assertTrue(lock.acquire(2, -1, None))
            items.append('item')
            self.assertTrue(condition.notify_n(2, 1))
            self.assertTrue(lock.release(2))
        self.assertTrue(condition.wait_for_finish(callback.wait()))
        self.assertTrue(lock.is_owned(1))
        for timeout, code in ((MSEC, Gio.IOErrorEnum.TIMED_OUT), (-1, Gio.IOErrorEnum.CANCELLED)):
            cancellable = Gio.Cancellable()
            callback = Callback()
            condition.wait_for_async(1, lambda *args: False, (), timeout, cancellable, callback)
            drain()
            if timeout < 0:
                cancellable.cancel()
            with self.raises(IO_ERROR, code):
                condition.wait_for_finish(callback.wait())
            self.assertTrue(lock.is_owned(1))
        self.assertTrue(lock.release(1))


if __name__ == '__main__':
    run('/aioproc/python/condition', Condition)
