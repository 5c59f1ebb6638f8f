/** The API as the server describes it in /docs/asyncapi.json. Written by tools/web_types.py. */

/** A login; no log of them is kept, so that there are none. */
export interface AccessLogEntry {
  id: number;
  /** When, in milliseconds since 1970. */
  timestamp: number;
  ip: string;
  result: string;
  country: string;
  city: string;
}

/** An account, and the summary of each currency. */
export interface AccountSummaries {
  id: number;
  username: string;
  email: string;
  system_name: string;
  type: string;
  security_keys_enabled: boolean;
  login_enabled: boolean;
  receive_notifications: boolean;
  interuser_transfers_enabled: boolean;
  mmp_enabled: boolean;
  self_trading_reject_mode: string;
  self_trading_extended_to_subaccounts: string;
  summaries: Summary[];
  /** When it was made, in milliseconds since 1970. */
  creation_timestamp?: number | null;
}

/** A summary; from `id` on with `extended`. */
export interface AccountSummary {
  /** A currency such as BTC, or any. */
  currency: string;
  /** Money without the profit and loss of open positions. */
  balance: number;
  /** Balance with the profit and loss of open positions. */
  equity: number;
  margin_balance: number;
  /** Money that new orders may need. */
  available_funds: number;
  available_withdrawal_funds: number;
  /** Margin that a new order must leave. */
  initial_margin: number;
  /** Margin below which positions are liquidated. */
  maintenance_margin: number;
  projected_initial_margin: number;
  projected_maintenance_margin: number;
  session_upl: number;
  session_rpl: number;
  futures_session_upl: number;
  futures_session_rpl: number;
  futures_pl: number;
  total_pl: number;
  delta_total: number;
  delta_total_map: Record<string, number>;
  projected_delta_total: number;
  fee_balance: number;
  spot_reserve: number;
  additional_reserve: number;
  locked_balance: number;
  estimated_liquidation_ratio: number;
  estimated_liquidation_ratio_map: Record<string, number>;
  margin_model: string;
  portfolio_margining_enabled: boolean;
  cross_collateral_enabled: boolean;
  options_value: number;
  options_pl: number;
  options_session_upl: number;
  options_session_rpl: number;
  options_delta: number;
  options_gamma: number;
  options_gamma_map: Record<string, number>;
  options_vega: number;
  options_vega_map: Record<string, number>;
  options_theta: number;
  options_theta_map: Record<string, number>;
  limits?: RequestLimits | null;
  id?: number | null;
  username?: string;
  email?: string | null;
  system_name?: string;
  type?: string;
  security_keys_enabled?: boolean | null;
  login_enabled?: boolean | null;
  receive_notifications?: boolean | null;
  interuser_transfers_enabled?: boolean | null;
  mmp_enabled?: boolean | null;
  self_trading_reject_mode?: string;
  self_trading_extended_to_subaccounts?: string;
  /** When it was made, in milliseconds since 1970. */
  creation_timestamp?: number | null;
}

/** Data of `alert.X`: a threshold is crossed (`raised`), or crossed back by a tenth (`cleared`). Suspended, without an `alert`, while the `state` is not live. `value` is the spread in basis points, or the notional of the thinner side within 10 basis points; a lower bound of it never raises an alert. */
export interface AlertData {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  /** The name of the instrument. */
  instrument_name: string;
  state: "failed" | "live" | "stale" | "syncing";
  /** Why. */
  reason?: string;
  alert?: "cleared" | "raised" | null;
  value?: number | null;
  threshold?: number | null;
}

/** What an operator would announce; there are none here. */
export interface Announcement {
  id: number;
  body: string;
  important: boolean;
  confirmation: boolean;
  publication_timestamp: number;
}

/** A key without its secret; times in milliseconds. */
export interface ApiKey {
  id: number;
  client_id: string;
  name: string;
  default: boolean;
  enabled_features: string[];
  max_scope: string;
  enabled: boolean;
  /** When, in milliseconds since 1970. */
  timestamp: number;
  expires: number | null;
  ip_whitelist: string[];
  asymmetric: boolean;
}

/** Both sides within `band` basis points of the mid; `ratio` is bids over asks where both are known. */
export interface BandDepth {
  band: number;
  /** Levels of the bid side: action, price and amount, or price and amount. */
  bids: SideDepth;
  /** Levels of the ask side: action, price and amount, or price and amount. */
  asks: SideDepth;
  ratio: number | null;
}

/** Data of `book.X.{raw,100ms,agg2}`: an image (no `prev_change_id`) or the changes since the previous one. */
export interface BookData {
  type: "change" | "snapshot";
  /** When, in milliseconds since 1970. */
  timestamp: number;
  /** The name of the instrument. */
  instrument_name: string;
  /** The number of this state of the book. */
  change_id: number;
  /** Levels of the bid side: action, price and amount, or price and amount. */
  bids: [string, number, number][];
  /** Levels of the ask side: action, price and amount, or price and amount. */
  asks: [string, number, number][];
  /** `change_id` of the state before; the change follows it. */
  prev_change_id?: number | null;
  status?: BookStatus | null;
  /** CRC32 of the best levels after this change. */
  checksum?: number | null;
  price_exponent?: number | null;
  size_exponent?: number | null;
  /** The lowest bid and the highest ask up to which every level is known; null: to the end. */
  complete_to?: [number | null, number | null] | null;
  /** How many of the best levels of a side are known without a gap. */
  complete_levels?: number | null;
}

/** A book's state inside its notifications, present when it has changed. */
export interface BookStatus {
  state: "live" | "stale" | "syncing";
  /** Why. */
  reason?: string;
  detail?: string;
}

/** An instrument's last 24 hours; prices null where there are none. */
export interface BookSummary {
  /** The name of the instrument. */
  instrument_name: string;
  base_currency: string;
  quote_currency: string;
  /** When it was made, in milliseconds since 1970. */
  creation_timestamp: number;
  bid_price: number | null;
  ask_price: number | null;
  mid_price: number | null;
  /** The price by which positions are valued. */
  mark_price: number | null;
  last: number | null;
  high: number | null;
  low: number | null;
  price_change: number | null;
  /** What was traded, in the base coin. */
  volume: number;
  /** The sum of all long positions. */
  open_interest: number;
  /** The price at which it would be delivered now. */
  estimated_delivery_price: number | null;
  /** What was traded, in USD. */
  volume_usd?: number | null;
  volume_notional?: number | null;
  /** The present funding rate of a perpetual. */
  current_funding?: number | null;
  /** The funding rate of the last eight hours. */
  funding_8h?: number | null;
  /** Implied volatility of the mark price, in percent a year. */
  mark_iv?: number | null;
  /** The price of the underlying, from which the volatility was computed. */
  underlying_price?: number | null;
  /** The name of the underlying future or index. */
  underlying_index?: string | null;
  interest_rate?: number | null;
}

/** Predictions whose probability of a rise lies in one bin: how many, the mean stated, and the share that rose. */
export interface CalibrationBin {
  count: number;
  stated: number | null;
  happened: number | null;
}

/** Whether orders go with their connection. */
export interface CancelOnDisconnect {
  scope: string;
  enabled: boolean;
}

/** The orders of an instrument that were cancelled. */
export interface CancelledOrders {
  /** The name of the instrument. */
  instrument_name: string;
  /** A currency such as BTC, or any. */
  currency: string;
  type: string;
  result: UserOrder[];
}

/** The current candle; `tick` is its start. */
export interface Candle {
  tick: number;
  open: number;
  high: number;
  low: number;
  close: number;
  /** What was traded, in the base coin. */
  volume: number | null;
  cost: number | null;
}

/** Candles as columns; `ticks` are their starts. */
export interface Candles {
  status: "no_data" | "ok";
  ticks: number[];
  open: number[];
  high: number[];
  low: number[];
  close: number[];
  /** What was traded, in the base coin. */
  volume: (number | null)[];
  cost: (number | null)[];
}

/** Data of `chain.C.E`: the listed options of an expiry, by strike; `not_live` counts those of a stale book. */
export interface ChainData {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  underlying: string;
  state: "failed" | "live" | "stale" | "syncing";
  /** Why. */
  reason?: string;
  expiry?: string;
  years?: number | null;
  forward?: ForwardData | null;
  not_live?: number;
  options?: ChainRow[];
}

/** One option. Volatilities are in percent: ours of bid and ask and of the venue's mark, and the venue's own. `greeks` are ours, `venue_delta` is the venue's. `parted` says that the venue's volatility is outside of what its own mark, rounded to a tick, can stand for. */
export interface ChainRow {
  /** The name of the instrument. */
  instrument_name: string;
  strike: number;
  option_type: "call" | "put";
  bid?: number | null;
  ask?: number | null;
  mark?: number | null;
  /** Implied volatility of the best bid, in percent a year. */
  bid_iv?: number | null;
  /** Implied volatility of the best ask, in percent a year. */
  ask_iv?: number | null;
  /** Implied volatility, in percent a year unless stated. */
  iv?: number | null;
  venue_iv?: number | null;
  iv_difference?: number | null;
  parted?: boolean;
  /** The option's greeks. */
  greeks?: OwnGreeks | null;
  venue_delta?: number | null;
  delta_difference?: number | null;
}

/** A WebSocket connection; `behind` while it reads more slowly than the server writes. */
export interface ClientQueue {
  channels: number;
  queue_bytes: number;
  behind: boolean;
}

/** Of one contract; null if unknown. */
export interface ContractSize {
  contract_size: number | null;
}

/** Data of `alert.X.crossed.Y`: the bid at one is above the ask at the other by more than the threshold, or not. `value` is (bid − ask)/mean of these in basis points, of the better of both ways, which `buy` and `sell` name with the best prices there, before fees. Suspended, without an `alert`, while either book is not live. */
export interface CrossedData {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  /** The name of the instrument. */
  instrument_name: string;
  state: "failed" | "live" | "stale" | "syncing";
  /** Why. */
  reason?: string;
  alert?: "cleared" | "raised" | null;
  value?: number | null;
  threshold?: number | null;
  buy?: string | null;
  sell?: string | null;
  buy_price?: number | null;
  sell_price?: number | null;
}

/** A coin. */
export interface Currency {
  /** A currency such as BTC, or any. */
  currency: string;
  currency_long: string;
  coin_type: string;
  decimals: number;
  min_confirmations: number;
  min_withdrawal_fee: number;
  withdrawal_fee: number;
  withdrawal_priorities: WithdrawalPriority[];
  in_cross_collateral_pool: boolean;
}

/** What the server says of its instruments: the home venue, all venues, and instruments by their public names. */
export interface Definitions {
  home: string;
  venues: string[];
  instruments?: Record<string, Instrument>;
}

/** The price of one day. */
export interface DeliveryPrice {
  date: string;
  delivery_price: number;
}

/** A page, and how many there are in all. */
export interface DeliveryPrices {
  data: DeliveryPrice[];
  records_total: number;
}

/** What the operator gave. */
export interface Deposit {
  address: string;
  /** Size in the instrument's unit: USD for inverse perpetuals and futures, the coin for others. */
  amount: number;
  /** A currency such as BTC, or any. */
  currency: string;
  received_timestamp: number;
  updated_timestamp: number;
  state: string;
  transaction_id: string;
  source_address: string;
  clearance_state: string;
}

/** A page, and how many there are in all. */
export interface Deposits {
  count: number;
  data: Deposit[];
}

/** Data of `depth.X`. Resilience looks at the depth within 10 basis points at the end of each interval. */
export interface DepthData {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  /** The name of the instrument. */
  instrument_name: string;
  state: "failed" | "live" | "stale" | "syncing";
  /** Why. */
  reason?: string;
  /** The number of this state of the book. */
  change_id?: number | null;
  mid?: number | null;
  spread_bp?: number | null;
  bands?: BandDepth[];
  prices?: NotionalFills[];
  /** Levels of the bid side: action, price and amount, or price and amount. */
  bids?: SideResilience | null;
  /** Levels of the ask side: action, price and amount, or price and amount. */
  asks?: SideResilience | null;
  impact?: PriceImpact | null;
}

/** The settlement price of the next expiry; within the last half hour, the mean so far. */
export interface ExpirationPrice {
  seconds: number;
  /** Price in the quote unit, a multiple of the tick size; of options in the base coin if they are inverse. */
  price: number;
  is_estimated: boolean;
}

/** One expiry at a delta of 0.25; volatilities in percent, `skew` = call − put. */
export interface ExpirySkew {
  expiry: string;
  years: number;
  at_money_iv: number;
  call_iv: number;
  put_iv: number;
  skew: number;
  butterfly: number;
}

/** The average price of a market order and the notional that it would fill; not certain unless `known`. */
export interface Fill {
  vwap: number | null;
  filled: number;
  known: boolean;
  slip_bp: number | null;
}

/** Data of `flow.X`: predictions of the sign of M(t + latency + horizon) − M(t + latency), M the mid. `update_ms` is the median time between two updates of the book. */
export interface FlowData {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  /** The name of the instrument. */
  instrument_name: string;
  state: "failed" | "live" | "stale" | "syncing";
  /** Why. */
  reason?: string;
  mid?: number | null;
  latency_ms?: number | null;
  update_ms?: number | null;
  horizons?: HorizonFlow[];
}

/** Order-flow imbalance of the last `updates`: at the touch, per level, and over the mean size at the touch. Of the `band` best levels requested, the `used` best were known at each of these updates; `known` is whether all. */
export interface FlowSum {
  total: number;
  levels: (number | null)[];
  normalised: number | null;
  updates: number;
  band: number;
  used: number;
  known: boolean;
}

/** The forward of an expiry: of the listed future, of put–call parity, or else as the venue states it. */
export interface ForwardData {
  /** Price in the quote unit, a multiple of the tick size; of options in the base coin if they are inverse. */
  price: number;
  low: number | null;
  high: number | null;
  source: "future" | "parity" | "venue";
}

/** The funding of a time, and as it stands. */
export interface FundingChart {
  current_interest: number;
  interest_8h: number;
  data: FundingPoint[];
}

/** What a perpetual cost to hold for an hour. */
export interface FundingHour {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  /** The price of the index. */
  index_price: number | null;
  prev_index_price: number | null;
  interest_8h: number;
  interest_1h: number;
}

/** The funding at the end of an hour. */
export interface FundingPoint {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  /** The price of the index. */
  index_price: number | null;
  interest_8h: number;
}

/** Data of `gex.C`. `net` and `zero` are by named convention; `zero_span` holds all of the latter. `from_flow` is what the trades imply that were seen since the derivation began; `flow_coverage` is the share of the open interest, in percent, that these explain. Ratios are puts over calls. */
export interface GammaData {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  underlying: string;
  state: "failed" | "live" | "stale" | "syncing";
  /** Why. */
  reason?: string;
  spot?: number | null;
  strikes?: StrikeGamma[];
  net?: Record<string, number>;
  zero?: Record<string, number | null>;
  zero_span?: [number, number] | null;
  from_flow?: number | null;
  flow_coverage?: number | null;
  put_call_open_interest?: number | null;
  put_call_volume?: number | null;
  put_call_premium?: number | null;
  max_pain?: PainData[];
}

/** An option's greeks, as the venue computes them. */
export interface Greeks {
  /** Change of value with the price of the underlying. */
  delta?: number | null;
  /** Change of delta with the price of the underlying. */
  gamma?: number | null;
  /** Change of value with the volatility. */
  vega?: number | null;
  /** Change of value in a day. */
  theta?: number | null;
  /** Change of value with the interest rate. */
  rho?: number | null;
}

/** Data of `book.X.{group}.{depth}.{interval}`: the best levels, complete each time. With a `status` there are no levels: the book is not live. */
export interface GroupedBook {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  /** The name of the instrument. */
  instrument_name: string;
  /** The number of this state of the book. */
  change_id: number;
  /** Levels of the bid side: action, price and amount, or price and amount. */
  bids: [number, number][];
  /** Levels of the ask side: action, price and amount, or price and amount. */
  asks: [number, number][];
  status?: BookStatus | null;
}

/** The state of a book and what has happened to it since the source began. `unbroken_since` is since when it has been live without a break, null while it is not. `coverage_bp` is how far the bids and the asks are known from the middle, in basis points: null to the end of the side, below 0 where the market has left what is known. `complete_to` are the prices. `audited` levels were compared by all audits. */
export interface Health {
  /** The name of the instrument. */
  instrument_name: string;
  /** When, in milliseconds since 1970. */
  timestamp: number;
  state: "live" | "stale" | "syncing";
  /** Why. */
  reason: string;
  /** When the state began, in milliseconds since 1970. */
  since: number;
  /** Milliseconds since the state began. */
  age: number;
  unbroken_since: number | null;
  gaps: number;
  outages: Record<string, number>;
  resyncs: number;
  audits: number;
  audited: number;
  unequal: number;
  /** The lowest bid and the highest ask up to which every level is known; null: to the end. */
  complete_to: [number | null, number | null];
  /** How far bids and asks are known from the middle, in basis points. */
  coverage_bp: [number | null, number | null] | null;
  last_audit?: LastAudit | null;
}

/** One horizon: `unavailable` if the book's updates come too rarely for it; no score before enough has matured. */
export interface HorizonFlow {
  horizon_ms: number;
  state: "available" | "unavailable";
  made?: Prediction[];
  matured?: MaturedPrediction[];
  score?: HorizonScore | null;
}

/** Of the newest `predictions` that matured; `effective` is how many blocks of them do not overlap. `skill_over` is 1 − Brier/Brier of each baseline; `skill` is `none` unless the whole interval over the calibrated imbalance is above 0. `worth` is the share of predictions whose expected move exceeds half the spread and `fee_bp`. */
export interface HorizonScore {
  at_ms: number;
  predictions: number;
  effective: number;
  moved: number;
  predictors: Record<string, PredictorScore>;
  skill_over: Record<string, [number | null, number | null, number | null]>;
  skill: "none" | "positive";
  calibration: CalibrationBin[];
  worth: number;
  fee_bp: number | null;
}

/** Data of `imbalance.X`: from −1 (only asks) to 1 (only bids). `trades` is Σ s v / Σ v of the interval. */
export interface ImbalanceData {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  /** The name of the instrument. */
  instrument_name: string;
  state: "failed" | "live" | "stale" | "syncing";
  /** Why. */
  reason?: string;
  /** The number of this state of the book. */
  change_id?: number | null;
  mid?: number | null;
  micro_price?: number | null;
  queue?: number | null;
  levels?: OfBand[];
  bands?: OfBand[];
  weighted?: OfBand | null;
  flow?: FlowSum | null;
  integrated_flow?: IntegratedSum | null;
  trades?: number | null;
  traded?: number | null;
  vpin?: Toxicity | null;
}

/** A ticker (`snapshot`), then only the members that changed; null if one is unknown now. */
export interface IncrementalTicker {
  type: "change" | "snapshot";
  /** When, in milliseconds since 1970. */
  timestamp: number;
  /** The name of the instrument. */
  instrument_name: string;
}

/** An index price. */
export interface IndexPrice {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  /** An index such as btc_usd. */
  index_name: string;
  /** Price in the quote unit, a multiple of the tick size; of options in the base coin if they are inverse. */
  price: number;
}

/** An index over the last 24 hours; `change24h` is in its unit. */
export interface IndexStatistics {
  /** An index such as btc_usd. */
  index_name: string;
  low24h: number;
  high24h: number;
  change24h: number;
  high_volatility: boolean;
}

/** An index, and what would be settled at now. */
export interface IndexValue {
  /** The price of the index. */
  index_price: number;
  /** The price at which it would be delivered now. */
  estimated_delivery_price: number;
}

/** One instrument of one venue, under the venue's own name. `price_exponent` and `size_exponent` (never above zero) define the unit of ticks and lots. Sizes are in the venue's unit, named by `size_unit`: base coin, quote currency, or contracts of `contract_size` (base coin, or quote currency when `inverse`). Times are nanoseconds since 1970, commissions fractions. Every default means that the fact is unknown (empty, 0 or None): what neither the venue's list nor the name states is not guessed. `inverse` and `size_unit` have no meaning while the `kind` is unknown. */
export interface Instrument {
  venue: string;
  name: string;
  kind: "" | "future" | "future_combo" | "option" | "option_combo" | "spot";
  base: string;
  quote: string;
  settlement: string;
  price_exponent: number;
  size_exponent: number;
  /** The least difference of two prices. */
  tick_size?: string;
  tick_size_steps?: [string, string][];
  min_trade_size?: string;
  size_unit?: "base" | "contracts" | "quote";
  contract_size?: number;
  inverse?: boolean;
  expiration_ns?: number;
  creation_ns?: number;
  strike?: number | null;
  option_type?: "call" | "put" | null;
  settlement_period?: string;
  /** An index such as btc_usd. */
  index_name?: string;
  maker_commission?: number | null;
  taker_commission?: number | null;
  max_leverage?: number | null;
  max_liquidation_commission?: number | null;
  active?: boolean;
  stated?: boolean;
}

/** One instrument; null is what nobody has stated. */
export interface InstrumentFacts {
  /** The name of the instrument. */
  instrument_name: string;
  instrument_id: number;
  kind: string | null;
  state: string;
  is_active: boolean;
  base_currency: string | null;
  quote_currency: string | null;
  counter_currency: string | null;
  contract_size: number | null;
  amount_unit: string | null;
  price_index: string | null;
  instrument_type: string | null;
  /** When it was made, in milliseconds since 1970. */
  creation_timestamp: number | null;
  /** When it expires, in milliseconds since 1970. */
  expiration_timestamp: number | null;
  rfq: boolean;
  underlying_type: string;
  venue: string;
  /** The least difference of two prices. */
  tick_size: number | null;
  /** The least amount of an order. */
  min_trade_amount: number | null;
  tick_size_steps?: TickSizeStep[] | null;
  maker_commission?: number | null;
  taker_commission?: number | null;
  max_leverage?: number | null;
  max_liquidation_commission?: number | null;
  settlement_currency?: string | null;
  settlement_period?: string | null;
  future_type?: string | null;
  strike?: number | null;
  option_type?: string | null;
}

/** An instrument was listed or has ended. */
export interface InstrumentState {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  /** The name of the instrument. */
  instrument_name: string;
  state: "closed" | "created" | "settled" | "started" | "terminated";
}

/** The flow of all levels as one figure, in units of the mean size of a level; null before 30 `windows` are known. `weights`, which sum to 1 in absolute value, are the first principal component of the newest 200 `windows` of so many updates; `explained` is its share of their variance. `band`, `used` and `known` are as in the flow by level. */
export interface IntegratedSum {
  value: number | null;
  band: number;
  used: number;
  known: boolean;
  weights: number[];
  explained: number | null;
  windows: number;
}

/** The newest comparison of a book with an image of its venue at the same id (`change_id` is the venue's). */
export interface LastAudit {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  /** The number of this state of the book. */
  change_id: number;
  compared: number;
  equal_share: number;
  missing: number;
  extra: number;
  different: number;
}

/** An order that another one brings along; without a size it has that of the other. */
export interface LinkedOrder {
  /** Size in the instrument's unit: USD for inverse perpetuals and futures, the coin for others. */
  amount?: number | string | null;
  /** Size in contracts, instead of amount; with both they must agree. */
  contracts?: number | string | null;
  /** The type of the order. */
  type?: "limit" | "market" | "market_limit" | "stop_limit" | "stop_market" | "take_limit" | "take_market" | "trailing_stop";
  /** A text of the client's own. */
  label?: string;
  /** Price in the quote unit, a multiple of the tick size; of options in the base coin if they are inverse. */
  price?: number | string | null;
  /** How long the order stands. */
  time_in_force?: "fill_or_kill" | "good_til_cancelled" | "good_til_day" | "immediate_or_cancel";
  /** The part of the amount that others see; the rest follows as it fills (iceberg). */
  display_amount?: number | string | null;
  /** The old name of display_amount. */
  max_show?: number | string | null;
  /** Whether the order may only rest: its price is moved away from the other side. */
  post_only?: boolean;
  /** With post_only: whether an order that would trade at once is refused instead of moved. */
  reject_post_only?: boolean;
  /** Whether the order may only make a position smaller. */
  reduce_only?: boolean;
  /** The price that triggers a stop or take order. */
  trigger?: "index_price" | "last_price" | "mark_price" | null;
  /** The price at which the order is triggered. */
  trigger_price?: number | string | null;
  /** How far behind the best price a trailing stop follows. */
  trigger_offset?: number | string | null;
  /** Which fill of this order triggers the linked ones. */
  trigger_fill_condition?: "complete_fill" | "first_hit" | "incremental";
  /** Whether market maker protection counts this order, and cancels it. */
  mmp?: boolean;
  /** The name of the protection's group; empty for the one without a name. */
  mmp_group?: string;
  /** Orders in USD or by volatility: not available, refused if given. */
  advanced?: "implv" | "usd" | null;
  /** The request is refused if it is executed later, in milliseconds since 1970. */
  valid_until?: number | string | null;
  /** Whether it buys or sells. */
  direction: "buy" | "sell";
  /** How the orders in otoco_config are linked to this one. */
  linked_order_type?: "one_cancels_other" | "one_triggers_one_cancels_other" | "one_triggers_other" | null;
}

/** An account was locked by a liquidation, or unlocked. */
export interface Lock {
  locked: boolean;
  /** A currency such as BTC, or any. */
  currency: string;
}

/** A change of a balance, and what brought it about. */
export interface LogEntry {
  id: number;
  user_seq: number;
  user_id: number;
  username: string;
  /** When, in milliseconds since 1970. */
  timestamp: number;
  type: string;
  /** A currency such as BTC, or any. */
  currency: string;
  change: number;
  /** Money without the profit and loss of open positions. */
  balance: number;
  cashflow: number;
  commission: number;
  info: LogInfo;
  profit_as_cashflow: boolean;
  /** The name of the instrument. */
  instrument_name?: string;
  /** Size in the instrument's unit: USD for inverse perpetuals and futures, the coin for others. */
  amount?: number;
  /** Size in contracts, instead of amount; with both they must agree. */
  contracts?: number | null;
  position?: number | null;
  /** Price in the quote unit, a multiple of the tick size; of options in the base coin if they are inverse. */
  price?: number | null;
  price_currency?: string;
  /** The price of the index. */
  index_price?: number | null;
  /** The price by which positions are valued. */
  mark_price?: number | null;
  interest_pl?: number | null;
  side?: string;
  /** The id of the order. */
  order_id?: string;
  /** The id of the trade. */
  trade_id?: string;
  user_role?: string;
  fee_role?: string;
}

/** More about a change: of a transfer and a moved position the other account. */
export interface LogInfo {
  other_side?: string;
}

/** How frames are attested from here on. */
export interface Mac {
  algorithm: string;
  nonce: string;
}

/** What another margin model changed in a currency. */
export interface MarginChange {
  /** A currency such as BTC, or any. */
  currency: string;
  old_state: MarginRates;
  new_state: MarginRates;
}

/** Margins as shares of the margin balance. */
export interface MarginRates {
  initial_margin_rate: number;
  maintenance_margin_rate: number;
  available_balance: number;
}

/** What an order would need, and between which prices it may be. */
export interface Margins {
  buy: number;
  sell: number;
  min_price: number | null;
  max_price: number | null;
}

/** An option's mark price; the IV is a fraction. */
export interface MarkPrice {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  /** The name of the instrument. */
  instrument_name: string;
  /** The price by which positions are valued. */
  mark_price: number | null;
  /** Implied volatility, in percent a year unless stated. */
  iv: number | null;
}

/** A prediction and what happened (−1, 0, 1): with the baselines', enough to compute the score again. */
export interface MaturedPrediction {
  number: number;
  at_ms: number;
  probabilities: Record<string, [number, number, number]>;
  outcome: number;
  move_bp: number;
}

/** Market-maker protection as it is set; seconds. */
export interface MmpConfig {
  /** An index such as btc_usd. */
  index_name: string;
  /** The name of the protection's group; empty for the one without a name. */
  mmp_group: string;
  interval: number;
  frozen_time: number;
  block_rfq: boolean;
  quantity_limit?: number | null;
  delta_limit?: number | null;
  vega_limit?: number | null;
  trade_count_limit?: number | null;
}

/** A frozen group; 0 is until reset. */
export interface MmpStatus {
  /** An index such as btc_usd. */
  index_name: string;
  /** The name of the protection's group; empty for the one without a name. */
  mmp_group: string;
  frozen_until: number;
}

/** A triggered market maker protection; `frozen_until` 0 means until reset. */
export interface MmpTrigger {
  /** An index such as btc_usd. */
  index_name: string;
  frozen_until: number;
  /** The name of the protection's group; empty for the one without a name. */
  mmp_group?: string;
}

/** What went to or came from another account of the same owner. */
export interface MoneyTransfer {
  id: number;
  /** Size in the instrument's unit: USD for inverse perpetuals and futures, the coin for others. */
  amount: number;
  /** A currency such as BTC, or any. */
  currency: string;
  /** Whether it buys or sells. */
  direction: "income" | "payment";
  other_side: string;
  state: string;
  type: string;
  created_timestamp: number;
  updated_timestamp: number;
  nonce?: string;
}

/** A part of a position that another account has now. */
export interface MovedPosition {
  /** The name of the instrument. */
  instrument_name: string;
  /** Whether it buys or sells. */
  direction: string;
  /** Size in the instrument's unit: USD for inverse perpetuals and futures, the coin for others. */
  amount: number;
  /** Price in the quote unit, a multiple of the tick size; of options in the base coin if they are inverse. */
  price: number;
  source_uid: number;
  target_uid: number;
}

/** All of them. */
export interface MovedPositions {
  trades: MovedPosition[];
}

/** A sub-account that was just created. */
export interface NewSubaccount {
  id: number;
  username: string;
  system_name: string;
  type: string;
  email: string;
  is_password: boolean;
  login_enabled: boolean;
  receive_notifications: boolean;
  margin_model: string;
  proof_id: string;
  proof_id_signature: string;
  security_keys_enabled: boolean;
  security_keys_assignments: string[];
  portfolio?: Record<string, SubaccountPortfolio>;
  disabled_trading_products?: string[];
  trading_products_details?: TradingProduct[];
  referrals_count?: number;
}

/** Both ways of a market order of this notional. */
export interface NotionalFills {
  notional: number;
  buy: Fill;
  sell: Fill;
}

/** A figure of a band (levels a side, or basis points around the mid): that requested, and that used. `known` is whether these are the same; else `used` is the widest known on both sides. */
export interface OfBand {
  band: number;
  used: number;
  value: number | null;
  known: boolean;
}

/** A ticker and the best levels: price and amount, best first. */
export interface OrderBook {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  /** The name of the instrument. */
  instrument_name: string;
  state: string;
  /** The highest bid; 0.0 if there is none. */
  best_bid_price: number;
  /** The amount at the best bid. */
  best_bid_amount: number;
  /** The lowest ask; 0.0 if there is none. */
  best_ask_price: number;
  /** The amount at the best ask. */
  best_ask_amount: number;
  /** The price of the last trade. */
  last_price: number | null;
  /** The last 24 hours. */
  stats: Stats;
  min_price: number | null;
  max_price: number | null;
  /** The price by which positions are valued. */
  mark_price: number | null;
  /** The price of the index. */
  index_price: number | null;
  /** The price at which it would be delivered now. */
  estimated_delivery_price: number | null;
  /** The sum of all long positions. */
  open_interest: number | null;
  /** The price of the last settlement. */
  settlement_price?: number | null;
  /** The present funding rate of a perpetual. */
  current_funding?: number | null;
  /** The funding rate of the last eight hours. */
  funding_8h?: number | null;
  interest_value?: number | null;
  /** Implied volatility of the mark price, in percent a year. */
  mark_iv?: number | null;
  /** Implied volatility of the best bid, in percent a year. */
  bid_iv?: number | null;
  /** Implied volatility of the best ask, in percent a year. */
  ask_iv?: number | null;
  /** The price of the underlying, from which the volatility was computed. */
  underlying_price?: number | null;
  /** The name of the underlying future or index. */
  underlying_index?: string | null;
  interest_rate?: number | null;
  /** The option's greeks. */
  greeks?: Greeks | null;
  status?: Status | null;
  /** The number of this state of the book. */
  change_id: number;
  /** Levels of the bid side: action, price and amount, or price and amount. */
  bids: [number, number][];
  /** Levels of the ask side: action, price and amount, or price and amount. */
  asks: [number, number][];
  /** The lowest bid and the highest ask up to which every level is known; null: to the end. */
  complete_to?: [number | null, number | null];
}

/** What an order alone requires. */
export interface OrderMargin {
  /** The id of the order. */
  order_id: string;
  /** Margin that a new order must leave. */
  initial_margin: number;
  initial_margin_currency: string;
}

/** A page of orders, and where the next begins. */
export interface OrderPage {
  orders: UserOrder[];
  continuation: string | null;
}

/** Greeks at our volatility, in Deribit's units (`vega` per point, `theta` per day). */
export interface OwnGreeks {
  /** Change of value with the price of the underlying. */
  delta: number;
  /** Change of delta with the price of the underlying. */
  gamma: number;
  /** Change of value with the volatility. */
  vega: number;
  /** Change of value in a day. */
  theta: number;
  vanna: number;
  volga: number;
  charm: number;
}

/** The strike at which holders of an expiry are paid least; `open_interest_at` is the time of the open interest. */
export interface PainData {
  expiry: string;
  strike: number;
  payout: number;
  open_interest_at: number;
}

/** Funding rate and index of a perpetual. */
export interface Perpetual {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  interest: number | null;
  /** The price of the index. */
  index_price: number | null;
}

/** An order, and the trades that it led to at once. */
export interface PlacedOrder {
  order: UserOrder;
  trades: UserTrade[];
}

/** The markets of an index are locked, or not any more. */
export interface PlatformState {
  price_index: string;
  locked: boolean;
}

/** Which indices are locked. */
export interface PlatformStatus {
  locked: string;
  locked_indices: string[];
}

/** A position; money in the settlement currency, `_usd` in dollars. */
export interface Position {
  /** The name of the instrument. */
  instrument_name: string;
  kind: string;
  /** Whether it buys or sells. */
  direction: "buy" | "sell" | "zero";
  /** The size of the position; below zero if short. */
  size: number;
  /** The mean price of the fills. */
  average_price: number;
  /** The price by which positions are valued. */
  mark_price: number;
  /** The price of the index. */
  index_price: number;
  /** The price of the last settlement. */
  settlement_price: number;
  /** Margin that a new order must leave. */
  initial_margin: number;
  /** Margin below which positions are liquidated. */
  maintenance_margin: number;
  open_orders_margin: number;
  /** Profit and loss of the open position. */
  floating_profit_loss: number;
  realized_profit_loss: number;
  total_profit_loss: number;
  /** Change of value with the price of the underlying. */
  delta: number;
  /** Change of delta with the price of the underlying. */
  gamma?: number | null;
  /** Change of value with the volatility. */
  vega?: number | null;
  /** Change of value in a day. */
  theta?: number | null;
  /** The mean price in USD. */
  average_price_usd?: number | null;
  floating_profit_loss_usd?: number | null;
  size_currency?: number | null;
  leverage?: number | null;
  realized_funding?: number | null;
  interest_value?: number | null;
  /** The mark price at which the position would be liquidated, all else equal. */
  estimated_liquidation_price?: number | null;
}

/** How much of a position is moved, and at which price; the mark price if there is none. */
export interface PositionPart {
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
  /** Size in the instrument's unit: USD for inverse perpetuals and futures, the coin for others. */
  amount: number | string;
  /** Price in the quote unit, a multiple of the tick size; of options in the base coin if they are inverse. */
  price?: number | null;
}

/** A prediction made at `at_ms`: probabilities of a fall, no move and a rise. */
export interface Prediction {
  number: number;
  at_ms: number;
  probabilities: [number, number, number];
}

/** Figures of one predictor with their 95 % intervals; `auc` and `mcc` of predictions whose mid moved. */
export interface PredictorScore {
  accuracy: [number | null, number | null, number | null];
  balanced_accuracy: [number | null, number | null, number | null];
  mcc: [number | null, number | null, number | null];
  auc: [number | null, number | null, number | null];
  brier: [number | null, number | null, number | null];
  log_loss: [number | null, number | null, number | null];
  information_coefficient: [number | null, number | null, number | null];
}

/** Kyle's λ: the change of the mid per unit of signed volume, of the newest `used` intervals of `band`. `known` is whether these are all; `value` is null if nothing was traded in them. `r_squared` is of the same intervals: it is no forecast. */
export interface PriceImpact {
  band: number;
  used: number;
  value: number | null;
  known: boolean;
  r_squared: number | null;
}

/** Data of `prices.X`: trades of the interval, and the mid, mark and index at its end. `twap` weights each mid by how long it stood, `vwap` trades by size (inverse: Σ usd / Σ usd/p). The basis is (mark − index)/index in basis points; funding is as the venue states it, a fraction. */
export interface PricesData {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  /** The name of the instrument. */
  instrument_name: string;
  state: "failed" | "live" | "stale" | "syncing";
  /** Why. */
  reason?: string;
  mid?: number | null;
  twap?: number | null;
  open?: number | null;
  high?: number | null;
  low?: number | null;
  close?: number | null;
  vwap?: number | null;
  /** What was traded, in the base coin. */
  volume?: number;
  trades?: number;
  /** The price by which positions are valued. */
  mark_price?: number | null;
  /** The price of the index. */
  index_price?: number | null;
  basis_bp?: number | null;
  /** The present funding rate of a perpetual. */
  current_funding?: number | null;
  /** The funding rate of the last eight hours. */
  funding_8h?: number | null;
}

/** A new order: `amount` or `contracts`, and what its type needs. */
export interface PrivateBuyParams {
  /** Size in the instrument's unit: USD for inverse perpetuals and futures, the coin for others. */
  amount?: number | string | null;
  /** Size in contracts, instead of amount; with both they must agree. */
  contracts?: number | string | null;
  /** The type of the order. */
  type?: "limit" | "market" | "market_limit" | "stop_limit" | "stop_market" | "take_limit" | "take_market" | "trailing_stop";
  /** A text of the client's own. */
  label?: string;
  /** Price in the quote unit, a multiple of the tick size; of options in the base coin if they are inverse. */
  price?: number | string | null;
  /** How long the order stands. */
  time_in_force?: "fill_or_kill" | "good_til_cancelled" | "good_til_day" | "immediate_or_cancel";
  /** The part of the amount that others see; the rest follows as it fills (iceberg). */
  display_amount?: number | string | null;
  /** The old name of display_amount. */
  max_show?: number | string | null;
  /** Whether the order may only rest: its price is moved away from the other side. */
  post_only?: boolean;
  /** With post_only: whether an order that would trade at once is refused instead of moved. */
  reject_post_only?: boolean;
  /** Whether the order may only make a position smaller. */
  reduce_only?: boolean;
  /** The price that triggers a stop or take order. */
  trigger?: "index_price" | "last_price" | "mark_price" | null;
  /** The price at which the order is triggered. */
  trigger_price?: number | string | null;
  /** How far behind the best price a trailing stop follows. */
  trigger_offset?: number | string | null;
  /** Which fill of this order triggers the linked ones. */
  trigger_fill_condition?: "complete_fill" | "first_hit" | "incremental";
  /** Whether market maker protection counts this order, and cancels it. */
  mmp?: boolean;
  /** The name of the protection's group; empty for the one without a name. */
  mmp_group?: string;
  /** Orders in USD or by volatility: not available, refused if given. */
  advanced?: "implv" | "usd" | null;
  /** The request is refused if it is executed later, in milliseconds since 1970. */
  valid_until?: number | string | null;
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
  /** Extension: if an order with this label is known already, it is returned, and none is placed. */
  unique_label?: boolean;
  /** How the orders in otoco_config are linked to this one. */
  linked_order_type?: "one_cancels_other" | "one_triggers_one_cancels_other" | "one_triggers_other" | null;
  /** One or two orders that are linked to this one. */
  otoco_config?: LinkedOrder[] | null;
}

export type PrivateBuyResult = PlacedOrder;

export interface PrivateCancelAllByCurrencyPairParams {
  /** Whether the answer lists the orders instead of their number. */
  detailed?: boolean;
  /** Refused if true: quotes are not frozen. */
  freeze_quotes?: boolean;
  /** A pair such as btc_usd. */
  currency_pair: string;
  /** The kind of instruments. */
  kind?: "any" | "combo" | "future" | "future_combo" | "option" | "option_combo" | "spot";
  /** The type of the order. */
  type?: "all" | "limit" | "stop" | "take" | "trailing_stop" | "trigger_all";
}

export type PrivateCancelAllByCurrencyPairResult = number | CancelledOrders[];

export interface PrivateCancelAllByCurrencyParams {
  /** Whether the answer lists the orders instead of their number. */
  detailed?: boolean;
  /** Refused if true: quotes are not frozen. */
  freeze_quotes?: boolean;
  /** A currency such as BTC, or any. */
  currency: string;
  /** The kind of instruments. */
  kind?: "any" | "combo" | "future" | "future_combo" | "option" | "option_combo" | "spot";
  /** The type of the order. */
  type?: "all" | "limit" | "stop" | "take" | "trailing_stop" | "trigger_all";
}

export type PrivateCancelAllByCurrencyResult = number | CancelledOrders[];

export interface PrivateCancelAllByInstrumentParams {
  /** Whether the answer lists the orders instead of their number. */
  detailed?: boolean;
  /** Refused if true: quotes are not frozen. */
  freeze_quotes?: boolean;
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
  /** The type of the order. */
  type?: "all" | "limit" | "stop" | "take" | "trailing_stop" | "trigger_all";
}

export type PrivateCancelAllByInstrumentResult = number | CancelledOrders[];

export interface PrivateCancelAllByKindOrTypeParams {
  /** Whether the answer lists the orders instead of their number. */
  detailed?: boolean;
  /** Refused if true: quotes are not frozen. */
  freeze_quotes?: boolean;
  /** A currency such as BTC, or any. */
  currency?: string | string[];
  /** The kind of instruments. */
  kind?: "any" | "combo" | "future" | "future_combo" | "option" | "option_combo" | "spot";
  /** The type of the order. */
  type?: "all" | "limit" | "stop" | "take" | "trailing_stop" | "trigger_all";
}

export type PrivateCancelAllByKindOrTypeResult = number | CancelledOrders[];

export interface PrivateCancelAllParams {
  /** Whether the answer lists the orders instead of their number. */
  detailed?: boolean;
  /** Refused if true: quotes are not frozen. */
  freeze_quotes?: boolean;
}

export type PrivateCancelAllResult = number | CancelledOrders[];

export interface PrivateCancelByLabelParams {
  /** Whether the answer lists the orders instead of their number. */
  detailed?: boolean;
  /** Refused if true: quotes are not frozen. */
  freeze_quotes?: boolean;
  /** A text of the client's own. */
  label: string;
  /** A currency such as BTC, or any. */
  currency?: string | null;
}

export type PrivateCancelByLabelResult = number | CancelledOrders[];

export interface PrivateCancelParams {
  /** The id of an order. */
  order_id: string;
}

export interface PrivateCancelQuotesParams {
  /** Whether the answer lists the orders instead of their number. */
  detailed?: boolean;
  /** Refused if true: quotes are not frozen. */
  freeze_quotes?: boolean;
  /** By what quotes are cancelled; the parameter of that name must be there, the others narrow it. */
  cancel_type?: "all" | "currency" | "currency_pair" | "instrument" | "instrument_kind" | "kind" | "quote_set_id";
  /** A currency such as BTC, or any. */
  currency?: string | null;
  /** A pair such as btc_usd. */
  currency_pair?: string | null;
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name?: string | null;
  /** The kind of instruments. */
  kind?: "any" | "combo" | "future" | "future_combo" | "option" | "option_combo" | "spot" | null;
  /** The client's own id of a set of quotes. */
  quote_set_id?: string | null;
  /** Refused if given: quotes are not cancelled by delta. */
  min_delta?: number | null;
  /** Refused if given: quotes are not cancelled by delta. */
  max_delta?: number | null;
}

export type PrivateCancelQuotesResult = number | CancelledOrders[];

export type PrivateCancelResult = UserOrder;

export interface PrivateChangeMarginModelParams {
  /** How margin is computed: standard (_sm) or portfolio margin (_pm). */
  margin_model: "segregated_pm" | "segregated_sm";
  /** The number of the account; the own one if absent. */
  user_id?: number | null;
  /** Whether only the consequences are computed. */
  dry_run?: boolean;
}

export type PrivateChangeMarginModelResult = MarginChange[];

export interface PrivateChangeSubaccountNameParams {
  /** The number of a sub-account. */
  sid: number;
  /** The name of a sub-account. */
  name: string;
}

export type PrivateChangeSubaccountNameResult = "ok";

/** How a position is closed; a limit order needs a price. */
export interface PrivateClosePositionParams {
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
  /** The type of the order. */
  type: "limit" | "market";
  /** Price in the quote unit, a multiple of the tick size; of options in the base coin if they are inverse. */
  price?: number | string | null;
}

export type PrivateClosePositionResult = PlacedOrder;

export type PrivateCreateSubaccountParams = Record<string, never>;

export type PrivateCreateSubaccountResult = NewSubaccount;

export interface PrivateDisableCancelOnDisconnectParams {
  /** For this connection, or for every one of the account. */
  scope?: "account" | "connection";
}

export type PrivateDisableCancelOnDisconnectResult = "ok";

/** Parameters of the edit of the one open order of an instrument with a label. */
export interface PrivateEditByLabelParams {
  /** Size in the instrument's unit: USD for inverse perpetuals and futures, the coin for others. */
  amount?: number | string | null;
  /** Size in contracts, instead of amount; with both they must agree. */
  contracts?: number | string | null;
  /** Price in the quote unit, a multiple of the tick size; of options in the base coin if they are inverse. */
  price?: number | string | null;
  /** The part of the amount that others see; the rest follows as it fills (iceberg). */
  display_amount?: number | string | null;
  /** The old name of display_amount. */
  max_show?: number | string | null;
  /** Whether the order may only rest: its price is moved away from the other side. */
  post_only?: boolean | null;
  /** With post_only: whether an order that would trade at once is refused instead of moved. */
  reject_post_only?: boolean | null;
  /** Whether the order may only make a position smaller. */
  reduce_only?: boolean | null;
  /** The price at which the order is triggered. */
  trigger_price?: number | string | null;
  /** How far behind the best price a trailing stop follows. */
  trigger_offset?: number | string | null;
  /** Whether market maker protection counts this order, and cancels it. */
  mmp?: boolean | null;
  /** Orders in USD or by volatility: not available, refused if given. */
  advanced?: "implv" | "usd" | null;
  /** The request is refused if it is executed later, in milliseconds since 1970. */
  valid_until?: number | string | null;
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
  /** A text of the client's own. */
  label?: string;
}

export type PrivateEditByLabelResult = PlacedOrder;

/** What of an open order changes. */
export interface PrivateEditParams {
  /** Size in the instrument's unit: USD for inverse perpetuals and futures, the coin for others. */
  amount?: number | string | null;
  /** Size in contracts, instead of amount; with both they must agree. */
  contracts?: number | string | null;
  /** Price in the quote unit, a multiple of the tick size; of options in the base coin if they are inverse. */
  price?: number | string | null;
  /** The part of the amount that others see; the rest follows as it fills (iceberg). */
  display_amount?: number | string | null;
  /** The old name of display_amount. */
  max_show?: number | string | null;
  /** Whether the order may only rest: its price is moved away from the other side. */
  post_only?: boolean | null;
  /** With post_only: whether an order that would trade at once is refused instead of moved. */
  reject_post_only?: boolean | null;
  /** Whether the order may only make a position smaller. */
  reduce_only?: boolean | null;
  /** The price at which the order is triggered. */
  trigger_price?: number | string | null;
  /** How far behind the best price a trailing stop follows. */
  trigger_offset?: number | string | null;
  /** Whether market maker protection counts this order, and cancels it. */
  mmp?: boolean | null;
  /** Orders in USD or by volatility: not available, refused if given. */
  advanced?: "implv" | "usd" | null;
  /** The request is refused if it is executed later, in milliseconds since 1970. */
  valid_until?: number | string | null;
  /** The id of an order. */
  order_id: string;
}

export type PrivateEditResult = PlacedOrder;

export interface PrivateEnableCancelOnDisconnectParams {
  /** For this connection, or for every one of the account. */
  scope?: "account" | "connection";
}

export type PrivateEnableCancelOnDisconnectResult = "ok";

export interface PrivateEnableMacParams {
  /** A text that is used once. */
  nonce: string;
}

export type PrivateEnableMacResult = Mac;

/** For methods without parameters; any given ones are ignored. */
export type PrivateGetAccessLogParams = Record<string, never>;

export type PrivateGetAccessLogResult = AccessLogEntry[];

export interface PrivateGetAccountSummariesParams {
  /** Whether the answer says more. */
  extended?: boolean;
  /** The number of a sub-account for which the owner asks. */
  subaccount_id?: number | null;
}

export type PrivateGetAccountSummariesResult = AccountSummaries;

export interface PrivateGetAccountSummaryParams {
  /** A currency such as BTC, or any. */
  currency: string;
  /** Whether the answer says more. */
  extended?: boolean;
  /** The number of a sub-account for which the owner asks. */
  subaccount_id?: number | null;
}

export type PrivateGetAccountSummaryResult = AccountSummary;

export interface PrivateGetCancelOnDisconnectParams {
  /** The setting of this connection, or of the account. */
  scope?: "account" | "connection";
}

export type PrivateGetCancelOnDisconnectResult = CancelOnDisconnect;

export interface PrivateGetDepositsParams {
  /** A currency such as BTC, or any. */
  currency: string;
  /** The most entries in the answer. */
  count?: number;
  /** How many entries are left out at the beginning. */
  offset?: number;
}

export type PrivateGetDepositsResult = Deposits;

export interface PrivateGetMarginsParams {
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
  /** Size in the instrument's unit: USD for inverse perpetuals and futures, the coin for others. */
  amount: number | string;
  /** Price in the quote unit, a multiple of the tick size; of options in the base coin if they are inverse. */
  price: number | string;
}

export type PrivateGetMarginsResult = Margins;

export interface PrivateGetMmpConfigParams {
  /** An index such as btc_usd. */
  index_name?: string;
  /** The name of the protection's group; empty for the one without a name. */
  mmp_group?: string | null;
}

export type PrivateGetMmpConfigResult = MmpConfig[];

export interface PrivateGetMmpStatusParams {
  /** An index such as btc_usd. */
  index_name?: string;
  /** The name of the protection's group; empty for the one without a name. */
  mmp_group?: string | null;
}

export type PrivateGetMmpStatusResult = MmpStatus[];

export interface PrivateGetNewAnnouncementsParams {
  /** The beginning of the time, in milliseconds since 1970. */
  start_timestamp?: number | null;
  /** The most entries in the answer. */
  count?: number;
}

export type PrivateGetNewAnnouncementsResult = Announcement[];

export interface PrivateGetOpenOrdersByCurrencyParams {
  /** The kind of instruments. */
  kind?: string;
  /** The type of the order. */
  type?: "all" | "limit" | "stop_all" | "stop_limit" | "stop_market" | "take_all" | "take_limit" | "take_market" | "trailing_all" | "trailing_stop" | "trigger_all";
  /** A currency such as BTC, or any. */
  currency: string;
}

export type PrivateGetOpenOrdersByCurrencyResult = UserOrder[];

export interface PrivateGetOpenOrdersByInstrumentParams {
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
  /** The type of the order. */
  type?: "all" | "limit" | "stop_all" | "stop_limit" | "stop_market" | "take_all" | "take_limit" | "take_market" | "trailing_all" | "trailing_stop" | "trigger_all";
}

export type PrivateGetOpenOrdersByInstrumentResult = UserOrder[];

export interface PrivateGetOpenOrdersByLabelParams {
  /** A currency such as BTC, or any. */
  currency: string;
  /** A text of the client's own. */
  label?: string;
}

export type PrivateGetOpenOrdersByLabelResult = UserOrder[];

export interface PrivateGetOpenOrdersParams {
  /** The kind of instruments. */
  kind?: string;
  /** The type of the order. */
  type?: "all" | "limit" | "stop_all" | "stop_limit" | "stop_market" | "take_all" | "take_limit" | "take_market" | "trailing_all" | "trailing_stop" | "trigger_all";
}

export type PrivateGetOpenOrdersResult = UserOrder[];

export interface PrivateGetOrderHistoryByCurrencyParams {
  /** The most entries in the answer. */
  count?: number;
  /** How many entries are left out at the beginning. */
  offset?: number;
  /** Ignored: all orders that are kept are searched. */
  include_old?: boolean;
  /** Also orders that ended without a trade. */
  include_unfilled?: boolean;
  /** Ignored: all trades and orders that are kept are searched. */
  historical?: boolean;
  /** Whether the answer has `continuation` for the next page. */
  with_continuation?: boolean;
  /** The `continuation` of the page before; absent for the first page. */
  continuation?: string | number | null;
  /** A currency such as BTC, or any. */
  currency: string;
  /** The kind of instruments. */
  kind?: string;
}

export type PrivateGetOrderHistoryByCurrencyResult = UserOrder[] | OrderPage;

export interface PrivateGetOrderHistoryByInstrumentParams {
  /** The most entries in the answer. */
  count?: number;
  /** How many entries are left out at the beginning. */
  offset?: number;
  /** Ignored: all orders that are kept are searched. */
  include_old?: boolean;
  /** Also orders that ended without a trade. */
  include_unfilled?: boolean;
  /** Ignored: all trades and orders that are kept are searched. */
  historical?: boolean;
  /** Whether the answer has `continuation` for the next page. */
  with_continuation?: boolean;
  /** The `continuation` of the page before; absent for the first page. */
  continuation?: string | number | null;
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
}

export type PrivateGetOrderHistoryByInstrumentResult = UserOrder[] | OrderPage;

export interface PrivateGetOrderMarginByIdsParams {
  /** Ids of orders. */
  ids: string[];
}

export type PrivateGetOrderMarginByIdsResult = OrderMargin[];

export interface PrivateGetOrderStateByLabelParams {
  /** A currency such as BTC, or any. */
  currency: string;
  /** A text of the client's own. */
  label?: string;
}

export type PrivateGetOrderStateByLabelResult = UserOrder[];

export interface PrivateGetOrderStateParams {
  /** The id of an order. */
  order_id: string;
}

export type PrivateGetOrderStateResult = UserOrder;

export interface PrivateGetPositionParams {
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
}

export type PrivateGetPositionResult = Position;

export interface PrivateGetPositionsParams {
  /** A currency such as BTC, or any. */
  currency?: string;
  /** The kind of instruments. */
  kind?: string;
  /** The number of a sub-account for which the owner asks. */
  subaccount_id?: number | null;
}

export type PrivateGetPositionsResult = Position[];

/** For methods without parameters; any given ones are ignored. */
export type PrivateGetSelfTradingConfigParams = Record<string, never>;

export type PrivateGetSelfTradingConfigResult = SelfTrading;

export interface PrivateGetSettlementHistoryByCurrencyParams {
  /** Settlements, deliveries, or both. */
  type?: "bankruptcy" | "delivery" | "settlement" | null;
  /** The most entries in the answer. */
  count?: number;
  /** The `continuation` of the page before; absent for the first page. */
  continuation?: string | number | null;
  /** Settlements at this time and before, in milliseconds since 1970. */
  search_start_timestamp?: number | null;
  /** A currency such as BTC, or any. */
  currency: string;
}

export type PrivateGetSettlementHistoryByCurrencyResult = Settlements;

export interface PrivateGetSettlementHistoryByInstrumentParams {
  /** Settlements, deliveries, or both. */
  type?: "bankruptcy" | "delivery" | "settlement" | null;
  /** The most entries in the answer. */
  count?: number;
  /** The `continuation` of the page before; absent for the first page. */
  continuation?: string | number | null;
  /** Settlements at this time and before, in milliseconds since 1970. */
  search_start_timestamp?: number | null;
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
}

export type PrivateGetSettlementHistoryByInstrumentResult = Settlements;

export interface PrivateGetSubaccountsDetailsParams {
  /** A currency such as BTC, or any. */
  currency: string;
  /** Also the open orders. */
  with_open_orders?: boolean;
}

export type PrivateGetSubaccountsDetailsResult = SubaccountDetails[];

export interface PrivateGetSubaccountsParams {
  /** Also balances and margins. */
  with_portfolio?: boolean;
}

export type PrivateGetSubaccountsResult = Subaccount[];

export interface PrivateGetTransactionLogParams {
  /** A currency such as BTC, or any. */
  currency: string;
  /** The beginning of the time, in milliseconds since 1970. */
  start_timestamp: number;
  /** The end of the time, in milliseconds since 1970. */
  end_timestamp: number;
  /** Words such as trade, settlement or buy: all of them must fit, or those on one side of a `|`. */
  query?: string;
  /** The most entries in the answer. */
  count?: number;
  /** The `continuation` of the page before; absent for the first page. */
  continuation?: string | number | null;
  /** The number of a sub-account for which the owner asks. */
  subaccount_id?: number | null;
}

export type PrivateGetTransactionLogResult = TransactionLog;

export interface PrivateGetTransfersParams {
  /** A currency such as BTC, or any. */
  currency: string;
  /** The most entries in the answer. */
  count?: number;
  /** How many entries are left out at the beginning. */
  offset?: number;
}

export type PrivateGetTransfersResult = Transfers;

export interface PrivateGetTriggerOrderHistoryParams {
  /** A currency such as BTC, or any. */
  currency: string;
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name?: string | null;
  /** The most entries in the answer. */
  count?: number;
  /** The `continuation` of the page before; absent for the first page. */
  continuation?: string | number | null;
}

export type PrivateGetTriggerOrderHistoryResult = TriggerOrders;

/** For methods without parameters; any given ones are ignored. */
export type PrivateGetUserLocksParams = Record<string, never>;

export type PrivateGetUserLocksResult = UserLock[];

export interface PrivateGetUserTradesByCurrencyAndTimeParams {
  /** The beginning of the time, in milliseconds since 1970. */
  start_timestamp?: number | null;
  /** The end of the time, in milliseconds since 1970. */
  end_timestamp?: number | null;
  /** The first number of a trade within its instrument. */
  start_seq?: number | null;
  /** The last number of a trade within its instrument. */
  end_seq?: number | null;
  /** The first trade id. */
  start_id?: string | number | null;
  /** The last trade id. */
  end_id?: string | number | null;
  /** The most entries in the answer. */
  count?: number;
  /** The order of the answer: oldest first, or newest first. */
  sorting?: "asc" | "default" | "desc";
  /** Ignored: all trades and orders that are kept are searched. */
  historical?: boolean;
  /** The number of a sub-account for which the owner asks. */
  subaccount_id?: number | null;
  /** A currency such as BTC, or any. */
  currency: string;
  /** The kind of instruments. */
  kind?: string;
}

export type PrivateGetUserTradesByCurrencyAndTimeResult = UserTrades;

export interface PrivateGetUserTradesByCurrencyParams {
  /** The beginning of the time, in milliseconds since 1970. */
  start_timestamp?: number | null;
  /** The end of the time, in milliseconds since 1970. */
  end_timestamp?: number | null;
  /** The first number of a trade within its instrument. */
  start_seq?: number | null;
  /** The last number of a trade within its instrument. */
  end_seq?: number | null;
  /** The first trade id. */
  start_id?: string | number | null;
  /** The last trade id. */
  end_id?: string | number | null;
  /** The most entries in the answer. */
  count?: number;
  /** The order of the answer: oldest first, or newest first. */
  sorting?: "asc" | "default" | "desc";
  /** Ignored: all trades and orders that are kept are searched. */
  historical?: boolean;
  /** The number of a sub-account for which the owner asks. */
  subaccount_id?: number | null;
  /** A currency such as BTC, or any. */
  currency: string;
  /** The kind of instruments. */
  kind?: string;
}

export type PrivateGetUserTradesByCurrencyResult = UserTrades;

export interface PrivateGetUserTradesByInstrumentAndTimeParams {
  /** The beginning of the time, in milliseconds since 1970. */
  start_timestamp?: number | null;
  /** The end of the time, in milliseconds since 1970. */
  end_timestamp?: number | null;
  /** The first number of a trade within its instrument. */
  start_seq?: number | null;
  /** The last number of a trade within its instrument. */
  end_seq?: number | null;
  /** The first trade id. */
  start_id?: string | number | null;
  /** The last trade id. */
  end_id?: string | number | null;
  /** The most entries in the answer. */
  count?: number;
  /** The order of the answer: oldest first, or newest first. */
  sorting?: "asc" | "default" | "desc";
  /** Ignored: all trades and orders that are kept are searched. */
  historical?: boolean;
  /** The number of a sub-account for which the owner asks. */
  subaccount_id?: number | null;
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
}

export type PrivateGetUserTradesByInstrumentAndTimeResult = UserTrades;

export interface PrivateGetUserTradesByInstrumentParams {
  /** The beginning of the time, in milliseconds since 1970. */
  start_timestamp?: number | null;
  /** The end of the time, in milliseconds since 1970. */
  end_timestamp?: number | null;
  /** The first number of a trade within its instrument. */
  start_seq?: number | null;
  /** The last number of a trade within its instrument. */
  end_seq?: number | null;
  /** The first trade id. */
  start_id?: string | number | null;
  /** The last trade id. */
  end_id?: string | number | null;
  /** The most entries in the answer. */
  count?: number;
  /** The order of the answer: oldest first, or newest first. */
  sorting?: "asc" | "default" | "desc";
  /** Ignored: all trades and orders that are kept are searched. */
  historical?: boolean;
  /** The number of a sub-account for which the owner asks. */
  subaccount_id?: number | null;
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
}

export type PrivateGetUserTradesByInstrumentResult = UserTrades;

export interface PrivateGetUserTradesByOrderParams {
  /** The id of an order. */
  order_id: string;
  /** The order of the answer: oldest first, or newest first. */
  sorting?: "asc" | "default" | "desc";
  /** Ignored: all trades and orders that are kept are searched. */
  historical?: boolean;
  /** The number of a sub-account for which the owner asks. */
  subaccount_id?: number | null;
}

export type PrivateGetUserTradesByOrderResult = UserTrade[];

export interface PrivateGetWithdrawalsParams {
  /** A currency such as BTC, or any. */
  currency: string;
  /** The most entries in the answer. */
  count?: number;
  /** How many entries are left out at the beginning. */
  offset?: number;
}

export type PrivateGetWithdrawalsResult = Withdrawals;

/** For methods without parameters; any given ones are ignored. */
export type PrivateListApiKeysParams = Record<string, never>;

export type PrivateListApiKeysResult = ApiKey[];

export interface PrivateLogoutParams {
  /** Whether the session's tokens end as well. */
  invalidate_token?: boolean;
}

export type PrivateLogoutResult = null;

export interface PrivateMassQuoteParams {
  /** The name of the protection's group; empty for the one without a name. */
  mmp_group: string;
  /** The quotes. */
  quotes: TwoSidedQuote[];
  /** The client's own id of these quotes. */
  quote_id?: string;
  /** Accepted and ignored: the answer always comes when it is final. */
  wait_for_response?: boolean;
  /** Whether the answer lists the orders instead of their number. */
  detailed?: boolean;
  /** The request is refused if it is executed later, in milliseconds since 1970. */
  valid_until?: number | null;
}

export type PrivateMassQuoteResult = QuoteReport;

export interface PrivateMovePositionsParams {
  /** The number of the account that gives the positions. */
  source_uid: number;
  /** The number of the account that takes the positions. */
  target_uid: number;
  /** The positions that are moved. */
  trades: PositionPart[];
  /** A currency such as BTC, or any. */
  currency?: string | null;
}

export type PrivateMovePositionsResult = MovedPositions;

export interface PrivatePmeSimulateParams {
  /** A currency such as BTC, or any. */
  currency: string;
  /** Whether the simulated positions are added to those of the account, or stand alone. */
  add_positions?: boolean;
  /** Amounts by name of instrument. */
  simulated_positions?: Record<string, number | string> | string;
}

export type PrivatePmeSimulateResult = AccountSummary;

export interface PrivateRemoveSubaccountParams {
  /** The number of a sub-account for which the owner asks. */
  subaccount_id: number;
}

export type PrivateRemoveSubaccountResult = "ok";

export interface PrivateResetMmpParams {
  /** An index such as btc_usd. */
  index_name: string;
  /** The name of the protection's group; empty for the one without a name. */
  mmp_group?: string;
}

export type PrivateResetMmpResult = "ok";

/** A new order: `amount` or `contracts`, and what its type needs. */
export interface PrivateSellParams {
  /** Size in the instrument's unit: USD for inverse perpetuals and futures, the coin for others. */
  amount?: number | string | null;
  /** Size in contracts, instead of amount; with both they must agree. */
  contracts?: number | string | null;
  /** The type of the order. */
  type?: "limit" | "market" | "market_limit" | "stop_limit" | "stop_market" | "take_limit" | "take_market" | "trailing_stop";
  /** A text of the client's own. */
  label?: string;
  /** Price in the quote unit, a multiple of the tick size; of options in the base coin if they are inverse. */
  price?: number | string | null;
  /** How long the order stands. */
  time_in_force?: "fill_or_kill" | "good_til_cancelled" | "good_til_day" | "immediate_or_cancel";
  /** The part of the amount that others see; the rest follows as it fills (iceberg). */
  display_amount?: number | string | null;
  /** The old name of display_amount. */
  max_show?: number | string | null;
  /** Whether the order may only rest: its price is moved away from the other side. */
  post_only?: boolean;
  /** With post_only: whether an order that would trade at once is refused instead of moved. */
  reject_post_only?: boolean;
  /** Whether the order may only make a position smaller. */
  reduce_only?: boolean;
  /** The price that triggers a stop or take order. */
  trigger?: "index_price" | "last_price" | "mark_price" | null;
  /** The price at which the order is triggered. */
  trigger_price?: number | string | null;
  /** How far behind the best price a trailing stop follows. */
  trigger_offset?: number | string | null;
  /** Which fill of this order triggers the linked ones. */
  trigger_fill_condition?: "complete_fill" | "first_hit" | "incremental";
  /** Whether market maker protection counts this order, and cancels it. */
  mmp?: boolean;
  /** The name of the protection's group; empty for the one without a name. */
  mmp_group?: string;
  /** Orders in USD or by volatility: not available, refused if given. */
  advanced?: "implv" | "usd" | null;
  /** The request is refused if it is executed later, in milliseconds since 1970. */
  valid_until?: number | string | null;
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
  /** Extension: if an order with this label is known already, it is returned, and none is placed. */
  unique_label?: boolean;
  /** How the orders in otoco_config are linked to this one. */
  linked_order_type?: "one_cancels_other" | "one_triggers_one_cancels_other" | "one_triggers_other" | null;
  /** One or two orders that are linked to this one. */
  otoco_config?: LinkedOrder[] | null;
}

export type PrivateSellResult = PlacedOrder;

export interface PrivateSetMmpConfigParams {
  /** An index such as btc_usd. */
  index_name: string;
  /** Seconds in which trades count together; 0 removes the protection. */
  interval: number;
  /** How many seconds a group stays frozen; 0: until reset. */
  frozen_time: number;
  /** The name of the protection's group; empty for the one without a name. */
  mmp_group?: string;
  /** The amount that may be traded within the interval before the group is frozen. */
  quantity_limit?: number | null;
  /** The delta that may be traded within the interval before the group is frozen. */
  delta_limit?: number | null;
  /** The vega that may be traded within the interval before the group is frozen. */
  vega_limit?: number | null;
  /** The number of trades within the interval before the group is frozen. */
  trade_count_limit?: number | null;
  /** Accepted and ignored. */
  max_quote_quantity?: number | null;
  /** Refused if true: there are no block RFQs. */
  block_rfq?: boolean;
}

export type PrivateSetMmpConfigResult = MmpConfig[];

export interface PrivateSetSelfTradingConfigParams {
  /** Whether the taker is rejected or the maker cancelled when the account would trade with itself. */
  mode: "cancel_maker" | "reject_taker";
  /** Refused if true: an account is held apart from itself alone. */
  extended_to_subaccounts?: boolean;
  /** Refused if true: there are no block RFQs. */
  block_rfq_self_match_prevention?: boolean;
}

export type PrivateSetSelfTradingConfigResult = "ok";

export interface PrivateSimulatePortfolioParams {
  /** A currency such as BTC, or any. */
  currency: string;
  /** Whether the simulated positions are added to those of the account, or stand alone. */
  add_positions?: boolean;
  /** Amounts by name of instrument. */
  simulated_positions?: Record<string, number | string> | string;
}

export type PrivateSimulatePortfolioResult = AccountSummary;

export interface PrivateSubmitTransferBetweenSubaccountsParams {
  /** A currency such as BTC, or any. */
  currency: string;
  /** Money of that currency. */
  amount: number | string;
  /** The number of the account that receives the money. */
  destination: number;
  /** The number of the account that pays; the own one if absent. */
  source?: number | null;
  /** A text that is used once. */
  nonce?: string | null;
}

export type PrivateSubmitTransferBetweenSubaccountsResult = MoneyTransfer;

export interface PrivateSubmitTransferToSubaccountParams {
  /** A currency such as BTC, or any. */
  currency: string;
  /** Money of that currency. */
  amount: number | string;
  /** The number of the account that receives the money. */
  destination: number;
  /** The number of the account that pays; the own one if absent. */
  source?: number | null;
  /** A text that is used once. */
  nonce?: string | null;
}

export type PrivateSubmitTransferToSubaccountResult = MoneyTransfer;

export interface PrivateSubscribeParams {
  /** Names of channels; `*` stands for any part of a name. */
  channels: string[];
  /** By channel, epoch and number of the last notification that the client has. */
  resume?: Record<string, ResumePosition> | null;
  /** The most levels of each side. */
  depth?: number | null;
  /** Notifications per second of each channel; those between are merged. */
  max_rate?: number | null;
  /** Whether notifications carry venue_ns, seen_ns and sent_ns. */
  stamps?: boolean;
  /** Also the levels beyond the price up to which the book is known; some of them may be missing. */
  beyond?: boolean;
}

export type PrivateSubscribeResult = string[];

export interface PrivateToggleSubaccountLoginParams {
  /** The number of a sub-account. */
  sid: number;
  /** Whether the sub-account may log in. */
  state: "disable" | "enable";
}

export type PrivateToggleSubaccountLoginResult = "ok";

/** For methods without parameters; any given ones are ignored. */
export type PrivateUnsubscribeAllParams = Record<string, never>;

export type PrivateUnsubscribeAllResult = "ok";

export interface PrivateUnsubscribeParams {
  /** Names of channels; `*` stands for any part of a name. */
  channels: string[];
}

export type PrivateUnsubscribeResult = string[];

export interface PublicAuthParams {
  /** client_credentials, client_signature, refresh_token or password. */
  grant_type: string;
  /** The id of a key, for client_credentials and client_signature. */
  client_id?: string;
  /** The secret of the key, for client_credentials. */
  client_secret?: string;
  /** The id of the key, for password. */
  username?: string;
  /** The secret of the key, for password. */
  password?: string;
  /** When it was signed, in milliseconds since 1970. */
  timestamp?: number | string;
  /** A text that is used once. */
  nonce?: string;
  /** What was signed beside time and nonce; may be empty. */
  data?: string;
  /** HMAC-SHA256 or Ed25519 signature of timestamp, nonce and data. */
  signature?: string;
  /** The refresh token of a session. */
  refresh_token?: string;
  /** Rights such as trade:read_write, and session:NAME, with spaces between. */
  scope?: string;
  /** A text that the answer repeats. */
  state?: string | null;
}

export type PublicAuthResult = SignedIn;

/** For methods without parameters; any given ones are ignored. */
export type PublicDisableHeartbeatParams = Record<string, never>;

export type PublicDisableHeartbeatResult = "ok";

export interface PublicExchangeTokenParams {
  /** The refresh token of a session. */
  refresh_token: string;
  /** The number of the account in which to act. */
  subject_id: number;
  /** Rights such as trade:read_write, and session:NAME, with spaces between. */
  scope?: string;
}

export type PublicExchangeTokenResult = Tokens;

export interface PublicForkTokenParams {
  /** The refresh token of a session. */
  refresh_token: string;
  /** The name of the new session. */
  session_name: string;
}

export type PublicForkTokenResult = Tokens;

export interface PublicGetAnnouncementsParams {
  /** The beginning of the time, in milliseconds since 1970. */
  start_timestamp?: number | null;
  /** The most entries in the answer. */
  count?: number;
}

export type PublicGetAnnouncementsResult = Announcement[];

export interface PublicGetBookSummaryByCurrencyParams {
  /** A currency such as BTC, or any. */
  currency?: string;
  /** The kind of instruments. */
  kind?: "any" | "combo" | "future" | "future_combo" | "option" | "option_combo" | "spot";
  /** Those that have ended, instead of those that trade. */
  expired?: boolean;
}

export type PublicGetBookSummaryByCurrencyResult = BookSummary[];

export interface PublicGetBookSummaryByInstrumentParams {
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
}

export type PublicGetBookSummaryByInstrumentResult = BookSummary[];

export interface PublicGetContractSizeParams {
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
}

export type PublicGetContractSizeResult = ContractSize;

/** For methods without parameters; any given ones are ignored. */
export type PublicGetCurrenciesParams = Record<string, never>;

export type PublicGetCurrenciesResult = Currency[];

export interface PublicGetDefinitionsParams {
  /** Names of instruments; without any, all of them. */
  instrument_names?: string[];
}

export type PublicGetDefinitionsResult = Definitions;

export interface PublicGetDeliveryPricesParams {
  /** An index such as btc_usd. */
  index_name: string;
  /** How many entries are left out at the beginning. */
  offset?: number;
  /** The most entries in the answer. */
  count?: number;
}

export type PublicGetDeliveryPricesResult = DeliveryPrices;

export interface PublicGetExpirationsParams {
  /** A currency such as BTC, or any. */
  currency?: string;
  /** The kind of instruments. */
  kind?: "any" | "combo" | "future" | "future_combo" | "option" | "option_combo" | "spot";
  /** A pair such as btc_usd. */
  currency_pair?: string | null;
}

export type PublicGetExpirationsResult = Record<string, string[] | Record<string, string[]>>;

export interface PublicGetFundingChartDataParams {
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
  /** How much of the past. */
  length: "1m" | "24h" | "8h";
}

export type PublicGetFundingChartDataResult = FundingChart;

export interface PublicGetFundingRateHistoryParams {
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
  /** The beginning of the time, in milliseconds since 1970. */
  start_timestamp: number;
  /** The end of the time, in milliseconds since 1970. */
  end_timestamp: number;
}

export type PublicGetFundingRateHistoryResult = FundingHour[];

export interface PublicGetFundingRateValueParams {
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
  /** The beginning of the time, in milliseconds since 1970. */
  start_timestamp: number;
  /** The end of the time, in milliseconds since 1970. */
  end_timestamp: number;
}

export type PublicGetFundingRateValueResult = number;

export interface PublicGetHistoricalVolatilityParams {
  /** A currency such as BTC, or any. */
  currency: string;
}

export type PublicGetHistoricalVolatilityResult = [number, number][];

export interface PublicGetIndexChartDataParams {
  /** An index such as btc_usd. */
  index_name: string;
  /** How much of the past. */
  range: "1d" | "1h" | "1m" | "1y" | "2d" | "all";
}

export type PublicGetIndexChartDataResult = [number, number][];

export interface PublicGetIndexParams {
  /** A currency such as BTC, or any. */
  currency: string;
}

export interface PublicGetIndexPriceNamesParams {
  /** Whether the answer says more. */
  extended?: boolean;
}

export type PublicGetIndexPriceNamesResult = (string | SupportedIndex)[];

export interface PublicGetIndexPriceParams {
  /** An index such as btc_usd. */
  index_name: string;
}

export type PublicGetIndexPriceResult = IndexValue;

export type PublicGetIndexResult = Record<string, number>;

export interface PublicGetInstrumentParams {
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
}

export type PublicGetInstrumentResult = InstrumentFacts;

export interface PublicGetInstrumentsParams {
  /** A currency such as BTC, or any. */
  currency?: string;
  /** The kind of instruments. */
  kind?: "any" | "combo" | "future" | "future_combo" | "option" | "option_combo" | "spot";
  /** Those that have ended, instead of those that trade. */
  expired?: boolean;
}

export type PublicGetInstrumentsResult = InstrumentFacts[];

export interface PublicGetLastSettlementsByCurrencyParams {
  /** Settlements, deliveries, or both. */
  type?: "bankruptcy" | "delivery" | "settlement" | null;
  /** The most entries in the answer. */
  count?: number;
  /** The `continuation` of the page before; absent for the first page. */
  continuation?: string | number | null;
  /** Settlements at this time and before, in milliseconds since 1970. */
  search_start_timestamp?: number | null;
  /** A currency such as BTC, or any. */
  currency: string;
}

export type PublicGetLastSettlementsByCurrencyResult = Settlements;

export interface PublicGetLastSettlementsByInstrumentParams {
  /** Settlements, deliveries, or both. */
  type?: "bankruptcy" | "delivery" | "settlement" | null;
  /** The most entries in the answer. */
  count?: number;
  /** The `continuation` of the page before; absent for the first page. */
  continuation?: string | number | null;
  /** Settlements at this time and before, in milliseconds since 1970. */
  search_start_timestamp?: number | null;
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
}

export type PublicGetLastSettlementsByInstrumentResult = Settlements;

export interface PublicGetLastTradesByCurrencyAndTimeParams {
  /** The beginning of the time, in milliseconds since 1970. */
  start_timestamp?: number | null;
  /** The end of the time, in milliseconds since 1970. */
  end_timestamp?: number | null;
  /** The first number of a trade within its instrument. */
  start_seq?: number | null;
  /** The last number of a trade within its instrument. */
  end_seq?: number | null;
  /** The first trade id. */
  start_id?: string | number | null;
  /** The last trade id. */
  end_id?: string | number | null;
  /** The most entries in the answer. */
  count?: number;
  /** The order of the answer: oldest first, or newest first. */
  sorting?: "asc" | "default" | "desc";
  /** A currency such as BTC, or any. */
  currency?: string;
  /** The kind of instruments. */
  kind?: "any" | "combo" | "future" | "future_combo" | "option" | "option_combo" | "spot";
}

export type PublicGetLastTradesByCurrencyAndTimeResult = Trades;

export interface PublicGetLastTradesByCurrencyParams {
  /** The beginning of the time, in milliseconds since 1970. */
  start_timestamp?: number | null;
  /** The end of the time, in milliseconds since 1970. */
  end_timestamp?: number | null;
  /** The first number of a trade within its instrument. */
  start_seq?: number | null;
  /** The last number of a trade within its instrument. */
  end_seq?: number | null;
  /** The first trade id. */
  start_id?: string | number | null;
  /** The last trade id. */
  end_id?: string | number | null;
  /** The most entries in the answer. */
  count?: number;
  /** The order of the answer: oldest first, or newest first. */
  sorting?: "asc" | "default" | "desc";
  /** A currency such as BTC, or any. */
  currency?: string;
  /** The kind of instruments. */
  kind?: "any" | "combo" | "future" | "future_combo" | "option" | "option_combo" | "spot";
}

export type PublicGetLastTradesByCurrencyResult = Trades;

export interface PublicGetLastTradesByInstrumentAndTimeParams {
  /** The beginning of the time, in milliseconds since 1970. */
  start_timestamp?: number | null;
  /** The end of the time, in milliseconds since 1970. */
  end_timestamp?: number | null;
  /** The first number of a trade within its instrument. */
  start_seq?: number | null;
  /** The last number of a trade within its instrument. */
  end_seq?: number | null;
  /** The first trade id. */
  start_id?: string | number | null;
  /** The last trade id. */
  end_id?: string | number | null;
  /** The most entries in the answer. */
  count?: number;
  /** The order of the answer: oldest first, or newest first. */
  sorting?: "asc" | "default" | "desc";
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
}

export type PublicGetLastTradesByInstrumentAndTimeResult = Trades;

export interface PublicGetLastTradesByInstrumentParams {
  /** The beginning of the time, in milliseconds since 1970. */
  start_timestamp?: number | null;
  /** The end of the time, in milliseconds since 1970. */
  end_timestamp?: number | null;
  /** The first number of a trade within its instrument. */
  start_seq?: number | null;
  /** The last number of a trade within its instrument. */
  end_seq?: number | null;
  /** The first trade id. */
  start_id?: string | number | null;
  /** The last trade id. */
  end_id?: string | number | null;
  /** The most entries in the answer. */
  count?: number;
  /** The order of the answer: oldest first, or newest first. */
  sorting?: "asc" | "default" | "desc";
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
}

export type PublicGetLastTradesByInstrumentResult = Trades;

export interface PublicGetMarkPriceHistoryParams {
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
  /** The beginning of the time, in milliseconds since 1970. */
  start_timestamp: number;
  /** The end of the time, in milliseconds since 1970. */
  end_timestamp: number;
}

export type PublicGetMarkPriceHistoryResult = [number, number][];

export interface PublicGetOrderBookByInstrumentIdParams {
  /** The number of an instrument, as in public/get_instruments. */
  instrument_id: number;
  /** The most levels of each side. */
  depth?: number;
  /** Also the levels beyond the price up to which the book is known; some of them may be missing. */
  beyond?: boolean;
}

export type PublicGetOrderBookByInstrumentIdResult = OrderBook;

export interface PublicGetOrderBookParams {
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
  /** The most levels of each side. */
  depth?: number;
  /** Also the levels beyond the price up to which the book is known; some of them may be missing. */
  beyond?: boolean;
}

export type PublicGetOrderBookResult = OrderBook;

/** For methods without parameters; any given ones are ignored. */
export type PublicGetReplayParams = Record<string, never>;

export type PublicGetReplayResult = ReplayState;

/** For methods without parameters; any given ones are ignored. */
export type PublicGetServerHealthParams = Record<string, never>;

export type PublicGetServerHealthResult = ServerHealth;

export interface PublicGetSupportedIndexNamesParams {
  /** Indices of spot, or of derivatives. */
  type?: "all" | "derivative" | "spot";
}

export type PublicGetSupportedIndexNamesResult = SupportedIndex[];

/** For methods without parameters; any given ones are ignored. */
export type PublicGetTimeParams = Record<string, never>;

export type PublicGetTimeResult = number;

export interface PublicGetTradeVolumesParams {
  /** Whether the answer says more. */
  extended?: boolean;
}

export type PublicGetTradeVolumesResult = TradeVolumes[];

export interface PublicGetTradingviewChartDataParams {
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
  /** The beginning of the time, in milliseconds since 1970. */
  start_timestamp: number;
  /** The end of the time, in milliseconds since 1970. */
  end_timestamp: number;
  /** The length of a candle: minutes, or 1D. */
  resolution?: string | number;
}

export type PublicGetTradingviewChartDataResult = Candles;

export interface PublicGetVolatilityIndexDataParams {
  /** A currency such as BTC, or any. */
  currency: string;
  /** The beginning of the time, in milliseconds since 1970. */
  start_timestamp: number;
  /** The end of the time, in milliseconds since 1970. */
  end_timestamp: number;
  /** The length of a candle: minutes, or 1D. */
  resolution?: string | number;
}

export type PublicGetVolatilityIndexDataResult = VolatilityIndexCandles;

export interface PublicHelloParams {
  /** The name of the client's program. */
  client_name?: string;
  /** The version of the client's program. */
  client_version?: string;
}

export type PublicHelloResult = Version;

export interface PublicSetHeartbeatParams {
  /** Seconds between heartbeats, from 10. */
  interval: number;
}

export type PublicSetHeartbeatResult = "ok";

export interface PublicSetReplayParams {
  /** Recorded seconds per second; 0 pauses. */
  speed: number;
}

export type PublicSetReplayResult = ReplayState;

/** For methods without parameters; any given ones are ignored. */
export type PublicStatusParams = Record<string, never>;

export type PublicStatusResult = PlatformStatus;

export interface PublicSubscribeParams {
  /** Names of channels; `*` stands for any part of a name. */
  channels: string[];
  /** By channel, epoch and number of the last notification that the client has. */
  resume?: Record<string, ResumePosition> | null;
  /** The most levels of each side. */
  depth?: number | null;
  /** Notifications per second of each channel; those between are merged. */
  max_rate?: number | null;
  /** Whether notifications carry venue_ns, seen_ns and sent_ns. */
  stamps?: boolean;
  /** Also the levels beyond the price up to which the book is known; some of them may be missing. */
  beyond?: boolean;
}

export type PublicSubscribeResult = string[];

export interface PublicTestParams {
  /** `exception`: the method answers with an error, to try how a client handles it. */
  expected_result?: string;
}

export type PublicTestResult = Version;

export interface PublicTickerParams {
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
}

export type PublicTickerResult = Ticker;

/** For methods without parameters; any given ones are ignored. */
export type PublicUnsubscribeAllParams = Record<string, never>;

export type PublicUnsubscribeAllResult = "ok";

export interface PublicUnsubscribeParams {
  /** Names of channels; `*` stands for any part of a name. */
  channels: string[];
}

export type PublicUnsubscribeResult = string[];

/** Best prices and amounts, 0.0 if there are none; `status` while the book is not live. */
export interface Quote {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  /** The name of the instrument. */
  instrument_name: string;
  /** The highest bid; 0.0 if there is none. */
  best_bid_price: number;
  /** The amount at the best bid. */
  best_bid_amount: number;
  /** The lowest ask; 0.0 if there is none. */
  best_ask_price: number;
  /** The amount at the best ask. */
  best_ask_amount: number;
  status?: string | null;
}

/** Why one side of a quote was refused. */
export interface QuoteError {
  /** The name of the instrument. */
  instrument_name: string;
  /** The client's own id of these quotes. */
  quote_id: string;
  /** The client's own id of a set of quotes. */
  quote_set_id: string;
  side: "ask" | "bid";
  code: number;
  message: string;
  error: QuoteErrorBody;
}

/** The error that an order would have had. */
export interface QuoteErrorBody {
  code: number;
  message: string;
  data?: Record<string, string>;
}

/** What came of many quotes; orders, trades and errors with `detailed`. */
export interface QuoteReport {
  errors_count: number;
  success_count?: number | null;
  orders?: UserOrder[] | null;
  trades?: UserTrade[] | null;
  errors?: QuoteError[] | null;
  pending_requests?: UserOrder[] | null;
  pending_requests_count?: number | null;
}

/** One source of an index: its price as seen, and as it counts. */
export interface RankedPrice {
  identifier: string;
  enabled: boolean;
  weight: number;
  /** Price in the quote unit, a multiple of the tick size; of options in the base coin if they are inverse. */
  price: number;
  original_price: number;
  /** When, in milliseconds since 1970. */
  timestamp: number;
}

/** What can be replayed, and where this connection's replay stands; null where there is none. `speed` is recorded seconds per second, 0 while it is paused. */
export interface ReplayState {
  available: boolean;
  venues: string[];
  start_timestamp: number | null;
  end_timestamp: number | null;
  active: boolean;
  /** When, in milliseconds since 1970. */
  timestamp: number | null;
  speed: number | null;
  ended: boolean;
}

/** Of requests that reach matching, and of others. */
export interface RequestLimits {
  limits_per_currency: boolean;
  matching_engine: RequestRates;
  non_matching_engine: RequestRates;
}

/** How many requests a second are refilled, and how many may come at once. */
export interface RequestRates {
  rate: number;
  burst: number;
}

/** The last position of a client on a channel: `seq` within `epoch`. */
export interface ResumePosition {
  /** One past of the publisher; positions of another epoch mean nothing. */
  epoch: string;
  /** The number of the newest event told; rises. */
  seq: number;
}

/** What happens when an account would trade with itself. */
export interface SelfTrading {
  mode: string;
  extended_to_subaccounts: boolean;
}

/** How the server is doing; numbers without a unit count since its start. `tick_counts` are ticks by their duration from the first event to the last write: one for each of `tick_bounds_ms` at or below it, then those above the last. `slowest` are the connections that have read least. */
export interface ServerHealth {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  ready: boolean;
  /** Why. */
  reason: string;
  connections: number;
  subscriptions: number;
  queue_bytes: number;
  behind: number;
  slowest: ClientQueue[];
  accepted: number;
  refused: number;
  deliveries: number;
  delivered_bytes: number;
  merged: number;
  tick_bounds_ms: number[];
  tick_counts: number[];
  venues: VenueHealth[];
}

/** A settlement or delivery; amounts in the settlement currency. */
export interface Settlement {
  type: string;
  /** When, in milliseconds since 1970. */
  timestamp: number;
  /** The name of the instrument. */
  instrument_name: string;
  position: number;
  /** The price by which positions are valued. */
  mark_price: number | null;
  /** The price of the index. */
  index_price: number | null;
  profit_loss: number;
  session_profit_loss: number;
  funding: number;
}

/** A page of settlements; the `continuation` of the last is empty. */
export interface Settlements {
  settlements: Settlement[];
  continuation: string;
}

/** What rests on one side within a band; a lower bound unless `known`. */
export interface SideDepth {
  /** The size of the position; below zero if short. */
  size: number;
  notional: number;
  levels: number;
  known: boolean;
}

/** A bid or an ask; amount 0 takes it away. */
export interface SideOfQuote {
  /** Size in the instrument's unit: USD for inverse perpetuals and futures, the coin for others. */
  amount?: number;
  /** Price in the quote unit, a multiple of the tick size; of options in the base coin if they are inverse. */
  price?: number | null;
  /** Whether the order may only rest: its price is moved away from the other side. */
  post_only?: boolean;
  /** With post_only: whether an order that would trade at once is refused instead of moved. */
  reject_post_only?: boolean;
}

/** Shocks of one side's depth since the derivation began: half of it back after `half_life_ms` (median). */
export interface SideResilience {
  half_life_ms: number | null;
  shocks: number;
  recovered: number;
  ended: number;
}

/** The tokens of a new session, with the other members of a login. */
export interface SignedIn {
  access_token: string;
  refresh_token: string;
  expires_in: number;
  scope: string;
  token_type: string;
  enabled_features: string[];
  google_login: boolean;
  mandatory_tfa_status: string;
  state?: string | null;
}

/** Data of `skew.C`: by expiry, and the volatility between neighbouring expiries in percent. */
export interface SkewData {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  underlying: string;
  state: "failed" | "live" | "stale" | "syncing";
  /** Why. */
  reason?: string;
  expiries?: ExpirySkew[];
  forward_iv?: number[];
}

/** One expiry's smile: total variance of eSSVI; `fit_rms` is in bid–ask widths, volatilities in percent. */
export interface SliceData {
  expiry: string;
  years: number;
  forward: number;
  /** Total variance at the money, volatility² × years. */
  theta: number;
  /** Slope of the right wing in total variance per logarithm of strike, eSSVI's A. */
  right: number;
  /** Slope of the left wing in total variance per logarithm of strike, eSSVI's B. */
  left: number;
  at_money_iv: number;
  fit_rms: number;
  within: number;
  quotes_used: number;
}

/** The last 24 hours: prices null without a trade; volumes in base coin, in USD, in what prices are in. */
export interface Stats {
  high: number | null;
  low: number | null;
  /** What was traded, in the base coin. */
  volume: number | null;
  price_change: number | null;
  /** What was traded, in USD. */
  volume_usd?: number | null;
  volume_notional?: number | null;
}

/** The state of a book, its reason, and since when; `detail` says more about the reason. */
export interface Status {
  /** The name of the instrument. */
  instrument_name: string;
  state: "live" | "stale" | "syncing";
  /** Why. */
  reason: string;
  /** When the state began, in milliseconds since 1970. */
  since: number;
  /** Milliseconds since the state began. */
  age: number;
  detail?: string;
}

/** Gross gamma exposure of a strike, in quote currency per move of 1 %. */
export interface StrikeGamma {
  strike: number;
  gross: number;
}

/** An account of the owner's; the portfolio is by currency in small letters. */
export interface Subaccount {
  id: number;
  username: string;
  system_name: string;
  type: string;
  email: string;
  is_password: boolean;
  login_enabled: boolean;
  receive_notifications: boolean;
  margin_model: string;
  proof_id: string;
  proof_id_signature: string;
  security_keys_enabled: boolean;
  security_keys_assignments: string[];
  portfolio?: Record<string, SubaccountPortfolio>;
}

/** Positions and open orders of an account. */
export interface SubaccountDetails {
  uid: number;
  positions: Position[];
  open_orders?: UserOrder[];
}

/** Money and margin of a currency. */
export interface SubaccountPortfolio {
  /** A currency such as BTC, or any. */
  currency: string;
  /** Money without the profit and loss of open positions. */
  balance: number;
  /** Balance with the profit and loss of open positions. */
  equity: number;
  margin_balance: number;
  /** Money that new orders may need. */
  available_funds: number;
  available_withdrawal_funds: number;
  /** Margin that a new order must leave. */
  initial_margin: number;
  /** Margin below which positions are liquidated. */
  maintenance_margin: number;
  additional_reserve: number;
  spot_reserve: number;
}

/** Money and margin of a currency, in that currency; the data of `user.portfolio`. */
export interface Summary {
  /** A currency such as BTC, or any. */
  currency: string;
  /** Money without the profit and loss of open positions. */
  balance: number;
  /** Balance with the profit and loss of open positions. */
  equity: number;
  margin_balance: number;
  /** Money that new orders may need. */
  available_funds: number;
  available_withdrawal_funds: number;
  /** Margin that a new order must leave. */
  initial_margin: number;
  /** Margin below which positions are liquidated. */
  maintenance_margin: number;
  projected_initial_margin: number;
  projected_maintenance_margin: number;
  session_upl: number;
  session_rpl: number;
  futures_session_upl: number;
  futures_session_rpl: number;
  futures_pl: number;
  total_pl: number;
  delta_total: number;
  delta_total_map: Record<string, number>;
  projected_delta_total: number;
  fee_balance: number;
  spot_reserve: number;
  additional_reserve: number;
  locked_balance: number;
  estimated_liquidation_ratio: number;
  estimated_liquidation_ratio_map: Record<string, number>;
  margin_model: string;
  portfolio_margining_enabled: boolean;
  cross_collateral_enabled: boolean;
  options_value: number;
  options_pl: number;
  options_session_upl: number;
  options_session_rpl: number;
  options_delta: number;
  options_gamma: number;
  options_gamma_map: Record<string, number>;
  options_vega: number;
  options_vega_map: Record<string, number>;
  options_theta: number;
  options_theta_map: Record<string, number>;
  limits?: RequestLimits | null;
}

/** An index; there are no combos. */
export interface SupportedIndex {
  name: string;
  future_combo_creation_enabled: boolean;
  option_combo_creation_enabled: boolean;
}

/** Data of `surface.C`: smiles by expiry; `breaches` of no-arbitrage on a grid of 200 strikes. `skipped` are expiries with fewer than four two-sided quotes. */
export interface SurfaceData {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  underlying: string;
  state: "failed" | "live" | "stale" | "syncing";
  /** Why. */
  reason?: string;
  slices?: SliceData[];
  breaches?: number;
  skipped?: string[];
}

/** The tick size above a price. */
export interface TickSizeStep {
  above_price: number;
  /** The least difference of two prices. */
  tick_size: number;
}

/** All data of an instrument except its depth. Funding for perpetuals; IVs, greeks and underlying for options. */
export interface Ticker {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  /** The name of the instrument. */
  instrument_name: string;
  state: string;
  /** The highest bid; 0.0 if there is none. */
  best_bid_price: number;
  /** The amount at the best bid. */
  best_bid_amount: number;
  /** The lowest ask; 0.0 if there is none. */
  best_ask_price: number;
  /** The amount at the best ask. */
  best_ask_amount: number;
  /** The price of the last trade. */
  last_price: number | null;
  /** The last 24 hours. */
  stats: Stats;
  min_price: number | null;
  max_price: number | null;
  /** The price by which positions are valued. */
  mark_price: number | null;
  /** The price of the index. */
  index_price: number | null;
  /** The price at which it would be delivered now. */
  estimated_delivery_price: number | null;
  /** The sum of all long positions. */
  open_interest: number | null;
  /** The price of the last settlement. */
  settlement_price?: number | null;
  /** The present funding rate of a perpetual. */
  current_funding?: number | null;
  /** The funding rate of the last eight hours. */
  funding_8h?: number | null;
  interest_value?: number | null;
  /** Implied volatility of the mark price, in percent a year. */
  mark_iv?: number | null;
  /** Implied volatility of the best bid, in percent a year. */
  bid_iv?: number | null;
  /** Implied volatility of the best ask, in percent a year. */
  ask_iv?: number | null;
  /** The price of the underlying, from which the volatility was computed. */
  underlying_price?: number | null;
  /** The name of the underlying future or index. */
  underlying_index?: string | null;
  interest_rate?: number | null;
  /** The option's greeks. */
  greeks?: Greeks | null;
  status?: Status | null;
}

/** An access token, how many seconds it lives, and the token that renews it. */
export interface Tokens {
  access_token: string;
  refresh_token: string;
  expires_in: number;
  scope: string;
  token_type: string;
}

/** VPIN over the newest `used` of `band` buckets; `known` is whether these are all. A bucket is the volume of 50 mean trades, learned from the first 500; null before that. It begins again when trades have been missed. That it predicts more than volume and volatility do is disputed (Andersen and Bondarenko 2014). */
export interface Toxicity {
  band: number;
  used: number;
  value: number | null;
  known: boolean;
  bucket: number | null;
}

/** One trade; `direction` is the aggressor's. */
export interface Trade {
  /** The number of the trade within its instrument. */
  trade_seq: number;
  /** The id of the trade. */
  trade_id: string;
  /** When, in milliseconds since 1970. */
  timestamp: number;
  /** The name of the instrument. */
  instrument_name: string;
  /** Whether it buys or sells. */
  direction: "buy" | "sell";
  /** Price in the quote unit, a multiple of the tick size; of options in the base coin if they are inverse. */
  price: number;
  /** Size in the instrument's unit: USD for inverse perpetuals and futures, the coin for others. */
  amount: number;
  /** 0: up, 1: same after up, 2: down, 3: same after down. */
  tick_direction: 0 | 1 | 2 | 3;
  /** The price by which positions are valued. */
  mark_price: number | null;
  /** The price of the index. */
  index_price: number | null;
  /** Size in contracts, instead of amount; with both they must agree. */
  contracts?: number | null;
  /** Implied volatility, in percent a year unless stated. */
  iv?: number | null;
  liquidation?: string;
}

/** What was traded of a currency in 24 hours; with `extended` also in 7 and 30 days. */
export interface TradeVolumes {
  /** A currency such as BTC, or any. */
  currency: string;
  futures_volume: number;
  calls_volume: number;
  puts_volume: number;
  spot_volume: number;
  futures_volume_7d?: number | null;
  calls_volume_7d?: number | null;
  puts_volume_7d?: number | null;
  spot_volume_7d?: number | null;
  futures_volume_30d?: number | null;
  calls_volume_30d?: number | null;
  puts_volume_30d?: number | null;
  spot_volume_30d?: number | null;
}

/** A page of trades. */
export interface Trades {
  trades: Trade[];
  /** Whether there are more than the answer has. */
  has_more: boolean;
}

/** A kind of instrument that may be switched off; none can be here. */
export interface TradingProduct {
  product: string;
  enabled: boolean;
  overwriteable: boolean;
}

/** A page of the log; null behind the last. */
export interface TransactionLog {
  logs: LogEntry[];
  continuation: number | null;
}

/** A page, and how many there are in all. */
export interface Transfers {
  count: number;
  data: MoneyTransfer[];
}

/** An order with a trigger in its present state. */
export interface TriggerOrder {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  request: string;
  source: string;
  trigger_order_id: string;
  /** The id of the order. */
  order_id: string;
  /** The state of the order. */
  order_state: string;
  /** The type of the order. */
  order_type: string;
  /** The name of the instrument. */
  instrument_name: string;
  /** Whether it buys or sells. */
  direction: string;
  /** Price in the quote unit, a multiple of the tick size; of options in the base coin if they are inverse. */
  price: number | string;
  /** Size in the instrument's unit: USD for inverse perpetuals and futures, the coin for others. */
  amount: number;
  /** A text of the client's own. */
  label: string;
  /** Whether the order may only rest: its price is moved away from the other side. */
  post_only: boolean;
  /** Whether the order may only make a position smaller. */
  reduce_only: boolean;
  /** The price that triggers a stop or take order. */
  trigger: string;
  /** The price at which the order is triggered. */
  trigger_price: number | null;
  /** When it last changed, in milliseconds since 1970. */
  last_update_timestamp: number;
  /** How far behind the best price a trailing stop follows. */
  trigger_offset?: number | null;
  is_secondary_oto?: boolean;
  oco_ref?: string;
}

/** A page; the last has no `continuation`. */
export interface TriggerOrders {
  entries: TriggerOrder[];
  continuation?: string | null;
}

/** A bid and an ask in one instrument; a side that is left out stays. */
export interface TwoSidedQuote {
  /** The name of an instrument, as in public/get_instruments. */
  instrument_name: string;
  /** What is bid; absent: as it stands. */
  bid?: SideOfQuote | null;
  /** What is offered; absent: as it stands. */
  ask?: SideOfQuote | null;
  /** The client's own id of a set of quotes. */
  quote_set_id?: string;
}

/** The data of channels about which nothing is ever said here: it has no members. */
export type Unsaid = Record<string, never>;

/** The changes of one instrument at one moment; a position as in `private/get_positions`. */
export interface UserChanges {
  /** The name of the instrument. */
  instrument_name: string;
  orders: UserOrder[];
  trades: UserTrade[];
  positions: Position[];
}

/** Whether a liquidation has locked a currency. */
export interface UserLock {
  /** A currency such as BTC, or any. */
  currency: string;
  enabled: boolean;
  locked: boolean;
  message?: string;
}

/** An order; `price` is a text for a market order without a price. */
export interface UserOrder {
  /** The id of the order. */
  order_id: string;
  /** The state of the order. */
  order_state: "cancelled" | "filled" | "open" | "rejected" | "triggered" | "untriggered";
  /** The type of the order. */
  order_type: string;
  /** How long the order stands. */
  time_in_force: string;
  /** The name of the instrument. */
  instrument_name: string;
  /** Whether it buys or sells. */
  direction: "buy" | "sell";
  /** Price in the quote unit, a multiple of the tick size; of options in the base coin if they are inverse. */
  price: number | string;
  /** Size in the instrument's unit: USD for inverse perpetuals and futures, the coin for others. */
  amount: number;
  /** Size in contracts, instead of amount; with both they must agree. */
  contracts: number;
  /** How much has been traded. */
  filled_amount: number;
  /** The mean price of the fills. */
  average_price: number;
  /** A text of the client's own. */
  label: string;
  /** Whether the order may only rest: its price is moved away from the other side. */
  post_only: boolean;
  /** With post_only: whether an order that would trade at once is refused instead of moved. */
  reject_post_only: boolean;
  /** Whether the order may only make a position smaller. */
  reduce_only: boolean;
  /** When it was made, in milliseconds since 1970. */
  creation_timestamp: number;
  /** When it last changed, in milliseconds since 1970. */
  last_update_timestamp: number;
  /** Whether the order came over the API. */
  api: boolean;
  web: boolean;
  mobile: boolean;
  replaced: boolean;
  /** Whether market maker protection counts this order, and cancels it. */
  mmp: boolean;
  is_liquidation: boolean;
  is_rebalance: boolean;
  risk_reducing: boolean;
  original_order_type?: string;
  /** Why the order was cancelled. */
  cancel_reason?: string;
  /** Why. */
  reason?: string;
  reject_reason?: string;
  /** The part of the amount that others see; the rest follows as it fills (iceberg). */
  display_amount?: number | null;
  /** The old name of display_amount. */
  max_show?: number | null;
  refresh_amount?: number | null;
  /** The price that triggers a stop or take order. */
  trigger?: string;
  triggered?: boolean;
  /** The price at which the order is triggered. */
  trigger_price?: number | null;
  /** How far behind the best price a trailing stop follows. */
  trigger_offset?: number | null;
  trigger_reference_price?: number | null;
  trigger_order_id?: string;
  is_secondary_oto?: boolean;
  primary_order_id?: string;
  oto_order_ids?: string[];
  is_primary_otoco?: boolean;
  oco_ref?: string;
  /** The name of the protection's group; empty for the one without a name. */
  mmp_group?: string;
  mmp_cancelled?: boolean;
  quote?: boolean;
  /** The client's own id of these quotes. */
  quote_id?: string;
  /** The client's own id of a set of quotes. */
  quote_set_id?: string;
}

/** One side of a trade, with its fee; a fee below zero is a rebate. */
export interface UserTrade {
  /** The id of the trade. */
  trade_id: string;
  /** The number of the trade within its instrument. */
  trade_seq: number;
  /** When, in milliseconds since 1970. */
  timestamp: number;
  /** The name of the instrument. */
  instrument_name: string;
  /** Whether it buys or sells. */
  direction: "buy" | "sell";
  /** Price in the quote unit, a multiple of the tick size; of options in the base coin if they are inverse. */
  price: number;
  /** Size in the instrument's unit: USD for inverse perpetuals and futures, the coin for others. */
  amount: number;
  /** Size in contracts, instead of amount; with both they must agree. */
  contracts: number;
  /** 0: up, 1: same after up, 2: down, 3: same after down. */
  tick_direction: number;
  /** The price by which positions are valued. */
  mark_price: number | null;
  /** The price of the index. */
  index_price: number | null;
  /** The id of the order. */
  order_id: string;
  /** The type of the order. */
  order_type: string;
  state: string;
  /** Whether it made (M) or took (T) liquidity. */
  liquidity: "M" | "T";
  /** The fee; below zero a rebate. */
  fee: number;
  fee_currency: string;
  matching_id: string | null;
  self_trade: boolean;
  /** A text of the client's own. */
  label: string;
  /** Whether the order may only rest: its price is moved away from the other side. */
  post_only: boolean;
  /** Whether the order may only make a position smaller. */
  reduce_only: boolean;
  /** Whether market maker protection counts this order, and cancels it. */
  mmp: boolean;
  /** Whether the order came over the API. */
  api: boolean;
  risk_reducing: boolean;
  profit_loss: number | null;
  /** Implied volatility, in percent a year unless stated. */
  iv?: number | null;
  /** The price of the underlying, from which the volatility was computed. */
  underlying_price?: number | null;
  liquidation?: string;
  /** The client's own id of these quotes. */
  quote_id?: string;
  /** The client's own id of a set of quotes. */
  quote_set_id?: string;
}

/** A page of one's own trades. */
export interface UserTrades {
  trades: UserTrade[];
  /** Whether there are more than the answer has. */
  has_more: boolean;
}

/** The newest word of a venue about one announcement. `subject` is the index, family or instrument that it is about, empty for all of the venue. `begin` and `end` are as announced, null where they are not. */
export interface VenueAnnouncement {
  subject: string;
  id: string;
  state: "down" | "limited" | "notice" | "scheduled" | "up";
  text: string;
  begin: number | null;
  end: number | null;
  /** When, in milliseconds since 1970. */
  timestamp: number;
}

/** The live connections to a venue. `streams` are counted by state, `waiting` are requests held for its limits. */
export interface VenueConnections {
  sockets: number;
  reconnects: number;
  streams: Record<string, number>;
  waiting: number;
  weight_used: number;
  weight_limit: number | null;
  subscribed: number;
  listed: number;
  why: string;
}

/** A venue; `lag_ms` is from its own timestamp to our receipt, `connection` null for recordings and the exchange. `state` and `state_reason` are what the venue says of itself; `up` if it says nothing. */
export interface VenueHealth {
  venue: string;
  lag_ms: number | null;
  faults: number;
  stale: number;
  resyncs: number;
  closed: string;
  state: string;
  state_reason: string;
  connection: VenueConnections | null;
}

/** How a venue says it is: the worst that holds for any part of it, why, and all announcements, newest first. */
export interface VenueStatus {
  venue: string;
  /** When, in milliseconds since 1970. */
  timestamp: number;
  state: "down" | "limited" | "scheduled" | "up";
  /** Why. */
  reason: string;
  announcements: VenueAnnouncement[];
}

/** The server's version. */
export interface Version {
  version: string;
}

/** What options expect of an index over the next 30 days, in percent a year. */
export interface VolatilityIndex {
  /** When, in milliseconds since 1970. */
  timestamp: number;
  volatility: number;
  /** An index such as btc_usd. */
  index_name: string;
}

/** Candles of a volatility index. */
export interface VolatilityIndexCandles {
  data: [number, number, number, number, number][];
  continuation: number | null;
}

/** What the operator took. */
export interface Withdrawal {
  id: number;
  address: string;
  /** Size in the instrument's unit: USD for inverse perpetuals and futures, the coin for others. */
  amount: number;
  /** The fee; below zero a rebate. */
  fee: number;
  priority: number;
  /** A currency such as BTC, or any. */
  currency: string;
  created_timestamp: number;
  confirmed_timestamp: number;
  updated_timestamp: number;
  state: string;
  transaction_id: string | null;
}

/** How fast a withdrawal is for how much; there are none here. */
export interface WithdrawalPriority {
  name: string;
  value: number;
}

/** A page, and how many there are in all. */
export interface Withdrawals {
  count: number;
  data: Withdrawal[];
}

/** Parameters and result of every method. */
export interface Methods {
  "private/buy": { params: PrivateBuyParams; result: PrivateBuyResult };
  "private/cancel": { params: PrivateCancelParams; result: PrivateCancelResult };
  "private/cancel_all": { params: PrivateCancelAllParams; result: PrivateCancelAllResult };
  "private/cancel_all_by_currency": { params: PrivateCancelAllByCurrencyParams; result: PrivateCancelAllByCurrencyResult };
  "private/cancel_all_by_currency_pair": { params: PrivateCancelAllByCurrencyPairParams; result: PrivateCancelAllByCurrencyPairResult };
  "private/cancel_all_by_instrument": { params: PrivateCancelAllByInstrumentParams; result: PrivateCancelAllByInstrumentResult };
  "private/cancel_all_by_kind_or_type": { params: PrivateCancelAllByKindOrTypeParams; result: PrivateCancelAllByKindOrTypeResult };
  "private/cancel_by_label": { params: PrivateCancelByLabelParams; result: PrivateCancelByLabelResult };
  "private/cancel_quotes": { params: PrivateCancelQuotesParams; result: PrivateCancelQuotesResult };
  "private/change_margin_model": { params: PrivateChangeMarginModelParams; result: PrivateChangeMarginModelResult };
  "private/change_subaccount_name": { params: PrivateChangeSubaccountNameParams; result: PrivateChangeSubaccountNameResult };
  "private/close_position": { params: PrivateClosePositionParams; result: PrivateClosePositionResult };
  "private/create_subaccount": { params: PrivateCreateSubaccountParams; result: PrivateCreateSubaccountResult };
  "private/disable_cancel_on_disconnect": { params: PrivateDisableCancelOnDisconnectParams; result: PrivateDisableCancelOnDisconnectResult };
  "private/edit": { params: PrivateEditParams; result: PrivateEditResult };
  "private/edit_by_label": { params: PrivateEditByLabelParams; result: PrivateEditByLabelResult };
  "private/enable_cancel_on_disconnect": { params: PrivateEnableCancelOnDisconnectParams; result: PrivateEnableCancelOnDisconnectResult };
  "private/enable_mac": { params: PrivateEnableMacParams; result: PrivateEnableMacResult };
  "private/get_access_log": { params: PrivateGetAccessLogParams; result: PrivateGetAccessLogResult };
  "private/get_account_summaries": { params: PrivateGetAccountSummariesParams; result: PrivateGetAccountSummariesResult };
  "private/get_account_summary": { params: PrivateGetAccountSummaryParams; result: PrivateGetAccountSummaryResult };
  "private/get_cancel_on_disconnect": { params: PrivateGetCancelOnDisconnectParams; result: PrivateGetCancelOnDisconnectResult };
  "private/get_deposits": { params: PrivateGetDepositsParams; result: PrivateGetDepositsResult };
  "private/get_margins": { params: PrivateGetMarginsParams; result: PrivateGetMarginsResult };
  "private/get_mmp_config": { params: PrivateGetMmpConfigParams; result: PrivateGetMmpConfigResult };
  "private/get_mmp_status": { params: PrivateGetMmpStatusParams; result: PrivateGetMmpStatusResult };
  "private/get_new_announcements": { params: PrivateGetNewAnnouncementsParams; result: PrivateGetNewAnnouncementsResult };
  "private/get_open_orders": { params: PrivateGetOpenOrdersParams; result: PrivateGetOpenOrdersResult };
  "private/get_open_orders_by_currency": { params: PrivateGetOpenOrdersByCurrencyParams; result: PrivateGetOpenOrdersByCurrencyResult };
  "private/get_open_orders_by_instrument": { params: PrivateGetOpenOrdersByInstrumentParams; result: PrivateGetOpenOrdersByInstrumentResult };
  "private/get_open_orders_by_label": { params: PrivateGetOpenOrdersByLabelParams; result: PrivateGetOpenOrdersByLabelResult };
  "private/get_order_history_by_currency": { params: PrivateGetOrderHistoryByCurrencyParams; result: PrivateGetOrderHistoryByCurrencyResult };
  "private/get_order_history_by_instrument": { params: PrivateGetOrderHistoryByInstrumentParams; result: PrivateGetOrderHistoryByInstrumentResult };
  "private/get_order_margin_by_ids": { params: PrivateGetOrderMarginByIdsParams; result: PrivateGetOrderMarginByIdsResult };
  "private/get_order_state": { params: PrivateGetOrderStateParams; result: PrivateGetOrderStateResult };
  "private/get_order_state_by_label": { params: PrivateGetOrderStateByLabelParams; result: PrivateGetOrderStateByLabelResult };
  "private/get_position": { params: PrivateGetPositionParams; result: PrivateGetPositionResult };
  "private/get_positions": { params: PrivateGetPositionsParams; result: PrivateGetPositionsResult };
  "private/get_self_trading_config": { params: PrivateGetSelfTradingConfigParams; result: PrivateGetSelfTradingConfigResult };
  "private/get_settlement_history_by_currency": { params: PrivateGetSettlementHistoryByCurrencyParams; result: PrivateGetSettlementHistoryByCurrencyResult };
  "private/get_settlement_history_by_instrument": { params: PrivateGetSettlementHistoryByInstrumentParams; result: PrivateGetSettlementHistoryByInstrumentResult };
  "private/get_subaccounts": { params: PrivateGetSubaccountsParams; result: PrivateGetSubaccountsResult };
  "private/get_subaccounts_details": { params: PrivateGetSubaccountsDetailsParams; result: PrivateGetSubaccountsDetailsResult };
  "private/get_transaction_log": { params: PrivateGetTransactionLogParams; result: PrivateGetTransactionLogResult };
  "private/get_transfers": { params: PrivateGetTransfersParams; result: PrivateGetTransfersResult };
  "private/get_trigger_order_history": { params: PrivateGetTriggerOrderHistoryParams; result: PrivateGetTriggerOrderHistoryResult };
  "private/get_user_locks": { params: PrivateGetUserLocksParams; result: PrivateGetUserLocksResult };
  "private/get_user_trades_by_currency": { params: PrivateGetUserTradesByCurrencyParams; result: PrivateGetUserTradesByCurrencyResult };
  "private/get_user_trades_by_currency_and_time": { params: PrivateGetUserTradesByCurrencyAndTimeParams; result: PrivateGetUserTradesByCurrencyAndTimeResult };
  "private/get_user_trades_by_instrument": { params: PrivateGetUserTradesByInstrumentParams; result: PrivateGetUserTradesByInstrumentResult };
  "private/get_user_trades_by_instrument_and_time": { params: PrivateGetUserTradesByInstrumentAndTimeParams; result: PrivateGetUserTradesByInstrumentAndTimeResult };
  "private/get_user_trades_by_order": { params: PrivateGetUserTradesByOrderParams; result: PrivateGetUserTradesByOrderResult };
  "private/get_withdrawals": { params: PrivateGetWithdrawalsParams; result: PrivateGetWithdrawalsResult };
  "private/list_api_keys": { params: PrivateListApiKeysParams; result: PrivateListApiKeysResult };
  "private/logout": { params: PrivateLogoutParams; result: PrivateLogoutResult };
  "private/mass_quote": { params: PrivateMassQuoteParams; result: PrivateMassQuoteResult };
  "private/move_positions": { params: PrivateMovePositionsParams; result: PrivateMovePositionsResult };
  "private/pme/simulate": { params: PrivatePmeSimulateParams; result: PrivatePmeSimulateResult };
  "private/remove_subaccount": { params: PrivateRemoveSubaccountParams; result: PrivateRemoveSubaccountResult };
  "private/reset_mmp": { params: PrivateResetMmpParams; result: PrivateResetMmpResult };
  "private/sell": { params: PrivateSellParams; result: PrivateSellResult };
  "private/set_mmp_config": { params: PrivateSetMmpConfigParams; result: PrivateSetMmpConfigResult };
  "private/set_self_trading_config": { params: PrivateSetSelfTradingConfigParams; result: PrivateSetSelfTradingConfigResult };
  "private/simulate_portfolio": { params: PrivateSimulatePortfolioParams; result: PrivateSimulatePortfolioResult };
  "private/submit_transfer_between_subaccounts": { params: PrivateSubmitTransferBetweenSubaccountsParams; result: PrivateSubmitTransferBetweenSubaccountsResult };
  "private/submit_transfer_to_subaccount": { params: PrivateSubmitTransferToSubaccountParams; result: PrivateSubmitTransferToSubaccountResult };
  "private/subscribe": { params: PrivateSubscribeParams; result: PrivateSubscribeResult };
  "private/toggle_subaccount_login": { params: PrivateToggleSubaccountLoginParams; result: PrivateToggleSubaccountLoginResult };
  "private/unsubscribe": { params: PrivateUnsubscribeParams; result: PrivateUnsubscribeResult };
  "private/unsubscribe_all": { params: PrivateUnsubscribeAllParams; result: PrivateUnsubscribeAllResult };
  "public/auth": { params: PublicAuthParams; result: PublicAuthResult };
  "public/disable_heartbeat": { params: PublicDisableHeartbeatParams; result: PublicDisableHeartbeatResult };
  "public/exchange_token": { params: PublicExchangeTokenParams; result: PublicExchangeTokenResult };
  "public/fork_token": { params: PublicForkTokenParams; result: PublicForkTokenResult };
  "public/get_announcements": { params: PublicGetAnnouncementsParams; result: PublicGetAnnouncementsResult };
  "public/get_book_summary_by_currency": { params: PublicGetBookSummaryByCurrencyParams; result: PublicGetBookSummaryByCurrencyResult };
  "public/get_book_summary_by_instrument": { params: PublicGetBookSummaryByInstrumentParams; result: PublicGetBookSummaryByInstrumentResult };
  "public/get_contract_size": { params: PublicGetContractSizeParams; result: PublicGetContractSizeResult };
  "public/get_currencies": { params: PublicGetCurrenciesParams; result: PublicGetCurrenciesResult };
  "public/get_definitions": { params: PublicGetDefinitionsParams; result: PublicGetDefinitionsResult };
  "public/get_delivery_prices": { params: PublicGetDeliveryPricesParams; result: PublicGetDeliveryPricesResult };
  "public/get_expirations": { params: PublicGetExpirationsParams; result: PublicGetExpirationsResult };
  "public/get_funding_chart_data": { params: PublicGetFundingChartDataParams; result: PublicGetFundingChartDataResult };
  "public/get_funding_rate_history": { params: PublicGetFundingRateHistoryParams; result: PublicGetFundingRateHistoryResult };
  "public/get_funding_rate_value": { params: PublicGetFundingRateValueParams; result: PublicGetFundingRateValueResult };
  "public/get_historical_volatility": { params: PublicGetHistoricalVolatilityParams; result: PublicGetHistoricalVolatilityResult };
  "public/get_index": { params: PublicGetIndexParams; result: PublicGetIndexResult };
  "public/get_index_chart_data": { params: PublicGetIndexChartDataParams; result: PublicGetIndexChartDataResult };
  "public/get_index_price": { params: PublicGetIndexPriceParams; result: PublicGetIndexPriceResult };
  "public/get_index_price_names": { params: PublicGetIndexPriceNamesParams; result: PublicGetIndexPriceNamesResult };
  "public/get_instrument": { params: PublicGetInstrumentParams; result: PublicGetInstrumentResult };
  "public/get_instruments": { params: PublicGetInstrumentsParams; result: PublicGetInstrumentsResult };
  "public/get_last_settlements_by_currency": { params: PublicGetLastSettlementsByCurrencyParams; result: PublicGetLastSettlementsByCurrencyResult };
  "public/get_last_settlements_by_instrument": { params: PublicGetLastSettlementsByInstrumentParams; result: PublicGetLastSettlementsByInstrumentResult };
  "public/get_last_trades_by_currency": { params: PublicGetLastTradesByCurrencyParams; result: PublicGetLastTradesByCurrencyResult };
  "public/get_last_trades_by_currency_and_time": { params: PublicGetLastTradesByCurrencyAndTimeParams; result: PublicGetLastTradesByCurrencyAndTimeResult };
  "public/get_last_trades_by_instrument": { params: PublicGetLastTradesByInstrumentParams; result: PublicGetLastTradesByInstrumentResult };
  "public/get_last_trades_by_instrument_and_time": { params: PublicGetLastTradesByInstrumentAndTimeParams; result: PublicGetLastTradesByInstrumentAndTimeResult };
  "public/get_mark_price_history": { params: PublicGetMarkPriceHistoryParams; result: PublicGetMarkPriceHistoryResult };
  "public/get_order_book": { params: PublicGetOrderBookParams; result: PublicGetOrderBookResult };
  "public/get_order_book_by_instrument_id": { params: PublicGetOrderBookByInstrumentIdParams; result: PublicGetOrderBookByInstrumentIdResult };
  "public/get_replay": { params: PublicGetReplayParams; result: PublicGetReplayResult };
  "public/get_server_health": { params: PublicGetServerHealthParams; result: PublicGetServerHealthResult };
  "public/get_supported_index_names": { params: PublicGetSupportedIndexNamesParams; result: PublicGetSupportedIndexNamesResult };
  "public/get_time": { params: PublicGetTimeParams; result: PublicGetTimeResult };
  "public/get_trade_volumes": { params: PublicGetTradeVolumesParams; result: PublicGetTradeVolumesResult };
  "public/get_tradingview_chart_data": { params: PublicGetTradingviewChartDataParams; result: PublicGetTradingviewChartDataResult };
  "public/get_volatility_index_data": { params: PublicGetVolatilityIndexDataParams; result: PublicGetVolatilityIndexDataResult };
  "public/hello": { params: PublicHelloParams; result: PublicHelloResult };
  "public/set_heartbeat": { params: PublicSetHeartbeatParams; result: PublicSetHeartbeatResult };
  "public/set_replay": { params: PublicSetReplayParams; result: PublicSetReplayResult };
  "public/status": { params: PublicStatusParams; result: PublicStatusResult };
  "public/subscribe": { params: PublicSubscribeParams; result: PublicSubscribeResult };
  "public/test": { params: PublicTestParams; result: PublicTestResult };
  "public/ticker": { params: PublicTickerParams; result: PublicTickerResult };
  "public/unsubscribe": { params: PublicUnsubscribeParams; result: PublicUnsubscribeResult };
  "public/unsubscribe_all": { params: PublicUnsubscribeAllParams; result: PublicUnsubscribeAllResult };
}

/** What each family of channels says. */
export interface Channels {
  user_orders: UserOrder[] | UserOrder;
  user_trades: UserTrade[];
  user_changes: UserChanges;
  user_combo_trades: UserTrade[];
  user_mmp_trigger: MmpTrigger;
  user_portfolio: Summary;
  user_access_log: Unsaid;
  user_lock: Lock;
  user_rfqs: Unsaid;
  user_rfq_quotes: Unsaid;
  grouped_book: GroupedBook;
  book: BookData;
  kind_trades: Trade[];
  trades: Trade[];
  ticker: Ticker;
  incremental_ticker: IncrementalTicker;
  quote: Quote;
  perpetual: Perpetual;
  index: IndexPrice;
  index_statistics: IndexStatistics;
  expiration_price: ExpirationPrice;
  volatility_index: VolatilityIndex;
  price_ranking: RankedPrice[];
  candles: Candle;
  mark_prices: MarkPrice[];
  instrument_state: InstrumentState;
  health: Health;
  status: Status;
  imbalance: ImbalanceData;
  depth: DepthData;
  prices: PricesData;
  flow: FlowData;
  chain: ChainData;
  surface: SurfaceData;
  skew: SkewData;
  gex: GammaData;
  alert: AlertData;
  crossed: CrossedData;
  venue_status: VenueStatus;
  platform_state: PlatformState;
  methods_state: Unsaid;
  announcements: Unsaid;
  block_trades: Unsaid;
  currency_block_trades: Unsaid;
  rfq_trades: Unsaid;
}
