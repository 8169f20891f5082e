import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    exclude: ["**/node_modules/**", "test/package/fixtures/**", "**/.tmp/**"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Process tests start child processes of their own; more workers than cores only makes them time out.
    maxWorkers: 2,
  },
})
