import { expect, test } from "vitest"
import { askedFor } from "./asked.ts"
import { EXACT_FIELDS } from "./fields.ts"

test("what was asked is told by the names of the filters, and by values that name no person", () => {
  const secret = "maria@example.org"
  const asked = askedFor({
    logDir: `/home/${secret}`,
    eventType: ["error", "data_access"],
    result: true,
    startTime: new Date(0),
    endTime: "2026-11-24",
    user: secret,
    text: secret,
    requestId: [secret],
    not: { user: secret, eventType: "function_call" },
  })
  expect(asked).toEqual({
    filters: {
      event_type: ["error", "data_access"],
      result: true,
      start_time: "1970-01-01T00:00:00.000Z",
      end_time: "2026-11-24",
      not: { event_type: "function_call" },
    },
    filters_withheld: ["user", "request_id", "text", "not.user"],
  })
  expect(JSON.stringify(asked)).not.toContain(secret)
})

test("no filters, nothing to tell", () => {
  expect(askedFor({})).toEqual({})
})

test("every filter is told of", () => {
  for (const field of EXACT_FIELDS) {
    const { filters = {}, filters_withheld = [] } = askedFor({ [field]: "x" })
    expect([field, Object.keys(filters).length + filters_withheld.length]).toEqual([field, 1])
  }
})
