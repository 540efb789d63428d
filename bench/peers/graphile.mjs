// Graphile Worker, a job queue for Node on PostgreSQL, by the commands of protocol.py.
//
// node graphile.mjs COMMAND '{"url": "…", "jobs": 1000}'
//
// This file is copied beside the packages that it needs. A tally is written as tally.py lays it
// out: one process, so one slot, and no lock.

import fs from "node:fs";
import readline from "node:readline";
import { setTimeout as rest } from "node:timers/promises";
import { Logger, makeWorkerUtils, run, runMigrations } from "graphile-worker";
import pg from "pg";

const TASK = "nothing";
const WATCH_MS = 5;
const LEAST_PAUSE_MS = 10, MOST_PAUSE_MS = 20;
const UNSETTLED = "SELECT EXISTS (SELECT FROM graphile_worker._private_jobs) AS left";
const [command, text] = process.argv.slice(2);
const given = JSON.parse(text);
const connectionString = given.url;
const logger = new Logger(() => () => {}); // standard output belongs to the bench

const monotonic = () => Number(process.hrtime.bigint()) / 1e9;
const say = (event, more = {}) => fs.writeSync(1, JSON.stringify({ event, ...more }) + "\n");

// --- talking ----------------------------------------------------------------------------------

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function waitForGo() {
  if ((await lines.next()).done) process.exit(1);
}

async function measured(jobs, body) {
  say("ready");
  await waitForGo();
  const more = {}, started = monotonic();
  await body(more);
  say("done", { jobs, seconds: monotonic() - started, ...more });
  await waitForGo();
}

// --- counting ---------------------------------------------------------------------------------

class Tally {
  constructor(path, slots) {
    this.file = fs.openSync(path, "r+");
    this.counts = 8 * (slots + 1);
    this.head = this.counts + 8 * slots;
    this.size = fs.fstatSync(this.file).size;
    this.total = 0;
    this.eight = Buffer.alloc(8);
    this.seen = new Set();
  }

  hit(number) {
    if (this.total === 0) this.stamp(this.counts);
    const place = this.head + 8 * number;
    if (place < this.size && !this.seen.has(number)) {
      this.seen.add(number);
      this.stamp(place);
    }
    this.total += 1;
    this.eight.writeBigUInt64LE(BigInt(this.total));
    fs.writeSync(this.file, this.eight, 0, 8, 0);
  }

  stamp(place) {
    this.eight.writeDoubleLE(monotonic());
    fs.writeSync(this.file, this.eight, 0, 8, place);
  }
}

// --- commands ---------------------------------------------------------------------------------

async function produce() {
  const utils = await makeWorkerUtils({ connectionString, logger });
  const jobs = given.jobs;
  const enqueue = (number) => utils.addJob(TASK, { number });
  if (given.warm ?? true) await enqueue(jobs);
  if (command === "latency") return produceSlowly(jobs, enqueue);
  await measured(jobs, async () => {
    if (command === "one") {
      for (let number = 0; number < jobs; number++) await enqueue(number);
    } else if (command === "concurrent") {
      const some = async (first) => {
        for (let number = first; number < jobs; number += given.tasks) await enqueue(number);
      };
      await Promise.all(Array.from({ length: given.tasks }, (_, first) => some(first)));
    } else {
      const all = Array.from({ length: jobs }, (_, number) => number);
      await utils.addJobs(all.map((number) => ({ identifier: TASK, payload: { number } })));
    }
  });
}

async function produceSlowly(jobs, enqueue) {
  const called = [];
  await measured(jobs, async (more) => {
    const started = monotonic();
    for (let number = 0; number < jobs; number++) {
      const pause = given.rate
        ? 1000 * Math.max(0, started + number / given.rate - monotonic())
        : LEAST_PAUSE_MS + (MOST_PAUSE_MS - LEAST_PAUSE_MS) * Math.random();
      await rest(pause);
      called.push(monotonic());
      await enqueue(number);
    }
    more.called = called;
  });
}

async function work() {
  say("ready");
  await waitForGo();
  const tally = new Tally(process.env.BENCH_TALLY, Number(process.env.BENCH_TALLY_SLOTS));
  const pause = 1000 * (given.sleep ?? 0);
  await run({
    connectionString,
    logger,
    noHandleSignals: true,
    preset: {
      worker: {
        concurrentJobs: given.concurrency ?? given.concurrentJobs,
        localQueue: { size: given.localQueue },
        completeJobBatchDelay: given.completeJobBatchDelay,
      },
    },
    taskList: {
      [TASK]: async ({ number }) => {
        tally.hit(number);
        if (pause) await rest(pause);
      },
    },
  });
  if (given.jobs === undefined) return;
  const look = new pg.Client({ connectionString });
  await look.connect();
  while (tally.total < given.jobs || (await look.query(UNSETTLED)).rows[0].left) await rest(WATCH_MS);
  say("done", { jobs: given.jobs, settled: monotonic(), runs: tally.total });
  await waitForGo();
  process.exit(0);
}

if (command === "setup") {
  await runMigrations({ connectionString, logger });
  say("done");
} else if (command === "worker") {
  await work();
} else {
  await produce();
  process.exit(0);
}
