#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""An event as a Python program has it: PyGObject, callbacks, the main loop of GLib."""

import threading
import time

from aioproc_test import (IO_ERROR, Aioproc, Callback, Case, Gio, GLib, Watched, drain,
                          iterate_until, no_descriptors, run)

N_MANY = 500


class Event(Case):

    def test_construct(self):
        """Constructors, with and without properties"""
        event = Aioproc.Event.new()
        self.assertIsNone(event.get_name())
        self.assertFalse(event.is_set())

        event = Aioproc.Event(name='ready')
        self.assertTrue(event.init())
        self.assertEqual(event.get_name(), 'ready')
        self.assertEqual(event.props.name, 'ready')
        self.assertIsInstance(event, Aioproc.Shareable)
        self.assertIsNotNone(event.dup_id())

    def test_construct_uninitialized(self):
        """An object that could not be constructed answers everything"""
        with no_descriptors():
            event = Aioproc.Event(name='ready')
        for operation in (event.set, event.clear, lambda: event.wait(-1)):
            with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_INITIALIZED, 'open files'):
                operation()
        callback = Callback()
        event.wait_async(-1, None, callback)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_INITIALIZED):
            event.wait_finish(callback.wait())
        self.assertFalse(event.is_set())
        self.assertIsNone(event.dup_id())

    def test_construct_only(self):
        """An object is ready without init()"""
        event = Aioproc.Event(name='ready')
        self.assertTrue(event.set())
        self.assertEqual(event.props.name, 'ready')
        self.assertIsNotNone(event.dup_id())

    def test_construct_anew(self):
        """init() tells once that the construction has failed, then tries again"""
        with no_descriptors():
            event = Aioproc.Event()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TOO_MANY_OPEN_FILES):
            event.init()
        self.assertTrue(event.init())
        self.assertTrue(event.set())

    def test_construct_fails(self):
        """A cancelled init() raises, and can be called again"""
        cancellable = Gio.Cancellable()
        cancellable.cancel()
        event = Aioproc.Event()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            event.init(cancellable)
        self.assertTrue(event.init())
        self.assertTrue(event.set())

    def test_set_clear(self):
        """An event is set until it is cleared; both may be said twice"""
        event = Aioproc.Event.new()
        for _ in range(2):
            self.assertTrue(event.set())
            self.assertTrue(event.is_set())
            self.assertTrue(event.wait(-1))
        for _ in range(2):
            self.assertTrue(event.clear())
            self.assertFalse(event.is_set())

    def test_wait_timeout(self):
        """Timeouts of the blocking form and of the asynchronous one"""
        event = Aioproc.Event(name='ready')
        self.assertTrue(event.init())
        for timeout in (0, 20 * GLib.TIME_SPAN_MILLISECOND):
            before = time.monotonic()
            with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT, 'ready'):
                event.wait(timeout)
            self.assertGreaterEqual(time.monotonic() - before, timeout / 1e6)

            callback = Callback()
            before = time.monotonic()
            event.wait_async(timeout, None, callback)
            self.assertFalse(callback.called, 'called inside of the call')
            with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT, 'ready'):
                event.wait_finish(callback.wait())
            self.assertGreaterEqual(time.monotonic() - before, timeout / 1e6)

    def test_wait_set_before(self):
        """A wait for what is set already completes on the main loop"""
        event = Aioproc.Event.new()
        event.set()
        callback = Callback()
        event.wait_async(-1, None, callback)
        self.assertFalse(callback.called, 'called inside of the call')
        self.assertTrue(event.wait_finish(callback.wait()))

    def test_wait_thread(self):
        """A thread sets what the main loop waits for, and the other way round"""
        event = Aioproc.Event.new()
        answer = Aioproc.Event.new()

        def work():
            event.set()
            answer.wait(-1)

        callback = Callback()
        event.wait_async(-1, None, callback)
        thread = threading.Thread(target=work)
        thread.start()
        self.assertTrue(event.wait_finish(callback.wait()))
        self.assertIs(callback.thread, threading.main_thread())
        answer.set()
        thread.join()

    def test_wait_context(self):
        """A wait of a thread with a main context of its own completes there"""
        event = Aioproc.Event.new()
        started = threading.Event()
        threads = []

        def work():
            context = GLib.MainContext.new()
            context.push_thread_default()
            callback = Callback()
            event.wait_async(-1, None, callback)
            started.set()
            while not callback.called:
                context.iteration(True)
            threads.append(callback.thread)
            event.wait_finish(callback.result)
            context.pop_thread_default()

        thread = threading.Thread(target=work)
        thread.start()
        started.wait()
        event.set()
        thread.join()
        self.assertEqual(threads, [thread])

    def test_wait_many(self):
        """One set releases all who waited before it, though it is cleared at once"""
        event = Aioproc.Event.new()
        released = []

        def was_set(source, result, number):
            self.assertTrue(source.wait_finish(result))
            released.append(number)

        for number in range(N_MANY):
            event.wait_async(-1, None, was_set, number)
        event.set()
        event.clear()
        late = Callback()
        event.wait_async(20 * GLib.TIME_SPAN_MILLISECOND, None, late)
        iterate_until(lambda: len(released) == N_MANY)
        self.assertEqual(sorted(released), list(range(N_MANY)))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            event.wait_finish(late.wait())

    def test_cancel(self):
        """A wait can be cancelled before it begins and while it lasts, and not after"""
        event = Aioproc.Event.new()
        cancellable = Gio.Cancellable()
        callbacks = [Callback(), Callback()]
        event.wait_async(-1, cancellable, callbacks[0])
        cancellable.cancel()
        event.wait_async(-1, cancellable, callbacks[1])
        for callback in callbacks:
            with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
                event.wait_finish(callback.wait())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            event.wait(-1, cancellable)

        cancellable = Gio.Cancellable()
        event.set()
        callback = Callback()
        event.wait_async(-1, cancellable, callback)
        cancellable.cancel()
        self.assertTrue(event.wait_finish(callback.wait()))

    def test_drop_while_pending(self):
        """A pending operation keeps the object alive, and nothing else does"""
        event = Aioproc.Event.new()
        watched = Watched(event)
        callback = Callback()
        event.wait_async(20 * GLib.TIME_SPAN_MILLISECOND, None, callback)
        del event
        self.assertFalse(watched.gone)
        result = callback.wait()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            callback.source.wait_finish(result)
        del callback, result
        drain()
        self.assertTrue(watched.gone)

    def test_dispose_while_pending(self):
        """Disposing of the object completes what is pending"""
        event = Aioproc.Event.new()
        callback = Callback()
        event.wait_async(-1, None, callback)
        event.run_dispose()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            event.wait_finish(callback.wait())

    def test_callback_raises(self):
        """An exception in a callback reaches nobody, and harms nothing"""
        event = Aioproc.Event.new()
        callback = Callback()

        def was_set(source, result):
            source.wait_finish(result)
            raise ValueError('from the callback')

        event.wait_async(-1, None, was_set)
        event.wait_async(-1, None, callback)
        event.set()
        self.assertTrue(event.wait_finish(callback.wait()))
        iterate_until(lambda: self.uncaught)
        self.assertEqual([str(error) for error in self.take_uncaught()], ['from the callback'])


if __name__ == '__main__':
    run('/aioproc/python/event', Event)
