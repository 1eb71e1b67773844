/** The text of a module: its tree, with the number of parameters of each part. */

/** What is shown of one module. */
export interface Described {
  readonly name: string;
  /** Its options, like `dims=4, bias=true`. */
  readonly extra: string;
  readonly parameters: number;
  readonly frozen: number;
  readonly children: readonly (readonly [path: string, child: Described])[];
}

const counts = ({ parameters, frozen }: Described): string => {
  if (parameters === 0) return "";
  const noun = parameters === 1 ? "parameter" : "parameters";
  const cold =
    frozen === 0 ? "" : frozen === parameters ? ", frozen" : `, ${number(frozen)} frozen`;
  return ` # ${number(parameters)} ${noun}${cold}`;
};

const number = (n: number): string => n.toLocaleString("en");

export const show = (m: Described): string => {
  if (m.children.length === 0) return `${m.name}(${m.extra})${counts(m)}`;
  const lines = m.children.map(([path, child]) =>
    `(${path}): ${show(child)}`
      .split("\n")
      .map((line) => `  ${line}`)
      .join("\n"),
  );
  return `${m.name}(${m.extra}\n${lines.join("\n")}\n)${counts(m)}`;
};
