import { html, nothing, type TemplateResult } from "lit";
import type { FlowData } from "../api";
import { cssProperties } from "../css-properties";
import { formatNumber, formatTime } from "../format";
import { FiguresPane } from "./figures-pane";

type Horizon = NonNullable<FlowData["horizons"]>[number];
type Score = NonNullable<Horizon["score"]>;
type Interval = readonly [number | null, number | null, number | null];
/** The predictor of the server, and the baseline that its skill is judged by. */
const MODEL = "model";
const BASELINE = "calibrated_imbalance";

interface Known {
  score: Score | null;
  made: NonNullable<Horizon["made"]>[number] | null;
  state: Horizon["state"];
}

/** Predictions of the next move of the mid by horizon, each with its score, 95 % intervals and the verdict on its skill. */
export class FlowPane extends FiguresPane<FlowData> {
  protected readonly family = "flow";
  private horizons = new Map<number, Known>();

  protected override clear(): void {
    super.clear();
    this.horizons.clear();
  }

  /** A notification tells what is new; the newest score and prediction stay. */
  protected override measured({ horizons = [] }: FlowData): void {
    for (const each of horizons) {
      const before = this.horizons.get(each.horizon_ms);
      this.horizons.set(each.horizon_ms, { state: each.state, made: each.made?.at(-1) ?? before?.made ?? null, score: each.score ?? before?.score ?? null });
    }
  }

  override render(): TemplateResult {
    const { figures } = this;
    const rows = [...this.horizons].sort(([one], [other]) => one - other);
    const body = html`<table class="figures flow"><thead><tr><th scope="col">Within</th><th scope="col">Fall · none · rise</th><th scope="col">Skill</th><th scope="col">AUC (95 %)</th><th scope="col">Brier skill (95 %)</th></tr></thead>
        <tbody>${rows.map(([ms, known]) => row(ms, known))}</tbody></table>
      ${rows.map(([ms, { score }]) => (score ? scoreText(ms, score) : nothing))}`;
    const foot = figures ? `after ${figures.latency_ms ?? "–"} ms of latency · skill over the calibrated imbalance, positive only if its whole 95 % block-bootstrap interval is above 0 · a prediction is no advice` : "";
    return this.framed("Flow prediction", figures ? body : html``, foot);
  }
}

function row(ms: number, { state, made, score }: Known): TemplateResult {
  const name = ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
  if (state === "unavailable") return html`<tr><th scope="row">${name}</th><td colspan="4">the book changes too rarely</td></tr>`;
  const skill = score?.skill ?? "not yet";
  return html`<tr><th scope="row">${name}</th><td>${made ? probabilities(made.probabilities) : "–"}</td><td class="skill" data-skill=${skill}>${skill}</td>
    <td>${interval(score?.predictors[MODEL]?.auc, 2)}</td><td>${interval(score?.skill_over[BASELINE], 2)}</td></tr>`;
}

function probabilities([fall, none, rise]: readonly number[]): TemplateResult {
  const percent = (share: number | undefined): string => `${Math.round(100 * (share ?? 0))}`;
  return html`<span class="odds" ${cssProperties({ "--fall": fall ?? 0, "--rise": rise ?? 0 })}>↓${percent(fall)} · ${percent(none)} · ↑${percent(rise)} %</span>`;
}

/** The figure with its 95 % interval. */
function interval(figure: Interval | undefined, places = 3): string {
  if (!figure || figure[0] === null) return "–";
  const [value, low, high] = figure;
  return low === null || high === null ? formatNumber(value, places) : `${formatNumber(value, places)} (${formatNumber(low, places)} to ${formatNumber(high, places)})`;
}

function scoreText(ms: number, score: Score): TemplateResult {
  const others = Object.entries(score.skill_over).filter(([name]) => name !== BASELINE);
  return html`<details><summary>${ms} ms: ${score.predictions} matured, ${score.effective} independent, ${formatNumber(100 * score.moved, 0)} % moved, as of ${formatTime(score.at_ms)}</summary>
    <table class="figures"><thead><tr><th scope="col">Predictor</th><th scope="col">Balanced accuracy</th><th scope="col">Brier score</th><th scope="col">Log loss</th></tr></thead>
      <tbody>${Object.entries(score.predictors).map(([name, each]) => html`<tr><th scope="row">${name.replaceAll("_", " ")}</th><td>${interval(each.balanced_accuracy)}</td><td>${interval(each.brier)}</td><td>${interval(each.log_loss)}</td></tr>`)}</tbody></table>
    <p class="message">Skill over ${others.map(([name, each]) => `${name.replaceAll("_", " ")} ${interval(each)}`).join(" · ")} · worth a trade: ${formatNumber(100 * score.worth, 1)} % of predictions expect a move beyond half the spread${score.fee_bp === null ? "" : ` and ${score.fee_bp} bp of fees`}</p></details>`;
}

customElements.define("dw-flow", FlowPane);
