import { html, nothing, type TemplateResult } from "lit";
import type { DepthData } from "../api";
import { formatNumber } from "../format";
import { FiguresPane } from "./figures-pane";

type Fill = NonNullable<DepthData["prices"]>[number]["buy"];
type Side = NonNullable<DepthData["bands"]>[number]["bids"];
type Resilience = NonNullable<DepthData["bids"]>;

/** What rests within distances of the mid, what market orders would cost, and how fast the book comes back. */
export class LiquidityPane extends FiguresPane<DepthData> {
  protected readonly family = "depth";

  override render(): TemplateResult {
    const { figures } = this;
    const foot = figures ? `spread ${formatNumber(figures.spread_bp, 3)} bp · ≥: at least, more is not known · notional in quote currency` : "";
    return this.framed("Liquidity", figures ? html`${bands(figures)}${fills(figures)}${resilience(figures)}${impact(figures)}` : html``, foot);
  }
}

function bands(figures: DepthData): TemplateResult {
  return html`<table class="figures"><thead><tr><th scope="col">Within</th><th scope="col">Bids</th><th scope="col">Asks</th><th scope="col">Bids / asks</th></tr></thead>
    <tbody>${(figures.bands ?? []).map((each) => html`<tr><th scope="row">${each.band} bp</th><td>${notional(each.bids)}</td><td>${notional(each.asks)}</td><td>${formatNumber(each.ratio)}</td></tr>`)}</tbody></table>`;
}

function notional(side: Side): string {
  return `${side.known ? "" : "≥ "}${formatNumber(side.notional, 0)}`;
}

function fills(figures: DepthData): TemplateResult {
  return html`<table class="figures"><thead><tr><th scope="col">Market order</th><th scope="col">Buy costs</th><th scope="col">Sell costs</th></tr></thead>
    <tbody>${(figures.prices ?? []).map((each) => html`<tr><th scope="row">${formatNumber(each.notional, 0)}</th><td>${cost(each.buy, each.notional)}</td><td>${cost(each.sell, each.notional)}</td></tr>`)}</tbody></table>`;
}

/** Slippage against the mid, or how much of the order the known book fills. */
function cost(fill: Fill, wanted: number): string {
  if (fill.slip_bp === null) return `fills ${formatNumber((100 * fill.filled) / wanted, 0)} %`;
  return `${fill.known ? "" : "about "}${formatNumber(fill.slip_bp, 2)} bp`;
}

function resilience(figures: DepthData): TemplateResult | typeof nothing {
  const sides: [string, Resilience | null | undefined][] = [["Bids", figures.bids], ["Asks", figures.asks]];
  const rows = sides.map(([name, side]) => html`<tr><th scope="row">${name}</th><td>${half(side)}</td><td>${side?.shocks ?? "–"}</td><td>${side?.recovered ?? "–"}</td></tr>`);
  return html`<table class="figures"><thead><tr><th scope="col">Resilience</th><th scope="col">Half back after</th><th scope="col">Shocks</th><th scope="col">Recovered</th></tr></thead><tbody>${rows}</tbody></table>`;
}

/** Kyle's λ: an estimate over past intervals, no forecast. */
function impact({ impact: found, mid }: DepthData): TemplateResult | typeof nothing {
  if (!found) return nothing;
  const { value, r_squared: fit, used, band } = found;
  const text = value === null || !mid ? `not yet: nothing was traded in the last ${used} intervals` : `${((1e4 * value) / mid).toPrecision(3)} bp per unit bought or sold, R² ${formatNumber(fit)}, of ${used} of ${band} intervals`;
  return html`<p class="message">Price impact (Kyle's λ): ${text}</p>`;
}

function half(side: Resilience | null | undefined): string {
  return side && side.half_life_ms !== null ? `${formatNumber(side.half_life_ms / 1000, 1)} s` : "–";
}

customElements.define("dw-liquidity", LiquidityPane);
