#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A lock as a Python program has it: PyGObject, callbacks, the main loop of GLib."""

import os
import subprocess
import sys
import threading
import time

from aioproc_test import (AIOPROC_ERROR, IO_ERROR, Aioproc, Callback, Case, Gio, GLib, Watched,
                          drain, iterate_until, no_descriptors, run)

N_MANY = 500


class Lock(Case):

    def hold(self, **properties):
        lock = Aioproc.Lock(**properties)
        self.assertTrue(lock.init())
        self.assertTrue(lock.try_acquire())
        return lock

    def test_construct(self):
        """Constructors, with and without properties"""
        lock = Aioproc.Lock.new()
        self.assertIsNone(lock.get_name())
        self.assertIsNone(lock.props.name)
        self.assertFalse(lock.get_strict())
        self.assertFalse(lock.props.was_abandoned)
        self.assertTrue(lock.try_acquire())

        lock = Aioproc.Lock(name='jobs', strict=True)
        self.assertTrue(lock.init())
        self.assertTrue(lock.init(None), 'once more does no harm')
        self.assertEqual(lock.get_name(), 'jobs')
        self.assertEqual(lock.props.name, 'jobs')
        self.assertEqual(lock.get_property('name'), 'jobs')
        self.assertTrue(lock.props.strict)
        with self.assertRaises(TypeError):
            Aioproc.Lock(nmae='jobs')

    def test_construct_uninitialized(self):
        """An object that could not be constructed answers everything"""
        with no_descriptors():
            lock = Aioproc.Lock(name='jobs')
        for operation in (lock.try_acquire, lock.release, lambda: lock.acquire(-1)):
            with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_INITIALIZED, 'open files'):
                operation()
        callback = Callback()
        lock.acquire_async(-1, None, callback)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_INITIALIZED):
            lock.acquire_finish(callback.wait())
        self.assertFalse(lock.is_locked())
        self.assertFalse(lock.get_was_abandoned())
        self.assertIsNone(lock.dup_id())

    def test_construct_only(self):
        """An object is ready without init()"""
        lock = Aioproc.Lock(name='jobs')
        self.assertTrue(lock.try_acquire())
        self.assertEqual(lock.props.name, 'jobs')
        self.assertIsNotNone(lock.dup_id())

    def test_construct_anew(self):
        """init() tells once that the construction has failed, then tries again"""
        with no_descriptors():
            lock = Aioproc.Lock()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TOO_MANY_OPEN_FILES):
            lock.init()
        self.assertTrue(lock.init())
        self.assertTrue(lock.try_acquire())

    def test_construct_fails(self):
        """A cancelled init() raises, and can be called again"""
        cancellable = Gio.Cancellable()
        cancellable.cancel()
        lock = Aioproc.Lock()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            lock.init(cancellable)
        self.assertTrue(lock.init())
        self.assertTrue(lock.try_acquire())

    def test_blocking_warning(self):
        """AIOPROC_DEBUG=blocking warns of a callback that blocks, and names the other form"""
        script = (
            'import gi; gi.require_version("Aioproc", "1")\n'
            'from gi.repository import Aioproc, GLib\n'
            'def block():\n'
            '    for _ in range(2):\n'
            '        lock.acquire(-1)\n'
            '        lock.release()\n'
            '    loop.quit()\n'
            'lock, loop = Aioproc.Lock(), GLib.MainLoop()\n'
            'lock.acquire(-1)\n'
            'lock.release()\n'
            'GLib.idle_add(block)\n'
            'loop.run()\n')
        for value, count in (('blocking', 1), ('', 0)):
            output = subprocess.run(
                [sys.executable, '-c', script],
                # Without G_DEBUG=fatal-warnings, as tests are run.
                env=dict(os.environ, AIOPROC_DEBUG=value, G_DEBUG=''),
                stderr=subprocess.PIPE, encoding='utf-8', check=True).stderr
            self.assertEqual(output.count('use aioproc_lock_acquire_async()'), count, output)

    def test_shareable(self):
        """A lock implements Shareable, and has an identity"""
        lock = Aioproc.Lock.new()
        self.assertIsInstance(lock, Aioproc.Shareable)
        self.assertIsInstance(lock, Gio.Initable)
        self.assertNotEqual(lock.dup_id(), Aioproc.Lock.new().dup_id())

    def test_acquire(self):
        """Every form to acquire, and release"""
        lock = Aioproc.Lock.new()
        for acquire in (lock.try_acquire, lambda: lock.acquire(-1),
                        lambda: lock.acquire(0, None),
                        lambda: lock.acquire(timeout_usec=GLib.MAXINT64, cancellable=None)):
            self.assertFalse(lock.is_locked())
            self.assertTrue(acquire())
            self.assertTrue(lock.is_locked())
            self.assertTrue(lock.release())

    def test_errors(self):
        """Errors are matched by domain and code"""
        lock = self.hold(name='jobs')
        with self.raises(IO_ERROR, Gio.IOErrorEnum.WOULD_BLOCK, 'jobs'):
            lock.try_acquire()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT, 'jobs'):
            lock.acquire(0)
        self.assertTrue(lock.release())
        with self.raises(AIOPROC_ERROR, Aioproc.Error.NOT_OWNER, 'jobs'):
            lock.release()

    def test_acquire_timeout(self):
        """Timeouts of the blocking form and of the asynchronous one"""
        lock = self.hold()
        before = time.monotonic()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            lock.acquire(20 * GLib.TIME_SPAN_MILLISECOND)
        self.assertGreaterEqual(time.monotonic() - before, 0.02)

        for timeout in (0, 20 * GLib.TIME_SPAN_MILLISECOND):
            callback = Callback()
            before = time.monotonic()
            lock.acquire_async(timeout, None, callback)
            self.assertFalse(callback.called, 'called inside of the call')
            with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
                lock.acquire_finish(callback.wait())
            self.assertGreaterEqual(time.monotonic() - before, timeout / 1e6)

    def test_acquire_thread(self):
        """A thread that blocks in acquire() lets the others run"""
        lock = self.hold()
        order = []

        def work():
            lock.acquire(-1)
            order.append('thread')
            lock.release()

        thread = threading.Thread(target=work)
        thread.start()
        order.append('main')
        self.assertTrue(lock.release())
        thread.join()
        self.assertEqual(order, ['main', 'thread'])
        self.assertFalse(lock.is_locked())

    def test_acquire_async(self):
        """A pending operation completes on the main loop after a release"""
        lock = self.hold()
        callback = Callback()
        lock.acquire_async(-1, None, callback)
        drain()
        self.assertFalse(callback.called)
        self.assertTrue(lock.release())
        self.assertFalse(callback.called, 'called inside of the call')
        self.assertTrue(lock.acquire_finish(callback.wait()))
        self.assertIs(callback.source, lock)
        self.assertIs(callback.thread, threading.main_thread())
        self.assertTrue(lock.is_locked())

    def test_acquire_async_optional(self):
        """Cancellable, callback and user data may be left out"""
        lock = self.hold()
        lock.acquire_async(-1)
        self.assertTrue(lock.release())
        # What nobody waits for is acquired nevertheless.
        self.assertTrue(lock.is_locked())
        data = []
        lock.acquire_async(-1, None, lambda source, result, *args: data.append((result, args)),
                           'some', 'data')
        self.assertTrue(lock.release())
        iterate_until(lambda: data)
        self.assertEqual(data[0][1], ('some', 'data'))
        self.assertTrue(lock.acquire_finish(data[0][0]))

    def test_acquire_async_many(self):
        """Many pending operations get the lock one after the other, in their order"""
        lock = self.hold()
        order = []

        def acquired(source, result, number):
            self.assertTrue(source.acquire_finish(result))
            order.append(number)
            source.release()

        for number in range(N_MANY):
            lock.acquire_async(-1, None, acquired, number)
        self.assertTrue(lock.release())
        iterate_until(lambda: len(order) == N_MANY)
        self.assertEqual(order, list(range(N_MANY)))
        self.assertFalse(lock.is_locked())

    def test_cancel_before(self):
        """A cancelled cancellable fails every form at once, even with a free lock"""
        lock = Aioproc.Lock.new()
        cancellable = Gio.Cancellable()
        cancellable.cancel()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            lock.acquire(-1, cancellable)
        callback = Callback()
        lock.acquire_async(-1, cancellable, callback)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            lock.acquire_finish(callback.wait())
        self.assertFalse(lock.is_locked())

    def test_cancel_while(self):
        """A cancelled operation holds no lock, and the one behind it gets it"""
        lock = self.hold()
        cancellable = Gio.Cancellable()
        callback, behind = Callback(), Callback()
        lock.acquire_async(-1, cancellable, callback)
        lock.acquire_async(-1, None, behind)
        cancellable.cancel()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            lock.acquire_finish(callback.wait())
        self.assertTrue(lock.release())
        self.assertTrue(lock.acquire_finish(behind.wait()))

        # The blocking form, from another thread.
        errors = []
        cancellable.reset()

        def work():
            try:
                lock.acquire(-1, cancellable)
            except GLib.Error as error:
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        cancellable.cancel()
        thread.join()
        self.assertTrue(errors[0].matches(IO_ERROR, Gio.IOErrorEnum.CANCELLED))

    def test_cancel_after(self):
        """Who cancels after the lock was acquired has it"""
        lock = Aioproc.Lock.new()
        cancellable = Gio.Cancellable()
        callback = Callback()
        lock.acquire_async(-1, cancellable, callback)
        cancellable.cancel()
        self.assertTrue(lock.acquire_finish(callback.wait()))
        self.assertTrue(lock.is_locked())

    def test_drop_while_pending(self):
        """A pending operation keeps the object alive, and nothing else does"""
        lock = self.hold()
        watched = Watched(lock)
        callback = Callback()
        lock.acquire_async(20 * GLib.TIME_SPAN_MILLISECOND, None, callback)
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
        lock = self.hold()
        callback = Callback()
        lock.acquire_async(-1, None, callback)
        lock.run_dispose()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            lock.acquire_finish(callback.wait())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            lock.try_acquire()

    def test_callback_raises(self):
        """An exception in a callback reaches nobody, and harms nothing"""
        lock = self.hold()
        callback = Callback()

        def acquired(source, result):
            source.acquire_finish(result)
            source.release()
            raise ValueError('from the callback')

        lock.acquire_async(-1, None, acquired)
        lock.acquire_async(-1, None, callback)
        self.assertTrue(lock.release())
        self.assertTrue(lock.acquire_finish(callback.wait()))
        self.assertEqual([str(error) for error in self.take_uncaught()], ['from the callback'])

    def test_acquire_no_main_loop(self):
        """The blocking form never runs the main loop"""
        lock = Aioproc.Lock.new()
        called = []
        GLib.idle_add(called.append, True)
        self.assertTrue(lock.acquire(-1))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            lock.acquire(GLib.TIME_SPAN_MILLISECOND)
        self.assertEqual(called, [])
        iterate_until(lambda: called)


if __name__ == '__main__':
    run('/aioproc/python/lock', Lock)
