import { nothing } from "lit";
import { directive, Directive, type ElementPart } from "lit/directive.js";

/** Sets custom properties through the CSSOM: a `style` attribute would be refused by the page's policy. */
class CssProperties extends Directive {
  render(_properties: Record<`--${string}`, number>): unknown {
    return nothing;
  }

  override update(part: ElementPart, [properties]: [Record<`--${string}`, number>]): unknown {
    const { style } = part.element as HTMLElement;
    for (const [name, value] of Object.entries(properties)) style.setProperty(name, String(value));
    return nothing;
  }
}

export const cssProperties = directive(CssProperties);
