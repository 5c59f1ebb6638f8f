import { html, type TemplateResult } from "lit";
import { formatPrice, formatSize } from "../format";
import { colour } from "../settings";
import { BookPane } from "./book-pane";
import { fit } from "./canvas";

/** How far from the middle, as a share of it, is drawn at least where the book goes so far. */
const REACH = 0.004;

/** Sums of sizes on both sides of the middle. */
export class DepthChart extends BookPane {
  override render(): TemplateResult {
    const [bid, ask] = [this.sums(this.shot?.bids), this.sums(this.shot?.asks)];
    const text = `bids ${formatSize(bid.at(-1)?.[1])} down to ${formatPrice(bid.at(-1)?.[0], this.places)}, asks ${formatSize(ask.at(-1)?.[1])} up to ${formatPrice(ask.at(-1)?.[0], this.places)}`;
    return this.frameOf("Depth", html`<canvas class="drawn" role="img" aria-label="Depth: ${text}"></canvas>`, text);
  }

  /** [price, sum up to it], from the best level on, within reach. */
  private sums(levels: Float64Array | undefined): [number, number][] {
    const points: [number, number][] = [];
    const best = levels?.[0] ?? 0;
    let sum = 0;
    for (let at = 0; levels && at < levels.length; at += 2) {
      const price = levels[at] ?? 0;
      if (Math.abs(price - best) > REACH * Math.abs(best)) break;
      sum += levels[at + 1] ?? 0;
      points.push([price, sum]);
    }
    return points;
  }

  override updated(): void {
    const canvas = this.querySelector<HTMLCanvasElement>("canvas");
    const drawn = canvas && fit(canvas);
    if (!drawn) return;
    const { context, width, height } = drawn;
    const sides: [[number, number][], string][] = [
      [this.sums(this.shot?.bids), colour("bid")],
      [this.sums(this.shot?.asks), colour("ask")],
    ];
    const ends = sides.map(([points]) => points.at(-1)).filter((point) => point !== undefined);
    if (!ends.length) return;
    const low = Math.min(...sides.flatMap(([points]) => points.map(([price]) => price)));
    const high = Math.max(...sides.flatMap(([points]) => points.map(([price]) => price)));
    const most = Math.max(...ends.map(([, sum]) => sum));
    const x = (price: number): number => ((price - low) / (high - low || 1)) * width;
    const y = (sum: number): number => height - (sum / most) * (height - 6);
    for (const [points, ink] of sides) {
      context.beginPath();
      context.moveTo(x(points[0]?.[0] ?? 0), height);
      let before = 0;
      for (const [price, sum] of points) {
        context.lineTo(x(price), y(before));
        context.lineTo(x(price), y(sum));
        before = sum;
      }
      context.lineTo(x(points.at(-1)?.[0] ?? 0), height);
      context.globalAlpha = 0.25;
      context.fillStyle = context.strokeStyle = ink;
      context.fill();
      context.globalAlpha = 1;
      context.stroke();
    }
  }
}

customElements.define("dw-depth", DepthChart);
