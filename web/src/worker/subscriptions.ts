import type { Params } from "../messages";
import type { Answer } from "./connection";

interface Position {
  epoch: string;
  seq: number;
}

/** Channels in one request, so that it stays below the server's 32 KiB with the longest names' positions. */
const MOST_PER_REQUEST = 150;

type Call = (method: string, params: Params) => Promise<Answer>;

/** Whether a channel is one that a subscription names: by itself, or by a pattern. */
export function matches(wanted: string, channel: string): boolean {
  if (!wanted.includes("*")) return wanted === channel;
  const parts = wanted.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(channel);
}

/** The channels that are wanted, and how far each was read, so that a new connection goes on there. */
export class Subscriptions {
  private readonly wanted = new Set<string>();
  private readonly positions = new Map<string, Position>();

  constructor(
    private readonly call: Call,
    private readonly lost: (channel: string, reason: string) => void,
    private readonly refused: (channel: string, reason: string) => void,
  ) {}

  /** Returns whether the notification follows the one before. */
  follows(channel: string, epoch: string, seq: number, before: number | undefined): boolean {
    const position = this.positions.get(channel);
    this.positions.set(channel, { epoch, seq });
    return before === undefined || position === undefined || position.seq === before;
  }

  isWanted(channel: string): boolean {
    return this.wanted.has(channel) || [...this.wanted].some((wanted) => matches(wanted, channel));
  }

  async join(channels: string[]): Promise<void> {
    for (const channel of channels) this.wanted.add(channel);
    await this.subscribe(channels);
  }

  async leave(channels: string[]): Promise<void> {
    for (const channel of channels) this.wanted.delete(channel);
    for (const channel of this.positions.keys())
      if (channels.some((name) => matches(name, channel))) this.positions.delete(channel);
    await this.unsubscribe(channels);
  }

  /** Leave for a while: the positions are kept. */
  async suspend(kept: (channel: string) => boolean): Promise<void> {
    await this.unsubscribe([...this.wanted].filter((channel) => !kept(channel)));
  }

  /** Join all that is wanted, each channel behind what was read of it. */
  async resume(kept: (channel: string) => boolean = () => false): Promise<void> {
    await this.subscribe([...this.wanted].filter((channel) => !kept(channel)));
  }

  /** What follows is of another time. */
  forget(): void {
    this.positions.clear();
  }

  /** Get a new image of a channel. */
  async renew(channel: string): Promise<void> {
    this.positions.delete(channel);
    await this.unsubscribe([channel]);
    await this.subscribe([channel]);
  }

  private async subscribe(channels: string[]): Promise<void> {
    this.forgetMembers(channels);
    for (const [scope, names] of requests(channels)) await this.ask(scope, names);
  }

  /** What a pattern stands for begins with an image, as its positions could fill more than one request. */
  private forgetMembers(channels: string[]): void {
    const patterns = channels.filter((name) => name.includes("*"));
    if (!patterns.length) return;
    for (const channel of this.positions.keys())
      if (!this.wanted.has(channel) && patterns.some((name) => matches(name, channel))) this.positions.delete(channel);
  }

  private async ask(scope: string, names: string[]): Promise<void> {
    const resume: Record<string, Position> = {};
    for (const name of names) {
      const position = this.positions.get(name);
      if (position) resume[name] = position;
    }
    const answer = await this.call(`${scope}/subscribe`, { channels: names, resume });
    for (const [channel, recovered] of Object.entries(answer.recovered ?? {}))
      if (!recovered) {
        this.positions.delete(channel);
        this.lost(channel, "what was missed is no longer kept");
      }
    if (answer.error?.code === 0) return; // no connection: the next one joins what is wanted
    if (answer.error && names.length > 1) {
      // One of them may be refused for a reason of its own: the others are not.
      for (const name of names) await this.ask(scope, [name]);
      return;
    }
    if (answer.error?.data?.reason) this.refused(names[0] ?? "", answer.error.data.reason);
    const accepted = new Set((answer.result as string[] | undefined) ?? []);
    if (answer.result) for (const name of names) if (!accepted.has(name)) this.refused(name, "the server does not know this channel");
  }

  private async unsubscribe(channels: string[]): Promise<void> {
    for (const [scope, names] of requests(channels)) await this.call(`${scope}/unsubscribe`, { channels: names });
  }
}

/** The channels of each request, and the scope of its method. */
function* requests(channels: string[]): Generator<[scope: string, channels: string[]]> {
  const secret = channels.filter((channel) => channel.startsWith("user."));
  const open = channels.filter((channel) => !channel.startsWith("user."));
  for (const [scope, names] of [["public", open], ["private", secret]] as const)
    for (let start = 0; start < names.length; start += MOST_PER_REQUEST) yield [scope, names.slice(start, start + MOST_PER_REQUEST)];
}
