#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Loans of a queue's memory as a Python program has them."""

from aioproc_test import (AIOPROC_ERROR, IO_ERROR, Aioproc, Callback, Case, Gio, GLib, drain,
                          run)


class QueueLoan(Case):

    def test_commit(self):
        """An item is built in parts, and is there when it is committed"""
        queue = Aioproc.Queue.new(0)
        loan = queue.loan(100000, -1)
        self.assertEqual(loan.get_size(), 100000)
        self.assertTrue(loan.write_bytes(50000, GLib.Bytes.new(b'b' * 50000)))
        self.assertTrue(loan.write_bytes(0, GLib.Bytes.new(b'a' * 50000)))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT):
            loan.write_bytes(99999, GLib.Bytes.new(b'cc'))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT):
            loan.commit(100001)
        self.assertTrue(queue.is_empty())
        self.assertTrue(loan.is_open())
        self.assertTrue(loan.commit(50001))
        self.assertFalse(loan.is_open())
        self.assertEqual(queue.get_bytes(-1).get_data(), b'a' * 50000 + b'b')
        with self.raises(AIOPROC_ERROR, Aioproc.Error.INVALID_STATE):
            loan.commit(1)
        with self.raises(AIOPROC_ERROR, Aioproc.Error.INVALID_STATE):
            loan.write_bytes(0, GLib.Bytes.new(b'x'))
        with self.raises(AIOPROC_ERROR, Aioproc.Error.INVALID_STATE):
            loan.abort()

    def test_abort(self):
        """A loan that is aborted, or dropped, leaves nothing"""
        queue = Aioproc.JoinableQueue.new(1)
        loan = queue.try_loan(10)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.WOULD_BLOCK):
            queue.try_loan(10)
        self.assertTrue(loan.abort())
        loan = queue.try_loan(10)
        self.assertTrue(queue.is_full())
        del loan
        self.assertFalse(queue.is_full())
        self.assertTrue(queue.try_join())

    def test_async(self):
        """Room is waited for while the main loop runs"""
        queue, callback = Aioproc.Queue.new(1), Callback()
        self.assertTrue(queue.try_put(GLib.Variant('i', 7)))
        queue.loan_async(5, -1, None, callback)
        drain()
        self.assertFalse(callback.called)
        self.assertEqual(queue.try_get().unpack(), 7)
        loan = queue.loan_finish(callback.wait())
        self.assertTrue(loan.write_bytes(0, GLib.Bytes.new(b'hello')))
        self.assertTrue(loan.commit(5))
        self.assertEqual(queue.try_get_bytes().get_data(), b'hello')

    def test_closed(self):
        """A queue that was closed immediately takes nothing"""
        queue = Aioproc.Queue.new(0)
        loan = queue.loan(5, -1)
        self.assertTrue(queue.close(True))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            loan.commit(5)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            queue.loan(5, -1)


if __name__ == '__main__':
    run('/aioproc/python/queue-loan', QueueLoan)
