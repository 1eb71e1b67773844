/** Run-time guards for the kinds of JavaScript value that arguments come in. */

/** A complex number written in JavaScript. */
export interface Complex {
  readonly re: number;
  readonly im: number;
}

/** A JavaScript value that can stand for one array element. */
export type Scalar = number | boolean | bigint | Complex;

/** True for `{}`-like objects: those made by literals, `Object.create(null)` or `JSON.parse`, in any realm. */
export const isPlainObject = (x: unknown): x is Record<string, unknown> => {
  if (typeof x !== "object" || x === null || Array.isArray(x)) return false;
  const proto: unknown = Object.getPrototypeOf(x);
  return proto === Object.prototype || proto === null || Object.getPrototypeOf(proto) === null;
};

export const isComplex = (x: unknown): x is Complex =>
  typeof x === "object" &&
  x !== null &&
  "re" in x &&
  "im" in x &&
  typeof x.re === "number" &&
  typeof x.im === "number";

export const isScalar = (x: unknown): x is Scalar =>
  typeof x === "number" || typeof x === "boolean" || typeof x === "bigint" || isComplex(x);

/** What a value is, for error messages: `number 3`, `string "ab"`, `list of 4`, `object {a, b}`, `undefined`. */
export const describe = (x: unknown): string => {
  if (x === null || x === undefined) return String(x);
  if (typeof x === "string")
    return `string ${JSON.stringify(x.length > 40 ? `${x.slice(0, 40)}…` : x)}`;
  if (typeof x === "function") return "a function";
  if (typeof x !== "object") return `${typeof x} ${String(x)}`;
  if (Array.isArray(x)) return `list of ${x.length}`;
  if (isPlainObject(x)) return `object {${Object.keys(x).slice(0, 6).join(", ")}}`;
  const name: unknown = x.constructor?.name;
  return typeof name === "string" && name !== "" ? name : "an object";
};

/** Plain assignment, but safe for a key named `__proto__`. */
export const setOwn = (object: object, key: string, value: unknown): void => {
  if (key !== "__proto__") Reflect.set(object, key, value);
  else {
    Object.defineProperty(object, key, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
};
