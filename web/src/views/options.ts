import { html, type TemplateResult } from "lit";
import type { Ticker } from "../api";
import { clock } from "../clock";
import { formatNumber, formatSize } from "../format";
import { type Instrument, instruments } from "../instruments";
import { feed } from "../link";
import { banner, Part } from "../pane";
import "../panes/smile";
import "./volatility";
import type { SmilePoint } from "../panes/smile";

type Row = { strike: number; call?: Instrument; put?: Instrument };

/** The chain of one expiry: calls left, strikes in the middle, puts right; and its smile. */
export class OptionsView extends Part {
  static override properties = { instrument: { type: String } };
  declare instrument: string;
  private expiry = 0;
  private tickers = new Map<string, Ticker>();
  private lastMs = 0;
  private stopTickers: (() => void) | null = null;
  private joined = "";

  protected follow(): (() => void)[] {
    return [feed.link.listen(this.redraw), instruments.listen(this.redraw), clock.listen(this.redraw), () => this.leave()];
  }

  private leave(): void {
    this.stopTickers?.();
    this.stopTickers = null;
    this.joined = "";
  }

  private get base(): string {
    return instruments.value.get(this.instrument)?.base_currency ?? "BTC";
  }

  /** The coin, with its venue if that is not the home venue. */
  private get underlying(): string {
    const at = this.instrument.indexOf(":");
    return `${this.instrument.slice(0, at + 1)}${this.base}`;
  }

  private get options(): Instrument[] {
    return [...instruments.value.values()].filter((each) => each.kind === "option" && each.base_currency === this.base);
  }

  /** Listen to the tickers of what is shown, once a second each. */
  private join(names: string[]): void {
    const key = names.join(" ");
    if (key === this.joined) return;
    this.leave();
    this.joined = key;
    this.tickers.clear();
    if (!names.length) return;
    this.stopTickers = feed.subscribe(
      names.map((name) => `ticker.${name}.agg2`),
      (_channel, ticker: Ticker, receivedMs) => {
        this.tickers.set(ticker.instrument_name, ticker);
        this.lastMs = receivedMs;
        this.redraw();
      },
    );
    void this.load(names);
  }

  /** What is known before anything changes. */
  private async load(names: string[]): Promise<void> {
    await feed.live();
    for (const name of names) {
      const ticker = await feed.call("public/ticker", { instrument_name: name }).catch(() => null);
      if (ticker && !this.tickers.has(name) && names.join(" ") === this.joined) this.tickers.set(name, ticker);
      this.lastMs ||= Date.now();
      this.redraw();
    }
  }

  override render(): TemplateResult {
    const options = this.options;
    const expiries = [...new Set(options.map((each) => each.expiration_timestamp ?? 0))].sort((one, other) => one - other);
    const asked = instruments.value.get(this.instrument);
    const chosen = this.expiry || (asked?.kind === "option" ? (asked.expiration_timestamp ?? 0) : 0);
    const expiry = expiries.includes(chosen) ? chosen : (expiries[1] ?? expiries[0] ?? 0);
    const rows = byStrike(options.filter((each) => each.expiration_timestamp === expiry));
    this.join(rows.flatMap((row) => [row.call, row.put].flatMap((each) => each?.instrument_name ?? [])));
    const link = feed.link.value;
    const why = link.state === "live" ? "" : link.reason;
    const choose = (event: Event): void => {
      this.expiry = Number((event.target as HTMLSelectElement).value);
      this.redraw();
    };
    return html`<div class="grid">
      <section class="pane wide" aria-label="Smile" ?data-stale=${Boolean(why)}><header><h2>Smile: implied volatility by strike</h2>${banner(why, this.lastMs)}</header>
        <div class="body"><dw-smile .points=${this.smile(rows)}></dw-smile></div><footer>bid and ask IV as points, mark IV as a line, of the option out of the money</footer></section>
      <dw-volatility class="wide two" .underlying=${this.underlying}></dw-volatility>
      <section class="pane wide" aria-label="Chain" ?data-stale=${Boolean(why)}><header><h2>${this.base} options</h2>
          <label>Expiry <select @change=${choose}>${expiries.map((each) => html`<option value=${each} ?selected=${each === expiry}>${new Date(each).toISOString().slice(0, 10)}</option>`)}</select></label>
          ${banner(why, this.lastMs)}</header>
        <div class="body scroll" tabindex="0" role="group" aria-label="Chain, scrollable">${rows.length ? this.chain(rows) : html`<p class="message">This server lists no options on ${this.base}.</p>`}</div></section>
    </div>`;
  }

  private forward(rows: Row[]): number {
    return rows.map((row) => this.tickers.get(row.call?.instrument_name ?? "")?.underlying_price ?? 0).find(Boolean) ?? 0;
  }

  private smile(rows: Row[]): SmilePoint[] {
    const forward = this.forward(rows);
    return rows.flatMap((row) => {
      const side = row.strike >= forward ? row.call : row.put;
      const ticker = side && this.tickers.get(side.instrument_name);
      return ticker ? [{ strike: row.strike, bid: ticker.bid_iv || null, ask: ticker.ask_iv || null, mark: ticker.mark_iv || null }] : [];
    });
  }

  private chain(rows: Row[]): TemplateResult {
    const forward = this.forward(rows);
    const at = rows.find((row) => row.strike >= forward)?.strike;
    const columns = ["Open interest", "Delta", "Gamma", "Vega", "Theta", "IV bid", "IV mark", "IV ask", "Bid size", "Bid", "Ask", "Ask size"];
    const head = (names: string[]): TemplateResult[] => names.map((name) => html`<th scope="col">${name}</th>`);
    return html`<table class="chain"><thead><tr><th colspan="12" scope="colgroup">Calls</th><td></td><th colspan="12" scope="colgroup">Puts</th></tr>
      <tr>${head(columns)}<th scope="col">Strike</th>${head([...columns].reverse())}</tr></thead>
      <tbody>${rows.map((row) => html`<tr class=${row.strike === at ? "at" : ""}>${this.cells(row.call)}<th class="mid" scope="row">${row.strike}</th>${this.cells(row.put).reverse()}</tr>`)}</tbody></table>`;
  }

  private cells(option: Instrument | undefined): TemplateResult[] {
    const ticker = option && this.tickers.get(option.instrument_name);
    const greeks = ticker?.greeks;
    const price = (value: number | null | undefined): string => (value ? String(value) : "–");
    const stale = ticker?.status?.state === "stale";
    const cells = [
      formatSize(ticker?.open_interest),
      formatNumber(greeks?.delta, 3),
      formatNumber(greeks?.gamma, 6),
      formatNumber(greeks?.vega, 2),
      formatNumber(greeks?.theta, 2),
      formatNumber(ticker?.bid_iv || null, 1),
      formatNumber(ticker?.mark_iv, 1),
      formatNumber(ticker?.ask_iv || null, 1),
      ticker?.best_bid_price ? formatSize(ticker.best_bid_amount) : "–",
    ].map((text) => html`<td>${text}</td>`);
    return [
      ...cells,
      html`<td class="price" data-side="bid">${stale ? "stale" : price(ticker?.best_bid_price)}</td>`,
      html`<td class="price" data-side="ask">${stale ? "stale" : price(ticker?.best_ask_price)}</td>`,
      html`<td>${ticker?.best_ask_price ? formatSize(ticker.best_ask_amount) : "–"}</td>`,
    ];
  }
}

function byStrike(options: Instrument[]): Row[] {
  const rows = new Map<number, Row>();
  for (const option of options) {
    if (option.strike === null || option.strike === undefined || !option.option_type) continue;
    const row = rows.get(option.strike) ?? { strike: option.strike };
    row[option.option_type as "call" | "put"] = option;
    rows.set(option.strike, row);
  }
  return [...rows.values()].sort((one, other) => one.strike - other.strike);
}

customElements.define("dw-options", OptionsView);
