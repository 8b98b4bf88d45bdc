/**
 * ONNX's regular expressions are RE2's; they are run by JavaScript's engine after the few spellings that differ are rewritten. Unlike RE2
 * that engine backtracks, so a hostile pattern can take long.
 */
import { fail } from "../../ir/diagnostic.ts";

/** RE2 -> JavaScript: text anchors, named groups, Unicode class names of one letter. */
const spellings: readonly (readonly [RegExp, string])[] = [
  [/\(\?P</gu, "(?<"],
  [/\\A/gu, "^"],
  [/\\z/gu, "$"],
  [/\\([pP])([A-Z])(?!\{)/gu, "\\$1{$2}"],
];

/** A test whether the pattern matches a whole string. WSC3006 when it is no regular expression. */
export function compileFullMatch(pattern: string): (text: string) => boolean {
  const leading = /^\(\?([ims]+)\)/u.exec(pattern);
  const body = leading === null ? pattern : pattern.slice(leading[0].length);
  const source = `^(?:${rewrite(body)})$`;
  // with `m`, ^ and $ match at lines: the whole string is asked for by length then
  const flags = [...new Set(leading?.[1] ?? "")].join("");
  const expression = compile(source, `${flags}u`) ?? compile(source, flags);
  if (expression === null) throw fail("WSC3006", `pattern ${JSON.stringify(pattern)} is no regular expression`);
  return (text) => expression.exec(text)?.[0].length === text.length;
}

/** Applies the spellings outside of escaped backslashes. */
function rewrite(pattern: string): string {
  const pieces = pattern.split("\\\\");
  const rewritten = pieces.map((piece) => spellings.reduce((text, [from, to]) => text.replace(from, to), piece));
  return rewritten.join("\\\\");
}

/** Strict syntax refuses escapes that RE2 takes; the lenient one is the second choice. */
function compile(source: string, flags: string): RegExp | null {
  try {
    return new RegExp(source, flags);
  } catch {
    return null;
  }
}
