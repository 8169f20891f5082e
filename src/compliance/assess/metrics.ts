/**
 * 11 CCR 7102(a): per calendar year, requests received, complied with and denied by type, with the median days to answer,
 * published by 1 July of the next year.
 * @module
 */
import { fieldOf } from "./item.ts"
import { type TestResult, worstOf } from "./outcome.ts"
import type { TestContext } from "./scope.ts"

/** One year of one type of request. */
interface Tally {
  received: number
  complied: number
  denied: number
  readonly days: number[]
}

const DAY_MS = 86_400_000

/** The evaluator `request_metrics`: every year that is over was published in time. */
export function requestMetrics({ scope }: TestContext): () => TestResult {
  const requests = new Map<string, Map<string, unknown>>()
  const published = new Map<number, { readonly at: string; readonly index: number }>()
  scope.watch(["user_request"], (record) => {
    const id = fieldOf(record, "request_id")
    if (typeof id !== "string") return
    const known = requests.get(id) ?? new Map<string, unknown>()
    for (const field of ["received_at", "request_type", "responded_at", "response_nature"]) {
      const value = fieldOf(record, field)
      if (value !== undefined) known.set(field, value)
    }
    requests.set(id, known)
  })
  scope.watch(["notification"], (record) => {
    const [year, at] = [fieldOf(record, "year"), fieldOf(record, "published_at")]
    if (fieldOf(record, "topic") !== "ccpa_metrics" || typeof year !== "number" || typeof at !== "string") return
    if (!published.has(year)) published.set(year, { at, index: record.index ?? -1 })
  })
  return () => {
    const years = tallyYears(requests.values())
    const results = [...years].map(([year, tallies]) =>
      judgeYear(year, tallies, published.get(year), scope.given.asOfMs),
    )
    const worst = worstOf(results.filter((result) => result !== undefined))
    return worst ?? { outcome: "not_evidenced", reason: "no year with requests is over" }
  }
}

function tallyYears(requests: Iterable<ReadonlyMap<string, unknown>>): Map<number, Map<string, Tally>> {
  const years = new Map<number, Map<string, Tally>>()
  for (const request of requests) {
    const received = request.get("received_at")
    if (typeof received !== "string" || Number.isNaN(Date.parse(received))) continue
    const year = Number(received.slice(0, 4))
    const types = years.get(year) ?? new Map<string, Tally>()
    years.set(year, types)
    const type = String(request.get("request_type") ?? "unknown")
    const tally = types.get(type) ?? { received: 0, complied: 0, denied: 0, days: [] }
    types.set(type, tally)
    tally.received += 1
    if (request.get("response_nature") === "fulfilled") tally.complied += 1
    if (["denied", "partially_denied"].includes(String(request.get("response_nature")))) tally.denied += 1
    const days = (Date.parse(String(request.get("responded_at"))) - Date.parse(received)) / DAY_MS
    if (!Number.isNaN(days)) tally.days.push(days)
  }
  return years
}

function judgeYear(
  year: number,
  types: ReadonlyMap<string, Tally>,
  published: { readonly at: string; readonly index: number } | undefined,
  asOfMs: number,
): TestResult | undefined {
  if (new Date(asOfMs).getUTCFullYear() <= year) return undefined
  const due = `${year + 1}-07-01`
  const figures = `${year}: ${[...types].map(([type, tally]) => figuresOf(type, tally)).join(", ")}`
  const isOver = asOfMs >= Date.parse(`${due}T00:00:00Z`) + DAY_MS
  if (published === undefined)
    return { outcome: isOver ? "fail" : "pending", reason: `${figures}; not published, due ${due}` }
  const outcome = published.at.slice(0, 10) <= due ? "pass" : "fail"
  return { outcome, reason: `${figures}; published ${published.at}, due ${due}` }
}

function figuresOf(type: string, { received, complied, denied, days }: Tally): string {
  const median = [...days].sort((a, b) => a - b)[Math.floor(days.length / 2)]
  const time = median === undefined ? "" : `, median ${median.toFixed(1)} days`
  return `${type} ${received} received, ${complied} complied with, ${denied} denied${time}`
}
