import { html, type TemplateResult } from "lit";
import type { Trade } from "../api";
import { formatPrice, formatSize, formatTime } from "../format";
import { TradesPane } from "./trades-pane";

const KEPT = 60;

/** The last trades, newest first; where some are missing a row says so. */
export class Tape extends TradesPane {
  private rows: (Trade | string)[] = [];

  protected override clear(): void {
    super.clear();
    this.rows = [];
  }

  protected override traded(trades: Trade[]): void {
    this.add(trades.slice(-KEPT).reverse());
  }

  protected override missed(reason: string): void {
    this.add([`gap: ${reason}`]);
  }

  private add(newest: (Trade | string)[]): void {
    this.rows = [...newest, ...this.rows].slice(0, KEPT);
  }

  override render(): TemplateResult {
    const body = html`<table class="tape">
      <thead><tr><th scope="col">Time</th><th scope="col">Side</th><th scope="col">Price</th><th scope="col">Size</th></tr></thead>
      <tbody>${this.rows.map((trade) => this.row(trade))}</tbody>
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
