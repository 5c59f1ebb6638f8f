import { html, type TemplateResult } from "lit";
import type { Trade } from "../api";
import { formatPrice } from "../format";
import { colour } from "../settings";
import { instruments } from "../instruments";
import { type Drawn, fit } from "./canvas";
import { TradesPane } from "./trades-pane";

const MOST_BINS = 80;
/** The share of the volume that the value area holds. */
const VALUE_SHARE = 0.7;

interface Bin {
  buys: number;
  sells: number;
}

interface Value {
  /** The bin with the most volume, and those between which the value area lies. */
  control: number;
  low: number;
  high: number;
}

/** What was traded at each price: bins of as many ticks as keep them few. */
export class ProfilePane extends TradesPane {
  private bins = new Map<number, Bin>();
  private ticks = 1;

  protected override clear(): void {
    super.clear();
    this.bins = new Map();
    this.ticks = 1;
  }

  private get step(): number {
    return this.ticks * (instruments.value.get(this.instrument)?.tick_size || 0.01);
  }

  protected override traded(trades: Trade[]): void {
    for (const trade of trades) {
      const at = Math.floor(trade.price / this.step + 1e-9);
      const bin = this.bins.get(at) ?? { buys: 0, sells: 0 };
      bin[trade.direction === "buy" ? "buys" : "sells"] += trade.amount;
      this.bins.set(at, bin);
      while (this.span > MOST_BINS) this.coarsen();
    }
  }

  private get span(): number {
    let [low, high] = [Infinity, -Infinity];
    for (const at of this.bins.keys()) {
      low = Math.min(low, at);
      high = Math.max(high, at);
    }
    return high - low + 1;
  }

  /** Two bins become one. */
  private coarsen(): void {
    const wider = new Map<number, Bin>();
    for (const [at, { buys, sells }] of this.bins) {
      const bin = wider.get(Math.floor(at / 2)) ?? { buys: 0, sells: 0 };
      wider.set(Math.floor(at / 2), { buys: bin.buys + buys, sells: bin.sells + sells });
    }
    this.bins = wider;
    this.ticks *= 2;
  }

  /** From the bin with the most volume to the side with more, until the share is reached. */
  private get value(): Value | null {
    const volume = (at: number): number => (this.bins.get(at)?.buys ?? 0) + (this.bins.get(at)?.sells ?? 0);
    const prices = [...this.bins.keys()];
    const total = prices.reduce((sum, at) => sum + volume(at), 0);
    if (!total) return null;
    const control = prices.reduce((best, at) => (volume(at) > volume(best) ? at : best));
    let [low, high, inside] = [control, control, volume(control)];
    const [lowest, highest] = [Math.min(...prices), Math.max(...prices)];
    while (inside < VALUE_SHARE * total) {
      const up = high < highest && (low <= lowest || volume(high + 1) >= volume(low - 1));
      inside += volume(up ? ++high : --low);
    }
    return { control, low, high };
  }

  override render(): TemplateResult {
    const { value } = this;
    const price = (at: number): string => formatPrice(at * this.step, this.places);
    const text = value ? `point of control ${price(value.control)}, value area ${price(value.low)} to ${price(value.high + 1)}` : "no trade yet";
    return this.frameOf("Volume profile", html`<p class="message">${text}</p><canvas class="drawn" role="img" aria-label="Volume by price: ${text}"></canvas>`, `${formatPrice(this.step, this.places)} a row · value area: 70 % of the volume · ${this.scope}`);
  }

  override updated(): void {
    const canvas = this.querySelector<HTMLCanvasElement>("canvas");
    const drawn = canvas && fit(canvas);
    const { value } = this;
    if (drawn && value) this.draw(drawn, value);
  }

  private draw({ context, width, height }: Drawn, value: Value): void {
    const [lowest, highest] = [Math.min(...this.bins.keys()), Math.max(...this.bins.keys())];
    const tall = Math.min(14, height / (highest - lowest + 1));
    const most = Math.max(...[...this.bins.values()].map(({ buys, sells }) => buys + sells));
    const scale = (width - 70) / most;
    const inks = { buys: colour("bid"), sells: colour("ask"), value: colour("line"), control: colour("accent"), text: colour("soft") };
    const y = (at: number): number => (highest - at) * tall;
    context.fillStyle = inks.value;
    context.globalAlpha = 0.6;
    context.fillRect(0, y(value.high), width, (value.high - value.low + 1) * tall);
    for (const [at, { buys, sells }] of this.bins) {
      context.globalAlpha = at >= value.low && at <= value.high ? 1 : 0.55;
      context.fillStyle = inks.buys;
      context.fillRect(66, y(at), buys * scale, Math.max(1, tall - 1));
      context.fillStyle = inks.sells;
      context.fillRect(66 + buys * scale, y(at), sells * scale, Math.max(1, tall - 1));
    }
    context.globalAlpha = 1;
    context.strokeStyle = inks.control;
    context.strokeRect(64.5, y(value.control), width - 66, tall);
    context.fillStyle = inks.text;
    context.font = "11px system-ui";
    const every = Math.max(1, Math.ceil(13 / tall));
    for (let at = highest; at >= lowest; at -= every) context.fillText(formatPrice(at * this.step, this.places), 2, y(at) + Math.max(9, tall - 2));
  }
}

customElements.define("dw-profile", ProfilePane);
