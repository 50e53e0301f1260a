#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Greets with nothing but what docs/wire.md says, then sends back each record that it gets.

Its arguments are the page, the descriptor of a socket, the role, the key and the two addresses. The
functions are taken from the page as they are.
"""

import hmac
import os
import re
import socket
import struct
import sys

page = open(sys.argv[1], encoding='utf-8').read()
blocks = re.findall(r'^```python\n(.*?)^```', page, re.M | re.S)
exec(next(block for block in blocks if 'def greet(' in block))


def main():
    sock = socket.socket(fileno=int(sys.argv[2]))
    key, client, server = (text.encode() for text in sys.argv[4:7])
    try:
        send_key, receive_key = greet(sock, key, sys.argv[3] == 'client', client, server, options=5)
    except PermissionError:
        return 3
    number = 0
    while True:
        data = receive_record(sock, receive_key, number)
        send_record(sock, send_key, number, data)
        number += 1
        if not data:
            return 0


sys.exit(main())
