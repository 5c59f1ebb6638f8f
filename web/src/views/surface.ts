import { html, LitElement, type TemplateResult } from "lit";
import type { SurfaceData } from "../api";
import { formatNumber } from "../format";
import { type Drawn, fit } from "../panes/canvas";
import { colour } from "../settings";
import { mesh, project, type Vertex, type View } from "./surface-mesh";

type Slice = NonNullable<SurfaceData["slices"]>[number];
const TURN = Math.PI / 18;
const FIRST: View = { yaw: 0.6, pitch: 0.45 };
/** Hues of the lowest and the highest volatility. */
const HUES = [220, 15] as const;

interface Patch {
  corners: [number, number, number][];
  /** From 0, the lowest volatility, to 1. */
  level: number;
}

/** The fitted surface as a net over moneyness and time, to be turned by buttons or by dragging. */
export class SurfaceNet extends LitElement {
  static override properties = { slices: { attribute: false } };
  declare slices: Slice[];
  private view = FIRST;
  private held: { x: number; y: number } | null = null;

  constructor() {
    super();
    this.slices = [];
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  private turn(yaw: number, pitch: number): void {
    this.view = { yaw: this.view.yaw + yaw, pitch: Math.min(1.4, Math.max(0.05, this.view.pitch + pitch)) };
    this.requestUpdate();
  }

  private readonly hold = (event: PointerEvent): void => {
    this.held = { x: event.clientX, y: event.clientY };
    (event.target as Element).setPointerCapture(event.pointerId);
  };

  private readonly drag = (event: PointerEvent): void => {
    if (!this.held) return;
    this.turn((this.held.x - event.clientX) / 150, (event.clientY - this.held.y) / 150);
    this.held = { x: event.clientX, y: event.clientY };
  };

  private readonly release = (): void => {
    this.held = null;
  };

  override render(): TemplateResult {
    const text = this.slices.map((slice) => `${slice.expiry} at the money ${formatNumber(slice.at_money_iv, 1)} percent`).join(", ") || "not known yet";
    const button = (label: string, sign: string, yaw: number, pitch: number): TemplateResult => html`<button aria-label="Turn ${label}" title="Turn ${label}" @click=${() => this.turn(yaw, pitch)}>${sign}</button>`;
    return html`<div class="tools">${button("left", "⟲", TURN, 0)} ${button("right", "⟳", -TURN, 0)} ${button("up", "↑", 0, TURN)} ${button("down", "↓", 0, -TURN)}</div>
      <canvas class="drawn surface" role="img" aria-label="Surface of volatilities: ${text}" @pointerdown=${this.hold} @pointermove=${this.drag} @pointerup=${this.release} @pointercancel=${this.release}></canvas>`;
  }

  override updated(): void {
    const canvas = this.querySelector<HTMLCanvasElement>("canvas");
    const drawn = canvas && fit(canvas);
    if (drawn && this.slices.length > 1) this.draw(drawn);
  }

  private draw(drawn: Drawn): void {
    const { context, width, height } = drawn;
    const rows = mesh(this.slices);
    const all = rows.flat();
    const [low, high] = [Math.min(...all.map(({ z }) => z)), Math.max(...all.map(({ z }) => z))];
    const [near, far] = [rows[0]?.[0]?.y ?? 0, rows.at(-1)?.[0]?.y ?? 1];
    const within = ({ x, y, z }: Vertex): Vertex => ({ x: x / 2, y: (2 * (y - near)) / (far - near || 1) - 1, z: (1.2 * (z - low)) / (high - low || 1) - 0.6 });
    const scale = Math.min(width / 2.8, height / 1.9);
    const place = (vertex: Vertex): [number, number, number] => {
      const [across, up, depth] = project(within(vertex), this.view);
      return [width / 2 + across * scale, height / 2 - up * scale, depth];
    };
    const patches = this.patches(rows, place, (z) => (z - low) / (high - low || 1));
    // Far patches first: nearer ones cover them.
    patches.sort((one, other) => depth(other) - depth(one));
    context.lineWidth = 0.6;
    context.strokeStyle = colour("pane");
    for (const { corners, level } of patches) {
      context.beginPath();
      for (const [x, y] of corners) context.lineTo(x, y);
      context.closePath();
      context.fillStyle = `hsl(${HUES[0] + (HUES[1] - HUES[0]) * level} 65% 50%)`;
      context.fill();
      context.stroke();
    }
    this.label(drawn, rows, place, [low, high]);
  }

  private patches(rows: Vertex[][], place: (vertex: Vertex) => [number, number, number], level: (z: number) => number): Patch[] {
    return rows.slice(1).flatMap((row, number) =>
      row.slice(1).flatMap((vertex, step) => {
        const corners = [rows[number]?.[step], rows[number]?.[step + 1], vertex, row[step]].filter((each) => each !== undefined);
        return [{ corners: corners.map(place), level: level(corners.reduce((sum, each) => sum + each.z / corners.length, 0)) }];
      }),
    );
  }

  private label({ context, height }: Drawn, rows: Vertex[][], place: (vertex: Vertex) => [number, number, number], [low, high]: [number, number]): void {
    context.font = "11px system-ui";
    context.fillStyle = colour("soft");
    context.fillText(`${formatNumber(low, 1)} % (blue) to ${formatNumber(high, 1)} % (red)`, 4, height - 5);
    context.fillStyle = colour("text");
    for (const [number, row] of [[0, rows[0]], [rows.length - 1, rows.at(-1)]] as const) {
      const [first, last] = [row?.[0], row?.at(-1)];
      if (!first || !last) continue;
      context.fillText(`${this.slices[number]?.expiry ?? ""} −2σ`, ...flat(place(first)));
      context.fillText("+2σ", ...flat(place(last)));
    }
  }
}

function flat([x, y]: [number, number, number]): [number, number] {
  return [x, y];
}

function depth({ corners }: Patch): number {
  return corners.reduce((sum, corner) => sum + corner[2], 0) / corners.length;
}

customElements.define("dw-surface", SurfaceNet);
