import type { SurfaceData } from "../api";

type Slice = NonNullable<SurfaceData["slices"]>[number];

export interface Vertex {
  /** Moneyness in standard deviations, the square root of the years, and the volatility in percent. */
  x: number;
  y: number;
  z: number;
}

export interface View {
  /** Radians around the upright axis, and from it. */
  yaw: number;
  pitch: number;
}

const DEVIATIONS = 2;
const STEPS = 32;

/**
 * Volatility in percent at k = ln(strike/forward): w = ½ (θ + ρψk + √((ψk + θρ)² + θ²(1 − ρ²))), eSSVI's total variance
 * (Corbetta, Cohort, Laachir and Martini 2019), with ψ = (right + left)/2 and ρψ = (right − left)/2.
 */
export function volatility({ theta, right, left, years }: Slice, k: number): number {
  const psi = (right + left) / 2;
  const lean = (right - left) / 2;
  const variance = (theta + lean * k + Math.sqrt(Math.max(0, psi * psi * k * k + theta * (2 * lean * k + theta)))) / 2;
  return 100 * Math.sqrt(Math.max(0, variance) / years);
}

/** A row of vertices per expiry, from -2 to 2 standard deviations at the money. */
export function mesh(slices: readonly Slice[]): Vertex[][] {
  return slices.map((slice) =>
    Array.from({ length: STEPS + 1 }, (_, step) => {
      const x = DEVIATIONS * ((2 * step) / STEPS - 1);
      return { x, y: Math.sqrt(slice.years), z: volatility(slice, x * Math.sqrt(slice.theta)) };
    }),
  );
}

/** [across, up, depth] of a vertex whose members are within a cube from -1 to 1, seen without perspective. */
export function project({ x, y, z }: Vertex, { yaw, pitch }: View): [number, number, number] {
  const across = x * Math.cos(yaw) - y * Math.sin(yaw);
  const away = x * Math.sin(yaw) + y * Math.cos(yaw);
  return [across, z * Math.cos(pitch) + away * Math.sin(pitch), away * Math.cos(pitch) - z * Math.sin(pitch)];
}
