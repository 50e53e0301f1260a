# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

import multiprocessing

import bench

fork = multiprocessing.get_context('fork')

SIZE = 256 * 1024 * 1024


def through_queue():
    """Milliseconds until another process has got a large payload."""
    there, back = fork.Queue(), fork.Queue()
    payload = b'\1' * SIZE

    def receive():
        bench.pin_other()
        back.put(0)
        back.put(sum(there.get()[::4096]))

    def repeat():
        process = fork.Process(target=receive)
        process.start()
        back.get()
        began = bench.now_nsec()
        there.put(payload)
        if back.get() != SIZE // 4096:
            raise ValueError
        took = bench.now_nsec() - began
        process.join()
        return took / 1e6

    return repeat


if __name__ == '__main__':
    bench.main({
        'memory-in-place': through_queue,
        'memory-copy': through_queue,
        'memory-again': through_queue,
    })
