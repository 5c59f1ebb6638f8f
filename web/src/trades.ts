import type { Trade } from "./api";
import { feed } from "./link";

const PAST = 1000;

export interface TradeListener {
  /** Trades in order, oldest first; the first call has what was traded before, as far as the server keeps it. */
  traded(trades: Trade[]): void;
  /** Between what was told before and what comes next trades are missing. */
  missing(reason: string): void;
}

/** Follow the trades of an instrument from the past that the server keeps on, each once and in order; returns what ends it. */
export function followTrades(instrument: string, listener: TradeListener): () => void {
  const channel = `trades.${instrument}.raw`;
  let held: Trade[] | null = [];
  let ended = false;
  const stops = [
    feed.gaps.listen(() => {
      const gap = feed.gaps.value;
      if (gap?.channel === channel) listener.missing(gap.reason);
    }),
    feed.subscribe([channel], (_channel, trades: Trade[]) => {
      if (held) held.push(...trades);
      else listener.traded(trades);
    }),
  ];
  void loadPast(instrument).then((past) => {
    if (ended || !held) return;
    const known = new Set(past.map((trade) => trade.trade_id));
    const all = [...past, ...held.filter((trade) => !known.has(trade.trade_id))];
    held = null;
    listener.traded(all);
  });
  return () => {
    ended = true;
    for (const stop of stops) stop();
  };
}

/** Oldest first; nothing where the server has none, or cannot be asked. */
async function loadPast(instrument: string): Promise<Trade[]> {
  await feed.live();
  const page = await feed.call("public/get_last_trades_by_instrument", { instrument_name: instrument, count: PAST }).catch(() => null);
  return page ? [...page.trades].reverse() : [];
}
