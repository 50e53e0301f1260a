#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Listeners and clients as a Python program has them."""

import os
import threading

from aioproc_test import AIOPROC_ERROR, IO_ERROR, Aioproc, Callback, Case, Gio, GLib, run

KEY = GLib.Bytes(bytes(range(32)))


def loopback():
    return Gio.InetSocketAddress.new_from_string('127.0.0.1', 0)


class Listener(Case):

    def exchange(self, ours, theirs):
        self.assertTrue(theirs.send(Aioproc.Message.new(GLib.Variant('s', 'hello')), -1, None))
        self.assertEqual(ours.recv(-1, None).dup_body().unpack(), 'hello')

    def test_async(self):
        """Both ends in one main loop, over a Unix socket and over TCP"""
        security = Aioproc.Security.new(KEY)
        client = Aioproc.Client.new(security)
        for address in None, loopback():
            listener = Aioproc.Listener.new(address, security)
            accepted, connected = Callback(), Callback()
            listener.accept_async(-1, None, accepted)
            client.connect_to_async(listener.get_address(), -1, None, connected)
            theirs = client.connect_to_finish(connected.wait())
            ours = listener.accept_finish(accepted.wait())
            self.exchange(ours, theirs)
            self.assertIsInstance(listener.dup_last_accepted(), Gio.SocketAddress)
            listener.close()
            self.assertTrue(listener.props.closed)

    def test_blocking(self):
        """An accept in one thread, and a connect in another"""
        listener = Aioproc.Listener.new(None, None)
        theirs = []

        def connect():
            theirs.append(Aioproc.Client.new(None).connect_to(listener.props.address, -1, None))

        thread = threading.Thread(target=connect)
        thread.start()
        ours = listener.accept(-1, None)
        thread.join()
        self.exchange(ours, theirs[0])
        path = listener.get_address().get_path()
        self.assertTrue(os.path.exists(path))
        listener.close()
        self.assertFalse(os.path.exists(path))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.CLOSED):
            listener.accept(-1, None)

    def test_settings(self):
        """What can be asked for, and read again"""
        security = Aioproc.Security(auth_key=KEY, handshake_timeout=1000000, other_users=True)
        self.assertEqual(security.props.handshake_timeout, 1000000)
        self.assertTrue(security.props.other_users)
        self.assertFalse(security.props.insecure)
        with self.assertRaises(TypeError):
            security.props.auth_key
        listener = Aioproc.Listener(security=security, backlog=3)
        listener.init(None)
        self.assertEqual(listener.get_backlog(), 3)
        self.assertIs(listener.props.security, security)
        self.assertFalse(listener.is_ready())
        with self.raises(IO_ERROR, Gio.IOErrorEnum.WOULD_BLOCK):
            listener.try_accept()
        with self.raises(IO_ERROR, Gio.IOErrorEnum.TIMED_OUT):
            listener.accept(1000, None)

    def test_refused(self):
        """Keys that differ, and addresses that are not of this machine"""
        listener = Aioproc.Listener.new(None, Aioproc.Security.new(KEY))
        client = Aioproc.Client.new(Aioproc.Security.new(GLib.Bytes(b'guessed')))
        self.assertIsNone(listener.dup_last_refusal())
        with self.raises(AIOPROC_ERROR, Aioproc.Error.AUTHENTICATION_FAILED):
            client.connect_to(listener.get_address(), -1, None)
        while listener.get_n_refused() == 0:
            pass
        refusal = listener.dup_last_refusal()
        self.assertTrue(refusal.matches(AIOPROC_ERROR, Aioproc.Error.AUTHENTICATION_FAILED))
        with self.raises(IO_ERROR, Gio.IOErrorEnum.PERMISSION_DENIED):
            client.connect_to(Gio.NetworkAddress.new('192.0.2.1', 4711), -1, None)
        with self.raises(IO_ERROR, Gio.IOErrorEnum.INVALID_ARGUMENT):
            Aioproc.Listener.new(None, Aioproc.Security.new(GLib.Bytes(b'')))


if __name__ == '__main__':
    run('/aioproc/python/listener', Listener)
