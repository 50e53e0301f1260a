/* test-task.js
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Tasks of a pool as a JavaScript program has them, with workers in JavaScript, C and Python. */

import Aioproc from 'gi://Aioproc?version=1';
import GLib from 'gi://GLib';
import Gio from 'gi://Gio';

import {assert, assertEqual, assertRejects, assertSame, assertThrows, collect, idle, run, test}
  from './aioproc-test.js';
import {messageOf, testWorkers, workers} from './aioproc-workers.js';

Gio._promisify(Aioproc.Event.prototype, 'wait_async');
Gio._promisify(Aioproc.Pool.prototype, 'apply_async');
Gio._promisify(Aioproc.Pool.prototype, 'join_async');
Gio._promisify(Aioproc.Task.prototype, 'wait_async');

const N_MANY = 100;
const N_PRIORITIES = 6;
/* As many microseconds as a number can say. */
const FOR_EVER = Number.MAX_SAFE_INTEGER;
const State = Aioproc.TaskState;

const number = value => new GLib.Variant('(i)', [value]);
const square = value => Aioproc.Task.new('square', number(value));

/* A pool of one worker, and the pid of that, which is known. */
async function makePool(context, properties = {}) {
  const pool = new Aioproc.Pool({context, nWorkers: 1, ...properties});
  const [, pid] = (await pool.apply_async('whoami', null, null)).deepUnpack();

  // It may have answered before its start was confirmed.
  while (!Aioproc.Process.get_active_children().some(child => child.get_pid() === pid))
    await idle();
  return [pool, pid];
}

async function end(pool) {
  pool.close();
  assertSame(await pool.join_async(-1, null), true);
}

async function wait(task) {
  assertSame(await task.wait_async(-1, null), true);
}

/* Returns once condition() holds, which is of properties of the task. */
async function until(task, condition) {
  while (!condition()) {
    await new Promise(resolve => {
      const id = task.connect('notify', () => {
        task.disconnect(id);
        resolve();
      });
    });
  }
}

/* A task that a worker has begun, and the event that lets it go on. */
async function pause(pool) {
  const go = Aioproc.Event.new();
  const task = Aioproc.Task.new_with_message('pause_halfway', messageOf(go));

  assertSame(pool.submit(task), true);
  await until(task, () => task.state === State.RUNNING && task.progress === 0.5);
  return [task, go];
}

testWorkers('result', 'A task tells what became of it, when, and where', async context => {
  const [pool, pid] = await makePool(context);
  const task = square(12);
  const before = GLib.get_monotonic_time();

  assertSame(pool.submit(task), true);
  await wait(task);
  assertSame(task.get_state(), State.SUCCEEDED);
  assertEqual(task.dup_result().deepUnpack(), [144]);
  assertEqual(task.dup_result_message().dup_body().deepUnpack(), [144]);
  assertSame(task.get_worker_pid(), pid);
  assert(before <= task.get_started_time());
  assert(task.get_started_time() <= task.get_finished_time());
  assertSame(task.wait(0, null), true);
  await end(pool);
});

testWorkers('message', 'Objects and bytes go there and back', async context => {
  const pool = Aioproc.Pool.new(context, 1);
  const lock = Aioproc.Lock.new();
  const message = messageOf(lock);
  const task = Aioproc.Task.new_with_message('echo', message);

  assertSame(task.message, message);
  pool.submit(task);
  await wait(task);
  assertSame(task.dup_result_message().dup_object(0), lock);
  assertEqual(task.dup_result().deepUnpack(), [0]);
  await end(pool);
});

testWorkers('notify', 'The program is told of states and of progress', async context => {
  const [pool, pid] = await makePool(context);
  const go = Aioproc.Event.new();
  const task = Aioproc.Task.new_with_message('pause_halfway', messageOf(go));
  const states = [];
  const fractions = [];

  task.connect('notify::state', () => states.push(task.state));
  task.connect('notify::progress', () => fractions.push(task.progress));
  assertEqual([task.get_progress(), task.dup_progress_text()], [-1, null]);
  pool.submit(task);
  assertEqual(states, []);
  await until(task, () => states.includes(State.RUNNING) && fractions.length > 0);
  assertEqual(fractions, [0.5]);
  assertEqual([task.progressText, task.dup_progress_text()], ['half-way', 'half-way']);
  assertSame(task.workerPid, pid);
  assert(task.startedTime > 0);
  assertSame(task.finishedTime, 0);
  go.set();
  await until(task, () => states.includes(State.SUCCEEDED));
  assertEqual(states, [...states].sort());
  assert(task.finishedTime >= task.startedTime);
  await end(pool);
});

testWorkers('last-progress', 'What was reported last is there with the result', async context => {
  const pool = Aioproc.Pool.new(context, 1);
  const task = Aioproc.Task.new('progress', null);

  pool.submit(task);
  await wait(task);
  assertEqual([task.get_progress(), task.dup_progress_text()], [0.75, 'goes on']);
  await end(pool);
});

testWorkers('failures', 'A task that fails, or whose worker dies, says why', async context => {
  const [pool, pid] = await makePool(context);
  const task = Aioproc.Task.new('fail', null);

  pool.submit(task);
  await wait(task);
  assertSame(task.get_state(), State.FAILED);
  for (const dup of ['dup_result', 'dup_result_message']) {
    assertThrows(() => task[dup](), Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND,
      'There is no such thing');
  }

  const [paused] = await pause(pool);

  assertSame(paused.workerPid, pid);
  Gio.Subprocess.new(['sh', '-c', `kill -KILL ${pid}`], Gio.SubprocessFlags.NONE);
  await wait(paused);
  assertThrows(() => paused.dup_result(), Aioproc.Error, Aioproc.Error.WORKER_DIED,
    'pause_halfway');
  await end(pool);
});

test('refused', 'A task is submitted once; one that was refused can be again', async () => {
  const closed = Aioproc.Pool.new(workers.c, 1);
  const pool = Aioproc.Pool.new(workers.c, 1);
  const task = square(3);
  const {INVALID_STATE} = Aioproc.Error;

  task.cancel();
  assertSame(task.get_state(), State.NEW);
  assertThrows(() => task.dup_result(), Aioproc.Error, INVALID_STATE, '“square”');
  assertThrows(() => task.wait(-1, null), Aioproc.Error, INVALID_STATE, '“square”');
  await assertRejects(task.wait_async(-1, null), Aioproc.Error, INVALID_STATE, '“square”');
  await end(closed);
  assertThrows(() => closed.submit(task), Gio.IOErrorEnum, Gio.IOErrorEnum.CLOSED);
  pool.submit(task);
  assertThrows(() => pool.submit(task), Aioproc.Error, INVALID_STATE, '“square”');
  await wait(task);
  assertEqual(task.dup_result().deepUnpack(), [9]);
  await end(pool);
});

testWorkers('cancel', 'A task that runs, or waits, is cancelled', async context => {
  const [pool, pid] = await makePool(context, {cancelGrace: FOR_EVER});
  const ready = Aioproc.Event.new();
  const task = Aioproc.Task.new_with_message('wait_cancelled', messageOf(ready));
  const waiting = square(5);

  pool.submit(task);
  pool.submit(waiting);
  await ready.wait_async(-1, null);
  await until(task, () => task.state === State.RUNNING);
  waiting.cancel();
  task.cancel();
  for (const each of [waiting, task]) {
    await wait(each);
    assertSame(each.get_state(), State.CANCELLED);
    assertThrows(() => each.dup_result(), Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
  }
  assertSame(waiting.workerPid, 0);
  assertSame(task.workerPid, pid);
  const [, same] = (await pool.apply_async('whoami', null, null)).deepUnpack();
  assertSame(same, pid);
  await end(pool);
});

test('wait-cancelled', 'A wait that is cancelled, or late, is no end of the task', async () => {
  const pool = Aioproc.Pool.new(workers.c, 1);
  const [task, go] = await pause(pool);
  const cancellable = new Gio.Cancellable();
  const cancelled = task.wait_async(-1, cancellable);
  const {CANCELLED, TIMED_OUT} = Gio.IOErrorEnum;

  cancellable.cancel();
  await assertRejects(cancelled, Gio.IOErrorEnum, CANCELLED);
  await assertRejects(task.wait_async(1000, null), Gio.IOErrorEnum, TIMED_OUT);
  assertThrows(() => task.wait(0, null), Gio.IOErrorEnum, TIMED_OUT);
  assertSame(task.state, State.RUNNING);
  go.set();
  await wait(task);
  assertEqual(task.dup_result().deepUnpack(), []);
  await end(pool);
});

test('priority', 'Of tasks that wait, those of a lower number come first', async () => {
  const pool = Aioproc.Pool.new(workers.c, 1);
  const [lock, ready, queue] = [Aioproc.Lock.new(), Aioproc.Event.new(), Aioproc.Queue.new(0)];
  const [paused, go] = await pause(pool);
  const tasks = [];

  for (let value = 0; value < N_PRIORITIES; value++) {
    const message = messageOf(lock, ready, queue);

    message.set_body(new GLib.Variant('(hhhi)', [0, 1, 2, value]));
    tasks[value] = Aioproc.Task.new_with_message('produce', message);
    tasks[value].set_priority(10 - value);
    pool.submit(tasks[value]);
    tasks[value].priority = 0;
    assertSame(tasks[value].get_priority(), 10 - value);
  }
  go.set();
  await Promise.all([paused, ...tasks].map(wait));
  // Each has put the numbers below its own, and an end mark.
  for (let value = N_PRIORITIES - 1; value >= 0; value--) {
    for (let i = 0; i < value; i++)
      assertSame(queue.get(-1, null).unpack(), i);
    assertEqual(queue.get(-1, null).deepUnpack(), []);
  }
  await end(pool);
});

test('timeout', 'A task has a limit of its own', async () => {
  const pool = new Aioproc.Pool({context: workers.c, nWorkers: 1, cancelGrace: 1000});
  const task = Aioproc.Task.new_with_message('pause_halfway', messageOf(Aioproc.Event.new()));

  assertSame(task.get_timeout(), -1);
  task.set_timeout(20000);
  assertEqual([task.timeout, task.get_timeout()], [20000, 20000]);
  pool.submit(task);
  await wait(task);
  assertSame(task.state, State.FAILED);
  assertThrows(() => task.dup_result(), Gio.IOErrorEnum, Gio.IOErrorEnum.TIMED_OUT,
    'pause_halfway');
  await end(pool);
});

test('wait-for-many', 'Tasks are waited for together, with other waitables', async () => {
  const pool = Aioproc.Pool.new(workers.c, 2);
  const queue = Aioproc.Queue.new(0);
  const [paused, go] = await pause(pool);
  const tasks = new Map();

  for (let value = 0; value < N_MANY; value++)
    tasks.set(square(value), value);
  for (const task of tasks.keys())
    pool.submit(task);
  while (tasks.size > 0) {
    const ready = await new Promise(resolve => {
      Aioproc.wait_async([queue, paused, ...tasks.keys()], -1, null,
        (_source, result) => resolve(Aioproc.wait_finish(result)));
    });

    for (const task of ready) {
      assert(task.is_ready());
      assertEqual(task.dup_result().deepUnpack(), [tasks.get(task) ** 2]);
      tasks.delete(task);
    }
  }
  assert(!paused.is_ready());
  go.set();
  const [ended, ...others] = Aioproc.wait([queue, paused], -1, null);
  assertSame(ended, paused);
  assertSame(others.length, 0);
  await end(pool);
});

test('dropped', 'A task that the program has dropped is done all the same', async () => {
  const pool = Aioproc.Pool.new(workers.c, 1);

  pool.submit(Aioproc.Task.new('remember', number(7)));
  await collect();
  assertEqual((await pool.apply_async('recall', null, null)).deepUnpack(), [7]);
  await end(pool);
});

test('properties', 'Every property, by accessor and as a property', () => {
  const task = new Aioproc.Task({function: 'square', arguments: number(2), priority: -1,
    timeout: 5});
  const changes = [];

  assertEqual([task.function, task.get_function()], ['square', 'square']);
  assertEqual(task.arguments.deepUnpack(), [2]);
  assertEqual([task.message, task.progressText], [null, null]);
  assertEqual([task.priority, task.timeout, task.progress], [-1, 5, -1]);
  assertEqual([task.state, task.get_state()], [State.NEW, State.NEW]);
  assertEqual([task.workerPid, task.startedTime, task.finishedTime], [0, 0, 0]);
  assertEqual([task.get_worker_pid(), task.get_started_time(), task.get_finished_time()],
    [0, 0, 0]);
  assert(!task.is_ready());
  task.connect('notify', (_, spec) => changes.push(spec.name));
  task.priority = 3;
  task.set_priority(3);
  task.timeout = -1;
  task.set_timeout(-1);
  assertEqual(changes, ['priority', 'timeout']);
});

await run('/aioproc/gjs/task');
