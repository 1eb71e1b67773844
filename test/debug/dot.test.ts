/** Pictures of graphs: what is drawn, how it is named, and what is refused. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { instance } from "@viz-js/viz";
import * as mx from "../../src/index.js";

const draw = (
  ...args: Parameters<typeof mx.exportToDot> extends [unknown, ...infer R] ? R : never
) => {
  let dot = "";
  mx.exportToDot({ write: (text) => (dot += text) }, ...args);
  return dot;
};

const count = (text: string, part: RegExp): number => text.match(part)?.length ?? 0;

test("every application is one box with primitive, shape and dtype", async () => {
  const x = mx.array([1, 2, 3]);
  const s = mx.sin(x);
  const y = s.multiply(s);
  const dot = draw(y, { x, 'the "result"': y });
  assert.equal(count(dot, /shape=box/g), 2);
  assert.equal(count(dot, /shape=ellipse/g), 1);
  assert.equal(count(dot, / -> /g), 3);
  assert.ok(dot.includes('label="x = data\\nfloat32 [3]"'));
  assert.ok(dot.includes('label="sin\\nfloat32 [3]"'));
  assert.ok(dot.includes('label="the \\"result\\" = multiply\\nfloat32 [3]"'));
  const svg = (await instance()).renderString(dot, { format: "svg_inline" });
  assert.ok(svg.includes("multiply"));
});

test("a derivative's graph holds the function's", () => {
  const x = mx.array([1, 2]);
  const [, [dx]] = mx.vjp((t) => mx.sin(t), [x], [mx.ones([2])]);
  assert.match(draw(dx), /label="cos\\n/);
  assert.match(draw(dx), /label="constant 1\\nfloat32 \[2\]"/);
});

test("several results of one application share a box", () => {
  const order = mx.argsort(mx.array([3, 1, 2]));
  const dot = draw(order.add(order));
  assert.equal(count(dot, /label="sort/g), 1);
  assert.ok(dot.includes("float32 [3]\\nuint32 [3]"));
  assert.equal(count(dot, /-> n\d+ \[label="1"\]/g), 2);
});

test("what has been evaluated is data", () => {
  const y = mx.sin(mx.array([1, 2]));
  mx.eval(y);
  const dot = draw(y);
  assert.equal(count(dot, / -> /g), 0);
  assert.ok(dot.includes("data"));
});

test("a file is written whole", () => {
  const folder = mkdtempSync(join(tmpdir(), "dot-"));
  try {
    const path = join(folder, "graph.dot");
    const y = mx.sin(mx.array(1));
    mx.exportToDot(path, y);
    assert.equal(readFileSync(path, "utf8"), draw(y));
    assert.deepEqual(readdirSync(folder), ["graph.dot"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("wrong arguments are refused", () => {
  const refuses = (args: readonly unknown[], message: RegExp): void => {
    assert.throws(
      () => Reflect.apply(mx.exportToDot, undefined, args),
      (error) => {
        assert.ok(error instanceof mx.ArgumentError);
        assert.match(error.message, message);
        return true;
      },
    );
  };
  const x = mx.array([1]);
  refuses(["graph.dot"], /at least one array/);
  refuses(["graph.dot", 3], /arrays to be an array or a tree/);
  refuses(["graph.dot", x, { x: 3 }], /under "x"/);
  refuses([3, x], /a path or an object with write/);
});
