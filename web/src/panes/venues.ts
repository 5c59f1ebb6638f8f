import { html, type TemplateResult } from "lit";
import type { Quote } from "../api";
import { decimals, formatNumber, formatPrice, formatSize, formatTime } from "../format";
import { healths } from "../health";
import { instruments } from "../instruments";
import { elsewhere } from "../layout/kept";
import { feed } from "../link";
import { Pane } from "../pane";
import { address } from "../route";

/** The best prices of an instrument and of its likes at other venues, and how far their middles are apart. */
export class VenuesPane extends Pane {
  private quotes = new Map<string, Quote>();
  private joined = new Map<string, () => void>();

  protected override listen(): (() => void)[] {
    this.join();
    return [instruments.listen(() => this.join()), () => this.leave()];
  }

  protected override clear(): void {
    this.quotes.clear();
  }

  private get names(): string[] {
    return [this.instrument, ...elsewhere(this.instrument)];
  }

  private join(): void {
    for (const name of this.names) {
      if (this.joined.has(name)) continue;
      const stop = feed.subscribe([`quote.${name}`], (_channel, quote: Quote, receivedMs) => {
        this.quotes.set(name, quote);
        this.lastMs = receivedMs;
        this.redraw();
      });
      this.joined.set(name, stop);
    }
    this.redraw();
  }

  private leave(): void {
    for (const stop of this.joined.values()) stop();
    this.joined.clear();
  }

  override render(): TemplateResult {
    const own = middle(this.quotes.get(this.instrument));
    const body = html`<table><thead><tr><th scope="col">Instrument</th><th scope="col">Bid size</th><th scope="col">Bid</th><th scope="col">Ask</th><th scope="col">Ask size</th><th scope="col">Middle apart</th><th scope="col">As of</th></tr></thead>
      <tbody>${this.names.map((name) => this.row(name, own))}</tbody></table>`;
    return this.frameOf("Venues", body, this.names.length > 1 ? "the same coin, and if possible the same kind and expiry, at each venue of this server" : "this server has nothing like it at another venue");
  }

  private row(name: string, own: number | null): TemplateResult {
    const quote = this.quotes.get(name);
    const places = decimals(instruments.value.get(name)?.tick_size);
    const state = healths.value.get(name)?.state ?? "live";
    const other = middle(quote);
    const apart = name === this.instrument ? "" : own && other ? `${formatNumber((1e4 * (other - own)) / own, 2)} bp` : "–";
    return html`<tr data-state=${state}><th scope="row"><a href=${address({ instrument: name })}>${name}</a>${state === "live" ? "" : ` ${state}`}</th>
      <td>${formatSize(quote?.best_bid_amount)}</td><td class="price" data-side="bid">${formatPrice(quote?.best_bid_price || null, places)}</td>
      <td class="price" data-side="ask">${formatPrice(quote?.best_ask_price || null, places)}</td><td>${formatSize(quote?.best_ask_amount)}</td>
      <td>${apart}</td><td>${quote ? formatTime(quote.timestamp) : "–"}</td></tr>`;
  }
}

function middle(quote: Quote | undefined): number | null {
  return quote?.best_bid_price && quote.best_ask_price ? (quote.best_bid_price + quote.best_ask_price) / 2 : null;
}

customElements.define("dw-venues", VenuesPane);
