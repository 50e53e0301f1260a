# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""What is measured: cases, and the programs that do the same work for each of their peers."""

import dataclasses

# Of these, less is better; of all others, more.
TIMES = ('ns', 'us', 'ms', '1/s', 'threads', 'KiB')


@dataclasses.dataclass(frozen=True)
class Case:
    area: str
    name: str
    unit: str
    # Peer: program, which is built, or lies here if its name ends with ".py".
    peers: dict
    # The same, with all processes on one CPU, or on two.
    placements: tuple = ('',)
    # Cases of one group are measured side by side, as peers are.
    group: str = ''
    # A file of the build without which there is nothing to measure.
    needs: str = ''

    def placed(self):
        for placement in self.placements:
            yield dataclasses.replace(self, name=self.name + placement, placements=('',))


PINNED = ('_1cpu', '_cross')
EVERYWHERE = ('', *PINNED)

_SYNC = {
    'aioproc': 'bench-aioproc-sync',
    'limit': 'bench-limit-sync',
    'python': 'python-sync.py',
    'executor': 'python-sync.py',
    'boost': 'bench-boost-sync',
}
_PAIR = {peer: program.replace('sync', 'pair') for peer, program in _SYNC.items()}
_PENDING = {peer: program.replace('sync', 'pending') for peer, program in _SYNC.items()}
_QUEUE = {peer: program.replace('sync', 'queue') for peer, program in _SYNC.items()}
_CONNECTION = {peer: program.replace('sync', 'connection') for peer, program in _SYNC.items()}
_MEMORY = {peer: program.replace('sync', 'memory') for peer, program in _SYNC.items()}
_PROCESS = {peer: program.replace('sync', 'process') for peer, program in _SYNC.items()}
_POOL = {peer: program.replace('sync', 'pool') for peer, program in _SYNC.items()}


def _pick(programs, *peers):
    return {peer: programs[peer] for peer in peers}


CASES = [
    Case('sync', 'lock-uncontended', 'ns',
         _pick(_SYNC, 'aioproc', 'limit', 'python', 'boost')),
    Case('sync', 'lock-contended', 'ns',
         _pick(_SYNC, 'aioproc', 'limit', 'python', 'boost'), PINNED),
    Case('sync', 'lock-async', 'ns',
         _pick(_SYNC, 'aioproc', 'limit', 'executor')),
    Case('sync', 'event-async', 'us',
         _pick(_SYNC, 'aioproc', 'limit', 'executor'), PINNED),
    Case('sync', 'semaphore-round-trip', 'us',
         _pick(_PAIR, 'aioproc', 'limit', 'python'), PINNED),
    Case('sync', 'condition-round-trip', 'us',
         _pick(_PAIR, 'aioproc', 'limit', 'python'), PINNED),
    Case('sync', 'barrier-round', 'us',
         _pick(_PAIR, 'aioproc', 'limit', 'python'), PINNED),
    Case('sync', 'pending-drain', 'ms', _pick(_PENDING, 'aioproc', 'limit'), group='pending'),
    Case('sync', 'pending-threads', 'threads', _pick(_PENDING, 'aioproc', 'limit'),
         group='pending'),
    Case('sync', 'pending-memory', 'KiB', _pick(_PENDING, 'aioproc', 'limit'), group='pending'),
    Case('sync', 'idle-wakeups', '1/s', _pick(_SYNC, 'aioproc', 'executor'), group='idle'),
    Case('sync', 'idle-threads', 'threads', _pick(_SYNC, 'aioproc', 'executor'), group='idle'),
    Case('sync', 'idle-memory', 'KiB', _pick(_SYNC, 'aioproc', 'executor'), group='idle'),

    Case('queue', 'queue-64', 'msg/s', _pick(_QUEUE, 'aioproc', 'python', 'limit'), EVERYWHERE),
    Case('queue', 'queue-1k', 'msg/s', _pick(_QUEUE, 'aioproc', 'python', 'limit'), EVERYWHERE),
    Case('queue', 'queue-64k', 'msg/s', _pick(_QUEUE, 'aioproc', 'python', 'limit'), EVERYWHERE),
    Case('queue', 'queue-1m', 'msg/s', _pick(_QUEUE, 'aioproc', 'python', 'limit'), EVERYWHERE),
    Case('queue', 'bounded-64', 'msg/s', _pick(_QUEUE, 'aioproc', 'python', 'boost'), EVERYWHERE),
    Case('queue', 'bounded-1k', 'msg/s', _pick(_QUEUE, 'aioproc', 'python', 'boost'), EVERYWHERE),
    Case('queue', 'bounded-64k', 'msg/s', _pick(_QUEUE, 'aioproc', 'python', 'boost'), EVERYWHERE),
    Case('queue', 'bounded-1m', 'msg/s', _pick(_QUEUE, 'aioproc', 'python', 'boost'), EVERYWHERE),
    Case('queue', 'bounded-64-2x2', 'msg/s',
         _pick(_QUEUE, 'aioproc', 'python', 'boost'), ('', '_1cpu')),
    Case('queue', 'queue-64-async', 'msg/s',
         _pick(_QUEUE, 'aioproc', 'limit', 'executor'), PINNED),
    Case('queue', 'queue-64-async-many', 'msg/s',
         _pick(_QUEUE, 'aioproc', 'executor'), PINNED),
    Case('queue', 'queue-round-trip', 'us',
         _pick(_QUEUE, 'aioproc', 'python', 'limit', 'boost'), PINNED),

    Case('connection', 'connection-64', 'msg/s',
         _pick(_CONNECTION, 'aioproc', 'limit', 'python'), EVERYWHERE),
    Case('connection', 'connection-1m', 'msg/s',
         _pick(_CONNECTION, 'aioproc', 'limit', 'python'), EVERYWHERE),
    Case('connection', 'connection-round-trip', 'us',
         _pick(_CONNECTION, 'aioproc', 'limit', 'python'), EVERYWHERE),
    Case('connection', 'connection-round-trip-tcp', 'us',
         _pick(_CONNECTION, 'aioproc', 'limit', 'python'), PINNED),
    Case('connection', 'connection-round-trip-async', 'us',
         _pick(_CONNECTION, 'aioproc', 'limit', 'executor'), PINNED),

    Case('memory', 'memory-in-place', 'ms', _pick(_MEMORY, 'aioproc', 'limit', 'python')),
    Case('memory', 'memory-copy', 'ms', _pick(_MEMORY, 'aioproc', 'limit', 'python')),
    Case('memory', 'memory-again', 'ms', _pick(_MEMORY, 'aioproc', 'limit', 'python')),

    Case('process', 'start-join-forkserver', 'us',
         _pick(_PROCESS, 'aioproc', 'limit', 'python'), ('', '_1cpu'), group='forkserver'),
    Case('process', 'start-join-forkserver-1gib', 'us',
         _pick(_PROCESS, 'aioproc', 'python'), group='forkserver'),
    Case('process', 'start-join-spawn', 'us',
         _pick(_PROCESS, 'aioproc', 'limit', 'python'), ('', '_1cpu'), group='spawn'),
    Case('process', 'start-join-spawn-1gib', 'us',
         _pick(_PROCESS, 'aioproc', 'python'), group='spawn'),
    Case('process', 'quickstart-latest-tick', 'ms', {'aioproc': 'quickstart.py'},
         needs='docs/examples/quickstart'),

    Case('pool', 'apply-asleep', 'us', _pick(_POOL, 'aioproc', 'limit', 'python'), PINNED),
    Case('pool', 'apply', 'calls/s', _pick(_POOL, 'aioproc', 'limit', 'python'), EVERYWHERE),
    Case('pool', 'map-single', 'items/s', _pick(_POOL, 'aioproc', 'python')),
    Case('pool', 'map-chunks', 'items/s', _pick(_POOL, 'aioproc', 'python')),
    Case('pool', 'map-busy', '%', _pick(_POOL, 'aioproc', 'limit', 'python')),
    Case('pool', 'start', 'us', _pick(_POOL, 'aioproc', 'python')),
    Case('pool', 'start-cold', 'us',
         {'aioproc': _POOL['aioproc'], 'limit': _PROCESS['limit']}),
    Case('pool', 'recovery', 'us', _pick(_POOL, 'aioproc', 'limit', 'python')),
    Case('pool', 'late-start', 'ms', {'aioproc': 'bench-aioproc-pool-loop'}),
    Case('pool', 'late-terminate', 'ms', {'aioproc': 'bench-aioproc-pool-loop'}),
    Case('pool', 'late-submit', 'ms', {'aioproc': 'bench-aioproc-pool-loop'}),
    Case('pool', 'late-result', 'ms', {'aioproc': 'bench-aioproc-pool-loop'}),
]

# What README.md shows: a label, a case, and whom it is compared with.
GRAPH = [
    ('lock, acquire and release', 'lock-uncontended', 'python'),
    ('event, from set to callback', 'event-async_cross', 'executor'),
    ('queue, messages of 64 bytes', 'queue-64', 'python'),
    ('queue, messages of 1 MiB', 'queue-1m', 'python'),
    ('start and join, by forkserver', 'start-join-forkserver', 'python'),
    ('start and join, by spawn', 'start-join-spawn', 'python'),
]
