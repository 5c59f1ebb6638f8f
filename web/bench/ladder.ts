/**
 * A ladder as a table in Preact, for `make browser-bench` to measure the dashboard beside: the socket in the page, a map
 * per side, a state that is set with every message. It verifies nothing, and shows as many levels as the dashboard's.
 */
import { type ComponentChild, h, render, type VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { BookData } from "../src/api";

const ROWS = 14;
type Side = Map<number, number>;
type Book = { bids: Side; asks: Side };

function apply(side: Side, changes: BookData["bids"]): void {
  for (const [action, price, size] of changes)
    if (action === "delete") side.delete(price);
    else side.set(price, size);
}

function rows(side: Side, sign: number): ComponentChild[] {
  let sum = 0;
  return [...side]
    .sort(([one], [other]) => sign * (one - other))
    .slice(0, ROWS)
    .map(([price, size]) => h("tr", { key: price }, h("td", null, size.toLocaleString("en")), h("td", null, price.toFixed(1)), h("td", null, (sum += size).toLocaleString("en"))));
}

function Ladder(): VNode {
  const [book, setBook] = useState<Book>({ bids: new Map(), asks: new Map() });
  useEffect(() => {
    const socket = new WebSocket(`ws://${location.host}/ws/api/v2`);
    socket.onopen = () => socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "public/subscribe", params: { channels: ["book.BTC-PERPETUAL.raw"] } }));
    socket.onmessage = (event: MessageEvent<string>) => {
      const message = JSON.parse(event.data) as { method?: string; params?: { data: BookData } };
      const data = message.method === "subscription" ? message.params?.data : undefined;
      if (!data) return;
      setBook((before) => {
        const book = data.type === "snapshot" ? { bids: new Map<number, number>(), asks: new Map<number, number>() } : { ...before };
        apply(book.bids, data.bids);
        apply(book.asks, data.asks);
        return book;
      });
    };
    return () => socket.close();
  }, []);
  return h("table", null, h("tbody", null, rows(book.asks, 1).reverse()), h("tbody", { class: "bid" }, rows(book.bids, -1)));
}

render(h(Ladder, null), document.body);
