import { feed } from "../link";
import type { BookShot } from "../messages";
import { Pane } from "../pane";

/** A pane that follows a book, and is not live when the book is not, by the server or by the page's own check. */
export abstract class BookPane extends Pane {
  protected shot: BookShot | null = null;

  protected override listen(): (() => void)[] {
    return [feed.book(this.instrument, (shot) => this.take(shot))];
  }

  private take(shot: BookShot): void {
    const before = this.shot;
    this.shot = shot;
    this.lastMs = shot.receivedMs || this.lastMs;
    if (this.followsEachChange || before?.state !== shot.state) this.redraw();
  }

  /** Whether it is drawn anew with every change, or only when the state is another. */
  protected get followsEachChange(): boolean {
    return true;
  }

  protected override clear(): void {
    this.shot = null;
  }

  protected override why(): string {
    const shot = this.shot;
    return super.why() || (!shot ? "syncing: waiting for an image" : shot.state === "live" ? "" : `${shot.state}: ${shot.reason}`);
  }
}
