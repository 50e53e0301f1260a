# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The same as bench.h, for the peers that are written in Python."""

import os
import statistics
import sys
import time

median = statistics.median
now_nsec = time.monotonic_ns

_other_cpu = None


def pause():
    """So that whoever is to be woken sleeps by then."""
    time.sleep(300e-6)


def pin_other():
    """In the other process: go where it belongs."""
    if _other_cpu is not None:
        os.sched_setaffinity(0, {_other_cpu})


def _place(name):
    """Takes the placement off the name of the case, and goes there."""
    global _other_cpu
    name, _, placement = name.partition('_')
    if placement:
        cpus = sorted(os.sched_getaffinity(0))
        _other_cpu = {'1cpu': cpus[0], 'cross': cpus[-1]}[placement]
        if placement == 'cross' and len(cpus) < 2:
            sys.exit('There is one CPU only')
        os.sched_setaffinity(0, {cpus[0]})
    return name


def main(cases):
    """Runs one of the cases, each a function that makes the function for a repetition."""
    if len(sys.argv) != 3:
        sys.exit(f'Usage: {sys.argv[0]} CASE[_1cpu|_cross] REPETITIONS|-\n\n  ' +
                 '\n  '.join(cases))
    repeat = cases[_place(sys.argv[1])]()
    if sys.argv[2] == '-':
        for _ in sys.stdin:
            print(f'{repeat():.9g}', flush=True)
    else:
        for _ in range(int(sys.argv[2])):
            print(f'{repeat():.9g}', flush=True)
    # Threads of an executor that wait would be waited for.
    os._exit(0)
