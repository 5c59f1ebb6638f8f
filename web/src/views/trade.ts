import { html, type TemplateResult } from "lit";
import type { Methods } from "../api";
import { fills, heard, type Order, ownOrders, type Position, positions, type Summary, summaries } from "../account";
import { clock } from "../clock";
import { formatAge, formatNumber, formatSize, formatTime } from "../format";
import { instruments } from "../instruments";
import { feed } from "../link";
import { Part } from "../pane";
import "../panes/ladder";

const TYPES = ["limit", "market", "stop_limit", "stop_market"];

/** Sign-in, ticket, open orders, positions and balances of an account of the server's exchange. */
export class TradeView extends Part {
  static override properties = { instrument: { type: String } };
  declare instrument: string;
  private message = "";
  private bad = false;

  protected follow(): (() => void)[] {
    const watched = [feed.link, feed.time, feed.session, ownOrders, positions, summaries, fills, clock];
    return watched.map((observed) => observed.listen(this.redraw));
  }

  private async attempt(what: string, method: keyof Methods, params: Record<string, unknown>): Promise<void> {
    this.say(`${what} …`, false);
    try {
      const result = await feed.call(method, params as never);
      this.say(`${what}: ${typeof result === "number" ? `${result} orders` : "done"}`, false);
    } catch (error) {
      this.say(`${what}: ${error instanceof Error ? error.message : String(error)}`, true);
    }
  }

  private say(message: string, bad: boolean): void {
    this.message = message;
    this.bad = bad;
    this.redraw();
  }

  private signIn(event: SubmitEvent): void {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const data = new FormData(form);
    feed.logIn(String(data.get("client")).trim(), String(data.get("secret")).trim());
    form.reset();
  }

  private place(event: SubmitEvent): void {
    event.preventDefault();
    const data = new FormData(event.target as HTMLFormElement);
    const side = (event.submitter as HTMLButtonElement).value;
    const text = (name: string): string => String(data.get(name) ?? "").trim();
    const type = text("type");
    // Numbers go as the texts that were typed, which the server reads exactly.
    const params: Record<string, unknown> = { instrument_name: this.instrument, amount: text("amount"), type };
    if (text("price")) params["price"] = text("price");
    if (type.startsWith("stop")) Object.assign(params, { trigger: "mark_price", trigger_price: text("trigger_price") });
    for (const name of ["post_only", "reduce_only"]) if (data.has(name)) params[name] = true;
    void this.attempt(`${side} ${text("amount")} ${this.instrument}`, side === "buy" ? "private/buy" : "private/sell", params);
  }

  override render(): TemplateResult {
    const { state, reason, scope } = feed.session.value;
    if (feed.time.value !== null) return html`<p class="message">This is the past. Orders are placed in the present.</p>`;
    if (state !== "in") return this.signInForm(state === "failed" ? reason : "");
    const link = feed.link.value;
    const stale = link.state !== "live";
    const why = stale ? html`<p class="why">${link.reason} · as of ${formatTime(heard.value)}, ${formatAge(clock.value - heard.value)} old</p>` : "";
    return html`<div class="grid">
      <section class="pane" aria-label="Ticket"><header><h2>Ticket: ${this.instrument}</h2></header><div class="body">${this.ticket(stale)}</div>
        <footer>${scope}</footer></section>
      <dw-ladder .instrument=${this.instrument}></dw-ladder>
      ${this.pane("Open orders", stale, why, this.orders(stale))} ${this.pane("Positions", stale, why, this.positions(stale))}
      ${this.pane("Balances and margin", stale, why, this.balances())} ${this.pane("Fills since sign-in", stale, why, this.fills())}
    </div>`;
  }

  private pane(title: string, stale: boolean, why: unknown, body: TemplateResult): TemplateResult {
    return html`<section class="pane" aria-label=${title} ?data-stale=${stale}><header><h2>${title}</h2>${why}</header><div class="body">${body}</div></section>`;
  }

  private signInForm(failure: string): TemplateResult {
    return html`<section class="pane" aria-label="Sign in"><header><h2>Sign in</h2></header>
      <form class="ticket" @submit=${this.signIn}>
        <label for="client">Client id</label><input id="client" name="client" required autocomplete="username" spellcheck="false" />
        <label for="secret">Client secret</label><input id="secret" name="secret" type="password" required autocomplete="current-password" />
        <div class="buttons"><button>Sign in</button></div>
      </form>
      <p class="message" role="status" ?data-bad=${Boolean(failure)}>${failure}</p>
      <footer>An account: <code>deltawire account add NAME --deposit BTC=10</code>. The secret is kept in this page's memory only; over https and on this machine it signs and is not sent.</footer></section>`;
  }

  private ticket(stale: boolean): TemplateResult {
    const known = instruments.value.get(this.instrument);
    return html`<form class="ticket" @submit=${this.place}>
        <label for="type">Type</label><select id="type" name="type">${TYPES.map((type) => html`<option>${type}</option>`)}</select>
        <label for="amount">Amount</label><input id="amount" name="amount" required inputmode="decimal" autocomplete="off" placeholder=${String(known?.min_trade_amount ?? "")} />
        <label for="price">Price</label><input id="price" name="price" inputmode="decimal" autocomplete="off" />
        <label for="trigger">Trigger (stops, mark price)</label><input id="trigger" name="trigger_price" inputmode="decimal" autocomplete="off" />
        <div class="buttons">
          <label><input type="checkbox" name="post_only" /> post only</label><label><input type="checkbox" name="reduce_only" /> reduce only</label>
          <button class="buy" value="buy" ?disabled=${stale}>Buy</button><button class="sell" value="sell" ?disabled=${stale}>Sell</button>
          <button type="button" class="danger" ?disabled=${stale} @click=${() => this.attempt("cancel all", "private/cancel_all", {})}>Cancel all</button>
          <button type="button" @click=${() => feed.logOut()}>Sign out</button>
        </div>
      </form>
      <p class="message" role="status" ?data-bad=${this.bad}>${this.message}</p>`;
  }

  private orders(stale: boolean): TemplateResult {
    const cancel = (order: Order) => () => this.attempt(`cancel ${order.order_id}`, "private/cancel", { order_id: order.order_id });
    return html`<table class="orders"><thead><tr><th scope="col">Instrument</th><th scope="col">Side</th><th scope="col">Type</th><th scope="col">Price</th><th scope="col">Amount</th><th scope="col">Filled</th><th scope="col">State</th><th scope="col">Cancel</th></tr></thead>
      <tbody>${ownOrders.value.map((order) => html`<tr><th scope="row">${order.instrument_name}</th><td data-side=${order.direction === "buy" ? "bid" : "ask"}>${order.direction}</td><td>${order.order_type}</td>
        <td>${order.price}</td><td>${formatSize(order.amount)}</td><td>${formatSize(order.filled_amount)}</td><td>${order.order_state}</td>
        <td><button ?disabled=${stale} aria-label="Cancel order ${order.order_id}" @click=${cancel(order)}>✕</button></td></tr>`)}</tbody></table>`;
  }

  private positions(stale: boolean): TemplateResult {
    const close = (position: Position) => () => this.attempt(`close ${position.instrument_name}`, "private/close_position", { instrument_name: position.instrument_name, type: "market" });
    return html`<table class="positions"><thead><tr><th scope="col">Instrument</th><th scope="col">Size</th><th scope="col">Average</th><th scope="col">Mark</th><th scope="col">Profit</th><th scope="col">Liquidation</th><th scope="col">Distance</th><th scope="col">Close</th></tr></thead>
      <tbody>${positions.value.map((position) => html`<tr><th scope="row">${position.instrument_name}</th><td>${formatSize(position.size)}</td><td>${formatNumber(position.average_price)}</td><td>${formatNumber(position.mark_price)}</td>
        <td>${formatNumber(position.floating_profit_loss, 6)}</td><td>${formatNumber(position.estimated_liquidation_price)}</td><td>${distance(position)}</td>
        <td><button ?disabled=${stale} aria-label="Close ${position.instrument_name} at market" @click=${close(position)}>✕</button></td></tr>`)}</tbody></table>`;
  }

  private balances(): TemplateResult {
    const used = (summary: Summary): number => (summary.margin_balance ? summary.maintenance_margin / summary.margin_balance : 0);
    return html`<table class="balances"><thead><tr><th scope="col">Currency</th><th scope="col">Equity</th><th scope="col">Balance</th><th scope="col">Available</th><th scope="col">Initial margin</th><th scope="col">Maintenance</th><th scope="col">Used</th></tr></thead>
      <tbody>${summaries.value.map((summary) => html`<tr><th scope="row">${summary.currency}</th><td>${formatNumber(summary.equity, 6)}</td><td>${formatNumber(summary.balance, 6)}</td><td>${formatNumber(summary.available_funds, 6)}</td>
        <td>${formatNumber(summary.initial_margin, 6)}</td><td>${formatNumber(summary.maintenance_margin, 6)}</td>
        <td><meter min="0" max="1" high="0.7" .value=${used(summary)} aria-label="Maintenance margin used, ${summary.currency}"></meter> ${(100 * used(summary)).toFixed(1)} %</td></tr>`)}</tbody></table>`;
  }

  private fills(): TemplateResult {
    return html`<table class="fills"><thead><tr><th scope="col">Time</th><th scope="col">Instrument</th><th scope="col">Side</th><th scope="col">Price</th><th scope="col">Amount</th><th scope="col">Fee</th></tr></thead>
      <tbody>${fills.value.map((fill) => html`<tr><td>${formatTime(fill.timestamp)}</td><th scope="row">${fill.instrument_name}</th><td>${fill.direction}</td><td>${fill.price}</td><td>${formatSize(fill.amount)}</td><td>${fill.fee}</td></tr>`)}</tbody></table>`;
  }
}

/** How far the mark price is from the liquidation price, in percent. */
function distance(position: Position): string {
  const price = position.estimated_liquidation_price;
  return price && position.mark_price ? `${((100 * Math.abs(price - position.mark_price)) / position.mark_price).toFixed(1)} %` : "–";
}

customElements.define("dw-trade", TradeView);
