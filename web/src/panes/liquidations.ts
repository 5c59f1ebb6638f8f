import { html, type TemplateResult } from "lit";
import type { Trade } from "../api";
import { formatPrice, formatSize, formatTime } from "../format";
import { TradesPane } from "./trades-pane";

const KEPT = 100;

/** Trades by which positions were liquidated, newest first, with what was liquidated of longs and of shorts. */
export class LiquidationsPane extends TradesPane {
  private rows: Trade[] = [];
  private sums = { long: 0, short: 0 };

  protected override clear(): void {
    super.clear();
    this.rows = [];
    this.sums = { long: 0, short: 0 };
  }

  protected override traded(trades: Trade[]): void {
    const found = trades.filter((trade) => trade.liquidation);
    for (const trade of found) for (const side of liquidated(trade)) this.sums[side] += trade.amount;
    this.rows = [...found.reverse(), ...this.rows].slice(0, KEPT);
  }

  override render(): TemplateResult {
    const { long, short } = this.sums;
    const body = html`<table class="tape"><thead><tr><th scope="col">Time</th><th scope="col">Liquidated</th><th scope="col">Price</th><th scope="col">Size</th></tr></thead>
        <tbody>${this.rows.map((trade) => html`<tr><td>${formatTime(trade.timestamp)}</td><td>${liquidated(trade).join(" and ")}</td>
          <td class="price" data-side=${trade.direction === "buy" ? "bid" : "ask"}>${formatPrice(trade.price, this.places)}</td><td>${formatSize(trade.amount)}</td></tr>`)}</tbody></table>
      ${this.rows.length ? "" : html`<p class="message">None among the trades that the venue marks.</p>`}`;
    return this.frameOf("Liquidations", body, `longs ${formatSize(long)}, shorts ${formatSize(short)} · ${this.scope}`);
  }
}

/** Whose position was closed: the taker's (T), the maker's (M), or both. */
export function liquidated({ direction, liquidation = "" }: Trade): ("long" | "short")[] {
  const sides: ("long" | "short")[] = [];
  if (liquidation.includes("T")) sides.push(direction === "sell" ? "long" : "short");
  if (liquidation.includes("M")) sides.push(direction === "sell" ? "short" : "long");
  return sides;
}

customElements.define("dw-liquidations", LiquidationsPane);
