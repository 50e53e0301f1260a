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
    # Peer: program. "bench-…" is built, "….py" lies here, anything else is below the build.
    # The program gets the name of the case, or the one after a colon.
    peers: dict
    # The same, with all processes on one CPU, or on two.
    placements: tuple = ('',)
    # Cases of one group are measured side by side, as peers are.
    group: str = ''

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
    Case('sync', 'idle-wakeups', '1/s', _pick(_SYNC, 'aioproc', 'executor'), group='idle'),
    Case('sync', 'idle-threads', 'threads', _pick(_SYNC, 'aioproc', 'executor'), group='idle'),
    Case('sync', 'idle-memory', 'KiB', _pick(_SYNC, 'aioproc', 'executor'), group='idle'),
]
