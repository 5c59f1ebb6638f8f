import { html, nothing, type TemplateResult } from "lit";
import { instruments } from "../instruments";
import { Part } from "../pane";
import { go } from "../route";
import { forget, instrumentOf, layout, open, save, saved, show, trouble } from "./kept";
import { add, adjust, COLUMNS, format, type Group, GROUPS, groupsOf, KINDS, type Kind, LayoutError, LONGEST_FILE, link, MOST_ROWS, move, parse, type Place, PRESETS, remove, toName } from "./layout";

/** Opens, saves, exports and imports layouts, adds panes, and names the instrument of each group. */
export class LayoutEditor extends Part {
  static override properties = { instrument: { type: String } };
  declare instrument: string;
  private message = "";
  private bad = false;

  protected follow(): (() => void)[] {
    return [layout.listen(this.redraw), saved.listen(this.redraw), trouble.listen(this.redraw), instruments.listen(this.redraw)];
  }

  private say(message: string, bad = false): void {
    [this.message, this.bad] = [message, bad];
    this.redraw();
  }

  /** Do what may be refused, and say which. */
  private attempt(what: () => string): void {
    try {
      this.say(what());
    } catch (error) {
      if (!(error instanceof LayoutError)) throw error;
      this.say(error.message, true);
    }
  }

  private readonly opened = (event: Event): void => {
    const name = (event.target as HTMLSelectElement).value;
    open(name);
    this.say(`${name} is shown`);
  };

  private readonly submitted = (event: Event): void => {
    event.preventDefault();
    const input = this.querySelector<HTMLInputElement>("#layout-name");
    this.attempt(() => {
      const name = toName(input?.value);
      save(name);
      return `saved as ${name}`;
    });
  };

  private readonly dropped = (): void => {
    const { name } = layout.value;
    forget(name);
    this.say(`${name} is no longer saved; what is shown stays`);
  };

  private readonly exported = (): void => {
    const whole = link(layout.value, "A", this.instrument);
    const anchor = document.createElement("a");
    anchor.href = URL.createObjectURL(new Blob([format(whole)], { type: "application/json" }));
    anchor.download = `${whole.name.replace(/[^\p{L}\p{N}_-]+/gu, "-")}.layout.json`;
    anchor.click();
    URL.revokeObjectURL(anchor.href);
    this.say(`${anchor.download} has been written`);
  };

  private readonly imported = async (event: Event): Promise<void> => {
    const input = event.target as HTMLInputElement;
    const file = input.files?.[0];
    if (!file) return;
    // A file too long is refused by its length, without reading the rest.
    const text = await file.slice(0, LONGEST_FILE + 1).text();
    input.value = "";
    this.attempt(() => {
      const read = parse(text);
      show(read);
      if (read.links.A) go({ instrument: read.links.A });
      return `${read.name} is shown; it has not been saved under its name`;
    });
  };

  private readonly added = (event: Event): void => {
    const select = event.target as HTMLSelectElement;
    const kind = select.value as Kind;
    select.value = "";
    this.attempt(() => {
      show(add(layout.value, kind));
      return `${KINDS[kind].title} has been added at the end`;
    });
  };

  private linked(group: Group, event: Event): void {
    const { value } = event.target as HTMLInputElement;
    if (!value) return;
    if (group === "A") go({ instrument: value });
    else show(link(layout.value, group, value));
    this.say(`group ${group} shows ${value}`);
  }

  override render(): TemplateResult {
    const shown = layout.value;
    const own = saved.value.some((each) => each.name === shown.name);
    const option = (name: string): TemplateResult => html`<option value=${name} ?selected=${name === shown.name}>${name}</option>`;
    const message = this.message || trouble.value;
    const known = [...PRESETS, ...saved.value].some((each) => each.name === shown.name);
    return html`<section class="layouts" aria-label="Layout">
      <label>Layout <select id="layout" @change=${this.opened}>
        <optgroup label="Of the page">${PRESETS.map((each) => option(each.name))}</optgroup>
        ${saved.value.length ? html`<optgroup label="Saved here">${saved.value.map((each) => option(each.name))}</optgroup>` : nothing}
        ${known ? nothing : option(shown.name)}</select></label>
      <form @submit=${this.submitted}><label>Name <input id="layout-name" size="12" autocomplete="off" /></label> <button>Save</button></form>
      ${own ? html`<button @click=${this.dropped}>Forget ${shown.name}</button>` : nothing}
      <button @click=${this.exported}>Export</button>
      <label class="file">Import <input type="file" accept="application/json,.json" @change=${this.imported} /></label>
      <label>Add <select id="add-pane" @change=${this.added}><option value="">a pane …</option>${Object.entries(KINDS).map(([kind, { title }]) => html`<option value=${kind}>${title}</option>`)}</select></label>
      ${groupsOf(shown).map((group) => html`<label>Group ${group} <input class="group" list="instruments" data-group=${group} .value=${instrumentOf(group, this.instrument)} @change=${(event: Event) => this.linked(group, event)} autocomplete="off" spellcheck="false" /></label>`)}
      <p class="message" role="status" ?data-bad=${this.bad || Boolean(trouble.value && !this.message)}>${message}</p>
    </section>`;
  }
}

/** Moves, sizes, links and removes one pane; also by the arrow keys, Shift for sizes. */
export class PlaceEditor extends Part {
  static override properties = { pane: { attribute: false }, at: { attribute: false }, name: { attribute: false } };
  declare pane: Place;
  declare at: number;
  declare name: string;

  protected follow(): (() => void)[] {
    return [];
  }

  /** As it is now: keys may follow each other faster than the page is drawn. */
  private get now(): Place {
    return layout.value.panes[this.at] ?? this.pane;
  }

  private change(part: Partial<Pick<Place, "width" | "height" | "group">>): void {
    show(adjust(layout.value, this.at, part));
  }

  private moved(by: -1 | 1): void {
    const focused = (document.activeElement as HTMLElement | null)?.dataset["does"];
    const [next, at] = move(layout.value, this.at, by);
    if (at === this.at) return;
    this.at = at;
    show(next);
    void this.refocus(at, focused);
  }

  /** A pane that changes places leaves the document for a moment, and would lose the focus. */
  private async refocus(at: number, control: string | undefined): Promise<void> {
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    const place = [...document.querySelectorAll<PlaceEditor>("dw-place-editor")].find((each) => each.at === at);
    place?.querySelector<HTMLElement>(control ? `[data-does="${control}"]` : "button")?.focus();
  }

  private readonly key = (event: KeyboardEvent): void => {
    if ((event.target as HTMLElement).closest("select") || event.ctrlKey || event.altKey || event.metaKey) return;
    const { width, height } = this.now;
    const [x, y] = [Number(event.key === "ArrowRight") - Number(event.key === "ArrowLeft"), Number(event.key === "ArrowDown") - Number(event.key === "ArrowUp")];
    if (event.shiftKey && (x || y)) this.change({ width: width + x, height: height + y });
    else if (x || y) this.moved((x || y) as -1 | 1);
    else if (event.key === "Delete") this.removed();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  private readonly removed = (): void => {
    if (layout.value.panes.length > 1) show(remove(layout.value, this.at));
  };

  override render(): TemplateResult {
    const { width, height, group } = this.pane;
    const button = (does: string, text: string, label: string, act: () => void, off = false): TemplateResult =>
      html`<button data-does=${does} aria-label="${this.name}: ${label}" title=${label} ?disabled=${off} @click=${act}>${text}</button>`;
    return html`<div class="place" role="group" aria-label="${this.name}: place" @keydown=${this.key}>
      <b>${this.name}</b>
      ${button("earlier", "←", "earlier", () => this.moved(-1))} ${button("later", "→", "later", () => this.moved(1))}
      <span>${width} × ${height}</span>
      ${button("narrower", "−↔", "narrower", () => this.change({ width: this.now.width - 1 }), width === 1)} ${button("wider", "+↔", "wider", () => this.change({ width: this.now.width + 1 }), width === COLUMNS)}
      ${button("lower", "−↕", "lower", () => this.change({ height: this.now.height - 1 }), height === 1)} ${button("higher", "+↕", "higher", () => this.change({ height: this.now.height + 1 }), height === MOST_ROWS)}
      <select aria-label="${this.name}: group" @change=${(event: Event) => this.change({ group: (event.target as HTMLSelectElement).value as Group })}>${GROUPS.map((each) => html`<option value=${each} ?selected=${each === group}>${each}</option>`)}</select>
      ${button("remove", "✕", "remove", this.removed, layout.value.panes.length === 1)}
    </div>`;
  }
}

customElements.define("dw-layout-editor", LayoutEditor);
customElements.define("dw-place-editor", PlaceEditor);
