/** Devices and streams: what there is can be named and chosen, what there is not is refused, and work is ordered. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";

test("there is one CPU and no GPU", () => {
  assert.equal(mx.deviceCount(mx.cpu), 1);
  assert.equal(mx.deviceCount(mx.gpu), 0);
  assert.equal(mx.isAvailable(mx.cpu), true);
  assert.equal(mx.isAvailable(new mx.Device(mx.cpu, 1)), false);
  assert.equal(mx.isAvailable(mx.gpu), false);
  assert.equal(mx.metal.isAvailable(), false);
  assert.equal(mx.cuda.isAvailable(), false);
  assert.ok(mx.defaultDevice().equals(mx.cpu));
  assert.ok(!mx.defaultDevice().equals(mx.gpu));
  assert.ok(mx.defaultDevice().equals(new mx.Device(mx.cpu)));
  assert.equal(String(mx.defaultDevice()), "Device(cpu, 0)");
  assert.equal(String(mx.defaultStream(mx.cpu)), "Stream(Device(cpu, 0), 0)");
  assert.equal(String(mx.gpu), "DeviceType.gpu");
  assert.equal(mx.deviceInfo(mx.cpu).threads, mx.deviceInfo().threads);
});

test("devices that are not there are refused, and nothing changes", () => {
  const calls: readonly (() => unknown)[] = [
    () => mx.setDefaultDevice(mx.gpu),
    () => mx.setDefaultDevice(new mx.Device(mx.cpu, 1)),
    () => mx.newStream(mx.gpu),
    () => mx.defaultStream(mx.gpu),
    () => mx.stream(mx.gpu, () => assert.fail("must not run")),
    () => mx.deviceInfo(mx.gpu),
  ];
  for (const call of calls) {
    assert.throws(call, (e) => e instanceof mx.DeviceError && /expected a device/.test(e.message));
  }
  assert.ok(mx.defaultDevice().equals(mx.cpu));
});

test("what is no device or stream is refused", () => {
  const gone = mx.newStream();
  mx.clearStreams();
  const calls: readonly (() => unknown)[] = [
    // @ts-expect-error a name is no device
    () => mx.setDefaultDevice("cpu"),
    // @ts-expect-error a name is no kind of device
    () => new mx.Device("cpu"),
    () => new mx.Device(mx.cpu, -1),
    () => mx.setDefaultStream(gone),
    () => mx.stream(gone, () => assert.fail("must not run")),
    () => mx.synchronize(gone),
    // @ts-expect-error a number is no stream
    () => mx.stream(1),
    // @ts-expect-error a number is no function
    () => mx.stream(mx.cpu, 1),
  ];
  for (const call of calls) assert.throws(call, mx.ArgumentError);
});

test("streams are numbered, chosen for a while, and dropped", () => {
  const a = mx.newStream();
  const b = mx.newStream(mx.cpu);
  assert.ok(!a.equals(b));
  assert.ok(a.equals(a));
  assert.ok(mx.newThreadLocalStream(mx.cpu) instanceof mx.ThreadLocalStream);
  assert.ok(mx.newThreadUnsafeStream(mx.cpu) instanceof mx.Stream);
  const first = mx.defaultStream();
  mx.stream(a, () => {
    assert.equal(mx.defaultStream(), a);
    mx.stream(b, () => assert.equal(mx.defaultStream(), b));
    assert.equal(mx.defaultStream(), a);
    mx.stream(mx.cpu, () => assert.equal(mx.defaultStream(), a));
  });
  assert.equal(mx.defaultStream(), first);
  assert.throws(() =>
    mx.stream(a, () => {
      throw new Error("inside");
    }),
  );
  assert.equal(mx.defaultStream(), first);
  const context = mx.stream(b);
  assert.equal(mx.defaultStream(), b);
  context.dispose();
  assert.equal(mx.defaultStream(), first);
  mx.setDefaultStream(a);
  assert.equal(mx.defaultStream(), a);
  mx.clearStreams();
  assert.equal(mx.defaultStream(), first);
});

test("work of one stream that another depends on is done before", async () => {
  const a = mx.newStream();
  const b = mx.newStream();
  const x = mx.stream(a, () => mx.ones([1 << 16]).multiply(3));
  const pending = mx.stream(a, () => mx.asyncEval(x));
  const y = mx.stream(b, () => x.add(1).sum());
  assert.equal(y.item(), 4 * (1 << 16));
  mx.synchronize(a);
  mx.synchronize();
  await pending;
  assert.equal(mx.sum(x).item(), 3 * (1 << 16));
});
