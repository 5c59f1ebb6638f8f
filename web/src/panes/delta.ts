import { html, type TemplateResult } from "lit";
import type { Trade } from "../api";
import { formatSize, formatTime } from "../format";
import { colour } from "../settings";
import { type Drawn, fit } from "./canvas";
import { TradesPane } from "./trades-pane";

const BUCKET_MS = 1000;
const BUCKETS = 1800;

interface Bucket {
  at: number;
  /** What takers bought less what they sold in this second, and since the beginning. */
  delta: number;
  sum: number;
  /** Whether trades are missing before it. */
  broken: boolean;
}

/** Cumulative volume delta: what takers bought less what they sold, by second. */
export class DeltaPane extends TradesPane {
  private buckets: Bucket[] = [];
  private broken = false;

  protected override clear(): void {
    super.clear();
    this.buckets = [];
    this.broken = false;
  }

  protected override missed(): void {
    this.broken = true;
  }

  protected override traded(trades: Trade[]): void {
    for (const trade of trades) this.add(trade.timestamp, trade.direction === "buy" ? trade.amount : -trade.amount);
    if (this.buckets.length > BUCKETS) this.buckets.splice(0, this.buckets.length - BUCKETS);
  }

  private add(ms: number, size: number): void {
    const at = ms - (ms % BUCKET_MS);
    const last = this.buckets.at(-1);
    const sum = (last?.sum ?? 0) + size;
    if (last && at <= last.at && !this.broken) {
      last.delta += size;
      last.sum = sum;
    } else this.buckets.push({ at: Math.max(at, last?.at ?? 0), delta: size, sum, broken: this.broken });
    this.broken = false;
  }

  override render(): TemplateResult {
    const last = this.buckets.at(-1);
    const text = last ? `${signed(last.sum)}, last second with a trade ${signed(last.delta)}` : "no trade yet";
    return this.frameOf(
      "Cumulative volume delta",
      html`<p class="message">${text}</p><canvas class="drawn" role="img" aria-label="Cumulative volume delta: ${text}"></canvas>`,
      `takers' buys less sells · ${this.scope}`,
    );
  }

  override updated(): void {
    const canvas = this.querySelector<HTMLCanvasElement>("canvas");
    const drawn = canvas && fit(canvas);
    if (drawn && this.buckets.length > 1) this.draw(drawn);
  }

  private draw({ context, width, height }: Drawn): void {
    const { buckets } = this;
    const [first, last] = [buckets[0]?.at ?? 0, buckets.at(-1)?.at ?? 1];
    let [low, high, most] = [Infinity, -Infinity, Number.MIN_VALUE];
    for (const { sum, delta } of buckets) {
      low = Math.min(low, sum);
      high = Math.max(high, sum);
      most = Math.max(most, Math.abs(delta));
    }
    const line = height * 0.7;
    const x = (at: number): number => ((at - first) / (last - first || 1)) * (width - 2);
    const y = (sum: number): number => line - 4 - ((sum - low) / (high - low || 1)) * (line - 18);
    const zero = line + (height - line) / 2;
    const inks = { up: colour("bid"), down: colour("ask"), line: colour("accent"), text: colour("soft") };
    for (const { at, delta } of buckets) {
      context.fillStyle = delta < 0 ? inks.down : inks.up;
      context.fillRect(x(at), zero, 1.5, (-delta / most) * ((height - line) / 2 - 2));
    }
    context.strokeStyle = inks.line;
    context.beginPath();
    buckets.forEach(({ at, sum, broken }, number) => {
      if (broken || !number) context.moveTo(x(at), y(sum));
      else context.lineTo(x(at), y(sum));
    });
    context.stroke();
    context.fillStyle = inks.text;
    context.font = "11px system-ui";
    context.fillText(formatSize(high), 2, 11);
    context.fillText(formatSize(low), 2, line - 6);
    context.fillText(formatTime(first), 2, height - 2);
  }
}

function signed(size: number): string {
  return `${size < 0 ? "−" : "+"}${formatSize(Math.abs(size))}`;
}

customElements.define("dw-delta", DeltaPane);
