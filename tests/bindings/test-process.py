#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Processes as a Python program has them, with workers in Python, C and JavaScript."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading

from aioproc_test import (AIOPROC_ERROR, BUILT, IO_ERROR, SOURCE, Aioproc, Callback, Gio, GLib,
                          drain, iterate_until, run)
from aioproc_workers import PYTHON_WORKER, WORKERS, WorkerCase, expand, with_each_worker

N_MANY = 50

SPAWN = Aioproc.StartMethod.SPAWN
FORKSERVER = Aioproc.StartMethod.FORKSERVER
FORK = Aioproc.StartMethod.FORK


@expand
class Process(WorkerCase):

    def run_process(self, process):
        """Starts and joins a process by callbacks; returns the object."""
        started, joined = Callback(), Callback()
        process.start_async(None, started)
        self.assertTrue(process.start_finish(started.wait()))
        process.join_async(-1, None, joined)
        self.assertTrue(process.join_finish(joined.wait()))
        return process

    def call(self, context, function, arguments=None):
        return self.run_process(Aioproc.Process.new(context, function, arguments))

    @with_each_worker()
    def test_result(self, context):
        """A function returns a value, and the process exits with 0"""
        process = Aioproc.Process(context=context, function='square',
                                  arguments=GLib.Variant('(i)', (12,)))
        self.assertIs(process.get_context(), context)
        self.assertEqual(process.get_function(), 'square')
        self.assertFalse(process.is_alive())
        self.assertEqual(process.get_pid(), 0)
        self.assertFalse(process.get_exit_code()[0])
        self.run_process(process)
        self.assertGreater(process.get_pid(), 0)
        self.assertFalse(process.is_alive())
        self.assertEqual(process.dup_result().unpack(), (144,))
        self.assertEqual(process.dup_result_message().get_n_handles(), 0)
        self.assertEqual(process.get_exit_code(), (True, 0))
        self.assertEqual(process.get_exit_code().exit_code, 0)

    @with_each_worker()
    def test_result_blocking(self, context):
        """The blocking forms"""
        process = Aioproc.Process.new(context, 'square', GLib.Variant('(i)', (-3,)))
        self.assertTrue(process.start())
        self.assertTrue(process.join(-1))
        self.assertTrue(process.join(0, None), 'as often as one likes')
        self.assertEqual(process.dup_result().unpack(), (9,))

    @with_each_worker()
    def test_result_later(self, context):
        """A function that returns later than it ends, a value or an error"""
        self.assertEqual(self.call(context, 'later').dup_result().unpack(), ('later',))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.BUSY, 'Too late'):
            self.call(context, 'fail_later').dup_result()

    @with_each_worker()
    def test_error(self, context):
        """An error of the function arrives with its domain, code and message"""
        process = self.call(context, 'fail')
        with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_FOUND, 'There is no such thing'):
            process.dup_result()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_FOUND):
            process.dup_result_message()
        self.assertEqual(process.get_exit_code(), (True, 1))
        with self.raises(AIOPROC_ERROR, Aioproc.Error.BROKEN_BARRIER, 'It is broken'):
            self.call(context, 'fail_aioproc').dup_result()

    @with_each_worker()
    def test_error_arguments(self, context):
        """Arguments of a wrong type"""
        with self.raises(IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT, 's'):
            self.call(context, 'square', GLib.Variant('(s)', ('12',))).dup_result()

    @with_each_worker()
    def test_error_nothing(self, context):
        """A function that returns neither a value nor an error"""
        with self.raises(AIOPROC_ERROR, Aioproc.Error.REMOTE, 'nothing'):
            self.call(context, 'nothing').dup_result()

    @with_each_worker('python', 'python_spawned', 'gjs')
    def test_error_exception(self, context):
        """An exception arrives as an error"""
        with self.raises(AIOPROC_ERROR, Aioproc.Error.REMOTE, 'from the worker'):
            self.call(context, 'throw').dup_result()

    @with_each_worker('python', 'gjs')
    def test_error_wrong_type(self, context):
        """What is not a GLib.Variant is not a result"""
        with self.raises(AIOPROC_ERROR, Aioproc.Error.REMOTE):
            self.call(context, 'wrong_type').dup_result()

    @with_each_worker('python')
    def test_error_exception_plain(self, context):
        """An exception that nobody turns into an error is one all the same"""
        with self.raises(AIOPROC_ERROR, Aioproc.Error.REMOTE, 'throw_plainly'):
            self.call(context, 'throw_plainly').dup_result()

    @with_each_worker()
    def test_error_no_function(self, context):
        """A function that is not there is an error of the start"""
        process = Aioproc.Process.new(context, 'cube', None)
        started = Callback()
        process.start_async(None, started)
        with self.raises(AIOPROC_ERROR, Aioproc.Error.NOT_FOUND, 'cube'):
            process.start_finish(started.wait())
        with self.raises(AIOPROC_ERROR, Aioproc.Error.NOT_FOUND):
            process.dup_result()

    @with_each_worker()
    def test_message(self, context):
        """Objects, bytes and descriptors go there and back"""
        data = os.urandom(300000)
        lock, event = Aioproc.Lock.new(), Aioproc.Event(name='there and back')
        event.init()
        reader, writer = os.pipe()
        message = Aioproc.Message.new()
        message.set_body(GLib.Variant('(shhhh)', (
            'text', message.append_object(lock), message.append_object(event),
            message.append_bytes(GLib.Bytes.new(data)), message.append_fd(writer))))
        os.close(writer)

        process = Aioproc.Process.new_with_message(context, 'echo', message)
        result = self.run_process(process).dup_result_message()
        text, *handles = result.dup_body().unpack()
        self.assertEqual(text, 'text')
        self.assertEqual(process.dup_result().unpack()[0], 'text')
        self.assertIs(result.dup_object(handles[0]), lock)
        self.assertIs(result.dup_object(handles[1]), event)
        self.assertEqual(result.dup_bytes(handles[2]).get_data(), data)
        writer = result.dup_fd(handles[3])
        os.write(writer, b'x')
        self.assertEqual(os.read(reader, 1), b'x')
        os.close(writer)
        os.close(reader)

    @with_each_worker()
    def test_shared(self, context):
        """A worker holds the lock that the program waits for"""
        lock, held, go = Aioproc.Lock.new(), Aioproc.Event.new(), Aioproc.Event.new()
        process = Aioproc.Process.new_with_message(context, 'hold', self.message(lock, held, go))
        self.assertTrue(process.start())
        waited, acquired, joined = Callback(), Callback(), Callback()
        held.wait_async(-1, None, waited)
        self.assertTrue(held.wait_finish(waited.wait()))
        self.assertTrue(lock.is_locked())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.WOULD_BLOCK):
            lock.try_acquire()
        with self.raises(AIOPROC_ERROR, Aioproc.Error.NOT_OWNER):
            lock.release()
        lock.acquire_async(-1, None, acquired)
        drain()
        self.assertFalse(acquired.called)
        self.assertTrue(go.set())
        self.assertTrue(lock.acquire_finish(acquired.wait()))
        self.assertFalse(lock.get_was_abandoned())
        process.join_async(-1, None, joined)
        self.assertTrue(process.join_finish(joined.wait()))
        self.assertEqual(process.dup_result().unpack(), ())

    @with_each_worker()
    def test_queue(self, context):
        """A worker puts items while it holds a lock, and the program gets them"""
        lock, ready, queue = Aioproc.Lock.new(), Aioproc.Event.new(), Aioproc.Queue.new(2)
        message = self.message(lock, ready, queue)
        message.set_body(GLib.Variant('(hhhi)', (0, 1, 2, N_MANY)))
        process = Aioproc.Process.new_with_message(context, 'produce', message)
        waited, acquired, joined = Callback(), Callback(), Callback()
        items = []

        def got(queue, result):
            items.append(queue.get_finish(result).unpack())
            if items[-1] != ():
                queue.get_async(-1, None, got)

        self.assertTrue(process.start())
        ready.wait_async(-1, None, waited)
        self.assertTrue(ready.wait_finish(waited.wait()))
        lock.acquire_async(-1, None, acquired)
        self.assertFalse(acquired.called)
        queue.get_async(-1, None, got)
        self.assertTrue(lock.acquire_finish(acquired.wait()))
        process.join_async(-1, None, joined)
        self.assertTrue(process.join_finish(joined.wait()))
        iterate_until(lambda: items[-1:] == [()] or self.uncaught)
        self.assertEqual(items, [*range(N_MANY), ()])
        self.assertEqual(process.dup_result().unpack(), ())

    def test_queue_everybody(self):
        """Workers in every language share two queues"""
        jobs, results = Aioproc.Queue.new(0), Aioproc.Queue(name='results', max_items=3)
        self.assertTrue(results.init())
        processes = [Aioproc.Process.new_with_message(self.context(worker), 'negate',
                                                      self.message(jobs, results))
                     for worker in WORKERS]
        for process in processes:
            self.assertTrue(process.start())
        got = []

        def got_cb(queue, result):
            got.append(queue.get_finish(result).unpack())

        for number in range(N_MANY):
            jobs.put_async(GLib.Variant('i', number), -1)
            results.get_async(-1, None, got_cb)
        iterate_until(lambda: len(got) == N_MANY or self.uncaught)
        self.assertTrue(jobs.close(False))
        for process in processes:
            joined = Callback()
            process.join_async(-1, None, joined)
            self.assertTrue(process.join_finish(joined.wait()))
            self.assertEqual(process.dup_result().unpack(), ())
        self.assertEqual(sorted(got), sorted(-number for number in range(N_MANY)))

    @with_each_worker()
    def test_kill(self, context):
        """A killed worker is a clear error, and the lock it held is free"""
        lock, held, go = Aioproc.Lock.new(), Aioproc.Event.new(), Aioproc.Event.new()
        process = Aioproc.Process.new_with_message(context, 'hold', self.message(lock, held, go))
        self.assertTrue(process.start())
        self.assertTrue(held.wait(-1))
        self.assertTrue(process.is_alive())
        acquired, joined = Callback(), Callback()
        lock.acquire_async(-1, None, acquired)
        process.join_async(-1, None, joined)
        self.assertTrue(process.kill())
        self.assertTrue(lock.acquire_finish(acquired.wait()))
        self.assertTrue(lock.get_was_abandoned())
        self.assertTrue(process.join_finish(joined.wait()))
        self.assertEqual(process.get_exit_code(), (True, -signal.SIGKILL))
        with self.raises(AIOPROC_ERROR, Aioproc.Error.WORKER_DIED, str(process.get_pid())):
            process.dup_result()

    @with_each_worker()
    def test_cancel(self, context):
        """A function is asked to stop, and does"""
        ready = Aioproc.Event.new()
        process = Aioproc.Process.new_with_message(context, 'wait_cancelled', self.message(ready))
        self.assertTrue(process.start())
        self.assertTrue(ready.wait(-1))
        self.assertTrue(process.cancel())
        self.assertTrue(process.join(-1))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            process.dup_result()

    @with_each_worker()
    def test_progress(self, context):
        """Progress is in properties, which notify"""
        process = Aioproc.Process.new(context, 'progress', None)
        seen = []
        process.connect('notify::progress-text',
                        lambda process, _: seen.append(process.props.progress_text))
        self.assertEqual(process.get_progress(), -1)
        self.assertIsNone(process.dup_progress_text())
        self.run_process(process)
        self.assertEqual(process.props.progress, 0.75)
        self.assertEqual(process.get_progress(), 0.75)
        self.assertEqual(process.dup_progress_text(), 'goes on')
        self.assertEqual(seen[-1], 'goes on')

    @with_each_worker()
    def test_names(self, context):
        """A worker knows its name, and who started it"""
        process = Aioproc.Process(context=context, function='whoami', name='Zoë')
        self.assertEqual(process.dup_name(), 'Zoë')
        process.set_name('Chloë')
        self.assertEqual(process.props.name, 'Chloë')
        name, pid, parent = self.run_process(process).dup_result().unpack()
        self.assertEqual((name, pid, parent), ('Chloë', process.get_pid(), os.getpid()))

    @with_each_worker('python', 'gjs')
    def test_output(self, context):
        """What a worker prints is not lost"""
        program = ('import sys; sys.path.insert(0, sys.argv[1]); from aioproc_test import *\n'
                   'context = Aioproc.Context(program=sys.argv[3:], '
                   'start_method=Aioproc.StartMethod(int(sys.argv[2])))\n'
                   'process = Aioproc.Process.new(context, "speak", None)\n'
                   'process.start(); process.join(-1); process.dup_result()')
        environment = {name: value for name, value in os.environ.items()
                       if name != 'PYTHONUNBUFFERED'}
        output = subprocess.run(
            [sys.executable, '-c', program, SOURCE, str(int(context.props.start_method)),
             *context.dup_program()],
            stdout=subprocess.PIPE, env=environment, check=True).stdout
        self.assertEqual(output, b'What a worker says\n')

    def run_script(self, text, *arguments):
        """Runs a program in Python; returns what it prints."""
        with tempfile.TemporaryDirectory() as temporary:
            with open(os.path.join(temporary, 'script.py'), 'w', encoding='utf-8') as stream:
                stream.write(f'import sys\nsys.path.insert(0, {SOURCE!r})\n')
                stream.write('from aioproc_test import *\n' + textwrap.dedent(text))
            return subprocess.run([sys.executable, 'script.py', *arguments], cwd=temporary,
                                  check=True, stdout=subprocess.PIPE, encoding='utf-8').stdout

    def test_own_program(self):
        """Workers of a script run the script, wherever they run, and however it is started"""
        for method in ('FORKSERVER', 'SPAWN', 'FORK'):
            output = self.run_script('''
                def work(call):
                    return GLib.Variant('(sas)', (os.getcwd(), sys.argv[1:]))

                Aioproc.worker_add_function('work', work)
                Aioproc.worker_run()
                os.chdir('/' if sys.argv[1] == 'FORK' else '/usr')
                context = Aioproc.Context(start_method=getattr(Aioproc.StartMethod, sys.argv[1]),
                                          working_directory='/')
                process = Aioproc.Process.new(context, 'work', None)
                process.start()
                process.join(-1)
                folder, arguments = process.dup_result().unpack()
                print(folder, *arguments, sep='|')
                ''', method, '', 'with space')
            self.assertEqual(output, f'/|{method}||with space\n')

    def test_start_method(self):
        """The start method of a program is set once, and is an enumeration"""
        self.assertEqual(Aioproc.get_start_method(), FORKSERVER)
        self.assertEqual([method.value_nick for method in (SPAWN, FORKSERVER, FORK)],
                         ['spawn', 'forkserver', 'fork'])
        output = self.run_script('''
            Aioproc.set_start_method(Aioproc.StartMethod.SPAWN)
            print(Aioproc.get_start_method().value_nick, Aioproc.Context().props.start_method ==
                  Aioproc.Context.get_default().get_start_method() == Aioproc.StartMethod.SPAWN)
            try:
                Aioproc.set_start_method(Aioproc.StartMethod.FORK)
            except GLib.Error as error:
                print(error.matches(AIOPROC_ERROR, Aioproc.Error.INVALID_STATE))
            ''')
        self.assertEqual(output, 'spawn True\nTrue\n')

    def test_worker_module(self):
        """A program serves the functions of a module besides its own"""
        output = self.run_script('''
            Aioproc.worker_add_module(os.path.join(BUILT, 'libaioproc-test-bindings-module.so'))
            Aioproc.worker_add_function('own', lambda call: GLib.Variant('i', -1))
            Aioproc.worker_run()
            for name, arguments in ('own', None), ('square', GLib.Variant('(i)', (5,))):
                process = Aioproc.Process.new(None, name, arguments)
                process.start()
                process.join(-1)
                print(process.dup_result().unpack())
            ''')
        self.assertEqual(output, '-1\n(25,)\n')

    def test_program_end(self):
        """The end of a program does not wait for its workers for ever, nor leave them behind"""
        for daemon in (True, False):
            output = self.run_script('''
                context = Aioproc.Context(program=sys.argv[2:], exit_timeout=1000)
                ready = Aioproc.Event.new()
                message = Aioproc.Message.new()
                message.set_body(GLib.Variant('(h)', (message.append_object(ready),)))
                process = Aioproc.Process.new_with_message(context, 'wait_cancelled', message)
                process.set_daemon(sys.argv[1] == 'True')
                process.start()
                process.join_async(-1, None, Callback())
                ready.wait(-1)
                print(process.get_pid())
                ''', str(daemon), *PYTHON_WORKER)
            # It may take a moment, but nobody has to do anything for it.
            with contextlib.suppress(ProcessLookupError):
                sentinel = os.pidfd_open(int(output))
                self.assertTrue(select.select([sentinel], [], [])[0])
                os.close(sentinel)

    @with_each_worker('python', 'c')
    def test_many(self, context):
        """Many processes at once, each joined by a callback of its own"""
        results = {}

        def started(process, result, number):
            self.assertTrue(process.start_finish(result))
            process.join_async(-1, None, joined, number)

        def joined(process, result, number):
            self.assertTrue(process.join_finish(result))
            results[number] = process.dup_result().unpack()[0]

        for number in range(N_MANY):
            process = Aioproc.Process.new(context, 'square', GLib.Variant('(i)', (number,)))
            process.start_async(None, started, number)
            del process
        iterate_until(lambda: len(results) == N_MANY or self.uncaught)
        self.assertEqual(results, {number: number ** 2 for number in range(N_MANY)})

    def test_state(self):
        """What can be done before the start, while it runs, and after the end"""
        context = self.context('c')
        ready = Aioproc.Event.new()
        process = Aioproc.Process.new_with_message(context, 'wait_cancelled', self.message(ready))
        for operation in (lambda: process.join(0), process.terminate, process.cancel,
                          process.get_sentinel, process.dup_result,
                          lambda: process.send_signal(signal.SIGUSR1)):
            with self.raises(AIOPROC_ERROR, Aioproc.Error.INVALID_STATE):
                operation()
        self.assertTrue(process.set_daemon(True))
        self.assertTrue(process.props.daemon)

        self.assertTrue(process.start())
        self.assertTrue(process.is_alive())
        self.assertTrue(ready.wait(-1))
        self.assertIn(process, Aioproc.Process.get_active_children())
        for operation in (process.start, process.close, process.dup_result,
                          lambda: process.set_daemon(False)):
            with self.raises(AIOPROC_ERROR, Aioproc.Error.INVALID_STATE):
                operation()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            process.join(0)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            process.join(10 * GLib.TIME_SPAN_MILLISECOND)
        self.assertFalse(process.is_ready())

        sentinel = process.get_sentinel()
        self.assertFalse(select.select([sentinel], [], [], 0)[0])
        self.assertTrue(process.terminate())
        self.assertTrue(select.select([sentinel], [], [])[0])
        self.assertTrue(process.join(-1))
        self.assertTrue(process.is_ready())
        self.assertTrue(process.terminate(), 'it has ended')
        self.assertEqual(process.get_exit_code(), (True, -signal.SIGTERM))
        self.assertNotIn(process, Aioproc.Process.get_active_children())

        self.assertTrue(process.close())
        self.assertTrue(process.close())
        self.assertEqual(process.get_exit_code(), (True, -signal.SIGTERM))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            process.dup_result()

    def test_cancellable(self):
        """Starts and joins are cancelled before they begin, and joins while they last"""
        context = self.context('c')
        ready, cancellable = Aioproc.Event.new(), Gio.Cancellable()
        process = Aioproc.Process.new_with_message(context, 'wait_cancelled', self.message(ready))
        self.assertTrue(process.start())
        callback = Callback()
        process.join_async(-1, cancellable, callback)
        drain()
        cancellable.cancel()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            process.join_finish(callback.wait())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            process.join(-1, cancellable)
        self.assertTrue(process.is_alive())
        self.assertTrue(process.kill())
        self.assertTrue(process.join(-1))

        process = Aioproc.Process.new(context, 'square', GLib.Variant('(i)', (1,)))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            process.start(cancellable)
        callback = Callback()
        process = Aioproc.Process.new(context, 'square', GLib.Variant('(i)', (1,)))
        process.start_async(cancellable, callback)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            process.start_finish(callback.wait())

    def test_drop_while_pending(self):
        """A process runs whether or not the program has the object"""
        ready, results = Aioproc.Event.new(), []

        def joined(process, result):
            process.join_finish(result)
            results.append(process.get_exit_code().exit_code)
            raise ValueError('from the callback')

        process = Aioproc.Process.new_with_message(self.context('c'), 'wait_cancelled',
                                                   self.message(ready))
        pid = process.start() and process.get_pid()
        process.join_async(-1, None, joined)
        del process
        self.assertTrue(ready.wait(-1))
        process, = [child for child in Aioproc.Process.get_active_children()
                    if child.get_pid() == pid]
        self.assertTrue(process.kill())
        iterate_until(lambda: results)
        self.assertEqual(results, [-signal.SIGKILL])
        iterate_until(lambda: self.uncaught)
        self.assertEqual([str(error) for error in self.take_uncaught()], ['from the callback'])

    def test_tree(self):
        """This process, its parent, and the number of processors"""
        current = Aioproc.Process.get_current()
        self.assertEqual(current.get_pid(), os.getpid())
        self.assertEqual(current.dup_name(), 'MainProcess')
        self.assertTrue(current.is_alive())
        self.assertIsNone(current.get_function())
        self.assertIsNone(Aioproc.Process.get_parent())
        self.assertEqual(Aioproc.get_processor_count(), len(os.sched_getaffinity(0)))

    def test_context(self):
        """Every property of a context, by accessor and as a property"""
        context = Aioproc.Context.new()
        self.assertEqual(context.props.start_method, Aioproc.get_start_method())
        self.assertIs(Aioproc.Context.get_default(), Aioproc.Context.get_default())
        for name, value in (('program', ['/bin/true', '--flag']), ('module', './libwork.so'),
                            ('preload', ['square']), ('environment', ['A=1', 'B=ß']),
                            ('working_directory', '/')):
            setter = getattr(context, f'set_{name}')
            getter = getattr(context, f'dup_{name}')
            # PyGObject has an empty list where there is no array at all.
            self.assertFalse(getter())
            setter(value)
            self.assertEqual(getter(), value)
            self.assertEqual(getattr(context.props, name), value)
            setter(None)
            self.assertFalse(getter())
        for name, value in (('start_method', SPAWN), ('memory_limit', 1 << 40),
                            ('cpu_time_limit', 60), ('file_limit', 100), ('log_fatal', True),
                            ('log_forwarding', GLib.LogLevelFlags.LEVEL_ERROR),
                            ('exit_timeout', 5 * GLib.TIME_SPAN_SECOND)):
            getattr(context, f'set_{name}')(value)
            self.assertEqual(getattr(context, f'get_{name}')(), value)
            self.assertEqual(getattr(context.props, name), value)

    def test_context_bad(self):
        """Worker programs that cannot run are clear errors of the start"""
        missing = os.path.join(SOURCE, 'missing')
        for properties, domain, code in (
                ({'program': [missing]}, IO_ERROR, Gio.IOErrorEnum.NOT_FOUND),
                ({'program': [__file__ + 'x', 'y']}, IO_ERROR, Gio.IOErrorEnum.NOT_FOUND),
                ({'program': []}, IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT),
                ({'program': ['x'], 'module': 'y'}, IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT),
                ({'module': missing}, AIOPROC_ERROR, Aioproc.Error.NOT_FOUND),
                ({'program': ['/bin/true'], 'start_method': SPAWN}, AIOPROC_ERROR,
                 Aioproc.Error.WORKER_DIED),
                ({}, AIOPROC_ERROR, Aioproc.Error.NOT_INITIALIZED)):
            process = Aioproc.Process.new(Aioproc.Context(**properties), 'square', None)
            with self.subTest(**properties), self.raises(domain, code):
                process.start()

    def test_fork_refused(self):
        """A program with threads is not forked, and neither is GJS, which has some"""
        event = threading.Event()
        thread = threading.Thread(target=event.wait)
        thread.start()
        process = Aioproc.Process.new(Aioproc.Context(start_method=FORK), 'square', None)
        with self.raises(AIOPROC_ERROR, Aioproc.Error.FORK_REFUSED):
            process.start()
        event.set()
        thread.join()

        context = Aioproc.Context(program=self.context('gjs').dup_program(),
                                  start_method=FORKSERVER)
        process = Aioproc.Process.new(context, 'square', None)
        with self.raises(AIOPROC_ERROR, Aioproc.Error.FORK_REFUSED):
            process.start()

    def test_not_shareable(self):
        """What cannot be shared is refused before anything starts"""
        with self.raises(AIOPROC_ERROR, Aioproc.Error.NOT_SHAREABLE):
            self.message(Gio.Cancellable())


if __name__ == '__main__':
    run('/aioproc/python/process', Process)
