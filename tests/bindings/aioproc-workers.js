/* aioproc-workers.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Test cases with workers in JavaScript, C and Python, which have the same functions. */

import Aioproc from 'gi://Aioproc?version=1';
import GLib from 'gi://GLib';
import Gio from 'gi://Gio';

import {BUILT, SOURCE, test} from './aioproc-test.js';

/* GJS has threads from its beginning, which is why it cannot be forked. */
export const workers = {
  gjs: new Aioproc.Context({
    program: ['gjs', '-m', `${SOURCE}/worker.js`],
    startMethod: Aioproc.StartMethod.SPAWN,
  }),
  c: new Aioproc.Context({program: [`${BUILT}/aioproc-test-bindings-worker`]}),
  'c-module': new Aioproc.Context({module: `${BUILT}/libaioproc-test-bindings-module.so`}),
};

function havePython() {
  try {
    const process = Gio.Subprocess.new(
      ['/usr/bin/python3', '-c', 'import gi; gi.require_version("Aioproc", "1")'],
      Gio.SubprocessFlags.STDERR_SILENCE);

    return process.wait_check(null);
  } catch {
    return false;
  }
}

if (havePython()) {
  workers.python = new Aioproc.Context({program: ['/usr/bin/python3', `${SOURCE}/worker.py`]});
} else {
  print('# There is no Python with gi, and no test with workers in it');
}

/* A case of each worker, or of those that are named. */
export function testWorkers(path, summary, func, names = Object.keys(workers)) {
  for (const name of names.filter(name => name in workers))
    test(`${path}-${name}`, summary, () => func(workers[name], name));
}

/* A message whose body is a tuple of the handles of its objects. */
export function messageOf(...objects) {
  const message = new Aioproc.Message();
  const handles = objects.map(object => message.append_object(object));

  message.set_body(new GLib.Variant(`(${'h'.repeat(handles.length)})`, handles));
  return message;
}
