/** The machines of the targets' table. */
import type { JSX } from "preact";
import { clockHz, usableRect } from "../../../ir/machine/target.ts";
import { presets } from "../../targets/presets.ts";

const machines = [...presets.values()].map((target) => {
  const { width, height } = usableRect(target);
  const gigabytes = (width * height * target.core.sramBytes) / 2 ** 30;
  return {
    name: target.name,
    title: target.description.replace(/:.*$/, ""),
    cores: (width * height).toLocaleString("en"),
    each: `${target.core.sramBytes / 1024} KiB`,
    all: gigabytes < 0.1 ? `${(gigabytes * 1024).toFixed(0)} MiB` : `${gigabytes.toFixed(1)} GiB`,
    clock: `${(clockHz(target) / 1e9).toFixed(2)} GHz`,
  };
});

export interface MachineChoiceProps {
  readonly chosen: string;
  readonly choose: (name: string) => void;
}

export function MachineChoice({ chosen, choose }: MachineChoiceProps): JSX.Element {
  return (
    <fieldset class="card">
      <legend>2. Machine</legend>
      <table class="machines">
        <thead>
          <tr>
            <th scope="col">Machine</th>
            <th scope="col">Cores</th>
            <th scope="col">SRAM each</th>
            <th scope="col">SRAM</th>
            <th scope="col">Clock</th>
          </tr>
        </thead>
        <tbody>
          {machines.map(({ name, title, cores, each, all, clock }) => (
            <tr key={name} class={name === chosen ? "on" : undefined}>
              <th scope="row">
                <label>
                  <input
                    type="radio"
                    name="machine"
                    value={name}
                    checked={name === chosen}
                    onChange={() => {
                      choose(name);
                    }}
                  />
                  {title} <span class="soft">({name})</span>
                </label>
              </th>
              <td>{cores}</td>
              <td>{each}</td>
              <td>{all}</td>
              <td>{clock}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </fieldset>
  );
}
