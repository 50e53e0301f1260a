# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

import asyncio
import multiprocessing
import os
import time

import bench

fork = multiprocessing.get_context('fork')

# As bench.h has it.
CAPACITY_SMALL = 1024
CAPACITY = 64


def produce(queue, ready, go, size, n_messages):
    bench.pin_other()
    message = bytes(size)
    ready.value = 1
    while not go.value:
        os.sched_yield()
    for _ in range(n_messages):
        queue.put(message)


def stream(consume, size, n_messages, capacity=0):
    """Messages a second from another process."""
    def begin():
        queue = fork.Queue(capacity)
        ready, go = fork.RawValue('i'), fork.RawValue('i')

        def repeat():
            ready.value = go.value = 0
            process = fork.Process(target=produce, args=(queue, ready, go, size, n_messages))
            process.start()
            while not ready.value:
                os.sched_yield()
            began = bench.now_nsec()
            go.value = 1
            consume(queue, size, n_messages)
            took = bench.now_nsec() - began
            process.join()
            return n_messages * 1e9 / took

        return repeat

    return begin


def consume_sync(queue, size, n_messages):
    for _ in range(n_messages):
        if len(queue.get()) != size:
            raise ValueError


def consume_executor(queue, size, n_messages):
    """As run_in_executor() makes it async."""
    async def consume():
        loop = asyncio.get_running_loop()
        for _ in range(n_messages):
            if len(await loop.run_in_executor(None, queue.get)) != size:
                raise ValueError

    asyncio.run(consume())


def crowd():
    """Messages a second of two other processes to two more."""
    side, seconds = 2, 0.2
    queue = fork.Queue(CAPACITY_SMALL)
    go, stop = fork.RawValue('i'), fork.RawValue('i')
    n_ready, n_messages = fork.Value('i'), fork.Value('q')
    n_over = fork.Semaphore(0)

    def meet():
        bench.pin_other()
        with n_ready:
            n_ready.value += 1
        while not go.value:
            os.sched_yield()

    def produce():
        message = bytes(64)
        meet()
        while not stop.value:
            queue.put(message)
        queue.put(b'\1' + bytes(63))

    def consume():
        n_got = 1
        meet()
        while not queue.get()[0]:
            n_got += 1
        with n_messages:
            n_messages.value += n_got
        n_over.release()

    def repeat():
        go.value = stop.value = n_ready.value = n_messages.value = 0
        processes = [fork.Process(target=target) for target in (produce, consume) * side]
        for process in processes:
            process.start()
        while n_ready.value < 2 * side:
            os.sched_yield()
        began = bench.now_nsec()
        go.value = 1
        time.sleep(seconds)
        stop.value = 1
        for _ in range(side):
            n_over.acquire()
        took = bench.now_nsec() - began
        for process in processes:
            process.join()
        return n_messages.value * 1e9 / took

    return repeat


def round_trip():
    """Microseconds for a message to another process, and its answer."""
    n_trips = 300
    there, back = fork.Queue(), fork.Queue()

    def answer():
        bench.pin_other()
        for _ in range(n_trips):
            back.put(there.get())

    def repeat():
        process = fork.Process(target=answer)
        process.start()
        values = []
        for _ in range(n_trips):
            began = bench.now_nsec()
            there.put(bytes(64))
            back.get()
            values.append((bench.now_nsec() - began) / 1e3)
        process.join()
        return bench.median(values)

    return repeat


if __name__ == '__main__':
    bench.main({
        'queue-64': stream(consume_sync, 64, 10000),
        'queue-1k': stream(consume_sync, 1024, 10000),
        'queue-64k': stream(consume_sync, 64 * 1024, 2000),
        'queue-1m': stream(consume_sync, 1024 * 1024, 80),
        'bounded-64': stream(consume_sync, 64, 10000, CAPACITY_SMALL),
        'bounded-1k': stream(consume_sync, 1024, 10000, CAPACITY),
        'bounded-64k': stream(consume_sync, 64 * 1024, 2000, CAPACITY),
        'bounded-1m': stream(consume_sync, 1024 * 1024, 80, CAPACITY),
        'bounded-64-2x2': crowd,
        'queue-64-async': stream(consume_executor, 64, 2000),
        'queue-64-async-many': stream(consume_executor, 64, 2000),
        'queue-round-trip': round_trip,
    })
