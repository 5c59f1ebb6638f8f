/** Numbers and times as they are shown. */

export function decimals(step: number | null | undefined): number {
  if (!step) return 2;
  const text = step.toFixed(10).replace(/0+$/, "");
  return text.length - text.indexOf(".") - 1;
}

export function formatPrice(price: number | null | undefined, places: number): string {
  return price === null || price === undefined || Number.isNaN(price) ? "–" : price.toFixed(places);
}

export function formatSize(size: number | null | undefined): string {
  if (size === null || size === undefined) return "–";
  return size.toLocaleString("en", { maximumFractionDigits: size < 1 ? 6 : 3 });
}

export function formatNumber(value: number | null | undefined, places = 2): string {
  return value === null || value === undefined || Number.isNaN(value)
    ? "–"
    : value.toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places });
}

export function formatTime(ms: number): string {
  return ms ? new Date(ms).toLocaleTimeString("en-GB") : "never";
}

export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d`;
}
