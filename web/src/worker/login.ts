import type { Params } from "../messages";
import type { Answer } from "./connection";

export interface Login {
  client: string;
  secret: string;
}

/** The parameters of `public/auth`: a signature where the browser can make one, so that the secret is not sent. */
export async function authParams(login: Login): Promise<Params> {
  if (!globalThis.crypto.subtle)
    return { grant_type: "client_credentials", client_id: login.client, client_secret: login.secret };
  const timestamp = Date.now();
  const nonce = hex(crypto.getRandomValues(new Uint8Array(12)));
  const encoder = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(login.secret), algorithm, false, ["sign"]);
  const signed = await crypto.subtle.sign("HMAC", key, encoder.encode(`${timestamp}\n${nonce}\n`));
  return {
    grant_type: "client_signature",
    client_id: login.client,
    timestamp,
    nonce,
    data: "",
    signature: hex(new Uint8Array(signed)),
  };
}

export function describeError(answer: Answer): string {
  const error = answer.error;
  return error ? [error.message, error.data?.reason].filter(Boolean).join(": ") : "";
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
