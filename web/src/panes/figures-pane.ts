import { html, type TemplateResult } from "lit";
import { feed } from "../link";
import { Pane } from "../pane";
import { change, settings } from "../settings";

const INTERVALS = ["100ms", "1s", "10s", "1m"];

/** What every channel of figures says. */
export interface Figures {
  timestamp: number;
  state: string;
  reason?: string;
}

/** A pane of one channel of figures (`imbalance.X.1s`): not live while the book that they are computed from is not. */
export abstract class FiguresPane<T extends Figures> extends Pane {
  protected abstract readonly family: string;
  protected figures: T | null = null;
  private refused = "";
  private every = settings.value.every;

  protected override listen(): (() => void)[] {
    const channel = `${this.family}.${this.instrument}.${this.every}`;
    return [
      settings.listen(() => this.setEvery()),
      feed.gaps.listen(() => {
        const gap = feed.gaps.value;
        // A gap is no refusal: the next notification has everything.
        if (gap?.channel === channel && !this.figures) this.refused = gap.reason;
        this.redraw();
      }),
      feed.subscribe([channel], (_channel, data: T, receivedMs) => this.take(data, receivedMs)),
    ];
  }

  private setEvery(): void {
    if (this.every === settings.value.every) return;
    this.every = settings.value.every;
    this.clear();
    this.begin();
  }

  private take(data: T, receivedMs: number): void {
    this.refused = "";
    if (data.state === "live") {
      this.figures = data;
      this.lastMs = receivedMs;
      this.measured(data);
    } else if (this.figures) this.figures = { ...this.figures, state: data.state, reason: data.reason };
    else this.refused = `${data.state}: ${data.reason || "no figures"}`;
    this.redraw();
  }

  /** New figures have come. */
  protected measured(_figures: T): void {
    // what is drawn is the newest
  }

  protected override clear(): void {
    this.figures = null;
    this.refused = "";
  }

  protected override why(): string {
    const { figures } = this;
    if (!figures) return super.why() || this.refused || "no figures yet";
    return super.why() || (figures.state === "live" ? "" : `${figures.state}: ${figures.reason || "no figures"}`);
  }

  /** The pane, with the choice of the interval. */
  protected framed(title: string, body: TemplateResult, foot: unknown): TemplateResult {
    const choose = (event: Event): void => change({ every: (event.target as HTMLSelectElement).value });
    const tools = html`<div class="tools"><label>Every <select @change=${choose}>${INTERVALS.map((each) => html`<option value=${each} ?selected=${each === this.every}>${each}</option>`)}</select></label></div>`;
    return this.frameOf(title, html`${tools}${body}`, foot);
  }
}
