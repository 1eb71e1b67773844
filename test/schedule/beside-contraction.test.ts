/** What stands beside a product in its kernel varies over the axes of the product's result. */
import { test } from "node:test";
import * as mx from "../../src/index.js";
import { close } from "../transforms/support.js";

test("a product without axes in its result shares an operand with a longer map", () => {
  for (const n of [4, 8]) {
    const [a, b, c] = [mx.ones([n]), mx.ones([n]), mx.array(1)];
    const product = mx.matmul(a, b);
    const map = mx.broadcastTo(c, [n]).multiply(0.5).add(b.multiply(0.25));
    const sorted = mx.sort(mx.broadcastTo(product.multiply(0.5), [n]));
    const rest = sorted.multiply(sorted.sum()).multiply(0.5).add(a.multiply(0.25));
    mx.eval(rest, map);
    close(map, new Array(n).fill(0.75));
    close(rest, new Array(n).fill((n / 2) * (n / 2) * n * 0.5 + 0.25));
  }
});
