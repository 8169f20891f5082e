import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const scratch = fileURLToPath(new URL(".tmp", import.meta.url))

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Process tests start child processes of their own; more workers than cores only makes them time out.
    maxWorkers: 2,
    // Keys and remembered checkpoints of the person who runs the tests are not touched.
    env: { SECUREML_STATE_DIR: `${scratch}/state` },
    projects: [
      { extends: true, test: { name: "unit", include: ["src/**/*.test.ts"] } },
      {
        extends: true,
        test: {
          name: "integration",
          include: ["test/**/*.test.ts"],
          exclude: ["test/package/**", "test/faults/**", "**/fixtures/**"],
        },
      },
      { extends: true, test: { name: "faults", include: ["test/faults/**/*.test.ts"] } },
      {
        extends: true,
        test: {
          name: "package",
          include: ["test/package/*.test.ts"],
          globalSetup: "test/package/pack.ts",
          testTimeout: 120_000,
        },
      },
    ],
  },
})
