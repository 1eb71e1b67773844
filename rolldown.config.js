/** Bundles the package: a few files load several times faster than two hundred. */
import { defineConfig } from "rolldown";

export default defineConfig({
  input: {
    index: "src/index.ts",
    "optimizers/index": "src/optimizers/index.ts",
    "nn/index": "src/nn/index.ts",
    "cli/main": "src/cli/main.ts",
    "models/index": "src/models/index.ts",
    // What threads load by its address, beside the file that names it.
    "host-thread": "src/device/wasm/host-thread.ts",
    "train/index": "src/train/index.ts",
  },
  platform: "neutral",
  output: {
    dir: "dist",
    cleanDir: true,
    format: "esm",
    sourcemap: true,
    chunkFileNames: "chunks/[name]-[hash].js",
  },
});
