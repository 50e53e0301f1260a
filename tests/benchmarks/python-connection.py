# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Connections of multiprocessing, by send_bytes() and recv_bytes()."""

import asyncio
import multiprocessing
import multiprocessing.connection
import os

import bench

fork = multiprocessing.get_context('fork')

N_TRIPS = 1000


def tcp_pair():
    with multiprocessing.connection.Listener(('127.0.0.1', 0)) as listener:
        near = multiprocessing.connection.Client(listener.address)
        return near, listener.accept()


def stream(size, n_messages):
    """Messages a second from another process."""
    def begin():
        near, far = fork.Pipe()
        ready, go = fork.RawValue('i'), fork.RawValue('i')

        def produce():
            bench.pin_other()
            message = bytes(size)
            ready.value = 1
            while not go.value:
                os.sched_yield()
            for _ in range(n_messages):
                far.send_bytes(message)

        def repeat():
            ready.value = go.value = 0
            process = fork.Process(target=produce)
            process.start()
            while not ready.value:
                os.sched_yield()
            began = bench.now_nsec()
            go.value = 1
            for _ in range(n_messages):
                if len(near.recv_bytes()) != size:
                    raise ValueError
            took = bench.now_nsec() - began
            process.join()
            return n_messages * 1e9 / took

        return repeat

    return begin


def round_trip(make_pair=fork.Pipe):
    """Microseconds for a message to another process, and its answer."""
    near, far = make_pair()

    def answer():
        bench.pin_other()
        for _ in range(N_TRIPS):
            far.send_bytes(far.recv_bytes())

    def repeat():
        process = fork.Process(target=answer)
        process.start()
        message = bytes(64)
        values = []
        for _ in range(N_TRIPS):
            began = bench.now_nsec()
            near.send_bytes(message)
            near.recv_bytes()
            values.append((bench.now_nsec() - began) / 1e3)
        process.join()
        return bench.median(values)

    return repeat


def round_trip_executor():
    """As run_in_executor() makes it async, in both processes."""
    near, far = fork.Pipe()

    def answer():
        async def serve():
            loop = asyncio.get_running_loop()
            for _ in range(N_TRIPS):
                message = await loop.run_in_executor(None, far.recv_bytes)
                await loop.run_in_executor(None, far.send_bytes, message)

        bench.pin_other()
        asyncio.run(serve())

    async def ask():
        loop = asyncio.get_running_loop()
        message = bytes(64)
        values = []
        for _ in range(N_TRIPS):
            began = bench.now_nsec()
            await loop.run_in_executor(None, near.send_bytes, message)
            await loop.run_in_executor(None, near.recv_bytes)
            values.append((bench.now_nsec() - began) / 1e3)
        return values

    def repeat():
        process = fork.Process(target=answer)
        process.start()
        values = asyncio.run(ask())
        process.join()
        return bench.median(values)

    return repeat


if __name__ == '__main__':
    bench.main({
        'connection-64': stream(64, 10000),
        'connection-1m': stream(1024 * 1024, 80),
        'connection-round-trip': round_trip,
        'connection-round-trip-tcp': lambda: round_trip(tcp_pair),
        'connection-round-trip-async': round_trip_executor,
    })
