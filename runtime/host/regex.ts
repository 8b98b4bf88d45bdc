/**
 * ONNX's regular expressions are RE2's; they are run by JavaScript's engine after the spellings that differ are rewritten. Unlike RE2 that engine
 * backtracks, so a hostile pattern can take long.
 */
import { fail } from "../../ir/diagnostic.ts";

/** POSIX classes, as they stand within brackets. */
const posixClasses: ReadonlyMap<string, string> = new Map([
  ["alnum", "0-9A-Za-z"],
  ["alpha", "A-Za-z"],
  ["ascii", "\\x00-\\x7f"],
  ["blank", "\\t "],
  ["cntrl", "\\x00-\\x1f\\x7f"],
  ["digit", "0-9"],
  ["graph", "!-~"],
  ["lower", "a-z"],
  ["print", " -~"],
  ["punct", "!-\\/:-@\\[-`{-~"],
  ["space", "\\t\\n\\v\\f\\r "],
  ["upper", "A-Z"],
  ["word", "0-9A-Za-z_"],
  ["xdigit", "0-9A-Fa-f"],
]);

/** What RE2 takes for white space; JavaScript's own class is wider. */
const spaces = "\\t\\n\\f\\r ";

/** Spellings at a position of a pattern, tried in order: within brackets, outside of them, or in both. */
interface Spelling {
  readonly where: "brackets" | "outside" | "both";
  readonly find: RegExp;
  readonly write: (match: RegExpExecArray) => string;
}

const spellings: readonly Spelling[] = [
  {
    where: "both",
    find: /\\Q(.*?)(?:\\E|$)/suy,
    write: ([, text = ""]) => text.replace(/[\\^$.*+?()[\]{}|/-]/gu, "\\$&"),
  },
  { where: "both", find: /\\x\{([0-9A-Fa-f]+)\}/uy, write: ([, code = ""]) => `\\u{${code}}` },
  { where: "both", find: /\\([pP])([A-Z])(?!\{)/uy, write: ([, p = "", name = ""]) => `\\${p}{${name}}` },
  { where: "both", find: /\\a/uy, write: () => "\\x07" },
  {
    where: "brackets",
    find: /\[:(\^?)(\w+):\]/uy,
    write: ([all, not = "", name = ""]) => (not === "" ? (posixClasses.get(name) ?? all) : all),
  },
  { where: "brackets", find: /\\s/uy, write: () => spaces },
  { where: "outside", find: /\(\?P</uy, write: () => "(?<" },
  { where: "outside", find: /\\A/uy, write: () => "^" },
  { where: "outside", find: /\\z/uy, write: () => "$" },
  { where: "outside", find: /\\s/uy, write: () => `[${spaces}]` },
  { where: "outside", find: /\\S/uy, write: () => `[^${spaces}]` },
  { where: "both", find: /\\[\s\S]/uy, write: ([escape]) => escape },
];

/** The alternatives at the top of a pattern of RE2, as JavaScript's; `longest` takes no notice of whether a quantifier is lazy. */
function translated(pattern: string, longest: boolean): readonly string[] {
  const alternatives = [""];
  let [at, depth, inBrackets] = [0, 0, false];
  const put = (text: string): void => {
    alternatives.push((alternatives.pop() ?? "") + text);
  };
  while (at < pattern.length) {
    const spelling = spellingAt(pattern, at, inBrackets);
    if (spelling !== null) {
      put(spelling.text);
      at += spelling.length;
      continue;
    }
    const char = pattern.charAt(at);
    at++;
    if (inBrackets) {
      inBrackets = char !== "]";
    } else if (char === "[") {
      inBrackets = true;
      // a bracket that comes first, or first behind ^, is one of the class
      const first = /\^?\]?/uy;
      first.lastIndex = at;
      const lead = first.exec(pattern)?.[0] ?? "";
      put(`[${lead.replace("]", "\\]")}`);
      at += lead.length;
      continue;
    } else if (char === "(" || char === ")") {
      depth += char === "(" ? 1 : -1;
    } else if (char === "|" && depth === 0) {
      alternatives.push("");
      continue;
    } else if (
      char === "?" &&
      longest &&
      /[*+?}]$/u.test(pattern.slice(0, at - 1)) &&
      !/\\.$/u.test(pattern.slice(0, at - 1))
    ) {
      continue;
    }
    put(char);
  }
  return alternatives;
}

function spellingAt(
  pattern: string,
  at: number,
  inBrackets: boolean,
): { readonly text: string; readonly length: number } | null {
  for (const { where, find, write } of spellings) {
    if (where !== "both" && (where === "brackets") !== inBrackets) continue;
    find.lastIndex = at;
    const match = find.exec(pattern);
    if (match !== null) return { text: write(match), length: match[0].length };
  }
  return null;
}

/** Flags that the pattern begins with, and what stands behind them. */
function withoutFlags(pattern: string): readonly [flags: string, body: string] {
  const leading = /^\(\?([ims]+)\)/u.exec(pattern);
  if (leading === null) return ["", pattern];
  return [[...new Set(leading[1] ?? "")].join(""), pattern.slice(leading[0].length)];
}

const noExpression = (pattern: string): Error =>
  fail("WSC3006", `pattern ${JSON.stringify(pattern)} is no regular expression`);

/** A test whether the pattern matches a whole string. WSC3006 when it is no regular expression. */
export function compileFullMatch(pattern: string): (text: string) => boolean {
  const [flags, body] = withoutFlags(pattern);
  const source = `^(?:${translated(body, false).join("|")})$`;
  // with `m`, ^ and $ match at lines: the whole string is asked for by length then
  const expression = compile(source, `${flags}u`) ?? compile(source, flags);
  if (expression === null) throw noExpression(pattern);
  return (text) => expression.exec(text)?.[0].length === text.length;
}

/** Where a match lies in a text. */
export interface Found {
  readonly start: number;
  readonly end: number;
}

/**
 * A search for the leftmost match from a position on, and of those that begin there for the longest: quantifiers are greedy, and of the alternatives
 * at the top of the pattern the one that reaches farthest counts. WSC3006 when it is no regular expression.
 */
export function compileSearch(pattern: string): (text: string, from: number) => Found | null {
  const [flags, body] = withoutFlags(pattern);
  const expressions = translated(body, true).map((source) => {
    const expression = compile(source, `${flags}gu`) ?? compile(source, `${flags}g`);
    if (expression === null) throw noExpression(pattern);
    return expression;
  });
  return (text, from) => {
    let best: Found | null = null;
    for (const expression of expressions) {
      expression.lastIndex = from;
      const match = expression.exec(text);
      if (match === null) continue;
      const found = { start: match.index, end: match.index + match[0].length };
      const isBetter =
        best === null || found.start < best.start || (found.start === best.start && found.end > best.end);
      if (isBetter) best = found;
    }
    return best;
  };
}

/** Strict syntax refuses escapes that RE2 takes; the lenient one is the second choice. */
function compile(source: string, flags: string): RegExp | null {
  try {
    return new RegExp(source, flags);
  } catch {
    return null;
  }
}
