# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""What two processes do in turn: each case is the microseconds for one there and back."""

import itertools
import multiprocessing

import bench

N_LOOPS = 50
LOOP_TRIPS = 10
N_TRIPS = N_LOOPS * LOOP_TRIPS

fork = multiprocessing.get_context('fork')


def measure(answer, trip):
    def other():
        bench.pin_other()
        for _ in itertools.repeat(None, N_TRIPS + 1):
            answer()

    def repeat():
        process = fork.Process(target=other)
        process.start()
        values = []
        trip()
        for _ in itertools.repeat(None, N_LOOPS):
            began = bench.now_nsec()
            for _ in itertools.repeat(None, LOOP_TRIPS):
                trip()
            values.append((bench.now_nsec() - began) / 1e3 / LOOP_TRIPS)
        process.join()
        return bench.median(values)

    return repeat


def semaphore_round_trip():
    there, back = fork.Semaphore(0), fork.Semaphore(0)

    def answer():
        there.acquire()
        back.release()

    def trip():
        there.release()
        back.acquire()

    return measure(answer, trip)


def condition_round_trip():
    condition = fork.Condition(fork.Lock())
    turn = fork.RawValue('i')

    def take_turn(own):
        with condition:
            while turn.value != own:
                condition.wait()
            turn.value = 1 - own
            condition.notify()

    repeat = measure(lambda: take_turn(1), lambda: take_turn(0))

    def repeat_anew():
        turn.value = 0
        return repeat()

    return repeat_anew


def barrier_round():
    barrier = fork.Barrier(2)
    return measure(barrier.wait, barrier.wait)


if __name__ == '__main__':
    bench.main({
        'semaphore-round-trip': semaphore_round_trip,
        'condition-round-trip': condition_round_trip,
        'barrier-round': barrier_round,
    })
