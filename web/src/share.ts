import { nothing } from "lit";
import { directive, Directive, type ElementPart } from "lit/directive.js";

/** Sets `--share`, from 0 to 1, through the CSSOM: a `style` attribute would be refused by the page's policy. */
class Share extends Directive {
  render(_share: number): unknown {
    return nothing;
  }

  override update(part: ElementPart, [share]: [number]): unknown {
    (part.element as HTMLElement).style.setProperty("--share", share.toFixed(3));
    return nothing;
  }
}

export const share = directive(Share);
