// Times every kernel call of the sessions that a bench runs, in place of WebAssembly's instances. Import before a session is made.

/** Shortest milliseconds of each call, by its function and addresses. */
let best = new Map();

/** From now on calls are noted here: one map for each session that takes its turn. */
export const noteIn = (times) => {
  best = times;
};

export const note = (key, start) => {
  const time = performance.now() - start;
  if (time < (best.get(key) ?? Infinity)) best.set(key, time);
};

export const keyOf = (name, args) => `${name} ${args.join()}`;

const { Instance } = WebAssembly;
WebAssembly.Instance = class {
  constructor(module, imports) {
    const timed = Object.entries(new Instance(module, imports).exports).map(([name, call]) => [
      name,
      (...args) => {
        const start = performance.now();
        call(...args);
        // the last two are the range of units
        note(keyOf(name, args.slice(0, -2)), start);
      },
    ]);
    this.exports = Object.fromEntries(timed);
  }
};
