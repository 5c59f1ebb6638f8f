import { Observed } from "./observed";

const KEY = "deltawire.settings";
export type Theme = "auto" | "light" | "dark";

export interface Settings {
  theme: Theme;
  /** Of candles, in minutes, or 1D. */
  resolution: string;
  /** How often figures are computed. */
  every: string;
  instrument: string;
  notify: boolean;
  /** Alerts: less than so much (quote currency) on a side within 10 bp, a wider spread (bp), venues crossed by more (bp); 0: off. */
  thin: number;
  wide: number;
  crossed: number;
}

const DEFAULTS: Settings = { theme: "auto", resolution: "1", every: "1s", instrument: "", notify: false, thin: 0, wide: 0, crossed: 0 };

function load(): Settings {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Settings>) };
  } catch {
    return DEFAULTS; // storage that is forbidden or damaged holds no settings
  }
}

export const settings = new Observed<Settings>(load());

export function change(part: Partial<Settings>): void {
  settings.set({ ...settings.value, ...part });
  try {
    localStorage.setItem(KEY, JSON.stringify(settings.value));
  } catch {
    // they last as long as the page
  }
}

const colours = new Map<string, string>();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => colours.clear());

export function applyTheme(): void {
  document.documentElement.dataset["theme"] = settings.value.theme;
  colours.clear();
}

/** A colour of the theme, for what is drawn. */
export function colour(name: string): string {
  let found = colours.get(name);
  if (found === undefined) colours.set(name, (found = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()));
  return found;
}
