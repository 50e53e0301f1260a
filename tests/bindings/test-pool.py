#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Pools as a Python program has them, with workers in Python, C and JavaScript."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading

from aioproc_test import (AIOPROC_ERROR, IO_ERROR, Aioproc, Callback, Gio, GLib, drain,
                          iterate_until, run)
from aioproc_workers import WorkerCase, expand, with_each_worker

N_MANY = 200
N_BYTES = 1000000
FOR_EVER = GLib.MAXINT64 // 2


def numbers(*values):
    """The arguments of calls with one number each."""
    return [GLib.Variant('(i)', (value,)) for value in values]


@contextlib.contextmanager
def watch_process(pid):
    """A descriptor that is readable once the process has ended."""
    descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@expand
class Pool(WorkerCase):

    def end(self, pool):
        """Closes a pool, and waits for its workers."""
        joined = Callback()
        pool.close()
        pool.join_async(-1, None, joined)
        self.assertTrue(pool.join_finish(joined.wait()))

    def apply(self, pool, function, arguments=None):
        """Has a worker call a function while the main loop runs."""
        applied = Callback()
        pool.apply_async(function, arguments, None, applied)
        return pool.apply_finish(applied.wait()).unpack()

    def get_worker(self, pool):
        """The pid of the worker of a pool that has just one."""
        return self.apply(pool, 'whoami')[1]

    def hold(self, pool, lock, go, cancellable=None):
        """Has a worker hold a lock until an event is set; returns when it has it."""
        held, applied = Aioproc.Event.new(), Callback()
        pool.apply_message_async('hold', self.message(lock, held, go), cancellable, applied)
        self.assertTrue(held.wait(-1))
        return applied

    @with_each_worker()
    def test_apply(self, context):
        """Functions return values, to a thread that waits and to the main loop"""
        pool = Aioproc.Pool.new(context, 2)
        self.assertEqual(pool.apply('square', GLib.Variant('(i)', (12,))).unpack(), (144,))
        self.assertEqual(pool.apply('square', GLib.Variant('(i)', (-3,)), None).unpack(), (9,))
        self.assertEqual(self.apply(pool, 'square', GLib.Variant('(i)', (4,))), (16,))
        self.assertEqual(self.apply(pool, 'later'), ('later',))
        self.assertEqual(pool.apply('later').unpack(), ('later',))
        self.end(pool)

    @with_each_worker()
    def test_apply_many(self, context):
        """Many calls are on their way at once, and each has its own result"""
        pool, results = Aioproc.Pool.new(context, 2), {}

        def applied(pool, result, number):
            results[number] = pool.apply_finish(result).unpack()

        for number, arguments in enumerate(numbers(*range(N_MANY))):
            pool.apply_async('square', arguments, None, applied, number)
        self.assertEqual(results, {})
        iterate_until(lambda: len(results) == N_MANY or self.uncaught)
        self.assertEqual(results, {number: (number * number,) for number in range(N_MANY)})
        self.end(pool)

    @with_each_worker()
    def test_apply_errors(self, context):
        """An error of a function arrives as it is, and costs nothing else"""
        pool = Aioproc.Pool.new(context, 1)
        worker = self.get_worker(pool)
        for function, domain, code, message in (
                ('fail', IO_ERROR, Gio.IOErrorEnum.NOT_FOUND, 'There is no such thing'),
                ('fail_later', IO_ERROR, Gio.IOErrorEnum.BUSY, 'Too late'),
                ('fail_aioproc', AIOPROC_ERROR, Aioproc.Error.BROKEN_BARRIER, 'It is broken'),
                ('nothing', AIOPROC_ERROR, Aioproc.Error.REMOTE, 'nothing'),
                ('cube', AIOPROC_ERROR, Aioproc.Error.NOT_FOUND, 'cube'),
                ('square', IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT, '')):
            with self.subTest(function):
                with self.raises(domain, code, message):
                    pool.apply(function)
                with self.raises(domain, code, message):
                    self.apply(pool, function)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_SUPPORTED):
            pool.apply('echo', GLib.Variant('(h)', (0,)))
        self.assertEqual(self.get_worker(pool), worker)
        self.end(pool)

    @with_each_worker('python', 'gjs')
    def test_apply_exception(self, context):
        """An exception, or what is no value, is an error"""
        pool = Aioproc.Pool.new(context, 1)
        with self.raises(AIOPROC_ERROR, Aioproc.Error.REMOTE, 'from the worker'):
            pool.apply('throw')
        with self.raises(AIOPROC_ERROR, Aioproc.Error.REMOTE):
            pool.apply('wrong_type')
        self.assertEqual(self.apply(pool, 'later'), ('later',))
        self.end(pool)

    @with_each_worker()
    def test_apply_message(self, context):
        """Objects and bytes go there and back"""
        pool, lock = Aioproc.Pool.new(context, 1), Aioproc.Lock.new()
        data = os.urandom(N_BYTES)
        message = self.message(lock)
        message.set_body(GLib.Variant('(shh)', ('text', 0, message.append_bytes(
            GLib.Bytes.new(data)))))
        applied = Callback()
        pool.apply_message_async('echo', message, None, applied)
        for result in (pool.apply_message('echo', message),
                       pool.apply_message_finish(applied.wait())):
            text, *handles = result.dup_body().unpack()
            self.assertEqual(text, 'text')
            self.assertIs(result.dup_object(handles[0]), lock)
            self.assertEqual(result.dup_bytes(handles[1]).get_data(), data)
        # One without handles is a call like any other.
        result = pool.apply_message('square', Aioproc.Message.new(numbers(5)[0]))
        self.assertEqual(result.dup_body().unpack(), (25,))
        self.assertEqual(result.get_n_handles(), 0)
        self.end(pool)

    @with_each_worker()
    def test_map(self, context):
        """Results are in the order of the items, whatever the chunks are"""
        pool, items = Aioproc.Pool.new(context, 2), numbers(*range(N_MANY))
        squares = [(number * number,) for number in range(N_MANY)]
        for chunk_size in (0, 1, 7, 2 * N_MANY):
            results = pool.map('square', items, chunk_size)
            self.assertEqual([result.unpack() for result in results], squares)
            mapped = Callback()
            pool.map_async('square', items, chunk_size, None, mapped)
            results = pool.map_finish(mapped.wait())
            self.assertEqual([result.unpack() for result in results], squares)
        # Items need not be of one type, and are what they were.
        mixed = [GLib.Variant('s', 'text'), GLib.Variant('(ib)', (3, True)), items[9]]
        self.assertEqual([result.unpack() for result in pool.map('echo', mixed, 0)],
                         ['text', (3, True), (9,)])
        self.assertEqual(items[9].unpack(), (9,))
        self.end(pool)

    @with_each_worker()
    def test_map_empty(self, context):
        """Nothing to do is done at once, but not before the callback can be called"""
        pool, mapped = Aioproc.Pool.new(context, 1), Callback()
        self.assertEqual(pool.map('square', [], 0), [])
        pool.map_async('square', [], 0, None, mapped)
        self.assertFalse(mapped.called)
        self.assertEqual(pool.map_finish(mapped.wait()), [])
        self.end(pool)

    @with_each_worker()
    def test_map_error(self, context):
        """The error of a map is that of an item that failed, and names it"""
        pool, mapped = Aioproc.Pool.new(context, 2), Callback()
        items = numbers(*range(N_MANY))
        items[50] = items[150] = GLib.Variant('(s)', ('no number',))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT, 'Item 50: '):
            pool.map('square', items, N_MANY)
        # Of chunks the later one may have failed before the earlier one was begun.
        pool.map_async('square', items, 1, None, mapped)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT, 'Item '):
            pool.map_finish(mapped.wait())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_SUPPORTED, 'Item 0 '):
            pool.map('square', [GLib.Variant('(h)', (0,))], 0)
        self.end(pool)

    def test_map_results_are_kept(self):
        """Results live as long as somebody has them, and the list does not matter"""
        pool = Aioproc.Pool.new(self.context('c'), 1)
        texts = [GLib.Variant('(s)', (str(number) * 1000,)) for number in range(N_MANY)]
        for _ in range(10):
            results = pool.map('echo', texts, 0)
            first, last = results[0], results[-1]
            del results
            pool.map('echo', texts, 0)
            self.assertEqual(first.unpack(), ('0' * 1000,))
            self.assertEqual(last.unpack(), (str(N_MANY - 1) * 1000,))
        self.end(pool)

    def test_threads(self):
        """Threads wait for calls while the main loop runs"""
        pool, results = Aioproc.Pool.new(self.context('c'), 2), []

        def apply():
            results.extend(pool.apply('square', arguments).unpack()[0]
                           for arguments in numbers(*range(N_MANY)))

        threads = [threading.Thread(target=apply) for _ in range(4)]
        for thread in threads:
            thread.start()
        self.assertEqual(self.apply(pool, 'later'), ('later',))
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(results), sorted(4 * [number * number
                                                      for number in range(N_MANY)]))
        self.end(pool)

    @with_each_worker()
    def test_kill(self, context):
        """A worker that is killed costs the call that it was at, and another one comes"""
        pool = Aioproc.Pool.new(context, 1)
        lock, go = Aioproc.Lock.new(), Aioproc.Event.new()
        worker = self.get_worker(pool)
        applied, waiting = self.hold(pool, lock, go), Callback()
        pool.apply_async('square', numbers(6)[0], None, waiting)
        os.kill(worker, signal.SIGKILL)
        with self.raises(AIOPROC_ERROR, Aioproc.Error.WORKER_DIED, '“hold”'):
            pool.apply_message_finish(applied.wait())
        self.assertEqual(pool.apply_finish(waiting.wait()).unpack(), (36,))
        self.assertNotEqual(self.get_worker(pool), worker)
        self.assertTrue(lock.acquire(-1))
        self.assertTrue(lock.get_was_abandoned())
        self.end(pool)

    @with_each_worker()
    def test_recycle(self, context):
        """A worker does as many tasks as it is to do, and another one the next"""
        pool = Aioproc.Pool(context=context, n_workers=1, max_tasks_per_worker=2)
        workers = [self.get_worker(pool) for _ in range(6)]
        self.assertEqual(workers[::2], workers[1::2])
        self.assertEqual(len(set(workers)), 3)
        self.end(pool)

    @with_each_worker()
    def test_kill_retry(self, context):
        """A call is made again by another worker, if the program says that it may be"""
        pool = Aioproc.Pool(context=context, n_workers=1, max_retries=1)
        lock, held, go = Aioproc.Lock.new(), Aioproc.Event.new(), Aioproc.Event.new()
        worker, applied = self.get_worker(pool), Callback()
        pool.apply_message_async('hold', self.message(lock, held, go), None, applied)
        self.assertTrue(held.wait(-1))
        self.assertTrue(held.clear())
        os.kill(worker, signal.SIGKILL)
        self.assertTrue(held.wait(-1))
        self.assertTrue(go.set())
        self.assertEqual(pool.apply_message_finish(applied.wait()).dup_body().unpack(), ())
        self.assertNotEqual(self.get_worker(pool), worker)
        self.end(pool)

    @with_each_worker()
    def test_cancel(self, context):
        """A call is cancelled at once; its function hears of it, and keeps its worker"""
        pool = Aioproc.Pool(context=context, n_workers=1, cancel_grace=FOR_EVER)
        ready, cancellable, applied = Aioproc.Event.new(), Gio.Cancellable(), Callback()
        worker = self.get_worker(pool)
        pool.apply_message_async('wait_cancelled', self.message(ready), cancellable, applied)
        self.assertTrue(ready.wait(-1))
        drain()
        self.assertFalse(applied.called)
        cancellable.cancel()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            pool.apply_message_finish(applied.wait())
        self.assertEqual(self.get_worker(pool), worker)
        for begin in (lambda: pool.apply('later', None, cancellable),
                      lambda: pool.map('square', numbers(1), 0, cancellable),
                      lambda: pool.apply_message('echo', self.message(ready), cancellable)):
            with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
                begin()
        self.end(pool)

    @with_each_worker()
    def test_cancel_deaf(self, context):
        """A function that does not listen loses its worker"""
        pool = Aioproc.Pool(context=context, n_workers=1, cancel_grace=1000)
        lock, cancellable = Aioproc.Lock.new(), Gio.Cancellable()
        worker = self.get_worker(pool)
        applied = self.hold(pool, lock, Aioproc.Event.new(), cancellable)
        cancellable.cancel()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            pool.apply_message_finish(applied.wait())
        self.assertNotEqual(self.get_worker(pool), worker)
        self.assertTrue(lock.acquire(-1))
        self.end(pool)

    def test_cancel_waiting(self):
        """Calls that no worker has begun with are never made"""
        pool = Aioproc.Pool.new(self.context('python'), 1)
        lock, go, cancellable = Aioproc.Lock.new(), Aioproc.Event.new(), Gio.Cancellable()
        pool.apply('remember', numbers(1)[0])
        holding, mapped = self.hold(pool, lock, go), Callback()
        pool.map_async('remember', numbers(*range(2, N_MANY)), 1, cancellable, mapped)
        cancelled = [Callback() for _ in range(N_MANY)]
        for callback in cancelled:
            pool.apply_async('remember', numbers(3)[0], cancellable, callback)
        cancellable.cancel()
        for callback in cancelled:
            with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
                pool.apply_finish(callback.wait())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            pool.map_finish(mapped.wait())
        self.assertTrue(go.set())
        pool.apply_message_finish(holding.wait())
        self.assertEqual(self.apply(pool, 'recall'), (1,))
        self.end(pool)

    @with_each_worker()
    def test_task_timeout(self, context):
        """A call that takes too long fails, and its worker is replaced"""
        pool = Aioproc.Pool(context=context, n_workers=1, cancel_grace=1000)
        lock, held, go = Aioproc.Lock.new(), Aioproc.Event.new(), Aioproc.Event.new()
        worker = self.get_worker(pool)
        pool.set_task_timeout(20000)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT, '“hold”'):
            pool.apply_message('hold', self.message(lock, held, go))
        pool.set_task_timeout(-1)
        self.assertNotEqual(self.get_worker(pool), worker)
        self.end(pool)

    @with_each_worker()
    def test_initializer(self, context):
        """Each worker calls a function before its first task"""
        pool = Aioproc.Pool(context=context, n_workers=1, initializer='remember',
                            initializer_arguments=GLib.Variant('(i)', (42,)))
        self.assertEqual(self.apply(pool, 'recall'), (42,))
        self.apply(pool, 'remember', numbers(7)[0])
        self.assertEqual(self.apply(pool, 'recall'), (7,))
        with watch_process(self.get_worker(pool)) as worker:
            signal.pidfd_send_signal(worker, signal.SIGKILL)
            select.select([worker], [], [])
        self.assertEqual(self.apply(pool, 'recall'), (42,))
        self.end(pool)

    def test_initializer_fails(self):
        """A pool whose workers cannot be initialized fails, and says why"""
        pool = Aioproc.Pool(context=self.context('c'), n_workers=2, initializer='fail')
        for _ in range(2):
            with self.raises(AIOPROC_ERROR, Aioproc.Error.WORKER_DIED, 'There is no such thing'):
                self.apply(pool, 'later')
        self.assertTrue(pool.join(-1))

    def test_no_program(self):
        """A worker program that is not there is an error of every call"""
        pool = Aioproc.Pool.new(Aioproc.Context(program=['/nonexistent/worker']), 2)
        with self.raises(AIOPROC_ERROR, Aioproc.Error.WORKER_DIED, '/nonexistent/worker'):
            self.apply(pool, 'later')
        with self.raises(AIOPROC_ERROR, Aioproc.Error.WORKER_DIED, '/nonexistent/worker'):
            pool.map('later', numbers(1, 2), 0)

    @with_each_worker()
    def test_close(self, context):
        """A pool that was closed does what it has, and takes nothing more"""
        pool, applied, mapped = Aioproc.Pool.new(context, 2), Callback(), Callback()
        with self.raises(AIOPROC_ERROR, Aioproc.Error.INVALID_STATE):
            pool.join(-1)
        lock, go = Aioproc.Lock.new(), Aioproc.Event.new()
        holding = self.hold(pool, lock, go)
        pool.apply_async('square', numbers(6)[0], None, applied)
        pool.close()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            pool.join(0)
        cancellable, joined = Gio.Cancellable(), Callback()
        pool.join_async(-1, cancellable, joined)
        cancellable.cancel()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            pool.join_finish(joined.wait())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            pool.apply('later')
        pool.map_async('square', numbers(1), 0, None, mapped)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            pool.map_finish(mapped.wait())
        self.assertEqual(pool.apply_finish(applied.wait()).unpack(), (36,))
        self.assertTrue(go.set())
        self.assertEqual(pool.apply_message_finish(holding.wait()).dup_body().unpack(), ())
        pool.close()
        self.assertTrue(pool.join(-1))
        self.assertTrue(pool.join(0, None), 'as often as one likes')

    @with_each_worker()
    def test_terminate(self, context):
        """A pool that is terminated cancels what it has"""
        pool, waiting, joined = Aioproc.Pool.new(context, 1), Callback(), Callback()
        holding = self.hold(pool, Aioproc.Lock.new(), Aioproc.Event.new())
        pool.apply_async('square', numbers(6)[0], None, waiting)
        pool.terminate()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            pool.apply_message_finish(holding.wait())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            pool.apply_finish(waiting.wait())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            pool.apply('later')
        pool.join_async(-1, None, joined)
        self.assertTrue(pool.join_finish(joined.wait()))

    @with_each_worker()
    def test_drop(self, context):
        """A pool that nobody has any more leaves no worker"""
        pool = Aioproc.Pool.new(context, 1)
        with watch_process(self.get_worker(pool)) as worker:
            del pool
            select.select([worker], [], [])

    def test_drop_while_pending(self):
        """A pool is there as long as a call is on its way"""
        results = []

        def applied(pool, result):
            results.append(pool.apply_finish(result).unpack())

        Aioproc.Pool.new(self.context('python'), 1).apply_async('later', None, None, applied)
        iterate_until(lambda: results or self.uncaught)
        self.assertEqual(results, [('later',)])

    def test_properties(self):
        """Every property, by accessor and as a property"""
        context, arguments = self.context('c'), GLib.Variant('(i)', (1,))
        pool = Aioproc.Pool(context=context, name='squares', n_workers=3, initializer='remember',
                            initializer_arguments=arguments, cancel_grace=5, task_timeout=6000000,
                            max_retries=2, max_tasks_per_worker=1000)
        self.assertTrue(pool.init())
        self.assertIs(pool.props.context, context)
        self.assertIs(pool.get_context(), context)
        self.assertEqual(pool.props.name, 'squares')
        self.assertEqual(pool.get_name(), 'squares')
        self.assertEqual(pool.props.n_workers, 3)
        self.assertEqual(pool.get_n_workers(), 3)
        self.assertEqual(pool.props.initializer, 'remember')
        self.assertEqual(pool.props.initializer_arguments, arguments)
        self.assertEqual(pool.props.cancel_grace, 5)
        self.assertEqual(pool.props.max_tasks_per_worker, 1000)
        self.assertEqual(pool.get_task_timeout(), 6000000)
        self.assertEqual(pool.get_max_retries(), 2)
        changes = []
        pool.connect('notify', lambda pool, spec: changes.append(spec.name))
        pool.set_task_timeout(-1)
        pool.set_task_timeout(-1)
        pool.props.task_timeout = 7
        pool.set_max_retries(0)
        pool.props.max_retries = 1
        self.assertEqual((pool.props.task_timeout, pool.get_max_retries()), (7, 1))
        self.assertEqual(changes, ['task-timeout', 'task-timeout', 'max-retries', 'max-retries'])
        self.end(pool)

        pool = Aioproc.Pool.new(context, 0)
        self.assertEqual(pool.get_n_workers(), Aioproc.get_processor_count())
        for name, value in (('name', None), ('initializer', None), ('initializer-arguments', None),
                            ('cancel-grace', 1000000), ('task-timeout', -1), ('max-retries', 0),
                            ('max-tasks-per-worker', 0)):
            self.assertEqual(pool.get_property(name), value, name)
        pool.terminate()
        self.assertTrue(pool.join(-1))

    def test_not_made(self):
        """A pool whose workers cannot run is an error, at once or when it is used"""
        not_initialized = Aioproc.Error.NOT_INITIALIZED
        with self.raises(AIOPROC_ERROR, not_initialized, 'its own worker program'):
            Aioproc.Pool.new(None, 0)
        pool = Aioproc.Pool(n_workers=1)
        self.assertIsNone(pool.get_context())
        with self.raises(AIOPROC_ERROR, not_initialized):
            pool.init()
        mapped = Callback()
        pool.map_async('square', numbers(1), 0, None, mapped)
        for use in (lambda: pool.apply('later'), lambda: self.apply(pool, 'later'),
                    lambda: pool.map_finish(mapped.wait()), lambda: pool.join(-1)):
            with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_INITIALIZED, 'its own worker program'):
                use()
        pool.close()
        pool.terminate()

    def test_own_program(self):
        """A script has a pool of workers that run the script"""
        script = textwrap.dedent('''
            import gi
            gi.require_version('Aioproc', '1')
            from gi.repository import Aioproc, GLib

            def double(call):
                return GLib.Variant('(i)', (2 * call.dup_arguments().unpack()[0],))

            Aioproc.worker_add_function('double', double)
            Aioproc.worker_run()
            pool = Aioproc.Pool.new(None, 2)
            items = [GLib.Variant('(i)', (number,)) for number in range(5)]
            print([result.unpack()[0] for result in pool.map('double', items, 0)])
            ''')
        with tempfile.TemporaryDirectory() as temporary:
            with open(os.path.join(temporary, 'script.py'), 'w', encoding='utf-8') as stream:
                stream.write(script)
            output = subprocess.run([sys.executable, 'script.py'], cwd=temporary, check=True,
                                    stdout=subprocess.PIPE, encoding='utf-8').stdout
        self.assertEqual(output, '[0, 2, 4, 6, 8]\n')


if __name__ == '__main__':
    run('/aioproc/python/pool', Pool)
