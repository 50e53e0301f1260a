/* test-pool.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Pools as a JavaScript program has them, with workers in JavaScript, C and Python. */

import Aioproc from 'gi://Aioproc?version=1';
import GLib from 'gi://GLib';
import Gio from 'gi://Gio';

import {assert, assertEqual, assertIncludes, assertRejects, assertSame, assertThrows, collect, run,
  test} from './aioproc-test.js';
import {messageOf, testWorkers, workers} from './aioproc-workers.js';

Gio._promisify(Aioproc.Event.prototype, 'wait_async');
Gio._promisify(Aioproc.Lock.prototype, 'acquire_async');
Gio._promisify(Aioproc.Pool.prototype, 'apply_async');
Gio._promisify(Aioproc.Pool.prototype, 'apply_message_async');
Gio._promisify(Aioproc.Pool.prototype, 'join_async');
Gio._promisify(Aioproc.Pool.prototype, 'map_async');

const N_MANY = 200;
const N_BYTES = 1000000;
/* As many microseconds as a number can say. */
const FOR_EVER = Number.MAX_SAFE_INTEGER;

/* The arguments of a call with one number. */
const number = value => new GLib.Variant('(i)', [value]);
const numbers = n => Array.from({length: n}, (_, value) => number(value));
const unpack = values => values.map(value => value.deepUnpack()[0]);

async function end(pool) {
  pool.close();
  assertSame(await pool.join_async(-1, null), true);
}

async function apply(pool, name, args = null) {
  return (await pool.apply_async(name, args, null)).deepUnpack();
}

/* The pid of the worker of a pool that has just one. */
async function getWorker(pool) {
  return (await apply(pool, 'whoami'))[1];
}

async function kill(pid) {
  const process = Gio.Subprocess.new(['sh', '-c', `kill -KILL ${pid}`], Gio.SubprocessFlags.NONE);

  await new Promise(resolve => process.wait_async(null, resolve));
}

/* Has a worker hold a lock until an event is set. Returns the promise of its end in an array, once
 * it has the lock.
 */
async function hold(pool, lock, go, cancellable = null) {
  const held = Aioproc.Event.new();
  const pending = pool.apply_message_async('hold', messageOf(lock, held, go), cancellable);

  await held.wait_async(-1, null);
  return [pending];
}

testWorkers('apply', 'Functions return values, by promises and at once', async context => {
  const pool = Aioproc.Pool.new(context, 2);

  assertEqual(await apply(pool, 'square', number(12)), [144]);
  assertEqual(await apply(pool, 'later'), ['later']);
  assertEqual(pool.apply('square', number(-3), null).deepUnpack(), [9]);
  assertEqual(pool.apply('later', null, null).deepUnpack(), ['later']);
  const results = await Promise.all(numbers(N_MANY).map(args => apply(pool, 'square', args)));
  results.forEach(([square], i) => assertSame(square, i * i));
  await end(pool);
});

testWorkers('apply/errors', 'An error of a function arrives as it is', async context => {
  const pool = Aioproc.Pool.new(context, 1);
  const worker = await getWorker(pool);
  const bad = [
    ['fail', Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND, 'There is no such thing'],
    ['fail_later', Gio.IOErrorEnum, Gio.IOErrorEnum.BUSY, 'Too late'],
    ['fail_aioproc', Aioproc.Error, Aioproc.Error.BROKEN_BARRIER, 'It is broken'],
    ['nothing', Aioproc.Error, Aioproc.Error.REMOTE, 'nothing'],
    ['cube', Aioproc.Error, Aioproc.Error.NOT_FOUND, 'cube'],
    ['square', Gio.IOErrorEnum, Gio.IOErrorEnum.INVALID_ARGUMENT, ''],
  ];

  for (const [name, domain, code, part] of bad) {
    await assertRejects(pool.apply_async(name, null, null), domain, code, part);
    assertThrows(() => pool.apply(name, null, null), domain, code, part);
  }
  await assertRejects(pool.apply_async('echo', new GLib.Variant('(h)', [0]), null),
    Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_SUPPORTED);
  assertSame(await getWorker(pool), worker);
  await end(pool);
});

test('apply/exception', 'An exception of a worker is an error', async () => {
  const pool = Aioproc.Pool.new(workers.gjs, 1);
  const messages = {
    throw: 'from the worker',
    throw_later: 'from the worker',
    wrong_type: '',
  };

  for (const name of ['throw', 'throw_later', 'wrong_type']) {
    let error = null;

    try {
      await pool.apply_async(name, null, null);
    } catch (e) {
      error = e;
    }
    assert(error !== null, name);
    assertIncludes(error.message, messages[name]);
  }
  assertEqual(await apply(pool, 'later'), ['later']);
  await end(pool);
});

testWorkers('apply-message', 'Objects and bytes go there and back', async context => {
  const pool = Aioproc.Pool.new(context, 1);
  const lock = Aioproc.Lock.new();
  const bytes = new GLib.Bytes(new Uint8Array(N_BYTES).fill(7));
  const message = messageOf(lock);

  message.set_body(new GLib.Variant('(shh)', ['text', 0, message.append_bytes(bytes)]));
  for (const result of [await pool.apply_message_async('echo', message, null),
    pool.apply_message('echo', message, null)]) {
    const [text, ...handles] = result.dup_body().deepUnpack();

    assertSame(text, 'text');
    assertSame(result.dup_object(handles[0]), lock);
    assert(result.dup_bytes(handles[1]).equal(bytes));
  }

  const plain = await pool.apply_message_async('square', Aioproc.Message.new(number(5)), null);
  assertEqual(plain.dup_body().deepUnpack(), [25]);
  assertSame(plain.get_n_handles(), 0);
  await end(pool);
});

testWorkers('map', 'Results are in the order of the items', async context => {
  const pool = Aioproc.Pool.new(context, 2);
  const items = numbers(N_MANY);
  const squares = items.map((_, i) => i * i);

  for (const chunkSize of [0, 1, 7, 2 * N_MANY]) {
    assertEqual(unpack(await pool.map_async('square', items, chunkSize, null)), squares);
    assertEqual(unpack(pool.map('square', items, chunkSize, null)), squares);
  }
  assertEqual(unpack(items), [...squares.keys()]);
  assertEqual(pool.map('square', [], 0, null), []);
  assertEqual(await pool.map_async('square', [], 0, null), []);

  items[50] = items[150] = new GLib.Variant('(s)', ['no number']);
  // Of chunks the later one may have failed before the earlier one was begun.
  await assertRejects(pool.map_async('square', items, 1, null), Gio.IOErrorEnum,
    Gio.IOErrorEnum.INVALID_ARGUMENT, 'Item ');
  assertThrows(() => pool.map('square', items, N_MANY, null), Gio.IOErrorEnum,
    Gio.IOErrorEnum.INVALID_ARGUMENT, 'Item 50: ');
  await end(pool);
});

test('map/results-are-kept', 'Results live as long as somebody has them', async () => {
  const pool = Aioproc.Pool.new(workers.c, 1);
  const texts = numbers(N_MANY).map(
    (_, i) => new GLib.Variant('(s)', [`${i} `.repeat(1000)]));

  for (let i = 0; i < 10; i++) {
    let results = pool.map('echo', texts, 0, null);
    const last = results.at(-1);

    results = null;
    await collect();
    await pool.map_async('echo', texts, 0, null);
    assert(last.equal(texts.at(-1)));
  }
  await end(pool);
});

testWorkers('kill', 'A worker that is killed costs the call that it was at', async context => {
  const pool = Aioproc.Pool.new(context, 1);
  const [lock, go] = [Aioproc.Lock.new(), Aioproc.Event.new()];
  const worker = await getWorker(pool);
  const [held] = await hold(pool, lock, go);
  const waiting = apply(pool, 'square', number(6));

  await Promise.all([kill(worker), assertRejects(held, Aioproc.Error, Aioproc.Error.WORKER_DIED,
    '“hold”')]);
  assertEqual(await waiting, [36]);
  assert(await getWorker(pool) !== worker);
  await lock.acquire_async(-1, null);
  assertSame(lock.get_was_abandoned(), true);
  await end(pool);
});

testWorkers('recycle', 'A worker does as many tasks as it is to do', async context => {
  const pool = new Aioproc.Pool({context, nWorkers: 1, maxTasksPerWorker: 2});
  const workers = [];

  for (let i = 0; i < 6; i++)
    workers.push(await getWorker(pool));
  assertEqual([workers[0], workers[2], workers[4]], [workers[1], workers[3], workers[5]]);
  assertSame(new Set(workers).size, 3);
  await end(pool);
});

testWorkers('kill/retry', 'A call is made again, if the program wants that', async context => {
  const pool = new Aioproc.Pool({context, nWorkers: 1, maxRetries: 1});
  const [lock, held, go] = [Aioproc.Lock.new(), Aioproc.Event.new(), Aioproc.Event.new()];
  const worker = await getWorker(pool);
  const pending = pool.apply_message_async('hold', messageOf(lock, held, go), null);

  await held.wait_async(-1, null);
  held.clear();
  await kill(worker);
  await held.wait_async(-1, null);
  go.set();
  assertEqual((await pending).dup_body().deepUnpack(), []);
  assert(await getWorker(pool) !== worker);
  await end(pool);
});

testWorkers('cancel', 'A call ends at once, and its function hears of it', async context => {
  const pool = new Aioproc.Pool({context, nWorkers: 1, cancelGrace: FOR_EVER});
  const [ready, cancellable] = [Aioproc.Event.new(), new Gio.Cancellable()];
  const worker = await getWorker(pool);
  const pending = pool.apply_message_async('wait_cancelled', messageOf(ready), cancellable);
  const {CANCELLED} = Gio.IOErrorEnum;

  await ready.wait_async(-1, null);
  cancellable.cancel();
  await assertRejects(pending, Gio.IOErrorEnum, CANCELLED);
  assertSame(await getWorker(pool), worker);
  await assertRejects(pool.apply_async('later', null, cancellable), Gio.IOErrorEnum, CANCELLED);
  await assertRejects(pool.map_async('square', numbers(3), 0, cancellable), Gio.IOErrorEnum,
    CANCELLED);
  await end(pool);
});

testWorkers('cancel/deaf', 'A function that does not listen loses its worker', async context => {
  const pool = new Aioproc.Pool({context, nWorkers: 1, cancelGrace: 1000});
  const [lock, cancellable] = [Aioproc.Lock.new(), new Gio.Cancellable()];
  const worker = await getWorker(pool);
  const [held] = await hold(pool, lock, Aioproc.Event.new(), cancellable);

  cancellable.cancel();
  await assertRejects(held, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
  assert(await getWorker(pool) !== worker);
  await lock.acquire_async(-1, null);
  await end(pool);
});

testWorkers('task-timeout', 'A call that takes too long fails', async context => {
  const pool = new Aioproc.Pool({context, nWorkers: 1, cancelGrace: 1000});
  const worker = await getWorker(pool);
  const objects = [Aioproc.Lock.new(), Aioproc.Event.new(), Aioproc.Event.new()];

  pool.set_task_timeout(20000);
  await assertRejects(pool.apply_message_async('hold', messageOf(...objects), null),
    Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT, '“hold”');
  pool.set_task_timeout(-1);
  assert(await getWorker(pool) !== worker);
  await end(pool);
});

testWorkers('initializer', 'Each worker calls a function before its first task', async context => {
  const pool = new Aioproc.Pool({
    context,
    nWorkers: 1,
    initializer: 'remember',
    initializerArguments: number(42),
  });

  assertEqual(await apply(pool, 'recall'), [42]);
  await apply(pool, 'remember', number(7));
  assertEqual(await apply(pool, 'recall'), [7]);
  await end(pool);
});

test('initializer/fails', 'A pool whose workers cannot be initialized fails', async () => {
  const pool = new Aioproc.Pool({context: workers.c, nWorkers: 2, initializer: 'fail'});

  for (let i = 0; i < 2; i++) {
    await assertRejects(pool.apply_async('later', null, null), Aioproc.Error,
      Aioproc.Error.WORKER_DIED, 'There is no such thing');
  }
  assertSame(await pool.join_async(-1, null), true);
});

test('no-program', 'A worker program that is not there is an error of every call', async () => {
  const context = new Aioproc.Context({program: ['/nonexistent/worker']});

  await assertRejects(Aioproc.Pool.new(context, 2).apply_async('later', null, null),
    Aioproc.Error, Aioproc.Error.WORKER_DIED, '/nonexistent/worker');
});

testWorkers('close', 'A closed pool does what it has, and takes no more', async context => {
  const pool = Aioproc.Pool.new(context, 2);
  const [lock, go, cancellable] = [Aioproc.Lock.new(), Aioproc.Event.new(), new Gio.Cancellable()];

  assertThrows(() => pool.join(-1, null), Aioproc.Error, Aioproc.Error.INVALID_STATE);
  const [held] = await hold(pool, lock, go);
  const waiting = apply(pool, 'square', number(6));

  pool.close();
  await assertRejects(pool.join_async(0, null), Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT);
  const joined = pool.join_async(-1, cancellable);

  cancellable.cancel();
  await assertRejects(joined, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
  await assertRejects(pool.apply_async('later', null, null), Gio.IOErrorEnum,
    Gio.IOErrorEnum.CLOSED);
  assertEqual(await waiting, [36]);
  go.set();
  assertEqual((await held).dup_body().deepUnpack(), []);
  assertSame(await pool.join_async(-1, null), true);
  assertSame(pool.join(0, null), true);
});

testWorkers('terminate', 'A pool that is terminated cancels what it has', async context => {
  const pool = Aioproc.Pool.new(context, 1);
  const [held] = await hold(pool, Aioproc.Lock.new(), Aioproc.Event.new());
  const waiting = pool.apply_async('square', number(6), null);
  const {CANCELLED, CLOSED} = Gio.IOErrorEnum;

  pool.terminate();
  await Promise.all([held, waiting].map(pending => assertRejects(pending, Gio.IOErrorEnum,
    CANCELLED)));
  await assertRejects(pool.map_async('later', numbers(1), 0, null), Gio.IOErrorEnum, CLOSED);
  assertSame(await pool.join_async(-1, null), true);
});

test('drop-while-pending', 'A pool is there as long as a call is on its way', async () => {
  const pending = Aioproc.Pool.new(workers.c, 1).apply_async('later', null, null);

  await collect();
  assertEqual((await pending).deepUnpack(), ['later']);
});

test('properties', 'Every property, by accessor and as a property', async () => {
  const context = workers.c;
  const values = {
    context,
    name: 'squares',
    nWorkers: 3,
    initializer: 'remember',
    cancelGrace: 5,
    taskTimeout: 6000000,
    maxRetries: 2,
    maxTasksPerWorker: 1000,
  };
  const pool = new Aioproc.Pool({...values, initializerArguments: number(1)});
  const changes = [];

  assertSame(pool.init(null), true);
  for (const [name, value] of Object.entries(values))
    assertSame(pool[name], value);
  assertEqual(pool.initializerArguments.deepUnpack(), [1]);
  assertSame(pool.get_context(), context);
  assertSame(pool.get_name(), 'squares');
  assertSame(pool.get_n_workers(), 3);
  assertSame(pool.get_task_timeout(), 6000000);
  assertSame(pool.get_max_retries(), 2);

  pool.connect('notify', (_, spec) => changes.push(spec.name));
  pool.set_task_timeout(-1);
  pool.set_task_timeout(-1);
  pool.taskTimeout = 7;
  pool.set_max_retries(0);
  pool.maxRetries = 1;
  assertEqual([pool.task_timeout, pool.max_retries], [7, 1]);
  assertEqual(changes, ['task-timeout', 'task-timeout', 'max-retries', 'max-retries']);
  await end(pool);

  const plain = Aioproc.Pool.new(context, 0);
  assertSame(plain.n_workers, Aioproc.get_processor_count());
  assertEqual([plain.name, plain.initializer, plain.initializer_arguments, plain.cancel_grace,
    plain.task_timeout, plain.max_retries], [null, null, null, 1000000, -1, 0]);
  plain.terminate();
  assertSame(await plain.join_async(-1, null), true);
});

test('not-made', 'A pool whose workers cannot run is an error', async () => {
  const pool = new Aioproc.Pool({nWorkers: 1});
  const {NOT_INITIALIZED} = Gio.IOErrorEnum;

  assertThrows(() => Aioproc.Pool.new(null, 0), Aioproc.Error, Aioproc.Error.NOT_INITIALIZED,
    'its own worker program');
  assertSame(pool.context, null);
  assertThrows(() => pool.init(null), Aioproc.Error, Aioproc.Error.NOT_INITIALIZED);
  for (const pending of [pool.apply_async('later', null, null),
    pool.map_async('square', numbers(1), 0, null), pool.join_async(-1, null)])
    await assertRejects(pending, Gio.IOErrorEnum, NOT_INITIALIZED, 'its own worker program');
  pool.close();
  pool.terminate();
});

test('own-program', 'A script has a pool of workers that run the script', async () => {
  const path = GLib.build_filenamev([GLib.get_tmp_dir(), `${GLib.uuid_string_random()}.js`]);

  GLib.file_set_contents(path, `
    import Aioproc from 'gi://Aioproc?version=1';
    import GLib from 'gi://GLib';

    Aioproc.worker_add_function('double',
      call => new GLib.Variant('(i)', [2 * call.dup_arguments().deepUnpack()[0]]));
    Aioproc.worker_run();
    Aioproc.set_start_method(Aioproc.StartMethod.SPAWN);
    const pool = Aioproc.Pool.new(null, 2);
    const items = [0, 1, 2, 3, 4].map(number => new GLib.Variant('(i)', [number]));
    print(pool.map('double', items, 0, null).map(result => result.deepUnpack()[0]));
  `);
  const process = Gio.Subprocess.new(['gjs', '-m', path], Gio.SubprocessFlags.STDOUT_PIPE);
  const [, output] = process.communicate_utf8(null, null);

  GLib.unlink(path);
  assert(process.get_successful());
  assertSame(output, '0,2,4,6,8\n');
});

await run('/aioproc/gjs/pool');
