/** Workloads in onnxruntime-web on its Wasm backend: forward passes, each a model of the operators it needs. */
import * as ort from "onnxruntime-web";
import { numbers, sample } from "../data.js";
import { type Factory, type Job, type Library, local, size } from "../library.js";
import { model, type Operand, type Operator } from "./onnx-model.js";

const job = async (
  operators: readonly Operator[],
  inputs: readonly (Operand & { readonly seed: number })[],
  shape: readonly number[],
  constants: Readonly<Record<string, number>> = {},
): Promise<Job> => {
  const bytes = model(operators, inputs, { name: "out", shape }, constants);
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  const feeds = Object.fromEntries(
    inputs.map(({ name, shape, seed }) => {
      const values = numbers(
        shape.reduce((a, b) => a * b, 1),
        seed,
      );
      return [name, new ort.Tensor("float32", values, [...shape])];
    }),
  );
  return {
    async run() {
      await session.run(feeds);
    },
    async result() {
      const out = (await session.run(feeds))["out"]?.data;
      return out instanceof Float32Array ? sample(out) : [];
    },
    async close() {
      await session.release();
    },
  };
};

const unary =
  (type: string): Factory =>
  (p) => {
    const shape = [size(p, "n")];
    return job([{ type, inputs: ["x"], output: "out" }], [{ name: "x", shape, seed: 1 }], shape);
  };

const kinds: Readonly<Record<string, Factory>> = {
  matmul: (p) => {
    if (p["dtype"] !== undefined) return null;
    const [m, k, n] = [size(p, "m"), size(p, "k"), size(p, "n")];
    const batch = p["batch"] === undefined ? [] : [size(p, "batch")];
    return job(
      [{ type: "MatMul", inputs: ["a", "b"], output: "out" }],
      [
        { name: "a", shape: [...batch, m, k], seed: 1 },
        { name: "b", shape: [...batch, k, n], seed: 2 },
      ],
      [...batch, m, n],
    );
  },
  gelu: (p) => {
    const shape = [size(p, "n")];
    const op = (type: string, inputs: string[], output: string): Operator => ({
      type,
      inputs,
      output,
    });
    return job(
      [
        op("Mul", ["x0", "four"], "x"),
        op("Mul", ["x", "x"], "square"),
        op("Mul", ["square", "x"], "cube"),
        op("Mul", ["cube", "c"], "scaled"),
        op("Add", ["scaled", "x"], "sum"),
        op("Mul", ["sum", "k"], "inner"),
        op("Tanh", ["inner"], "t"),
        op("Add", ["t", "one"], "t1"),
        op("Mul", ["x", "half"], "h"),
        op("Mul", ["h", "t1"], "out"),
      ],
      [{ name: "x0", shape, seed: 1 }],
      shape,
      { four: 4, c: 0.044715, k: 0.7978845608028654, one: 1, half: 0.5 },
    );
  },
  exp: unary("Exp"),
  add: (p) => {
    const shape = [size(p, "n")];
    return job(
      [{ type: "Add", inputs: ["x", "y"], output: "out" }],
      [
        { name: "x", shape, seed: 1 },
        { name: "y", shape, seed: 2 },
      ],
      shape,
    );
  },
  softmax: (p) => {
    const shape = [size(p, "rows"), size(p, "columns")];
    return job(
      [{ type: "Softmax", inputs: ["x"], output: "out", attributes: { axis: -1 } }],
      [{ name: "x", shape, seed: 1 }],
      shape,
    );
  },
  layerNorm: (p) => {
    const columns = size(p, "columns");
    const shape = [size(p, "rows"), columns];
    const inputs = ["x", "w", "b"];
    return job(
      [{ type: "LayerNormalization", inputs, output: "out", attributes: { epsilon: 1e-5 } }],
      [
        { name: "x", shape, seed: 1 },
        { name: "w", shape: [columns], seed: 2 },
        { name: "b", shape: [columns], seed: 3 },
      ],
      shape,
    );
  },
  attention: (p) => {
    const [heads, length, width] = [size(p, "heads"), size(p, "length"), size(p, "width")];
    const shape = [heads, length, width];
    return job(
      [
        { type: "Transpose", inputs: ["k"], output: "kt", attributes: { perm: [0, 2, 1] } },
        { type: "MatMul", inputs: ["q", "kt"], output: "s" },
        { type: "Mul", inputs: ["s", "scale"], output: "scaled" },
        { type: "Softmax", inputs: ["scaled"], output: "w", attributes: { axis: -1 } },
        { type: "MatMul", inputs: ["w", "v"], output: "out" },
      ],
      ["q", "k", "v"].map((name, i) => ({ name, shape, seed: i + 1 })),
      shape,
      { scale: width ** -0.5 },
    );
  },
};

/** onnxruntime-web in this process, on so many threads. */
export const onnx = (threads: number): Library => {
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  return local("onnxruntime-web", "1.30.0", `Wasm, ${threads} threads`, kinds);
};
