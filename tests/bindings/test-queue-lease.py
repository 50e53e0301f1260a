#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Leases, failures, joinable and simple queues as a Python program has them."""

import os

from aioproc_test import (AIOPROC_ERROR, IO_ERROR, Aioproc, Callback, Case, Gio, GLib, drain,
                          run)


class QueueLease(Case):

    def test_ack(self):
        """An item is there until it is acknowledged, and hidden from others"""
        queue = Aioproc.Queue.new(0)
        self.assertTrue(queue.put(GLib.Variant('s', 'job'), -1))
        lease = queue.get_leased(-1)
        self.assertEqual(lease.get_value().unpack(), 'job')
        self.assertIsNone(lease.get_bytes())
        self.assertEqual(lease.get_n_failures(), 0)
        self.assertTrue(lease.is_open())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.WOULD_BLOCK):
            queue.try_get()
        self.assertTrue(lease.ack())
        self.assertFalse(lease.is_open())
        with self.raises(AIOPROC_ERROR, Aioproc.Error.INVALID_STATE):
            lease.ack()
        with self.raises(AIOPROC_ERROR, Aioproc.Error.INVALID_STATE):
            lease.nack()

    def test_nack(self):
        """An item that is given back, or whose lease is dropped, comes again"""
        queue = Aioproc.Queue.new(0)
        self.assertTrue(queue.put_bytes(GLib.Bytes.new(b'job'), -1))
        lease = queue.try_get_leased()
        self.assertEqual(lease.get_bytes().get_data(), b'job')
        self.assertTrue(lease.nack())
        lease = queue.try_get_leased()
        self.assertEqual(lease.get_n_failures(), 1)
        del lease
        lease = queue.try_get_leased()
        self.assertEqual(lease.get_n_failures(), 1)
        self.assertTrue(lease.ack())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.WOULD_BLOCK):
            queue.try_get_leased()

    def test_async(self):
        """A lease is waited for while the main loop runs"""
        queue, callback = Aioproc.Queue.new(0), Callback()
        queue.get_leased_async(-1, None, callback)
        drain()
        self.assertFalse(callback.called)
        self.assertTrue(queue.try_put(GLib.Variant('i', 7)))
        lease = queue.get_leased_finish(callback.wait())
        self.assertEqual(lease.get_value().unpack(), 7)
        self.assertTrue(lease.ack())

    def test_failed(self):
        """What fails too often is set aside, with its history"""
        queue = Aioproc.Queue(max_deliveries=2)
        self.assertEqual(queue.props.max_deliveries, 2)
        self.assertTrue(queue.try_put(GLib.Variant('s', 'bad')))
        for _ in range(2):
            self.assertEqual(queue.get_n_failed(), 0)
            self.assertTrue(queue.try_get_leased().nack())
        self.assertEqual(queue.get_n_failed(), 1)
        self.assertTrue(queue.is_empty())
        failure = queue.try_get_failed()
        self.assertEqual(failure.get_value().unpack(), 'bad')
        self.assertIsNone(failure.get_bytes())
        self.assertEqual(failure.get_n_failures(), 2)
        history = failure.get_history().unpack()
        self.assertEqual([(pid, cause) for pid, _, cause in history],
                         [(os.getpid(), 'nack')] * 2)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.WOULD_BLOCK):
            queue.try_get_failed()

    def test_joinable(self):
        """A join waits until all is done"""
        queue, callback = Aioproc.JoinableQueue.new(0), Callback()
        self.assertIsInstance(queue, Aioproc.Queue)
        self.assertTrue(queue.join(-1))
        self.assertTrue(queue.put(GLib.Variant('i', 1), -1))
        queue.join_async(-1, None, callback)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            queue.join(0)
        self.assertEqual(queue.get(-1).unpack(), 1)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.WOULD_BLOCK):
            queue.try_join()
        drain()
        self.assertFalse(callback.called)
        self.assertTrue(queue.task_done())
        self.assertTrue(queue.join_finish(callback.wait()))
        self.assertTrue(queue.try_join())
        with self.raises(AIOPROC_ERROR, Aioproc.Error.INVALID_STATE):
            queue.task_done()

    def test_simple(self):
        """A simple queue carries values and bytes"""
        queue, get, put = Aioproc.SimpleQueue.new(), Callback(), Callback()
        self.assertIsInstance(queue, Aioproc.Shareable)
        self.assertTrue(queue.is_empty())
        self.assertTrue(queue.put(GLib.Variant('s', 'text'), -1))
        self.assertFalse(queue.is_empty())
        self.assertEqual(queue.get(-1).unpack(), 'text')
        self.assertTrue(queue.put_bytes(GLib.Bytes.new(b'abc'), -1))
        self.assertEqual(queue.get_bytes(-1).get_data(), b'abc')
        queue.get_async(-1, None, get)
        queue.put_async(GLib.Variant('i', 3), -1, None, put)
        self.assertTrue(queue.put_finish(put.wait()))
        self.assertEqual(queue.get_finish(get.wait()).unpack(), 3)
        self.assertTrue(queue.close())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            queue.get(-1)
        self.assertEqual(Aioproc.SimpleQueue(name='mail').get_name(), 'mail')


if __name__ == '__main__':
    run('/aioproc/python/queue-lease', QueueLease)
