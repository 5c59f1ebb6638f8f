/** Receives, checks and merges; the page draws. One batch is posted per flush, however much has come. */
import type { BookShot, FromWorker, Note, Params, ToWorker, Traffic } from "../messages";
import type { BookData } from "../api";
import { Book } from "./book";
import { Connection } from "./connection";
import { authParams, describeError, type Login } from "./login";
import { Subscriptions } from "./subscriptions";

const FLUSH_MS = 30;
const BOOK = /^book\.(.+)\.(raw|100ms|agg2)$/s;
const SUSPENDED_AFTER_MS = 5000;

const books = new Map<string, Book>();
const traffic: Traffic = { messages: 0, bytes: 0, conflated: 0, heardMs: 0 };
let notes: Note[] = [];
let flushing = false;
let login: Login | null = null;
let hidden = false;
let suspended = false;
let suspending: ReturnType<typeof setTimeout> | undefined;
let connection: Connection;
let present = "";

const post = (message: FromWorker, transfer: Transferable[] = []): void =>
  (self as unknown as Worker).postMessage(message, transfer);

const subscriptions = new Subscriptions(
  (method, params) => connection.call(method, params),
  (channel, reason) => {
    const book = books.get(channel);
    if (book) book.mark("syncing", reason);
    post({ t: "gap", channel, reason });
  },
  (channel, reason) => post({ t: "gap", channel, reason }),
);

/** Alerts and the account go on while the page is hidden; nothing else does. */
const isKept = (channel: string): boolean => /^(user|alert|venue_status)\.|\.health$/.test(channel);

function flush(): void {
  flushing = false;
  const shots: BookShot[] = [];
  for (const book of books.values()) if (book.dirty) shots.push(book.shot());
  const transfer = shots.flatMap((shot) => [shot.bids.buffer as ArrayBuffer, shot.asks.buffer as ArrayBuffer]);
  post({ t: "batch", notes, books: shots, traffic: { ...traffic, heardMs: connection.heardMs } }, transfer);
  notes = [];
}

function schedule(): void {
  if (flushing) return;
  flushing = true;
  setTimeout(flush, FLUSH_MS);
}

function notified(method: string, params: Params, receivedMs: number): void {
  const channel = params["channel"] as string;
  if (method === "joined") {
    subscriptions.follows(channel, params["epoch"] as string, params["seq"] as number, undefined);
    return;
  }
  if (method !== "subscription") return;
  const { epoch, seq, prev_seq: before, data } = params as { epoch: string; seq: number; prev_seq?: number; data: unknown };
  traffic.conflated += (params["conflated"] as number | undefined) ?? 0;
  const follows = subscriptions.follows(channel, epoch, seq, before);
  const named = BOOK.exec(channel);
  if (named?.[1] !== undefined) changed(channel, named[1], data as BookData, receivedMs, follows);
  else {
    if (!follows) post({ t: "gap", channel, reason: "notifications are missing" });
    notes.push([channel, data, receivedMs]);
  }
  schedule();
}

function changed(channel: string, instrument: string, data: BookData, receivedMs: number, follows: boolean): void {
  let book = books.get(channel);
  if (!book) books.set(channel, (book = new Book(instrument)));
  const wrong = follows ? book.apply(data, receivedMs) : "gap";
  if (!wrong || !subscriptions.isWanted(channel)) return;
  book.mark("stale", wrong);
  post({ t: "gap", channel, reason: wrong });
  void subscriptions.renew(channel);
}

async function opened(): Promise<void> {
  if (login) await logIn();
  await subscriptions.resume(suspended ? (channel) => !isKept(channel) : undefined);
}

async function logIn(): Promise<void> {
  if (!login) return;
  const answer = await connection.call("public/auth", await authParams(login));
  if (answer.error && !connection.isOpen) return;
  if (answer.error) login = null;
  const scope = (answer.result as { scope?: string } | undefined)?.scope ?? "";
  post({ t: "login", state: answer.error ? "failed" : "in", reason: describeError(answer), scope });
}

function address(at: number | null, speed: number): string {
  return at === null ? present : `${present}/replay?from=${Math.round(at)}&speed=${speed}`;
}

function hide(now: boolean): void {
  hidden = now;
  clearTimeout(suspending);
  if (hidden) suspending = setTimeout(suspend, SUSPENDED_AFTER_MS);
  else if (suspended) {
    suspended = false;
    if (connection.isOpen) void subscriptions.resume(isKept);
  }
}

function suspend(): void {
  suspended = true;
  for (const book of books.values()) book.mark("syncing", "the page was hidden");
  if (connection.isOpen) void subscriptions.suspend(isKept);
}

async function answer(id: number, method: string, params: Params): Promise<void> {
  const { result, error } = await connection.call(method, params);
  post({ t: "answer", id, ...(error ? { error } : { result }) });
}

self.onmessage = (event: MessageEvent<ToWorker>) => {
  const message = event.data;
  switch (message.t) {
    case "start":
      present = message.url;
      connection = new Connection(present, {
        linked: (link) => post({ t: "link", link }),
        opened,
        notified,
        received: (bytes) => {
          traffic.messages += 1;
          traffic.bytes += bytes;
          schedule();
        },
      });
      break;
    case "want":
      void subscriptions.join(message.channels);
      break;
    case "drop":
      for (const channel of message.channels) books.delete(channel);
      void subscriptions.leave(message.channels);
      break;
    case "call":
      void answer(message.id, message.method, message.params);
      break;
    case "login":
      login = { client: message.client, secret: message.secret };
      void logIn();
      break;
    case "logout":
      login = null;
      post({ t: "login", state: "out", reason: "", scope: "" });
      connection.restart();
      break;
    case "time":
      subscriptions.forget();
      for (const book of books.values()) book.mark("syncing", "another time");
      connection.redirect(address(message.at, message.speed));
      break;
    case "reached":
      connection.point(address(message.at, message.speed));
      break;
    case "hidden":
      hide(message.hidden);
  }
};
