/** Trains a byte-level BPE tokenizer and writes it as Hugging Face's `tokenizer.json`. */

/** Every byte as a printable character, as GPT-2's tokenizer writes them. */
const characterOf = (() => {
  const printable = (b: number): boolean =>
    (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || (b >= 174 && b <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, b) => String.fromCodePoint(printable(b) ? b : next++));
})();

/** Words as GPT-2's pattern cuts them: merges stay inside. */
const words = (text: string): readonly string[] =>
  text.match(/'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu) ?? [];

interface Word {
  parts: string[];
  readonly count: number;
}

const counted = (text: string): Word[] => {
  const counts = new Map<string, number>();
  for (const word of words(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const encoder = new TextEncoder();
  return [...counts].map(([word, count]) => ({
    parts: Array.from(encoder.encode(word), (b) => characterOf[b] ?? ""),
    count,
  }));
};

/** The pair that stands side by side most often; the first one in the alphabet of several. */
const commonest = (list: readonly Word[]): [string, string] | null => {
  const pairs = new Map<string, number>();
  for (const { parts, count } of list) {
    for (let i = 0; i + 1 < parts.length; i++) {
      const pair = `${parts[i]} ${parts[i + 1]}`;
      pairs.set(pair, (pairs.get(pair) ?? 0) + count);
    }
  }
  let best: string | null = null;
  let most = 1;
  for (const [pair, count] of pairs) {
    if (count > most || (count === most && best !== null && pair < best))
      [best, most] = [pair, count];
  }
  const [left, right] = best?.split(" ") ?? [];
  return left === undefined || right === undefined ? null : [left, right];
};

const merge = ({ parts }: Word, left: string, right: string): string[] => {
  const out: string[] = [];
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] ?? "";
    if (part === left && parts[i + 1] === right) {
      out.push(left + right);
      i++;
    } else out.push(part);
  }
  return out;
};

/**
 * A tokenizer for texts like this one, as the content of a `tokenizer.json`: `<s>` is 0 and begins a text, `</s>` is 1 and ends
 * it, bytes and merged pairs follow.
 *
 * @param size number of tokens, at least 258
 */
export const trainTokenizer = (text: string, size: number): object => {
  const list = counted(text);
  const vocabulary = new Map<string, number>([
    ["<s>", 0],
    ["</s>", 1],
  ]);
  for (const c of characterOf) vocabulary.set(c, vocabulary.size);
  const merges: [string, string][] = [];
  while (vocabulary.size < size) {
    const pair = commonest(list);
    if (pair === null) break;
    const [left, right] = pair;
    merges.push(pair);
    if (!vocabulary.has(left + right)) vocabulary.set(left + right, vocabulary.size);
    for (const word of list) word.parts = merge(word, left, right);
  }
  const special = (id: number, content: string): object => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  });
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [special(0, "<s>"), special(1, "</s>")],
    normalizer: null,
    pre_tokenizer: {
      type: "ByteLevel",
      add_prefix_space: false,
      trim_offsets: true,
      use_regex: true,
    },
    post_processor: {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
      special_tokens: { "<s>": { id: "<s>", ids: [0], tokens: ["<s>"] } },
    },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(vocabulary),
      merges: merges.map(([left, right]) => `${left} ${right}`),
    },
  };
};
