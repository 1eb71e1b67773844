/** The base of optimizers: state as a tree beside the parameters' tree, updated all at once or not at all. */
import { uint64 } from "../core/dtype.js";
import { ArgumentError, ShapeError } from "../core/errors.js";
import { describe, isPlainObject, setOwn } from "../core/guards.js";
import { showShape } from "../core/shape.js";
import { isNDArray, NDArray, rebind } from "../graph/array.js";
import { sameShape } from "../graph/node.js";
import { isOwned, own } from "../graph/owned.js";
import { keep } from "../graph/scope.js";
import { forEachLeaf, mapLeaves } from "../graph/tree.js";
import { add } from "../ops/arithmetic.js";
import { array } from "../ops/creation-host.js";
import { hostValue } from "./scalars.js";

/** What an optimizer keeps for one parameter. */
export type LeafState = Record<string, NDArray>;

/** The tree of all state: `step`, scheduled values such as `learningRate`, and the parameters' tree with a {@link LeafState} per leaf. */
export interface OptimizerState {
  [key: string]: unknown;
}

/** A number, or a function of the step (an array) that gives an array. */
export type Schedulable = number | NDArray | ((step: NDArray) => NDArray);

/** Something that has parameters and takes new ones. */
export interface Updatable {
  update(parameters: unknown): unknown;
}

const isUpdatable = (x: unknown): x is Updatable =>
  typeof x === "object" && x !== null && "update" in x && typeof x.update === "function";

const isLeafState = (x: unknown): x is LeafState =>
  isPlainObject(x) && Object.values(x).every(isNDArray);

/**
 * The base class. A subclass says what state a parameter has and how one parameter is updated.
 *
 * @see mlx.optimizers.Optimizer
 */
export abstract class Optimizer {
  /** Enumerable, so that a compiled step which lists the optimizer finds the arrays. */
  protected readonly kept: OptimizerState = { step: own(keep(array(0n, uint64))) };
  readonly #schedules = new Map<string, (step: NDArray) => NDArray>();

  /**
   * All state, always the same object, so that a compiled step may list it before the first update. Assigning copies the
   * entries, for restoring; what is missing in them is made at the next update.
   */
  get state(): OptimizerState {
    return this.kept;
  }

  set state(next: OptimizerState) {
    if (!isPlainObject(next))
      throw new ArgumentError(`[optimizer] expected an object as state, got ${describe(next)}`);
    const entries = Object.entries(next);
    for (const key of Object.keys(this.kept)) delete this.kept[key];
    for (const [key, value] of entries) setOwn(this.kept, key, value);
    keepAll(this.kept);
  }

  /** Fills in the state of one parameter. */
  abstract initSingle(parameter: NDArray, state: LeafState): void;

  /** The updated parameter; puts its new state into `state`, which is a copy. */
  abstract applySingle(gradient: NDArray, parameter: NDArray, state: LeafState): NDArray;

  /** Keeps a number or array in the state under a name, or puts it on a schedule. */
  protected schedule(name: string, value: Schedulable): void {
    if (typeof value === "function") {
      this.#schedules.set(name, value);
      this.kept[name] = own(new NDArray(value(this.step).node));
    } else this.kept[name] = isNDArray(value) ? value : own(array(value));
    keepAll(this.kept);
  }

  /** The state as it is now; later updates do not change it. */
  protected snapshot(): OptimizerState {
    return { ...this.kept };
  }

  #array(name: string): NDArray {
    const value = this.kept[name];
    if (isNDArray(value)) return value;
    throw new ArgumentError(
      `[optimizer] expected an array as ${name} in the state, got ${describe(value)}`,
    );
  }

  /** Number of updates so far, uint64. */
  get step(): NDArray {
    return this.#array("step");
  }

  get learningRate(): NDArray {
    return this.#array("learningRate");
  }

  set learningRate(value: number | NDArray) {
    this.kept.learningRate = keep(isNDArray(value) ? value : array(value));
  }

  /** Makes the state of all parameters. Optional: an update does it where it is missing. */
  init(parameters: unknown): void {
    this.#settle(this.snapshot(), this.#filled(parameters, this.kept));
  }

  /** The state with what `parameters` need and it lacks. */
  #filled(parameters: unknown, state: OptimizerState): OptimizerState {
    const fill = (p: unknown, s: unknown): unknown => {
      if (isNDArray(p)) {
        const leaf: LeafState = isLeafState(s) ? { ...s } : {};
        if (Object.keys(leaf).length === 0) this.initSingle(p, leaf);
        return leaf;
      }
      if (Array.isArray(p))
        return p.map((item, i) => fill(item, Array.isArray(s) ? s[i] : undefined));
      if (!isPlainObject(p)) throw notTree(p);
      const old = isPlainObject(s) ? s : {};
      const filled = Object.entries(p).map(([key, item]) => [key, fill(item, old[key])]);
      return { ...old, ...Object.fromEntries(filled) };
    };
    const filled = fill(asRecord(parameters), state);
    return isPlainObject(filled) ? filled : state;
  }

  /**
   * The parameters after one step, as a tree of the structure of `gradients`, which may be a part of that of `parameters`.
   * Arrays are left as they were.
   *
   * @throws ArgumentError when the trees do not fit, ShapeError when a gradient does not fit its parameter
   */
  applyGradients<T>(gradients: T, parameters: unknown): T {
    const state = this.#filled(gradients, this.kept);
    const before = this.snapshot();
    const { step } = this;
    for (const [name, at] of this.#schedules) state[name] = at(step);
    const count = hostValue(step);
    state.step = count === null ? add(step, 1) : array(BigInt(count) + 1n, uint64);
    this.state = state;
    try {
      const visit = (g: unknown, p: unknown, s: unknown, path: string): [unknown, unknown] => {
        if (isNDArray(g)) {
          if (!isNDArray(p) || !sameShape(g.shape, p.shape)) throw misfit(path, g, p);
          const leaf: LeafState = isLeafState(s) ? { ...s } : {};
          return [this.applySingle(g, p, leaf), leaf];
        }
        if (Array.isArray(g)) {
          const done = g.map((item, i) => visit(item, child(p, i), child(s, i), `${path}[${i}]`));
          return [done.map(([x]) => x), done.map(([, x]) => x)];
        }
        if (!isPlainObject(g)) throw notTree(g);
        const done = Object.entries(g).map(
          ([key, item]) =>
            [key, visit(item, child(p, key), child(s, key), `${path}.${key}`)] as const,
        );
        return [
          Object.fromEntries(done.map(([key, [x]]) => [key, x])),
          {
            ...(isPlainObject(s) ? s : {}),
            ...Object.fromEntries(done.map(([key, [, x]]) => [key, x])),
          },
        ];
      };
      const whole = asRecord(gradients);
      const [updated, next] = visit(whole, asRecord(parameters), state, "");
      this.#settle(before, next);
      // The structure is that of the gradients, wrapped when they are not an object.
      const result: unknown = whole === gradients ? updated : child(updated, "parameters");
      return result as T;
    } catch (error) {
      this.state = before;
      throw error;
    }
  }

  #settle(before: unknown, next: unknown): void {
    const state = this.#adopted(before, next);
    if (isPlainObject(state)) this.state = state;
  }

  /** The state with handles of the optimizer's own for what was not in it before: others may hold those it was given. */
  #adopted(before: unknown, state: unknown): unknown {
    const known = new Set<unknown>();
    forEachLeaf<NDArray>(before, isNDArray, (a) => known.add(a));
    return mapLeaves(state, isNDArray, (a) => {
      if (known.has(a) || isOwned(a)) return a;
      return own(new NDArray(a.node));
    });
  }

  /** `next` with the handles of `before` where they are the optimizer's own; these get the new values. */
  #inPlace(before: unknown, next: unknown): unknown {
    if (isNDArray(next)) {
      if (next === before || !isNDArray(before) || !isOwned(before)) return next;
      if (next.dtype !== before.dtype || !sameShape(next.shape, before.shape)) return next;
      rebind(before, next.node);
      return before;
    }
    if (Array.isArray(next)) return next.map((x, i) => this.#inPlace(child(before, i), x));
    if (!isPlainObject(next)) return next;
    const entries = Object.entries(next);
    return Object.fromEntries(
      entries.map(([key, x]) => [key, this.#inPlace(child(before, key), x)]),
    );
  }

  /**
   * Updates a model (anything with `update(parameters)`), or the arrays of a tree in place. Arrays that the optimizer has
   * made for its state are given their new values in place too, so that compiled steps need no new memory: of what shall
   * not change, keep a copy.
   */
  update(model: unknown, gradients: unknown): void {
    const before = this.snapshot();
    const updated = this.applyGradients(gradients, model);
    const state = this.#inPlace(before, this.state);
    if (isPlainObject(state)) this.state = state;
    if (isUpdatable(model)) {
      keepAll(updated);
      model.update(updated);
      return;
    }
    const put = (from: unknown, to: unknown): void => {
      if (isNDArray(from)) {
        if (isNDArray(to)) rebind(to, from.node);
      } else if (Array.isArray(from)) {
        for (const [i, item] of from.entries()) put(item, child(to, i));
      } else if (isPlainObject(from))
        for (const key of Object.keys(from)) put(from[key], child(to, key));
    };
    put(updated, model);
  }
}

/** Arrays that no scope of `tidy` may free. */
const keepAll = (tree: unknown): void => forEachLeaf<NDArray>(tree, isNDArray, keep);

/** Trees that are not objects are kept under one key, so that `step` fits beside them. */
const asRecord = (tree: unknown): unknown =>
  isNDArray(tree) || Array.isArray(tree) ? { parameters: tree } : tree;

const child = (x: unknown, key: string | number): unknown =>
  typeof x === "object" && x !== null ? Reflect.get(x, key) : undefined;

const notTree = (x: unknown): ArgumentError =>
  new ArgumentError(`[optimizer] expected a tree of arrays, got ${describe(x)} in it`);

const misfit = (path: string, g: NDArray, p: unknown): ShapeError | ArgumentError =>
  p instanceof NDArray
    ? new ShapeError(
        `[optimizer] expected a gradient of shape ${showShape(p.shape)} at ${path}, got ${showShape(g.shape)}`,
      )
    : new ArgumentError(
        `[optimizer] expected a parameter for the gradient at ${path}, got ${describe(p)}`,
      );
