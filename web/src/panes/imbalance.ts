import { html, nothing, type TemplateResult } from "lit";
import type { ImbalanceData } from "../api";
import { formatNumber, formatPrice } from "../format";
import { colour } from "../settings";
import { fit } from "./canvas";
import { FiguresPane } from "./figures-pane";

type OfBand = NonNullable<ImbalanceData["weighted"]>;
const KEPT = 300;

interface Row {
  name: string;
  value: number | null | undefined;
  note: string;
}

/** Imbalance of the book and of trades, from -1 (only asks) to 1 (only bids), and its past. */
export class ImbalancePane extends FiguresPane<ImbalanceData> {
  protected readonly family = "imbalance";
  private past: (number | null)[] = [];

  protected override clear(): void {
    super.clear();
    this.past = [];
  }

  protected override measured({ queue }: ImbalanceData): void {
    this.past.push(queue ?? null);
    if (this.past.length > KEPT) this.past.shift();
  }

  private rows(figures: ImbalanceData): Row[] {
    const ofBand = (unit: string) => (each: OfBand): Row => ({
      name: `${each.band} ${unit}`,
      value: each.value,
      note: each.known ? "" : `of ${formatNumber(each.used, 1)} ${unit}: more is not known`,
    });
    return [
      { name: "touch", value: figures.queue, note: "" },
      ...(figures.levels ?? []).map(ofBand("levels")),
      ...(figures.bands ?? []).map(ofBand("bp")),
      ...(figures.weighted ? [{ ...ofBand("levels")(figures.weighted), name: "by distance" }] : []),
      { name: "trades", value: figures.trades, note: figures.trades === null || figures.trades === undefined ? "none in the interval" : "" },
    ];
  }

  override render(): TemplateResult {
    const { figures } = this;
    const touch = formatNumber(figures?.queue);
    const chart = html`<canvas class="drawn" role="img" aria-label="Imbalance at the touch over the last ${this.past.length} intervals, now ${touch}"></canvas>`;
    return this.framed("Imbalance", html`${figures ? this.table(figures) : nothing}${chart}`, "−1: only asks, 1: only bids · the line: at the touch");
  }

  private table(figures: ImbalanceData): TemplateResult {
    const { mid, micro_price: micro, flow, integrated_flow: whole, vpin } = figures;
    const lean = mid && micro ? ` (${formatNumber((1e4 * (micro - mid)) / mid, 3)} bp from the mid)` : "";
    const flowText = flow ? `${formatNumber(flow.normalised)} of the mean size at the touch, last ${flow.updates} updates${flow.known ? "" : ", not all levels known"}` : "–";
    return html`<table class="figures"><thead><tr><th scope="col">Of</th><th scope="col">Imbalance</th><th scope="col">Share</th><th scope="col">Note</th></tr></thead>
      <tbody>${this.rows(figures).map((row) => html`<tr><th scope="row">${row.name}</th><td>${formatNumber(row.value)}</td>
        <td><meter min="-1" max="1" .value=${row.value ?? 0} aria-label="${row.name}: ${formatNumber(row.value)}"></meter></td><td>${row.note}</td></tr>`)}
      <tr><th scope="row">micro-price</th><td colspan="3">${formatPrice(micro, this.places + 1)}${lean}</td></tr>
      <tr><th scope="row">order flow</th><td colspan="3">${flowText}</td></tr>
      <tr><th scope="row">of all levels</th><td colspan="3">${whole ? integrated(whole) : "–"}</td></tr>
      <tr><th scope="row">VPIN</th><td colspan="3">${vpin ? toxicity(vpin) : "–"}</td></tr></tbody></table>`;
  }

  override updated(): void {
    const canvas = this.querySelector<HTMLCanvasElement>("canvas");
    const drawn = canvas && fit(canvas);
    if (!drawn) return;
    const { context, width, height } = drawn;
    const y = (value: number): number => (1 - (value + 1) / 2) * (height - 4) + 2;
    context.strokeStyle = colour("line");
    context.beginPath();
    context.moveTo(0, y(0));
    context.lineTo(width, y(0));
    context.stroke();
    context.strokeStyle = colour("accent");
    context.beginPath();
    let joined = false;
    this.past.forEach((value, number) => {
      const x = width - ((this.past.length - 1 - number) * width) / (KEPT - 1);
      if (value === null) joined = false;
      else if (joined) context.lineTo(x, y(value));
      else {
        context.moveTo(x, y(value));
        joined = true;
      }
    });
    context.stroke();
  }
}

function integrated({ value, windows, used, known, explained }: NonNullable<ImbalanceData["integrated_flow"]>): string {
  if (value === null) return `not yet: ${windows} of 30 windows`;
  const share = explained === null ? "" : `, the first component explains ${formatNumber(100 * explained, 0)} %`;
  return `${formatNumber(value)} mean sizes of a level, ${used} levels${known ? "" : ", not all known"}${share}`;
}

function toxicity({ value, used, band, bucket }: NonNullable<ImbalanceData["vpin"]>): string {
  if (value === null || bucket === null) return "not yet: the size of a bucket is learned from 500 trades";
  return `${formatNumber(value)} of ${used} of ${band} buckets of ${formatNumber(bucket, 4)}${used < band ? ", fewer than asked" : ""}`;
}

customElements.define("dw-imbalance", ImbalancePane);
