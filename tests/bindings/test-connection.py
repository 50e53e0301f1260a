#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Connections as a Python program has them."""

import os
import socket
import threading

from aioproc_test import IO_ERROR, Aioproc, Callback, Case, Gio, GLib, run


class Connection(Case):

    def test_pipe(self):
        """Both ends, in one direction and in two"""
        here, there = Aioproc.pipe(True)
        self.assertTrue(here.props.readable and here.props.writable)
        self.assertTrue(there.is_readable() and there.is_writable())
        self.assertTrue(here.send(Aioproc.Message.new(GLib.Variant('(us)', (1, 'x'))), -1, None))
        self.assertEqual(there.recv(-1, None).dup_body().unpack(), (1, 'x'))

        receiver, sender = Aioproc.pipe(False)
        self.assertFalse(receiver.is_writable())
        self.assertFalse(sender.is_readable())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.PERMISSION_DENIED):
            receiver.try_send(Aioproc.Message.new(None))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.PERMISSION_DENIED):
            sender.try_recv()

    def test_bytes(self):
        """Parts of bytes, limits, and what is left behind"""
        here, there = Aioproc.pipe(True)
        data = GLib.Bytes(b'0123456789')
        self.assertTrue(here.send_bytes(data, 2, 3, -1, None))
        self.assertTrue(here.try_send_bytes(data, 0, -1))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT):
            here.send_bytes(data, -1, 3, -1, None)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.MESSAGE_TOO_LARGE):
            there.recv_bytes(2, -1, None)
        self.assertEqual(there.recv_bytes(3, -1, None).get_data(), b'234')
        self.assertEqual(there.try_recv_bytes(-1).get_data(), b'0123456789')
        with self.raises(IO_ERROR, Gio.IOErrorEnum.WOULD_BLOCK):
            there.try_recv_bytes(-1)
        self.assertTrue(here.try_send(Aioproc.Message.new(GLib.Variant('i', 3))))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.INVALID_DATA):
            there.try_recv_bytes(-1)
        self.assertTrue(there.poll(0, None))
        self.assertEqual(there.try_recv().dup_body().unpack(), 3)

    def test_async(self):
        """The forms that do not block"""
        here, there = Aioproc.pipe(True)
        received = Callback()
        there.recv_async(-1, None, received)
        sent = Callback()
        here.send_async(Aioproc.Message.new(GLib.Variant('i', 5)), -1, None, sent)
        self.assertTrue(here.send_finish(sent.wait()))
        self.assertEqual(there.recv_finish(received.wait()).dup_body().unpack(), 5)

        big = GLib.Bytes(bytes(range(256)) * 8192)
        received = Callback()
        there.recv_bytes_async(-1, -1, None, received)
        sent = Callback()
        here.send_bytes_async(big, 0, -1, -1, None, sent)
        self.assertTrue(here.send_bytes_finish(sent.wait()))
        self.assertTrue(there.recv_bytes_finish(received.wait()).equal(big))

        polled = Callback()
        cancellable = Gio.Cancellable()
        there.poll_async(-1, cancellable, polled)
        cancellable.cancel()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CANCELLED):
            there.poll_finish(polled.wait())

    def test_pass(self):
        """A connection in a message is given away"""
        here, there = Aioproc.pipe(True)
        ours, theirs = Aioproc.pipe(True)
        message = Aioproc.Message.new(None)
        self.assertEqual(message.append_object(theirs), 0)
        self.assertTrue(here.send(message, -1, None))
        self.assertTrue(theirs.is_closed())
        received = there.recv(-1, None).dup_object(0)
        self.assertIsInstance(received, Aioproc.Connection)
        self.assertTrue(received.try_send(Aioproc.Message.new(GLib.Variant('i', 9))))
        self.assertEqual(ours.recv(-1, None).dup_body().unpack(), 9)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            here.send(message, -1, None)

    def test_end(self):
        """Half-closed, closed, and closed by the other side"""
        here, there = Aioproc.pipe(True)
        notified = []
        here.connect('notify::closed', lambda *args: notified.append(args))
        self.assertTrue(here.close_send())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            there.recv(-1, None)
        self.assertTrue(there.try_send(Aioproc.Message.new(None)))
        self.assertIsNone(here.recv(-1, None).dup_body())
        here.close()
        self.assertEqual(len(notified), 1)
        self.assertTrue(here.is_closed() and here.props.closed)
        self.assertEqual(here.get_fd(), -1)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.BROKEN_PIPE):
            there.try_send(Aioproc.Message.new(None))

    def test_descriptor(self):
        """A socket of the program, and a thread at the other end"""
        ours, theirs = socket.socketpair()
        here = Aioproc.Connection.new_for_fd(ours.detach())
        there = Aioproc.Connection.new_for_fd(theirs.detach())
        self.assertGreaterEqual(here.get_fd(), 0)
        self.assertEqual(here.get_max_message_size(), 64 << 20)
        here.set_max_message_size(1 << 10)
        self.assertEqual(here.props.max_message_size, 1 << 10)

        thread = threading.Thread(target=lambda: there.send(there.recv(-1, None), -1, None))
        thread.start()
        here.send(Aioproc.Message.new(GLib.Variant('s', 'echo')), -1, None)
        self.assertEqual(here.recv(-1, None).dup_body().unpack(), 'echo')
        thread.join()

        with open(os.devnull) as file:
            with self.assertRaises(GLib.Error):
                Aioproc.Connection.new_for_fd(file.fileno())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_INITIALIZED):
            Aioproc.Connection().try_recv()

    def test_stream(self):
        """Connections over TCP, and what they cannot carry"""
        listener = socket.create_server(('127.0.0.1', 0))
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        listener.close()
        here, there = [
            Aioproc.Connection.new_for_stream(
                Gio.Socket.new_from_fd(end.detach()).connection_factory_create_connection())
            for end in (client, server)
        ]
        received = Callback()
        there.recv_async(-1, None, received)
        self.assertTrue(here.send(Aioproc.Message.new(GLib.Variant('s', 'far')), -1, None))
        self.assertEqual(there.recv_finish(received.wait()).dup_body().unpack(), 'far')

        message = Aioproc.Message.new(None)
        message.append_object(Aioproc.Queue.new(0))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.NOT_SUPPORTED):
            here.send(message, -1, None)
        here.close()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            there.recv(-1, None)


if __name__ == '__main__':
    run('/aioproc/python/connection', Connection)
