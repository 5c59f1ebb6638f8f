import { html, LitElement, nothing, type TemplateResult } from "lit";
import { clock } from "./clock";
import { formatAge, formatTime } from "./format";
import { healths } from "./health";
import { instruments } from "./instruments";
import { feed } from "./link";
import { decimals } from "./format";

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

/** A part about one instrument, that says when what it shows is not live. */
export abstract class Pane extends Part {
  static override properties = { instrument: { type: String } };
  declare instrument: string;
  /** When what is shown was last changed, ms since 1970; 0 if never. */
  protected lastMs = 0;

  constructor() {
    super();
    this.instrument = "";
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has("instrument") && changed.get("instrument") !== undefined && this.isConnected) {
      this.lastMs = 0;
      this.clear();
      this.begin();
    }
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
    return health && health.state !== "live" ? `${health.state}: ${health.reason || "no image yet"}` : "";
  }

  protected frameOf(title: string, body: TemplateResult, foot: unknown = nothing): TemplateResult {
    const why = this.why();
    return html`<section class="pane" ?data-stale=${Boolean(why)} aria-label=${title}>
      <header><h2>${title}</h2>${why ? this.banner(why) : nothing}</header>
      <div class="body" tabindex="0" role="group" aria-label="${title}, contents">${body}</div>
      <footer>${foot}</footer>
    </section>`;
  }

  private banner(why: string): TemplateResult {
    const last = this.lastMs ? `last known ${formatTime(this.lastMs)}, ${formatAge(clock.value - this.lastMs)} old` : "nothing known";
    return html`<p class="why">${why} · ${last}</p>`;
  }
}
