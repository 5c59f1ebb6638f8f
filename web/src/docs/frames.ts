/** The console's connection, and all that passes over it. */
import { Observed } from "../observed";
import type { Link, Params } from "../messages";
import { type Answer, Connection } from "../worker/connection";
import { authParams, describeError, type Login } from "../worker/login";

export interface Frame {
  number: number;
  at: number;
  sent: boolean;
  text: string;
  heartbeat: boolean;
}

const MOST_FRAMES = 300;
const LONGEST_KEPT = 200_000;
const SECRETS = /("(?:client_secret|access_token|refresh_token|signature|password)":\s*")[^"]*"/g;
/** Of requests and answers; what is nested deeper begins later. */
const ID = /^\{"jsonrpc":"2.0","id":(\d+)/;
const HEARTBEAT = /"method":\s*"(?:heartbeat|public\/test|public\/set_heartbeat)"/;

export interface Call {
  answer: Answer;
  tookMs: number;
}

/** Calls and subscriptions over one WebSocket of the page's own; every frame is kept for a while. */
export class Wire {
  readonly link = new Observed<Link>({ state: "connecting", reason: "connecting", since: Date.now(), opened: 0 });
  readonly frames = new Observed<Frame[]>([]);
  readonly channels = new Observed<string[]>([]);
  readonly signedIn = new Observed("");
  /** The newest data of each channel. */
  readonly newest = new Map<string, { data: unknown; atMs: number; count: number }>();
  paused = false;
  private readonly heard = new Observed(0);
  private readonly connection: Connection;
  private login: Login | null = null;
  private readonly options = new Map<string, Params>();
  private lastNumber = 0;
  private telling = false;
  private recent: Frame[] = [];
  /** Whether what is sent now was asked for, and is no heartbeat whatever its method. */
  private asks = false;
  /** Ids of the heartbeats whose answers are to come. */
  private readonly beats = new Set<string>();

  constructor(url: string) {
    this.connection = new Connection(url, {
      linked: (link) => this.link.set(link),
      opened: () => this.opened(),
      notified: (method, params, receivedMs) => this.notified(method, params, receivedMs),
      received: () => undefined,
      passed: (sent, text) => this.passed(sent, text),
    });
  }

  /** Tells that something was received. */
  listen(listener: () => void): () => void {
    return this.heard.listen(listener);
  }

  async call(method: string, params: Params): Promise<Call> {
    const start = performance.now();
    this.asks = true;
    const answered = this.connection.call(method, params);
    this.asks = false;
    const answer = await answered;
    if (method === "public/auth" && answer.result) this.signedIn.set(String(params["client_id"] ?? "signed in"));
    return { answer, tookMs: performance.now() - start };
  }

  async join(channel: string, options: Params): Promise<string> {
    const { answer } = await this.call(`${scopeOf(channel)}/subscribe`, { channels: [channel], ...options });
    if (answer.error) return describeError(answer);
    const accepted = answer.result as string[];
    if (!accepted.length) return "the server does not know this channel, or the right is missing";
    for (const each of accepted) this.options.set(each, options);
    this.channels.set([...new Set([...this.channels.value, ...accepted])]);
    return "";
  }

  async leave(channels: string[]): Promise<void> {
    this.channels.set(this.channels.value.filter((each) => !channels.includes(each)));
    for (const channel of channels) {
      this.newest.delete(channel);
      await this.call(`${scopeOf(channel)}/unsubscribe`, { channels: [channel] });
    }
  }

  /** Returns why it failed; empty if it did not. */
  async logIn(login: Login): Promise<string> {
    const { answer } = await this.call("public/auth", await authParams(login));
    if (!answer.error) this.login = login;
    return describeError(answer);
  }

  clear(): void {
    this.recent = [];
    this.frames.set([]);
  }

  private async opened(): Promise<void> {
    this.signedIn.set("");
    if (this.login) await this.logIn(this.login);
    const joined = this.channels.value;
    this.channels.set([]);
    for (const channel of joined) await this.join(channel, this.options.get(channel) ?? {});
  }

  private notified(method: string, params: Params, receivedMs: number): void {
    if (method !== "subscription") return;
    const channel = params["channel"] as string;
    const count = (this.newest.get(channel)?.count ?? 0) + 1;
    this.newest.set(channel, { data: params["data"], atMs: receivedMs, count });
    this.tell();
  }

  private passed(sent: boolean, text: string): void {
    if (this.paused) return;
    const shown = text.length > LONGEST_KEPT ? `${text.slice(0, LONGEST_KEPT)}… (${text.length} characters)` : text;
    const frame = { number: ++this.lastNumber, at: Date.now(), sent, text: shown.replace(SECRETS, '$1…"'), heartbeat: this.isHeartbeat(sent, text) };
    this.recent.push(frame);
    if (this.recent.length > 2 * MOST_FRAMES) this.recent = this.recent.slice(-MOST_FRAMES);
    this.tell();
  }

  /** A heartbeat, a request that keeps the connection, or the answer to one. */
  private isHeartbeat(sent: boolean, text: string): boolean {
    const id = ID.exec(text)?.[1] ?? "";
    if (!sent) return this.beats.delete(id) || HEARTBEAT.test(text);
    const beats = !this.asks && HEARTBEAT.test(text);
    if (beats) this.beats.add(id);
    return beats;
  }

  /** At most once per frame of the screen. */
  private tell(): void {
    if (this.telling) return;
    this.telling = true;
    requestAnimationFrame(() => {
      this.telling = false;
      this.frames.set(this.recent.slice(-MOST_FRAMES));
      this.heard.set(this.heard.value + 1);
    });
  }
}

function scopeOf(channel: string): string {
  return /^(user|block_rfq)\./.test(channel) ? "private" : "public";
}
