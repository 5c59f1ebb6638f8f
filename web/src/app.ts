import { html, LitElement, nothing, type TemplateResult } from "lit";
import { watchAlerts } from "./alerts";
import { clock } from "./clock";
import { formatAge, formatTime } from "./format";
import { alerts, healths } from "./health";
import { firstInstrument, instruments } from "./instruments";
import { missing, want } from "./later";
import { feed } from "./link";
import { replay, setPaused, step } from "./replay";
import { address, go, route, type View, VIEWS } from "./route";
import { applyTheme, change, settings, type Theme } from "./settings";
import "./views/market";

const TITLES: Record<View, string> = { market: "Market", options: "Options", health: "Health", trade: "Trade" };
const THEMES: Theme[] = ["auto", "light", "dark"];
const KEYS = "1 to 4: views · /: choose an instrument · b: read the top of the book aloud · l: layout · r: replay · in a replay Space: pause, ← →: 10 s, with Shift 60 s · t: theme · ?: keys";

class App extends LitElement {
  private showsKeys = false;
  private showsAlerts = false;
  private showsReplay = false;
  private editsLayout = false;

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const again = (): void => this.requestUpdate();
    for (const observed of [feed.link, feed.time, replay, route, instruments, alerts, clock, settings, missing]) observed.listen(again);
    settings.listen(applyTheme);
    applyTheme();
    watchAlerts();
    addEventListener("keydown", (event) => this.key(event));
  }

  private get instrument(): string {
    return route.value.instrument || settings.value.instrument || firstInstrument();
  }

  private key(event: KeyboardEvent): void {
    const typing = (event.target as HTMLElement).closest("input, select, textarea");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const view = VIEWS[Number(event.key) - 1];
    if (view) go({ view, instrument: this.instrument });
    else if (event.key === "/") {
      event.preventDefault();
      this.querySelector<HTMLInputElement>("#instrument")?.focus();
    } else if (event.key === "t") this.nextTheme();
    else if (event.key === "l" && route.value.view === "market") this.toggleLayout();
    else if (event.key === "b") this.querySelector<HTMLElement & { speak(): void }>("dw-ladder")?.speak();
    else if (feed.time.value !== null && this.replayKey(event)) event.preventDefault();
    else if (event.key === "r" && replay.value?.available) this.toggleReplay();
    else if (event.key === "?") {
      this.showsKeys = !this.showsKeys;
      this.requestUpdate();
    }
  }

  /** Returns whether the key moves the replay. */
  private replayKey(event: KeyboardEvent): boolean {
    if ((event.target as HTMLElement).closest("button, a, [tabindex]") && event.key === " ") return false;
    if (event.key === " ") void setPaused(replay.value?.speed !== 0);
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") step((event.shiftKey ? 60 : 10) * (event.key === "ArrowLeft" ? -1 : 1));
    else return false;
    return true;
  }

  private toggleReplay(): void {
    this.showsReplay = !this.showsReplay;
    this.requestUpdate();
  }

  private toggleLayout(): void {
    this.editsLayout = !this.editsLayout;
    this.requestUpdate();
  }

  private nextTheme(): void {
    const next = THEMES[(THEMES.indexOf(settings.value.theme) + 1) % THEMES.length] ?? "auto";
    change({ theme: next });
  }

  private choose(event: Event): void {
    const input = event.target as HTMLInputElement;
    if (!input.value) return;
    change({ instrument: input.value });
    go({ instrument: input.value });
    input.blur();
  }

  override render(): TemplateResult {
    const { instrument } = this;
    const { view } = route.value;
    if (view !== "market") want(view);
    document.title = instrument ? `${instrument} · deltawire` : "deltawire";
    return html`<header class="top">
        <h1><a class="brand" href=${address({ view: "market" })}>deltawire</a></h1>
        <nav aria-label="Views">${VIEWS.map((name) => this.tab(name, instrument))}</nav>
        ${this.picker(instrument)} ${this.light()}
        ${replay.value?.available ? html`<button @click=${() => this.toggleReplay()} aria-expanded=${this.replays}>Replay</button>` : nothing}
        ${view === "market" ? html`<button @click=${() => this.toggleLayout()} aria-expanded=${this.editsLayout}>Layout</button>` : nothing}
        <button @click=${() => this.toggleAlerts()} aria-expanded=${this.showsAlerts}>Alerts ${alerts.value.length}</button>
        <button @click=${() => this.nextTheme()}>Theme: ${settings.value.theme}</button>
        <a href="/docs">API</a>
      </header>
      ${this.showsKeys ? html`<p class="keys" role="status">${KEYS}</p>` : nothing}
      ${this.showsAlerts ? this.alerts() : nothing} ${this.replays ? this.replayBar() : nothing}
      <main aria-label=${TITLES[view]}>${this.view(view, instrument)}</main>`;
  }

  private get replays(): boolean {
    return this.showsReplay || feed.time.value !== null;
  }

  private replayBar(): TemplateResult {
    want("replay");
    return html`<dw-replay></dw-replay>`;
  }

  private view(view: View, instrument: string): TemplateResult {
    if (view !== "market" && missing.value.has(view)) return html`<p class="empty" role="status">The server did not give this view. It is asked again every few seconds while there is a connection; if that does not help, reload the page.</p>`;
    if (view === "health") return html`<dw-health></dw-health>`;
    if (!instrument) return html`<p class="empty">No instrument is known yet.</p>`;
    if (view === "options") return html`<dw-options .instrument=${instrument}></dw-options>`;
    if (view === "trade") return html`<dw-trade .instrument=${instrument}></dw-trade>`;
    return html`<dw-market .instrument=${instrument} .edits=${this.editsLayout}></dw-market>`;
  }

  private tab(name: View, instrument: string): TemplateResult {
    const current = route.value.view === name ? "page" : "false";
    return html`<a href=${address({ view: name, instrument })} aria-current=${current}>${TITLES[name]}</a>`;
  }

  private picker(instrument: string): TemplateResult {
    const names = new Set([...instruments.value.keys(), ...healths.value.keys()]);
    return html`<label class="picker"><span>Instrument</span>
      <input id="instrument" list="instruments" .value=${instrument} @change=${this.choose} autocomplete="off" spellcheck="false" />
      <datalist id="instruments">${[...names].map((name) => html`<option value=${name}></option>`)}</datalist></label>`;
  }

  private light(): TemplateResult {
    const { state, reason, since } = feed.link.value;
    const live = feed.time.value === null ? "live" : "replay";
    const text = state === "live" ? live : `${reason}, ${formatAge(clock.value - since)}`;
    const title = state === "live" ? `connected since ${formatTime(since)}` : `last heard ${formatTime(feed.traffic.heardMs)}`;
    return html`<span class="light" data-state=${state} ?data-past=${feed.time.value !== null} role="status" title=${title}>${text}</span>`;
  }

  private toggleAlerts(): void {
    this.showsAlerts = !this.showsAlerts;
    this.requestUpdate();
  }

  private alerts(): TemplateResult {
    const items = alerts.value.map((alert) => html`<li><time>${formatTime(alert.at)}</time> ${alert.text}</li>`);
    return html`<section class="alerts" aria-label="Alerts">
      <label><input type="checkbox" .checked=${settings.value.notify} @change=${this.setNotify} /> also as notifications of the browser</label>
      <fieldset><legend>Tell, for what is shown (empty: never)</legend>
        ${this.threshold("thin", "less on a side within 10 bp than", "quote currency")}
        ${this.threshold("wide", "a spread over", "bp")}
        ${this.threshold("crossed", "a bid above another venue's ask by", "bp")}</fieldset>
      ${items.length ? html`<ol>${items}</ol>` : html`<p>Nothing to tell since this page was opened.</p>`}
    </section>`;
  }

  private threshold(name: "thin" | "wide" | "crossed", text: string, unit: string): TemplateResult {
    const set = (event: Event): void => {
      const input = event.target as HTMLInputElement;
      if (input.checkValidity()) change({ [name]: input.valueAsNumber || 0 });
      else input.reportValidity();
    };
    return html`<label>${text} <input type="number" name=${name} min="0.001" max="1e12" step="any" inputmode="decimal" .value=${settings.value[name] || ""} @change=${set} /> ${unit}</label>`;
  }

  private async setNotify(event: Event): Promise<void> {
    const wanted = (event.target as HTMLInputElement).checked;
    const allowed = wanted && "Notification" in window && (await Notification.requestPermission()) === "granted";
    change({ notify: allowed });
  }
}

customElements.define("dw-app", App);
