import type { Trade } from "../api";
import { formatTime } from "../format";
import { Pane } from "../pane";
import { followTrades } from "../trades";

/** A pane that sums up trades, and says since when and how often some are missing in between. */
export abstract class TradesPane extends Pane {
  protected firstMs = 0;
  protected count = 0;
  protected gaps = 0;

  protected override listen(): (() => void)[] {
    // What is told anew begins with the past: it would count twice.
    this.clear();
    return [followTrades(this.instrument, { traded: (trades) => this.take(trades), missing: (reason) => this.miss(reason) })];
  }

  protected override clear(): void {
    this.firstMs = this.count = this.gaps = 0;
  }

  private take(trades: Trade[]): void {
    const [first, last] = [trades[0], trades.at(-1)];
    if (!first || !last) return;
    this.firstMs ||= first.timestamp;
    this.lastMs = last.timestamp;
    this.count += trades.length;
    this.traded(trades);
    this.redraw();
  }

  private miss(reason: string): void {
    this.gaps += 1;
    this.missed(reason);
    this.redraw();
  }

  /** Take in trades, oldest first. */
  protected abstract traded(trades: Trade[]): void;

  protected missed(_reason: string): void {
    // the foot of the pane says how often
  }

  /** What the figures are of. */
  protected get scope(): string {
    if (!this.firstMs) return "no trade yet";
    const gaps = this.gaps ? `, trades missing in ${this.gaps} ${this.gaps === 1 ? "place" : "places"}` : "";
    return `${this.count.toLocaleString("en")} trades since ${formatTime(this.firstMs)}${gaps}`;
  }
}
