/** When the words of a net passed its root: pieces of even pace, kept as long as somebody may ask for them. */
import { nth } from "../../../ir/access.ts";

/** Words from..to-1 of a net, the first at `time`, the others `pace` cycles apart. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  readonly time: number;
  readonly pace: number;
}

export const timeIn = ({ from, time, pace }: Piece, word: number): number => time + (word - from) * pace;

export class Clock {
  #pieces: Piece[] = [];
  /** pieces after which old ones are dropped */
  #patience = 16;

  add(piece: Piece): void {
    this.#pieces.push(piece);
  }

  /** True when it is worth the while to forget. */
  get isLong(): boolean {
    return this.#pieces.length > this.#patience;
  }

  /** Drops what lies before a word. */
  forget(before: number): void {
    this.#pieces = this.#pieces.filter(({ to }) => to > before);
    this.#patience = 16 + 2 * this.#pieces.length;
  }

  /** The piece that a word belongs to; the word has passed. */
  pieceOf(word: number): Piece {
    const pieces = this.#pieces;
    let low = 0;
    let high = pieces.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (nth(pieces, middle).to > word) high = middle;
      else low = middle + 1;
    }
    const found = nth(pieces, low);
    if (word < found.from || word >= found.to) throw new Error(`internal: word ${word} of a net is forgotten`);
    return found;
  }

  timeOf(word: number): number {
    return timeIn(this.pieceOf(word), word);
  }
}
