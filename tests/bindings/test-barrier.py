#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A barrier as a Python program has it: PyGObject, callbacks, the main loop of GLib."""

import threading

from aioproc_test import (AIOPROC_ERROR, IO_ERROR, Aioproc, Callback, Case, Gio, GLib, Watched,
                          drain, no_descriptors, run)


class Barrier(Case):

    def begin(self, barrier, timeout=-1, cancellable=None):
        callback = Callback()
        barrier.wait_async(timeout, cancellable, callback)
        return callback

    def test_construct(self):
        """Constructors, and the properties"""
        barrier = Aioproc.Barrier.new(3)
        self.assertEqual(barrier.get_parties(), 3)
        barrier = Aioproc.Barrier(parties=4, name='start')
        self.assertEqual(barrier.props.parties, 4)
        self.assertEqual(barrier.get_name(), 'start')
        self.assertFalse(barrier.props.broken)
        self.assertEqual(barrier.props.n_waiting, 0)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT):
            Aioproc.Barrier.new(0)

    def test_uninitialized(self):
        """An object that could not be constructed answers everything"""
        with no_descriptors():
            barrier = Aioproc.Barrier(parties=2)
        for operation in (lambda: barrier.wait(-1, None), barrier.abort, barrier.reset):
            with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_INITIALIZED):
                operation()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_INITIALIZED):
            barrier.wait_finish(self.begin(barrier).wait())
        self.assertFalse(barrier.is_broken())
        self.assertEqual(barrier.get_n_waiting(), 0)

    def test_shareable(self):
        """A barrier implements Shareable, and has an identity"""
        barrier = Aioproc.Barrier(parties=2)
        self.assertIsInstance(barrier, Aioproc.Shareable)
        self.assertNotEqual(barrier.dup_id(), Aioproc.Barrier(parties=2).dup_id())

    def test_timeout_async(self):
        """A timeout of the asynchronous form; who comes last does not wait"""
        barrier = Aioproc.Barrier(parties=2)
        for timeout in (0, GLib.TIME_SPAN_MILLISECOND):
            wait = self.begin(barrier, timeout)
            self.assertFalse(wait.called, 'called inside of the call')
            with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
                barrier.wait_finish(wait.wait())
            self.assertTrue(barrier.reset())
        wait = self.begin(barrier)
        self.assertEqual(barrier.wait(0, None), 1)
        self.assertEqual(barrier.wait_finish(wait.wait()), 0)

    def test_cancel_before(self):
        """A wait that is cancelled before it comes breaks nothing, in either form"""
        barrier = Aioproc.Barrier(parties=2)
        cancellable = Gio.Cancellable()
        cancellable.cancel()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            barrier.wait(-1, cancellable)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            barrier.wait_finish(self.begin(barrier, cancellable=cancellable).wait())
        self.assertFalse(barrier.is_broken())

    def test_cancel_unheard(self):
        """A cancelled wait breaks the barrier for a thread while the main loop does not run"""
        barrier = Aioproc.Barrier(parties=3)
        cancellable = Gio.Cancellable()
        errors = []

        def work():
            try:
                barrier.wait(-1, None)
            except GLib.Error as error:
                errors.append(error)

        thread = threading.Thread(target=work)
        wait = self.begin(barrier, cancellable=cancellable)
        thread.start()
        cancellable.cancel()
        thread.join()
        self.assertTrue(errors[0].matches(AIOPROC_ERROR, Aioproc.Error.BROKEN_BARRIER))
        self.assertFalse(wait.called)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            barrier.wait_finish(wait.wait())

    def test_drop_while_pending(self):
        """A pending operation keeps the object alive, and nothing else does"""
        barrier = Aioproc.Barrier(parties=2)
        watched = Watched(barrier)
        wait = self.begin(barrier, 20 * GLib.TIME_SPAN_MILLISECOND)
        del barrier
        self.assertFalse(watched.gone)
        result = wait.wait()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            wait.source.wait_finish(result)
        del wait, result
        drain()
        self.assertTrue(watched.gone)

    def test_dispose_while_pending(self):
        """Disposing of the object completes what is pending"""
        barrier = Aioproc.Barrier(parties=2)
        wait = self.begin(barrier)
        barrier.run_dispose()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            barrier.wait_finish(wait.wait())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            barrier.wait(-1, None)

    def test_async(self):
        """Parties meet, each with a number of its own"""
        barrier = Aioproc.Barrier(parties=3)
        for _ in range(3):
            waits = [self.begin(barrier) for _ in range(3)]
            self.assertEqual([barrier.wait_finish(wait.wait()) for wait in waits], [0, 1, 2])

    def test_thread(self):
        """A thread meets the main loop"""
        barrier = Aioproc.Barrier(parties=2)
        indices = []
        thread = threading.Thread(target=lambda: indices.append(barrier.wait(-1, None)))
        wait = self.begin(barrier)
        thread.start()
        indices.append(barrier.wait_finish(wait.wait()))
        thread.join()
        self.assertEqual(sorted(indices), [0, 1])

    def test_broken(self):
        """A timeout, a cancellation and an abort break it for the others"""
        barrier = Aioproc.Barrier(parties=3)
        wait = self.begin(barrier)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            barrier.wait(1000, None)
        with self.raises(AIOPROC_ERROR, Aioproc.Error.BROKEN_BARRIER):
            barrier.wait_finish(wait.wait())
        self.assertTrue(barrier.is_broken())
        self.assertTrue(barrier.reset())

        cancellable = Gio.Cancellable()
        wait = self.begin(barrier)
        cancelled = self.begin(barrier, cancellable=cancellable)
        self.assertEqual(barrier.get_n_waiting(), 2)
        cancellable.cancel()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            barrier.wait_finish(cancelled.wait())
        with self.raises(AIOPROC_ERROR, Aioproc.Error.BROKEN_BARRIER):
            barrier.wait_finish(wait.wait())
        self.assertTrue(barrier.reset())

        wait = self.begin(barrier)
        self.assertTrue(barrier.abort())
        with self.raises(AIOPROC_ERROR, Aioproc.Error.BROKEN_BARRIER):
            barrier.wait_finish(wait.wait())

    def test_action(self):
        """The action is done once a round, and what it raises is an error"""
        barrier = Aioproc.Barrier(parties=2)
        calls = []
        barrier.set_action(lambda *args: calls.append(args))
        for i in range(3):
            waits = [self.begin(barrier), self.begin(barrier)]
            self.assertEqual([barrier.wait_finish(wait.wait()) for wait in waits], [0, 1])
            self.assertEqual(len(calls), i + 1)
        self.assertIs(calls[0][0], barrier)

        def fail(*args):
            raise GLib.Error.new_literal(Gio.io_error_quark(), 'no', Gio.IOErrorEnum.BUSY)

        barrier.set_action(fail)
        wait = self.begin(barrier)
        last = self.begin(barrier)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.BUSY):
            barrier.wait_finish(last.wait())
        with self.raises(AIOPROC_ERROR, Aioproc.Error.BROKEN_BARRIER):
            barrier.wait_finish(wait.wait())
        barrier.set_action(None)


if __name__ == '__main__':
    run('/aioproc/python/barrier', Barrier)
