export interface Drawn {
  context: CanvasRenderingContext2D;
  width: number;
  height: number;
}

/** An empty canvas of the size at which it is shown, in CSS pixels; null while it is not shown. */
export function fit(canvas: HTMLCanvasElement): Drawn | null {
  const { clientWidth: width, clientHeight: height } = canvas;
  const context = canvas.getContext("2d");
  if (!width || !height || !context) return null;
  const scale = devicePixelRatio;
  if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
  if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}
