import { html, LitElement, type TemplateResult } from "lit";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { colour } from "../settings";

export interface SmilePoint {
  strike: number;
  bid: number | null;
  ask: number | null;
  mark: number | null;
}

const HEIGHT = 240;

/** Implied volatility by strike, in percent. */
export class Smile extends LitElement {
  static override properties = { points: { attribute: false } };
  declare points: SmilePoint[];
  private plot: uPlot | null = null;
  private sizes: ResizeObserver | null = null;

  constructor() {
    super();
    this.points = [];
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override render(): TemplateResult {
    const marks = this.points.map((point) => point.mark).filter((mark) => mark !== null);
    const text = marks.length ? `${this.points.length} strikes, mark IV from ${Math.min(...marks)} to ${Math.max(...marks)} percent` : "no volatility is known yet";
    return html`<div class="smile" role="img" aria-label="Smile: ${text}"></div>`;
  }

  override updated(): void {
    if (!this.plot) this.make();
    const column = (member: keyof SmilePoint): (number | null)[] => this.points.map((point) => point[member]);
    this.plot?.setData([column("strike") as number[], column("bid"), column("ask"), column("mark")]);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.sizes?.disconnect();
    this.plot?.destroy();
    this.plot = null;
  }

  private make(): void {
    const place = this.querySelector<HTMLElement>(".smile");
    if (!place) return;
    const axis = { stroke: () => colour("text"), grid: { stroke: () => colour("line") }, ticks: { stroke: () => colour("line") } };
    const points = (label: string, name: string): uPlot.Series => ({ label, stroke: () => colour(name), paths: () => null, points: { show: true, size: 6 } });
    const options: uPlot.Options = {
      width: Math.max(200, place.clientWidth),
      height: HEIGHT,
      legend: { show: false },
      scales: { x: { time: false } },
      axes: [axis, { ...axis, label: "IV (%)" }],
      series: [{ label: "Strike" }, points("Bid IV", "bid"), points("Ask IV", "ask"), { label: "Mark IV", stroke: () => colour("accent"), width: 1.5, spanGaps: true }],
    };
    this.plot = new uPlot(options, [[], [], [], []], place);
    this.sizes = new ResizeObserver(() => this.plot?.setSize({ width: Math.max(200, place.clientWidth), height: HEIGHT }));
    this.sizes.observe(place);
  }
}

customElements.define("dw-smile", Smile);
