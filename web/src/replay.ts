import type { ReplayState } from "./api";
import { feed } from "./link";
import { Observed } from "./observed";
import { go, route } from "./route";

const POLL_MS = 250;

/** What can be replayed, and where the replay stands; null until the server has said it. */
export const replay = new Observed<ReplayState | null>(null);
/** Recorded seconds per second, also while it is paused. */
export const speed = new Observed(1);
let paused = false;

async function poll(): Promise<void> {
  const state = await feed.call("public/get_replay", {}).catch(() => null);
  if (!state) return;
  replay.set(state);
  if (feed.time.value === null && route.value.at !== null && state.available) seek(route.value.at);
  if (state.active && state.timestamp !== null) feed.reached(state.timestamp, state.speed ?? 1);
}

/** Show the recorded time from here on; null shows the present. */
export function seek(at: number | null): void {
  const span = replay.value;
  const [first, last] = [span?.start_timestamp ?? null, span?.end_timestamp ?? null];
  const target = at === null || first === null || last === null ? at : Math.min(Math.max(at, first), last - 1);
  if (target === null) paused = false;
  if (span) replay.set({ ...span, active: target !== null, timestamp: target, ended: false });
  feed.show(target, paused ? 0 : speed.value);
  if (route.value.at !== target) go({ at: target });
}

export async function setSpeed(wanted: number): Promise<void> {
  speed.set(wanted);
  if (!paused) await apply(wanted);
}

export async function setPaused(now: boolean): Promise<void> {
  paused = now;
  await apply(now ? 0 : speed.value);
}

async function apply(wanted: number): Promise<void> {
  const state = await feed.call("public/set_replay", { speed: wanted }).catch(() => null);
  if (state) replay.set(state);
}

/** Seconds forward or back from where it stands. */
export function step(seconds: number): void {
  const at = replay.value?.timestamp ?? replay.value?.end_timestamp;
  if (at !== undefined && at !== null) seek(at + 1000 * seconds);
}

feed.link.listen(() => {
  if (feed.link.value.state === "live") void poll();
});
setInterval(() => {
  if (feed.time.value !== null && !document.hidden && feed.link.value.state === "live") void poll();
}, POLL_MS);
// The address may name a time, when the page is opened (see above) and later.
route.listen(() => {
  if (replay.value?.available && route.value.at !== feed.time.value) seek(route.value.at);
});
