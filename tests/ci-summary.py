#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Adds up a run of .ci/run: its steps, and the test cases of all its builds.

Every case of a TAP program counts as one, and so does every other test and
every step. The last line is "N passed, N failed, N skipped", and the exit
status is 1 if anything failed, or if there is nothing to count.
"""

import argparse
import collections
import json
import os
import re
import sys

CASE = re.compile(r'^\s*(not )?ok\b[^#]*(#\s*SKIP\b)?', re.I)


def count_test(test):
    """The cases of one line of a testlog.json, as (passed, failed, skipped)."""
    counts = collections.Counter()
    result = test['result']
    for line in (test.get('stdout') or '').splitlines():
        match = CASE.match(line)
        if match and match.group(2):
            counts['skipped'] += 1
        elif match:
            counts['failed' if match.group(1) else 'passed'] += 1
    # What is not TAP, or ended before its first case.
    if not counts:
        kind = {'OK': 'passed', 'EXPECTEDFAIL': 'passed', 'SKIP': 'skipped'}
        counts[kind.get(result, 'failed')] += 1
    # A crash, a timeout or a bad plan after the last case.
    elif result not in ('OK', 'EXPECTEDFAIL', 'SKIP') and not counts['failed']:
        counts['failed'] += 1
    return counts


def read_logs(paths):
    for path in paths:
        with open(path, encoding='utf-8', errors='replace') as stream:
            for line in stream:
                yield json.loads(line)


SELF_TESTS = [
    ('OK', 'ok 1 /a\n# ok\nok 2 /b # SKIP no such thing\n', (1, 0, 1)),
    ('FAIL', 'ok 1 /a\nnot ok 2 /b\n', (1, 1, 0)),
    ('ERROR', 'ok 1 /a\n', (1, 1, 0)),
    ('TIMEOUT', '', (0, 1, 0)),
    ('OK', 'Got result: 6\n', (1, 0, 0)),
    ('SKIP', None, (0, 0, 1)),
    ('FAIL', 'something\n', (0, 1, 0)),
    ('INTERRUPT', None, (0, 1, 0)),
]


def self_test():
    wrong = 0
    for result, stdout, expected in SELF_TESTS:
        counts = count_test({'result': result, 'stdout': stdout})
        got = (counts['passed'], counts['failed'], counts['skipped'])
        if got != expected:
            wrong += 1
            print(f'{result} {stdout!r}: {got} instead of {expected}')
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--steps', help='a line a step: name, "passed" or "failed", by tabs')
    parser.add_argument('logs', nargs='*', help='testlog.json of each run of the tests')
    parser.add_argument('--self-test', action='store_true', help='check the counting')
    args = parser.parse_args()
    if args.self_test:
        return self_test()

    total = collections.Counter()
    failures = []

    for path in args.logs:
        build = os.path.basename(os.path.dirname(os.path.dirname(os.path.abspath(path))))
        counts = collections.Counter()
        for test in read_logs([path]):
            of_test = count_test(test)
            counts += of_test
            if of_test['failed']:
                failures.append(f"{build}: {test['name']} ({test['result']})")
        print(f"{build}: {counts['passed']} cases passed, {counts['failed']} failed, "
              f"{counts['skipped']} skipped")
        if not counts:
            failures.append(f'{build}: no tests')
            counts['failed'] += 1
        total += counts

    if args.steps:
        with open(args.steps, encoding='utf-8') as stream:
            for line in stream:
                name, status = line.rstrip('\n').split('\t')[:2]
                total[status] += 1
                if status == 'failed':
                    failures.append(f'step: {name}')

    for failure in failures:
        print(f'FAILED {failure}')
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 1 if total['failed'] or not total['passed'] else 0


if __name__ == '__main__':
    sys.exit(main())
