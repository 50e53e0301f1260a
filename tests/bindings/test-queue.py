#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A queue as a Python program has it: PyGObject, callbacks, the main loop of GLib."""

import os
import threading
import time

from aioproc_test import (IO_ERROR, Aioproc, Callback, Case, Gio, GLib, Watched, drain,
                          iterate_until, no_descriptors, run)

N_MANY = 500


class Queue(Case):

    def full_queue(self):
        queue = Aioproc.Queue.new(1)
        self.assertTrue(queue.try_put(GLib.Variant('s', 'first')))
        return queue

    def test_construct(self):
        """Constructors, with and without properties"""
        queue = Aioproc.Queue.new(0)
        self.assertIsNone(queue.get_name())
        self.assertEqual(queue.get_max_items(), 0)
        self.assertEqual(queue.get_size(), 0)
        self.assertTrue(queue.is_empty())
        self.assertFalse(queue.is_full())
        self.assertFalse(queue.is_closed())
        self.assertIsInstance(queue, Aioproc.Shareable)
        self.assertIsNotNone(queue.dup_id())

        queue = Aioproc.Queue(name='jobs', max_items=2)
        self.assertTrue(queue.init())
        self.assertEqual(queue.get_name(), 'jobs')
        self.assertEqual(queue.props.name, 'jobs')
        self.assertEqual(queue.props.max_items, 2)

    def test_construct_uninitialized(self):
        """An object that could not be constructed answers everything"""
        with no_descriptors():
            queue = Aioproc.Queue(name='jobs')
        value, data = GLib.Variant('i', 1), GLib.Bytes.new(b'1')
        for operation in (queue.try_get, queue.try_get_bytes, lambda: queue.close(False),
                          lambda: queue.get(-1), lambda: queue.get_bytes(-1),
                          lambda: queue.try_put(value), lambda: queue.try_put_bytes(data),
                          lambda: queue.put(value, -1), lambda: queue.put_bytes(data, -1)):
            with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_INITIALIZED, 'open files'):
                operation()
        for start, finish in ((lambda c: queue.get_async(-1, None, c), queue.get_finish),
                              (lambda c: queue.get_bytes_async(-1, None, c),
                               queue.get_bytes_finish),
                              (lambda c: queue.put_async(value, -1, None, c), queue.put_finish),
                              (lambda c: queue.put_bytes_async(data, -1, None, c),
                               queue.put_bytes_finish)):
            callback = Callback()
            start(callback)
            with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_INITIALIZED):
                finish(callback.wait())
        self.assertEqual(queue.get_size(), 0)
        self.assertIsNone(queue.dup_id())

    def test_construct_only(self):
        """An object is ready without init()"""
        queue = Aioproc.Queue(name='jobs')
        self.assertTrue(queue.try_put(GLib.Variant('i', 1)))
        self.assertEqual(queue.props.name, 'jobs')
        self.assertIsNotNone(queue.dup_id())

    def test_construct_anew(self):
        """init() tells once that the construction has failed, then tries again"""
        with no_descriptors():
            queue = Aioproc.Queue()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TOO_MANY_OPEN_FILES):
            queue.init()
        self.assertTrue(queue.init())
        self.assertTrue(queue.try_put(GLib.Variant('i', 1)))

    def test_construct_fails(self):
        """A cancelled init() raises, and can be called again"""
        cancellable = Gio.Cancellable()
        cancellable.cancel()
        queue = Aioproc.Queue()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            queue.init(cancellable)
        self.assertTrue(queue.init())
        self.assertTrue(queue.try_put(GLib.Variant('()', ())))

    def test_values(self):
        """Values come out as they went in, and belong to who has them"""
        queue = Aioproc.Queue.new(0)
        for type_string, value in (('i', -3), ('s', 'Zoë'), ('d', 0.5), ('()', ()), ('b', True),
                                   ('(sai)', ('list', [1, 2, 3])), ('ms', None), ('as', []),
                                   ('a{sv}', {'key': GLib.Variant('t', 1 << 60)})):
            variant = GLib.Variant(type_string, value)
            self.assertTrue(queue.put(variant, -1))
            got = queue.get(-1)
            self.assertEqual(got.get_type_string(), type_string)
            self.assertTrue(got.equal(variant))
            self.assertEqual(got.unpack(), variant.unpack())
            # Once more, after the first copy is gone.
            self.assertTrue(queue.try_put(variant))
            del variant
            self.assertTrue(queue.try_get().equal(got))

    def test_bytes(self):
        """Bytes come out as they went in, large ones too, and as a value"""
        queue = Aioproc.Queue.new(0)
        for data in (b'', b'\0', os.urandom(100), os.urandom(5 << 20)):
            self.assertTrue(queue.put_bytes(GLib.Bytes.new(data), -1))
            self.assertEqual(queue.get_bytes(-1).get_data() or b'', data)
            callback, put = Callback(), Callback()
            queue.get_bytes_async(-1, None, callback)
            queue.put_bytes_async(GLib.Bytes.new(data), -1, None, put)
            self.assertTrue(queue.put_bytes_finish(put.wait()))
            self.assertEqual(queue.get_bytes_finish(callback.wait()).get_data() or b'', data)
        self.assertTrue(queue.try_put_bytes(GLib.Bytes.new(b'abc')))
        value = queue.try_get()
        self.assertEqual(value.get_type_string(), 'ay')
        self.assertEqual(value.get_data_as_bytes().get_data(), b'abc')
        self.assertTrue(queue.try_put(value))
        self.assertEqual(queue.try_get_bytes().get_data(), b'abc')

    def test_order(self):
        """Items come out in their order, and are counted"""
        queue = Aioproc.Queue.new(N_MANY)
        for number in range(N_MANY):
            self.assertEqual(queue.get_size(), number)
            self.assertTrue(queue.try_put(GLib.Variant('i', number)))
        self.assertTrue(queue.is_full())
        self.assertEqual([queue.try_get().unpack() for _ in range(N_MANY)], list(range(N_MANY)))
        self.assertTrue(queue.is_empty())

    def test_errors(self):
        """Errors are matched by domain and code"""
        queue = Aioproc.Queue(name='jobs', max_items=1)
        queue.init()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.WOULD_BLOCK, 'jobs'):
            queue.try_get()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.WOULD_BLOCK, 'jobs'):
            queue.try_get_bytes()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_SUPPORTED):
            queue.try_put(GLib.Variant('(h)', (0,)))
        self.assertTrue(queue.try_put(GLib.Variant('i', 1)))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.WOULD_BLOCK, 'jobs'):
            queue.try_put(GLib.Variant('i', 2))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.WOULD_BLOCK, 'jobs'):
            queue.try_put_bytes(GLib.Bytes.new(b'2'))
        for wrong in (None, 1, 'text'):
            with self.assertRaises(TypeError):
                queue.try_put(wrong)

    def test_timeout(self):
        """Timeouts of every form"""
        empty, full = Aioproc.Queue.new(0), self.full_queue()
        value, data = GLib.Variant('i', 1), GLib.Bytes.new(b'1')
        for timeout in (0, 20 * GLib.TIME_SPAN_MILLISECOND):
            for operation in (lambda: empty.get(timeout), lambda: empty.get_bytes(timeout),
                              lambda: full.put(value, timeout),
                              lambda: full.put_bytes(data, timeout)):
                before = time.monotonic()
                with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
                    operation()
                self.assertGreaterEqual(time.monotonic() - before, timeout / 1e6)
            for start, finish in (
                    (lambda c: empty.get_async(timeout, None, c), empty.get_finish),
                    (lambda c: empty.get_bytes_async(timeout, None, c), empty.get_bytes_finish),
                    (lambda c: full.put_async(value, timeout, None, c), full.put_finish),
                    (lambda c: full.put_bytes_async(data, timeout, None, c),
                     full.put_bytes_finish)):
                callback = Callback()
                before = time.monotonic()
                start(callback)
                self.assertFalse(callback.called, 'called inside of the call')
                with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
                    finish(callback.wait())
                self.assertGreaterEqual(time.monotonic() - before, timeout / 1e6)
        self.assertEqual(full.get_size(), 1)

    def test_async(self):
        """A get waits for an item, and a put for room, while the main loop runs"""
        queue = self.full_queue()
        put, get = Callback(), Callback()
        queue.put_async(GLib.Variant('s', 'second'), -1, None, put)
        drain()
        self.assertFalse(put.called)
        self.assertEqual(queue.get(-1).unpack(), 'first')
        self.assertTrue(queue.put_finish(put.wait()))
        self.assertIs(put.source, queue)
        self.assertEqual(queue.get(-1).unpack(), 'second')

        queue.get_async(-1, None, get)
        drain()
        self.assertFalse(get.called)
        self.assertTrue(queue.try_put(GLib.Variant('s', 'third')))
        self.assertEqual(queue.get_finish(get.wait()).unpack(), 'third')

    def test_async_optional(self):
        """What nobody waits for is put nevertheless"""
        queue = Aioproc.Queue.new(0)
        queue.put_async(GLib.Variant('i', 1), -1)
        queue.put_bytes_async(GLib.Bytes.new(b'2'), -1, None, None)
        self.assertEqual(queue.get(-1).unpack(), 1)
        self.assertEqual(queue.get_bytes(-1).get_data(), b'2')

    def test_async_many(self):
        """Many pending gets and puts: items go to the gets in the order of both"""
        queue = Aioproc.Queue.new(10)
        got, put = {}, {}

        def got_cb(queue, result, number):
            got[number] = queue.get_finish(result).unpack()

        def put_cb(queue, result, number):
            put[number] = queue.put_finish(result)

        for number in range(N_MANY):
            queue.get_async(-1, None, got_cb, number)
        for number in range(N_MANY):
            queue.put_async(GLib.Variant('i', number), -1, None, put_cb, number)
        iterate_until(lambda: len(got) == len(put) == N_MANY or self.uncaught)
        self.assertEqual(got, {number: number for number in range(N_MANY)})
        self.assertEqual(put, {number: True for number in range(N_MANY)})

    def test_threads(self):
        """Threads that block in a get and a put let the others run"""
        queue, back = Aioproc.Queue.new(1), Aioproc.Queue.new(1)

        def work():
            for _ in range(N_MANY):
                back.put(GLib.Variant('i', -queue.get(-1).unpack()), -1)

        thread = threading.Thread(target=work)
        thread.start()
        for number in range(N_MANY):
            queue.put(GLib.Variant('i', number), -1)
            self.assertEqual(back.get(-1).unpack(), -number)
        thread.join()

    def test_cancel(self):
        """A cancelled get takes nothing, and a cancelled put leaves nothing"""
        queue, full = Aioproc.Queue.new(0), self.full_queue()
        cancellable = Gio.Cancellable()
        get, put, before = Callback(), Callback(), Callback()
        queue.get_async(-1, cancellable, get)
        full.put_async(GLib.Variant('s', 'second'), -1, cancellable, put)
        cancellable.cancel()
        queue.get_async(-1, cancellable, before)
        for finish, callback in ((queue.get_finish, get), (full.put_finish, put),
                                 (queue.get_finish, before)):
            with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
                finish(callback.wait())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            queue.put(GLib.Variant('i', 1), -1, cancellable)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            queue.get(-1, cancellable)
        self.assertEqual((queue.get_size(), full.get_size()), (0, 1))

        # Whoever cancels after the item was taken has it.
        cancellable = Gio.Cancellable()
        callback = Callback()
        full.get_async(-1, cancellable, callback)
        cancellable.cancel()
        self.assertEqual(full.get_finish(callback.wait()).unpack(), 'first')
        self.assertEqual(full.get_size(), 0)

    def test_close(self):
        """After a close, what is there can be got, and everything else fails"""
        queue = Aioproc.Queue.new(1)
        get, put = Callback(), Callback()
        queue.try_put(GLib.Variant('s', 'first'))
        queue.put_async(GLib.Variant('s', 'second'), -1, None, put)
        self.assertTrue(queue.close(False))
        self.assertTrue(queue.close(False))
        self.assertTrue(queue.is_closed())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            queue.put_finish(put.wait())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            queue.try_put(GLib.Variant('s', 'third'))
        self.assertEqual(queue.get(-1).unpack(), 'first')
        queue.get_async(-1, None, get)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            queue.get_finish(get.wait())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            queue.get(-1)

    def test_bytes_limit(self):
        """A limit to the bytes, and what there is and was"""
        queue = Aioproc.Queue(name='jobs', max_bytes=1000)
        self.assertEqual(queue.props.max_bytes, 1000)
        self.assertEqual(queue.get_max_bytes(), 1000)
        self.assertTrue(queue.try_put_bytes(GLib.Bytes.new(bytes(600))))
        self.assertTrue(queue.try_put_bytes(GLib.Bytes.new(bytes(400))))
        self.assertTrue(queue.is_full())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.WOULD_BLOCK):
            queue.try_put_bytes(GLib.Bytes.new(b'x'))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.MESSAGE_TOO_LARGE, '1000'):
            queue.put_bytes(GLib.Bytes.new(bytes(1001)), -1)
        queue.get(-1)
        self.assertEqual(queue.get_n_bytes(), 400)
        self.assertEqual((queue.props.peak_items, queue.props.peak_bytes), (2, 1000))

    def test_many(self):
        """Batches are lists"""
        queue = Aioproc.Queue.new(0)
        values = [GLib.Variant('i', number) for number in range(N_MANY)]
        self.assertEqual(queue.put_many(values, -1), N_MANY)
        self.assertEqual(queue.try_put_many(values[:1]), 1)
        self.assertEqual([value.unpack() for value in queue.get_many(200, -1)], list(range(200)))
        self.assertEqual([value.unpack() for value in queue.try_get_many(N_MANY)],
                         list(range(200, N_MANY)) + [0])
        with self.raises(IO_ERROR, Gio.IOErrorEnum.WOULD_BLOCK):
            queue.try_get_many(1)
        self.assertEqual(queue.put_many([], -1), 0)

        put, get = Callback(), Callback()
        queue.get_many_async(2 * N_MANY, -1, None, get)
        queue.put_many_async(values, -1, None, put)
        del values
        self.assertEqual(queue.put_many_finish(put.wait()), N_MANY)
        got = queue.get_many_finish(get.wait())
        self.assertEqual([value.unpack() for value in got], list(range(len(got))))
        self.assertEqual(len(got) + queue.get_size(), N_MANY)

    def test_many_bytes(self):
        """Batches of bytes"""
        queue = Aioproc.Queue.new(0)
        items = [GLib.Bytes.new(bytes([number % 256]) * number) for number in range(N_MANY)]
        self.assertEqual(queue.put_many_bytes(items, -1), N_MANY)
        self.assertEqual([item.get_data() or b'' for item in queue.get_many_bytes(N_MANY, -1)],
                         [item.get_data() or b'' for item in items])
        put, get = Callback(), Callback()
        queue.put_many_bytes_async(items, -1, None, put)
        self.assertEqual(queue.put_many_bytes_finish(put.wait()), N_MANY)
        queue.get_many_bytes_async(10, -1, None, get)
        self.assertEqual([item.get_size() for item in queue.get_many_bytes_finish(get.wait())],
                         list(range(10)))

    def test_many_partial(self):
        """A batch that does not fit tells how much of it did"""
        queue = Aioproc.Queue.new(2)
        values = [GLib.Variant('i', number) for number in range(5)]
        self.assertEqual(queue.put_many(values, 0), 2)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            queue.put_many(values[2:], 0)
        queue.get(-1)
        put, cancellable = Callback(), Gio.Cancellable()
        queue.put_many_async(values[2:], -1, cancellable, put)
        cancellable.cancel()
        self.assertEqual(queue.put_many_finish(put.wait()), 1)
        self.assertEqual([value.unpack() for value in queue.get_many(9, -1)], [1, 2])

    def test_close_now(self):
        """An immediate close drops what is there"""
        queue, empty = self.full_queue(), Aioproc.Queue.new(0)
        get, put = Callback(), Callback()
        queue.put_async(GLib.Variant('s', 'second'), -1, None, put)
        empty.get_async(-1, None, get)
        self.assertTrue(queue.close(True))
        self.assertTrue(empty.close(True))
        for finish, callback in ((queue.put_finish, put), (empty.get_finish, get)):
            with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
                finish(callback.wait())
        self.assertEqual(queue.get_size(), 0)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            queue.get(-1)

    def test_drop_while_pending(self):
        """A pending operation keeps the object alive, and nothing else does"""
        queue = Aioproc.Queue.new(0)
        watched = Watched(queue)
        callback = Callback()
        queue.get_async(20 * GLib.TIME_SPAN_MILLISECOND, None, callback)
        del queue
        self.assertFalse(watched.gone)
        result = callback.wait()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            callback.source.get_finish(result)
        del callback, result
        drain()
        self.assertTrue(watched.gone)

    def test_dispose_while_pending(self):
        """Disposing of the object completes what is pending"""
        queue = Aioproc.Queue.new(0)
        callback = Callback()
        queue.get_async(-1, None, callback)
        queue.run_dispose()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            queue.get_finish(callback.wait())

    def test_callback_raises(self):
        """An exception in a callback loses its own item only"""
        queue = Aioproc.Queue.new(0)
        callback = Callback()

        def got(queue, result):
            queue.get_finish(result)
            raise ValueError('from the callback')

        queue.get_async(-1, None, got)
        queue.get_async(-1, None, callback)
        queue.try_put(GLib.Variant('i', 1))
        queue.try_put(GLib.Variant('i', 2))
        self.assertEqual(queue.get_finish(callback.wait()).unpack(), 2)
        iterate_until(lambda: self.uncaught)
        self.assertEqual([str(error) for error in self.take_uncaught()], ['from the callback'])


if __name__ == '__main__':
    run('/aioproc/python/queue', Queue)
