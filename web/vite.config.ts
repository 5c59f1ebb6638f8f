import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** A `.br` and a `.gz` beside every file of text, for the server to send as they are. */
function precompress(): Plugin {
  let folder = "";
  return {
    name: "precompress",
    configResolved: (config) => void (folder = config.build.outDir),
    closeBundle: () => {
      for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        if (!/\.(js|css|html|svg|txt)$/.test(name)) continue;
        const file = join(folder, name);
        const content = readFileSync(file);
        writeFileSync(`${file}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
        writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
      }
    },
  };
}

/** What the heads of all pages have. */
function sharedHead(): Plugin {
  const head = readFileSync("head.html", "utf8").trim();
  return {
    name: "shared-head",
    transformIndexHtml: { order: "pre", handler: (page) => page.replace("<!-- head.html -->", head) },
  };
}

/** Nothing is inlined, so that the page needs no unsafe source. */
export default defineConfig({
  base: "/",
  plugins: [sharedHead(), precompress()],
  build: {
    target: "es2022",
    assetsDir: "assets",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    emptyOutDir: true,
    license: { fileName: "licences.txt" },
    reportCompressedSize: false,
    rolldownOptions: { input: { index: "index.html", docs: "docs.html" } },
  },
  worker: { format: "es" },
});
