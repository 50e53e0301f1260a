#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The shortest worker program: it serves one function, “square”."""

import os
import socket
import struct
from gi.repository import GLib

HEADER = struct.Struct('<4sHHIIIIQ')
START, READY, FAILED, RESULT = 1, 3, 4, 5


def send(kind, value=None):
    body = b''
    if value is not None:
        body = value.get_type_string().encode() + b'\0'
        body += bytes(-len(body) % 8) + value.get_data_as_bytes().get_data()
    rest = body + bytes(-len(body) % 8)
    sock.sendall(HEADER.pack(b'AIO\1', kind, 0, 0, 0, 0, len(body), len(rest)) + rest)


sock = socket.socket(fileno=int(os.environ.pop('AIOPROC_WORKER').split(':')[1]))
_, _, _, _, n_parts, _, length, rest = HEADER.unpack(sock.recv(HEADER.size, socket.MSG_WAITALL))
type_string, _, data = sock.recv(rest, socket.MSG_WAITALL)[n_parts * 16:][:length].partition(b'\0')
data = GLib.Bytes(data[-(len(type_string) + 1) % 8:])
call = GLib.Variant.new_from_bytes(GLib.VariantType(type_string.decode()), data, False)
if call[0] == 'square':
    send(READY)
    send(RESULT, GLib.Variant('(i)', (call[2][0] ** 2,)))
else:
    send(FAILED, GLib.Variant('(sis)', ('aioproc-error-quark', 2, f'There is no {call[0]}')))
