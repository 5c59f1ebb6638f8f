import { html, nothing, type TemplateResult } from "lit";
import { clock } from "../clock";
import { formatAge, formatPrice, formatSize } from "../format";
import type { BookShot } from "../messages";
import { ownOrders } from "../account";
import { cssProperties } from "../css-properties";
import { BookPane } from "./book-pane";

const ROWS = 14;
const FLASH_MS = 600;

interface Seen {
  size: number;
  at: number;
  grew: boolean;
}

/** The best levels of both sides, with what has just changed and one's own orders. */
export class Ladder extends BookPane {
  private seen = new Map<number, Seen>();
  private spoken = "";

  protected override listen(): (() => void)[] {
    return [ownOrders.listen(this.redraw), ...super.listen()];
  }

  protected override clear(): void {
    super.clear();
    this.seen.clear();
  }

  /** For the key that reads the top of the book aloud. */
  speak(): void {
    const { shot, places } = this;
    const why = this.why();
    this.spoken = shot
      ? `${why ? `Not live, ${why}. ` : ""}Bid ${formatPrice(shot.bids[0], places)}, size ${formatSize(shot.bids[1])}. Ask ${formatPrice(shot.asks[0], places)}, size ${formatSize(shot.asks[1])}.`
      : why;
    this.redraw();
  }

  override render(): TemplateResult {
    const shot = this.shot;
    const [asks, bids] = shot ? [this.rows(shot.asks), this.rows(shot.bids)] : [[], []];
    const most = Math.max(1, asks.at(-1)?.sum ?? 0, bids.at(-1)?.sum ?? 0);
    const body = html`<table class="ladder">
        <thead><tr><th scope="col">Own</th><th scope="col">Size</th><th scope="col">Price</th><th scope="col">Sum</th></tr></thead>
        <tbody class="ask">${asks.reverse().map((row) => this.row("ask", row, most))}</tbody>
        <tbody class="spread"><tr><th colspan="4" scope="rowgroup">${this.spread(shot)}</th></tr></tbody>
        <tbody class="bid">${bids.map((row) => this.row("bid", row, most))}</tbody>
      </table>
      <p class="spoken" role="status">${this.spoken}</p>`;
    return this.frameOf("Book", body, this.foot(shot));
  }

  private rows(levels: Float64Array): { price: number; size: number; sum: number; change: string }[] {
    const rows = [];
    const now = performance.now();
    let sum = 0;
    for (let at = 0; at < Math.min(levels.length, 2 * ROWS); at += 2) {
      const [price = 0, size = 0] = levels.subarray(at, at + 2);
      sum += size;
      rows.push({ price, size, sum, change: this.changeOf(price, size, now) });
    }
    return rows;
  }

  private changeOf(price: number, size: number, now: number): string {
    const seen = this.seen.get(price);
    if (!seen || seen.size !== size) this.seen.set(price, { size, at: now, grew: size > (seen?.size ?? 0) });
    if (this.seen.size > 2000) this.seen.clear();
    const last = this.seen.get(price);
    return last && now - last.at < FLASH_MS ? (last.grew ? "grew" : "shrank") : "";
  }

  private row(side: string, row: { price: number; size: number; sum: number; change: string }, most: number): TemplateResult {
    const own = ownOrders.value.filter((order) => order.instrument_name === this.instrument && order.price === row.price);
    const amount = own.reduce((sum, order) => sum + order.amount - order.filled_amount, 0);
    return html`<tr class=${row.change} ${cssProperties({ "--share": Number((row.sum / most).toFixed(3)) })}>
      <td class="own">${amount ? formatSize(amount) : nothing}</td>
      <td>${formatSize(row.size)}</td>
      <td class="price" data-side=${side}>${formatPrice(row.price, this.places)}</td>
      <td class="sum">${formatSize(row.sum)}</td>
    </tr>`;
  }

  private spread(shot: BookShot | null): string {
    const [bid, ask] = [shot?.bids[0], shot?.asks[0]];
    if (!shot || bid === undefined || ask === undefined) return "one side or none";
    const middle = (bid + ask) / 2;
    return `spread ${formatPrice(ask - bid, this.places)} · ${((1e4 * (ask - bid)) / middle).toFixed(2)} bp`;
  }

  private foot(shot: BookShot | null): TemplateResult {
    if (!shot) return html``;
    const [bid, ask] = shot.completeTo;
    const range = bid === null && ask === null ? "complete" : `known ${bid ?? "to the end"} … ${ask ?? "to the end"}`;
    const age = shot.receivedMs ? formatAge(clock.value - shot.receivedMs) : "–";
    return html`${shot.verified ? "checksum verified" : "no checksum"} · ${range} · changed ${age} ago · ${imbalance(shot)}`;
  }
}

/** (bid − ask) / (bid + ask) of the sizes of the best ten levels. */
function imbalance(shot: BookShot): string {
  const total = (side: Float64Array): number => side.slice(0, 20).reduce((sum, value, at) => (at % 2 ? sum + value : sum), 0);
  const [bids, asks] = [total(shot.bids), total(shot.asks)];
  return bids + asks ? `imbalance ${(((bids - asks) / (bids + asks)) * 100).toFixed(0)} %` : "";
}

customElements.define("dw-ladder", Ladder);
