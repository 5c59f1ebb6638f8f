/** The server's own description of its API, as the console shows it. */

export interface Schema {
  $ref?: string;
  title?: string;
  description?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  items?: Schema | Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  default?: unknown;
}

export interface ErrorCode {
  code: number;
  message: string;
  when: string;
  retry: boolean;
}

export interface Entry {
  kind: "method" | "channel";
  /** `public/ticker`, or the name of the family. */
  id: string;
  /** `public/ticker`, or the template of the family's names. */
  title: string;
  summary: string;
  rules: string;
  /** Whether it can be used on this server at all. */
  available: boolean;
  websocketOnly: boolean;
  params: Schema;
  /** The result of a method, or the data of a channel; none of a method that is not available. */
  result: Schema | null;
}

interface Described {
  info: { version: string; description: string };
  channels: Record<string, { address?: string; summary?: string; description?: string; parameters?: Record<string, Schema> }>;
  components: {
    messages: Record<string, { name: string; summary?: string; description?: string }>;
    schemas: Record<string, Schema>;
  };
  "x-error-codes": ErrorCode[];
}

const OPTIONS: Record<string, Schema> = {
  max_rate: { anyOf: [{ type: "number" }, { type: "null" }], description: "Notifications per second; those between are merged." },
  depth: { anyOf: [{ type: "integer" }, { type: "null" }], description: "Levels of each side, 1 to 1000; absent: all." },
  beyond: { type: "boolean", default: false, description: "Also levels beyond the known range." },
};

export class ApiDocument {
  readonly entries: Entry[];
  readonly errors: ErrorCode[];
  readonly version: string;
  private readonly schemas: Record<string, Schema>;

  constructor(document: Described) {
    this.schemas = document.components.schemas;
    this.errors = document["x-error-codes"];
    this.version = document.info.version;
    const methods = Object.values(document.components.messages).filter((message) => /^(public|private)\/\S+$/.test(message.name));
    this.entries = [
      ...methods.map((message) => this.method(message.name, message.summary ?? "", message.description ?? "")),
      ...Object.entries(document.channels)
        .filter(([name]) => name !== "rpc")
        .map(([name, channel]) => this.channel(name, channel)),
    ];
  }

  static async load(): Promise<ApiDocument> {
    const answer = await fetch("/docs/asyncapi.json");
    if (!answer.ok) throw new Error(`the description of the API cannot be had: ${answer.status}`);
    return new ApiDocument((await answer.json()) as Described);
  }

  find(kind: string, id: string): Entry | undefined {
    return this.entries.find((entry) => entry.kind === kind && entry.id === id);
  }

  /** A schema without references, and the name by which it was referred to. */
  resolve(schema: Schema): [schema: Schema, name: string] {
    let name = "";
    let found = schema;
    while (found.$ref) {
      name = found.$ref.slice(found.$ref.lastIndexOf("/") + 1);
      found = this.schemas[name] ?? {};
    }
    return [found, name];
  }

  private method(id: string, summary: string, rules: string): Entry {
    const result = this.schemas[schemaName(id, "result")] ?? null;
    const params = requiredFirst(this.schemas[schemaName(id, "params")] ?? {});
    const entry = { kind: "method" as const, id, title: id, summary, rules, params, result };
    return { ...entry, available: result !== null, websocketOnly: rules.includes("WebSocket only") };
  }

  private channel(id: string, channel: Described["channels"][string]): Entry {
    const rules = channel.description ?? "";
    const options = Object.entries(OPTIONS).filter(([name]) => rules.includes(`\`${name}\``));
    const parts = channel.parameters ?? {};
    return {
      kind: "channel",
      id,
      title: channel.address ?? id,
      summary: channel.summary ?? "",
      rules,
      available: !channel.summary?.startsWith("Never"),
      websocketOnly: true,
      params: {
        properties: { ...Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, { type: "string", ...part }])), ...Object.fromEntries(options) },
        required: Object.keys(parts),
      },
      result: this.schemas[schemaName(id, "notification", "params")]?.properties?.["data"] ?? null,
    };
  }
}

function requiredFirst(schema: Schema): Schema {
  const required = new Set(schema.required ?? []);
  const members = Object.entries(schema.properties ?? {});
  return { ...schema, properties: Object.fromEntries([...members.filter(([name]) => required.has(name)), ...members.filter(([name]) => !required.has(name))]) };
}

/** As the server names schemas: `private/buy`, `params` is `PrivateBuyParams`. */
function schemaName(...parts: string[]): string {
  const words = parts.flatMap((part) => part.split(/[^A-Za-z0-9]+/));
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

/** A type in one line: `number | null`, `Trade[]`. */
export function typeText(schema: Schema): string {
  if (schema.$ref) return schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeText))].join(" | ");
  if (Array.isArray(schema.type)) return schema.type.join(" | ");
  if (schema.type === "array") {
    if (Array.isArray(schema.items)) return `[${schema.items.map(typeText).join(", ")}]`;
    const inner = typeText(schema.items ?? {});
    return inner.includes("|") ? `(${inner})[]` : `${inner}[]`;
  }
  if (schema.type === "object" && typeof schema.additionalProperties === "object") return `{ name: ${typeText(schema.additionalProperties)} }`;
  return schema.type ?? "any";
}
