import { Observed } from "./observed";

export const VIEWS = ["market", "options", "health", "trade"] as const;
export type View = (typeof VIEWS)[number];

/** What the address says after `#`: `#/market/BTC-PERPETUAL`. */
export interface Route {
  view: View;
  instrument: string;
}

function read(): Route {
  const [, view = "", ...rest] = location.hash.replace(/^#/, "").split("/");
  let instrument = rest.join("/");
  try {
    instrument = decodeURIComponent(instrument);
  } catch {
    // a stray percent sign stands for itself
  }
  return { view: VIEWS.find((name) => name === view) ?? "market", instrument };
}

export const route = new Observed<Route>(read());
addEventListener("hashchange", () => route.set(read()));

export function address(part: Partial<Route>): string {
  const { view, instrument } = { ...route.value, ...part };
  return `#/${view}/${encodeURIComponent(instrument)}`;
}

export function go(part: Partial<Route>): void {
  location.hash = address(part);
}
