"""The inputs of all workloads, made as ../data.ts makes them."""

import numpy as np


def _mixed(n, seed):
    with np.errstate(over="ignore"):
        i = np.arange(n, dtype=np.uint32) + np.uint32((seed * 0x9E3779B9) & 0xFFFFFFFF)
        h = i * np.uint32(0x85EBCA6B)
        h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        return h ^ (h >> np.uint32(16))


def numbers(shape, seed=1):
    """Floats in [-1, 1), decided by the seed."""
    n = int(np.prod(shape))
    return (_mixed(n, seed).astype(np.float64) / 2147483648 - 1).astype(np.float32).reshape(shape)


def integers(shape, below, seed=1):
    """Integers in [0, below), decided by the seed."""
    n = int(np.prod(shape))
    return (_mixed(n, seed) % np.uint32(below)).astype(np.int32).reshape(shape)


def sample(values):
    """At most 64 elements, evenly spaced."""
    flat = np.asarray(values).reshape(-1)
    step = max(1, -(-flat.size // 64))
    return flat[::step].tolist()


class Job:
    """`compute` does the work to its end; `arrays` turns its results into NumPy arrays."""

    def __init__(self, compute, arrays):
        self.run = compute
        self.arrays = arrays

    def result(self):
        return [v for array in self.arrays(self.run()) for v in sample(array)]


class Steps:
    """Training steps: the result are the first three losses, on parameters of its own."""

    def __init__(self, make):
        self.make = make
        self.run = make()

    def result(self):
        fresh = self.make()
        return [fresh(), fresh(), fresh()]
