/** A layout of the market view: panes in reading order on a grid, each linked to the instrument of a group. */

export const COLUMNS = 12;
export const MOST_ROWS = 24;
export const MOST_PANES = 24;
const VERSION = 1;
const FORMAT = "deltawire-layout";
const LONGEST_NAME = 60;
const LONGEST_INSTRUMENT = 200;
/** A file beyond this is no layout. */
export const LONGEST_FILE = 64 * 1024;

/** Group A shows the instrument of the page's address; the others have their own. */
export const GROUPS = ["A", "B", "C", "D"] as const;
export type Group = (typeof GROUPS)[number];

/** Kinds of panes, by what they are called and their size when they are added: columns and rows. */
export const KINDS = {
  price: { title: "Price", width: 6, height: 9 },
  ladder: { title: "Book", width: 3, height: 15 },
  tape: { title: "Trades", width: 3, height: 15 },
  heatmap: { title: "Heatmap", width: 4, height: 6 },
  depth: { title: "Depth", width: 2, height: 6 },
  profile: { title: "Volume profile", width: 3, height: 7 },
  delta: { title: "Cumulative volume delta", width: 5, height: 7 },
  liquidations: { title: "Liquidations", width: 4, height: 7 },
  imbalance: { title: "Imbalance", width: 4, height: 9 },
  liquidity: { title: "Liquidity", width: 4, height: 9 },
  flow: { title: "Flow prediction", width: 4, height: 9 },
  venues: { title: "Venues", width: 6, height: 6 },
} as const;
export type Kind = keyof typeof KINDS;

export interface Place {
  readonly kind: Kind;
  readonly group: Group;
  /** Columns of twelve. */
  readonly width: number;
  /** Rows of the grid. */
  readonly height: number;
}

export interface Layout {
  readonly name: string;
  readonly panes: readonly Place[];
  /** The instrument of a group, where one was chosen. */
  readonly links: Readonly<Partial<Record<Group, string>>>;
}

/** Why a text is no layout, in one line that says what to do. */
export class LayoutError extends Error {}

function place(kind: Kind, group: Group = "A", size: { width?: number; height?: number } = {}): Place {
  const { width, height } = KINDS[kind];
  return { kind, group, width, height, ...size };
}

function side(group: Group): Place[] {
  const half = { width: 3, height: 15 };
  return [place("ladder", group, half), place("tape", group, half), place("price", group), place("heatmap", group, { width: 6 })];
}

const [LEFT, RIGHT] = [side("A"), side("B")] as [Place[], Place[]];

export const PRESETS: readonly Layout[] = [
  { name: "Market", panes: [place("price"), place("ladder"), place("tape"), place("heatmap"), place("depth")], links: {} },
  {
    name: "Order flow",
    panes: [
      ...[place("price"), place("ladder"), place("tape"), place("heatmap"), place("depth")],
      ...[place("imbalance"), place("liquidity"), place("flow"), place("profile"), place("delta"), place("liquidations")],
    ],
    links: {},
  },
  { name: "Side by side", panes: [...LEFT.slice(0, 2), ...RIGHT.slice(0, 2), ...LEFT.slice(2, 3), ...RIGHT.slice(2, 3), ...LEFT.slice(3), ...RIGHT.slice(3), place("venues", "A", { width: 12 })], links: {} },
];
export const STANDARD = PRESETS[0] as Layout;

/** The groups that panes are linked to, in order. */
export function groupsOf(layout: Layout): Group[] {
  return GROUPS.filter((group) => layout.panes.some((pane) => pane.group === group));
}

export function add(layout: Layout, kind: Kind): Layout {
  if (layout.panes.length >= MOST_PANES) throw new LayoutError(`a layout has at most ${MOST_PANES} panes: remove one first`);
  return { ...layout, panes: [...layout.panes, place(kind)] };
}

export function remove(layout: Layout, at: number): Layout {
  return { ...layout, panes: layout.panes.filter((_, number) => number !== at) };
}

/** Change places with the pane before (-1) or behind (1); returns the layout and where the pane is now. */
export function move(layout: Layout, at: number, by: -1 | 1): [Layout, number] {
  const [one, other] = [layout.panes[at], layout.panes[at + by]];
  if (!one || !other) return [layout, at];
  const panes = [...layout.panes];
  [panes[at], panes[at + by]] = [other, one];
  return [{ ...layout, panes }, at + by];
}

/** Change the size or the group of a pane; sizes stay within the grid. */
export function adjust(layout: Layout, at: number, part: Partial<Omit<Place, "kind">>): Layout {
  const panes = layout.panes.map((pane, number) => {
    if (number !== at) return pane;
    const wanted = { ...pane, ...part };
    return { ...wanted, width: clamp(wanted.width, COLUMNS), height: clamp(wanted.height, MOST_ROWS) };
  });
  return { ...layout, panes };
}

export function link(layout: Layout, group: Group, instrument: string): Layout {
  return { ...layout, links: { ...layout.links, [group]: instrument } };
}

function clamp(value: number, most: number): number {
  return Math.min(most, Math.max(1, value));
}

export function format(layout: Layout): string {
  return `${JSON.stringify({ format: FORMAT, version: VERSION, ...layout }, null, 2)}\n`;
}

/** Read what `format` wrote, or somebody by hand; throws `LayoutError`. */
export function parse(text: string): Layout {
  if (text.length > LONGEST_FILE) throw new LayoutError(`longer than ${LONGEST_FILE / 1024} KB: this is no layout`);
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    throw new LayoutError("not JSON: choose a file that Export has written");
  }
  const said = toRecord(read, "the file");
  if (said["format"] !== FORMAT) throw new LayoutError(`its format is not "${FORMAT}": choose a file that Export has written`);
  if (said["version"] !== VERSION) throw new LayoutError(`its version is ${JSON.stringify(said["version"])}, and this page reads version ${VERSION}: export it again from a page of this version`);
  return { name: toName(said["name"]), panes: toPanes(said["panes"]), links: toLinks(said["links"] ?? {}) };
}

function toRecord(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new LayoutError(`${what} is not an object`);
  return value as Record<string, unknown>;
}

export function toName(value: unknown): string {
  const name = typeof value === "string" ? value.trim() : "";
  if (!name || name.length > LONGEST_NAME) throw new LayoutError(`a name has 1 to ${LONGEST_NAME} characters`);
  return name;
}

function toPanes(value: unknown): Place[] {
  if (!Array.isArray(value) || !value.length || value.length > MOST_PANES) throw new LayoutError(`panes is a list of 1 to ${MOST_PANES}`);
  return value.map((pane, number) => toPlace(toRecord(pane, `pane ${number + 1}`), `pane ${number + 1}`));
}

function toPlace(pane: Record<string, unknown>, what: string): Place {
  return {
    kind: toOne(pane["kind"], Object.keys(KINDS) as Kind[], `kind of ${what}`),
    group: toOne(pane["group"], GROUPS, `group of ${what}`),
    width: toCount(pane["width"], COLUMNS, `width of ${what}`),
    height: toCount(pane["height"], MOST_ROWS, `height of ${what}`),
  };
}

function toOne<T extends string>(value: unknown, allowed: readonly T[], what: string): T {
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw new LayoutError(`${what} is ${JSON.stringify(value)}, not one of ${allowed.join(", ")}`);
  return found;
}

function toCount(value: unknown, most: number, what: string): number {
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > most) throw new LayoutError(`${what} is ${JSON.stringify(value)}, not a whole number from 1 to ${most}`);
  return value as number;
}

function toLinks(value: unknown): Partial<Record<Group, string>> {
  const links = toRecord(value, "links");
  const groups = Object.keys(links).map((group) => toOne(group, GROUPS, "a group in links"));
  return Object.fromEntries(groups.map((group) => [group, toInstrument(links[group], group)]));
}

function toInstrument(value: unknown, group: Group): string {
  if (typeof value !== "string" || !value || value.length > LONGEST_INSTRUMENT) throw new LayoutError(`the instrument of group ${group} is a name of 1 to ${LONGEST_INSTRUMENT} characters`);
  return value;
}
