/** A character-level GPT: embeddings, blocks of attention and hidden layers, and the loss. */
import * as mx from "cotangent";
import * as nn from "cotangent/nn";

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

/** About 200,000 parameters for a vocabulary of 100 characters. */
export const configFor = (vocabulary: number, context: number): Config => ({
  vocabulary,
  context,
  width: 64,
  heads: 4,
  layers: 4,
});

/** Causal self-attention: every position looks at itself and those before it. */
class Attention extends nn.Module {
  readonly heads: number;
  norm: nn.RMSNorm;
  /** To queries, keys and values. */
  qkv: nn.Linear;
  out: nn.Linear;

  constructor({ width, heads }: Config) {
    super();
    this.heads = heads;
    this.norm = new nn.RMSNorm(width);
    this.qkv = new nn.Linear(width, 3 * width, { bias: false });
    this.out = new nn.Linear(width, width, { bias: false });
  }

  /** [batch, time, width] to the same. */
  forward(x: mx.NDArray): mx.NDArray {
    const [batch = 0, time = 0, width = 0] = x.shape;
    const size = width / this.heads;
    const [q, k, v] = mx
      .split(this.qkv.forward(this.norm.forward(x)), 3, -1)
      .map((part) => part.reshape([batch, time, this.heads, size]).transpose([0, 2, 1, 3]));
    if (q === undefined || k === undefined || v === undefined) throw new RangeError("three parts");
    const scores = mx.matmul(q.multiply(size ** -0.5), k.transpose([0, 1, 3, 2]));
    const position = mx.arange(time);
    const visible = mx.greaterEqual(position.reshape([time, 1]), position);
    const weights = mx.softmax(mx.where(visible, scores, -1e9), -1);
    const mixed = mx.matmul(weights, v).transpose([0, 2, 1, 3]).reshape([batch, time, width]);
    return this.out.forward(mixed);
  }
}

/** The hidden layer of a block. */
class Mlp extends nn.Module {
  norm: nn.RMSNorm;
  up: nn.Linear;
  down: nn.Linear;

  constructor({ width }: Config) {
    super();
    this.norm = new nn.RMSNorm(width);
    this.up = new nn.Linear(width, 4 * width, { bias: false });
    this.down = new nn.Linear(4 * width, width, { bias: false });
  }

  forward(x: mx.NDArray): mx.NDArray {
    return this.down.forward(nn.geluApprox(this.up.forward(this.norm.forward(x))));
  }
}

class Block extends nn.Module {
  attention: Attention;
  mlp: Mlp;

  constructor(config: Config) {
    super();
    this.attention = new Attention(config);
    this.mlp = new Mlp(config);
  }

  forward(x: mx.NDArray): mx.NDArray {
    const seen = x.add(this.attention.forward(x));
    return seen.add(this.mlp.forward(seen));
  }
}

export class CharGpt extends nn.Module {
  readonly config: Config;
  /** Also the output layer. */
  embedding: nn.Embedding;
  positions: nn.Embedding;
  blocks: Block[];
  norm: nn.RMSNorm;

  /** Fresh parameters, decided by the seed. */
  constructor(config: Config, seed: number) {
    super();
    this.config = config;
    this.embedding = new nn.Embedding(config.vocabulary, config.width);
    this.positions = new nn.Embedding(config.context, config.width);
    this.blocks = Array.from({ length: config.layers }, () => new Block(config));
    this.norm = new nn.RMSNorm(config.width);
    this.#draw(seed);
  }

  #draw(seed: number): void {
    const { width, layers } = this.config;
    const keys = [...mx.random.split(mx.random.key(seed), 2 + 4 * layers)];
    const normal = (shape: mx.Shape, scale: number): mx.NDArray => {
      const key = keys.pop();
      if (key === undefined) throw new RangeError("one random key per matrix");
      return mx.random.normal({ shape, scale, key });
    };
    const table = ({ weight }: nn.Embedding): { weight: mx.NDArray } => ({
      weight: normal(weight.shape, 0.02),
    });
    const layer = ({ weight }: nn.Linear, deviation: number): { weight: mx.NDArray } => ({
      weight: normal(weight.transpose().shape, deviation).transpose(),
    });
    const scale = width ** -0.5;
    // What each block adds to the residual stream starts small, so that depth does not blow it up.
    const residual = scale / Math.sqrt(2 * layers);
    this.update({
      embedding: table(this.embedding),
      positions: table(this.positions),
      blocks: this.blocks.map(({ attention, mlp }) => ({
        attention: { qkv: layer(attention.qkv, scale), out: layer(attention.out, residual) },
        mlp: { up: layer(mlp.up, scale), down: layer(mlp.down, residual / 2) },
      })),
    });
  }

  /** What the model makes of tokens [batch, time] before its output layer: [batch, time, width]. */
  features(tokens: mx.NDArray): mx.NDArray {
    const places = mx.arange(tokens.shape[1] ?? 0);
    let x = this.embedding.forward(tokens).add(this.positions.forward(places));
    for (const block of this.blocks) x = block.forward(x);
    return this.norm.forward(x);
  }

  /** Features [..., width] to logits [..., vocabulary]. */
  logits(x: mx.NDArray): mx.NDArray {
    return this.embedding.asLinear(x);
  }

  /** Tokens [batch, time] to logits [batch, time, vocabulary]. */
  forward(tokens: mx.NDArray): mx.NDArray {
    return this.logits(this.features(tokens));
  }

  /** Mean cross entropy, in nats per character, of the targets [batch, time] that follow the tokens. */
  loss(tokens: mx.NDArray, targets: mx.NDArray): mx.NDArray {
    return nn.losses.crossEntropy(this.forward(tokens), targets, { reduction: "mean" });
  }

  /** Number of parameters. */
  count(): number {
    return mx.treeFlatten(this.parameters()).reduce((sum, [, leaf]) => sum + leaf.size, 0);
  }
}
