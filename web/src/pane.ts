import { html, LitElement, nothing, type TemplateResult } from "lit";
import { clock } from "./clock";
import { decimals, formatAge, formatTime } from "./format";
import { healths } from "./health";
import { instruments } from "./instruments";
import { feed } from "./link";

/** A part of a view. It draws at most once per frame, and ends what it listens to when it leaves the page. */
export abstract class Part extends LitElement {
  private stops: (() => void)[] = [];
  private frame = 0;

  /** One style sheet serves the page. */
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.begin();
  }

  override disconnectedCallback(): void {
    this.end();
    super.disconnectedCallback();
  }

  /** Start to listen; each returned function ends one. */
  protected abstract follow(): (() => void)[];

  protected begin(): void {
    this.end();
    this.stops = this.follow();
    this.redraw();
  }

  private end(): void {
    for (const stop of this.stops) stop();
    this.stops = [];
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }

  /** Draw with the next frame. */
  protected readonly redraw = (): void => {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.requestUpdate();
    });
  };
}

/** Why what is shown is not live, when it was last known, and how old it is; nothing without a reason. */
export function banner(why: string, lastMs: number): TemplateResult | typeof nothing {
  const last = lastMs ? `last known ${formatTime(lastMs)}, ${formatAge(clock.value - lastMs)} old` : "nothing known";
  return why ? html`<p class="why">${why} · ${last}</p>` : nothing;
}

/** A part about one instrument, that says when what it shows is not live. */
export abstract class Pane extends Part {
  static override properties = { instrument: { type: String }, label: { type: String } };
  declare instrument: string;
  /** What tells it from other panes of its kind; empty if there are none. */
  declare label: string;
  /** When what is shown was last changed, ms since 1970; 0 if never. */
  protected lastMs = 0;
  private followed = "";

  constructor() {
    super();
    this.instrument = this.label = "";
  }

  /** Without an instrument there is nothing to follow yet: an element may be in the page before its class is loaded. */
  protected override begin(): void {
    this.followed = this.instrument;
    if (this.instrument) super.begin();
  }

  override willUpdate(): void {
    if (this.isConnected && this.instrument !== this.followed) this.anew();
  }

  protected override follow(): (() => void)[] {
    return [feed.time.listen(this.anew), feed.link.listen(this.redraw), healths.listen(this.redraw), clock.listen(this.redraw), ...this.listen()];
  }

  /** Nothing that is shown is of the time that is shown from here on. */
  private readonly anew = (): void => {
    this.lastMs = 0;
    this.clear();
    this.begin();
  };

  /** Listen to what is shown. */
  protected abstract listen(): (() => void)[];

  /** Forget another instrument. */
  protected abstract clear(): void;

  protected get places(): number {
    return decimals(instruments.value.get(this.instrument)?.tick_size);
  }

  /** Why what is shown is not live; empty if it is. */
  protected why(): string {
    const link = feed.link.value;
    if (link.state !== "live") return link.reason;
    const health = healths.value.get(this.instrument);
    if (!health && instruments.value.size && !instruments.value.has(this.instrument)) return `this server has no instrument ${this.instrument}`;
    return health && health.state !== "live" ? `${health.state}: ${health.reason || "no image yet"}` : "";
  }

  protected frameOf(title: string, body: TemplateResult, foot: unknown = nothing): TemplateResult {
    const why = this.why();
    const label = this.label ? `${title} of ${this.label}` : title;
    return html`<section class="pane" ?data-stale=${Boolean(why)} aria-label=${label}>
      <header><h2>${title}</h2>${this.label ? html`<span class="of">${this.label}</span>` : nothing}${banner(why, this.lastMs)}</header>
      <div class="body" tabindex="0" role="group" aria-label="${label}, contents">${body}</div>
      <footer>${foot}</footer>
    </section>`;
  }

}
