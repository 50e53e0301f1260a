#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Tasks of a pool as a Python program has them, with workers in Python, C and JavaScript."""

import os
import signal

from aioproc_test import (AIOPROC_ERROR, IO_ERROR, Aioproc, Callback, Gio, GLib, Watched,
                          iterate_until, run)
from aioproc_workers import WorkerCase, expand, with_each_worker

N_MANY = 100
N_PRIORITIES = 6
FOR_EVER = GLib.MAXINT64 // 2

State = Aioproc.TaskState


def square(value):
    """A task that has a number squared."""
    return Aioproc.Task.new('square', GLib.Variant('(i)', (value,)))


@expand
class Task(WorkerCase):

    def make_pool(self, context, **properties):
        """A pool of one worker, and the pid of that, which is known."""
        pool = Aioproc.Pool(context=context, n_workers=1, **properties)
        pid = pool.apply('whoami').unpack()[1]
        # It may have answered before its start was confirmed.
        while pid not in [child.get_pid() for child in Aioproc.Process.get_active_children()]:
            os.sched_yield()
        return pool, pid

    def end(self, pool):
        """Closes a pool, and waits for its workers."""
        joined = Callback()
        pool.close()
        pool.join_async(-1, None, joined)
        self.assertTrue(pool.join_finish(joined.wait()))

    def wait(self, task):
        """Waits for a task while the main loop runs."""
        waited = Callback()
        task.wait_async(-1, None, waited)
        self.assertTrue(task.wait_finish(waited.wait()))

    def pause(self, pool):
        """Has a worker begin a task; returns that, and the event that lets it go on."""
        go = Aioproc.Event.new()
        task = Aioproc.Task.new_with_message('pause_halfway', self.message(go))
        self.assertTrue(pool.submit(task))
        iterate_until(lambda: task.get_state() == State.RUNNING and task.get_progress() == 0.5)
        return task, go

    @with_each_worker()
    def test_result(self, context):
        """A task tells what became of it, when, and where"""
        (pool, pid), task = self.make_pool(context), square(12)
        before = GLib.get_monotonic_time()
        self.assertTrue(pool.submit(task))
        self.wait(task)
        self.assertEqual(task.get_state(), State.SUCCEEDED)
        self.assertEqual(task.dup_result().unpack(), (144,))
        self.assertEqual(task.dup_result_message().dup_body().unpack(), (144,))
        self.assertEqual(task.get_worker_pid(), pid)
        self.assertLessEqual(before, task.get_started_time())
        self.assertLessEqual(task.get_started_time(), task.get_finished_time())
        self.assertTrue(task.wait(0))
        self.end(pool)

    @with_each_worker()
    def test_message(self, context):
        """Objects and bytes go there and back"""
        pool, lock = Aioproc.Pool.new(context, 1), Aioproc.Lock.new()
        message = self.message(lock)
        task = Aioproc.Task.new_with_message('echo', message)
        self.assertIs(task.props.message, message)
        self.assertTrue(pool.submit(task))
        self.assertTrue(task.wait(-1))
        self.assertIs(task.dup_result_message().dup_object(0), lock)
        self.assertEqual(task.dup_result().unpack(), (0,))
        self.end(pool)

    @with_each_worker()
    def test_notify(self, context):
        """The program is told of states and of progress, in its main loop"""
        (pool, pid), go, states, fractions = self.make_pool(context), Aioproc.Event.new(), [], []
        task = Aioproc.Task.new_with_message('pause_halfway', self.message(go))
        task.connect('notify::state', lambda task, _: states.append(task.props.state))
        task.connect('notify::progress', lambda task, _: fractions.append(task.props.progress))
        self.assertEqual(task.get_progress(), -1)
        self.assertIsNone(task.dup_progress_text())
        self.assertTrue(pool.submit(task))
        self.assertEqual(states, [])
        iterate_until(lambda: State.RUNNING in states and fractions)
        self.assertEqual(fractions, [0.5])
        self.assertEqual(task.dup_progress_text(), 'half-way')
        self.assertEqual(task.props.progress_text, 'half-way')
        self.assertEqual(task.props.worker_pid, pid)
        self.assertGreater(task.props.started_time, 0)
        self.assertEqual(task.props.finished_time, 0)
        self.assertTrue(go.set())
        iterate_until(lambda: State.SUCCEEDED in states)
        self.assertEqual(states, sorted(states))
        self.assertGreater(task.props.finished_time, 0)
        self.end(pool)

    @with_each_worker()
    def test_last_progress(self, context):
        """What was reported last is there with the result"""
        pool, task = Aioproc.Pool.new(context, 1), Aioproc.Task.new('progress')
        self.assertTrue(pool.submit(task))
        self.assertTrue(task.wait(-1))
        self.assertEqual((task.get_progress(), task.dup_progress_text()), (0.75, 'goes on'))
        self.end(pool)

    @with_each_worker()
    def test_failures(self, context):
        """A task that fails, or whose worker is killed, says why"""
        (pool, pid), task = self.make_pool(context), Aioproc.Task.new('fail')
        self.assertTrue(pool.submit(task))
        self.wait(task)
        self.assertEqual(task.get_state(), State.FAILED)
        for dup in (task.dup_result, task.dup_result_message):
            with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_FOUND, 'There is no such thing'):
                dup()
        task, _ = self.pause(pool)
        self.assertEqual(task.get_worker_pid(), pid)
        os.kill(pid, signal.SIGKILL)
        self.wait(task)
        with self.raises(AIOPROC_ERROR, Aioproc.Error.WORKER_DIED, 'pause_halfway'):
            task.dup_result()
        self.end(pool)

    def test_refused(self):
        """A task is submitted once; one that was refused can be given to another pool"""
        pool, task = Aioproc.Pool.new(self.context('c'), 1), square(3)
        waited = Callback()
        task.cancel()
        self.assertEqual(task.get_state(), State.NEW)
        with self.raises(AIOPROC_ERROR, Aioproc.Error.INVALID_STATE, '“square”'):
            task.dup_result()
        with self.raises(AIOPROC_ERROR, Aioproc.Error.INVALID_STATE, '“square”'):
            task.wait(-1)
        task.wait_async(-1, None, waited)
        with self.raises(AIOPROC_ERROR, Aioproc.Error.INVALID_STATE, '“square”'):
            task.wait_finish(waited.wait())
        self.end(pool)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            pool.submit(task)
        pool = Aioproc.Pool.new(self.context('c'), 1)
        self.assertTrue(pool.submit(task))
        with self.raises(AIOPROC_ERROR, Aioproc.Error.INVALID_STATE, '“square”'):
            pool.submit(task)
        self.wait(task)
        self.assertEqual(task.dup_result().unpack(), (9,))
        self.end(pool)

    @with_each_worker()
    def test_cancel(self, context):
        """A task that runs is cancelled, or waits to be, and the worker goes on"""
        pool, pid = self.make_pool(context, cancel_grace=FOR_EVER)
        ready, waiting = Aioproc.Event.new(), square(5)
        task = Aioproc.Task.new_with_message('wait_cancelled', self.message(ready))
        self.assertTrue(pool.submit(task))
        self.assertTrue(pool.submit(waiting))
        self.assertTrue(ready.wait(-1))
        iterate_until(lambda: task.get_state() == State.RUNNING)
        waiting.cancel()
        task.cancel()
        for each in (waiting, task):
            self.wait(each)
            self.assertEqual(each.get_state(), State.CANCELLED)
            with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
                each.dup_result()
        self.assertEqual(waiting.get_worker_pid(), 0)
        self.assertEqual(task.get_worker_pid(), pid)
        self.assertEqual(pool.apply('whoami').unpack()[1], pid)
        self.end(pool)

    def test_wait_cancelled(self):
        """A wait that is cancelled, or late, leaves the task as it is"""
        pool = Aioproc.Pool.new(self.context('c'), 1)
        task, go = self.pause(pool)
        cancellable, cancelled, late = Gio.Cancellable(), Callback(), Callback()
        task.wait_async(-1, cancellable, cancelled)
        task.wait_async(1000, None, late)
        cancellable.cancel()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            task.wait_finish(cancelled.wait())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            task.wait_finish(late.wait())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            task.wait(0)
        self.assertEqual(task.get_state(), State.RUNNING)
        self.assertTrue(go.set())
        self.wait(task)
        self.assertEqual(task.dup_result().unpack(), ())
        self.end(pool)

    def test_priority(self):
        """Of tasks that wait, those of a lower number come first"""
        pool, queue = Aioproc.Pool.new(self.context('c'), 1), Aioproc.Queue.new(0)
        paused, go = self.pause(pool)
        lock, ready, tasks = Aioproc.Lock.new(), Aioproc.Event.new(), []
        for value in range(N_PRIORITIES):
            message = self.message(lock, ready, queue)
            message.set_body(GLib.Variant('(hhhi)', (0, 1, 2, value)))
            task = Aioproc.Task.new_with_message('produce', message)
            task.set_priority(-value)
            self.assertEqual((task.get_priority(), task.props.priority), (-value, -value))
            self.assertTrue(pool.submit(task))
            task.set_priority(1)
            self.assertEqual(task.get_priority(), -value)
            tasks.append(task)
        self.assertTrue(go.set())
        for task in (paused, *tasks):
            self.wait(task)
        # Each has put the numbers below its own, and an end mark.
        for value in reversed(range(N_PRIORITIES)):
            items = [queue.get(-1).unpack() for _ in range(value + 1)]
            self.assertEqual(items, [*range(value), ()])
        self.end(pool)

    def test_timeout(self):
        """A task has a limit of its own"""
        pool = Aioproc.Pool(context=self.context('c'), n_workers=1, cancel_grace=1000)
        task = Aioproc.Task.new_with_message('pause_halfway', self.message(Aioproc.Event.new()))
        self.assertEqual(task.get_timeout(), -1)
        task.set_timeout(20000)
        self.assertEqual((task.get_timeout(), task.props.timeout), (20000, 20000))
        self.assertTrue(pool.submit(task))
        self.wait(task)
        self.assertEqual(task.get_state(), State.FAILED)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT, 'pause_halfway'):
            task.dup_result()
        self.end(pool)

    def test_wait_for_many(self):
        """Tasks are waited for together, and with other waitables"""
        pool, queue = Aioproc.Pool.new(self.context('c'), 2), Aioproc.Queue.new(0)
        paused, go = self.pause(pool)
        tasks = {square(value): value for value in range(N_MANY)}
        for task in tasks:
            self.assertTrue(pool.submit(task))
        while tasks:
            waited = Callback()
            Aioproc.wait_async([queue, paused, *tasks], -1, None, waited)
            for task in Aioproc.wait_finish(waited.wait()):
                self.assertTrue(task.is_ready())
                self.assertEqual(task.dup_result().unpack(), (tasks.pop(task) ** 2,))
        self.assertFalse(paused.is_ready())
        self.assertTrue(go.set())
        self.assertEqual(Aioproc.wait([queue, paused], -1), [paused])
        self.end(pool)

    def test_dropped(self):
        """A task that the program has dropped is done all the same, and is gone then"""
        pool = Aioproc.Pool.new(self.context('c'), 1)
        task = Aioproc.Task.new('remember', GLib.Variant('(i)', (7,)))
        watched = Watched(task)
        self.assertTrue(pool.submit(task))
        del task
        self.assertEqual(pool.apply('recall').unpack(), (7,))
        self.end(pool)
        # Another thread may be about to let go of it.
        while not watched.gone:
            os.sched_yield()

    def test_properties(self):
        """Every property, by accessor and as a property"""
        arguments, changes = GLib.Variant('(i)', (2,)), []
        task = Aioproc.Task(function='square', arguments=arguments, priority=-1, timeout=5)
        self.assertEqual(task.props.function, task.get_function())
        self.assertEqual(task.get_function(), 'square')
        self.assertEqual(task.props.arguments.unpack(), (2,))
        self.assertIsNone(task.props.message)
        self.assertEqual((task.props.priority, task.props.timeout), (-1, 5))
        self.assertEqual((task.props.state, task.get_state()), (State.NEW, State.NEW))
        self.assertEqual(task.props.progress, -1)
        self.assertIsNone(task.props.progress_text)
        self.assertEqual((task.props.worker_pid, task.get_worker_pid()), (0, 0))
        self.assertEqual((task.props.started_time, task.get_started_time()), (0, 0))
        self.assertEqual((task.props.finished_time, task.get_finished_time()), (0, 0))
        self.assertFalse(task.is_ready())
        task.connect('notify', lambda _, spec: changes.append(spec.name))
        task.props.priority = 3
        task.set_priority(3)
        task.props.timeout = -1
        task.set_timeout(-1)
        self.assertEqual(changes, ['priority', 'timeout'])


run('/aioproc/python/task', Task)
