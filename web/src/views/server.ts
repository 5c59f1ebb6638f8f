import { html, nothing, type TemplateResult } from "lit";
import type { ServerHealth, VenueHealth } from "../api";
import { clock } from "../clock";
import { feed } from "../link";
import { banner, Part } from "../pane";

const POLL_MS = 2000;

/** How the server is doing: clients and their queues, latency, and its connections to venues. */
export class ServerPart extends Part {
  private now: ServerHealth | null = null;
  private previous: ServerHealth | null = null;
  private failure = "";
  private atMs = 0;

  protected follow(): (() => void)[] {
    void this.load();
    const timer = setInterval(() => void this.load(), POLL_MS);
    return [() => clearInterval(timer), feed.link.listen(this.redraw), clock.listen(this.redraw)];
  }

  private async load(): Promise<void> {
    if (document.hidden || feed.link.value.state !== "live") return;
    try {
      const state = await feed.call("public/get_server_health", {});
      // Rates are of the time between two answers of one server.
      this.previous = this.now && this.now.accepted <= state.accepted ? this.now : null;
      this.now = state;
      this.failure = "";
      this.atMs = Date.now();
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
    }
    this.redraw();
  }

  override render(): TemplateResult {
    const link = feed.link.value;
    const why = this.failure || (link.state === "live" ? "" : link.reason);
    const told = banner(why, this.atMs);
    return html`<section class="pane server" aria-label="Clients and latency" ?data-stale=${Boolean(why)}><header><h2>Clients and latency</h2>${told}</header>
        <div class="body">${this.now ? this.clients(this.now) : nothing}</div><footer>ticks: from the first event to the last write, since the answer before</footer></section>
      <section class="pane venues" aria-label="Connections to venues" ?data-stale=${Boolean(why)}><header><h2>Connections to venues</h2>${told}</header>
        <div class="body scroll" tabindex="0" role="group" aria-label="Connections to venues, scrollable">${this.now ? venueTable(this.now.venues) : nothing}</div></section>`;
  }

  private clients(now: ServerHealth): TemplateResult {
    const before = this.previous;
    const seconds = before ? (now.timestamp - before.timestamp) / 1000 : 0;
    const rate = (member: "deliveries" | "delivered_bytes"): number => (before && seconds > 0 ? (now[member] - before[member]) / seconds : 0);
    const ticks = before ? now.tick_counts.map((count, at) => count - (before.tick_counts[at] ?? 0)) : now.tick_counts;
    const rows: [string, string][] = [
      ["State", now.ready ? "ready" : now.reason],
      ["Connections", `${count(now.connections)} open, ${count(now.accepted)} accepted, ${count(now.refused)} refused`],
      ["Channels", count(now.subscriptions)],
      ["Unread", `${bytes(now.queue_bytes)}, ${count(now.behind)} slow readers, ${count(now.merged)} merged for them`],
      ["Sent", `${count(Math.round(rate("deliveries")))} notifications/s, ${bytes(rate("delivered_bytes"))}/s`],
      ["Latency", `half of the ticks within ${quantile(now.tick_bounds_ms, ticks, 0.5)}, 99 % within ${quantile(now.tick_bounds_ms, ticks, 0.99)}`],
    ];
    const slow = now.slowest.filter((each) => each.queue_bytes > 0 || each.behind);
    return html`<table><tbody>${rows.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table>
      ${slow.length ? html`<table class="queues"><thead><tr><th scope="col">Channels</th><th scope="col">Unread</th><th scope="col">State</th></tr></thead>
        <tbody>${slow.map((each) => html`<tr><td>${each.channels}</td><td>${bytes(each.queue_bytes)}</td><td>${each.behind ? "slow" : "reading"}</td></tr>`)}</tbody></table>` : nothing}`;
  }
}

function venueTable(venues: VenueHealth[]): TemplateResult {
  return html`<table><thead><tr><th scope="col">Venue</th><th scope="col">It says</th><th scope="col">Lag</th><th scope="col">Sockets</th><th scope="col">Reconnects</th><th scope="col">Streams</th><th scope="col">Waiting</th><th scope="col">REST budget</th><th scope="col">Faults</th><th scope="col">Gone stale</th></tr></thead>
    <tbody>${venues.map((venue) => {
      const live = venue.connection;
      const streams = live ? Object.entries(live.streams).filter(([, number]) => number).map(([state, number]) => `${number} ${state}`).join(", ") : "";
      return html`<tr data-state=${venue.closed || venue.state === "down" ? "stale" : "live"}><th scope="row">${venue.venue}${venue.closed ? `: ${venue.closed}` : ""}</th><td>${venue.state}${venue.state_reason ? `: ${venue.state_reason}` : ""}</td><td>${venue.lag_ms === null ? "–" : `${venue.lag_ms.toFixed(1)} ms`}</td>
        <td>${live ? live.sockets : "–"}</td><td>${live ? live.reconnects : "–"}</td><td>${streams || "–"}</td><td>${live ? live.waiting : "–"}</td>
        <td>${live?.weight_limit ? `${live.weight_used} of ${live.weight_limit}` : "–"}</td><td>${venue.faults}</td><td>${venue.stale}</td></tr>`;
    })}</tbody></table>`;
}

/** The bound at or below which that share of the ticks is. */
function quantile(bounds: number[], counts: number[], share: number): string {
  const total = counts.reduce((sum, number) => sum + number, 0);
  if (!total) return "–";
  let sum = 0;
  for (const [at, number] of counts.entries()) {
    sum += number;
    if (sum >= share * total) return bounds[at] === undefined ? `more than ${bounds.at(-1) ?? 0} ms` : `${Number(bounds[at].toFixed(3))} ms`;
  }
  return "–";
}

function count(number: number): string {
  return number.toLocaleString("en");
}

function bytes(number: number): string {
  return number < 1000 ? `${Math.round(number)} B` : number < 1e6 ? `${(number / 1000).toFixed(1)} kB` : `${(number / 1e6).toFixed(1)} MB`;
}

customElements.define("dw-server", ServerPart);
