import type { Link, Params, RpcError } from "../messages";

interface Waiting {
  resolve(answer: Answer): void;
}

export interface Answer {
  result?: unknown;
  error?: RpcError;
  /** Of a subscription with `resume`: which channels continue where they were. */
  recovered?: Record<string, boolean>;
}

interface Message extends Answer {
  id?: number;
  method?: string;
  params?: Params;
}

export interface Listener {
  linked(link: Link): void;
  /** The socket is open; what is to be said on it first. Nothing else counts as live before it is done. */
  opened(): Promise<void>;
  notified(method: string, params: Params, receivedMs: number): void;
  received(bytes: number): void;
  /** Every text that passes. */
  passed?(sent: boolean, text: string): void;
}

const HEARTBEAT_S = 10;
const SILENT_AFTER_MS = 2.5 * HEARTBEAT_S * 1000;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5000;
const REASONS: Record<number, string> = {
  1001: "the server is stopping",
  1006: "the connection was lost",
  1008: "the server ended the session",
  4000: "this page read too slowly",
};

/** One WebSocket after another to the same server, with heartbeats and growing waits between attempts. */
export class Connection {
  private socket: WebSocket | null = null;
  private readonly waiting = new Map<number, Waiting>();
  private reopening: ReturnType<typeof setTimeout> | undefined;
  private lastId = 0;
  private attempts = 0;
  private opened = 0;
  heardMs = 0;

  constructor(
    private url: string,
    private readonly listener: Listener,
  ) {
    setInterval(() => this.watch(), 1000);
    this.open();
  }

  get isOpen(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  call(method: string, params: Params): Promise<Answer> {
    const socket = this.socket;
    if (!socket || !this.isOpen)
      return Promise.resolve({ error: { code: 0, message: "not connected", data: { reason: "try again later" } } });
    const id = ++this.lastId;
    return new Promise((resolve) => {
      this.waiting.set(id, { resolve });
      const text = JSON.stringify({ jsonrpc: "2.0", id, method, params });
      this.listener.passed?.(true, text);
      socket.send(text);
    });
  }

  /** The address of the next connection. */
  point(url: string): void {
    this.url = url;
  }

  /** Go on at another address, at once. */
  redirect(url: string): void {
    this.url = url;
    const socket = this.socket;
    this.socket = null;
    clearTimeout(this.reopening);
    socket?.close(1000);
    this.abandon();
    this.attempts = 0;
    this.open();
  }

  /** Start anew: for a session that is to be another one. */
  restart(): void {
    this.socket?.close(1000);
  }

  private open(): void {
    this.tell("connecting", this.opened ? "reconnecting" : "connecting");
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.onopen = () => void this.begin(socket);
    socket.onmessage = (event: MessageEvent<string>) => {
      if (socket === this.socket) this.take(event.data);
    };
    socket.onclose = (event) => this.closed(socket, event);
  }

  private async begin(socket: WebSocket): Promise<void> {
    if (socket !== this.socket) return;
    this.heardMs = Date.now();
    this.opened += 1;
    void this.call("public/set_heartbeat", { interval: HEARTBEAT_S });
    await this.listener.opened();
    if (socket !== this.socket || !this.isOpen) return;
    this.attempts = 0;
    this.tell("live", "");
  }

  private take(text: string): void {
    this.heardMs = Date.now();
    this.listener.received(text.length);
    this.listener.passed?.(false, text);
    const message = JSON.parse(text) as Message;
    if (message.method === undefined && message.id == null) this.fail(message.error?.data?.reason ?? "an answer without a number");
    else if (message.method === undefined) {
      const waiting = this.waiting.get(message.id ?? 0);
      this.waiting.delete(message.id ?? 0);
      waiting?.resolve(message);
    } else if (message.method === "heartbeat") {
      if (message.params?.["type"] === "test_request") void this.call("public/test", {});
    } else this.listener.notified(message.method, message.params ?? {}, this.heardMs);
  }

  private closed(socket: WebSocket, event: CloseEvent): void {
    if (socket !== this.socket) return;
    this.socket = null;
    this.abandon();
    this.tell("down", event.reason || REASONS[event.code] || `closed with ${event.code}`);
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.attempts++);
    this.reopening = setTimeout(() => this.open(), wait * (0.75 + 0.5 * Math.random()));
  }

  /** Nothing that was asked will be answered. */
  private abandon(): void {
    const error = { code: 0, message: "connection lost", data: { reason: "the answer is unknown" } };
    for (const waiting of this.waiting.values()) waiting.resolve({ error });
    this.waiting.clear();
  }

  /** A connection on which nothing comes any more is ended, since its heartbeats should. */
  private watch(): void {
    if (this.isOpen && Date.now() - this.heardMs >= SILENT_AFTER_MS) this.fail("the server is silent");
  }

  /** End the connection, and make another: it is not known what will be answered on this one. */
  private fail(reason: string): void {
    const socket = this.socket;
    if (!socket) return;
    socket.onclose = null;
    socket.close();
    this.closed(socket, new CloseEvent("close", { code: 1006, reason }));
  }

  private tell(state: Link["state"], reason: string): void {
    this.listener.linked({ state, reason, since: Date.now(), opened: this.opened });
  }
}
