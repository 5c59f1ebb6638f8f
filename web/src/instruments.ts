import type { InstrumentFacts } from "./api";
import { feed } from "./link";
import { Observed } from "./observed";

export type Instrument = InstrumentFacts;

/** By name, as the server lists them. */
export const instruments = new Observed<Map<string, Instrument>>(new Map());

async function load(): Promise<void> {
  const listed = await feed.call("public/get_instruments", {}).catch(() => null);
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
