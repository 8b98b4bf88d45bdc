/** Wrong usage in words: which verb, option or value is unknown, and which one is near it. */
import { type Diagnostic, diagnostic, showName, WscError } from "../../ir/diagnostic.ts";
import { nameHint, nearestName } from "../../ir/nearest.ts";

/** The options of a verb, as yargs takes them. */
export interface OptionSpec {
  readonly describe?: string;
  readonly alias?: string;
}
/** Options by verb. */
export type VerbTable = Readonly<Record<string, Readonly<Record<string, OptionSpec>>>>;

const helpHint = "wsc --help, or wsc <command> --help";

const usageProblem = (message: string, hint: string = helpHint): Diagnostic =>
  diagnostic("error", "WSC8001", message, { hint });

/** The error for arguments that yargs refuses with `message`. */
export function usageError(message: string, args: readonly string[] = [], verbs: VerbTable = {}): Error {
  const verb = args.find((arg) => !arg.startsWith("-"));
  const names = Object.keys(verbs);
  if (verb !== undefined && names.length > 0 && !names.includes(verb)) {
    return new WscError([usageProblem(`there is no command "${showName(verb)}"`, nameHint(verb, "commands", names))]);
  }
  const options = (verb === undefined ? undefined : verbs[verb]) ?? {};
  const found = [...unknownValues(message), ...unknownArguments(message, args, options)];
  return new WscError(found.length > 0 ? found : [usageProblem(message)]);
}

/** Values that are none of an option's choices, which yargs lists a line each. */
function unknownValues(message: string): readonly Diagnostic[] {
  return [...message.matchAll(/Argument: (\S+), Given: "(.*)", Choices: (.*)/g)].map(([, name, given, choices]) => {
    const hint = nameHint(
      given ?? "",
      "values",
      (choices ?? "").split(", ").map((choice) => choice.slice(1, -1)),
    );
    return usageProblem(`--${name ?? ""} does not take "${showName(given ?? "")}"`, hint);
  });
}

/** Options that the verb does not have, or else arguments beyond those that it takes. */
function unknownArguments(
  message: string,
  args: readonly string[],
  options: Readonly<Record<string, OptionSpec>>,
): readonly Diagnostic[] {
  const [, listed] = /^Unknown arguments?: (.*)$/s.exec(message) ?? [];
  if (listed === undefined) return [];
  const names = [...Object.keys(options), "help", "version"];
  const known = new Set([...names, ...Object.values(options).map(({ alias }) => alias)]);
  const given = args.flatMap((arg) => /^--?(?:no-)?([^=-][^=]*)/.exec(arg)?.[1] ?? []);
  const unknown = new Set(given.filter((name) => !known.has(name) && listed.split(", ").includes(name)));
  if (unknown.size === 0) return [usageProblem(`too many arguments: ${showName(listed)}`)];
  return [...unknown].map((name) => {
    const near = nearestName(name, names);
    const shown = showName(name.length === 1 ? `-${name}` : `--${name}`);
    return usageProblem(`there is no option ${shown}`, near === undefined ? helpHint : `did you mean --${near}?`);
  });
}
