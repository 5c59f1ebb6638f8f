// tardis-dev: books, trades and tickers as it normalises them, its own book beside; the address by its WSS_URL_DERIBIT.
import { createRequire } from 'module';

const require = createRequire(import.meta.url);
const {
  streamNormalized, normalizeBookChanges, normalizeTrades, normalizeDerivativeTickers, OrderBook,
} = require('tardis-dev');

const book = new OrderBook();
const counts = { book_change: 0, trade: 0, derivative_ticker: 0 };
let snapshots = 0;
let crossed = 0;
const enough = () => counts.book_change >= Number(process.env.NOTIFICATIONS) && counts.trade && counts.derivative_ticker;
const messages = streamNormalized(
  { exchange: 'deribit', symbols: ['BTC-PERPETUAL'] },
  normalizeBookChanges, normalizeTrades, normalizeDerivativeTickers,
);
for await (const message of messages) {
  if (!(message.type in counts)) continue;
  counts[message.type] += 1;
  if (message.type === 'book_change') {
    snapshots += message.isSnapshot ? 1 : 0;
    book.update(message);
    if (!(book.bestBid().price < book.bestAsk().price)) crossed += 1;
  }
  if (enough()) break;
}
console.log(JSON.stringify({ snapshots, crossed, kinds: Object.values(counts).every((count) => count > 0) }));
process.exit(0);
