import { html, LitElement, nothing, type TemplateResult } from "lit";
import { formatAge, formatTime } from "../format";
import { applyTheme, change, settings, type Theme } from "../settings";
import { ApiDocument, type Entry, type Schema } from "./document";
import { channelName, kindsOf, toParams, type Values } from "./form";
import { Wire } from "./frames";
import "./frames-view";
import { marked, membersTable, resultView } from "./schema-view";
import { channelSnippet, type Language, LANGUAGES, methodSnippet, type Place } from "./snippets";

const THEMES: Theme[] = ["auto", "light", "dark"];
const FIRST = { kind: "method", id: "public/ticker" };
const LONGEST_SHOWN = 60_000;
const SHORTEST_SECRET = 8;

interface Outcome {
  text: string;
  bad: boolean;
  /** What is said of it: how long it took, or why it failed. */
  note: string;
}

/** Every method and channel with its description, to be tried over the page's own connection. */
export class Console extends LitElement {
  private api: ApiDocument | null = null;
  private failure = "";
  private wire!: Wire;
  private kind = FIRST.kind;
  private named = FIRST.id;
  private values: Values = {};
  private outcomes = new Map<string, Outcome>();
  private filter = "";
  private language: Language = "Python";
  private copied = "";
  private signInMessage = "";
  private instruments: string[] = [];

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.wire = new Wire(`${this.place.secure ? "wss" : "ws"}://${this.place.host}/ws/api/v2`);
    const again = (): void => this.requestUpdate();
    for (const observed of [this.wire.link, this.wire.channels, this.wire.signedIn, settings]) observed.listen(again);
    this.wire.listen(again);
    settings.listen(applyTheme);
    applyTheme();
    addEventListener("hashchange", () => this.read());
    addEventListener("keydown", (event) => this.key(event));
    this.read();
    void this.load();
  }

  private get place(): Place {
    return { host: location.host, secure: location.protocol === "https:" };
  }

  private get entry(): Entry | undefined {
    return this.api?.find(this.kind, this.named);
  }

  private async load(): Promise<void> {
    try {
      this.api = await ApiDocument.load();
    } catch (error) {
      this.failure = String(error instanceof Error ? error.message : error);
    }
    this.requestUpdate();
    const answer = await fetch("/api/v2/public/get_instruments").catch(() => null);
    const listed = answer?.ok ? ((await answer.json()) as { result?: { instrument_name: string }[] }).result : undefined;
    this.instruments = (listed ?? []).map((each) => each.instrument_name);
    this.requestUpdate();
  }

  /** The address names what is shown, and what was typed: `#/method/public/ticker?instrument_name=BTC-PERPETUAL`. */
  private read(): void {
    const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
    const [kind = "", ...id] = path.split("/");
    if (kind === "method" || kind === "channel" || kind === "errors") [this.kind, this.named] = [kind, id.join("/")];
    this.values = Object.fromEntries(new URLSearchParams(query));
    this.requestUpdate();
  }

  private write(): void {
    const shown = Object.entries(this.values).filter(([name, text]) => text && !/secret|password|token|signature/.test(name));
    const query = new URLSearchParams(shown).toString();
    history.replaceState(null, "", `#/${this.kind}/${this.named}${query && "?"}${query}`);
  }

  private key(event: KeyboardEvent): void {
    if ((event.target as HTMLElement).closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") {
      event.preventDefault();
      this.querySelector<HTMLInputElement>("#find")?.focus();
    } else if (event.key === "t") this.nextTheme();
  }

  private nextTheme(): void {
    change({ theme: THEMES[(THEMES.indexOf(settings.value.theme) + 1) % THEMES.length] ?? "auto" });
  }

  override render(): TemplateResult {
    document.title = `${this.kind === "errors" ? "Errors" : (this.entry?.title ?? "API")} · deltawire API`;
    return html`<header class="top"><h1><a class="brand" href="/">deltawire</a></h1><span>API ${this.api?.version ?? ""}</span>
        ${this.light()} ${this.signIn()}
        <button @click=${() => this.nextTheme()}>Theme: ${settings.value.theme}</button>
        <a href="/docs/plain">Without scripts</a><a href="/docs/asyncapi.json">AsyncAPI 3</a></header>
      <div class="console">
        <nav class="list" aria-label="Methods and channels">${this.list()}</nav>
        <main aria-label="Description" tabindex="0">${this.failure ? html`<p class="message" data-bad role="alert">${this.failure}</p>` : this.main()}</main>
        <dw-frames .wire=${this.wire}></dw-frames>
      </div>
      <datalist id="instruments">${this.instruments.map((name) => html`<option value=${name}></option>`)}</datalist>`;
  }

  private light(): TemplateResult {
    const { state, reason, since } = this.wire.link.value;
    const text = state === "live" ? "live" : reason;
    return html`<span class="light" data-state=${state} role="status" title="since ${formatTime(since)}">${text}</span>`;
  }

  private signIn(): TemplateResult {
    const who = this.wire.signedIn.value;
    if (who) return html`<span class="signed-in">signed in: ${who}</span>`;
    return html`<details class="sign-in"><summary>Sign in</summary><form @submit=${this.submitLogin}>
      <label>Client id <input name="client" required autocomplete="username" spellcheck="false" /></label>
      <label>Client secret <input name="secret" type="password" required autocomplete="current-password" /></label>
      <button>Sign in</button><p class="message" role="status" ?data-bad=${Boolean(this.signInMessage)}>${this.signInMessage}</p></form></details>`;
  }

  private async submitLogin(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const data = new FormData(form);
    const login = { client: String(data.get("client")).trim(), secret: String(data.get("secret")).trim() };
    form.reset();
    this.signInMessage = login.secret.length < SHORTEST_SECRET ? "that is no secret" : await this.wire.logIn(login);
    this.requestUpdate();
  }

  private list(): TemplateResult {
    const words = this.filter.toLowerCase().split(/\s+/);
    const fits = (entry: Entry): boolean => words.every((word) => `${entry.title} ${entry.id} ${entry.summary}`.toLowerCase().includes(word));
    const entries = (this.api?.entries ?? []).filter(fits);
    const group = (title: string, chosen: Entry[]): TemplateResult | typeof nothing =>
      chosen.length ? html`<h2>${title}</h2><ul>${chosen.map((entry) => this.link(entry))}</ul>` : nothing;
    const methods = entries.filter((entry) => entry.kind === "method" && entry.available);
    const channels = entries.filter((entry) => entry.kind === "channel" && entry.available);
    const none = entries.filter((entry) => !entry.available);
    return html`<label class="find"><span>Find</span><input id="find" type="search" autocomplete="off" @input=${this.find} /></label>
      <p><a href="#/errors" aria-current=${this.kind === "errors" ? "page" : "false"}>Error codes</a></p>
      ${group("Public methods", methods.filter((each) => each.id.startsWith("public/")))}
      ${group("Channels", channels.filter((each) => !isOwn(each)))} ${group("Channels of an account", channels.filter(isOwn))}
      ${group("Private methods", methods.filter((each) => each.id.startsWith("private/")))} ${group("Not available here", none)}`;
  }

  private readonly find = (event: Event): void => {
    this.filter = (event.target as HTMLInputElement).value;
    this.requestUpdate();
  };

  private link(entry: Entry): TemplateResult {
    const current = entry.kind === this.kind && entry.id === this.named;
    return html`<li><a href="#/${entry.kind}/${entry.id}" aria-current=${current ? "page" : "false"}>${entry.title.replace(/^(public|private)\//, "")}</a></li>`;
  }

  private main(): TemplateResult {
    if (!this.api) return html`<p class="message">Loading the description …</p>`;
    if (this.kind === "errors") return this.errors(this.api);
    const { entry } = this;
    if (!entry) return html`<p class="message" data-bad>There is no ${this.kind} ${this.named}.</p>`;
    return html`<h2 class="title">${entry.title}</h2>
      <p>${marked(entry.summary)}</p><p class="soft">${marked(entry.rules)}</p>
      ${entry.available ? this.tryIt(entry) : nothing}
      ${entry.available ? this.snippet(entry) : nothing}
      <h3>${entry.kind === "channel" ? "Parts of the name, options" : "Parameters"}</h3><div class="parameters">${membersTable(this.api, entry.params)}</div>
      ${entry.result ? html`<h3>${entry.kind === "channel" ? "Data" : "Result"}</h3>${resultView(this.api, entry.result)}` : nothing}`;
  }

  private errors(api: ApiDocument): TemplateResult {
    return html`<h2 class="title">Error codes</h2><p>An answer with an error has <code>error.code</code>, <code>error.message</code>, and in <code>error.data</code> which parameter is wrong and why.</p>
      <table class="members errors"><thead><tr><th scope="col">Code</th><th scope="col">Message</th><th scope="col">When</th><th scope="col">Again later</th></tr></thead>
      <tbody>${api.errors.map((each) => html`<tr id="error${each.code}"><th scope="row">${each.code}</th><td><code>${each.message}</code></td><td>${marked(each.when)}</td><td>${each.retry ? "yes" : "no"}</td></tr>`)}</tbody></table>`;
  }

  private tryIt(entry: Entry): TemplateResult {
    const isChannel = entry.kind === "channel";
    const joined = this.wire.channels.value;
    const name = channelName(entry.title, this.typed(entry));
    const live = this.wire.link.value.state === "live";
    return html`<form class="try" @submit=${this.submit} @keydown=${this.formKey} autocomplete="off">
        ${Object.entries(entry.params.properties ?? {}).map(([param, schema]) => this.input(entry, param, schema))}
        <div class="buttons">${isChannel ? html`<code class="name">${name}</code>` : nothing}
          <button class="go" ?disabled=${!live}>${isChannel ? "Subscribe" : "Call"}</button>
          ${isChannel && joined.length ? html`<button type="button" @click=${() => this.wire.leave(joined)}>Leave all ${joined.length}</button>` : nothing}</div>
      </form>
      ${isChannel ? this.notifications(joined) : this.outcome(entry)}`;
  }

  private input(entry: Entry, name: string, schema: Schema): TemplateResult {
    const kinds = kindsOf(schema);
    const required = entry.params.required?.includes(name) ?? false;
    const value = this.typed(entry)[name] ?? "";
    const id = `param-${name}`;
    const set = (event: Event): void => {
      this.values[name] = (event.target as HTMLInputElement).value;
      this.write();
      this.requestUpdate();
    };
    const choices = kinds.choices.length ? kinds.choices : kinds.boolean && !kinds.text ? ["true", "false"] : [];
    const fallback = schema.default === undefined || schema.default === null || schema.default === "" ? "" : `${JSON.stringify(schema.default)}`;
    const field = choices.length
      ? html`<select id=${id} ?required=${required} @change=${set}><option value="" ?selected=${!value}>${fallback || "–"}</option>${choices.map((each) => html`<option ?selected=${each === value}>${each}</option>`)}</select>`
      : kinds.structured && !kinds.text
        ? html`<textarea id=${id} rows="2" ?required=${required} .value=${value} @input=${set} placeholder=${kindHint(schema)} spellcheck="false"></textarea>`
        : html`<input id=${id} .value=${value} ?required=${required} @input=${set} placeholder=${fallback} spellcheck="false"
            class=${/secret|password/.test(name) ? "secret" : ""} list=${/instrument(_name)?$/.test(name) ? "instruments" : nothing} />`;
    return html`<label for=${id} title=${schema.description ?? ""}>${name}${required ? html`<span aria-hidden="true" class="required"> *</span>` : nothing}</label>${field}`;
  }

  private readonly formKey = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) (event.currentTarget as HTMLFormElement).requestSubmit();
  };

  private readonly submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const { entry } = this;
    if (entry) void this.run(entry);
  };

  private async run(entry: Entry): Promise<void> {
    try {
      const params = toParams(entry.params, this.typed(entry));
      const outcome = entry.kind === "method" ? await this.callMethod(entry, params) : await this.subscribe(entry, params);
      this.outcomes.set(entry.id, outcome);
    } catch (error) {
      this.outcomes.set(entry.id, { text: "", bad: true, note: error instanceof Error ? error.message : String(error) });
    }
    this.requestUpdate();
  }

  private async callMethod(entry: Entry, params: Record<string, unknown>): Promise<Outcome> {
    const { answer, tookMs } = await this.wire.call(entry.id, params);
    const text = JSON.stringify(answer.error ?? answer.result ?? null, null, 1);
    const shown = text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}\n… ${text.length} characters in all` : text;
    return { text: shown, bad: Boolean(answer.error), note: `${answer.error ? "error" : "result"} after ${tookMs.toFixed(1)} ms` };
  }

  private async subscribe(entry: Entry, params: Record<string, unknown>): Promise<Outcome> {
    const parts = new Set(entry.params.required);
    const options = Object.fromEntries(Object.entries(params).filter(([name]) => !parts.has(name)));
    const failure = await this.wire.join(channelName(entry.title, this.typed(entry)), options);
    return { text: "", bad: Boolean(failure), note: failure };
  }

  private outcome(entry: Entry): TemplateResult {
    const outcome = this.outcomes.get(entry.id);
    if (!outcome) return html`<p class="message" role="status"></p>`;
    return html`<p class="message" role="status" ?data-bad=${outcome.bad}>${outcome.note}${outcome.bad && outcome.text ? html` · <a href="#/errors">codes</a>` : nothing}</p>
      ${outcome.text ? html`<pre class="result" tabindex="0" role="group" aria-label="Answer">${outcome.text}</pre>` : nothing}`;
  }

  private notifications(joined: string[]): TemplateResult {
    const outcome = this.outcomes.get(this.named);
    const rows = joined.flatMap((pattern) => {
      const names = pattern.includes("*") ? [...this.wire.newest.keys()].filter((name) => fits(pattern, name)).slice(0, 20) : [pattern];
      return names.map((name) => this.notification(name));
    });
    return html`<p class="message" role="status" ?data-bad=${outcome?.bad ?? false}>${outcome?.note ?? ""}</p>${rows}`;
  }

  private notification(channel: string): TemplateResult {
    const newest = this.wire.newest.get(channel);
    const age = newest ? `${newest.count} so far, the last ${formatAge(Date.now() - newest.atMs)} ago` : "nothing yet";
    const text = newest ? JSON.stringify(newest.data) : "";
    return html`<section class="joined" aria-label=${channel}><header><code>${channel}</code> <span class="soft">${age}</span>
        <button type="button" aria-label="Leave ${channel}" @click=${() => this.wire.leave([channel])}>✕</button></header>
      ${text ? html`<pre class="result" tabindex="0" role="group" aria-label="Newest of ${channel}">${text.length > 4000 ? `${text.slice(0, 4000)}…` : text}</pre>` : nothing}</section>`;
  }

  private snippet(entry: Entry): TemplateResult {
    const text = this.program(entry);
    return html`<div class="snippet"><div class="tools" role="group" aria-label="As a program">
        ${LANGUAGES.map((name) => html`<button aria-pressed=${name === this.language} @click=${() => this.choose(name)}>${name}</button>`)}
        <button class="copy" @click=${() => this.copy(text)}>Copy</button><span role="status">${this.copied}</span></div>
      <pre class="code" tabindex="0" role="group" aria-label="The request in ${this.language}">${text}</pre></div>`;
  }

  private program(entry: Entry): string {
    let params: Record<string, unknown>;
    try {
      params = toParams(entry.params, this.typed(entry));
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    if (entry.kind === "method") return methodSnippet(this.language, this.place, entry.id, params, entry.websocketOnly);
    const parts = new Set(entry.params.required);
    const options = Object.fromEntries(Object.entries(params).filter(([name]) => !parts.has(name)));
    return channelSnippet(this.language, this.place, channelName(entry.title, this.typed(entry)), options);
  }

  /** What was typed, and an example for what must be there and was not. */
  private typed(entry: Entry): Values {
    const instrument = this.instruments.find((name) => /PERP|SWAP/.test(name)) ?? this.instruments[0] ?? "BTC-PERPETUAL";
    const known: Values = { instrument_name: instrument, instrument, currency: "BTC", index_name: "btc_usd", index: "btc_usd", underlying: "BTC" };
    const needed = entry.params.required ?? [];
    const examples = needed.map((name) => [name, known[name] ?? kindsOf(entry.params.properties?.[name] ?? {}).choices[0] ?? ""]);
    return { ...(Object.fromEntries(examples) as Values), ...this.values };
  }

  private choose(language: Language): void {
    this.language = language;
    this.copied = "";
    this.requestUpdate();
  }

  private async copy(text: string): Promise<void> {
    this.copied = await navigator.clipboard.writeText(text).then(
      () => "copied",
      () => "the browser does not allow it: select the text",
    );
    this.requestUpdate();
  }
}

function isOwn(entry: Entry): boolean {
  return /^(user|block_rfq)\./.test(entry.title);
}

function kindHint(schema: Schema): string {
  const parts = schema.anyOf ?? [schema];
  return parts.some((part) => part.type === "array") ? "a, b or JSON" : "JSON";
}

function fits(pattern: string, channel: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(channel);
}

customElements.define("dw-console", Console);
