import { summaries } from "./account";
import type { AlertData, CrossedData, VenueStatus } from "./api";
import { formatNumber } from "./format";
import { raise } from "./health";
import { firstInstrument, instruments } from "./instruments";
import { elsewhere, instrumentOf, layout } from "./layout/kept";
import { feed } from "./link";
import { route } from "./route";
import { settings } from "./settings";

/** What is watched, by channel: what ends it, and what was said last. */
const watched = new Map<string, { stop: () => void; last: string }>();

/** The channels of the thresholds that are set, for the instruments that are shown. */
function channels(): Set<string> {
  const first = route.value.instrument || settings.value.instrument || firstInstrument();
  const found = new Set<string>();
  if (!first || feed.time.value !== null) return found;
  const { thin, wide, crossed } = settings.value;
  for (const name of new Set([first, ...layout.value.panes.map((pane) => instrumentOf(pane.group, first))])) {
    if (thin > 0) found.add(`alert.${name}.thin.${thin}.1s`);
    if (wide > 0) found.add(`alert.${name}.wide.${wide}.1s`);
    if (crossed > 0) for (const other of elsewhere(name)) found.add(`alert.${name}.crossed.${other}.${crossed}.1s`);
  }
  return found;
}

function watch(): void {
  const wanted = channels();
  for (const [channel, { stop }] of watched)
    if (!wanted.has(channel)) {
      stop();
      watched.delete(channel);
    }
  for (const channel of wanted)
    if (!watched.has(channel)) watched.set(channel, { stop: feed.subscribe([channel], take), last: "" });
}

function take(channel: string, data: AlertData | CrossedData): void {
  const entry = watched.get(channel);
  if (entry && data.state === "failed" && entry.last !== "failed") {
    entry.last = "failed";
    raise(`${channel} is not watched: ${data.reason ?? "the server refuses"}`);
  }
  if (!entry || !data.alert || data.alert === entry.last) return;
  const first = entry.last !== "raised";
  entry.last = data.alert;
  if (data.alert === "raised") raise(say(channel, data));
  else if (!first) raise(`No longer: ${say(channel, data)}`);
}

function say(channel: string, data: AlertData | CrossedData): string {
  const { instrument_name: name, value, threshold } = data;
  const bp = `${formatNumber(value, 2)} bp (set: ${threshold} bp)`;
  if ("buy" in data && data.buy) return `${data.buy} at ${data.buy_price} is crossed by ${data.sell} at ${data.sell_price}: ${bp}`;
  if (channel.startsWith(`alert.${name}.wide.`)) return `${name}: the spread is ${bp}`;
  return `${name}: the thinner side has ${formatNumber(value, 0)} within 10 bp (set: ${formatNumber(threshold, 0)})`;
}

const venues = new Map<string, string>();

/** What venues say of themselves: told when it changes, and at first if a venue is not up. */
function watchVenues(): void {
  for (const { venue } of instruments.value.values())
    if (!venues.has(venue)) {
      venues.set(venue, "up");
      feed.subscribe([`venue_status.${venue}`], (_channel, status: VenueStatus) => {
        if (venues.get(venue) === status.state) return;
        venues.set(venue, status.state);
        raise(`${venue} says it is ${status.state}${status.reason ? `: ${status.reason}` : ""}`);
      });
    }
}

/** Shares of the margin balance: an alert is raised above the first, and may be raised again below the second. */
const HIGH = 0.7;
const LOW = 0.63;

/** Tell when maintenance margin takes much of an account's balance. */
function watchMargin(): void {
  const high = new Set<string>();
  summaries.listen(() => {
    if (feed.session.value.state !== "in") high.clear();
    for (const { currency, maintenance_margin: margin, margin_balance: balance } of summaries.value) {
      const used = balance > 0 ? margin / balance : margin > 0 ? 1 : 0;
      if (used > HIGH && !high.has(currency)) {
        high.add(currency);
        raise(`Maintenance margin takes ${(100 * used).toFixed(0)} % of the ${currency} balance`);
      } else if (used < LOW) high.delete(currency);
    }
  });
}

/** Watch for the page's life. */
export function watchAlerts(): void {
  for (const observed of [route, settings, layout, instruments, feed.time]) observed.listen(watch);
  instruments.listen(watchVenues);
  watchMargin();
  watch();
  watchVenues();
}
