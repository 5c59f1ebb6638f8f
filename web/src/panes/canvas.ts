import { LitElement } from "lit";

export interface Drawn {
  context: CanvasRenderingContext2D;
  width: number;
  height: number;
}

/** Whether a canvas is within what is scrolled to. */
const seen = new WeakMap<Element, boolean>();

const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const appears = isIntersecting && seen.get(target) === false;
    seen.set(target, isIntersecting);
    if (appears) owner(target)?.requestUpdate();
  }
});

function owner(target: Element): LitElement | null {
  for (let element = target.parentElement; element; element = element.parentElement) if (element instanceof LitElement) return element;
  return null;
}

/**
 * An empty canvas of the size at which it is shown, in CSS pixels; null while it is not shown or scrolled away: its
 * element is updated when it comes into view.
 */
export function fit(canvas: HTMLCanvasElement): Drawn | null {
  if (!seen.has(canvas)) {
    seen.set(canvas, true);
    watcher.observe(canvas);
  }
  if (!seen.get(canvas)) return null;
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
