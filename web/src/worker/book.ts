import type { BookData } from "../api";
import type { BookShot, BookState } from "../messages";
import { crc32, digits } from "./checksum";

type Change = BookData["bids"][number];

const CHECKED_LEVELS = 10;
const SHOWN_LEVELS = 300;

/** One side: prices from best to worst, and the size at each. */
class Side {
  private prices: number[] = [];
  private sizes = new Map<number, number>();

  /** `sign` is 1 where the lowest price is best, -1 where the highest is. */
  constructor(private readonly sign: 1 | -1) {}

  clear(): void {
    this.prices = [];
    this.sizes.clear();
  }

  /** Returns whether the change fits what is here. */
  apply([action, price, size]: Change): boolean {
    const known = this.sizes.has(price);
    if (action === "delete") {
      if (!known) return false;
      this.sizes.delete(price);
      this.prices.splice(this.place(price), 1);
      return true;
    }
    this.sizes.set(price, size);
    if (!known) this.prices.splice(this.place(price), 0, price);
    return true;
  }

  /** The index of the first price that is not better. */
  private place(price: number): number {
    let low = 0;
    let high = this.prices.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.sign * ((this.prices[middle] ?? 0) - price) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  best(): number | undefined {
    return this.prices[0];
  }

  top(levels: number): Float64Array<ArrayBuffer> {
    const count = Math.min(levels, this.prices.length);
    const shot = new Float64Array(2 * count);
    for (let at = 0; at < count; at++) {
      const price = this.prices[at] ?? 0;
      shot[2 * at] = price;
      shot[2 * at + 1] = this.sizes.get(price) ?? 0;
    }
    return shot;
  }
}

/** A book as its channel tells it, held to the chain of change ids and to the checksum. */
export class Book {
  private readonly bids = new Side(-1);
  private readonly asks = new Side(1);
  private changeId = 0;
  private priceExponent = 0;
  private sizeExponent = 0;
  private completeTo: [number | null, number | null] = [null, null];
  private venueMs = 0;
  private receivedMs = 0;
  private verified = false;
  private updates = 0;
  private hasImage = false;
  state: BookState = "syncing";
  reason = "waiting for an image";
  dirty = false;

  constructor(readonly instrument: string) {}

  /** Take in a notification; returns why the book is broken, or an empty text. */
  apply(data: BookData, receivedMs: number): string {
    const image = data.type === "snapshot";
    if (!image && !this.hasImage) return "no image";
    if (!image && data.prev_change_id !== undefined && data.prev_change_id !== this.changeId) return "gap";
    if (image) this.reset(data);
    this.changeId = data.change_id;
    this.priceExponent = data.price_exponent ?? this.priceExponent;
    this.sizeExponent = data.size_exponent ?? this.sizeExponent;
    this.completeTo = data.complete_to ?? this.completeTo;
    for (const change of data.bids) if (!this.bids.apply(change)) return "delete of a missing price";
    for (const change of data.asks) if (!this.asks.apply(change)) return "delete of a missing price";
    this.venueMs = data.timestamp;
    if (data.status?.state !== "stale") this.receivedMs = receivedMs;
    this.updates += 1;
    this.dirty = true;
    if (image || data.status) {
      this.state = data.status?.state ?? "live";
      this.reason = this.state === "live" ? "" : (data.status?.detail ?? data.status?.reason ?? this.state);
    }
    const bid = this.bids.best();
    const ask = this.asks.best();
    if (this.state === "live" && bid !== undefined && ask !== undefined && bid >= ask) return "crossed";
    return this.check(data.checksum);
  }

  private reset(data: BookData): void {
    this.bids.clear();
    this.asks.clear();
    this.hasImage = true;
    this.completeTo = data.complete_to ?? [null, null];
  }

  private check(expected: number | null | undefined): string {
    this.verified = false;
    if (expected === undefined || expected === null) return "";
    const parts: string[] = [];
    for (const side of [this.asks, this.bids]) {
      const top = side.top(CHECKED_LEVELS);
      for (let at = 0; at < top.length; at++) {
        const part = digits(top[at] ?? 0, at % 2 ? this.sizeExponent : this.priceExponent);
        if (part === null) return "";
        parts.push(part);
      }
    }
    this.verified = crc32(parts.join("")) === expected;
    return this.verified ? "" : "checksum";
  }

  /** The book is shown as it was last known, and not as live. */
  mark(state: BookState, reason: string): void {
    this.state = state;
    this.reason = reason;
    this.dirty = true;
  }

  shot(): BookShot {
    this.dirty = false;
    return {
      instrument: this.instrument,
      bids: this.bids.top(SHOWN_LEVELS),
      asks: this.asks.top(SHOWN_LEVELS),
      venueMs: this.venueMs,
      receivedMs: this.receivedMs,
      state: this.state,
      reason: this.reason,
      verified: this.verified,
      completeTo: this.completeTo,
      updates: this.updates,
    };
  }
}
