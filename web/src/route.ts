import { Observed } from "./observed";

export const VIEWS = ["market", "options", "health", "trade"] as const;
export type View = (typeof VIEWS)[number];

/** What the address says after `#`: `#/market/BTC-PERPETUAL`. */
export interface Route {
  view: View;
  instrument: string;
  /** Recorded time in ms that is replayed; null: the present. */
  at: number | null;
}

function read(): Route {
  const [path = "", query = ""] = location.hash.replace(/^#/, "").split("?");
  const [, view = "", ...rest] = path.split("/");
  const at = Number(new URLSearchParams(query).get("at") ?? Number.NaN);
  let instrument = rest.join("/");
  try {
    instrument = decodeURIComponent(instrument);
  } catch {
    // a stray percent sign stands for itself
  }
  return { view: VIEWS.find((name) => name === view) ?? "market", instrument, at: Number.isFinite(at) ? at : null };
}

export const route = new Observed<Route>(read());
addEventListener("hashchange", () => route.set(read()));

export function address(part: Partial<Route>): string {
  const { view, instrument, at } = { ...route.value, ...part };
  return `#/${view}/${encodeURIComponent(instrument)}${at === null ? "" : `?at=${Math.round(at)}`}`;
}

export function go(part: Partial<Route>): void {
  location.hash = address(part);
}
