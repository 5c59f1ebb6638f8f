import { defineConfig } from "vite";

/** What `make browser-bench` measures the dashboard beside. */
export default defineConfig({ root: "bench", base: "/peer/", build: { target: "es2022", emptyOutDir: true } });
