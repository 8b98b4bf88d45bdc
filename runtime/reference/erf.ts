/**
 * The error function to about 1e-15: Taylor series around the points k/8, whose coefficients are worked out once.
 *
 * With erf'(x) = 2/sqrt(pi) exp(-x^2) = g(x) and g' = -2x g, the series of g around c has coefficients b(0) = g(c) and
 * b(n+1) = -2 (c b(n) + b(n-1)) / (n+1); integrating gives erf(c + h) = erf(c) + sum b(n) h^(n+1) / (n+1).
 */
const cellsPerUnit = 8;
/** erf(6) is 1 to double precision */
const limit = 6;
const terms = 20;
const cellCount = limit * cellsPerUnit + 1;

interface Cells {
  /** erf at the points */
  readonly values: Float64Array;
  /** `terms` coefficients of h^(n+1) per point */
  readonly coefficients: Float64Array;
}

let cells: Cells | null = null;

/** erf(x) for any double. */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (size >= limit) return Math.sign(x);
  if (Number.isNaN(x)) return NaN;
  cells ??= makeCells();
  const cell = Math.round(size * cellsPerUnit);
  const h = size - cell / cellsPerUnit;
  const result = (cells.values[cell] as number) + h * sumSeries(cells.coefficients, cell * terms, h);
  return x < 0 || Object.is(x, -0) ? -result : result;
}

function sumSeries(coefficients: Float64Array, at: number, h: number): number {
  let sum = 0;
  for (let n = terms - 1; n >= 0; n--) sum = sum * h + (coefficients[at + n] as number);
  return sum;
}

function makeCells(): Cells {
  const values = new Float64Array(cellCount);
  const coefficients = new Float64Array(cellCount * terms);
  for (let cell = 0; cell < cellCount; cell++) {
    const centre = cell / cellsPerUnit;
    values[cell] = erfByPositiveSeries(centre);
    let before = 0;
    let b = (2 / Math.sqrt(Math.PI)) * Math.exp(-centre * centre);
    for (let n = 0; n < terms; n++) {
      coefficients[cell * terms + n] = b / (n + 1);
      const next = (-2 * (centre * b + before)) / (n + 1);
      before = b;
      b = next;
    }
  }
  return { values, coefficients };
}

/** erf(x) = 2/sqrt(pi) exp(-x^2) sum 2^n x^(2n+1) / (1·3·…·(2n+1)): all terms positive, so nothing cancels; slow for large x. */
function erfByPositiveSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; term > sum * 1e-18; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
