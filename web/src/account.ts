import type { Position, Summary, UserChanges, UserOrder, UserTrade } from "./api";
import { feed } from "./link";
import { Observed } from "./observed";

export type Order = UserOrder;
export type { Position, Summary };

const KEPT_FILLS = 50;
const OPEN = new Set(["open", "untriggered"]);

export const ownOrders = new Observed<Order[]>([]);
export const positions = new Observed<Position[]>([]);
export const summaries = new Observed<Summary[]>([]);
export const fills = new Observed<UserTrade[]>([]);
/** When the account was last heard of, ms since 1970. */
export const heard = new Observed(0);

let stop: (() => void) | null = null;

function apply(_channel: string, data: UserChanges, receivedMs: number): void {
  const orders = new Map(ownOrders.value.map((order) => [order.order_id, order]));
  for (const order of data.orders)
    if (OPEN.has(order.order_state)) orders.set(order.order_id, order);
    else orders.delete(order.order_id);
  ownOrders.set([...orders.values()]);
  if (data.trades.length) {
    fills.set([...[...data.trades].reverse(), ...fills.value].slice(0, KEPT_FILLS));
    void loadPositions();
  }
  heard.set(receivedMs);
}

async function loadPositions(): Promise<void> {
  const found = await feed.call("private/get_positions", { currency: "any" }).catch(() => null);
  if (found) positions.set(found.filter((each) => each.size));
}

/** The whole state: at sign-in, and when a new connection may have missed something. */
async function load(): Promise<void> {
  const orders = await feed.call("private/get_open_orders", {}).catch(() => null);
  if (orders) ownOrders.set(orders);
  await loadPositions();
  const all = await feed.call("private/get_account_summaries", {}).catch(() => null);
  if (all) summaries.set(all.summaries);
  heard.set(Date.now());
}

function portfolio(_channel: string, summary: Summary): void {
  const others = summaries.value.filter((each) => each.currency !== summary.currency);
  summaries.set([...others, summary].sort((one, other) => one.currency.localeCompare(other.currency)));
  heard.set(Date.now());
}

function sync(): void {
  const signedIn = feed.session.value.state === "in" && feed.time.value === null;
  if (signedIn && !stop) {
    const ends = [feed.subscribe(["user.changes.any.any.raw"], apply), feed.subscribe(["user.portfolio.any"], portfolio)];
    stop = () => ends.forEach((end) => end());
  }
  if (signedIn) void load();
  if (signedIn || (feed.session.value.state === "failed" && feed.time.value === null)) return;
  stop?.();
  stop = null;
  ownOrders.set([]);
  positions.set([]);
  summaries.set([]);
  fills.set([]);
}

feed.session.listen(sync);
feed.time.listen(sync);
