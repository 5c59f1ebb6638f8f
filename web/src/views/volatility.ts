import { html, type TemplateResult } from "lit";
import type { GammaData, SkewData, SurfaceData } from "../api";
import { clock } from "../clock";
import { formatNumber } from "../format";
import { feed } from "../link";
import { type Drawn, fit } from "../panes/canvas";
import { banner, Part } from "../pane";
import { colour } from "../settings";
import "./surface";

type Member = "skew" | "surface" | "gamma";

const DAYS = 365;
/** Strikes beyond this many times the spot price, either way, are not drawn. */
const FARTHEST = 1.8;

/** Term structure and skew by expiry with the error of the fitted surface, and gamma exposure by strike. */
export class VolatilityPart extends Part {
  static override properties = { underlying: { type: String } };
  declare underlying: string;
  private skew: SkewData | null = null;
  private surface: SurfaceData | null = null;
  private gamma: GammaData | null = null;
  /** When each was last live, ms since 1970. */
  private readonly heard = { skew: 0, surface: 0, gamma: 0 };
  private failure = "";

  protected follow(): (() => void)[] {
    const [skew, surface, gamma] = ["skew", "surface", "gex"].map((name) => `${name}.${this.underlying}.1s`) as [string, string, string];
    return [
      feed.gaps.listen(() => {
        const gap = feed.gaps.value;
        if (gap?.channel === skew) this.failure = gap.reason;
        this.redraw();
      }),
      feed.subscribe([skew], (_channel, data: SkewData, receivedMs) => void (this.skew = this.take("skew", this.skew, data, receivedMs))),
      feed.subscribe([surface], (_channel, data: SurfaceData, receivedMs) => void (this.surface = this.take("surface", this.surface, data, receivedMs))),
      feed.subscribe([gamma], (_channel, data: GammaData, receivedMs) => void (this.gamma = this.take("gamma", this.gamma, data, receivedMs))),
      feed.time.listen(this.forget),
      feed.link.listen(this.redraw),
      clock.listen(this.redraw),
    ];
  }

  /** The newest figures; those before stay, with the state of now, while there are none. */
  private take<T extends { state: string; reason?: string }>(member: Member, before: T | null, data: T, receivedMs: number): T {
    this.failure = "";
    this.redraw();
    if (data.state !== "live") return { ...before, ...data };
    this.heard[member] = receivedMs;
    return data;
  }

  private readonly forget = (): void => {
    this.skew = this.surface = this.gamma = null;
    this.heard.skew = this.heard.surface = this.heard.gamma = 0;
    this.redraw();
  };

  override willUpdate(changed: Map<string, unknown>): void {
    if (!changed.has("underlying") || changed.get("underlying") === undefined || !this.isConnected) return;
    this.forget();
    this.begin();
  }

  private why(data: { state: string; reason?: string } | null): string {
    const link = feed.link.value;
    if (link.state !== "live") return link.reason;
    if (!data) return this.failure || "not known yet";
    return data.state === "live" ? "" : `${data.state}: ${data.reason || "no figures"}`;
  }

  override render(): TemplateResult {
    const expiries = this.skew?.expiries ?? [];
    const text = expiries.length ? expiries.map((each) => `${each.expiry}: ${each.at_money_iv.toFixed(1)} percent`).join(", ") : "not known yet";
    return html`${this.pane("Term structure and skew", "skew", this.why(this.skew), html`<canvas class="drawn term" role="img" aria-label="At-the-money volatility by expiry: ${text}"></canvas>${this.expiryTable()}`, "at the money (blue), calls (green) and puts (red) of delta 0.25; the error of the surface in widths of bid and ask")}
      ${this.pane("Surface", "surface", this.why(this.surface), html`<dw-surface .slices=${this.surface?.slices ?? []}></dw-surface>`, this.surfaceText())}
      ${this.pane("Gamma exposure", "gamma", this.why(this.gamma), html`<canvas class="drawn gamma" role="img" aria-label="Gamma exposure by strike: ${this.gammaText()}"></canvas><p class="message">${this.gammaText()}</p>`, "gross by strike; net and zero under the convention that is named: open interest does not say who is long")}`;
  }

  private pane(title: string, member: Member, why: string, body: TemplateResult, foot: string): TemplateResult {
    return html`<section class="pane ${member}" aria-label=${title} ?data-stale=${Boolean(why)}><header><h2>${title}</h2>${banner(why, this.heard[member])}</header>
      <div class="body" tabindex="0" role="group" aria-label="${title}, contents">${body}</div><footer>${foot}</footer></section>`;
  }

  private expiryTable(): TemplateResult {
    const slices = new Map((this.surface?.slices ?? []).map((slice) => [slice.expiry, slice]));
    const rows = (this.skew?.expiries ?? []).map((each) => {
      const slice = slices.get(each.expiry);
      return html`<tr><th scope="row">${each.expiry}</th><td>${formatNumber(each.at_money_iv, 2)}</td><td>${formatNumber(each.skew, 2)}</td><td>${formatNumber(each.butterfly, 2)}</td>
        <td>${formatNumber(slice?.fit_rms, 2)}</td><td>${slice ? `${slice.quotes_used}` : "–"}</td></tr>`;
    });
    return html`<table class="expiries"><thead><tr><th scope="col">Expiry</th><th scope="col">ATM IV %</th><th scope="col">Skew 25Δ</th><th scope="col">Butterfly</th><th scope="col">Fit error</th><th scope="col">Quotes</th></tr></thead><tbody>${rows}</tbody></table>`;
  }

  private surfaceText(): string {
    const { surface } = this;
    if (!surface?.slices?.length) return "not known yet";
    const skipped = surface.skipped?.length ? `, without ${surface.skipped.join(", ")} (too few quotes)` : "";
    return `eSSVI by moneyness in standard deviations and √time, ${surface.slices.length} expiries${skipped}, ${surface.breaches ?? 0} breaches of no-arbitrage`;
  }

  private gammaText(): string {
    const { gamma } = this;
    if (!gamma?.strikes?.length) return "not known yet";
    const net = Object.entries(gamma.net ?? {}).map(([convention, value]) => `${convention.replaceAll("_", " ")}: net ${formatNumber(value, 1)}, ${gamma.zero?.[convention] ? `zero at ${formatNumber(gamma.zero[convention], 0)}` : "no zero"}`);
    const pain = gamma.max_pain?.[0];
    return [`spot ${formatNumber(gamma.spot, 1)}`, ...net, `put/call open interest ${formatNumber(gamma.put_call_open_interest, 2)}`, ...(pain ? [`max pain ${pain.expiry}: ${pain.strike}`] : [])].join(" · ");
  }

  override updated(): void {
    const [term, gamma] = [this.querySelector<HTMLCanvasElement>("canvas.term"), this.querySelector<HTMLCanvasElement>("canvas.gamma")];
    const drawnTerm = term && fit(term);
    const drawnGamma = gamma && fit(gamma);
    if (drawnTerm) this.drawTerm(drawnTerm);
    if (drawnGamma) this.drawGamma(drawnGamma);
  }

  private drawTerm({ context, width, height }: Drawn): void {
    const expiries = this.skew?.expiries ?? [];
    if (!expiries.length) return;
    const all = expiries.flatMap((each) => [each.at_money_iv, each.call_iv, each.put_iv]);
    const [low, high] = [Math.min(...all) - 1, Math.max(...all) + 1];
    // The square root of time gives the near expiries room.
    const x = (years: number): number => 24 + (Math.sqrt(years) / Math.sqrt(expiries.at(-1)?.years || 1)) * (width - 60);
    const y = (iv: number): number => height - 18 - ((iv - low) / (high - low || 1)) * (height - 30);
    const lines: ["at_money_iv" | "call_iv" | "put_iv", string][] = [["at_money_iv", "accent"], ["call_iv", "bid"], ["put_iv", "ask"]];
    for (const [member, ink] of lines) {
      context.strokeStyle = context.fillStyle = colour(ink);
      context.beginPath();
      for (const each of expiries) context.lineTo(x(each.years), y(each[member]));
      context.stroke();
      for (const each of expiries) context.fillRect(x(each.years) - 2, y(each[member]) - 2, 4, 4);
    }
    context.fillStyle = colour("soft");
    context.font = "11px system-ui";
    context.fillText(`${high.toFixed(0)} %`, 2, 12);
    context.fillText(`${low.toFixed(0)} %`, 2, height - 20);
    for (const each of [expiries[0], expiries.at(-1)]) if (each) context.fillText(`${Math.round(each.years * DAYS)} d`, x(each.years) - 8, height - 4);
  }

  private drawGamma({ context, width, height }: Drawn): void {
    const spot = this.gamma?.spot;
    const strikes = (this.gamma?.strikes ?? []).filter((each) => !spot || (each.strike > spot / FARTHEST && each.strike < spot * FARTHEST));
    if (strikes.length < 2) return;
    const [first, last] = [strikes[0]?.strike ?? 0, strikes.at(-1)?.strike ?? 1];
    const most = Math.max(...strikes.map((each) => each.gross), Number.MIN_VALUE);
    const x = (strike: number): number => 6 + ((strike - first) / (last - first)) * (width - 12);
    const wide = Math.max(1, Math.min(14, (0.7 * width) / strikes.length));
    context.fillStyle = colour("accent");
    for (const each of strikes) context.fillRect(x(each.strike) - wide / 2, height - 16 - (each.gross / most) * (height - 34), wide, (each.gross / most) * (height - 34));
    context.font = "11px system-ui";
    let line = 0;
    const mark = (at: number, label: string, ink: string): void => {
      const top = 12 * ++line;
      context.strokeStyle = context.fillStyle = colour(ink);
      context.beginPath();
      context.moveTo(x(at), top - 9);
      context.lineTo(x(at), height - 16);
      context.stroke();
      context.fillText(label, Math.max(2, Math.min(x(at) + 3, width - context.measureText(label).width - 2)), top);
    };
    if (spot) mark(spot, "spot", "text");
    for (const [convention, zero] of Object.entries(this.gamma?.zero ?? {})) if (zero && zero >= first && zero <= last) mark(zero, `zero: ${convention.replaceAll("_", " ")}`, "warn");
    context.fillStyle = colour("soft");
    context.fillText(String(first), 2, height - 3);
    context.fillText(String(last), width - 46, height - 3);
  }
}

customElements.define("dw-volatility", VolatilityPart);
