#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Worker programs that do not keep to the wire, each in its way, and some that only just do."""

import os
import signal
import struct
import sys
import time

import worker

CANCEL, ERROR, LOG, PROGRESS, EXIT = 2, 6, 7, 8, 9
VALUE = ('(i)', struct.pack('<i', 7))


def main():
    how = sys.argv[1]
    sock = worker.connect()
    if how == 'close-at-once':
        return 0
    worker.receive(sock)
    if how == 'die-before':
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == 'garbage':
        sock.sendall(b'HTTP/1.1 200 OK\r\n\r\n' + bytes(100))
    elif how == 'truncated':
        sock.sendall(worker.HEADER.pack(b'AIO\1', worker.READY, 0, 0, 0, 0, 0, 0)[:20])
        return 0
    elif how == 'result-before-ready':
        worker.send(sock, worker.RESULT, *VALUE)
    elif how == 'wrong-direction':
        worker.send(sock, worker.START, *VALUE)
    elif how == 'bad-failed':
        worker.send(sock, worker.FAILED, *VALUE)
        return 1
    elif how == 'silent':
        time.sleep(1000)
    else:
        worker.send(sock, worker.READY)
    if how == 'ready-twice':
        worker.send(sock, worker.READY)
    elif how == 'failed-late':
        worker.send(sock, worker.FAILED, '(sis)', worker.error('x', 1, 'Late'))
    elif how == 'bad-log':
        worker.send(sock, LOG, *VALUE)
    elif how == 'bad-progress':
        worker.send(sock, PROGRESS, *VALUE)
    elif how == 'no-value':
        worker.send(sock, worker.RESULT)
    elif how == 'no-result':
        return 0
    elif how == 'huge-length':
        sock.sendall(worker.HEADER.pack(b'AIO\1', worker.RESULT, 0, 0, 0, 0, 0, 1 << 62))
    elif how == 'error':
        worker.send(sock, ERROR, '(sis)', worker.error('g-io-error-quark', 1, 'Not there'))
        return 3
    elif how == 'two-results':
        worker.send(sock, worker.RESULT, *VALUE)
        worker.send(sock, worker.RESULT, '(i)', struct.pack('<i', 8))
        return 0
    elif how == 'wild-progress':
        worker.send(sock, PROGRESS, '(ds)', struct.pack('<d', float('nan')) + b'a\0')
        worker.send(sock, PROGRESS, '(ds)', struct.pack('<d', 1e300) + b'\0')
        worker.send(sock, worker.RESULT, *VALUE)
        return 0
    elif how == 'exit-record':
        worker.send(sock, worker.RESULT, *VALUE)
        worker.send(sock, EXIT, '(i)', struct.pack('<i', 5))
        return 5
    time.sleep(1000)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
