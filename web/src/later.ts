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

/** Those that the server did not give when they were last asked for. */
export const missing = new Observed<ReadonlySet<Part>>(new Set());
/** Those that are here, or on their way. */
const asked = new Set<Part>();
const RETRY_MS = 5000;
const MODULE = /https?:\/\/\S+?\.js/;
/** By part the address of the next attempt: browsers do not ask again for a module's address that has failed. */
const other = new Map<Part, string>();
let attempts = 0;
let retry: ReturnType<typeof setTimeout> | null = null;

export function want(name: Part): void {
  if (!asked.has(name) && !missing.value.has(name)) ask(name);
}

function load(name: Part): Promise<unknown> {
  const address = other.get(name);
  return address ? import(/* @vite-ignore */ address) : PARTS[name]();
}

function ask(name: Part): void {
  asked.add(name);
  const others = (): Part[] => [...missing.value].filter((each) => each !== name);
  load(name).then(
    () => missing.value.has(name) && missing.set(new Set(others())),
    (error: unknown) => {
      asked.delete(name);
      const address = MODULE.exec(String(error))?.[0];
      if (address) other.set(name, `${address}?attempt=${++attempts}`);
      missing.set(new Set([...others(), name]));
      retry ??= setTimeout(askAgain, RETRY_MS);
    },
  );
}

/** Also some time after a failure: it may come when the connection has long been there again. */
function askAgain(): void {
  if (retry !== null) clearTimeout(retry);
  retry = null;
  if (feed.link.value.state === "live") [...missing.value].filter((name) => !asked.has(name)).forEach(ask);
}

/** Safari has no such callback. */
const whenIdle = (then: () => void): unknown => ("requestIdleCallback" in window ? requestIdleCallback(then) : setTimeout(then, 2000));

feed.link.listen(() => {
  if (feed.link.value.state !== "live") return;
  askAgain();
  whenIdle(() => NAMES.forEach(want));
});
