import type { Health as Said } from "./api";
import { formatTime } from "./format";
import { feed } from "./link";
import { Observed } from "./observed";

import { settings } from "./settings";

/** What `book.X.health` says, and when it came. */
export type Health = Said & { receivedMs: number };

export interface Alert {
  at: number;
  text: string;
}

const MOST_ALERTS = 100;
export const healths = new Observed<Map<string, Health>>(new Map());
export const alerts = new Observed<Alert[]>([]);

export function raise(text: string): void {
  if (feed.time.value !== null) return; // it is no news
  alerts.set([{ at: Date.now(), text }, ...alerts.value].slice(0, MOST_ALERTS));
  if (settings.value.notify && "Notification" in window && Notification.permission === "granted")
    new Notification("deltawire", { body: text, tag: text });
}

let telling = false;

function tellOnce(): void {
  if (telling) return;
  telling = true;
  setTimeout(() => {
    telling = false;
    healths.set(healths.value);
  }, 100);
}

feed.subscribe(["book.*.health"], (_channel, data: Said, receivedMs) => {
  const before = healths.value.get(data.instrument_name);
  healths.value.set(data.instrument_name, { ...data, receivedMs });
  if (before?.state === "live" && data.state !== "live")
    raise(`${data.instrument_name} is ${data.state}: ${data.reason}`);
  tellOnce();
});

feed.time.listen(() => healths.set(new Map()));
let wasLive = false;
feed.link.listen(() => {
  const link = feed.link.value;
  if (wasLive && link.state === "down") raise(`No connection since ${formatTime(link.since)}: ${link.reason}. Alerts are suspended.`);
  wasLive = link.state === "live";
});
