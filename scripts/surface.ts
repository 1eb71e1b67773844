/** The public surface as the compiler sees it: every export of every entry, with what its docstring says. */
import { relative, resolve } from "node:path";
import { API } from "typescript/unstable/sync";

const entries: readonly (readonly [string, string])[] = [
  ["cotangent", "src/index.ts"],
  ["cotangent/nn", "src/nn/index.ts"],
  ["cotangent/optimizers", "src/optimizers/index.ts"],
  ["cotangent/models", "src/models/index.ts"],
  ["cotangent/train", "src/train/index.ts"],
];

/** One export. */
export interface Entry {
  readonly name: string;
  readonly file: string;
  readonly summary: string;
  readonly see: string;
  /** Interfaces and aliases: named in one line, not one row each. */
  readonly isType: boolean;
}

function firstSentence(text: string): string {
  const paragraph =
    text
      .split(/\n\s*\n/)[0]
      ?.replace(/\s+/g, " ")
      .trim() ?? "";
  const sentence = /^(?:\([^)]*\)|[^(])*?[.:;](?=\s|$)/.exec(paragraph)?.[0];
  return sentence?.replace(/[:;]$/, ".") ?? paragraph;
}

/** The exports of one entry module, sorted by name; an undocumented one is an error. */
function exportsOf(api: API, file: string): Entry[] {
  const config = resolve("tsconfig.json");
  const snapshot = api.updateSnapshot({ openProjects: [config] });
  const project = snapshot.getProject(config);
  const source = project?.program.getSourceFile(resolve(file));
  if (project === undefined || source === undefined) throw new Error(`${file} is not compiled`);
  const { checker } = project;
  const module = checker.getSymbolAtLocation(source);
  const below = (parent: typeof module, prefix: string): Entry[] =>
    [...(parent?.getExports().values() ?? [])].flatMap((exported) => {
      const isAlias = (exported.flags & ALIAS) !== 0;
      const symbol = isAlias ? checker.getAliasedSymbol(exported) : exported;
      const name = `${prefix}${exported.name}`;
      if ((symbol.flags & MODULE) !== 0) return below(symbol, `${name}.`);
      const see = symbol.getJsDocTags(checker).find((tag) => tag.name === "see");
      const target = String(see?.text ?? "").trim();
      const summary = firstSentence(symbol.getDocumentationComment(checker));
      const declared = String(symbol.declarations[0]?.path ?? "");
      return [
        {
          name,
          file: relative(resolve("."), declared),
          summary: summary === "" && target !== "" ? `The same as \`${target}\`.` : summary,
          see: target.startsWith("mlx.") ? target : "",
          isType: (symbol.flags & TYPE) !== 0 && (symbol.flags & VALUE) === 0,
        },
      ];
    });
  return below(module, "").sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** SymbolFlags.Alias and ValueModule; the package does not export the values. */
const ALIAS = 1 << 21;
const MODULE = 1 << 9;
/** SymbolFlags.Interface and TypeAlias; SymbolFlags.Variable, Function and Class. */
const TYPE = (1 << 6) | (1 << 19);
const VALUE = 0b11 | (1 << 4) | (1 << 5);

/** The exports of each entry, by the name that it is imported by. */
export function publicSurface(): readonly (readonly [name: string, entries: readonly Entry[]])[] {
  const api = new API({ cwd: resolve(".") });
  try {
    return entries.map(([name, file]) => [name, exportsOf(api, file)] as const);
  } finally {
    api.close();
  }
}
