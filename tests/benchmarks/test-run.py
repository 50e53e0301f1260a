#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Tests the runner with programs that print what they are told to."""

import json
import os
import re
import stat
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
RUN = os.path.join(HERE, 'run')
README = os.path.join(HERE, '..', '..', 'README.md')

sys.dont_write_bytecode = True
sys.path.insert(0, HERE)

from cases import GRAPH  # noqa: E402, because no cache belongs into the sources

# Prints the next of its values at each line of its input, and the last one from then on; leaves
# out those that former processes of its name have printed if it is told to go on.
FAKE = '''#!/usr/bin/python3
import sys
values = {values}
for index, _ in enumerate(sys.stdin):
    print(values[min(index, len(values) - 1)], flush=True)
'''


class Build:
    """A folder that looks like a build."""

    def __init__(self, folder, **options):
        self.folder = folder
        self.programs = os.path.join(folder, 'tests', 'benchmarks')
        os.makedirs(self.programs)
        os.mkdir(os.path.join(folder, 'meson-info'))
        known = {'buildtype': 'debugoptimized', 'optimization': '2', 'b_sanitize': 'none',
                 'b_coverage': False, 'c_args': []} | options
        path = os.path.join(folder, 'meson-info', 'intro-buildoptions.json')
        with open(path, 'w', encoding='utf-8') as stream:
            json.dump([{'name': name, 'value': value} for name, value in known.items()], stream)

    def program(self, name, *values):
        path = os.path.join(self.programs, name)
        with open(path, 'w', encoding='utf-8') as stream:
            stream.write(FAKE.format(values=list(values)))
        os.chmod(path, stat.S_IRWXU)

    def run(self, *arguments):
        return subprocess.run([RUN, *arguments], env=os.environ | {
            'AIOPROC_BENCHMARKS': self.programs}, capture_output=True, text=True, check=False)


def expect(condition, result):
    if not condition:
        sys.exit(f'{result.args}: status {result.returncode}\n{result.stdout}{result.stderr}')


def test_help():
    result = subprocess.run([RUN, '--help'], capture_output=True, text=True, check=False)
    expect(result.returncode == 0 and '--check' in result.stdout, result)


def test_no_build():
    environment = {name: value for name, value in os.environ.items()
                   if name != 'AIOPROC_BENCHMARKS'}
    result = subprocess.run([RUN], env=environment, capture_output=True, text=True, check=False)
    expect(result.returncode == 2 and 'meson devenv' in result.stderr, result)


def test_refusal(folder):
    for index, (options, word) in enumerate((
            ({'buildtype': 'debug', 'optimization': '0'}, 'optimization=0'),
            ({'buildtype': 'plain', 'optimization': 'plain'}, 'optimization=plain'),
            ({'b_sanitize': 'address,undefined'}, 'b_sanitize=address,undefined'),
            ({'b_coverage': True}, 'b_coverage'))):
        build = Build(os.path.join(folder, str(index)), **options)
        for option in ((), ('--json',), ('--check',)):
            result = build.run(*option)
            expect(result.returncode == 2 and word in result.stderr and not result.stdout, result)


def test_unknown(build):
    for arguments in (('nowhere',), ('sync/nothing',), ('--json', '--check'),
                      ('--check', '--graph'), ('--repetitions', '4')):
        result = build.run(*arguments)
        expect(result.returncode == 2 and result.stderr and not result.stdout, result)


def test_json(build):
    build.program('bench-aioproc-sync', 1, 10, 30, 20, 90, 20)
    build.program('bench-limit-sync', 7)
    result = build.run('--json', '--repetitions', '5', 'sync/lock-uncontended')
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    expect(result.returncode == 0, result)
    # The first value warms up; the median is that of the other five.
    expect(lines[0] == {'area': 'sync', 'case': 'lock-uncontended', 'peer': 'aioproc',
                        'value': 20, 'unit': 'ns'}, result)
    expect([line['peer'] for line in lines] == ['aioproc', 'limit', 'python'], result)
    expect('boost: skipped' in result.stderr, result)


def test_check(build):
    cases = (
        ((10,), 0, 'ok'),
        ((1000,), 1, 'short, attempt 3'),
    )
    for values, status, verdict in cases:
        build.program('bench-aioproc-sync', *values)
        build.program('bench-limit-sync', 10)
        result = build.run('--check', '--repetitions', '5', 'sync/lock-async')
        lines = result.stdout.splitlines()
        expect(result.returncode == status, result)
        expect(any(line.startswith('sync lock-async: ') and ' x limit (at least ' in line and
                   line.endswith(': ' + verdict) for line in lines), result)


def test_graph(build):
    """The graph of README.md has the bars that the runner makes, none below its target."""
    with open(os.path.join(HERE, 'targets.json'), encoding='utf-8') as stream:
        targets = {(target['case'], target['peer']): target['at_least']
                   for target in json.load(stream) if 'at_least' in target}
    with open(README, encoding='utf-8') as stream:
        bars = re.findall(r'^(\S.*?) +(\d+\.\d) (█+)$', stream.read(), re.MULTILINE)
    if [label for label, _, _ in bars] != [label for label, _, _ in GRAPH]:
        sys.exit(f'The bars of README.md are not those of the graph: {bars}')
    for (label, value, _), (_, case, peer) in zip(bars, GRAPH, strict=True):
        if float(value) < targets[case, peer]:
            sys.exit(f'README.md: {label}: {value} is below the target, {targets[case, peer]}')
    result = build.run('--graph', '--repetitions', '5', 'sync')
    expect(result.returncode == 2 and 'its own cases' in result.stderr, result)


def test_broken(build):
    build.program('bench-aioproc-sync', 'nonsense')
    result = build.run('sync/lock-async')
    expect(result.returncode == 2 and 'gave no value' in result.stderr, result)


def main():
    test_help()
    test_no_build()
    with tempfile.TemporaryDirectory() as folder:
        test_refusal(os.path.join(folder, 'refused'))
        build = Build(os.path.join(folder, 'build'))
        test_unknown(build)
        test_json(build)
        test_check(build)
        test_graph(build)
        test_broken(build)


if __name__ == '__main__':
    main()
