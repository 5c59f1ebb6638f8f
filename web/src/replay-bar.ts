import { html, nothing, type TemplateResult } from "lit";
import { Part } from "./pane";
import { replay, seek, setPaused, setSpeed, speed, step } from "./replay";

const SPEEDS = [0.1, 0.5, 1, 2, 5, 10, 50, 100];

/** Moves the page through what the server has recorded. */
export class ReplayBar extends Part {
  /** Where the slider is held, ms; null while it is not. */
  private held: number | null = null;

  protected follow(): (() => void)[] {
    return [replay.listen(this.redraw), speed.listen(this.redraw)];
  }

  override render(): TemplateResult {
    const state = replay.value;
    if (!state?.available || state.start_timestamp === null || state.end_timestamp === null) return html`<p class="replay" role="status">Nothing is recorded on this server that could be replayed.</p>`;
    const at = this.held ?? state.timestamp ?? state.end_timestamp;
    const paused = state.active && state.speed === 0;
    const about = state.active ? (state.ended ? "end of the recording" : paused ? "paused" : "replay") : `recorded: ${state.venues.join(", ")}`;
    return html`<section class="replay" aria-label="Replay" ?data-active=${state.active}>
      <button class="play" aria-label=${state.active && !paused ? "Pause" : "Play"} @click=${() => this.toggle(state.active, paused)}>${state.active && !paused ? "❚❚" : "▶"}</button>
      <button title="Back 60 seconds" @click=${() => step(-60)}>−60 s</button>
      <button title="Back 10 seconds" @click=${() => step(-10)}>−10 s</button>
      <button title="Forward 10 seconds" @click=${() => step(10)}>+10 s</button>
      <button title="Forward 60 seconds" @click=${() => step(60)}>+60 s</button>
      <input type="range" aria-label="Recorded time" aria-valuetext=${formatMoment(at)} min=${state.start_timestamp} max=${state.end_timestamp} step="100"
        .value=${String(at)} @input=${this.hold} @change=${this.release} />
      <output class="at">${formatMoment(at)}</output>
      <label>Speed <select @change=${this.chooseSpeed}>${SPEEDS.map((each) => html`<option value=${each} ?selected=${each === speed.value}>${each}×</option>`)}</select></label>
      <span class="about" role="status">${about}</span>
      ${state.active ? html`<button class="present" @click=${() => seek(null)}>To the present</button>` : nothing}
    </section>`;
  }

  private toggle(active: boolean, paused: boolean): void {
    const state = replay.value;
    if (!active || state?.ended) seek(state?.start_timestamp ?? 0);
    else void setPaused(!paused);
  }

  private readonly hold = (event: Event): void => {
    this.held = Number((event.target as HTMLInputElement).value);
    this.redraw();
  };

  private readonly release = (event: Event): void => {
    this.held = null;
    seek(Number((event.target as HTMLInputElement).value));
  };

  private readonly chooseSpeed = (event: Event): void => {
    void setSpeed(Number((event.target as HTMLSelectElement).value));
  };
}

/** A recorded time, in UTC as recordings are named. */
function formatMoment(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 21).replace("T", " ")} UTC`;
}

customElements.define("dw-replay", ReplayBar);
