# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

import multiprocessing

import bench


def do_nothing():
    pass


def start_and_join(method, ballast=0):
    """Microseconds for a process whose function does nothing."""
    def begin():
        context = multiprocessing.get_context(method)
        memory = bytearray(ballast)
        memory[::4096] = b'1' * len(memory[::4096])

        def repeat(_memory=memory):
            values = []
            for _ in range(5):
                began = bench.now_nsec()
                process = context.Process(target=do_nothing)
                process.start()
                process.join()
                values.append((bench.now_nsec() - began) / 1e3)
            return bench.median(values)

        return repeat

    return begin


if __name__ == '__main__':
    bench.main({
        'start-join-forkserver': start_and_join('forkserver'),
        'start-join-forkserver-1gib': start_and_join('forkserver', 1 << 30),
        'start-join-spawn': start_and_join('spawn'),
        'start-join-spawn-1gib': start_and_join('spawn', 1 << 30),
    })
