import { html, LitElement, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { formatTime } from "../format";
import type { Frame, Wire } from "./frames";

const SHOWN = 100;
const SUMMARY = 160;
/** What every frame begins with. */
const ENVELOPE = '{"jsonrpc":"2.0",';

/** The text frames of the console's connection, newest first. */
export class FramesView extends LitElement {
  static override properties = { wire: { attribute: false } };
  declare wire: Wire;
  private filter = "";
  private showsHeartbeats = false;
  private stop: (() => void) | null = null;

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override firstUpdated(): void {
    this.stop = this.wire.frames.listen(() => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    this.stop?.();
    super.disconnectedCallback();
  }

  override render(): TemplateResult {
    const wanted = this.filter.toLowerCase();
    const shown = this.wire.frames.value.filter((frame) => (this.showsHeartbeats || !frame.heartbeat) && frame.text.toLowerCase().includes(wanted));
    return html`<section class="pane" aria-label="Frames"><header><h2>Frames</h2>
        <label><span class="hidden-label">Filter frames</span><input type="search" placeholder="filter" @input=${this.setFilter} /></label>
        <label><input type="checkbox" @change=${this.setHeartbeats} /> heartbeats</label>
        <button aria-pressed=${this.wire.paused} @click=${this.pause}>${this.wire.paused ? "Go on" : "Pause"}</button>
        <button @click=${() => this.wire.clear()}>Clear</button></header>
      <div class="body" tabindex="0" role="group" aria-label="Frames, newest first"><ol>${repeat(shown.slice(-SHOWN).reverse(), (frame) => frame.number, frameView)}</ol></div>
      <footer>text frames of this page's connection, newest first; secrets are masked</footer></section>`;
  }

  private readonly setFilter = (event: Event): void => {
    this.filter = (event.target as HTMLInputElement).value;
    this.requestUpdate();
  };

  private readonly setHeartbeats = (event: Event): void => {
    this.showsHeartbeats = (event.target as HTMLInputElement).checked;
    this.requestUpdate();
  };

  private readonly pause = (): void => {
    this.wire.paused = !this.wire.paused;
    this.requestUpdate();
  };
}

function frameView(frame: Frame): TemplateResult {
  const open = (event: Event): void => {
    const details = event.currentTarget as HTMLDetailsElement;
    const place = details.querySelector("pre");
    if (place) place.textContent = details.open ? pretty(frame.text) : "";
  };
  return html`<li data-sent=${frame.sent}><details @toggle=${open}><summary><span class="way">${frame.sent ? "↑ sent" : "↓ got"}</span>
    <time>${formatTime(frame.at)}</time> <code>${frame.text.replace(ENVELOPE, "{").slice(0, SUMMARY)}</code></summary><pre></pre></details></li>`;
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 1);
  } catch {
    return text;
  }
}

customElements.define("dw-frames", FramesView);
