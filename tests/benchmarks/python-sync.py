# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

import asyncio
import itertools
import multiprocessing
import os
import resource
from concurrent.futures import ThreadPoolExecutor

import bench

fork = multiprocessing.get_context('fork')


def lock_uncontended():
    lock = fork.Lock()

    def repeat():
        values = []
        for _ in range(50):
            n = 10000
            began = bench.now_nsec()
            for _ in itertools.repeat(None, n):
                lock.acquire()
                lock.release()
            values.append((bench.now_nsec() - began) / n)
        return bench.median(values)

    return repeat


def lock_contended():
    lock = fork.Lock()
    ready, stop, other_runs = (fork.RawValue('q') for _ in range(3))

    def run_until(is_over):
        n = 0
        while not is_over():
            for _ in range(100):
                lock.acquire()
                lock.release()
            n += 100
        return n

    def other():
        bench.pin_other()
        ready.value = 1
        other_runs.value = run_until(lambda: stop.value)

    def repeat():
        ready.value = stop.value = 0
        process = fork.Process(target=other)
        process.start()
        while not ready.value:
            os.sched_yield()
        began = bench.now_nsec()
        runs = run_until(lambda: bench.now_nsec() - began > 100e6)
        took = bench.now_nsec() - began
        stop.value = 1
        process.join()
        return took / (runs + other_runs.value)

    return repeat


def lock_async():
    """As run_in_executor() makes it async."""
    lock = fork.Lock()

    async def acquire(n):
        loop = asyncio.get_running_loop()
        for _ in itertools.repeat(None, n):
            await loop.run_in_executor(None, lock.acquire)
            lock.release()

    def repeat():
        n = 1000
        began = bench.now_nsec()
        asyncio.run(acquire(n))
        return (bench.now_nsec() - began) / n

    return repeat


N_SETS = 100


def event_async():
    """As run_in_executor() makes it async."""
    go, ready = fork.Event(), fork.Event()
    set_at = fork.RawArray('q', N_SETS)

    def setter():
        bench.pin_other()
        for i in range(N_SETS):
            ready.wait()
            ready.clear()
            bench.pause()
            set_at[i] = bench.now_nsec()
            go.set()

    async def wait():
        loop = asyncio.get_running_loop()
        delays = []
        for i in range(N_SETS):
            is_set = loop.run_in_executor(None, go.wait)
            ready.set()
            await is_set
            delays.append((bench.now_nsec() - set_at[i]) / 1e3)
            go.clear()
        return bench.median(delays)

    def repeat():
        process = fork.Process(target=setter)
        process.start()
        value = asyncio.run(wait())
        process.join()
        return value

    return repeat


N_IDLE = 1000


def usage():
    """Switches of all threads, how many those are, and resident memory in KiB."""
    n_switches = n_threads = 0
    for task in os.listdir('/proc/self/task'):
        with open(f'/proc/self/task/{task}/status', encoding='ascii') as stream:
            n_threads += 1
            n_switches += sum(int(line.split()[1]) for line in stream if 'ctxt_switches' in line)
    with open('/proc/self/statm', encoding='ascii') as stream:
        memory = int(stream.read().split()[1]) * resource.getpagesize() // 1024
    return n_switches, n_threads, memory


def idle(measure):
    def begin():
        loop = asyncio.new_event_loop()
        before = usage()
        executor = ThreadPoolExecutor(N_IDLE)
        locks = [fork.Lock() for _ in range(N_IDLE)]
        for lock in locks:
            lock.acquire()
            loop.run_in_executor(executor, lock.acquire)
        loop.run_until_complete(asyncio.sleep(0.5))
        return lambda: measure(loop, before)

    return begin


def idle_wakeups(loop, _before):
    n_seconds = 2
    before = usage()[0]
    loop.run_until_complete(asyncio.sleep(n_seconds))
    return (usage()[0] - before - 1) / n_seconds


def idle_threads(_loop, before):
    return usage()[1] - before[1]


def idle_memory(_loop, before):
    return usage()[2] - before[2]


if __name__ == '__main__':
    bench.main({
        'lock-uncontended': lock_uncontended,
        'lock-contended': lock_contended,
        'lock-async': lock_async,
        'event-async': event_async,
        'idle-wakeups': idle(idle_wakeups),
        'idle-threads': idle(idle_threads),
        'idle-memory': idle(idle_memory),
    })
