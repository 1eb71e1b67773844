"""Workloads in NumPy."""

import numpy as np

from data import Job, integers, numbers

NAME, VERSION, HOW = "NumPy", np.__version__, "its own BLAS, all threads"


def job(compute):
    return Job(compute, lambda result: [result])


def matmul(p):
    if "dtype" in p:
        return None
    batch = [p["batch"]] if "batch" in p else []
    a, b = numbers([*batch, p["m"], p["k"]], 1), numbers([*batch, p["k"], p["n"]], 2)
    return job(lambda: a @ b)


def unary(f):
    def make(p):
        x = numbers([p["n"]], 1)
        return job(lambda: f(x))

    return make


def gelu(p):
    x = numbers([p["n"]], 1) * np.float32(4)
    c, k, half, one = (np.float32(v) for v in (0.044715, 0.7978845608028654, 0.5, 1))
    return job(lambda: x * half * (np.tanh((x * x * x * c + x) * k) + one))


def add(p):
    x, y = numbers([p["n"]], 1), numbers([p["n"]], 2)
    return job(lambda: x + y)


def rows(f):
    def make(p):
        shape = [p["rows"], p["columns"]]
        x, w, b = numbers(shape, 1), numbers(shape[1:], 2), numbers(shape[1:], 3)
        return job(lambda: f(x, w, b))

    return make


def softmax(x, w, b):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def layer_norm(x, w, b):
    c = x - x.mean(-1, keepdims=True)
    return c / np.sqrt((c * c).mean(-1, keepdims=True) + np.float32(1e-5)) * w + b


def rms_norm(x, w, b):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(1e-5)) * w


def transpose_add(p):
    x, y = numbers([p["n"], p["n"]], 1), numbers([p["n"], p["n"]], 2)
    return job(lambda: x.T + y)


def attention(p):
    shape = [p["heads"], p["length"], p["width"]]
    q, k, v = numbers(shape, 1), numbers(shape, 2), numbers(shape, 3)
    scale = np.float32(p["width"] ** -0.5)

    def run():
        return softmax(q @ k.swapaxes(1, 2) * scale, None, None) @ v

    return job(run)


def gather(p):
    x, at = numbers([p["n"]], 1), integers([p["n"]], p["n"], 2)
    return job(lambda: np.take(x, at))


def scatter_add(p):
    x, at = numbers([p["n"]], 1), integers([p["n"]], p["n"], 2)

    def run():
        out = np.zeros(p["n"], np.float32)
        np.add.at(out, at, x)
        return out

    return job(run)


def fft(p):
    x = numbers([p["n"]], 1)
    return Job(lambda: np.fft.fft(x), lambda y: [y.real, y.imag])


KINDS = {
    "matmul": matmul,
    "gelu": gelu,
    "exp": unary(np.exp),
    "sum": unary(np.sum),
    "add": add,
    "softmax": rows(softmax),
    "layerNorm": rows(layer_norm),
    "rmsNorm": rows(rms_norm),
    "transposeAdd": transpose_add,
    "attention": attention,
    "cumsum": unary(np.cumsum),
    "sort": unary(np.sort),
    "argsort": unary(lambda x: np.argsort(x, kind="stable")),
    "gather": gather,
    "scatterAdd": scatter_add,
    "fft": fft,
}
