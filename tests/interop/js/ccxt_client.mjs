// ccxt for JavaScript: what it is told of the market, of an order and of the account, as one line of JSON.
import ccxt from 'ccxt';

const { HTTP, WEBSOCKET, CLIENT_ID, CLIENT_SECRET, NOTIFICATIONS } = process.env;
const symbol = 'BTC/USD:BTC';
const exchange = new ccxt.pro.deribit({ apiKey: CLIENT_ID, secret: CLIENT_SECRET, enableRateLimit: false });
exchange.urls.api = { rest: HTTP, ws: WEBSOCKET };
await exchange.loadHttpProxyAgent(); // what ccxt asks for where an address begins with ws://
await exchange.loadMarkets();

let books = 0;
let crossed = 0;
while (books < Number(NOTIFICATIONS)) {
  const book = await exchange.watchOrderBook(symbol);
  books += 1;
  if (!(book.bids[0][0] < book.asks[0][0])) crossed += 1;
}
const trades = await exchange.watchTrades(symbol);
const mark = Number((await exchange.fetchTicker(symbol)).info.mark_price);
const placed = await exchange.createOrder(symbol, 'limit', 'buy', 100, Math.round(mark * 0.99));
const edited = await exchange.editOrder(placed.id, symbol, 'limit', 'buy', 200, Math.round(mark * 0.99));
const watching = exchange.watchOrders(symbol);
const cancelled = await exchange.cancelOrder(placed.id, symbol);
const bought = await exchange.createOrder(symbol, 'market', 'buy', 100);
const [watched] = await watching;
const position = await exchange.fetchPosition(symbol);
const balance = await exchange.fetchBalance();
console.log(JSON.stringify({
  books,
  crossed,
  trade: trades[0].symbol,
  order: [placed.status, edited.amount, cancelled.status, bought.status],
  watched: watched.symbol,
  position: [position.side, position.info.size],
  balance: balance.BTC.total > 0,
}));
await exchange.close();
process.exit(0);
