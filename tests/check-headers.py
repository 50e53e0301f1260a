#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Compiles every header by itself, and makes sure that users include none but <aioproc.h>."""

import argparse
import concurrent.futures
import json
import os
import shlex
import subprocess
import sys

KEPT = ('-I', '-isystem', '-D', '-std=', '-W', '-fsanitize=', '-pthread')


def library_command(build):
    """The compiler and flags of a source of the library, without input and output."""
    with open(os.path.join(build, 'compile_commands.json'), encoding='utf-8') as stream:
        commands = json.load(stream)
    for command in commands:
        if command['file'].endswith('/aioproc-error.c'):
            words = shlex.split(command['command'])
            break
    else:
        sys.exit('no command compiles aioproc-error.c')
    compiler = [words.pop(0)]
    # ccache and its like.
    if not words[0].startswith('-'):
        compiler.append(words.pop(0))
    return compiler + [word for word in words if word.startswith(KEPT)]


def compile_text(command, build, text, expected):
    mode = '-fsyntax-only' if expected else '-E'
    # A pragma once in the main file is a warning: the header is included. An #error is enough
    # to see who stops a user.
    return subprocess.run(command + ['-Werror', mode, '-x', 'c', '-'],
                          cwd=build, input=text, capture_output=True, text=True, check=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--source', required=True)
    parser.add_argument('--build', required=True)
    args = parser.parse_args()

    command = library_command(args.build)
    user_command = [word for word in command if word != '-DAIOPROC_COMPILATION']
    jobs = []  # description, command, text, whether it has to compile

    for root in (args.source, args.build):
        for folder, _, names in os.walk(os.path.join(root, 'aioproc')):
            for name in sorted(names):
                if not name.endswith('.h'):
                    continue
                path = os.path.join(folder, name)
                text = f'#include "{path}"\ntypedef int only;\n'
                jobs.append((path, command, text, True))
                if name != 'aioproc.h' and not name.endswith('-private.h'):
                    jobs.append((f'{path} by a user', user_command, text, False))
    jobs.append(('<aioproc.h> by a user', user_command,
                 '#include <aioproc.h>\ntypedef int only;\n', True))

    failures = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        results = pool.map(lambda job: compile_text(job[1], args.build, *job[2:]), jobs)
        for (name, _, _, expected), result in zip(jobs, results):
            if expected and result.returncode != 0:
                failures += 1
                print(f'{name} does not compile alone:\n{result.stderr}')
            elif not expected and 'Only <aioproc.h>' not in result.stderr:
                failures += 1
                print(f'{name}: nothing stops it\n{result.stderr}')
    print(f'{len(jobs)} compilations, {failures} wrong')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
