# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""How late the latest tick of the main loop was while the quickstart waited, in milliseconds."""

import os
import re
import subprocess
import sys

import bench

PATTERN = re.compile(r'latest tick was ([\d.]+) ms late', re.I)


def latest_tick():
    program = os.path.join(os.environ['AIOPROC_BUILD'], 'docs', 'examples', 'quickstart')

    def repeat():
        output = subprocess.run([program], check=True, stdout=subprocess.PIPE, text=True).stdout
        match = PATTERN.search(output)
        if not match:
            sys.exit(f'{program} does not say how late its latest tick was:\n{output}')
        return float(match.group(1))

    return repeat


if __name__ == '__main__':
    bench.main({'quickstart-latest-tick': latest_tick})
