# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

import multiprocessing
import os
import signal
import time

import bench

N_WORKERS = 2


def work(number):
    return number + 1


def compute(_):
    """Some milliseconds of work. Returns the nanoseconds that it had a processor."""
    began = time.thread_time_ns()
    number = began
    for _ in range(30000):
        number = (number * 6364136223846793005 + 1) & 0xffffffffffffffff
    return time.thread_time_ns() - began


def get_pid():
    return os.getpid()


def hang(event):
    event.set()
    signal.pause()


def prepare(event=None):
    global begun
    begun = event
    bench.pin_other()


def hang_begun():
    hang(begun)


def make_pool(method=None, n_workers=N_WORKERS, *arguments):
    context = multiprocessing.get_context(method)
    return context.Pool(n_workers, prepare, arguments)


def apply_asleep():
    """Microseconds that one call takes of workers that have had nothing to do."""
    pool = make_pool()

    def repeat():
        values = []
        for number in range(50):
            bench.pause()
            began = bench.now_nsec()
            assert pool.apply(work, (number,)) == number + 1
            values.append((bench.now_nsec() - began) / 1e3)
        return bench.median(values)

    return repeat


def apply_in_turn():
    """Calls a second, one after the other."""
    pool = make_pool()

    def repeat():
        began = bench.now_nsec()
        for number in range(500):
            assert pool.apply(work, (number,)) == number + 1
        return 500 * 1e9 / (bench.now_nsec() - began)

    return repeat


def run_map(n_items, chunk_size):
    """Items a second."""
    def begin():
        pool = make_pool()
        items = list(range(n_items))

        def repeat():
            began = bench.now_nsec()
            results = pool.map(work, items, chunk_size)
            took = bench.now_nsec() - began
            assert results == list(range(1, n_items + 1))
            return n_items * 1e9 / took

        return repeat

    return begin


def map_busy():
    """The share of the time of as many processors as there are workers, in percent."""
    pool = make_pool()

    def repeat():
        began = bench.now_nsec()
        busy = sum(pool.map(compute, range(64), 1))
        return 100 * busy / (N_WORKERS * (bench.now_nsec() - began))

    return repeat


def start():
    """Microseconds from no pool to the first result; the forkserver is there after the first."""
    make_pool('forkserver').apply(work, (0,))

    def repeat():
        values = []
        for number in range(5):
            began = bench.now_nsec()
            pool = make_pool('forkserver')
            assert pool.apply(work, (number,)) == number + 1
            values.append((bench.now_nsec() - began) / 1e3)
            pool.terminate()
            pool.join()
        return bench.median(values)

    return repeat


def recover():
    """Microseconds from the death of the only worker, at work, to the next result."""
    event = multiprocessing.Event()
    pool = make_pool(None, 1, event)

    def repeat():
        values = []
        for _ in range(5):
            pid = pool.apply(get_pid)
            event.clear()
            pool.apply_async(hang_begun)
            event.wait()
            began = bench.now_nsec()
            os.kill(pid, signal.SIGKILL)
            assert pool.apply(get_pid) != pid
            values.append((bench.now_nsec() - began) / 1e3)
        return bench.median(values)

    return repeat


if __name__ == '__main__':
    bench.main({
        'apply-asleep': apply_asleep,
        'apply': apply_in_turn,
        'map-single': run_map(20000, 1),
        'map-chunks': run_map(100000, None),
        'map-busy': map_busy,
        'start': start,
        'recovery': recover,
    })
