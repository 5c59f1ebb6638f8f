import { feed, Observed } from "./link";

export interface Instrument {
  instrument_name: string;
  kind: string | null;
  state?: string;
  base_currency: string | null;
  quote_currency: string | null;
  settlement_currency: string | null;
  price_index: string | null;
  contract_size: number | null;
  amount_unit: string | null;
  tick_size: number | null;
  min_trade_amount: number | null;
  expiration_timestamp: number | null;
  strike?: number | null;
  option_type?: "call" | "put" | null;
  settlement_period?: string | null;
  venue: string;
}

/** By name, as the server lists them. */
export const instruments = new Observed<Map<string, Instrument>>(new Map());

async function load(): Promise<void> {
  const listed = await feed.call<Instrument[]>("public/get_instruments").catch(() => null);
  if (listed) instruments.set(new Map(listed.map((each) => [each.instrument_name, each])));
}

feed.link.listen(() => {
  if (feed.link.value.state === "live") void load();
});
let reloading: ReturnType<typeof setTimeout> | undefined;
feed.subscribe(["instrument.state.any.any"], () => {
  clearTimeout(reloading);
  reloading = setTimeout(() => void load(), 500);
});

/** What to show where nothing was asked for: the first perpetual, or else the first of all. */
export function firstInstrument(): string {
  const all = [...instruments.value.values()];
  return (all.find((each) => each.settlement_period === "perpetual") ?? all[0])?.instrument_name ?? "";
}
