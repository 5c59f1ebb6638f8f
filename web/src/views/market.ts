import { html, LitElement, type TemplateResult } from "lit";
import "../panes/depth";
import "../panes/heatmap";
import "../panes/ladder";
import "../panes/price-chart";
import "../panes/tape";

/** Price chart, book, trades, heatmap and depth of one instrument. */
export class MarketView extends LitElement {
  static override properties = { instrument: { type: String } };
  declare instrument: string;

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override render(): TemplateResult {
    const { instrument } = this;
    return html`<div class="market">
      <dw-price-chart class="wide" .instrument=${instrument}></dw-price-chart>
      <dw-ladder .instrument=${instrument}></dw-ladder>
      <dw-tape .instrument=${instrument}></dw-tape>
      <div class="under wide">
        <dw-heatmap .instrument=${instrument}></dw-heatmap>
        <dw-depth .instrument=${instrument}></dw-depth>
      </div>
    </div>`;
  }
}

customElements.define("dw-market", MarketView);
