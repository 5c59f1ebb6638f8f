import { html, nothing, type TemplateResult } from "lit";
import { clock } from "../clock";
import { formatAge, formatTime } from "../format";
import { type Health, healths } from "../health";
import { feed } from "../link";
import { banner, Part } from "../pane";
import { address } from "../route";
import "./server";

const SHOWN = 200;
const ORDER = { stale: 0, syncing: 1, live: 2 };
const PING_EVERY_MS = 5000;

/** Venues and books by state, their gaps and audits, and this page's own connection. */
export class HealthView extends Part {
  private home = "";
  private version = "";
  private roundTripMs = 0;
  private filter = "";
  private pinged = 0;

  protected follow(): (() => void)[] {
    void this.load();
    return [feed.link.listen(this.relinked), healths.listen(this.redraw), clock.listen(this.tick)];
  }

  private readonly relinked = (): void => {
    this.redraw();
    if (feed.link.value.state === "live") void this.load();
  };

  private readonly tick = (): void => {
    this.redraw();
    if (clock.value - this.pinged < PING_EVERY_MS || feed.link.value.state !== "live") return;
    this.pinged = clock.value;
    void this.ping();
  };

  private async ping(): Promise<void> {
    const start = performance.now();
    const answer = await feed.call("public/test", {}).catch(() => null);
    if (!answer) return;
    this.roundTripMs = performance.now() - start;
    this.version = answer.version;
  }

  private async load(): Promise<void> {
    await feed.live();
    const found = await feed.call("public/get_definitions", { instrument_names: [] }).catch(() => null);
    this.home = found?.home ?? "";
    await this.ping();
    this.redraw();
  }

  private venueOf(name: string): string {
    const at = name.indexOf(":");
    return at > 0 ? name.slice(0, at) : this.home || "home";
  }

  override render(): TemplateResult {
    const books = [...healths.value.values()];
    const stale = feed.link.value.state !== "live";
    return html`<div class="grid">
      <section class="pane" aria-label="Venues" ?data-stale=${stale}><header><h2>Venues</h2>${this.why()}</header><div class="body">${this.venues(books)}</div></section>
      <section class="pane" aria-label="This connection"><header><h2>This connection</h2></header><div class="body">${this.connection()}</div></section>
      <dw-server class="wide two"></dw-server>
      <section class="pane wide" aria-label="Books" ?data-stale=${stale}><header><h2>Books</h2>${this.why()}
        <label>Filter <input type="search" @input=${(event: Event) => this.setFilter(event)} /></label></header>
        <div class="body scroll" tabindex="0" role="group" aria-label="List of books">${this.books(books)}</div></section>
    </div>`;
  }

  private why(): unknown {
    const { state, reason } = feed.link.value;
    return banner(state === "live" ? "" : `${reason}; alerts are suspended`, feed.traffic.heardMs);
  }

  private setFilter(event: Event): void {
    this.filter = (event.target as HTMLInputElement).value.toLowerCase();
    this.redraw();
  }

  private venues(books: Health[]): TemplateResult {
    const groups = Map.groupBy(books, (book) => this.venueOf(book.instrument_name));
    const count = (of: Health[], state: string): number => of.filter((book) => book.state === state).length;
    const sum = (of: Health[], member: "gaps" | "resyncs" | "audits" | "audited" | "unequal"): number => of.reduce((total, book) => total + book[member], 0);
    const rows = [...groups].map(([venue, of]) => html`<tr><th scope="row">${venue}</th><td>${count(of, "live")}</td><td>${count(of, "syncing")}</td><td>${count(of, "stale")}</td>
      <td>${sum(of, "gaps")}</td><td>${sum(of, "resyncs")}</td><td>${sum(of, "audits")}</td><td>${sum(of, "unequal")} of ${sum(of, "audited")}</td></tr>`);
    return html`<table><thead><tr><th scope="col">Venue</th><th scope="col">Live</th><th scope="col">Syncing</th><th scope="col">Stale</th><th scope="col">Gaps</th><th scope="col">Resyncs</th><th scope="col">Audits</th><th scope="col">Unequal levels</th></tr></thead><tbody>${rows}</tbody></table>`;
  }

  private connection(): TemplateResult {
    const { state, reason, since, opened } = feed.link.value;
    const { messages, bytes, conflated, heardMs } = feed.traffic;
    const rows: [string, string][] = [
      ["State", `${state}${reason ? `: ${reason}` : ""} for ${formatAge(clock.value - since)}`],
      ["Last heard", formatTime(heardMs)],
      ["Opened", `${opened} times`],
      ["Round trip", this.roundTripMs ? `${this.roundTripMs.toFixed(1)} ms` : "–"],
      ["Received", `${messages.toLocaleString("en")} messages, ${(bytes / 1e6).toFixed(1)} MB, ${conflated} merged by the server`],
      ["Server", this.version || "–"],
    ];
    return html`<table><tbody>${rows.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table>`;
  }

  private books(books: Health[]): TemplateResult {
    const chosen = books.filter((book) => book.instrument_name.toLowerCase().includes(this.filter));
    chosen.sort((one, other) => ORDER[one.state] - ORDER[other.state] || other.gaps - one.gaps);
    const more = chosen.length - SHOWN;
    return html`<table class="books"><thead><tr><th scope="col">Book</th><th scope="col">State</th><th scope="col">Since</th><th scope="col">Age</th><th scope="col">Unbroken since</th><th scope="col">Gaps</th><th scope="col">Resyncs</th><th scope="col">Known (bp)</th><th scope="col">Audits</th><th scope="col">Unequal</th></tr></thead>
      <tbody>${chosen.slice(0, SHOWN).map((book) => this.book(book))}</tbody></table>
      ${more > 0 ? html`<p class="message">and ${more} more; filter to see them</p>` : nothing}`;
  }

  private book(book: Health): TemplateResult {
    const range = book.coverage_bp?.map((bp) => (bp === null ? "all" : bp.toFixed(0))).join(" / ") ?? "–";
    // The server tells the age when the state changes; what is not live has not changed since.
    const age = book.state === "live" ? "–" : formatAge(book.age + clock.value - book.receivedMs);
    const reason = book.state === "live" ? "" : `: ${book.reason}`;
    return html`<tr data-state=${book.state}><th scope="row"><a href=${address({ view: "market", instrument: book.instrument_name })}>${book.instrument_name}</a></th>
      <td>${book.state}${reason}</td><td>${formatTime(book.since)}</td><td>${age}</td><td>${book.unbroken_since ? formatTime(book.unbroken_since) : "–"}</td>
      <td>${book.gaps}</td><td>${book.resyncs}</td><td>${range}</td><td>${book.audits}</td><td>${book.unequal} of ${book.audited}</td></tr>`;
  }
}

customElements.define("dw-health", HealthView);
