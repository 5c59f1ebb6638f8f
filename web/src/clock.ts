import { Observed } from "./observed";

/** The time in ms, once a second while the page is seen. */
export const clock = new Observed(Date.now());
setInterval(() => {
  if (!document.hidden) clock.set(Date.now());
}, 1000);
