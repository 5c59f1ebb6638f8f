/** What is typed into the form, and what is sent for it. */
import type { Schema } from "./document";

export type Values = Record<string, string>;

interface Kinds {
  choices: string[];
  boolean: boolean;
  number: boolean;
  text: boolean;
  structured: boolean;
}

/** What a parameter may be; `choices` if there is a fixed set. */
export function kindsOf(schema: Schema): Kinds {
  const parts = schema.anyOf ?? [schema];
  const types = parts.flatMap((part) => part.type ?? []);
  return {
    choices: parts.flatMap((part) => part.enum ?? []).map(String),
    boolean: types.includes("boolean"),
    number: types.includes("number") || types.includes("integer"),
    text: types.includes("string"),
    structured: parts.some((part) => part.$ref !== undefined || part.type === "array" || part.type === "object"),
  };
}

/** The parameters of a request; throws with the name of one that is no JSON where it has to be. */
export function toParams(schema: Schema, values: Values): Record<string, unknown> {
  const params: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    const text = values[name]?.trim() ?? "";
    if (text) params[name] = toValue(name, member, text);
  }
  return params;
}

function toValue(name: string, schema: Schema, text: string): unknown {
  const kinds = kindsOf(schema);
  if (kinds.choices.includes(text)) return text;
  if (kinds.boolean && (text === "true" || text === "false")) return text === "true";
  if (kinds.structured) return toStructured(name, kinds, text);
  // A number is sent as it was typed: as a number if no digit is lost, or else as a text, which the server reads exactly.
  if (kinds.number && (String(Number(text)) === text || !kinds.text)) return Number.isNaN(Number(text)) ? text : Number(text);
  return text;
}

function toStructured(name: string, kinds: Kinds, text: string): unknown {
  if (/^[[{"]/.test(text)) {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw new Error(`${name} is no JSON`);
    }
  }
  return kinds.text ? text : text.split(/[\s,]+/);
}

/** The name of a channel from its template; parts that are not typed stand as they are. */
export function channelName(template: string, values: Values): string {
  return template.replace(/\{(\w+)\}/g, (part, name: string) => values[name]?.trim() || part);
}
