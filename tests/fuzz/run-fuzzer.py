#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Runs a fuzz target under libFuzzer, and tells the outcome as TAP.

It begins with the corpus, and writes nothing to it; --grow FOLDER keeps what
it finds there. An input that fails is in the current folder afterwards.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--runs', type=int, default=1000000)
    parser.add_argument('--corpus', required=True)
    parser.add_argument('--grow', metavar='FOLDER')
    parser.add_argument('target')
    args, options = parser.parse_known_args()
    name = os.path.basename(args.target)

    with tempfile.TemporaryDirectory() as folder:
        command = [
            os.path.abspath(args.target), f'-runs={args.runs}',
            # What is larger says nothing new, and takes longer.
            '-max_len=1024',
            # Of one input, which takes less than a millisecond: seconds on a loaded machine.
            '-timeout=60', '-rss_limit_mb=1024', '-malloc_limit_mb=256',
            '-print_final_stats=1', f'-artifact_prefix={name}-', *options,
            args.grow or folder, os.path.abspath(args.corpus),
        ]
        print(f'# {" ".join(command)}', flush=True)
        process = subprocess.Popen(command, stderr=subprocess.PIPE, errors='replace')
        lines = []
        for line in process.stderr:
            lines = lines[-200:] + [line]
            print('#', line.rstrip(), flush=True)
        code = process.wait()

    executed = re.search(r'stat::number_of_executed_units:\s*(\d+)', ''.join(lines))
    n_runs = int(executed.group(1)) if executed else 0
    passed = code == 0 and n_runs >= args.runs
    print('1..1')
    print(f'{"ok" if passed else "not ok"} 1 {name}: {n_runs} inputs, exit code {code}')
    return 0 if passed else 1


if __name__ == '__main__':
    sys.exit(main())
