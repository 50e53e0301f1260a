/* test-process.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Processes as a JavaScript program has them, with workers in JavaScript, C and Python. */

import Aioproc from 'gi://Aioproc?version=1';
import GLib from 'gi://GLib';
import Gio from 'gi://Gio';

import {assert, assertEqual, assertRejects, assertSame, assertThrows, BUILT, collect, idle, run,
  SOURCE, test} from './aioproc-test.js';
import {messageOf, testWorkers, workers} from './aioproc-workers.js';

Gio._promisify(Aioproc.Event.prototype, 'wait_async');
Gio._promisify(Aioproc.Lock.prototype, 'acquire_async');
Gio._promisify(Aioproc.Queue.prototype, 'get_async');
Gio._promisify(Aioproc.Queue.prototype, 'put_async');
Gio._promisify(Aioproc.Process.prototype, 'start_async');
Gio._promisify(Aioproc.Process.prototype, 'join_async');

const N_MANY = 50;
const SIGKILL = 9;
const SIGTERM = 15;

const {FORK, FORKSERVER, SPAWN} = Aioproc.StartMethod;

async function runProcess(process) {
  assertSame(await process.start_async(null), true);
  assertSame(await process.join_async(-1, null), true);
  return process;
}

function call(context, name, args = null) {
  return runProcess(Aioproc.Process.new(context, name, args));
}

testWorkers('result', 'A function returns a value, and the process exits with 0', async context => {
  const process = new Aioproc.Process({
    context,
    function: 'square',
    arguments: new GLib.Variant('(i)', [12]),
  });

  assertSame(process.get_context(), context);
  assertSame(process.get_function(), 'square');
  assertSame(process.function, 'square');
  assertSame(process.is_alive(), false);
  assertSame(process.get_pid(), 0);
  assertSame(process.get_exit_code()[0], false);
  await runProcess(process);
  assert(process.get_pid() > 0);
  assertSame(process.is_alive(), false);
  assertEqual(process.dup_result().deepUnpack(), [144]);
  assertSame(process.dup_result_message().get_n_handles(), 0);
  assertEqual(process.get_exit_code(), [true, 0]);
});

testWorkers('result-blocking', 'The blocking forms', context => {
  const process = Aioproc.Process.new(context, 'square', new GLib.Variant('(i)', [-3]));

  assertSame(process.start(null), true);
  assertSame(process.join(-1, null), true);
  assertSame(process.join(0, null), true, 'as often as one likes');
  assertEqual(process.dup_result().deepUnpack(), [9]);
});

testWorkers('result-later', 'A function that returns later than it ends', async context => {
  assertEqual((await call(context, 'later')).dup_result().deepUnpack(), ['later']);
  const process = await call(context, 'fail_later');
  assertThrows(() => process.dup_result(), Gio.IOErrorEnum, Gio.IOErrorEnum.BUSY, 'Too late');
});

testWorkers('error', 'An error arrives with its domain, code and message', async context => {
  let process = await call(context, 'fail');
  assertThrows(() => process.dup_result(), Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND,
    'There is no such thing');
  assertThrows(() => process.dup_result_message(), Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND);
  assertEqual(process.get_exit_code(), [true, 1]);

  process = await call(context, 'fail_aioproc');
  assertThrows(() => process.dup_result(), Aioproc.Error, Aioproc.Error.BROKEN_BARRIER,
    'It is broken');
});

testWorkers('error-arguments', 'Arguments of a wrong type', async context => {
  const process = await call(context, 'square', new GLib.Variant('(s)', ['12']));

  assertThrows(() => process.dup_result(), Gio.IOErrorEnum, Gio.IOErrorEnum.INVALID_ARGUMENT);
});

testWorkers('error-nothing', 'Neither a value nor an error is an error', async context => {
  const process = await call(context, 'nothing');

  assertThrows(() => process.dup_result(), Aioproc.Error, Aioproc.Error.REMOTE, 'nothing');
});

test('error-exception-gjs', 'An exception of JavaScript arrives as what it was', async () => {
  const process = await call(workers.gjs, 'throw');
  let error = null;

  try {
    process.dup_result();
  } catch (e) {
    error = e;
  }
  assert(error instanceof TypeError, `${error}`);
  assertSame(error.message, 'from the worker');
});

testWorkers('error-exception', 'An exception of Python arrives as an error', async context => {
  const process = await call(context, 'throw');

  assertThrows(() => process.dup_result(), Aioproc.Error, Aioproc.Error.REMOTE,
    'ValueError: from the worker');
}, ['python']);

testWorkers('error-exception-later', 'An exception behind an await, too', async context => {
  const process = await call(context, 'throw_later');

  assertThrows(() => process.dup_result(), Aioproc.Error, Aioproc.Error.REMOTE,
    'TypeError: from the worker');
}, ['gjs']);

testWorkers('error-wrong-type', 'What is not a GLib.Variant is not a result', async context => {
  const process = await call(context, 'wrong_type');
  let error = null;

  try {
    process.dup_result();
  } catch (e) {
    error = e;
  }
  assert(error instanceof Error || error.matches(Aioproc.Error, Aioproc.Error.REMOTE), `${error}`);
}, ['gjs', 'python']);

testWorkers('error-no-function', 'A function that is not there', async context => {
  const process = Aioproc.Process.new(context, 'cube', null);

  await assertRejects(process.start_async(null), Aioproc.Error, Aioproc.Error.NOT_FOUND, 'cube');
  assertThrows(() => process.dup_result(), Aioproc.Error, Aioproc.Error.NOT_FOUND);
});

testWorkers('message', 'Objects, bytes and descriptors go there and back', async context => {
  const data = new Uint8Array(300000).map((_, i) => i % 251);
  const [lock, event] = [Aioproc.Lock.new(), Aioproc.Event.new()];
  const [file, stream] = Gio.File.new_tmp(null);
  const message = new Aioproc.Message();

  message.set_body(new GLib.Variant('(shhhh)', ['text', message.append_object(lock),
    message.append_object(event), message.append_bytes(new GLib.Bytes(data)),
    message.append_fd(stream.output_stream.get_fd())]));
  stream.close(null);

  const process = await runProcess(Aioproc.Process.new_with_message(context, 'echo', message));
  const result = process.dup_result_message();
  const [text, lockHandle, eventHandle, bytesHandle, fdHandle] = result.dup_body().deepUnpack();
  assertSame(text, 'text');
  assertSame(result.dup_object(lockHandle), lock);
  assertSame(result.dup_object(eventHandle), event);
  const received = result.dup_bytes(bytesHandle).toArray();
  assertSame(received.length, data.length);
  assert(received.every((byte, i) => byte === data[i]));

  const output = new Gio.UnixOutputStream({fd: result.dup_fd(fdHandle), closeFd: true});
  output.write_all('there and back', null);
  output.close(null);
  assertSame(new TextDecoder().decode(file.load_contents(null)[1]), 'there and back');
  file.delete(null);
});

testWorkers('shared', 'A worker holds the lock that the program waits for', async context => {
  const [lock, held, go] = [Aioproc.Lock.new(), Aioproc.Event.new(), Aioproc.Event.new()];
  const process = Aioproc.Process.new_with_message(context, 'hold', messageOf(lock, held, go));

  await process.start_async(null);
  await held.wait_async(-1, null);
  assert(lock.is_locked());
  assertThrows(() => lock.try_acquire(), Gio.IOErrorEnum, Gio.IOErrorEnum.WOULD_BLOCK);
  assertThrows(() => lock.release(), Aioproc.Error, Aioproc.Error.NOT_OWNER);
  let acquired = false;
  const acquire = lock.acquire_async(-1, null).then(() => {
    acquired = true;
  });
  await idle();
  assertSame(acquired, false);
  go.set();
  await acquire;
  assertSame(lock.get_was_abandoned(), false);
  await process.join_async(-1, null);
  assertEqual(process.dup_result().deepUnpack(), []);
});

testWorkers('queue', 'A worker puts items, and the program gets them', async context => {
  const [lock, ready, queue] = [Aioproc.Lock.new(), Aioproc.Event.new(), Aioproc.Queue.new(2)];
  const message = messageOf(lock, ready, queue);
  const items = [];

  message.set_body(new GLib.Variant('(hhhi)', [0, 1, 2, N_MANY]));
  const process = Aioproc.Process.new_with_message(context, 'produce', message);
  await process.start_async(null);
  await ready.wait_async(-1, null);
  const acquired = lock.acquire_async(-1, null);
  for (;;) {
    const value = await queue.get_async(-1, null);

    if (value.get_type_string() === '()')
      break;
    items.push(value.unpack());
  }
  assertSame(await acquired, true);
  await process.join_async(-1, null);
  assertEqual(process.dup_result().deepUnpack(), []);
  assertEqual(items, [...Array(N_MANY).keys()]);
});

test('queue-everybody', 'Workers in every language share two queues', async () => {
  const [jobs, results] = [Aioproc.Queue.new(0), Aioproc.Queue.new(3)];
  const processes = Object.values(workers).map(context => Aioproc.Process.new_with_message(
    context, 'negate', messageOf(jobs, results)));

  await Promise.all(processes.map(process => process.start_async(null)));
  const numbers = [...Array(N_MANY).keys()];
  const gets = numbers.map(() => results.get_async(-1, null));
  await Promise.all(numbers.map(n => jobs.put_async(new GLib.Variant('i', n), -1, null)));
  const got = (await Promise.all(gets)).map(value => -value.unpack());
  jobs.close(false);
  await Promise.all(processes.map(process => process.join_async(-1, null)));
  for (const process of processes)
    assertEqual(process.dup_result().deepUnpack(), []);
  assertEqual(got.sort((a, b) => a - b), numbers);
});

testWorkers('kill', 'A killed worker is a clear error, and its lock is free', async context => {
  const [lock, held, go] = [Aioproc.Lock.new(), Aioproc.Event.new(), Aioproc.Event.new()];
  const process = Aioproc.Process.new_with_message(context, 'hold', messageOf(lock, held, go));

  await process.start_async(null);
  await held.wait_async(-1, null);
  assert(process.is_alive());
  const pending = [lock.acquire_async(-1, null), process.join_async(-1, null)];
  process.kill();
  await Promise.all(pending);
  assertSame(lock.was_abandoned, true);
  assertEqual(process.get_exit_code(), [true, -SIGKILL]);
  assertThrows(() => process.dup_result(), Aioproc.Error, Aioproc.Error.WORKER_DIED,
    `${process.get_pid()}`);
});

testWorkers('cancel', 'A function is asked to stop, and does', async context => {
  const ready = Aioproc.Event.new();
  const process = Aioproc.Process.new_with_message(context, 'wait_cancelled', messageOf(ready));

  await process.start_async(null);
  await ready.wait_async(-1, null);
  process.cancel();
  await process.join_async(-1, null);
  assertThrows(() => process.dup_result(), Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
});

testWorkers('progress', 'Progress is in properties, which notify', async context => {
  const process = Aioproc.Process.new(context, 'progress', null);
  const seen = [];

  process.connect('notify::progress-text', () => seen.push(process.progressText));
  assertSame(process.progress, -1);
  assertSame(process.dup_progress_text(), null);
  await runProcess(process);
  assertSame(process.get_progress(), 0.75);
  assertSame(process.dup_progress_text(), 'goes on');
  assertSame(seen.at(-1), 'goes on');
});

testWorkers('names', 'A worker knows its name, and who started it', async context => {
  const process = new Aioproc.Process({context, function: 'whoami', name: 'Zoë'});

  assertSame(process.dup_name(), 'Zoë');
  process.name = 'Chloë';
  assertSame(process.name, 'Chloë');
  const [name, pid, parent] = (await runProcess(process)).dup_result().deepUnpack();
  assertEqual([name, pid], ['Chloë', process.get_pid()]);
  assertSame(parent, new Gio.Credentials().get_unix_pid());
});

testWorkers('many', 'Many processes at once', async context => {
  const results = await Promise.all([...Array(N_MANY).keys()].map(async number => {
    const process = await call(context, 'square', new GLib.Variant('(i)', [number]));

    return process.dup_result().deepUnpack()[0];
  }));

  assertEqual(results, [...Array(N_MANY).keys()].map(number => number * number));
}, ['c', 'python']);

test('state', 'What can be done before the start, while it runs, and after the end', async () => {
  const ready = Aioproc.Event.new();
  const process = Aioproc.Process.new_with_message(workers.c, 'wait_cancelled', messageOf(ready));
  const invalid = Aioproc.Error.INVALID_STATE;

  for (const operation of [() => process.join(0, null), () => process.terminate(),
    () => process.cancel(), () => process.get_sentinel(), () => process.dup_result(),
    () => process.send_signal(SIGTERM)])
    assertThrows(operation, Aioproc.Error, invalid);
  assertSame(process.set_daemon(true), true);
  assertSame(process.daemon, true);

  await process.start_async(null);
  await ready.wait_async(-1, null);
  assert(Aioproc.Process.get_active_children().includes(process));
  assertThrows(() => process.close(), Aioproc.Error, invalid);
  assertThrows(() => process.dup_result(), Aioproc.Error, invalid);
  assertThrows(() => process.set_daemon(false), Aioproc.Error, invalid);
  await assertRejects(process.start_async(null), Aioproc.Error, invalid);
  await assertRejects(process.join_async(0, null), Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT);
  assertSame(process.is_ready(), false);
  assert(process.get_sentinel() >= 0);

  assertSame(process.terminate(), true);
  await process.join_async(-1, null);
  assertSame(process.is_ready(), true);
  assertEqual(process.get_exit_code(), [true, -SIGTERM]);
  assert(!Aioproc.Process.get_active_children().includes(process));

  assertSame(process.close(), true);
  assertEqual(process.get_exit_code(), [true, -SIGTERM]);
  assertThrows(() => process.dup_result(), Gio.IOErrorEnum, Gio.IOErrorEnum.CLOSED);
});

test('active-children', 'The list of processes has references of its own', async () => {
  const ready = Aioproc.Event.new();
  const process = Aioproc.Process.new_with_message(workers.c, 'wait_cancelled', messageOf(ready));

  await process.start_async(null);
  for (let i = 0; i < 10; i++) {
    assertSame(Aioproc.Process.get_active_children().length, 1);
    await collect();
  }
  process.kill();
  await process.join_async(-1, null);
  assertEqual(Aioproc.Process.get_active_children(), []);
});

test('cancellable', 'Starts and joins can be cancelled', async () => {
  const [ready, cancellable] = [Aioproc.Event.new(), new Gio.Cancellable()];
  let process = Aioproc.Process.new_with_message(workers.c, 'wait_cancelled', messageOf(ready));

  await process.start_async(null);
  const pending = process.join_async(-1, cancellable);
  await idle();
  cancellable.cancel();
  await assertRejects(pending, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
  assertSame(process.is_alive(), true);
  process.kill();
  await process.join_async(-1, null);

  process = Aioproc.Process.new(workers.c, 'square', new GLib.Variant('(i)', [1]));
  await assertRejects(process.start_async(cancellable), Gio.IOErrorEnum,
    Gio.IOErrorEnum.CANCELLED);
});

test('drop-while-pending', 'A process runs whether or not anybody has the object', async () => {
  const ready = Aioproc.Event.new();
  let process = Aioproc.Process.new_with_message(workers.c, 'wait_cancelled', messageOf(ready));

  await process.start_async(null);
  const pid = process.get_pid();
  process = null;
  await collect();
  await ready.wait_async(-1, null);
  const [child] = Aioproc.Process.get_active_children();
  assertSame(child.get_pid(), pid);
  child.kill();
  await child.join_async(-1, null);
});

test('tree', 'This process, its parent, and the number of processors', () => {
  const current = Aioproc.Process.get_current();

  assertSame(current.get_pid(), new Gio.Credentials().get_unix_pid());
  assertSame(current.dup_name(), 'MainProcess');
  assertSame(current.get_function(), null);
  assertSame(Aioproc.Process.get_parent(), null);
  assert(Aioproc.get_processor_count() >= 1);
});

test('own-program', 'Workers of a script run the script, wherever they run', () => {
  const folder = GLib.dir_make_tmp('aioproc-XXXXXX');
  const path = GLib.build_filenamev([folder, 'script.js']);
  const launcher = new Gio.SubprocessLauncher({flags: Gio.SubprocessFlags.STDOUT_PIPE});

  GLib.file_set_contents(path, `
    import Aioproc from 'gi://Aioproc?version=1';
    import GLib from 'gi://GLib';

    Aioproc.worker_add_function('work',
      () => new GLib.Variant('(sas)', [GLib.get_current_dir(), ARGV]));
    Aioproc.worker_run();
    const context = new Aioproc.Context({
      startMethod: Aioproc.StartMethod.SPAWN,
      workingDirectory: '/',
    });
    const process = Aioproc.Process.new(context, 'work', null);
    process.start(null);
    process.join(-1, null);
    print(process.dup_result().print(false));
  `);
  launcher.set_cwd(folder);
  const process = launcher.spawnv(['gjs', '-m', 'script.js', '', 'with space']);
  const [, output] = process.communicate_utf8(null, null);
  assert(process.get_successful());
  assertSame(output, "('/', ['', 'with space'])\n");
  GLib.unlink(path);
  GLib.rmdir(folder);
});

test('program-end', 'The end of a program does not wait for its workers for ever', () => {
  const path = GLib.build_filenamev([GLib.get_tmp_dir(), `${GLib.uuid_string_random()}.js`]);

  GLib.file_set_contents(path, `
    import Aioproc from 'gi://Aioproc?version=1';
    import GLib from 'gi://GLib';

    const context = new Aioproc.Context({program: ARGV, exitTimeout: 1000});
    const ready = Aioproc.Event.new();
    const message = new Aioproc.Message();
    message.set_body(new GLib.Variant('(h)', [message.append_object(ready)]));
    const process = Aioproc.Process.new_with_message(context, 'wait_cancelled', message);
    process.start(null);
    process.join_async(-1, null, () => {});
    ready.wait(-1, null);
    print('The end');
  `);
  const process = Gio.Subprocess.new(['gjs', '-m', path, ...workers.c.program],
    Gio.SubprocessFlags.STDOUT_PIPE);
  const [, output] = process.communicate_utf8(null, null);
  assert(process.get_successful());
  assertSame(output, 'The end\n');
  GLib.unlink(path);
});

test('context', 'Every property of a context, by accessor and as a property', () => {
  const context = Aioproc.Context.new();
  const strings = {
    program: ['/bin/true', '--flag'],
    module: './libwork.so',
    preload: ['square'],
    environment: ['A=1', 'B=ß'],
    working_directory: '/',
  };
  const values = {
    start_method: SPAWN,
    memory_limit: 1 << 30,
    cpu_time_limit: 60,
    file_limit: 100,
    log_fatal: true,
    log_forwarding: GLib.LogLevelFlags.LEVEL_ERROR,
    exit_timeout: 5 * GLib.TIME_SPAN_SECOND,
  };

  assertSame(context.startMethod, Aioproc.get_start_method());
  assertSame(Aioproc.Context.get_default(), Aioproc.Context.get_default());
  for (const [name, value] of Object.entries(strings)) {
    // GJS has an empty list where there is no array at all.
    assert(!context[`dup_${name}`]()?.length);
    context[`set_${name}`](value);
    assertEqual(context[`dup_${name}`](), value);
    assertEqual(context[name], value);
    context[`set_${name}`](null);
    assert(!context[`dup_${name}`]()?.length);
  }
  for (const [name, value] of Object.entries(values)) {
    context[`set_${name}`](value);
    assertSame(context[`get_${name}`](), value);
    assertSame(context[name], value);
  }
});

test('context-bad', 'Worker programs that cannot run are clear errors of the start', async () => {
  const missing = `${SOURCE}/missing`;
  const bad = [
    [{program: [missing]}, Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND],
    [{program: []}, Gio.IOErrorEnum, Gio.IOErrorEnum.INVALID_ARGUMENT],
    [{program: ['x'], module: 'y'}, Gio.IOErrorEnum, Gio.IOErrorEnum.INVALID_ARGUMENT],
    [{module: missing}, Aioproc.Error, Aioproc.Error.NOT_FOUND],
    [{program: ['/bin/true'], startMethod: SPAWN}, Aioproc.Error, Aioproc.Error.WORKER_DIED],
    [{}, Aioproc.Error, Aioproc.Error.NOT_INITIALIZED],
    [{startMethod: FORK}, Aioproc.Error, Aioproc.Error.FORK_REFUSED],
    [{program: workers.gjs.program, startMethod: FORKSERVER}, Aioproc.Error,
      Aioproc.Error.FORK_REFUSED],
  ];

  for (const [properties, domain, code] of bad) {
    const process = Aioproc.Process.new(new Aioproc.Context(properties), 'square', null);

    await assertRejects(process.start_async(null), domain, code);
  }
});

await run('/aioproc/gjs/process');
