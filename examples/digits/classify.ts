/**
 * Learns to read digits: `node build/examples/digits/classify.js [mlp|cnn] [FOLDER]`, with generated pictures, MNIST's IDX files,
 * or PNGs in a folder per class.
 */
import * as mx from "cotangent";
import * as nn from "cotangent/nn";
import * as optim from "cotangent/optimizers";
import * as train from "cotangent/train";
import { pictures } from "./data.js";

interface Batch {
  readonly images: mx.NDArray;
  readonly labels: mx.NDArray;
}

class MLP extends nn.Module {
  layers: nn.Linear[];
  constructor(pixels: number, classes: number) {
    super();
    const sizes = [pixels, 256, 256, classes];
    this.layers = sizes.slice(1).map((size, i) => new nn.Linear(sizes[i] ?? 0, size));
  }
  forward(x: mx.NDArray): mx.NDArray {
    return this.layers.reduce(
      (y, layer, i) => (i === 0 ? layer.forward(y) : layer.forward(nn.relu(y))),
      x.flatten(1),
    );
  }
}

class CNN extends nn.Module {
  first = new nn.Conv2d(1, 16, 3, { padding: 1 });
  second = new nn.Conv2d(16, 32, 3, { padding: 1 });
  pool = new nn.MaxPool2d(2, { stride: 2 });
  dropout = new nn.Dropout(0.2);
  last: nn.Linear;
  constructor(height: number, width: number, classes: number) {
    super();
    this.last = new nn.Linear(32 * Math.floor(height / 4) * Math.floor(width / 4), classes);
  }
  forward(x: mx.NDArray): mx.NDArray {
    const a = this.pool.forward(nn.relu(this.first.forward(x)));
    const b = this.pool.forward(nn.relu(this.second.forward(a)));
    return this.last.forward(this.dropout.forward(b.flatten(1)));
  }
}

type Model = MLP | CNN;

const epochs = 4;

const [kind = "cnn", folder = null] = process.argv.slice(2);
mx.random.seed(0);
const data = pictures(folder);
const { images, labels, classes } = data.train;
const [, height = 0, width = 0] = images.shape;
const model: Model =
  kind === "mlp" ? new MLP(height * width, classes) : new CNN(height, width, classes);
const loss = (m: Model, batch: Batch): mx.NDArray =>
  nn.losses.crossEntropy(m.forward(batch.images), batch.labels, { reduction: "mean" });
const accuracy = (): number => {
  model.eval();
  const guesses = mx.argmax(model.forward(data.test.images), -1);
  model.train();
  return Number(mx.mean(mx.equal(guesses, data.test.labels)).item());
};
console.log(`${kind} on ${labels.size} pictures of ${height} × ${width}`);
await train.fit(
  model,
  loss,
  new optim.AdamW(optim.cosineDecay(3e-3, epochs * Math.ceil(labels.size / 64))),
  train.dataset({ images, labels }, 64, { shuffle: 0 }),
  {
    epochs,
    callbacks: [
      {
        onEpoch: (run) =>
          console.log(
            `epoch ${run.epoch}: loss ${run.average.toFixed(4)}, right on held-out pictures ${(100 * accuracy()).toFixed(1)} %`,
          ),
      },
    ],
  },
);
