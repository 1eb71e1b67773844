/** A character-level GPT: its parameters as a plain tree, and the functions from tokens to logits and loss. */
import * as mx from "cotangent";

export interface Config {
  /** Number of characters. */
  readonly vocabulary: number;
  /** Longest sequence. */
  readonly context: number;
  /** Width of the residual stream. */
  readonly width: number;
  readonly heads: number;
  readonly layers: number;
}

/** Causal self-attention. */
interface Attention {
  norm: mx.NDArray;
  /** [width, 3 · width]: queries, keys and values. */
  qkv: mx.NDArray;
  out: mx.NDArray;
}

interface Mlp {
  norm: mx.NDArray;
  /** [width, 4 · width] */
  up: mx.NDArray;
  down: mx.NDArray;
}

interface Block {
  attention: Attention;
  mlp: Mlp;
}

export interface Parameters {
  /** [vocabulary, width]; also the output layer. */
  embedding: mx.NDArray;
  /** [context, width] */
  positions: mx.NDArray;
  blocks: Block[];
  norm: mx.NDArray;
}

/** About 200,000 parameters for a vocabulary of 100 characters. */
export const configFor = (vocabulary: number, context: number): Config => ({
  vocabulary,
  context,
  width: 64,
  heads: 4,
  layers: 4,
});

/** Fresh parameters, decided by the seed. */
export const initialize = (config: Config, seed: number): Parameters => {
  const { width, layers } = config;
  const keys = [...mx.random.split(mx.random.key(seed), 2 + 4 * layers)];
  const normal = (shape: mx.Shape, scale: number): mx.NDArray => {
    const key = keys.pop();
    if (key === undefined) throw new RangeError("one random key per matrix");
    return mx.random.normal({ shape, scale, key });
  };
  const scale = width ** -0.5;
  // What each block adds to the residual stream starts small, so that depth does not blow it up.
  const residual = scale / Math.sqrt(2 * layers);
  return {
    embedding: normal([config.vocabulary, width], 0.02),
    positions: normal([config.context, width], 0.02),
    blocks: Array.from({ length: layers }, () => ({
      attention: {
        norm: mx.ones([width]),
        qkv: normal([width, 3 * width], scale),
        out: normal([width, width], residual),
      },
      mlp: {
        norm: mx.ones([width]),
        up: normal([width, 4 * width], scale),
        down: normal([4 * width, width], residual / 2),
      },
    })),
    norm: mx.ones([width]),
  };
};

const gelu = (x: mx.NDArray): mx.NDArray => {
  const inner = x.multiply(mx.square(x).multiply(0.044715).add(1)).multiply(Math.sqrt(2 / Math.PI));
  return x.multiply(0.5).multiply(mx.tanh(inner).add(1));
};

/** [batch, time, width] to the same: every position looks at itself and those before it. */
const attend = (p: Attention, x: mx.NDArray, heads: number): mx.NDArray => {
  const [batch = 0, time = 0, width = 0] = x.shape;
  const size = width / heads;
  const [q, k, v] = mx
    .split(mx.matmul(mx.fast.rmsNorm(x, p.norm, 1e-5), p.qkv), 3, -1)
    .map((part) => part.reshape([batch, time, heads, size]).transpose([0, 2, 1, 3]));
  if (q === undefined || k === undefined || v === undefined) throw new RangeError("three parts");
  const scores = mx.matmul(q.multiply(size ** -0.5), k.transpose([0, 1, 3, 2]));
  const position = mx.arange(time);
  const visible = mx.greaterEqual(position.reshape([time, 1]), position);
  const weights = mx.softmax(mx.where(visible, scores, -1e9), -1);
  const mixed = mx.matmul(weights, v).transpose([0, 2, 1, 3]).reshape([batch, time, width]);
  return mx.matmul(mixed, p.out);
};

const transform = (p: Mlp, x: mx.NDArray): mx.NDArray =>
  mx.matmul(gelu(mx.matmul(mx.fast.rmsNorm(x, p.norm, 1e-5), p.up)), p.down);

/** What the model makes of tokens [batch, time] before its output layer: [batch, time, width]. */
export const features = (p: Parameters, config: Config, tokens: mx.NDArray): mx.NDArray => {
  const time = tokens.shape[1] ?? 0;
  const positions = mx.take(p.positions, mx.arange(time), 0);
  let x = mx.take(p.embedding, tokens, 0).add(positions);
  for (const block of p.blocks) {
    x = x.add(attend(block.attention, x, config.heads));
    x = x.add(transform(block.mlp, x));
  }
  return mx.fast.rmsNorm(x, p.norm, 1e-5);
};

/** Features [..., width] to logits [..., vocabulary]. */
export const logits = (p: Parameters, x: mx.NDArray): mx.NDArray =>
  mx.matmul(x, p.embedding.transpose());

/** Mean cross entropy, in nats per character, of the targets [batch, time] that follow the tokens. */
export const loss = (
  p: Parameters,
  config: Config,
  tokens: mx.NDArray,
  targets: mx.NDArray,
): mx.NDArray => {
  const scores = logits(p, features(p, config, tokens));
  const chosen = mx.takeAlongAxis(scores, mx.expandDims(targets, -1), -1);
  return mx.mean(mx.logsumexp(scores, -1).subtract(mx.squeeze(chosen, -1)));
};

/** Number of parameters. */
export const count = (p: Parameters): number =>
  mx.treeFlatten(p).reduce((sum, [, leaf]) => sum + leaf.size, 0);
