// ccxws: ticker, trades, candles and the book's snapshot and updates, in sequence.
import { createRequire } from 'module';

const require = createRequire(import.meta.url);
const { DeribitClient } = require('ccxws');

const market = { id: 'BTC-PERPETUAL', base: 'BTC', quote: 'USD', type: 'swap' };
const client = new DeribitClient({ wssPath: process.env.WEBSOCKET });
const counts = { ticker: 0, trade: 0, candle: 0, l2snapshot: 0, l2update: 0 };
let last;
let broken = 0;

const finished = new Promise((resolve, reject) => {
  client.on('error', reject);
  for (const kind of Object.keys(counts)) {
    client.on(kind, (data) => {
      counts[kind] += 1;
      if (kind === 'l2snapshot') last = data.sequenceId;
      if (kind === 'l2update') {
        if (data.lastSequenceId !== last) broken += 1;
        last = data.sequenceId;
      }
      if (counts.l2update >= Number(process.env.NOTIFICATIONS) && Object.values(counts).every(Boolean)) resolve();
    });
  }
});
client.subscribeTicker(market);
client.subscribeTrades(market);
client.subscribeCandles(market);
client.subscribeLevel2Updates(market);
await finished;
console.log(JSON.stringify({ snapshots: counts.l2snapshot, broken }));
process.exit(0);
