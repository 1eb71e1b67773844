/** Cases of kinds "io_load" and "io_save": files as MLX writes and reads them. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { difference } from "../compare.js";
import { asString, type Case, dataPath, decode, isList, onlyFields } from "../format.js";
import { call, has, Pending, toArgument, toResult } from "../library.js";
import { requireError, toleranceOf } from "./op.js";

const EXACT = { rtol: 0, atol: 0 };

/** `load` reads every format behind one name, so a format counts as built once its writer is. */
const WRITERS: Readonly<Record<string, string>> = {
  npy: "save",
  npz: "savez",
  safetensors: "save_safetensors",
  gguf: "save_gguf",
};

function requireFormat(ending: string): void {
  const writer = WRITERS[ending];
  if (writer !== undefined && !has(writer)) throw new Pending(`load .${ending}`);
}

export async function runLoad({ fields }: Case): Promise<string[]> {
  const own = ["file", "return_metadata", "format", "metadata"];
  onlyFields(fields, ["id", "kind", ...own, "expect", "expect_error", "rtol", "atol"]);
  const file = asString(fields.file);
  const ending = fields.format === undefined ? file.slice(file.lastIndexOf(".") + 1) : "npy";
  requireFormat(ending);
  const options = [
    ...(fields.return_metadata === true ? [["returnMetadata", true] as const] : []),
    ...(fields.format === undefined ? [] : [["format", asString(fields.format)] as const]),
  ];
  const args = options.length > 0 ? [Object.fromEntries(options)] : [];
  const load = (): unknown => call("load", [dataPath(`io/${file}`), ...args]);
  if (fields.expect_error !== undefined) return requireError(fields.expect_error, load);
  const loaded: unknown = await load();
  const pair = fields.return_metadata === true && isList(loaded) ? loaded : [loaded];
  const failures: string[] = [];
  const found = difference(toResult(pair[0]), decode(fields.expect), toleranceOf(fields));
  if (found !== null) failures.push(found);
  if (fields.metadata !== undefined) {
    const differs = difference(toResult(pair[1]), decode(fields.metadata), EXACT);
    if (differs !== null) failures.push(`metadata: ${differs}`);
  }
  return failures;
}

export async function runSave({ fields }: Case): Promise<string[]> {
  const own = ["writer", "file", "byte_exact", "value", "arrays"];
  onlyFields(fields, ["id", "kind", ...own, "expect_error"]);
  const writer = asString(fields.writer);
  const folder = mkdtempSync(join(tmpdir(), "cotangent-"));
  try {
    const path = join(folder, fields.file === undefined ? "out" : asString(fields.file));
    const raw = fields.value ?? fields.arrays;
    const save = (): unknown => call(writer, [path, toArgument(decode(raw))]);
    if (fields.expect_error !== undefined) return await requireError(fields.expect_error, save);
    await save();
    if (fields.byte_exact === true) {
      const wanted = readFileSync(dataPath(`io/${asString(fields.file)}`));
      return readFileSync(path).equals(wanted) ? [] : ["the bytes differ from MLX's"];
    }
    const loaded: unknown = await call("load", [path]);
    const found = difference(toResult(loaded), decode(raw), EXACT);
    return found === null ? [] : [`read back: ${found}`];
  } finally {
    rmSync(folder, { recursive: true });
  }
}
