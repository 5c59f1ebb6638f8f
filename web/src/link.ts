import type { Methods } from "./api";
import { Observed } from "./observed";
import type { BookShot, FromWorker, Link, Note, Params, RpcError, ToWorker, Traffic } from "./messages";

export class CallError extends Error {
  constructor(readonly error: RpcError) {
    super([error.message, error.data?.param, error.data?.reason].filter(Boolean).join(": "));
  }
}

type NoteListener = (channel: string, data: never, receivedMs: number) => void;

export interface Session {
  state: "out" | "in" | "failed";
  reason: string;
  scope: string;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: CallError): void;
}

/** The page's side of the worker: calls, channels by listener, and what is known of the connection. */
export class Feed {
  readonly link = new Observed<Link>({ state: "connecting", reason: "connecting", since: Date.now(), opened: 0 });
  readonly session = new Observed<Session>({ state: "out", reason: "", scope: "" });
  readonly gaps = new Observed<{ channel: string; reason: string } | null>(null);
  /** The recorded time at which the page was set to another time, ms; null: it shows the present. */
  readonly time = new Observed<number | null>(null);
  traffic: Traffic = { messages: 0, bytes: 0, conflated: 0, heardMs: 0 };
  private readonly worker = new Worker(new URL("./worker/worker.ts", import.meta.url), { type: "module" });
  private readonly wanted = new Map<string, Set<NoteListener>>();
  private readonly shots = new Map<string, Set<(shot: BookShot) => void>>();
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;

  constructor(url: string) {
    this.worker.onmessage = (event: MessageEvent<FromWorker>) => this.take(event.data);
    this.say({ t: "start", url });
    document.addEventListener("visibilitychange", () => this.say({ t: "hidden", hidden: document.hidden }));
  }

  /** Listen to channels, by name or pattern; returns what ends it. */
  subscribe(channels: string[], listener: NoteListener): () => void {
    const joined = channels.filter((channel) => add(this.wanted, channel, listener));
    if (joined.length) this.say({ t: "want", channels: joined });
    return () => {
      const left = channels.filter((channel) => remove(this.wanted, channel, listener));
      if (left.length) this.say({ t: "drop", channels: left });
    };
  }

  /** Listen to a book: its best levels, at most once per flush of the worker. */
  book(instrument: string, listener: (shot: BookShot) => void): () => void {
    const channel = `book.${instrument}.raw`;
    if (add(this.shots, instrument, listener)) this.say({ t: "want", channels: [channel] });
    return () => {
      if (remove(this.shots, instrument, listener)) this.say({ t: "drop", channels: [channel] });
    };
  }

  /** Call a method; rejects with `CallError`. */
  call<M extends keyof Methods>(method: M, params: Methods[M]["params"]): Promise<Methods[M]["result"]> {
    const id = ++this.lastId;
    return new Promise<unknown>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.say({ t: "call", id, method, params: params as Params });
    }) as Promise<Methods[M]["result"]>;
  }

  /** Show another time: ms of recorded time, or null for the present. */
  show(at: number | null, speed: number): void {
    this.say({ t: "time", at, speed });
    this.time.set(at);
  }

  /** A replay has come so far. */
  reached(at: number, speed: number): void {
    this.say({ t: "reached", at, speed });
  }

  logIn(client: string, secret: string): void {
    this.say({ t: "login", client, secret });
  }

  logOut(): void {
    this.say({ t: "logout" });
  }

  /** Resolves as soon as the connection is live. */
  live(): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.link.value.state !== "live") return;
        stop();
        resolve();
      };
      const stop = this.link.listen(look);
      look();
    });
  }

  private say(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  private take(message: FromWorker): void {
    switch (message.t) {
      case "link":
        this.link.set(message.link);
        break;
      case "login":
        this.session.set(message);
        break;
      case "gap":
        this.gaps.set(message);
        break;
      case "answer":
        this.answer(message.id, message.result, message.error);
        break;
      case "batch":
        this.traffic = message.traffic;
        for (const note of message.notes) this.pass(note);
        for (const shot of message.books) for (const listen of this.shots.get(shot.instrument) ?? []) listen(shot);
    }
  }

  private answer(id: number, result: unknown, error: RpcError | undefined): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (error) waiting?.reject(new CallError(error));
    else waiting?.resolve(result);
  }

  private pass([channel, data, receivedMs]: Note): void {
    for (const [wanted, listeners] of this.wanted) {
      if (wanted !== channel && !(wanted.includes("*") && covers(wanted, channel))) continue;
      for (const listen of listeners) listen(channel, data as never, receivedMs);
    }
  }
}

/** Whether a pattern with one `*` matches. */
function covers(pattern: string, channel: string): boolean {
  const star = pattern.indexOf("*");
  const end = pattern.slice(star + 1);
  return channel.startsWith(pattern.slice(0, star)) && channel.endsWith(end) && channel.length >= pattern.length - 1;
}

/** Returns whether it is the first of its kind. */
function add<T>(sets: Map<string, Set<T>>, name: string, value: T): boolean {
  const set = sets.get(name);
  set?.add(value);
  if (!set) sets.set(name, new Set([value]));
  return !set;
}

/** Returns whether it was the last of its kind. */
function remove<T>(sets: Map<string, Set<T>>, name: string, value: T): boolean {
  const set = sets.get(name);
  if (!set?.delete(value) || set.size) return false;
  return sets.delete(name);
}

const scheme = location.protocol === "https:" ? "wss:" : "ws:";
export const feed = new Feed(`${scheme}//${location.host}/ws/api/v2`);
