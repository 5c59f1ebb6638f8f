// deribit-v2-ws: signs in, reads a book and trades, places, edits and cancels an order, reads position and account.
const deribit = require('deribit-v2-ws');

const { CLIENT_ID, CLIENT_SECRET, NOTIFICATIONS } = process.env;
const name = 'BTC-PERPETUAL';

const main = async () => {
  await deribit.connect();
  await deribit.authenticate(CLIENT_ID, CLIENT_SECRET);
  let last;
  let broken = 0;
  let changes = 0;
  let trades = 0;
  await new Promise((resolve) => {
    const count = () => changes >= Number(NOTIFICATIONS) && trades && resolve();
    deribit.subscribe('public', `book.${name}.raw`, (book) => {
      if (book.type === 'change') {
        changes += 1;
        if (book.prev_change_id !== last) broken += 1;
      }
      last = book.change_id;
      count();
    });
    deribit.subscribe('public', `trades.${name}.raw`, (list) => {
      trades += list.length;
      count();
    });
  });
  const request = async (method, params) => (await deribit.request(method, params)).result;
  const price = Math.round((await request('public/ticker', { instrument_name: name })).mark_price * 0.99);
  const { order } = await request('private/buy', { instrument_name: name, amount: 100, type: 'limit', price });
  const edited = await request('private/edit', { order_id: order.order_id, amount: 200, price });
  const cancelled = await request('private/cancel', { order_id: order.order_id });
  const position = await request('private/get_position', { instrument_name: name });
  const summary = await request('private/get_account_summary', { currency: 'BTC' });
  console.log(JSON.stringify({
    broken,
    order: [order.order_state, edited.order.amount, cancelled.order_state],
    position: position.size,
    equity: summary.equity > 0,
  }));
  process.exit(0);
};

main();
