"""Workloads in PyTorch on the CPU."""

import torch
import torch.nn.functional as F

from data import Job, Steps, integers, numbers

NAME, VERSION = "PyTorch", torch.__version__
HOW = f"CPU, {torch.get_num_threads()} threads"
DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def to_numpy(result):
    if isinstance(result, torch.Tensor):
        result = [result]
    return [x.detach().to(torch.float32).numpy() for x in result]


def job(compute):
    return Job(compute, to_numpy)


def given(shape, seed):
    return torch.from_numpy(numbers(shape, seed))


def no_grad(f):
    def run():
        with torch.no_grad():
            return f()

    return run


def matmul(p):
    batch = [p["batch"]] if "batch" in p else []
    dtype = DTYPES.get(p.get("dtype"), torch.float32)
    a = given([*batch, p["m"], p["k"]], 1).to(dtype)
    b = given([*batch, p["k"], p["n"]], 2).to(dtype)
    return job(no_grad(lambda: a @ b))


def unary(f):
    def make(p):
        x = given([p["n"]], 1)
        return job(no_grad(lambda: f(x)))

    return make


def add(p):
    x, y = given([p["n"]], 1), given([p["n"]], 2)
    return job(no_grad(lambda: x + y))


def backward(f, primals, cotangent):
    for x in primals:
        x.requires_grad_(True)

    def run():
        return torch.autograd.grad(f(*primals), primals, cotangent)

    return job(run)


def rows(f, operands, reverse=False):
    def make(p):
        shape = [p["rows"], p["columns"]]
        primals = [given(shape, 1), given(shape[1:], 2), given(shape[1:], 3)][:operands]
        if reverse:
            return backward(f, primals, given(shape, 9))
        return job(no_grad(lambda: f(*primals)))

    return make


def softmax(x):
    return torch.softmax(x, -1)


def layer_norm(x, w, b):
    return F.layer_norm(x, w.shape, w, b, 1e-5)


def rms_norm(x, w):
    return F.rms_norm(x, w.shape, w, 1e-5)


def transpose_add(p):
    x, y = given([p["n"], p["n"]], 1), given([p["n"], p["n"]], 2)
    return job(no_grad(lambda: x.T + y))


def attention(reverse=False):
    def make(p):
        shape = [1, p["heads"], p["length"], p["width"]]
        primals = [given(shape, seed) for seed in (1, 2, 3)]
        if reverse:
            return backward(F.scaled_dot_product_attention, primals, given(shape, 9))
        return job(no_grad(lambda: F.scaled_dot_product_attention(*primals)))

    return make


def conv2d(p):
    x = given([p["batch"], p["side"], p["side"], p["channels"]], 1).permute(0, 3, 1, 2)
    w = given([p["filters"], p["kernel"], p["kernel"], p["channels"]], 2).permute(0, 3, 1, 2)
    padding = (p["kernel"] - 1) // 2
    return Job(no_grad(lambda: F.conv2d(x, w, padding=padding)), lambda y: [y.permute(0, 2, 3, 1).numpy()])


def gather(p):
    x, at = given([p["n"]], 1), torch.from_numpy(integers([p["n"]], p["n"], 2))
    return job(no_grad(lambda: torch.index_select(x, 0, at)))


def scatter_add(p):
    x, at = given([p["n"]], 1), torch.from_numpy(integers([p["n"]], p["n"], 2)).to(torch.int64)
    return job(no_grad(lambda: torch.zeros(p["n"]).index_add_(0, at, x)))


def fft(p):
    x = given([p["n"]], 1)
    return Job(no_grad(lambda: torch.fft.fft(x)), lambda y: [y.real.numpy(), y.imag.numpy()])


def vjp_small(p):
    x, one = given([p["n"]], 1), torch.ones(p["n"])

    def run():
        v = x.detach().requires_grad_(True)
        y = v * torch.sin(v)
        return [y, *torch.autograd.grad(y, v, one)]

    return job(run)


def chain(p):
    if p["mode"] == "compiled":
        return None
    x = given([16], 1)

    def run():
        y = x
        for _ in range(0, p["ops"], 2):
            y = torch.sin(y) + x
        return y

    return job(no_grad(run))


def stepping(make_model, loss, optimizer):
    def make():
        model = [x.requires_grad_(True) for x in make_model()]
        rule = optimizer(model)

        def run():
            rule.zero_grad()
            value = loss(model)
            value.backward()
            rule.step()
            return value.item()

        return run

    return Steps(make)


def mlp_step(p):
    if p["mode"] == "eager":
        return None
    batch, widths = p["batch"], [784, 256, 256, 10]
    x = given([batch, 784], 20)
    labels = torch.from_numpy(integers([batch], 10, 21)).to(torch.int64)

    def model():
        out = []
        for i, (rows_, columns) in enumerate(zip(widths, widths[1:])):
            out += [given([rows_, columns], i + 1) * rows_**-0.5, torch.zeros(columns)]
        return out

    def loss(m):
        h = x
        for i in range(3):
            h = h @ m[2 * i] + m[2 * i + 1]
            if i < 2:
                h = torch.relu(h)
        return F.cross_entropy(h, labels)

    return stepping(model, loss, lambda m: torch.optim.SGD(m, lr=0.1))


def gpt(p):
    width, scale = p["width"], p["width"] ** -0.5
    out = [
        given([p["vocabulary"], width], 100) * 0.05,
        given([p["context"], width], 101) * 0.05,
        torch.ones(width),
    ]
    for i in range(p["layers"]):
        out += [
            torch.ones(width),
            given([width, 3 * width], 200 + 4 * i) * scale,
            given([width, width], 201 + 4 * i) * (scale / 3),
            torch.ones(width),
            given([width, 4 * width], 202 + 4 * i) * scale,
            given([4 * width, width], 203 + 4 * i) * (scale / 6),
        ]
    return out


def features(m, heads, tokens, cache=None):
    batch, time = tokens.shape
    past = cache[0][0].shape[2] if cache else 0
    x = F.embedding(tokens, m[0]) + m[1][past : past + time]
    width = x.shape[2]
    each = width // heads
    for i, at in enumerate(range(3, len(m), 6)):
        norm1, qkv, out, norm2, up, down = m[at : at + 6]
        h = rms_norm(x, norm1)
        q, k, v = (
            part.reshape(batch, time, heads, each).transpose(1, 2)
            for part in (h @ qkv).chunk(3, -1)
        )
        if cache is not None:
            if len(cache) > i:
                k, v = torch.cat([cache[i][0], k], 2), torch.cat([cache[i][1], v], 2)
                cache[i] = (k, v)
            else:
                cache.append((k, v))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=time > 1)
        x = x + mixed.transpose(1, 2).reshape(batch, time, width) @ out
        x = x + F.gelu(rms_norm(x, norm2) @ up, approximate="tanh") @ down
    return rms_norm(x, m[2])


def gpt_step(p):
    if p["mode"] == "eager":
        return None
    shape = [p["batch"], p["context"]]
    tokens = torch.from_numpy(integers(shape, p["vocabulary"], 50)).to(torch.int64)
    targets = torch.from_numpy(integers(shape, p["vocabulary"], 51)).to(torch.int64).reshape(-1)

    def loss(m):
        scores = features(m, p["heads"], tokens) @ m[0].T
        return F.cross_entropy(scores.reshape(-1, p["vocabulary"]), targets)

    return stepping(lambda: gpt(p), loss, lambda m: torch.optim.AdamW(m, lr=1e-3, weight_decay=0.01))


def gpt_generate(p):
    model = gpt(p)

    def generate():
        cache, out, token = [], [], torch.tensor([[1]])
        for _ in range(p["tokens"]):
            scores = features(model, p["heads"], token, cache) @ model[0].T
            token = torch.argmax(scores, -1)
            out.append(token.item())
        return out

    return Job(no_grad(generate), lambda out: [out])


KINDS = {
    "matmul": matmul,
    "gelu": unary(lambda x: F.gelu(x * 4, approximate="tanh")),
    "exp": unary(torch.exp),
    "sum": unary(torch.sum),
    "add": add,
    "softmax": rows(softmax, 1),
    "softmaxBackward": rows(softmax, 1, True),
    "layerNorm": rows(layer_norm, 3),
    "layerNormBackward": rows(layer_norm, 3, True),
    "rmsNorm": rows(rms_norm, 2),
    "rmsNormBackward": rows(rms_norm, 2, True),
    "transposeAdd": transpose_add,
    "attention": attention(),
    "attentionBackward": attention(True),
    "conv2d": conv2d,
    "cumsum": unary(lambda x: torch.cumsum(x, 0)),
    "sort": unary(lambda x: torch.sort(x).values),
    "argsort": unary(lambda x: torch.argsort(x, stable=True)),
    "gather": gather,
    "scatterAdd": scatter_add,
    "fft": fft,
    "vjpSmall": vjp_small,
    "chain": chain,
    "mlpStep": mlp_step,
    "gptStep": gpt_step,
    "gptGenerate": gpt_generate,
}
