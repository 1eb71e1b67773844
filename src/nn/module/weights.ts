/** Names of parameters in files, and which array of a file goes to which parameter. */
import { ArgumentError, ShapeError } from "../../core/errors.js";
import { describe, isPlainObject } from "../../core/guards.js";
import { showShape } from "../../core/shape.js";
import { isNDArray, type NDArray } from "../../graph/array.js";
import { sameShape } from "../../graph/node.js";
import { type Change, isList, type Place } from "./walk.js";

/** Arrays by name, as an object or as pairs. */
export type Weights = Readonly<Record<string, NDArray>> | readonly (readonly [string, NDArray])[];

/** The name in files: `layers.0.queryProj.weight` is written `layers.0.query_proj.weight`, as MLX and Hugging Face do. */
export const fileName = (path: string): string =>
  path.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** A form in which names in files and names of fields agree: underscores inside words are taken out. */
const plainName = (name: string): string =>
  name.replace(/(?<=[a-zA-Z0-9])_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

const shown = 10;

const list = (names: readonly string[]): string => {
  const more = names.length > shown ? `, and ${names.length - shown} more` : "";
  return `${names.slice(0, shown).join(", ")}${more}`;
};

const pairsOf = (op: string, weights: unknown): [string, NDArray][] => {
  const entries: readonly unknown[] = isList(weights)
    ? weights
    : isPlainObject(weights)
      ? Object.entries(weights)
      : [null];
  return entries.map((entry) => {
    const [name, array]: readonly unknown[] = isList(entry) ? entry : [];
    if (typeof name === "string" && isNDArray(array)) return [name, array];
    const got = typeof name === "string" ? `${describe(array)} under "${name}"` : describe(weights);
    throw new ArgumentError(
      `[${op}] expected arrays by name, got ${got}: pass the path of a file, pairs or an object`,
    );
  });
};

/**
 * The changes that loading makes. Names are compared exactly, then without regard to snake_case and camelCase.
 *
 * @throws ArgumentError or ShapeError listing missing, unexpected and mismatching names
 */
export const matchWeights = (
  op: string,
  weights: unknown,
  places: readonly Place[],
  strict: boolean,
  source: string,
): readonly Change[] => {
  const given = pairsOf(op, weights);
  const exact = new Map(places.flatMap((p) => [[p.path, p] as const, [fileName(p.path), p]]));
  const loose = new Map(places.map((p) => [plainName(p.path), p]));
  const found = new Map<Place, NDArray>();
  const unexpected: string[] = [];
  const later: [string, NDArray][] = [];
  for (const [name, array] of given) {
    const place = exact.get(name);
    if (place === undefined) later.push([name, array]);
    else found.set(place, array);
  }
  for (const [name, array] of later) {
    const place = loose.get(plainName(name));
    if (place === undefined || found.has(place)) unexpected.push(name);
    else found.set(place, array);
  }
  const missing = places.filter((p) => !found.has(p)).map((p) => fileName(p.path));
  const wrong = [...found].flatMap(([{ path, array }, value]) =>
    sameShape(array.shape, value.shape)
      ? []
      : [`${fileName(path)} (${showShape(array.shape)} expected, ${showShape(value.shape)} given)`],
  );
  const complaints = [
    ...(strict && missing.length > 0 ? [`${missing.length} missing: ${list(missing)}`] : []),
    ...(strict && unexpected.length > 0
      ? [`${unexpected.length} unexpected: ${list(unexpected)}`]
      : []),
    ...(wrong.length > 0 ? [`${wrong.length} of another shape: ${list(wrong)}`] : []),
  ];
  if (complaints.length > 0) {
    const onlyShapes = complaints.length === 1 && wrong.length > 0;
    const cure = onlyShapes
      ? "build the model with the sizes of the weights"
      : "build the model that the weights belong to, or pass { strict: false }";
    const message = `[${op}] expected weights that fit the model, got ${source} with ${complaints.join("; ")}: ${cure}`;
    throw onlyShapes ? new ShapeError(message) : new ArgumentError(message);
  }
  return [...found].map(([{ owner, key, array }, value]) => ({ owner, key, array, value }));
};
