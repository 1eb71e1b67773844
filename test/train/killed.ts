/** A training run in a process of its own, for the tests that end it: `node killed.js FOLDER STEPS`. */
import * as mx from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import * as optim from "../../src/optimizers/index.js";
import * as train from "../../src/train/index.js";

class Net extends nn.Module {
  first: nn.Linear;
  drop = new nn.Dropout(0.2);
  second: nn.Linear;
  constructor() {
    super();
    mx.random.seed(11);
    this.first = new nn.Linear(4, 64);
    this.second = new nn.Linear(64, 1);
  }
  forward(x: mx.NDArray): mx.NDArray {
    return this.second.forward(this.drop.forward(nn.relu(this.first.forward(x))));
  }
}

/** The same run from the same folder, whatever ended it before. */
export const runIn = async (
  folder: string,
  steps: number,
  saved: (step: number) => void = () => undefined,
): Promise<train.Run> => {
  const model = new Net();
  const x = mx.random.normal([40, 4], { key: mx.random.key(2) });
  const data = train.dataset({ x, y: mx.abs(x).sum(1, { keepdims: true }) }, 9, { shuffle: 3 });
  const loss = (m: Net, b: { x: mx.NDArray; y: mx.NDArray }): mx.NDArray =>
    nn.losses.mseLoss(m.forward(b.x), b.y);
  const opt = new optim.AdamW(optim.cosineDecay(0.02, 40), { biasCorrection: true });
  return train.fit(model, loss, opt, data, {
    steps,
    callbacks: [
      train.checkpoints(folder, { every: 1, keep: 2, resume: true }),
      { onStep: (run) => saved(run.step) },
    ],
  });
};

const [, path = "", folder, steps] = process.argv;
if (folder !== undefined && path.endsWith("killed.js"))
  await runIn(folder, Number(steps), (step) => console.log(`saved ${step}`));
