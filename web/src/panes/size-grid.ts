/** Sizes by time and price, as a ring of columns on a fixed grid of prices, for a picture of the book over time. */

/** Resolution of the scale: bins per unit of log(1 + size), and how many. */
const BINS_PER_UNIT = 8;
const BINS = 512;

export interface Cells {
  /** The grid's row of the first cell. */
  base: number;
  /** log(1 + size) of each row, lowest price first. */
  logs: Float32Array;
}

export class SizeGrid {
  private readonly columns: (Cells | null)[] = [];
  private readonly counts = new Uint32Array(BINS);
  private counted = 0;

  /** `kept` columns of `rows` rows around the middle of their time; `step` is the price of a row. */
  constructor(
    private readonly kept: number,
    private readonly rows: number,
    readonly step: number,
  ) {}

  get length(): number {
    return this.columns.length;
  }

  row(price: number): number {
    return Math.floor(price / this.step + 1e-9);
  }

  /** The next column, from levels as [price, size, …]; null is a gap. */
  add(sides: readonly Float64Array[] | null, middle: number): void {
    this.columns.push(sides && this.collect(sides, this.row(middle) - (this.rows >> 1)));
    this.count(this.columns.at(-1), 1);
    if (this.columns.length > this.kept) this.count(this.columns.shift(), -1);
  }

  private collect(sides: readonly Float64Array[], base: number): Cells {
    const logs = new Float32Array(this.rows);
    for (const levels of sides)
      for (let at = 0; at < levels.length; at += 2) {
        const place = this.row(levels[at] ?? 0) - base;
        if (place >= 0 && place < this.rows) logs[place] = (logs[place] ?? 0) + (levels[at + 1] ?? 0);
      }
    for (let at = 0; at < logs.length; at++) logs[at] = Math.log1p(logs[at] ?? 0);
    return { base, logs };
  }

  private count(cells: Cells | null | undefined, sign: 1 | -1): void {
    if (!cells) return;
    for (const log of cells.logs) {
      if (!log) continue;
      const bin = Math.min(BINS - 1, Math.floor(log * BINS_PER_UNIT));
      this.counts[bin] = (this.counts[bin] ?? 0) + sign;
      this.counted += sign;
    }
  }

  /** log(1 + size) below which this share of the cells with something in them lies. */
  quantile(share: number): number {
    let sum = 0;
    for (let bin = 0; bin < BINS; bin++) {
      sum += this.counts[bin] ?? 0;
      if (sum && sum >= share * this.counted) return (bin + 1) / BINS_PER_UNIT;
    }
    return 1;
  }

  isGap(column: number): boolean {
    return this.columns[column] === null;
  }

  /**
   * Write the opacity of each cell into the fourth byte of pixels, newest column last; `top` is the row of the first
   * line, and there are `height` lines of `width` pixels. A cell of the size `full` is opaque.
   */
  paint(pixels: Uint8ClampedArray, width: number, height: number, { top, full }: { top: number; full: number }): void {
    const shift = width - this.columns.length;
    this.columns.forEach((cells, column) => {
      for (let line = 0; line < height; line++) {
        const log = cells?.logs[top - line - cells.base] ?? 0;
        pixels[4 * (line * width + column + shift) + 3] = 255 * Math.min(1, log / full) ** 3;
      }
    });
  }
}
