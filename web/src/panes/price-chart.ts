import { html, type TemplateResult } from "lit";
import {
  CandlestickSeries,
  type CandlestickData,
  createChart,
  createSeriesMarkers,
  HistogramSeries,
  type IChartApi,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  LineSeries,
  type Time,
  type UTCTimestamp,
} from "lightweight-charts";
import type { Candle, Ticker } from "../api";
import { fills } from "../account";
import { formatNumber } from "../format";
import { feed } from "../link";
import { Pane } from "../pane";
import { change, colour, settings } from "../settings";

const RESOLUTIONS: [value: string, label: string][] = [
  ["1", "1 min"],
  ["5", "5 min"],
  ["15", "15 min"],
  ["60", "1 h"],
  ["360", "6 h"],
  ["1D", "1 day"],
];
const CANDLES = 500;

const minutes = (resolution: string): number => (resolution === "1D" ? 1440 : Number(resolution));
const seconds = (ms: number): UTCTimestamp => Math.floor(ms / 1000) as UTCTimestamp;

/** Candles with volume, the mark price and the index price as lines, one's own fills as marks. */
export class PriceChart extends Pane {
  private chart: IChartApi | null = null;
  private candles!: ISeriesApi<"Candlestick">;
  private volumes!: ISeriesApi<"Histogram">;
  private mark!: ISeriesApi<"Line">;
  private index!: ISeriesApi<"Line">;
  private marks!: ISeriesMarkersPluginApi<Time>;
  private last: Candle | null = null;
  private ticker: Ticker | null = null;
  private lastTick = 0;

  protected listen(): (() => void)[] {
    const { resolution } = settings.value;
    void this.load();
    return [
      settings.listen(this.restyle),
      fills.listen(this.markFills),
      feed.subscribe([`chart.trades.${this.instrument}.${resolution}`], (_channel, candle: Candle, receivedMs) => {
        this.lastMs = receivedMs;
        this.show(candle);
      }),
      feed.subscribe([`ticker.${this.instrument}.100ms`], (_channel, ticker: Ticker, receivedMs) => {
        this.lastMs = receivedMs;
        this.ticker = ticker;
        this.redraw();
      }),
    ];
  }

  protected clear(): void {
    this.last = this.ticker = null;
    this.lastTick = 0;
    for (const series of [this.candles, this.volumes, this.mark, this.index]) series?.setData([]);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.chart?.remove();
    this.chart = null;
  }

  override updated(): void {
    if (!this.chart && this.isConnected) this.make();
    if (!this.chart || !this.ticker || !this.lastTick) return;
    const time = seconds(this.lastTick);
    const { mark_price: mark, index_price: index } = this.ticker;
    if (mark) this.mark.update({ time, value: mark });
    if (index) this.index.update({ time, value: index });
  }

  private make(): void {
    const place = this.querySelector<HTMLElement>(".chart");
    if (!place) return;
    this.chart = createChart(place, { autoSize: true, layout: { attributionLogo: false }, timeScale: { timeVisible: true } });
    this.candles = this.chart.addSeries(CandlestickSeries, {});
    const hidden = { lastValueVisible: false, priceLineVisible: false };
    this.volumes = this.chart.addSeries(HistogramSeries, { ...hidden, priceScaleId: "", priceFormat: { type: "volume" } });
    this.volumes.priceScale().applyOptions({ scaleMargins: { top: 0.85, bottom: 0 } });
    this.mark = this.chart.addSeries(LineSeries, { ...hidden, lineWidth: 1 });
    this.index = this.chart.addSeries(LineSeries, { ...hidden, lineWidth: 1, lineStyle: 2 });
    this.marks = createSeriesMarkers(this.candles, []);
    this.restyle();
    void this.load();
  }

  private readonly restyle = (): void => {
    const [up, down, text, line] = ["bid", "ask", "text", "line"].map(colour);
    const precision = this.places;
    this.chart?.applyOptions({
      layout: { background: { color: "transparent" }, textColor: text ?? "" },
      grid: { vertLines: { color: line ?? "" }, horzLines: { color: line ?? "" } },
    });
    const format = { type: "price" as const, precision, minMove: 10 ** -precision };
    this.candles?.applyOptions({ upColor: up ?? "", downColor: down ?? "", wickUpColor: up ?? "", wickDownColor: down ?? "", borderVisible: false, priceFormat: format });
    this.volumes?.applyOptions({ color: line ?? "" });
    this.mark?.applyOptions({ color: colour("accent") });
    this.index?.applyOptions({ color: colour("soft") });
  };

  private show(candle: Candle): void {
    if (!this.chart || candle.tick < this.lastTick) return;
    this.last = candle;
    this.lastTick = candle.tick;
    const time = seconds(candle.tick);
    this.candles.update(bar(candle, time));
    this.volumes.update({ time, value: candle.volume ?? 0 });
    this.redraw();
  }

  private async load(): Promise<void> {
    const { instrument } = this;
    const { resolution } = settings.value;
    await feed.live();
    // The server's clock, not the venue's: the newest candle is wanted in any case.
    const end = (feed.time.value ?? Date.now()) + 86400_000;
    const asked = { instrument_name: instrument, resolution, start_timestamp: end - 86400_000 - CANDLES * minutes(resolution) * 60_000, end_timestamp: end };
    const data = await feed.call("public/get_tradingview_chart_data", asked).catch(() => null);
    if (!data || !this.chart || instrument !== this.instrument || resolution !== settings.value.resolution) return;
    const candles = data.ticks.map((tick, at) => ({ tick, open: data.open[at] ?? 0, high: data.high[at] ?? 0, low: data.low[at] ?? 0, close: data.close[at] ?? 0, volume: data.volume[at] ?? 0, cost: null }));
    this.candles.setData(candles.map((candle) => bar(candle, seconds(candle.tick))));
    this.volumes.setData(candles.map((candle) => ({ time: seconds(candle.tick), value: candle.volume })));
    this.mark.setData([]);
    this.index.setData([]);
    this.last = candles.at(-1) ?? this.last;
    this.lastTick = this.last?.tick ?? 0;
    this.restyle();
    this.markFills();
    this.redraw();
  }

  private readonly markFills = (): void => {
    if (!this.chart) return;
    const own = fills.value.filter((fill) => fill.instrument_name === this.instrument);
    const step = minutes(settings.value.resolution) * 60_000;
    const marks = own.map((fill) => {
      const buys = fill.direction === "buy";
      return {
        time: seconds(fill.timestamp - (fill.timestamp % step)),
        position: buys ? ("belowBar" as const) : ("aboveBar" as const),
        shape: buys ? ("arrowUp" as const) : ("arrowDown" as const),
        color: colour("accent"),
        text: `${fill.direction} ${fill.amount}`,
      };
    });
    this.marks.setMarkers(marks.sort((one, other) => one.time - other.time));
  };

  private choose(event: Event): void {
    change({ resolution: (event.target as HTMLSelectElement).value });
    this.clear();
    this.begin();
  }

  override render(): TemplateResult {
    const { last, ticker } = this;
    const options = RESOLUTIONS.map(([value, label]) => html`<option value=${value} ?selected=${value === settings.value.resolution}>${label}</option>`);
    const prices = `last ${formatNumber(last?.close, this.places)} · mark ${formatNumber(ticker?.mark_price, this.places)} · index ${formatNumber(ticker?.index_price, this.places)}`;
    const body = html`<div class="tools"><label>Candles <select @change=${this.choose}>${options}</select></label>
        <output class="prices">${prices}</output></div>
      <div class="chart" role="img" aria-label="Price chart of ${this.instrument}: ${prices}"></div>`;
    return this.frameOf("Price", body, html`— mark ┄ index · charts by <a href="https://www.tradingview.com/" rel="noreferrer">TradingView</a>`);
  }
}

function bar(candle: Candle, time: UTCTimestamp): CandlestickData<UTCTimestamp> {
  return { time, open: candle.open, high: candle.high, low: candle.low, close: candle.close };
}

customElements.define("dw-price-chart", PriceChart);
