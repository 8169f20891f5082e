import { describe, expect, test } from "vitest"
import { builtInCatalogues } from "../catalogue/load.ts"
import { openCalendars } from "../clock/legal-calendars.ts"
import { Assessment } from "./assess.ts"

const calendars = await openCalendars()
const catalogue = builtInCatalogues().find(({ id }) => id === "secureml/ccpa")!
const control = catalogue.controls.find(({ id }) => id === "ccpa-7102-metrics")!

function reasonOf(events: readonly object[], asOf: string): string {
  const asOfMs = Date.parse(asOf)
  const assessment = new Assessment({
    asOfMs,
    toMs: asOfMs,
    fromMs: undefined,
    calendars,
    profile: { v: 1, id: "t", roles: ["business"], facts: { consumers_per_year: 10_000_000 } },
    catalogues: [{ ...catalogue, controls: [control] }],
    integrity: { verdict: "intact", treeSize: events.length },
  })
  const envelope = {
    v: 1,
    operation_id: "o",
    operation_name: "o",
    sequence: 0,
    writer: { id: "w", seq: 0 },
    sealed: true,
  } as const
  for (const [index, details] of events.entries()) {
    const event_type = "topic" in details ? "notification" : "user_request"
    assessment.see({
      ...envelope,
      event_id: `${index}`,
      event_type,
      timestamp: "2026-03-01T00:00:00Z",
      index,
      details: { ...details },
    })
  }
  const { outcome, reason } = assessment.report("").findings[0]!
  return `${outcome}: ${reason}`
}

const REQUESTS = [
  {
    request_id: "1",
    request_type: "delete",
    received_at: "2026-01-01",
    responded_at: "2026-01-11",
    response_nature: "fulfilled",
  },
  {
    request_id: "2",
    request_type: "delete",
    received_at: "2026-01-01",
    responded_at: "2026-01-31",
    response_nature: "denied",
  },
  {
    request_id: "3",
    request_type: "delete",
    received_at: "2026-01-01",
    responded_at: "2026-01-21",
    response_nature: "partially_denied",
  },
  { request_id: "4", request_type: "know", received_at: "2026-02-01" },
]

describe("the metrics of 11 CCR 7102(a)", () => {
  test("are counted by type, with the median of the days, until 1 July of the next year", () => {
    expect(reasonOf(REQUESTS, "2027-06-01T00:00:00Z")).toBe(
      "pending: 11 CCR 7102(a): the log: 2026: delete 3 received, 1 complied with, 2 denied, median 20.0 days, " +
        "know 1 received, 0 complied with, 0 denied; not published, due 2027-07-01",
    )
  })

  test.each([
    ["2027-07-01T23:00:00Z", undefined, "pending"],
    ["2027-07-02T00:00:00Z", undefined, "fail"],
    ["2027-08-01T00:00:00Z", "2027-07-01", "pass"],
    ["2027-08-01T00:00:00Z", "2027-07-02", "fail"],
  ])("as of %s, published %s: %s", (asOf, published_at, outcome) => {
    const events =
      published_at === undefined ? REQUESTS : [...REQUESTS, { topic: "ccpa_metrics", year: 2026, published_at }]
    expect(reasonOf(events, asOf)).toMatch(new RegExp(`^${outcome}`))
  })

  test("of a year that is not over are not due", () => {
    expect(reasonOf(REQUESTS, "2026-12-31T00:00:00Z")).toContain("no year with requests is over")
  })
})
