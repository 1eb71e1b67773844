/** The base class of models and layers: its fields are its parameters and submodules. */

import type { DType } from "../../core/dtype.js";
import { floating, issubdtype } from "../../core/dtype-info.js";
import { ArgumentError } from "../../core/errors.js";
import { describe } from "../../core/guards.js";
import { readOptions, readPositional } from "../../core/options.js";
import { isNDArray, NDArray } from "../../graph/array.js";
import { Branch } from "../../graph/tree.js";
import { load } from "../../io/load.js";
import { savez } from "../../io/npz.js";
import { saveSafetensors } from "../../io/safetensors.js";
import { astype } from "../../ops/convert.js";
import { type LeafOf, treeFlatten } from "../../ops/tree-paths.js";
import type {
  FreezeOptions,
  LoadWeightsOptions,
  SaveWeightsOptions,
  StrictOptions,
} from "./options.js";
import { type Described, show } from "./print.js";
import { changesOf, replacementsOf } from "./update.js";
import {
  commit,
  type FieldFilter,
  holdsArrays,
  holdsModules,
  mapFields,
  type Place,
  placesOf,
  putInto,
} from "./walk.js";
import { fileName, matchWeights, type Weights } from "./weights.js";

/** The arrays and modules among the leaves of a type. */
type Held<T> = Extract<LeafOf<T>, NDArray | Module>;

/** Names of the public fields of a module with arrays or modules in them. */
type ParameterKeys<M> = {
  [K in Exclude<keyof M, keyof Module>]: K extends `_${string}`
    ? never
    : [Held<M[K]>] extends [never]
      ? never
      : K;
}[Exclude<keyof M, keyof Module>];

/**
 * The tree of the parameters of a module type: its public fields that hold arrays, modules, or lists and records of these.
 */
export type ParametersOf<T> = T extends NDArray
  ? NDArray
  : T extends Module
    ? { [K in keyof T as K extends ParameterKeys<T> ? K : never]: ParametersOf<T[K]> }
    : T extends (...args: never) => unknown
      ? Record<string, never>
      : T extends readonly unknown[]
        ? { -readonly [I in keyof T]: ParametersOf<T[I]> }
        : T extends object
          ? { -readonly [K in keyof T]: ParametersOf<T[K]> }
          : T;

/** Accepts or refuses a field; the key is dotted inside lists and records. */
export type ModuleFilter = FieldFilter<Module>;

const identity = <T>(x: T): T => x;

/** A handle of its own on the value that an array has now. */
const snapshot = (a: unknown): unknown => (isNDArray(a) ? new NDArray(a.node) : a);

export const isModule = (x: unknown): x is Module => x instanceof Module;

/**
 * A model or layer. Its public fields that hold arrays are its parameters, those that hold modules its submodules, in lists and
 * plain objects too; nothing is registered. Fields whose names start with `_` are not parameters, nor are numbers, functions and
 * other values. A subclass has a method `forward`.
 *
 * @example
 * class MLP extends nn.Module {
 *   hidden = new nn.Linear(2, 8);
 *   out = new nn.Linear(8, 1);
 *   forward(x: mx.NDArray): mx.NDArray {
 *     return this.out.forward(nn.relu(this.hidden.forward(x)));
 *   }
 * }
 * new MLP().forward(mx.ones([3, 2])).shape; // [3, 1]
 * @see mlx.nn.Module
 */
export abstract class Module extends Branch {
  /** Names that {@link freeze} took out of training. */
  private _frozen: string[] = [];
  private _training = true;

  /** Whether the module is in training mode, as it is at first. */
  get training(): boolean {
    return this._training;
  }

  /** The module itself, as captured state of `mx.compile` and for `mx.eval`. */
  get state(): this {
    return this;
  }

  /** True for modules. @see mlx.nn.Module.is_module */
  static isModule(x: unknown): x is Module {
    return isModule(x);
  }

  /** Accepts what may hold modules. */
  static validChildFilter(_module: Module, _key: string, value: unknown): boolean {
    return holdsModules(value);
  }

  /** Accepts public fields with arrays in them. */
  static validParameterFilter(_module: Module, key: string, value: unknown): boolean {
    return !key.startsWith("_") && holdsArrays(value);
  }

  /** Accepts public fields with arrays in them that are not frozen. */
  static trainableParameterFilter(module: Module, key: string, value: unknown): boolean {
    return Module.validParameterFilter(module, key, value) && !module._frozen.includes(key);
  }

  /**
   * A tree of the fields that a filter accepts.
   *
   * @param filterFn is asked for every field, and for the items of lists and records under dotted keys
   * @param mapFn is applied to the leaves
   * @param isLeafFn says where not to go further; by default arrays are leaves
   * @example
   * new nn.Linear(2, 3).filterAndMap((_, key) => key === "bias", (x) => x); // has the bias only
   * @see mlx.nn.Module.filter_and_map
   */
  filterAndMap(
    filterFn: ModuleFilter,
    mapFn: (value: unknown) => unknown = identity,
    isLeafFn?: ModuleFilter,
  ): Record<string, unknown> {
    const isLeaf = isLeafFn ?? ((_module, _key, value) => isNDArray(value));
    return mapFields<Module>(this, { isModule, filter: filterFn, map: mapFn, isLeaf });
  }

  /**
   * The tree of all parameters. Its arrays have their present values for good: later updates of the module do not reach them.
   *
   * @example mx.treeFlatten(new nn.Linear(2, 3).parameters()).map(([name]) => name) // ["weight", "bias"]
   * @see mlx.nn.Module.parameters
   */
  parameters(): ParametersOf<this> {
    return this.#tree(Module.validParameterFilter);
  }

  /**
   * The tree of the parameters that are not frozen.
   *
   * @example new nn.Linear(2, 3).freeze({ keys: "bias" }).trainableParameters().bias // undefined
   * @see mlx.nn.Module.trainable_parameters
   */
  trainableParameters(): ParametersOf<this> {
    return this.#tree(Module.trainableParameterFilter);
  }

  #tree(filter: ModuleFilter): ParametersOf<this> {
    const tree: unknown = this.filterAndMap(filter, snapshot);
    // The type follows the same rule as the filter.
    return tree as ParametersOf<this>;
  }

  /**
   * The tree of submodules, at one level.
   *
   * @see mlx.nn.Module.children
   */
  children(): Record<string, unknown> {
    return this.filterAndMap(Module.validChildFilter, identity, (_m, _k, v) => isModule(v));
  }

  /**
   * The tree of the modules that have no submodules.
   *
   * @see mlx.nn.Module.leaf_modules
   */
  leafModules(): Record<string, unknown> {
    return this.filterAndMap(
      Module.validChildFilter,
      identity,
      (_m, _k, v) => isModule(v) && childrenOf(v).length === 0,
    );
  }

  /**
   * This module and all below it, in MLX's order: later children first.
   *
   * @example new nn.Sequential(new nn.ReLU(), new nn.Tanh()).modules().length // 3
   * @see mlx.nn.Module.modules
   */
  modules(): Module[] {
    return this.namedModules().map(([, module]) => module);
  }

  /**
   * The same with their dotted paths; the path of this module is empty.
   *
   * @see mlx.nn.Module.named_modules
   */
  namedModules(): [string, Module][] {
    const found: [string, Module][] = [];
    this.applyToModules((path, module) => found.push([path, module]));
    return found;
  }

  /**
   * Calls a function with the path and the module, for this module and all below it.
   *
   * @see mlx.nn.Module.apply_to_modules
   */
  applyToModules(applyFn: (path: string, module: Module) => unknown): this {
    const stack: [string, Module][] = [["", this]];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const [path, module] = top;
      applyFn(path, module);
      const before = path === "" ? "" : `${path}.`;
      for (const [name, inner] of childrenOf(module)) stack.push([`${before}${name}`, inner]);
    }
    return this;
  }

  /**
   * Gives parameters new values: those of a tree like {@link parameters}, or of a part of one. Either all are changed or none.
   * The arrays in the fields of the module stay the same objects, and have the new values.
   *
   * @param options whether names that the module lacks are refused, also as `{ strict }`
   * @throws ArgumentError for a name that the module lacks or a value that is not an array, unless `strict` is false
   * @example new nn.Linear(2, 1).update({ bias: mx.ones([1]) }).bias?.tolist() // [1]
   * @see mlx.nn.Module.update
   */
  update(parameters: object, options?: boolean | StrictOptions): this {
    const { strict = true } = readStrict("update", options);
    commit(changesOf("update", this, parameters, strict));
    return this;
  }

  /**
   * Puts modules into the places of others: those of a tree like {@link children} or {@link leafModules}.
   *
   * @throws ArgumentError where there is no module to replace, unless `strict` is false
   * @see mlx.nn.Module.update_modules
   */
  updateModules(modules: object, options?: boolean | StrictOptions): this {
    const { strict = true } = readStrict("updateModules", options);
    for (const { owner, key, value } of replacementsOf("updateModules", this, modules, strict))
      putInto(owner, key, value);
    return this;
  }

  /**
   * Replaces every parameter, or those that a filter accepts, by a function of it.
   *
   * @example new nn.Linear(2, 1).apply((w) => mx.zerosLike(w)).bias?.tolist() // [0]
   * @see mlx.nn.Module.apply
   */
  apply(mapFn: (parameter: NDArray) => NDArray, filterFn?: ModuleFilter): this {
    const given = filterFn ?? Module.validParameterFilter;
    const filter: ModuleFilter = (m, key, value) => holdsArrays(value) && given(m, key, value);
    return this.update(this.filterAndMap(filter, (x) => (isNDArray(x) ? mapFn(x) : x)));
  }

  /**
   * Takes parameters out of training: gradients, and so updates, leave them out.
   *
   * @throws ArgumentError with `strict` for a name that no module has
   * @example new nn.Sequential(new nn.Linear(2, 2), new nn.ReLU()).freeze().trainableParameters()
   * @see mlx.nn.Module.freeze
   */
  freeze(options?: FreezeOptions): this {
    return this.#mark("freeze", options, (module, keys) => {
      const names = keys ?? ownNames(module);
      module._frozen = [...new Set([...module._frozen, ...names])];
    });
  }

  /**
   * Takes parameters back into training.
   *
   * @throws ArgumentError with `strict` for a name that no module has
   * @see mlx.nn.Module.unfreeze
   */
  unfreeze(options?: FreezeOptions): this {
    return this.#mark("unfreeze", options, (module, keys) => {
      const always = module.alwaysFrozen();
      module._frozen = module._frozen.filter(
        (k) => always.includes(k) || (keys !== null && !keys.includes(k)),
      );
    });
  }

  /** Names that {@link unfreeze} passes over: a subclass says which of its arrays are never trained. */
  protected alwaysFrozen(): readonly string[] {
    return [];
  }

  #mark(
    op: string,
    options: FreezeOptions | undefined,
    mark: (module: Module, keys: readonly string[] | null) => void,
  ): this {
    const o = readOptions<FreezeOptions>(op, options, ["recurse", "keys", "strict"]);
    const given = o.keys ?? null;
    const keys = typeof given === "string" ? [given] : given;
    const modules = (o.recurse ?? true) ? this.modules() : [this];
    const has = (m: Module, key: string): boolean => holdsArrays(Reflect.get(m, key));
    for (const key of o.strict === true ? (keys ?? []) : []) {
      if (modules.some((m) => has(m, key))) continue;
      throw new ArgumentError(
        `[${op}] expected names that the module has, got "${key}": take it out, or leave strict out`,
      );
    }
    for (const m of modules) mark(m, keys);
    return this;
  }

  /**
   * Puts this module and all below it into training mode, or out of it.
   *
   * @see mlx.nn.Module.train
   */
  train(mode: boolean = true): this {
    return this.applyToModules((_, m) => m.setTrainingMode(mode));
  }

  /**
   * Puts this module and all below it out of training mode: no dropout, running statistics.
   *
   * @example new nn.Dropout(0.5).eval().forward(mx.ones([2])).tolist() // [1, 1]
   * @see mlx.nn.Module.eval
   */
  eval(): this {
    return this.train(false);
  }

  /** What {@link train} does to each module; a subclass may do more. */
  protected setTrainingMode(mode: boolean): void {
    this._training = mode;
  }

  /**
   * Casts parameters, by default those of floating dtypes.
   *
   * @param predicate says which dtypes are cast, null for all
   * @see mlx.nn.Module.set_dtype
   */
  setDtype(
    dtype: DType,
    predicate: ((dtype: DType) => boolean) | null = (d) => issubdtype(d, floating),
  ): this {
    return this.apply((x) => (predicate === null || predicate(x.dtype) ? astype(x, dtype) : x));
  }

  /**
   * Loads parameters from a file, or from arrays by name. Names may be those of MLX and Hugging Face (`query_proj.weight`) or
   * those of the fields (`queryProj.weight`). Arrays keep the dtype that they have in the file. From a `URL` or a `Blob` it
   * gives a promise.
   *
   * @param options whether missing and unexpected names are refused, also as `{ strict }`; arrays of another shape always are
   * @throws ArgumentError listing missing, unexpected and mismatching names, ShapeError when only shapes do not fit; the module
   *   is then as it was
   * @example
   * const model = new nn.Linear(2, 3);
   * model.saveWeights("linear.safetensors");
   * new nn.Linear(2, 3).loadWeights("linear.safetensors");
   * @see mlx.nn.Module.load_weights
   */
  loadWeights(file: URL | Blob, options?: boolean | LoadWeightsOptions): Promise<this>;
  loadWeights(file: string | Weights, options?: boolean | LoadWeightsOptions): this;
  loadWeights(
    file: string | URL | Blob | Weights,
    options?: boolean | LoadWeightsOptions,
  ): this | Promise<this> {
    const op = "loadWeights";
    const { strict = true, format = null } = readPositional<LoadWeightsOptions>(
      op,
      "strict",
      options,
      undefined,
      ["strict", "format"],
    );
    const take = (weights: unknown, source: string): this => {
      const places = placesOf<Module>(this, isModule, Module.validParameterFilter);
      commit(matchWeights(op, weights, places, strict, source));
      return this;
    };
    if (file instanceof URL) return load(file, { format }).then((w) => take(w, file.href));
    if (file instanceof Blob) return load(file, { format }).then((w) => take(w, "a blob"));
    if (typeof file !== "string") return take(file, "arrays");
    const loaded: unknown = load(file, { format });
    return take(loaded, file);
  }

  /**
   * Saves all parameters, under MLX's names (`query_proj.weight`), so that MLX loads them.
   *
   * @param file a name that ends in .safetensors or .npz
   * @throws ArgumentError for another ending, and where the file cannot be written
   * @see mlx.nn.Module.save_weights
   */
  saveWeights(file: string, options?: SaveWeightsOptions): void {
    const op = "saveWeights";
    const o = readOptions<SaveWeightsOptions>(op, options, ["metadata"]);
    const arrays = Object.fromEntries(this.#places().map((p) => [fileName(p.path), p.array]));
    const metadata = o.metadata ?? null;
    if (typeof file === "string" && file.endsWith(".safetensors"))
      saveSafetensors(file, arrays, { metadata });
    else if (typeof file === "string" && file.endsWith(".npz") && metadata === null)
      savez(file, arrays);
    else {
      throw new ArgumentError(
        `[${op}] expected a name ending in .safetensors or .npz (which has no metadata), got ${describe(file)}: rename it`,
      );
    }
  }

  #places(): Place[] {
    return placesOf<Module>(this, isModule, Module.validParameterFilter);
  }

  /** What is shown of the options of a module, like `dims=4, bias=true`. */
  protected extraRepr(): string {
    return "";
  }

  #describe(): Described {
    const children = childrenOf(this);
    const all = this.#places();
    const warm = placesOf<Module>(this, isModule, Module.trainableParameterFilter);
    const size = (places: readonly Place[]): number =>
      places.reduce((sum, { array }) => sum + array.size, 0);
    return {
      name: this.constructor.name,
      extra: this.extraRepr(),
      parameters: size(all),
      frozen: size(all) - size(warm),
      children: children.map(([path, child]) => [path, child.#describe()] as const),
    };
  }

  /** The tree of modules, with numbers of parameters. */
  override toString(): string {
    return showInspected(this.#describe());
  }
}

/** Makes consoles show the tree. Only what uses modules needs it: bundlers drop it with them. */
const installInspection = (): typeof show => {
  Object.defineProperty(Module.prototype, Symbol.for("nodejs.util.inspect.custom"), {
    value(this: Module): string {
      return this.toString();
    },
    configurable: true,
    writable: true,
  });
  return show;
};

const showInspected: typeof show = /* @__PURE__ */ installInspection();

const readStrict = (op: string, options: boolean | StrictOptions | undefined): StrictOptions =>
  readPositional<StrictOptions>(op, "strict", options, undefined, ["strict"]);

/** The modules at one level with their paths. */
const childrenOf = (module: Module): [string, Module][] =>
  treeFlatten<unknown>(module.children(), { isLeaf: isModule }).filter(
    (entry): entry is [string, Module] => isModule(entry[1]),
  );

/** The dotted names of the arrays that a module holds itself. */
const ownNames = (module: Module): string[] =>
  placesOf<Module>(
    module,
    isModule,
    (m, key, value) => !isModule(value) && Module.validParameterFilter(m, key, value),
  ).map(({ path }) => path);
