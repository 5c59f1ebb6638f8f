import { type Instrument, instruments } from "../instruments";
import { Observed } from "../observed";
import { format, type Group, GROUPS, type Layout, LayoutError, parse, PRESETS, STANDARD } from "./layout";

const CURRENT = "deltawire.layout";
const SAVED = "deltawire.layouts";

/** What could not be kept or read; empty if nothing. */
export const trouble = new Observed("");
/** The layout that is shown. */
export const layout = new Observed<Layout>(load());
/** Those that were saved under a name, in order. */
export const saved = new Observed<Layout[]>(loadSaved());

function load(): Layout {
  const text = read(CURRENT);
  return (text && tryParse(text)) || STANDARD;
}

function loadSaved(): Layout[] {
  const text = read(SAVED);
  if (!text) return [];
  try {
    const texts = JSON.parse(text) as unknown;
    return (Array.isArray(texts) ? texts : []).flatMap((each) => tryParse(String(each)) ?? []);
  } catch {
    tell("the saved layouts are damaged");
    return [];
  }
}

function tryParse(text: string): Layout | null {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof LayoutError)) throw error;
    tell(`a kept layout cannot be read: ${error.message}`);
    return null;
  }
}

function tell(text: string): void {
  trouble.set(text);
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage that is forbidden holds nothing
  }
}

function write(key: string, text: string): void {
  try {
    localStorage.setItem(key, text);
  } catch {
    tell("this browser keeps nothing for this page: the layout lasts until it is closed, Export writes it to a file");
  }
}

/** Show a layout, and again when the page is opened. */
export function show(next: Layout): void {
  layout.set(next);
  write(CURRENT, format(next));
}

/** Show a preset or a saved one; groups that it leaves open stay as they are. */
export function open(name: string): void {
  const found = [...saved.value, ...PRESETS].find((each) => each.name === name);
  if (found) show({ ...found, links: { ...layout.value.links, ...found.links } });
}

/** Keep what is shown under a name; another of that name is replaced. */
export function save(name: string): void {
  if (PRESETS.some((each) => each.name === name)) throw new LayoutError(`${name} is a layout of the page: choose another name`);
  const kept = { ...layout.value, name };
  setSaved([...saved.value.filter((each) => each.name !== name), kept]);
  show(kept);
}

export function forget(name: string): void {
  setSaved(saved.value.filter((each) => each.name !== name));
}

function setSaved(next: Layout[]): void {
  next.sort((one, other) => one.name.localeCompare(other.name));
  saved.set(next);
  write(SAVED, JSON.stringify(next.map(format)));
}

/** The instrument of a group: the one that was chosen, else the like of A's at another venue, else A's. */
export function instrumentOf(group: Group, first: string): string {
  return group === "A" ? first : (layout.value.links[group] ?? elsewhere(first)[GROUPS.indexOf(group) - 1] ?? first);
}

const likes = new WeakMap<Map<string, Instrument>, Map<string, string[]>>();

/** What is most like an instrument at each other venue: the same coin, and if possible the same kind and expiry. */
export function elsewhere(name: string): string[] {
  const known = likes.get(instruments.value) ?? new Map<string, string[]>();
  likes.set(instruments.value, known);
  const found = known.get(name) ?? search(name);
  known.set(name, found);
  return found;
}

function search(name: string): string[] {
  const asked = instruments.value.get(name);
  if (!asked) return [];
  const others = [...instruments.value.values()].filter((each) => each.venue !== asked.venue && each.base_currency === asked.base_currency && likeness(asked, each) > 0);
  const venues = Map.groupBy(others, (each) => each.venue);
  return [...venues.values()].map((of) => of.reduce((best, each) => (likeness(asked, each) > likeness(asked, best) ? each : best)).instrument_name);
}

/** 3: the same kind and expiry; 2: both are perpetual or both dated; 1: neither is an option; 0: not to be compared. */
function likeness(one: Instrument, other: Instrument): number {
  const options = [one, other].filter((each) => each.kind === "option").length;
  if (options) return options === 2 && one.strike === other.strike && one.option_type === other.option_type && one.expiration_timestamp === other.expiration_timestamp ? 3 : 0;
  if (one.kind !== other.kind || one.settlement_period !== other.settlement_period) return 1;
  return one.settlement_period === "perpetual" || one.expiration_timestamp === other.expiration_timestamp ? 3 : 2;
}
