/** A request as a program. Secrets are never in it: they are read from the environment. */

export const LANGUAGES = ["Python", "JavaScript", "curl"] as const;
export type Language = (typeof LANGUAGES)[number];

export interface Place {
  host: string;
  secure: boolean;
}

type Params = Record<string, unknown>;

export function methodSnippet(language: Language, place: Place, method: string, params: Params, websocketOnly: boolean): string {
  const isPrivate = method.startsWith("private/");
  if (language === "Python") return pythonCall(place, method, params, isPrivate);
  if (language === "JavaScript") return script(place, isPrivate, `console.log(await call(${JSON.stringify(method)}, ${JSON.stringify(params)}));\nsocket.close();`);
  return websocketOnly ? `# ${method} is for WebSocket connections only` : curl(place, method, params, isPrivate);
}

export function channelSnippet(language: Language, place: Place, channel: string, options: Params): string {
  const isPrivate = /^(user|block_rfq)\./.test(channel);
  if (language === "Python") return pythonSubscription(place, channel, options, isPrivate);
  if (language === "curl") return `# channels are for WebSocket connections only\ndeltawire watch ${url(place)} ${quoted(channel)}`;
  const scope = isPrivate ? "private" : "public";
  const asked = JSON.stringify({ channels: [channel], ...options });
  return script(place, isPrivate, `await call("${scope}/subscribe", ${asked});`, `  if (message.method === "subscription") console.log(message.params.channel, message.params.data);\n`);
}

function url({ host, secure }: Place): string {
  return `${secure ? "wss" : "ws"}://${host}`;
}

function pythonLogin(place: Place, isPrivate: boolean): string {
  return isPrivate ? `"${url(place)}", login=deltawire.Login(os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"])` : `"${url(place)}"`;
}

function pythonCall(place: Place, method: string, params: Params, isPrivate: boolean): string {
  const given = Object.entries(params).map(([name, value]) => `, ${name}=${python(value)}`);
  return `${isPrivate ? "import os\n\nimport deltawire\n" : ""}import deltawire.sync

with deltawire.sync.open(${pythonLogin(place, isPrivate)}) as dw:
    print(dw.call("${method}"${given.join("")}))
`;
}

function pythonSubscription(place: Place, channel: string, options: Params, isPrivate: boolean): string {
  const given = Object.entries(options).map(([name, value]) => `, ${name}=${python(value)}`);
  return `${isPrivate ? "import os\n\nimport deltawire\n" : ""}import deltawire.sync

with deltawire.sync.open(${pythonLogin(place, isPrivate)}) as dw:
    for item in dw.subscribe(${python(channel)}${given.join("")}):
        print(item)
`;
}

/** A value as Python writes it. */
export function python(value: unknown): string {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null) return "None";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value as Params).map(([name, each]) => `${JSON.stringify(name)}: ${python(each)}`).join(", ")}}`;
  return JSON.stringify(value);
}

function script(place: Place, isPrivate: boolean, body: string, onMessage = ""): string {
  const login = `await call("public/auth", { grant_type: "client_credentials", client_id: process.env.CLIENT_ID, client_secret: process.env.CLIENT_SECRET });\n`;
  return `const socket = new WebSocket("${url(place)}/ws/api/v2");
const waiting = new Map();
let lastId = 0;
const call = (method, params) => new Promise((resolve, reject) => {
  waiting.set(++lastId, { resolve, reject });
  socket.send(JSON.stringify({ jsonrpc: "2.0", id: lastId, method, params }));
});
socket.onmessage = (event) => {
  const message = JSON.parse(event.data);
${onMessage}  const asked = waiting.get(message.id);
  if (message.error) asked?.reject(new Error(JSON.stringify(message.error)));
  else asked?.resolve(message.result);
};
await new Promise((resolve) => (socket.onopen = resolve));
${isPrivate ? login : ""}${body}
`;
}

function curl({ host, secure }: Place, method: string, params: Params, isPrivate: boolean): string {
  const address = `${secure ? "https" : "http"}://${host}/api/v2`;
  if (!isPrivate && Object.values(params).every((value) => typeof value !== "object")) {
    const query = new URLSearchParams(Object.entries(params).map(([name, value]) => [name, String(value)])).toString();
    return `curl ${quoted(`${address}/${method}${query && "?"}${query}`)}`;
  }
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const login = isPrivate ? ' -u "$CLIENT_ID:$CLIENT_SECRET"' : "";
  return `curl ${quoted(address)}${login} -H 'content-type: application/json' -d ${quoted(body)}`;
}

/** For a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
