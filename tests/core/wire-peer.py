#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Speaks the wire with nothing but what docs/wire.md says: sends back each frame that it gets.

The functions are taken from that page as they are. The serial comes back plus one. Sealed bytes
come back sealed, by this program's own means.
"""

import fcntl
import mmap
import os
import re
import socket
import struct
import sys

from gi.repository import GLib

page = open(sys.argv[1], encoding='utf-8').read()
exec(re.search(r'^```python\n(.*?)^```', page, re.M | re.S).group(1))

SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def send_sealed(sock, kind, serial, data):
    """A frame with one part, of a type that the page's function does not send."""
    fd = os.memfd_create('sealed', os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    assert os.write(fd, data) == len(data)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
    frame = (HEADER.pack(b'AIO\1', kind, 1, serial, 1, 0, 0, PART.size)
             + PART.pack(2, 1, 0, len(data)))
    assert socket.send_fds(sock, [frame], [fd]) == len(frame)
    os.close(fd)


def main():
    sock = socket.socket(fileno=int(sys.argv[2]))
    while True:
        frame = receive_frame(sock)
        if frame is None:
            return
        kind, serial, body, parts = frame
        if body is not None and not body.is_normal_form():
            sys.exit('not in normal form')
        if len(parts) == 1 and isinstance(parts[0], mmap.mmap):
            send_sealed(sock, kind, serial + 1, parts[0][:])
            continue
        parts = [part[0] if isinstance(part, list) else part[:] for part in parts]
        send_frame(sock, kind, serial + 1, body, parts)
        for part in parts:
            if isinstance(part, int):
                os.close(part)


main()
