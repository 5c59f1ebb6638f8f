import { html, nothing, type TemplateResult } from "lit";
import { type ApiDocument, type Schema, typeText } from "./document";

/** The members of an object with type, default and meaning; models that they refer to open where they stand. */
export function membersTable(api: ApiDocument, schema: Schema, depth = 0): TemplateResult {
  const [found] = api.resolve(schema);
  const members = Object.entries(found.properties ?? {});
  if (!members.length) return html`<p>${found.properties ? "None." : html`<code>${typeText(found)}</code>`}</p>`;
  const required = new Set(found.required ?? []);
  return html`<table class="members"><thead><tr><th scope="col">Name</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead>
    <tbody>${members.map(([name, member]) => html`<tr>
      <th scope="row"><code>${name}</code>${required.has(name) ? html` <span class="required">required</span>` : nothing}</th>
      <td><code>${typeText(member)}</code>${member.default !== undefined && member.default !== null && member.default !== "" ? html`<br />default <code>${JSON.stringify(member.default)}</code>` : nothing}</td>
      <td>${marked(member.description ?? "")}${models(api, member, depth)}</td></tr>`)}</tbody></table>`;
}

/** A result: its type, and the models in it. */
export function resultView(api: ApiDocument, schema: Schema): TemplateResult {
  const [found, name] = api.resolve(schema);
  if (found.properties) return html`${name ? html`<p><code>${name}</code> ${marked(found.description ?? "")}</p>` : nothing}${membersTable(api, found)}`;
  return html`<p><code>${typeText(found)}</code> ${marked(found.description ?? "")}</p>${models(api, found, 0, true)}`;
}

function models(api: ApiDocument, schema: Schema, depth: number, open = false): TemplateResult[] | typeof nothing {
  if (depth > 6) return nothing;
  return [...new Set(referred(schema))].map((target) => {
    const [found, name] = api.resolve({ $ref: target });
    // The members are rendered when it is opened: models lead to models.
    return html`<details ?open=${open} @toggle=${(event: Event) => toggled(event)}><summary><code>${name}</code></summary>
      <div class="model" .make=${() => membersTable(api, found, depth + 1)}>${open ? membersTable(api, found, depth + 1) : nothing}</div></details>`;
  });
}

function referred(schema: Schema): string[] {
  if (schema.$ref) return [schema.$ref];
  const items = Array.isArray(schema.items) ? schema.items : schema.items ? [schema.items] : [];
  const more = typeof schema.additionalProperties === "object" ? [schema.additionalProperties] : [];
  return [...(schema.anyOf ?? []), ...items, ...more].flatMap(referred);
}

async function toggled(event: Event): Promise<void> {
  const details = event.target as HTMLDetailsElement;
  const place = details.querySelector<HTMLElement & { make?: () => TemplateResult }>(":scope > .model");
  if (!details.open || !place?.make || place.childElementCount) return;
  const { render } = await import("lit");
  render(place.make(), place);
}

/** Text in which `…` is code. */
export function marked(text: string): unknown[] {
  return text.split("`").map((part, at) => (at % 2 ? html`<code>${part}</code>` : part));
}
