/** What stays on the host, and why. */
import type { JSX } from "preact";
import type { HostKernel } from "../../../ir/kernel-graph.ts";
import { count } from "../text.ts";

export function HostTable({ host }: { readonly host: readonly HostKernel[] }): JSX.Element | null {
  if (host.length === 0) return null;
  return (
    <section class="card" id="host">
      <h2>
        {count(host.length)} operation{host.length === 1 ? " stays" : "s stay"} on the host
      </h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Operations on the host">
        <table>
          <thead>
            <tr>
              <th>Node</th>
              <th>Kind</th>
              <th>Why</th>
            </tr>
          </thead>
          <tbody>
            {host.map(({ op, kind, reason, origin }) => (
              <tr key={op}>
                <td>{origin.length === 0 ? `op ${op}` : origin.join(", ")}</td>
                <td>{kind}</td>
                <td>{reason}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
