/** What runs command lists, on one thread or several: one small WebAssembly module, so that a list enters JavaScript once. */
import { type Callee, type Func, type Label, Module } from "../../render/wasm/encoder.js";
import { control, line } from "./control.js";
import { flag, record } from "./records.js";
import { addTurn } from "./turns.js";

/** The clock is read after about so many nanoseconds of work. */
const clockEvery = 100_000;
/** How often a thread looks again before it sleeps: longer than it takes to wake one, or all would sleep at each fork. */
const spins = 100_000;
/** A wait shorter than so many looks is not timed. */
const shortWait = 100;
/** Claims per share of a command: some, so that a thread that is late or slow is helped. */
const claims = 8;

/** Leaves the smaller of two unsigned locals. */
const least = (f: Func, a: number, b: number): Func =>
  f.get(a).get(b).get(a).get(b).op("i32.lt_u").select("i32");

/** Runs the next piece, start up to stop, of the record `at`. */
const callKernel = (
  f: Func,
  kernel: number,
  at: number,
  start: number,
  stop: number,
  scratch: number,
): void => {
  f.get(at).op("i32.load", record.args).get(start).get(stop).get(scratch);
  f.get(at).op("i32.load", record.kernel).callIndirect(kernel);
};

interface Clock {
  readonly now: Callee;
  /** f64 and f32 locals: when to stop, and nanoseconds of work since the clock was read. */
  readonly deadline: number;
  readonly spent: number;
}

/** Counts the work of a piece, and leaves by `late` once the deadline has passed. */
const checkTime = (
  f: Func,
  { now, deadline, spent }: Clock,
  at: number,
  start: number,
  stop: number,
  late: () => void,
): void => {
  f.get(stop).get(start).op("i32.sub").op("f32.convert_i32_u");
  f.get(at).op("f32.load", record.cost).op("f32.mul").get(spent).op("f32.add").tee(spent);
  f.f32(clockEvery)
    .op("f32.gt")
    .if(() => {
      f.f32(0).set(spent);
      f.call(now).get(deadline).op("f64.gt").if(late);
    });
};

/**
 * drain(control, thread, epoch, scratch, deadline): runs tiles of the fork `epoch`, the thread's own share first and
 * then those of the others, until none is left unclaimed or the deadline has passed; gives back how many.
 *
 * A claim moves the next tile of a share by compare-and-exchange on a word that carries the epoch. So it succeeds only
 * while the fork is open, and what is read of the fork between reading the word and the claim, or after it, is right.
 */
const addDrain = (m: Module, kernel: number, now: Clock["now"]): Func => {
  const f = m.func(["i32", "i32", "i32", "i32", "f64"], ["i32"]);
  const [base, me, epoch, scratch, deadline] = [0, 1, 2, 3, 4];
  const k = f.local("i32");
  const share = f.local("i32");
  const end = f.local("i32");
  const start = f.local("i32");
  const stop = f.local("i32");
  const at = f.local("i32");
  const count = f.local("i32");
  const word = f.local("i64");
  const spent = f.local("f32");
  f.loop((another) => {
    f.get(me).get(k).op("i32.add").get(base).op("i32.load", control.threads).op("i32.rem_u");
    f.i32(line.bytes).op("i32.mul").get(base).op("i32.add").set(share);
    f.block((empty) => {
      f.loop((more) => {
        f.get(share)
          .op("i64.atomic.load", line.first + line.share)
          .tee(word);
        f.i64(32n).op("i64.shr_u").op("i32.wrap_i64").get(epoch).op("i32.ne");
        f.if(() => f.get(count).return());
        f.get(share)
          .op("i32.atomic.load", line.first + line.end)
          .set(end);
        f.get(word).op("i32.wrap_i64").tee(start).get(end).op("i32.ge_u").brIf(empty);
        f.get(start).get(base).op("i32.atomic.load", control.chunk).op("i32.add").set(stop);
        least(f, stop, end).set(stop);
        f.get(share).get(word);
        f.get(word).i64(-4294967296n).op("i64.and");
        f.get(stop).op("i64.extend_i32_u").op("i64.or");
        f.op("i64.atomic.rmw.cmpxchg", line.first + line.share);
        f.get(word).op("i64.ne").brIf(more);
        f.get(base).op("i32.atomic.load", control.job).set(at);
        callKernel(f, kernel, at, start, stop, scratch);
        f.get(count).get(stop).op("i32.add").get(start).op("i32.sub").set(count);
        checkTime(f, { now, deadline, spent }, at, start, stop, () => f.get(count).return());
        f.br(more);
      });
    });
    f.get(k).i32(1).op("i32.add").tee(k);
    f.get(base).op("i32.load", control.threads).op("i32.lt_u").brIf(another);
  });
  f.get(count);
  return f;
};

/** fork(control, at): offers the tiles of the record `at` to all threads, in shares of equal length. */
const addFork = (m: Module): Func => {
  const f = m.func(["i32", "i32"]);
  const [base, at] = [0, 1];
  const threads = f.local("i32");
  const tiles = f.local("i32");
  const epoch = f.local("i32");
  const each = f.local("i32");
  const k = f.local("i32");
  const share = f.local("i32");
  const bound = f.local("i32");
  const overThreads = (body: () => void): void => {
    f.i32(0).set(k).get(base).set(share);
    f.loop((another) => {
      body();
      f.get(share).i32(line.bytes).op("i32.add").set(share);
      f.get(k).i32(1).op("i32.add").tee(k).get(threads).op("i32.lt_u").brIf(another);
    });
  };
  const tagged = (tag: number): void => {
    f.get(epoch).i32(tag).op("i32.add").op("i64.extend_i32_u").i64(32n).op("i64.shl");
  };
  f.get(base).op("i32.load", control.threads).set(threads);
  f.get(base).op("i32.load", control.epoch).set(epoch);
  f.get(at).op("i32.load", record.tiles).tee(tiles);
  f.get(threads).op("i32.add").i32(1).op("i32.sub").get(threads).op("i32.div_u").set(each);
  // First close the shares, then write what claims read: late workers must not claim by the new bounds.
  overThreads(() => {
    f.get(share);
    tagged(1);
    f.op("i64.atomic.store", line.first + line.share);
  });
  f.i32(0).set(bound);
  overThreads(() => {
    f.get(bound).get(each).op("i32.add").set(bound);
    f.get(share);
    least(f, bound, tiles).op("i32.atomic.store", line.first + line.end);
  });
  f.get(base).get(at).op("i32.atomic.store", control.job);
  f.get(tiles).get(threads).i32(claims).op("i32.mul").op("i32.div_u").i32(1).op("i32.add");
  f.set(bound).get(at).op("i32.load", record.chunk).set(each);
  f.get(base);
  least(f, bound, each).op("i32.atomic.store", control.chunk);
  f.get(base).i32(0).op("i32.atomic.store", control.done);
  f.get(base).i32(0).op("i32.store", control.own);
  f.get(base).i32(1).op("i32.store", control.open);
  f.get(base).get(base).op("i32.load", control.forks).i32(1).op("i32.add");
  f.op("i32.store", control.forks);
  f.i32(0).set(bound);
  overThreads(() => {
    f.get(share);
    tagged(2);
    least(f, bound, tiles).op("i64.extend_i32_u").op("i64.or");
    f.op("i64.atomic.store", line.first + line.share);
    f.get(share)
      .op("i32.atomic.load", line.first + line.end)
      .set(bound);
  });
  f.get(base).get(epoch).i32(2).op("i32.add").op("i32.atomic.store", control.epoch);
  f.get(at).op("i32.load", record.flags).i32(flag.large).op("i32.and");
  f.if(() => {
    f.get(base).op("i32.atomic.load", control.sleepers);
    f.if(() => f.get(base).get(threads).op("memory.atomic.notify", control.epoch).drop());
  });
  return f;
};

/** Adds a value to the f64 at `base` + `offset`. */
const accumulate = (f: Func, base: number, offset: number, value: () => void): void => {
  f.get(base).get(base).op("f64.load", offset);
  value();
  f.op("f64.add").op("f64.store", offset);
};

interface Walk {
  readonly at: number;
  readonly scratch: number;
  readonly base: number;
  readonly tiles: number;
  readonly clock: Clock;
}

/** The record's tiles on all threads: forks unless that is done, takes part, and waits for the others. */
const shared = (f: Func, w: Walk, drain: Func, fork: Func): void => {
  const { at, scratch, base, tiles, clock } = w;
  const own = f.local("i32");
  const done = f.local("i32");
  const looks = f.local("i32");
  const since = f.local("f64");
  const giveUp = (): void => {
    f.get(looks).i32(shortWait).op("i32.gt_u");
    f.if(() =>
      accumulate(f, base, control.waited, () => f.call(clock.now).get(since).op("f64.sub")),
    );
  };
  f.get(base).op("i32.load", control.open).op("i32.eqz");
  f.if(() => f.get(base).get(at).call(fork));
  f.get(base).i32(0).get(base).op("i32.load", control.epoch).get(scratch).get(clock.deadline);
  f.call(drain).get(base).op("i32.load", control.own).op("i32.add").set(own);
  f.get(base).get(own).op("i32.store", control.own);
  f.i32(0).set(looks);
  f.block((joined) => {
    f.loop((again) => {
      f.get(base).op("i32.atomic.load", control.done).tee(done);
      f.get(own).op("i32.add").get(tiles).op("i32.eq").brIf(joined);
      f.get(looks).i32(1).op("i32.add").tee(looks).i32(shortWait).op("i32.eq");
      f.if(() => {
        f.call(clock.now).tee(since).get(clock.deadline).op("f64.gt");
        f.if(() => f.get(at).return());
      });
      f.get(looks).i32(spins).op("i32.lt_u").brIf(again);
      giveUp();
      f.get(at).return();
    });
  });
  giveUp();
  f.get(base).i32(0).op("i32.store", control.open);
  accumulate(f, base, control.helped, () => {
    f.get(done).op("f64.convert_i32_u");
    f.get(at).op("f32.load", record.cost).op("f64.promote_f32").op("f64.mul");
  });
};

/** The record's tiles on this thread, from where it was paused. */
const serial = (f: Func, w: Walk, kernel: number): void => {
  const { at, scratch, tiles, clock } = w;
  const start = f.local("i32");
  const stop = f.local("i32");
  const finished = (done: Label): void => {
    f.get(start).get(tiles).op("i32.ge_u").brIf(done);
  };
  f.get(at).op("i32.load", record.next).set(start);
  f.block((done) => {
    f.loop((more) => {
      finished(done);
      f.get(start).get(at).op("i32.load", record.chunk).op("i32.add").set(stop);
      least(f, stop, tiles).set(stop);
      callKernel(f, kernel, at, start, stop, scratch);
      checkTime(f, clock, at, start, stop, () => {
        f.get(at).get(stop).op("i32.store", record.next);
        f.get(at).return();
      });
      f.get(stop).set(start).br(more);
    });
  });
  f.get(at).op("i32.load", record.next);
  f.if(() => f.get(at).i32(0).op("i32.store", record.next));
};

/**
 * walk(at, end, scratch, control, deadline): runs the records from `at` up to `end` in order, alone where `control` is
 * 0. Gives back the record to go on with: `end`, or one before it where the deadline has passed or other threads keep
 * it waiting.
 */
const addWalk = (m: Module, kernel: number, now: Clock["now"], threads: boolean): void => {
  const drain = threads ? addDrain(m, kernel, now) : null;
  const fork = threads ? addFork(m) : null;
  const turn = addTurn(m);
  const f = m.func(["i32", "i32", "i32", "i32", "f64"], ["i32"]);
  const [at, end, scratch, base, deadline] = [0, 1, 2, 3, 4];
  const w: Walk = {
    at,
    scratch,
    base,
    tiles: f.local("i32"),
    clock: { now, deadline, spent: f.local("f32") },
  };
  f.block((done) => {
    f.loop((next) => {
      f.get(at).get(end).op("i32.ge_u").brIf(done);
      f.get(at).op("i32.load", record.flags).i32(flag.turn).op("i32.and");
      f.if(() => f.get(at).call(turn).set(at).br(next));
      f.get(at).op("i32.load", record.tiles).set(w.tiles);
      if (drain === null || fork === null) serial(f, w, kernel);
      else {
        // A list that began without others, or paused inside a command, finishes that command alone.
        f.get(base).i32(0).op("i32.ne");
        f.get(at).op("i32.load", record.flags).i32(flag.serial).op("i32.and").op("i32.eqz");
        f.op("i32.and").get(at).op("i32.load", record.next).op("i32.eqz").op("i32.and");
        f.if(
          () => shared(f, w, drain, fork),
          () => serial(f, w, kernel),
        );
      }
      f.get(at).i32(record.bytes).op("i32.add").set(at).br(next);
    });
  });
  f.get(at);
  m.export("walk", f);
  if (drain !== null) addServe(m, drain);
};

/**
 * serve(control, thread, epoch, installed): takes part in all forks after `epoch`. Gives back the last one it knows of
 * when it shall end, or when there are more than `installed` kernels.
 */
const addServe = (m: Module, drain: Func): void => {
  const f = m.func(["i32", "i32", "i32", "i32"], ["i32"]);
  const [base, me, seen, installed] = [0, 1, 2, 3];
  const mine = f.local("i32");
  const epoch = f.local("i32");
  const looks = f.local("i32");
  const count = f.local("i32");
  const busy = (on: number): void => {
    f.get(mine)
      .i32(on)
      .op("i32.atomic.store", line.first + line.busy);
  };
  const sleeping = (by: number): void => {
    f.get(base).i32(by).op("i32.atomic.rmw.add", control.sleepers).drop();
  };
  f.get(me).i32(line.bytes).op("i32.mul").get(base).op("i32.add").set(mine);
  f.loop((next) => {
    f.i32(0).set(looks);
    f.block((changed) => {
      f.loop((again) => {
        f.get(base).op("i32.atomic.load", control.epoch).tee(epoch).get(seen).op("i32.ne");
        f.brIf(changed);
        f.get(looks).i32(1).op("i32.add").tee(looks).i32(spins).op("i32.lt_u").brIf(again);
        sleeping(1);
        f.get(base).get(seen).i64(-1n).op("memory.atomic.wait32", control.epoch).drop();
        sleeping(-1);
        f.i32(0).set(looks).br(again);
      });
    });
    f.get(base).op("i32.atomic.load", control.stop);
    f.get(base).op("i32.atomic.load", control.newsCount).get(installed).op("i32.ne").op("i32.or");
    f.if(() => f.get(seen).return());
    f.get(epoch).set(seen);
    busy(1);
    f.get(base).get(me).get(epoch);
    f.get(mine).op("i32.atomic.load", line.first + line.scratch);
    f.f64(Number.POSITIVE_INFINITY).call(drain).tee(count);
    f.if(() => {
      f.get(base).get(count).op("i32.atomic.rmw.add", control.done).drop();
      f.get(base).op("i32.atomic.load", control.waiting);
      f.if(() => f.get(base).i32(1).op("memory.atomic.notify", control.done).drop());
    });
    busy(0);
    f.br(next);
  });
  f.get(seen);
  m.export("serve", f);
};

/** A module that imports `env.memory`, the kernel table `env.table` and the clock `env.now` (milliseconds). */
export const walkerModule = (threads: boolean): Uint8Array<ArrayBuffer> => {
  const m = new Module({ shared: threads, table: true });
  const kernel = m.signature(["i32", "i32", "i32", "i32"]);
  const now = m.import("env", "now", [], ["f64"]);
  addWalk(m, kernel, now, threads);
  return m.bytes();
};
