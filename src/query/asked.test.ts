import { expect, test } from "vitest"
import { askedFor } from "./asked.ts"

const id = "3f0c8f0e-5b1c-4c57-9d0b-1c3b2c1d7a10"

test.each([
  [{ logDir: "/srv/jane", user: undefined }, {}],
  [{ user: "jane", text: "jane", requestId: "R-1", subject: "p1", cursor: "x" }, "given"],
  [{ eventType: ["data_access", "error"] }, { event_type: ["data_access", "error"] }],
  [{ operationId: [id, "jane"] }, { operation_id: [id, "given"] }],
  [{ traceId: "0af7651916cd43dd8448eb211c80319c" }, { trace_id: "0af7651916cd43dd8448eb211c80319c" }],
  [{ regulation: "eu ai act" }, { regulation: "EU AI Act" }],
  [
    { result: false, proofs: true, limit: 5, index: 0 },
    { result: false, proofs: true, limit: 5, index: 0 },
  ],
  [
    { startTime: "2026-11-24", endTime: new Date(0) },
    { start_time: "2026-11-24", end_time: "1970-01-01T00:00:00.000Z" },
  ],
  [{ startTime: "jane", endTime: new Date(Number.NaN) }, "given"],
  [{ eventType: "jane@example.org", status: "Jane Roe", modelId: "0049 30 1", datasetName: "1234567890" }, "given"],
  [{ not: { user: "jane", eventType: "error" } }, { not: { user: "given", event_type: "error" } }],
  [
    { not: ["jane"], somethingNew: "jane" },
    { not: ["given"], something_new: "given" },
  ],
])("%j is written as %j", (query, written) => {
  const asked = askedFor(query)
  if (typeof written === "object") expect(asked).toEqual(written)
  else expect(new Set(Object.values(asked))).toEqual(new Set([written]))
})
