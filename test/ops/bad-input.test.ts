/** Every public function refuses what it cannot take, in a named error that says operation, expectation and finding. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import { complaintsOf } from "./bad-input.js";
import { namespaces, rows } from "./bad-input-rows.js";

/** Functions without a row, with the reason. */
const exempt: Readonly<Record<string, readonly string[]>> = {
  "takes whatever it is given": ["asyncEval", "dispose", "eval"],
  "takes nothing": [
    "clearCache",
    "clearStreams",
    "disableCompile",
    "enableCompile",
    "getActiveMemory",
    "getCacheMemory",
    "getPeakMemory",
    "getPrintoptions",
    "resetPeakMemory",
  ],
  "tested with files": [
    "exportFunction",
    "exporter",
    "importFunction",
    "load",
    "save",
    "saveGguf",
    "saveSafetensors",
    "savez",
    "savezCompressed",
  ],
  "tested with kernels": ["fast.wasmKernel"],
  "tested with modules": ["nn.quantize", "nn.valueAndGrad"],
  "changes the whole program, or tells of it; tested where that is": [
    "configure",
    "defaultDevice",
    "defaultStream",
    "deviceCount",
    "deviceInfo",
    "exportToDot",
    "isAvailable",
    "newStream",
    "newThreadLocalStream",
    "newThreadUnsafeStream",
    "setBlas",
    "setCacheLimit",
    "setDefaultDevice",
    "setDefaultStream",
    "setMemoryLimit",
    "setPrintoptions",
    "setThreads",
    "setWiredLimit",
    "stream",
    "synchronize",
  ],
};
const withoutRow = new Set(Object.values(exempt).flat());

/** What is right although it looks spoilt. */
const fine: readonly RegExp[] = [
  // null stands for none.
  /^fast\.(?:layerNorm [12]|rmsNorm 1)=null$/,
  /(?:weights|key|lhsIndices|rhsIndices|maskOut)=null$/,
  // Lists of any numbers are data.
  /^mx\.(?:array|asarray) 0=\[/,
  // Nothing to join or to draw from is nothing, and everything is optional.
  /^mx\.(?:atleast[123]d|broadcastArrays|broadcastShapes|meshgrid|slice) without arguments$/,
  /^random\.(?:bernoulli|gumbel|laplace|normal|uniform) without arguments$/,
  // Clamped, as in MLX.
  /^mx\.flatten (?:startAxis=-99|endAxis=99)$/,
  // Trees hold anything.
  /^mx\.(?:cond 3|scan [12])=(?:null|\{\})$/,
  /^mx\.tree(?:Flatten|Map|MapWithPath|Merge|Reduce) /,
  // null is the default.
  /^mx\.tensordot axes=null$/,
  // An object is a tree of axes, which is held against arguments when they come.
  /^mx\.vmap (?:in|out)Axes=\{\}$/,
  // A boundary between steps is one.
  /^optimizers\.joinSchedules 1=\[(?:0\.5|NaN)\]$/,
];

type Fn = (...args: readonly unknown[]) => unknown;
const isFunction = (x: unknown): x is Fn =>
  typeof x === "function" && !Function.prototype.toString.call(x).startsWith("class");

for (const [space, exported] of Object.entries(namespaces)) {
  test(`${space}: every function has a row`, () => {
    const missing = Object.entries(exported)
      .filter(([name, fn]) => isFunction(fn) && rows[space]?.[name] === undefined)
      .map(([name]) => name)
      .filter((name) => !withoutRow.has(space === "mx" ? name : `${space}.${name}`));
    assert.deepEqual(missing, [], "add rows to bad-input-rows.ts");
  });

  test(`${space}: spoilt calls are refused by name`, () => {
    const complaints: string[] = [];
    for (const [name, args] of Object.entries(rows[space] ?? {})) {
      const fn: unknown = Reflect.get(exported, name);
      assert.ok(isFunction(fn), `${space}.${name} is no function`);
      mx.eval(fn(...args));
      const found = complaintsOf(`${space}.${name}`, fn, undefined, args, (call) =>
        fine.some((rule) => rule.test(call)),
      );
      complaints.push(...found.map(({ call, what }) => `${call}: ${what}`));
    }
    assert.deepEqual(complaints, []);
  });
}

test("methods refuse what functions of their name refuse", () => {
  const complaints: string[] = [];
  for (const [name, [self, ...args]] of Object.entries(rows.mx ?? {})) {
    if (!(self instanceof mx.NDArray)) continue;
    const method: unknown = Reflect.get(self, name);
    if (!isFunction(method)) continue;
    const found = complaintsOf(`mx.${name}`, method, self, args, (call) =>
      fine.some((rule) => rule.test(call.replace(/ (\d)=/, (_, i) => ` ${Number(i) + 1}=`))),
    );
    complaints.push(
      ...found
        .filter(({ call }) => !call.endsWith("without arguments"))
        .map(({ call, what }) => `array.${call}: ${what}`),
    );
  }
  assert.deepEqual(complaints, []);
});

test("indices of every kind are refused by name", () => {
  const x = mx.arange(12).reshape(3, 4);
  const whole = mx.array([0, 1], mx.int32);
  assert.throws(() => mx.slice(0.5), mx.IndexError);
  const bad: readonly (readonly unknown[])[] = [
    [7],
    [-4],
    [0.5],
    [Number.NaN],
    ["1:2:0"],
    ["a"],
    [{}],
    [undefined],
    [() => 1],
    [0, 0, 0],
    ["...", "..."],
    [mx.array([0.5])],
    [mx.array([true, false])],
    [mx.array([5], mx.int32)],
    [whole, mx.array([0, 1, 2], mx.int32)],
  ];
  for (const index of bad) {
    const label = index.map(String).join();
    for (const [name, run] of Object.entries({
      get: () => mx.eval(Reflect.apply(x.get, x, [...index])),
      set: () => {
        const y = mx.array(x);
        Reflect.apply(y.set, y, [index, 1]);
        mx.eval(y);
      },
      at: () => mx.eval(Reflect.apply(x.at, x, [...index]).add(1)),
    })) {
      assert.throws(
        run,
        (e) =>
          e instanceof mx.CotangentError && e.code !== "internal" && /^\[.+\] /.test(e.message),
        `${name} ${label}`,
      );
    }
  }
});
