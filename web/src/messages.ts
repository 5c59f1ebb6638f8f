/** What the page and its worker say to each other. */

export type Params = Record<string, unknown>;

export type ToWorker =
  | { t: "start"; url: string }
  | { t: "want"; channels: string[] }
  | { t: "drop"; channels: string[] }
  | { t: "call"; id: number; method: string; params: Params }
  | { t: "login"; client: string; secret: string }
  | { t: "logout" }
  /** From here on another time: `at` in ms of recorded time, or null for the present. */
  | { t: "time"; at: number | null; speed: number }
  /** How far the replay has come, for a connection that has to be opened again. */
  | { t: "reached"; at: number; speed: number }
  | { t: "hidden"; hidden: boolean };

export type LinkState = "connecting" | "live" | "down";

export interface Link {
  state: LinkState;
  /** Why it is not live; empty while it is. */
  reason: string;
  /** When the state began, ms since 1970. */
  since: number;
  /** How often the connection was opened. */
  opened: number;
}

export interface RpcError {
  code: number;
  message: string;
  data?: { reason?: string; param?: string };
}

export type BookState = "syncing" | "live" | "stale";

/** The best levels of a book, as [price, size, price, size, …], best first. */
export interface BookShot {
  instrument: string;
  bids: Float64Array;
  asks: Float64Array;
  /** The venue's time of the newest event in it, ms. */
  venueMs: number;
  /** When it was received, ms since 1970. */
  receivedMs: number;
  state: BookState;
  reason: string;
  /** Whether the last notification's checksum was equal to ours. */
  verified: boolean;
  completeTo: [number | null, number | null];
  updates: number;
}

/** Channel, data, and when it was received. */
export type Note = [channel: string, data: unknown, receivedMs: number];

export interface Traffic {
  messages: number;
  bytes: number;
  conflated: number;
  heardMs: number;
}

export type FromWorker =
  | { t: "link"; link: Link }
  | { t: "batch"; notes: Note[]; books: BookShot[]; traffic: Traffic }
  | { t: "answer"; id: number; result?: unknown; error?: RpcError }
  | { t: "gap"; channel: string; reason: string }
  | { t: "login"; state: "out" | "in" | "failed"; reason: string; scope: string };
