import { html, type TemplateResult } from "lit";
import type { Trade } from "../api";
import { formatPrice, formatSize, formatTime } from "../format";
import { feed } from "../link";
import { Pane } from "../pane";

const KEPT = 60;

/** The last trades, newest first; where some are missing a row says so. */
export class Tape extends Pane {
  private trades: (Trade | string)[] = [];

  protected listen(): (() => void)[] {
    const channel = `trades.${this.instrument}.raw`;
    void this.load();
    return [
      feed.gaps.listen(() => {
        const gap = feed.gaps.value;
        if (gap?.channel === channel) this.add([`gap: ${gap.reason}`]);
      }),
      feed.subscribe([channel], (_channel, trades: Trade[], receivedMs) => {
        this.lastMs = receivedMs;
        this.add([...trades].reverse());
      }),
    ];
  }

  protected clear(): void {
    this.trades = [];
  }

  private add(newest: (Trade | string)[]): void {
    this.trades = [...newest, ...this.trades].slice(0, KEPT);
    this.redraw();
  }

  /** What was traded before. */
  private async load(): Promise<void> {
    const { instrument } = this;
    await feed.live();
    const asked = { instrument_name: instrument, count: KEPT };
    const page = await feed.call("public/get_last_trades_by_instrument", asked).catch(() => null);
    if (!page || instrument !== this.instrument) return;
    const known = new Set(this.trades.map((trade) => (typeof trade === "string" ? "" : trade.trade_id)));
    this.trades = [...this.trades, ...page.trades.filter((trade) => !known.has(trade.trade_id))].slice(0, KEPT);
    this.redraw();
  }

  override render(): TemplateResult {
    const body = html`<table class="tape">
      <thead><tr><th scope="col">Time</th><th scope="col">Side</th><th scope="col">Price</th><th scope="col">Size</th></tr></thead>
      <tbody>${this.trades.map((trade) => this.row(trade))}</tbody>
    </table>`;
    return this.frameOf("Trades", body);
  }

  private row(trade: Trade | string): TemplateResult {
    if (typeof trade === "string") return html`<tr class="gap"><td colspan="4">${trade}</td></tr>`;
    return html`<tr>
      <td>${formatTime(trade.timestamp)}</td>
      <td>${trade.direction}${trade.liquidation ? " liq" : ""}</td>
      <td class="price" data-side=${trade.direction === "buy" ? "bid" : "ask"}>${formatPrice(trade.price, this.places)}</td>
      <td>${formatSize(trade.amount)}</td>
    </tr>`;
  }
}

customElements.define("dw-tape", Tape);
