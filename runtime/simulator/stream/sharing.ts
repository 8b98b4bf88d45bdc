/** Links that several nets share: which words of which nets take turns on them. Links that the same words share are one. */
import { ports } from "../../../ir/fabric/program.ts";
import { nth } from "../../../ir/access.ts";
import type { Channels } from "./channels.ts";
import type { Windows } from "./windows.ts";

/** Words of a net on a shared link, and the cycles from the net's root to the link. */
export interface Share {
  readonly net: number;
  readonly windows: Windows;
  readonly cycles: number;
}

/** A shared link of a net. */
export interface NetShare {
  readonly link: number;
  readonly windows: Windows;
  readonly cycles: number;
}

export class Sharing {
  readonly #channels: Channels;
  /** nets on each link, counted to 2 */
  readonly #users: Uint8Array;
  readonly #shares = new Map<number, Share[]>();

  /** With `ownLinks` no net shares one. */
  constructor(channels: Channels, ownLinks: boolean) {
    this.#channels = channels;
    const { width, height } = channels.program.target;
    this.#users = new Uint8Array(width * height * ports.length);
    if (ownLinks) return;
    for (let channel = 0; channel < channels.count; channel++) {
      const { leaves } = channels.rule(channel);
      for (let port = 0; port < ports.length; port++) {
        const link = this.#link(channel, port);
        const users = this.#users[link] as number;
        if ((leaves & (1 << port)) !== 0 && users < 2) this.#users[link] = users + 1;
      }
    }
  }

  #link(channel: number, port: number): number {
    return (this.#channels.cell[channel] as number) * ports.length + port;
  }

  isShared(channel: number, port: number): boolean {
    return (this.#users[this.#link(channel, port)] as number) > 1;
  }

  add(channel: number, port: number, share: Share): void {
    const link = this.#link(channel, port);
    const known = this.#shares.get(link);
    if (known === undefined) this.#shares.set(link, [share]);
    else known.push(share);
  }

  /** For each net the shared links that it takes part in. */
  byNet(nets: number): { readonly links: number; readonly of: readonly (readonly NetShare[])[] } {
    const of = Array.from({ length: nets }, (): NetShare[] => []);
    const numbers = new Map<Windows, number>();
    const numberOf = (windows: Windows): number => {
      const number = numbers.get(windows) ?? numbers.size;
      numbers.set(windows, number);
      return number;
    };
    const known = new Set<string>();
    let links = 0;
    for (const shares of this.#shares.values()) {
      // words of one net take turns already
      if (new Set(shares.map(({ net }) => net)).size < 2) continue;
      // windows belong to one net each, so that their numbers tell nets and words
      const key = shares
        .map(({ windows }) => numberOf(windows))
        .sort((a, b) => a - b)
        .join(" ");
      if (known.has(key)) continue;
      known.add(key);
      for (const { net, windows, cycles } of shares) nth(of, net).push({ link: links, windows, cycles });
      links++;
    }
    return { links, of };
  }
}
