#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A condition as a Python program has it: PyGObject, callbacks, the main loop of GLib."""

import threading

from aioproc_test import IO_ERROR, Aioproc, Callback, Case, Gio, run


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


if __name__ == '__main__':
    run('/aioproc/python/condition', Condition)
