/** The verbs of `wsc` and how their arguments are read. A verb's body is a file of its own, loaded when the verb is called. */
import yargs, { type Argv } from "yargs";
import { WscError } from "../../ir/diagnostic.ts";
import { exitCodes } from "./failure.ts";
import { usageError, type VerbTable } from "./usage-errors.ts";
import { verbs } from "./verbs/index.ts";
import type { Handle } from "./verbs/verb.ts";

/** Reads the arguments, runs the verb, gives the exit code. */
export async function runCommandLine(args: readonly string[], version: string): Promise<number> {
  let code: number = exitCodes.done;
  await parserFor(args, version, async (run) => {
    code = await run();
  }).parseAsync();
  return code;
}

/** Reads the arguments as strictly as a run does, and runs nothing; throws what is wrong with them. */
export async function parseCommandLine(args: readonly string[]): Promise<void> {
  await parserFor(args, "", () => Promise.resolve()).parseAsync();
}

function parserFor(args: readonly string[], version: string, handle: Handle): Argv {
  return commands(yargs([...args]), handle)
    .scriptName("wsc")
    .usage("$0 <command> [options]\n\nCompiles ONNX models for wafer-scale chips, and runs them as WebAssembly.")
    .version(version)
    .completion("completion", "Print a script that completes commands and options (bash, zsh)")
    .strict()
    .demandCommand(1, "a command is needed")
    .epilogue("Exit codes: 0 done, 1 the model is at fault, 2 wrong usage.")
    .showHelpOnFail(false)
    .exitProcess(false)
    .wrap(Math.min(110, process.stdout.columns || 110))
    .check(checkValues)
    .fail((message: string | null, error: Error | undefined) => {
      throw error !== undefined && (message === null || error instanceof WscError)
        ? error
        : usageError(message ?? "wrong usage", args, verbOptions);
    });
}

/** Every verb with its options. */
const verbOptions: VerbTable = {
  completion: {},
  ...Object.fromEntries(verbs.map(({ name, options }) => [name, options])),
};

const repeatable: ReadonlySet<string> = new Set(
  Object.values(verbOptions)
    .flatMap((options) => Object.entries(options))
    .flatMap(([name, option]) => ("array" in option ? [name] : [])),
);

/** What yargs lets pass: numbers that are none, options given twice that may stand once. */
function checkValues(given: Readonly<Record<string, unknown>>): true {
  for (const [name, value] of Object.entries(given)) {
    if (Number.isNaN(value)) throw usageError(`--${name} takes a number`);
    // positional arguments have their own rules
    if (Array.isArray(value) && name !== "names" && name.length > 1 && /^[a-z-]+$/.test(name) && !repeatable.has(name))
      throw usageError(`--${name} may be given once`);
  }
  return true;
}

const commands = (argv: Argv, handle: Handle): Argv => verbs.reduce((found, verb) => verb.addTo(found, handle), argv);
