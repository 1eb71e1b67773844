/** The records that say where a command list goes on: loops with pointers that move, and branches; walked in WebAssembly. */
import type { Func, Module } from "../../render/wasm/encoder.js";
import { fixBytes, loopBlock, loopEntry, record, turn } from "./records.js";

/** turn(at): does what the record `at` says and gives back the record to go on with. */
export const addTurn = (m: Module): Func => {
  const f = m.func(["i32"], ["i32"]);
  const at = 0;
  const block = f.local("i32");
  const code = f.local("i32");
  const entry = f.local("i32");
  const end = f.local("i32");
  const now = f.local("i32");
  const other = f.local("i32");
  const fix = f.local("i32");
  const fixes = f.local("i32");
  const onward = (): void => {
    f.get(at).i32(record.bytes).op("i32.add").return();
  };
  const leave = (): void => {
    f.get(at).op("i32.load", record.target).return();
  };
  const when = (c: number, then: () => void): void => {
    f.get(code).i32(c).op("i32.eq").if(then);
  };
  const overEntries = (body: () => void): void => {
    f.get(block).i32(loopBlock.entries).op("i32.add").set(entry);
    f.get(block).op("i32.load", loopBlock.end).set(end);
    f.block((done) => {
      f.loop((more) => {
        f.get(entry).get(end).op("i32.ge_u").brIf(done);
        body();
        f.get(entry).i32(loopEntry.bytes).op("i32.add").set(entry).br(more);
      });
    });
  };
  const unlessFlag = (then: () => void): void => {
    f.get(block).op("i32.load", loopBlock.flag).op("i32.load8_u");
    f.if(onward, then);
  };
  f.get(at).op("i32.load", record.kernel).set(code);
  f.get(at).op("i32.load", record.args).set(block);
  when(turn.next, () => {
    f.get(block).get(block).op("i32.load", loopBlock.left).i32(1).op("i32.sub").tee(now);
    f.op("i32.store", loopBlock.left).get(now).op("i32.eqz").if(onward);
  });
  when(turn.jump, leave);
  when(turn.branch, () => unlessFlag(leave));
  when(turn.test, () => {
    unlessFlag(() => {
      overEntries(() => {
        f.get(entry).op("i32.load", loopEntry.partner).tee(other);
        f.if(() => {
          f.get(other).op("i32.load", loopEntry.second).tee(other);
          f.get(entry).op("i32.load", loopEntry.now).tee(now).op("i32.ne");
          f.if(() => f.get(other).get(now).get(entry).op("i32.load", loopEntry.step).copy());
        });
      });
      leave();
    });
  });
  f.get(code).op("i32.eqz");
  f.if(() => {
    f.get(block).get(block).op("i32.load", loopBlock.count).op("i32.store", loopBlock.left);
  });
  overEntries(() => {
    f.get(code).op("i32.eqz");
    f.if(
      () => {
        f.get(entry).op("i32.load", loopEntry.first).set(now);
        f.get(entry).get(entry).op("i32.load", loopEntry.second).tee(other).get(now).op("i32.xor");
        f.i32(0).get(other).select("i32").op("i32.store", loopEntry.mask);
      },
      () => {
        f.get(entry).op("i32.load", loopEntry.partner).tee(other);
        f.if(
          () => f.get(other).op("i32.load", loopEntry.now).set(now),
          () => {
            f.get(entry).op("i32.load", loopEntry.now);
            f.get(entry).op("i32.load", loopEntry.step).op("i32.add");
            f.get(entry).op("i32.load", loopEntry.mask).op("i32.xor").set(now);
          },
        );
      },
    );
    f.get(entry).get(now).op("i32.store", loopEntry.now);
    f.get(entry).op("i32.load", loopEntry.from).set(fix);
    f.get(entry).op("i32.load", loopEntry.to).set(fixes);
    f.block((done) => {
      f.loop((more) => {
        f.get(fix).get(fixes).op("i32.ge_u").brIf(done);
        f.get(fix).op("i32.load").get(fix).op("i32.load", 4).get(now).op("i32.add");
        f.op("i32.store").get(fix).i32(fixBytes).op("i32.add").set(fix).br(more);
      });
    });
  });
  f.get(code).op("i32.eqz").if(onward);
  leave();
  f.get(at);
  return f;
};
