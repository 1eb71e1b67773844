"""Workloads in MLX on the CPU."""

import math
from functools import partial

import mlx.core as mx
import mlx.optimizers as optim
import numpy as np
from mlx.utils import tree_flatten

from data import Job, Steps, integers, numbers

mx.set_default_device(mx.cpu)
NAME, VERSION, HOW = "MLX", mx.__version__, "CPU, all threads"
DTYPES = {"bfloat16": mx.bfloat16, "float16": mx.float16}


def to_numpy(result):
    if isinstance(result, mx.array):
        result = [result]
    return [np.array(x.astype(mx.float32)) for x in result]


def job(compute):
    def run():
        result = compute()
        mx.eval(result)
        return result

    return Job(run, to_numpy)


def given(shape, seed):
    x = mx.array(numbers(shape, seed))
    mx.eval(x)
    return x


def matmul(p):
    batch = [p["batch"]] if "batch" in p else []
    dtype = DTYPES.get(p.get("dtype"), mx.float32)
    a = given([*batch, p["m"], p["k"]], 1).astype(dtype)
    b = given([*batch, p["k"], p["n"]], 2).astype(dtype)
    mx.eval(a, b)
    return job(lambda: a @ b)


def unary(f):
    def make(p):
        x = given([p["n"]], 1)
        return job(lambda: f(x))

    return make


@mx.compile
def gelu(x):
    x = x * 4
    return x * 0.5 * (mx.tanh((x * x * x * 0.044715 + x) * 0.7978845608028654) + 1)


def add(p):
    x, y = given([p["n"]], 1), given([p["n"]], 2)
    return job(lambda: x + y)


def rows(f, operands):
    def make(p, backward=False):
        shape = [p["rows"], p["columns"]]
        primals = [given(shape, 1), given(shape[1:], 2), given(shape[1:], 3)][:operands]
        if not backward:
            return job(lambda: f(*primals))
        cotangent = given(shape, 9)
        return job(lambda: mx.vjp(f, primals, [cotangent])[1])

    return make


def softmax(x):
    return mx.softmax(x, axis=-1)


def layer_norm(x, w, b):
    return mx.fast.layer_norm(x, w, b, 1e-5)


def rms_norm(x, w):
    return mx.fast.rms_norm(x, w, 1e-5)


def transpose_add(p):
    x, y = given([p["n"], p["n"]], 1), given([p["n"], p["n"]], 2)
    return job(lambda: x.T + y)


def attention(p, backward=False):
    shape = [1, p["heads"], p["length"], p["width"]]
    primals = [given(shape, seed) for seed in (1, 2, 3)]
    scale = p["width"] ** -0.5

    def f(q, k, v):
        return mx.fast.scaled_dot_product_attention(q, k, v, scale=scale)

    if not backward:
        return job(lambda: f(*primals))
    cotangent = given(shape, 9)
    return job(lambda: mx.vjp(f, primals, [cotangent])[1])


def conv2d(p):
    x = given([p["batch"], p["side"], p["side"], p["channels"]], 1)
    w = given([p["filters"], p["kernel"], p["kernel"], p["channels"]], 2)
    return job(lambda: mx.conv2d(x, w, padding=(p["kernel"] - 1) // 2))


def gather(p):
    x, at = given([p["n"]], 1), mx.array(integers([p["n"]], p["n"], 2))
    return job(lambda: mx.take(x, at))


def scatter_add(p):
    x, at = given([p["n"]], 1), mx.array(integers([p["n"]], p["n"], 2))
    zeros = mx.zeros([p["n"]])
    return job(lambda: zeros.at[at].add(x))


def fft(p):
    x = given([p["n"]], 1)

    def run():
        y = mx.fft.fft(x)
        mx.eval(y)
        return y

    return Job(run, lambda y: [np.array(y).real, np.array(y).imag])


def vjp_small(p):
    x, one = given([p["n"]], 1), mx.ones([p["n"]])

    def run():
        outputs, gradients = mx.vjp(lambda v: v * mx.sin(v), [x], [one])
        return [*outputs, *gradients]

    return job(run)


def chain(p):
    x = given([16], 1)

    def f(v):
        y = v
        for _ in range(0, p["ops"], 2):
            y = mx.sin(y) + v
        return y

    g = mx.compile(f) if p["mode"] == "compiled" else f
    return job(lambda: g(x))


def stepping(make_model, loss, optimizer, compiled):
    """One training step after another on the model, an argument and result of the compiled step."""

    def make():
        model, rule = make_model(), optimizer()
        state = [model, rule.state]

        def plain():
            value, gradients = mx.value_and_grad(loss)(model)
            model.update(rule.apply_gradients(gradients, model))
            return value

        step = mx.compile(plain, inputs=state, outputs=state) if compiled else plain
        rule.init(model)

        def run():
            value = step()
            mx.eval(value, state)
            return value.item()

        return run

    return Steps(make)


def mlp_step(p):
    batch, widths = p["batch"], [784, 256, 256, 10]
    x, labels = given([batch, 784], 20), mx.array(integers([batch], 10, 21))

    def model():
        layers = {}
        for i, (rows, columns) in enumerate(zip(widths, widths[1:])):
            layers[f"w{i}"] = mx.array(numbers([rows, columns], i + 1)) * rows**-0.5
            layers[f"b{i}"] = mx.zeros([columns])
        return layers

    def loss(layers):
        h = x
        for i in range(3):
            h = h @ layers[f"w{i}"] + layers[f"b{i}"]
            if i < 2:
                h = mx.maximum(h, 0)
        own = mx.take_along_axis(h, labels[:, None], axis=-1).squeeze(-1)
        return (mx.logsumexp(h, axis=-1) - own).mean()

    return stepping(model, loss, partial(optim.SGD, 0.1), p["mode"] == "compiled")


def gpt(p):
    width, vocabulary = p["width"], p["vocabulary"]
    scale = width**-0.5

    def w(shape, seed, s):
        return mx.array(numbers(shape, seed)) * s

    model = {
        "embedding": w([vocabulary, width], 100, 0.05),
        "positions": w([p["context"], width], 101, 0.05),
        "norm": mx.ones([width]),
        "blocks": [
            {
                "norm1": mx.ones([width]),
                "qkv": w([width, 3 * width], 200 + 4 * i, scale),
                "out": w([width, width], 201 + 4 * i, scale / 3),
                "norm2": mx.ones([width]),
                "up": w([width, 4 * width], 202 + 4 * i, scale),
                "down": w([4 * width, width], 203 + 4 * i, scale / 6),
            }
            for i in range(p["layers"])
        ],
    }
    mx.eval(model)
    return model


def features(m, heads, tokens, cache=None):
    batch, time = tokens.shape
    past = cache[0][0].shape[2] if cache else 0
    x = m["embedding"][tokens] + m["positions"][past : past + time]
    width = x.shape[2]
    each = width // heads
    for i, block in enumerate(m["blocks"]):
        h = mx.fast.rms_norm(x, block["norm1"], 1e-5)
        q, k, v = (
            part.reshape(batch, time, heads, each).transpose(0, 2, 1, 3)
            for part in mx.split(h @ block["qkv"], 3, axis=-1)
        )
        if cache is not None:
            if len(cache) > i:
                k = mx.concatenate([cache[i][0], k], axis=2)
                v = mx.concatenate([cache[i][1], v], axis=2)
                cache[i] = (k, v)
            else:
                cache.append((k, v))
        mixed = mx.fast.scaled_dot_product_attention(
            q, k, v, scale=each**-0.5, mask="causal" if time > 1 else None
        )
        x = x + mixed.transpose(0, 2, 1, 3).reshape(batch, time, width) @ block["out"]
        up = mx.fast.rms_norm(x, block["norm2"], 1e-5) @ block["up"]
        inner = up * (mx.square(up) * 0.044715 + 1) * math.sqrt(2 / math.pi)
        x = x + (up * 0.5 * (mx.tanh(inner) + 1)) @ block["down"]
    return mx.fast.rms_norm(x, m["norm"], 1e-5)


class Tree(dict):
    """A dictionary of parameters that an optimizer can update as it would a module."""

    def update(self, other):
        for key, value in other.items():
            self[key] = value


def gpt_step(p):
    shape = [p["batch"], p["context"]]
    tokens = mx.array(integers(shape, p["vocabulary"], 50))
    targets = mx.array(integers(shape, p["vocabulary"], 51))

    def loss(m):
        scores = features(m, p["heads"], tokens) @ m["embedding"].T
        own = mx.take_along_axis(scores, targets[..., None], axis=-1).squeeze(-1)
        return (mx.logsumexp(scores, axis=-1) - own).mean()

    return stepping(lambda: gpt(p), loss, partial(optim.AdamW, 1e-3, bias_correction=True), p["mode"] == "compiled")


def gpt_generate(p):
    model = gpt(p)

    def generate():
        cache, out, token = [], [], mx.array([[1]])
        for _ in range(p["tokens"]):
            scores = features(model, p["heads"], token, cache) @ model["embedding"].T
            token = mx.argmax(scores, axis=-1)
            out.append(token.item())
        return out

    return Job(generate, lambda out: [np.array(out)])


KINDS = {
    "matmul": matmul,
    "gelu": unary(gelu),
    "exp": unary(mx.exp),
    "sum": unary(mx.sum),
    "add": add,
    "softmax": rows(softmax, 1),
    "softmaxBackward": partial(rows(softmax, 1), backward=True),
    "layerNorm": rows(layer_norm, 3),
    "layerNormBackward": partial(rows(layer_norm, 3), backward=True),
    "rmsNorm": rows(rms_norm, 2),
    "rmsNormBackward": partial(rows(rms_norm, 2), backward=True),
    "transposeAdd": transpose_add,
    "attention": attention,
    "attentionBackward": partial(attention, backward=True),
    "conv2d": conv2d,
    "cumsum": unary(mx.cumsum),
    "sort": unary(mx.sort),
    "argsort": unary(mx.argsort),
    "gather": gather,
    "scatterAdd": scatter_add,
    "fft": fft,
    "vjpSmall": vjp_small,
    "chain": chain,
    "mlpStep": mlp_step,
    "gptStep": gpt_step,
    "gptGenerate": gpt_generate,
}
