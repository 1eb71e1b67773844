/** A variational autoencoder of generated digits (Kingma and Welling, 2014): the bound on the likelihood, and new pictures. */
import * as mx from "cotangent";
import * as nn from "cotangent/nn";
import * as optim from "cotangent/optimizers";
import * as train from "cotangent/train";
import { generated } from "./digits/data.js";

const pixels = 256;
const latent = 8;

class VAE extends nn.Module {
  encoder = new nn.Sequential(new nn.Linear(pixels, 128), nn.silu, new nn.Linear(128, 2 * latent));
  decoder = new nn.Sequential(new nn.Linear(latent, 128), nn.silu, new nn.Linear(128, pixels));

  /** Mean and logarithm of the variance of the code of a picture. */
  encode(x: mx.NDArray): readonly [mx.NDArray, mx.NDArray] {
    const [mean, logVariance] = mx.split(this.encoder.forward(x), 2, -1);
    if (mean === undefined || logVariance === undefined) throw new RangeError("two parts");
    return [mean, logVariance];
  }
}

/** Minus the evidence lower bound, in nats per picture: reconstruction, and distance of the code from a standard normal. */
const loss = (model: VAE, x: mx.NDArray): mx.NDArray => {
  const [mean, logVariance] = model.encode(x);
  const z = mean.add(mx.exp(logVariance.multiply(0.5)).multiply(mx.random.normal(mean.shape)));
  const wrong = nn.losses.binaryCrossEntropy(model.decoder.forward(z), x, { reduction: "none" });
  const distance = mx.square(mean).add(mx.exp(logVariance)).subtract(logVariance).subtract(1);
  return wrong.sum(-1).add(distance.sum(-1).multiply(0.5)).mean();
};

mx.random.seed(0);
const model = new VAE();
const images = generated(2000, 1).images.reshape([-1, pixels]);
const run = await train.fit(
  model,
  loss,
  new optim.Adam(2e-3),
  train.dataset(images, 100, { shuffle: 0 }),
  { epochs: 15 },
);
console.log(`loss ${run.losses[0]?.loss.toFixed(1)} to ${run.average.toFixed(1)} nats per picture`);
const drawn = mx.sigmoid(model.decoder.forward(mx.random.normal([3, latent])));
const shades = " .:-=+*#%@";
for (let row = 0; row < 16; row++) {
  const line = [0, 1, 2].map((n) => {
    const values: unknown = drawn.get(n, mx.slice(16 * row, 16 * row + 16)).tolist();
    return (Array.isArray(values) ? values : [])
      .map((v) => shades[Math.min(9, Math.floor(Number(v) * 10))])
      .join("");
  });
  console.log(line.join("   "));
}
