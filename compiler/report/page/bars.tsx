/** Bars with their names and figures, and memory as one bar of parts. */
import type { JSX } from "preact";
import { type HeldBytes, heldBytes } from "../data/report-data.ts";
import { heldColor } from "../map/colors.ts";
import { bytes, count, duration, percent } from "../text.ts";

export const amountText = (amount: number, unit: "cycles" | "seconds"): string =>
  unit === "cycles" ? `${count(amount)} cycles` : duration(amount);

export interface BarRow {
  readonly name: string;
  readonly text: string;
  /** from 0 to 1 */
  readonly share: number;
  readonly strong: boolean;
}

export const Bars = ({ rows }: { readonly rows: readonly BarRow[] }): JSX.Element => (
  <ul class="bars">
    {rows.map(({ name, text, share, strong }) => (
      <li key={name} class={strong ? "strong" : ""}>
        <span>{name}</span>
        <span class="bar">
          <i style={`width:${(100 * share).toFixed(1)}%`} />
        </span>
        <span>{text}</span>
      </li>
    ))}
  </ul>
);

/** What memory holds, as parts of what it has room for. */
export const HeldBar = ({
  held,
  capacity,
}: {
  readonly held: readonly HeldBytes[];
  readonly capacity: number;
}): JSX.Element => (
  <span class="held" role="img" aria-label={heldText(held, capacity)} title={heldText(held, capacity)}>
    {held.map(({ category, bytes: size }) => (
      <i
        key={category}
        style={`width:${((100 * size) / Math.max(1, capacity)).toFixed(2)}%;background:${heldColor(category)}`}
      />
    ))}
  </span>
);

const heldText = (held: readonly HeldBytes[], capacity: number): string =>
  [
    ...held.map(({ category, bytes: size }) => `${category} ${bytes(size)}`),
    `free ${bytes(Math.max(0, capacity - heldBytes(held)))}`,
  ].join(", ");

/** The colors of memory, with what each category takes. */
export const HeldLegend = ({
  held,
  capacity,
}: {
  readonly held: readonly HeldBytes[];
  readonly capacity: number;
}): JSX.Element => (
  <dl class="facts">
    {held.map(({ category, bytes: size }) => (
      <div key={category}>
        <dt>
          <i class="dot" style={`background:${heldColor(category)}`} />
          {category}
        </dt>
        <dd>
          {bytes(size)} · {percent(size / Math.max(1, capacity))}
        </dd>
      </div>
    ))}
    <div>
      <dt>free</dt>
      <dd>
        {bytes(Math.max(0, capacity - heldBytes(held)))} ·{" "}
        {percent(Math.max(0, 1 - heldBytes(held) / Math.max(1, capacity)))}
      </dd>
    </div>
  </dl>
);
