/** `wsc ops`: the operator table, as the frontend holds it. */
import { newestOpset, oldestOpset, operatorTable } from "../frontend/operator-table.ts";
import { exitCodes } from "./failure.ts";
import { printTable } from "./table.ts";

interface OperatorRow {
  readonly domain: string;
  readonly name: string;
  /** opsets at which the operator's definition changed, as far as they are told apart */
  readonly versions: readonly number[];
}

export function opsVerb({ json }: { readonly json: boolean }): Promise<number> {
  const rows = [...operatorTable.values()]
    .map(({ domain, name, versions }): OperatorRow => ({
      domain: domain === "" ? "ai.onnx" : domain,
      name,
      versions: versions.map(({ since }) => since),
    }))
    .sort((a, b) => compare(a.domain, b.domain) || compare(a.name, b.name));
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

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
