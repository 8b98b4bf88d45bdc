/** A plan in words and tables. */
import { nth } from "../../../ir/access.ts";
import type { Basis } from "../../../ir/machine/target.ts";
import type { Plan } from "./plan-data.ts";

const units = ["B", "kB", "MB", "GB", "TB"] as const;

/** Bytes in units of a thousand. */
export function showBytes(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${value.toFixed(unit === 0 ? 0 : 1)} ${nth(units, unit)}`;
}

/** A rate or a time with three digits. */
export const showNumber = (value: number): string =>
  value >= 1000 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3);

export const showSeconds = (seconds: number): string =>
  seconds >= 1
    ? `${showNumber(seconds)} s`
    : seconds >= 1e-3
      ? `${showNumber(seconds * 1e3)} ms`
      : `${showNumber(seconds * 1e6)} us`;

/** Rows of what a plan says: name, figure, how it is known. */
export function planRows(plan: Plan): readonly (readonly [string, string, Basis])[] {
  const basis = (name: string): Basis => plan.basis[name] ?? "derived";
  const row = (name: keyof Plan, title: string, text: string): readonly [string, string, Basis] => [
    title,
    text,
    basis(name),
  ];
  const { coreBytes: core, regions } = plan;
  return [
    row(
      "parameters",
      "parameters",
      `${(plan.parameters / 1e9).toFixed(2)} billion, ${(plan.activeParameters / 1e9).toFixed(2)} billion a token`,
    ),
    row("weightBytes", "weights", `${showBytes(plan.weightBytes)} in ${plan.weights}`),
    row("mode", "mode", `${plan.mode}: ${plan.reason}`),
    row(
      "wafers",
      "wafers",
      `${plan.wafers} of ${showBytes(plan.waferBytes)}${plan.wafersBound === plan.wafers ? ", and none fewer" : `, at least ${plan.wafersBound}`}`,
    ),
    ...(plan.replicas === 1
      ? []
      : [row("replicas", "copies", `${plan.replicas}, on ${plan.replicas * plan.wafers} wafers`)]),
    row("layersPerWafer", "layers per wafer", showLayers(plan)),
    row("balance", "busiest wafer", `${plan.balance.toFixed(2)} x the mean`),
    row(
      "coreBytes",
      "SRAM of a core",
      `code ${core.code}, system ${core.system}, weights ${core.weights}, cache ${core.cache}, values ${core.values}, free ${core.free} B`,
    ),
    row("cacheBytesPerToken", "cache", `${showBytes(plan.cacheBytesPerToken)} a token`),
    row("longestContext", "longest context", `${plan.longestContext} tokens (planned for ${plan.context})`),
    ...(regions === null
      ? []
      : [
          row(
            "regions",
            "regions",
            `${regions.used} of ${regions.width} x ${regions.height} cores on the busiest wafer`,
          ),
        ]),
    row("decodePerUser", "decode, a user", `${showNumber(plan.decodePerUser)} tokens/s`),
    row(
      "decodeInAll",
      "decode, in all",
      `${showNumber(plan.decodeInAll)} tokens/s for ${plan.users}${plan.replicas === 1 ? "" : " on each copy"}`,
    ),
    row(
      "prefillTokensPerSecond",
      "prefill",
      `${showNumber(plan.prefillTokensPerSecond)} tokens/s a prompt${plan.promptPieces === 1 ? "" : ` in ${plan.promptPieces} pieces`}, ${showNumber(plan.prefillInAll)} in all`,
    ),
    row("timeToFirstToken", "first token", `after ${showSeconds(plan.timeToFirstToken)}`),
    row("usersInFlight", "users in flight", `up to ${plan.usersInFlight}, by their caches`),
    row("edgeLoad", "edge in use", `${(100 * plan.edgeLoad).toFixed(2)} %`),
    row("linkLoad", "links in use", `${(100 * plan.linkLoad).toFixed(2)} %`),
    row("watts", "power", `${showNumber(plan.watts / 1000)} kW, ${showNumber(plan.joulesPerToken)} J a token`),
    ...(plan.stream === null
      ? []
      : [
          row(
            "stream",
            "a pass of the weights",
            `${showSeconds(plan.stream.passSeconds)}; computing hides it from ${plan.stream.hidingBatch} sequences on`,
          ),
        ]),
    ...(plan.tokensPerStep === null
      ? []
      : [row("tokensPerStep", "confirmed at once", `${plan.tokensPerStep.toFixed(2)} tokens`)]),
    row("limit", "limit", plan.limit.sentence),
  ];
}

/** Runs of wafers with as many layers. */
function showLayers({ layersPerWafer, mode }: Plan): string {
  if (mode === "stream") return "all pass through";
  const counts = layersPerWafer.map((layers) => layers.length);
  const runs: { count: number; wafers: number }[] = [];
  for (const count of counts) {
    const last = runs.at(-1);
    if (last?.count === count) last.wafers++;
    else runs.push({ count, wafers: 1 });
  }
  return runs.map(({ count, wafers }) => (wafers === 1 ? String(count) : `${wafers} x ${count}`)).join(", ");
}
