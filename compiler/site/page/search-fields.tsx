/** What to search for and how long, and values of symbolic dims. */
import type { JSX } from "preact";
import { type PlacementObjective, placementObjectives } from "../../../ir/placement.ts";

export interface SearchTexts {
  readonly objective: PlacementObjective;
  /** `batch=1, seq=128` */
  readonly dims: string;
  /** empty: the search ends by itself */
  readonly seconds: string;
}

export const noTexts: SearchTexts = { objective: "throughput", dims: "", seconds: "" };

const about: Readonly<Record<PlacementObjective, string>> = {
  throughput: "most samples a second",
  latency: "one sample soonest",
  cores: "fewest cores",
  wire: "shortest wires",
};

export interface SearchFieldsProps {
  readonly texts: SearchTexts;
  readonly change: (texts: SearchTexts) => void;
}

export function SearchFields({ texts, change }: SearchFieldsProps): JSX.Element {
  return (
    <details class="card">
      <summary>Objective, time limit, symbolic dims</summary>
      <div class="fields">
        <label>
          Objective
          <select
            value={texts.objective}
            onChange={(event) => {
              const objective = placementObjectives.find((name) => name === event.currentTarget.value);
              if (objective !== undefined) change({ ...texts, objective });
            }}
          >
            {placementObjectives.map((name) => (
              <option key={name} value={name}>
                {about[name]}
              </option>
            ))}
          </select>
        </label>
        <label>
          Seconds to search
          <input
            type="number"
            min="1"
            max="3600"
            placeholder="until it ends by itself"
            value={texts.seconds}
            onInput={(event) => {
              change({ ...texts, seconds: event.currentTarget.value });
            }}
          />
        </label>
        <label>
          Symbolic dims
          <input
            type="text"
            placeholder="batch=1, seq=128"
            spellcheck={false}
            value={texts.dims}
            onInput={(event) => {
              change({ ...texts, dims: event.currentTarget.value });
            }}
          />
        </label>
      </div>
    </details>
  );
}
