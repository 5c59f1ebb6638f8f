import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { cssProperties } from "../css-properties";
import { firstInstrument, instruments } from "../instruments";
import { instrumentOf, layout } from "../layout/kept";
import { groupsOf, KINDS, type Kind, type Layout, type Place } from "../layout/layout";
import { want } from "../later";
import { Part } from "../pane";
import "../panes/depth";
import "../panes/heatmap";
import "../panes/ladder";
import "../panes/price-chart";
import "../panes/tape";

type Draw = (instrument: string, label: string) => TemplateResult;

const PANES: Record<Kind, Draw> = {
  price: (instrument, label) => html`<dw-price-chart .instrument=${instrument} .label=${label}></dw-price-chart>`,
  ladder: (instrument, label) => html`<dw-ladder .instrument=${instrument} .label=${label}></dw-ladder>`,
  tape: (instrument, label) => html`<dw-tape .instrument=${instrument} .label=${label}></dw-tape>`,
  heatmap: (instrument, label) => html`<dw-heatmap .instrument=${instrument} .label=${label}></dw-heatmap>`,
  depth: (instrument, label) => html`<dw-depth .instrument=${instrument} .label=${label}></dw-depth>`,
  profile: (instrument, label) => html`<dw-profile .instrument=${instrument} .label=${label}></dw-profile>`,
  delta: (instrument, label) => html`<dw-delta .instrument=${instrument} .label=${label}></dw-delta>`,
  liquidations: (instrument, label) => html`<dw-liquidations .instrument=${instrument} .label=${label}></dw-liquidations>`,
  imbalance: (instrument, label) => html`<dw-imbalance .instrument=${instrument} .label=${label}></dw-imbalance>`,
  liquidity: (instrument, label) => html`<dw-liquidity .instrument=${instrument} .label=${label}></dw-liquidity>`,
  flow: (instrument, label) => html`<dw-flow .instrument=${instrument} .label=${label}></dw-flow>`,
  venues: (instrument, label) => html`<dw-venues .instrument=${instrument} .label=${label}></dw-venues>`,
};

/** Panes that are loaded when a layout has one of them. */
const LATER: ReadonlySet<Kind> = new Set<Kind>(["profile", "delta", "liquidations", "imbalance", "liquidity", "flow", "venues"]);

/** The panes of the layout, each about the instrument of its group. */
export class MarketView extends Part {
  static override properties = { instrument: { type: String }, edits: { type: Boolean } };
  declare instrument: string;
  /** Whether the layout is being changed. */
  declare edits: boolean;

  protected follow(): (() => void)[] {
    return [layout.listen(this.redraw), instruments.listen(this.redraw)];
  }

  override render(): TemplateResult {
    const shown = layout.value;
    if (shown.panes.some((pane) => LATER.has(pane.kind))) want("panes");
    if (this.edits) want("layouts");
    const several = groupsOf(shown).some((group) => group !== "A");
    return html`${this.edits ? html`<dw-layout-editor .instrument=${this.instrument}></dw-layout-editor>` : nothing}
      <div class="market">${repeat(identified(shown), ([key]) => key, ([, pane, at]) => this.cell(pane, at, several))}</div>`;
  }

  private cell(pane: Place, at: number, several: boolean): TemplateResult {
    const instrument = instrumentOf(pane.group, this.instrument || firstInstrument());
    const label = several ? instrument : "";
    return html`<div class="cell" data-kind=${pane.kind} data-group=${pane.group} ${cssProperties({ "--width": pane.width, "--height": pane.height })}>
      ${this.edits ? html`<dw-place-editor .pane=${pane} .at=${at} .name=${KINDS[pane.kind].title}></dw-place-editor>` : nothing}
      ${PANES[pane.kind](instrument, label)}</div>`;
  }
}

/** Panes by keys that follow them when they change places: their kind and group, and which of these. */
function identified(shown: Layout): [key: string, pane: Place, at: number][] {
  const counts = new Map<string, number>();
  return shown.panes.map((pane, at) => {
    const count = counts.get(pane.kind) ?? 0;
    counts.set(pane.kind, count + 1);
    return [`${pane.kind} ${count}`, pane, at];
  });
}

customElements.define("dw-market", MarketView);
