/* aioproc-test.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Runs test cases under a watchdog, and tells as TAP how they went.
 *
 * A case is a function, which may be asynchronous. One that hangs for a minute (times
 * AIOPROC_TEST_TIMEOUT_MULTIPLIER), in the main loop or in a blocking call, is named on stderr,
 * and ends the program.
 */

import GLib from 'gi://GLib';
import Gio from 'gi://Gio';
import System from 'system';

const WATCHDOG_SECONDS =
  Math.ceil(60 * Number(GLib.getenv('AIOPROC_TEST_TIMEOUT_MULTIPLIER') ?? '1'));

export const SOURCE = GLib.path_get_dirname(GLib.filename_from_uri(import.meta.url)[0]);
/* Where the helper programs of the tests are. */
export const BUILT =
  GLib.canonicalize_filename('../tests', GLib.getenv('AIOPROC_LIBEXECDIR'));

const cases = [];

export class AssertionError extends Error {
  get name() {
    return 'AssertionError';
  }
}

export function assert(condition, message = 'it does not hold') {
  if (!condition)
    throw new AssertionError(message);
}

function describe(value) {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export function assertSame(actual, expected, message = '') {
  if (actual !== expected)
    throw new AssertionError(`${describe(actual)} instead of ${describe(expected)} ${message}`);
}

/* Plain data: numbers, strings, arrays, objects. */
export function assertEqual(actual, expected, message = '') {
  assertSame(JSON.stringify(actual), JSON.stringify(expected), message);
}

export function assertIncludes(text, part) {
  assert(text.includes(part), `“${text}” without “${part}”`);
}

function checkError(error, domain, code, part) {
  if (!(error instanceof GLib.Error) || !error.matches(domain, code))
    throw error;
  assertSame(error.code, code);
  assertIncludes(error.message, part);
}

/* That func fails with a GLib.Error of this domain (an enumeration) and code. */
export function assertThrows(func, domain, code, part = '') {
  try {
    func();
  } catch (error) {
    checkError(error, domain, code, part);
    return;
  }
  throw new AssertionError('it does not fail');
}

export async function assertRejects(promise, domain, code, part = '') {
  try {
    await promise;
  } catch (error) {
    checkError(error, domain, code, part);
    return;
  }
  throw new AssertionError('it does not fail');
}

/* Returns to the main loop, until all that is ready now has been dispatched. */
export function idle() {
  return new Promise(resolve => {
    GLib.idle_add(GLib.PRIORITY_LOW, () => {
      resolve();
      return GLib.SOURCE_REMOVE;
    });
  });
}

/* How many descriptors this process has. */
export function countFds() {
  const folder = Gio.File.new_for_path('/proc/self/fd').enumerate_children('standard::name',
    Gio.FileQueryInfoFlags.NONE, null);
  let n = 0;

  while (folder.next_file(null))
    n++;
  folder.close(null);
  return n;
}

/* Finalizes the objects that nobody has, until condition() holds. */
export async function collect(condition = () => true) {
  do {
    System.gc();
    await idle();
  } while (!condition());
}

/* A process that reads the names of the cases as they begin. It ends with this one. */
function startWatchdog() {
  const script = `
    trap '' INT
    while read -r -t "$1" name || { [ $? -gt 128 ] && break; } || exit 0; do last=$name; done
    echo "Watchdog: $last hangs: no end after $1 seconds" >&2
    kill -ABRT "$2"`;
  const pid = new Gio.Credentials().get_unix_pid();

  return Gio.Subprocess.new(
    ['bash', '-c', script, 'watchdog', `${WATCHDOG_SECONDS}`, `${pid}`],
    Gio.SubprocessFlags.STDIN_PIPE | Gio.SubprocessFlags.STDOUT_SILENCE).get_stdin_pipe();
}

export function test(path, summary, func) {
  cases.push({path, summary, func});
}

/* Runs what was added by test(), and ends the program. */
export async function run(prefix) {
  const watchdog = startWatchdog();
  let failed = 0;

  print(`1..${cases.length}`);
  for (const [index, {path, summary, func}] of cases.entries()) {
    const name = `${prefix}/${path}`;

    print(`# ${name}: ${summary}`);
    watchdog.write_all(`${name}\n`, null);
    try {
      await func();
      print(`ok ${index + 1} ${name}`);
    } catch (error) {
      failed++;
      printerr(`${error.name}: ${error.message}\n${error.stack}`);
      print(`not ok ${index + 1} ${name}`);
    }
  }
  System.exit(failed ? 1 : 0);
}
