"""Repeats the training of the character GPT with MLX: python chargpt.py FILE, written by scripts/export-chargpt.ts."""

import json
import sys

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
from mlx.utils import tree_flatten, tree_unflatten


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm = nn.RMSNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def __call__(self, x):
        batch, time, width = x.shape
        size = width // self.heads
        parts = mx.split(self.qkv(self.norm(x)), 3, axis=-1)
        q, k, v = (p.reshape(batch, time, self.heads, size).transpose(0, 2, 1, 3) for p in parts)
        mixed = mx.fast.scaled_dot_product_attention(q, k, v, scale=size**-0.5, mask="causal")
        return self.out(mixed.transpose(0, 2, 1, 3).reshape(batch, time, width))


class Mlp(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.RMSNorm(width)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def __call__(self, x):
        return self.down(nn.gelu_approx(self.up(self.norm(x))))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.attention = Attention(width, heads)
        self.mlp = Mlp(width)

    def __call__(self, x):
        x = x + self.attention(x)
        return x + self.mlp(x)


class CharGpt(nn.Module):
    def __init__(self, vocabulary, context, width, heads, layers):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        self.blocks = [Block(width, heads) for _ in range(layers)]
        self.norm = nn.RMSNorm(width)

    def __call__(self, tokens):
        x = self.embedding(tokens) + self.positions(mx.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.embedding.as_linear(self.norm(x))


arrays, metadata = mx.load(sys.argv[1], return_metadata=True)
settings = json.loads(metadata["settings"])
model = CharGpt(**json.loads(metadata["config"]))
weights = {k[len("model.") :]: v for k, v in arrays.items() if k.startswith("model.")}
assert set(weights) == {k for k, _ in tree_flatten(model.parameters())}
model.update(tree_unflatten(list(weights.items())))

steps, lr = settings["steps"], settings["lr"]
warm = max(1, min(100, steps // 10))
schedule = optim.join_schedules(
    [
        optim.linear_schedule(lr / (warm + 1), lr, warm),
        optim.cosine_decay(lr, max(1, steps - warm), lr / 10),
    ],
    [warm],
)
optimizer = optim.AdamW(schedule, betas=[0.9, 0.99], weight_decay=0.1, bias_correction=True)


def loss(inputs, targets):
    return nn.losses.cross_entropy(model(inputs), targets, reduction="mean")


loss_and_gradients = nn.value_and_grad(model, loss)
for step in range(steps):
    value, gradients = loss_and_gradients(arrays["inputs"][step], arrays["targets"][step])
    gradients, _ = optim.clip_grad_norm(gradients, 1.0)
    optimizer.update(model, gradients)
    mx.eval(model.parameters(), optimizer.state, value)
    if step % 100 == 0 or step == steps - 1:
        print(f"step {step}: loss {value.item():.4f}", file=sys.stderr)
print(json.dumps({"steps": steps, "validationLoss": loss(arrays["validation.inputs"], arrays["validation.targets"]).item()}))
