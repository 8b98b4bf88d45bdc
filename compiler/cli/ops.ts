/** `wsc ops`: the operator table, as the frontend holds it. */
import { diagnostic, showName, WscError } from "../../ir/diagnostic.ts";
import { nearestName } from "../../ir/nearest.ts";
import { operatorTable } from "../frontend/operator-table.ts";
import { newestOpset, oldestOpset } from "../frontend/opsets.ts";
import { exitCodes } from "./failure.ts";
import { printTable } from "./table.ts";

interface OperatorRow {
  readonly domain: string;
  readonly name: string;
  /** opsets at which the operator's definition changed, as far as they are told apart */
  readonly versions: readonly number[];
}

export interface OpsArguments {
  /** operators that are asked for, as `Conv` or `com.microsoft::Gelu`; none: all */
  readonly names: readonly string[];
  readonly json: boolean;
}

export function listOperators({ names, json }: OpsArguments): Promise<number> {
  const all = allOperators();
  checkNames(names, all);
  const rows = names.length === 0 ? all : all.filter((row) => names.some((name) => isNamed(row, name)));
  if (json)
    process.stdout.write(
      `${JSON.stringify({ opsets: { oldest: oldestOpset, newest: Object.fromEntries(newestOpset) }, operators: rows }, null, 2)}\n`,
    );
  else {
    printTable(
      ["operator", "domain", "versions"],
      rows.map((row) => [row.name, row.domain, row.versions.join(", ")]),
    );
    process.stdout.write(
      `${rows.length} operators; ai.onnx opset ${oldestOpset} to ${newestOpset.get("") ?? oldestOpset}\n`,
    );
  }
  return Promise.resolve(exitCodes.done);
}

function allOperators(): readonly OperatorRow[] {
  return [...operatorTable.values()]
    .map(({ domain, name, versions }): OperatorRow => ({
      domain: domain === "" ? "ai.onnx" : domain,
      name,
      versions: versions.map(({ since }) => since),
    }))
    .sort((a, b) => compare(a.domain, b.domain) || compare(a.name, b.name));
}

const isNamed = ({ domain, name }: OperatorRow, asked: string): boolean =>
  asked === name || asked === `${domain}::${name}`;

/** Throws WSC3001 for names that are no supported operator's. */
function checkNames(names: readonly string[], all: readonly OperatorRow[]): void {
  const unknown = names.filter((name) => !all.some((row) => isNamed(row, name)));
  if (unknown.length === 0) return;
  const known = all.flatMap(({ domain, name }) => [name, `${domain}::${name}`]);
  throw new WscError(
    unknown.map((name) => {
      const near = nearestName(name, known);
      const hint = near === undefined ? "wsc ops lists all operators" : `did you mean "${near}"?`;
      return diagnostic("error", "WSC3001", `operator "${showName(name)}" is not supported`, { hint });
    }),
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
