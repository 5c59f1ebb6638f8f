import { feed } from "./link";
import { Observed } from "./observed";

/**
 * Parts of the page beyond the first load. They are loaded when they are wanted, or else when the page has nothing to
 * do: a server that is away, or has been replaced by one with other files, would not have them any more.
 */
const PARTS = {
  options: () => import("./views/options"),
  health: () => import("./views/health"),
  trade: () => import("./views/trade"),
  panes: () => import("./panes/more"),
  layouts: () => import("./layout/editor"),
  replay: () => import("./replay-bar"),
};
export type Part = keyof typeof PARTS;
const NAMES = Object.keys(PARTS) as Part[];

/** Those that the server did not give when they were asked for. */
export const missing = new Observed<ReadonlySet<Part>>(new Set());
const asked = new Set<Part>();

export function want(name: Part): void {
  if (asked.has(name)) return;
  asked.add(name);
  PARTS[name]().catch(() => missing.set(new Set([...missing.value, name])));
}

/** Safari has no such callback. */
const whenIdle = (then: () => void): unknown => ("requestIdleCallback" in window ? requestIdleCallback(then) : setTimeout(then, 2000));

feed.link.listen(() => {
  if (feed.link.value.state !== "live") return;
  const failed = missing.value;
  if (failed.size) missing.set(new Set());
  for (const name of failed) {
    asked.delete(name);
    want(name);
  }
  whenIdle(() => NAMES.forEach(want));
});
