#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A worker program that does without the library: it serves one function, “square”."""

import os
import socket
import struct

HEADER = struct.Struct('<4sHHIIIIQ')
START, READY, FAILED, RESULT = 1, 3, 4, 5


def padded(data, alignment=8):
    return data + bytes(-len(data) % alignment)


def send(sock, kind, type_string=None, data=b''):
    body = padded(type_string.encode() + b'\0') + data if type_string else b''
    sock.sendall(HEADER.pack(b'AIO\1', kind, 0, 0, 0, 0, len(body), len(padded(body)))
                 + padded(body))


def receive(sock):
    header, fds, _, _ = socket.recv_fds(sock, HEADER.size, 253)
    for fd in fds:
        os.close(fd)
    _, kind, _, _, n_parts, _, body_length, length = HEADER.unpack(header)
    rest = sock.recv(length, socket.MSG_WAITALL) if length else b''
    return kind, rest[n_parts * 16:][:body_length]


def parse_start(body):
    type_string, _, _ = body.partition(b'\0')
    data = body[len(padded(type_string + b'\0')):]
    size = 1 if len(data) < 0x100 else 2 if len(data) < 0x10000 else 4
    name_end = int.from_bytes(data[-size:], 'little')
    options_end = int.from_bytes(data[-2 * size:-size], 'little')
    value = data[len(padded(data[:options_end])):-2 * size]
    arguments, _, arguments_type = value.rpartition(b'\0')
    return data[:name_end - 1].decode(), arguments_type.decode(), arguments


def error(domain, code, message):
    data = padded(domain.encode() + b'\0', 4) + struct.pack('<i', code) + message.encode() + b'\0'
    return data + bytes([len(domain) + 1])


def connect():
    role, control, _ = os.environ.pop('AIOPROC_WORKER').split(':')
    assert role == 'worker'
    return socket.socket(fileno=int(control))


def main():
    sock = connect()
    kind, body = receive(sock)
    assert kind == START
    name, arguments_type, arguments = parse_start(body)
    if name != 'square' or arguments_type != '(i)':
        send(sock, FAILED, '(sis)', error('aioproc-error-quark', 2, f'There is no {name}'))
        return 1
    send(sock, READY)
    number, = struct.unpack('<i', arguments)
    send(sock, RESULT, '(i)', struct.pack('<i', number * number))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
