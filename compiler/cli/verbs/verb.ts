/** A verb of the command line as a value: what its arguments are, and what is done with them. */
import type { ArgumentsCamelCase, Argv, InferredOptionTypes, Options, PositionalOptions } from "yargs";

export type OptionTable = Readonly<Record<string, Options>>;
export type PlaceTable = Readonly<Record<string, PositionalOptions>>;

/** What a verb's file says of it. The bodies of heavy verbs are imported by `run`. */
export interface VerbSpec<P extends PlaceTable, O extends OptionTable> {
  readonly name: string;
  readonly describe: string;
  /** arguments by place, in order; those with `demandOption` must be given */
  readonly positionals: P;
  readonly options: O;
  /** command lines, and what they do */
  readonly examples: readonly (readonly [command: string, effect: string])[];
  /** gives the exit code */
  readonly run: (given: ArgumentsCamelCase<InferredOptionTypes<P & O>>) => Promise<number>;
}

/** Runs what a verb does, or does not. */
export type Handle = (run: () => Promise<number>) => Promise<void>;

export interface Verb {
  readonly name: string;
  readonly options: OptionTable;
  /** adds it to yargs; `handle` is given what the verb would do */
  readonly addTo: (argv: Argv, handle: Handle) => Argv;
}

export function verb<P extends PlaceTable, O extends OptionTable>(spec: VerbSpec<P, O>): Verb {
  const { name, describe, positionals, options, examples } = spec;
  const places = Object.entries<PositionalOptions>(positionals).map(([place, { demandOption, array }]) => {
    const shown = array === true ? `${place}..` : place;
    return demandOption === true ? `<${shown}>` : `[${shown}]`;
  });
  return {
    name,
    options,
    addTo: (argv, handle) =>
      argv.command(
        [name, ...places].join(" "),
        describe,
        (y) => {
          for (const [place, option] of Object.entries<PositionalOptions>(positionals)) y.positional(place, option);
          for (const [command, effect] of examples) y.example(`wsc ${command}`, effect);
          return y.options(options);
        },
        (given) => handle(() => spec.run(given as ArgumentsCamelCase<InferredOptionTypes<P & O>>)),
      ),
  };
}
