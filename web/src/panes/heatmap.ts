import { html, type TemplateResult } from "lit";
import type { Trade } from "../api";
import { formatPrice, formatTime } from "../format";
import { instruments } from "../instruments";
import { feed } from "../link";
import { colour } from "../settings";
import { BookPane } from "./book-pane";
import { type Drawn, fit } from "./canvas";
import { SizeGrid } from "./size-grid";

const COLUMN_MS = 500;
const COLUMNS = 240;
const ROWS = 80;
/** The band that is drawn, as a share of the price, on either side. */
const REACH = 0.0012;
const BUBBLE = 14;
/** Cells at this quantile of the sizes, or beyond it, are opaque. */
const OPAQUE = 0.98;

interface Bubble {
  row: number;
  size: number;
  direction: Trade["direction"];
  liquidates: boolean;
}

interface Column {
  at: number;
  /** Trades of this time, those at one row and side together. */
  bubbles: Map<string, Bubble>;
}

/** The book over time, brighter where more is resting, with trades as bubbles and gaps hatched. */
export class Heatmap extends BookPane {
  private grid: SizeGrid | null = null;
  private columns: Column[] = [];
  private bubbles = new Map<string, Bubble>();
  private middle = 0;
  private picture: CanvasRenderingContext2D | null = null;

  protected override listen(): (() => void)[] {
    const timer = setInterval(() => this.add(), COLUMN_MS);
    return [
      () => clearInterval(timer),
      ...super.listen(),
      feed.subscribe([`trades.${this.instrument}.raw`], (_channel, trades: Trade[]) => {
        for (const trade of trades) this.collect(trade);
      }),
    ];
  }

  /** It is drawn with every column. */
  protected override get followsEachChange(): boolean {
    return false;
  }

  protected override clear(): void {
    super.clear();
    this.grid = null;
    this.columns = [];
    this.bubbles = new Map();
    this.middle = 0;
  }

  private collect(trade: Trade): void {
    if (!this.grid) return;
    const row = this.grid.row(trade.price);
    const key = `${row} ${trade.direction}`;
    const before = this.bubbles.get(key);
    this.bubbles.set(key, { row, size: trade.amount + (before?.size ?? 0), direction: trade.direction, liquidates: Boolean(trade.liquidation) || (before?.liquidates ?? false) });
  }

  private add(): void {
    const { shot } = this;
    const live = shot && !this.why() && shot.bids.length && shot.asks.length;
    if (live) this.middle = ((shot.bids[0] ?? 0) + (shot.asks[0] ?? 0)) / 2;
    if (!this.middle) return;
    this.grid ??= new SizeGrid(COLUMNS, 2 * ROWS, this.step);
    this.grid.add(live ? [shot.bids, shot.asks] : null, this.middle);
    this.columns.push({ at: Date.now(), bubbles: this.bubbles });
    this.bubbles = new Map();
    if (this.columns.length > COLUMNS) this.columns.shift();
    this.redraw();
  }

  /** The price of a row: whole ticks, so that levels do not fall between rows. */
  private get step(): number {
    const tick = instruments.value.get(this.instrument)?.tick_size || 0;
    const wanted = (2 * REACH * this.middle) / ROWS;
    return tick ? Math.max(1, Math.round(wanted / tick)) * tick : wanted;
  }

  override render(): TemplateResult {
    const [first] = this.columns;
    const gaps = this.columns.filter((_, number) => this.grid?.isGap(number)).length;
    const text = first ? `since ${formatTime(first.at)}, middle ${formatPrice(this.middle, this.places)}, ${gaps} of ${this.columns.length} columns without a live book (hatched)` : "nothing yet";
    return this.frameOf("Heatmap", html`<canvas class="drawn" role="img" aria-label="Book over time, ${text}"></canvas>`, `${COLUMN_MS} ms a column · ${text}`);
  }

  override updated(): void {
    const canvas = this.querySelector<HTMLCanvasElement>("canvas");
    const drawn = canvas && fit(canvas);
    if (!drawn || !this.grid) return;
    const top = this.grid.row(this.middle) + (ROWS >> 1);
    const full = this.grid.quantile(OPAQUE);
    this.paint(drawn, this.grid, top, full);
    const width = drawn.width / COLUMNS;
    const tall = drawn.height / ROWS;
    const inks = { gap: colour("warn"), buy: colour("bid"), sell: colour("ask") };
    this.columns.forEach(({ bubbles }, number) => {
      const x = drawn.width - (this.columns.length - number) * width;
      drawn.context.strokeStyle = inks.gap;
      if (this.grid?.isGap(number)) hatch(drawn, x, width);
      for (const { row, size, direction, liquidates } of bubbles.values()) {
        drawn.context.strokeStyle = drawn.context.fillStyle = inks[direction];
        bubble(drawn, x + width / 2, (top - row + 0.5) * tall, { share: size / Math.expm1(full), filled: liquidates });
      }
    });
  }

  /** One pixel a cell, put up to the size of the canvas. */
  private paint({ context, width, height }: Drawn, grid: SizeGrid, top: number, full: number): void {
    this.picture ??= Object.assign(document.createElement("canvas"), { width: COLUMNS, height: ROWS }).getContext("2d");
    if (!this.picture) return;
    const image = this.picture.createImageData(COLUMNS, ROWS);
    grid.paint(image.data, COLUMNS, ROWS, { top, full });
    this.picture.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.picture.canvas, 0, 0, width, height);
    // The cells have an opacity and no colour yet.
    context.globalCompositeOperation = "source-in";
    context.fillStyle = colour("accent");
    context.fillRect(0, 0, width, height);
    context.globalCompositeOperation = "source-over";
  }
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

/** Its area is in proportion to the size, up to a limit; filled where a position was liquidated. */
function bubble({ context }: Drawn, x: number, y: number, { share, filled }: { share: number; filled: boolean }): void {
  context.beginPath();
  context.arc(x, y, Math.max(1, BUBBLE * Math.sqrt(Math.min(1, share))), 0, 2 * Math.PI);
  context.stroke();
  if (filled) context.fill();
}

customElements.define("dw-heatmap", Heatmap);
