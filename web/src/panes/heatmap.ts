import { html, type TemplateResult } from "lit";
import { formatPrice, formatTime } from "../format";
import { feed } from "../link";
import { colour } from "../settings";
import { BookPane } from "./book-pane";
import { type Drawn, fit } from "./canvas";
import type { Trade } from "../api";

const COLUMN_MS = 500;
const COLUMNS = 240;
const ROWS = 80;
/** The band that is drawn, as a share of the price, on either side. */
const REACH = 0.0012;
const BUBBLE = 14;

interface Column {
  at: number;
  /** Null where the book was not live: a gap, which is hatched. */
  levels: Float64Array | null;
  middle: number;
  trades: Trade[];
}

type Inks = Record<"level" | "gap" | "buy" | "sell", string>;

/** The book over time, brighter where more is resting, with trades as bubbles and gaps hatched. */
export class Heatmap extends BookPane {
  private columns: Column[] = [];
  private trades: Trade[] = [];

  protected override listen(): (() => void)[] {
    const timer = setInterval(() => this.add(), COLUMN_MS);
    return [
      () => clearInterval(timer),
      ...super.listen(),
      feed.subscribe([`trades.${this.instrument}.raw`], (_channel, trades: Trade[]) => void this.trades.push(...trades)),
    ];
  }

  /** It is drawn with every column. */
  protected override get followsEachChange(): boolean {
    return false;
  }

  protected override clear(): void {
    super.clear();
    this.columns = [];
    this.trades = [];
  }

  private add(): void {
    const { shot } = this;
    const live = shot && !this.why() && shot.bids.length && shot.asks.length;
    const levels = live ? new Float64Array([...shot.bids, ...shot.asks]) : null;
    const middle = live ? ((shot.bids[0] ?? 0) + (shot.asks[0] ?? 0)) / 2 : (this.columns.at(-1)?.middle ?? 0);
    this.columns.push({ at: Date.now(), levels, middle, trades: this.trades });
    this.trades = [];
    if (this.columns.length > COLUMNS) this.columns.shift();
    this.redraw();
  }

  override render(): TemplateResult {
    const first = this.columns[0];
    const gaps = this.columns.filter((column) => !column.levels).length;
    const text = first ? `since ${formatTime(first.at)}, middle ${formatPrice(this.columns.at(-1)?.middle, this.places)}, ${gaps} of ${this.columns.length} columns without a live book (hatched)` : "nothing yet";
    return this.frameOf("Heatmap", html`<canvas class="drawn" role="img" aria-label="Book over time, ${text}"></canvas>`, `${COLUMN_MS} ms a column · ${text}`);
  }

  override updated(): void {
    const canvas = this.querySelector<HTMLCanvasElement>("canvas");
    const drawn = canvas && fit(canvas);
    const middle = this.columns.at(-1)?.middle;
    if (!drawn || !middle) return;
    const [low, high] = [middle * (1 - REACH), middle * (1 + REACH)];
    const row = (price: number): number => Math.floor((1 - (price - low) / (high - low)) * ROWS);
    const cells = this.columns.map((column) => sums(column.levels, row));
    const scale = quantile(cells.flatMap((sizes) => (sizes ? [...sizes].filter((size) => size > 0) : [])), 0.98);
    const width = drawn.width / COLUMNS;
    const inks: Inks = { level: colour("accent"), gap: colour("warn"), buy: colour("bid"), sell: colour("ask") };
    this.columns.forEach((column, number) => {
      const x = drawn.width - (this.columns.length - number) * width;
      const sizes = cells[number];
      drawn.context.fillStyle = inks.level;
      drawn.context.strokeStyle = inks.gap;
      if (sizes) paint(drawn, x, width, sizes, scale);
      else hatch(drawn, x, width);
      for (const trade of column.trades) {
        drawn.context.strokeStyle = inks[trade.direction];
        bubble(drawn, x + width / 2, ((row(trade.price) + 0.5) / ROWS) * drawn.height, trade.amount / (scale || 1));
      }
    });
  }
}

/** The size resting in each row of prices. */
function sums(levels: Float64Array | null, row: (price: number) => number): Float64Array | null {
  if (!levels) return null;
  const sizes = new Float64Array(ROWS);
  for (let at = 0; at < levels.length; at += 2) {
    const place = row(levels[at] ?? 0);
    if (place >= 0 && place < ROWS) sizes[place] = (sizes[place] ?? 0) + (levels[at + 1] ?? 0);
  }
  return sizes;
}

function paint({ context, height }: Drawn, x: number, width: number, sizes: Float64Array, scale: number): void {
  const tall = height / ROWS;
  sizes.forEach((size, row) => {
    if (!size) return;
    context.globalAlpha = Math.min(1, Math.log1p(size) / Math.log1p(scale || 1)) ** 3;
    context.fillRect(x, row * tall, width + 0.5, tall + 0.5);
  });
  context.globalAlpha = 1;
}

function hatch({ context, height }: Drawn, x: number, width: number): void {
  context.globalAlpha = 0.5;
  context.beginPath();
  for (let y = 0; y < height; y += 6) {
    context.moveTo(x, y + 6);
    context.lineTo(x + width, y);
  }
  context.stroke();
  context.globalAlpha = 1;
}

/** Its area is in proportion to the size, up to a limit. */
function bubble({ context }: Drawn, x: number, y: number, share: number): void {
  context.beginPath();
  context.arc(x, y, Math.max(1, BUBBLE * Math.sqrt(Math.min(1, share))), 0, 2 * Math.PI);
  context.stroke();
}

function quantile(values: number[], share: number): number {
  return values.sort((one, other) => one - other)[Math.floor(share * (values.length - 1))] ?? 0;
}

customElements.define("dw-heatmap", Heatmap);
