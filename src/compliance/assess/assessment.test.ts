/** What an assessment says, and above all what it does not. */
import { beforeAll, describe, expect, test } from "vitest"
import type { AuditRecord } from "../../event/index.ts"
import { builtInCatalogues } from "../catalogue/load.ts"
import type { Catalogue, Control } from "../catalogue/types.ts"
import { type LegalCalendars, openCalendars } from "../clock/legal-calendars.ts"
import { parseProfile } from "../profile.ts"
import { Assessment, type AssessmentParts, type AssessmentReport } from "./assess.ts"
import type { ControlFinding } from "./control.ts"

let calendars: LegalCalendars
beforeAll(async () => {
  calendars = await openCalendars()
})

type Event = readonly [type: string, recorded: string, details: object]

interface Setting {
  readonly control?: string
  readonly asOf?: string
  readonly from?: string
  readonly profile?: object
  /** Keys that the profile does not have. */
  readonly without?: readonly string[]
  readonly verdict?: string
  readonly treeSize?: number
  /** Why reading stopped. */
  readonly stopped?: string
  readonly change?: (control: Control) => Control
}

const PROFILE = {
  v: 1,
  id: "t",
  roles: ["controller", "business", "provider"],
  jurisdictions: ["EU"],
  time_zone: "Europe/Berlin",
  country: "DE",
}

function recordOf([event_type, timestamp, details]: Event, index: number): AuditRecord {
  const envelope = {
    v: 1,
    event_id: `event-${index}`,
    event_type,
    timestamp,
    operation_id: "o",
    operation_name: "o",
  } as const
  return { ...envelope, sequence: index, writer: { id: "w", seq: index }, details: { ...details }, index, sealed: true }
}

function profileOf({ profile, without = [] }: Setting): object {
  return Object.fromEntries(Object.entries({ ...PROFILE, ...profile }).filter(([key]) => !without.includes(key)))
}

function assess(events: readonly Event[], setting: Setting = {}): AssessmentReport {
  const { control: id = "gdpr-12-3-respond", asOf = "2026-06-30T12:00:00Z", verdict = "intact" } = setting
  const catalogue = builtInCatalogues().find(({ controls }) => controls.some((one) => one.id === id)) as Catalogue
  const control = catalogue.controls.find((one) => one.id === id)!
  const controls = [setting.change === undefined ? control : setting.change(control)]
  const asOfMs = Date.parse(asOf)
  const parts: AssessmentParts = {
    asOfMs,
    fromMs: setting.from === undefined ? undefined : Date.parse(setting.from),
    toMs: asOfMs,
    profile: parseProfile(profileOf(setting), calendars),
    calendars,
    catalogues: [{ ...catalogue, controls }],
    integrity: { verdict, treeSize: setting.treeSize ?? events.length },
  }
  const assessment = new Assessment(parts)
  for (const [index, event] of events.entries()) assessment.see(recordOf(event, index))
  if (setting.stopped !== undefined) assessment.stop(setting.stopped)
  return assessment.report("root")
}

function found(events: readonly Event[], setting: Setting = {}): ControlFinding {
  return assess(events, setting).findings[0]!
}

const RECEIVED = "2026-03-02T08:00:00Z"
function request(details: object, recorded = RECEIVED, id = "r1"): Event {
  return ["user_request", recorded, { request_id: id, request_type: "access", status: "received", ...details }]
}
const ASKED = request({ received_at: RECEIVED })
const answered = (at: string, more = {}): Event =>
  request({ responded_at: at, response_nature: "fulfilled", ...more }, at)
const IN_TIME = answered("2026-04-01T10:00:00Z")

describe("a pass needs more than items that pass", () => {
  test("under a log that verifies it is one", () => {
    expect(found([ASKED, IN_TIME])).toMatchObject({
      outcome: "pass",
      reason: "evidence consistent with Art 12(3): 1 of 1 items",
      population: 1,
    })
  })

  test.each(["corrupt", "rewritten", "wrong_key", "truncated", "payload_damaged", "gap", "unverifiable", "torn_tail"])(
    "over a log that is %s nothing passes",
    (verdict) => {
      expect(found([ASKED, IN_TIME], { verdict })).toMatchObject({ outcome: "not_evidenced", counts: { pass: 1 } })
      expect(found([ASKED, answered("2026-05-01T10:00:00Z")], { verdict }).outcome).toBe("fail")
    },
  )

  test("nothing passes over a log that could not be read to its end, whatever verification found before", () => {
    const report = assess([ASKED, IN_TIME], { stopped: "entry 2 is not what the tree has" })
    expect(report.log).toMatchObject({ verdict: "corrupt", stopped: "entry 2 is not what the tree has" })
    expect(report.findings[0]!.outcome).toBe("not_evidenced")
  })

  test("a row whose text was not read is never better than needs_review, and a failure stays one", () => {
    const unread = (control: Control): Control => ({
      ...control,
      text_check: { ...control.text_check, level: "secondary" },
    })
    const passing = found([ASKED, IN_TIME], { change: unread })
    expect(passing).toMatchObject({ outcome: "needs_review", reason: expect.stringContaining("citation not checked") })
    const failing = found([ASKED, answered("2026-05-01T10:00:00Z")], { change: unread })
    expect(failing).toMatchObject({ outcome: "fail", reason: expect.stringContaining("(citation not checked)") })
  })

  test("what only people can state takes a statement of a named person", () => {
    const human = (control: Control): Control => ({ ...control, human: ["the judgement"] })
    const statement: Event = [
      "attestation",
      RECEIVED,
      { kind: "statement", control_id: "gdpr-12-3-respond", attested_by: "A. B." },
    ]
    const nobody: Event = ["attestation", RECEIVED, { kind: "statement", control_id: "gdpr-12-3-respond" }]
    expect(found([ASKED, IN_TIME], { change: human }).outcome).toBe("needs_review")
    expect(found([ASKED, IN_TIME, nobody], { change: human }).outcome).toBe("needs_review")
    expect(found([ASKED, IN_TIME, statement], { change: human }).outcome).toBe("pass")
  })

  test("whether a duty applies already may be disputed", () => {
    const control = "aia-73-serious-incident"
    const details = {
      incident_id: "i1",
      kind: "serious_incident",
      category: "a",
      death: false,
      widespread: false,
      aware_at: "2026-10-05",
      member_states: ["DE"],
    }
    const notice = { incident_id: "i1", audience: "market_surveillance", member_state: "DE", sent_at: "2026-10-06" }
    const events: Event[] = [
      ["incident", "2026-10-05T09:00:00Z", details],
      ["notification", "2026-10-06T09:00:00Z", notice],
    ]
    const profile = { facts: { high_risk_class: "annex_iii" } }
    const at = (asOf: string) => found(events, { control, profile, asOf })
    expect(at("2026-07-01T00:00:00Z")).toMatchObject({ outcome: "not_applicable", reason: "applies from 2026-08-02" })
    expect(at("2026-11-01T00:00:00Z")).toMatchObject({
      outcome: "needs_review",
      reason: expect.stringContaining("disputed"),
    })
  })
})

describe("nothing to test is never a pass by itself", () => {
  const control = "gdpr-33-5-register"
  const nil = (more: object = {}): Event => [
    "attestation",
    "2026-06-30T09:00:00Z",
    {
      kind: "nil_return",
      control_id: control,
      attested_by: "A. B.",
      period_from: "2026-01-01",
      period_to: "2026-06-30",
      ...more,
    },
  ]
  const other: Event = ["data_access", "2026-01-01T10:00:00Z", { dataset_name: "x" }]

  test("without a nil return it is not evidenced", () => {
    expect(found([other], { control })).toMatchObject({ outcome: "not_evidenced", population: 0 })
  })

  test("with one that covers the window it passes, naming who returned it", () => {
    expect(found([other, nil()], { control })).toMatchObject({
      outcome: "pass",
      reason: "evidence consistent with Art 33(5): nil return by A. B., event 1",
    })
  })

  test.each([
    ["begins too late", { period_from: "2026-01-02" }],
    ["ends too early", { period_to: "2026-06-29" }],
    ["names nobody", { attested_by: "" }],
    ["is for another control", { control_id: "gdpr-30-1-ropa" }],
    ["has no period", { period_from: undefined }],
  ])("one that %s does not", (_, change) => {
    expect(found([other, nil(change)], { control }).outcome).toBe("not_evidenced")
  })
})

describe("clocks", () => {
  test("that run are pending, with what is due when", () => {
    const finding = found([ASKED], { asOf: "2026-03-20T00:00:00Z" })
    expect(finding).toMatchObject({ outcome: "pending", reason: expect.stringContaining("due 2026-04-02") })
    expect(finding.open_clocks).toMatchObject([{ item: 'request_id "r1"', due: { dueOn: "2026-04-02" } }])
  })

  test("that ran out with nothing done fail, and stay open", () => {
    const finding = found([ASKED])
    expect(finding).toMatchObject({ outcome: "fail", reason: expect.stringContaining("was due 2026-04-02") })
    expect(finding.open_clocks).toHaveLength(1)
  })

  const extended = { extension_notified_at: "2026-03-30T10:00:00Z", extension_reason: "complexity" }
  test.each([
    ["an extension with reasons, in time", extended, "2026-06-01T10:00:00Z", "pass"],
    ["an answer after it", extended, "2026-06-03T10:00:00Z", "fail"],
    ["an extension without reasons", { ...extended, extension_reason: "" }, "2026-06-01T10:00:00Z", "not_evidenced"],
    [
      "an extension notified too late",
      { ...extended, extension_notified_at: "2026-04-10T10:00:00Z" },
      "2026-06-01T10:00:00Z",
      "fail",
    ],
  ])("%s", (_, details, done, outcome) => {
    const notice = request(details, details.extension_notified_at)
    expect(found([ASKED, notice, answered(done)]).outcome).toBe(outcome)
  })

  test("an answer that is in time only with a suspension is for a person", () => {
    const paused = request(
      { identity_requested_at: "2026-03-03", identity_received_at: "2026-03-13" },
      "2026-03-13T10:00:00Z",
    )
    const late = answered("2026-04-10T10:00:00Z")
    expect(found([ASKED, paused, late])).toMatchObject({
      outcome: "needs_review",
      reason: expect.stringContaining("suspension"),
    })
    expect(found([ASKED, paused, answered("2026-04-14T10:00:00Z")]).outcome).toBe("fail")
  })

  test("a later time of receipt does not move a deadline", () => {
    const again = request({ received_at: "2026-03-20T08:00:00Z" }, "2026-03-20T08:00:00Z")
    expect(found([ASKED, again, answered("2026-04-10T10:00:00Z")]).outcome).toBe("fail")
    const finding = found([ASKED, again, IN_TIME])
    expect(finding).toMatchObject({
      outcome: "needs_review",
      reason: expect.stringContaining("received_at was recorded with different values"),
    })
  })

  test("the first answer counts, not the last", () => {
    expect(found([ASKED, answered("2026-04-20T10:00:00Z"), answered("2026-03-20T10:00:00Z")]).outcome).toBe("fail")
  })

  test("an undeclared zone makes a near miss a question, and a far one a failure", () => {
    const near = found([ASKED, answered("2026-04-03T10:00:00Z")], { without: ["time_zone", "country"] })
    expect(near).toMatchObject({ outcome: "needs_review", reason: expect.stringContaining("earliest arguable") })
    expect(found([ASKED, answered("2026-05-03T10:00:00Z")], { without: ["time_zone", "country"] }).outcome).toBe("fail")
  })

  test("reasons for the delay make a late notice a question, not a pass", () => {
    const control = "gdpr-33-1-notify-sa"
    const aware = "2026-03-02T08:00:00Z"
    const breach: Event = [
      "incident",
      aware,
      { incident_id: "i1", kind: "personal_data_breach", risk_level: "risk", aware_at: aware },
    ]
    const notice = (more: object): Event => [
      "notification",
      "2026-03-06T08:00:00Z",
      { incident_id: "i1", audience: "supervisory_authority", sent_at: "2026-03-06T08:00:00Z", ...more },
    ]
    expect(found([breach, notice({})], { control }).outcome).toBe("fail")
    expect(found([breach, notice({ delay_reasons: "storm" })], { control }).outcome).toBe("needs_review")
    expect(found([breach, notice({ audience: undefined })], { control }).outcome).toBe("not_evidenced")
  })
})

describe("times that are claimed", () => {
  test("long after themselves are for a person", () => {
    const late = request({ received_at: RECEIVED }, "2026-03-03T08:00:01Z")
    const finding = found([late, IN_TIME])
    expect(finding).toMatchObject({ outcome: "needs_review", reason: expect.stringContaining("more than 24 h later") })
    expect(found([late, IN_TIME], { profile: { claimed_time_tolerance_hours: 25 } }).outcome).toBe("pass")
    const punctual = request({ received_at: RECEIVED }, "2026-03-03T08:00:00Z")
    expect(found([punctual, IN_TIME]).outcome).toBe("pass")
  })

  test("before themselves are for a person", () => {
    const early = request(
      { responded_at: "2026-04-01T10:00:00Z", response_nature: "fulfilled" },
      "2026-03-20T10:00:00Z",
    )
    expect(found([ASKED, early])).toMatchObject({
      outcome: "needs_review",
      reason: expect.stringContaining("before that time"),
    })
  })

  test("without an offset start no clock", () => {
    expect(found([request({ received_at: "2026-03-02T08:00:00" })]).outcome).toBe("not_evidenced")
  })
})

describe("what is missing is never read as false", () => {
  test("a field", () => {
    const denied = {
      status: "denied",
      responded_at: "2026-03-20T10:00:00Z",
      response_nature: "denied",
      denial_basis: "x",
    }
    const refusal = request(denied, "2026-03-20T10:00:00Z")
    expect(found([ASKED, refusal], { control: "gdpr-12-4-refuse" })).toMatchObject({
      outcome: "not_evidenced",
      reason: expect.stringContaining("remedies_notified is missing"),
    })
  })

  test("a value that the log has only as a commitment", () => {
    const withheld = { received_at: { $secureml: "personal", commitment: "x" } }
    expect(found([request(withheld)])).toMatchObject({
      outcome: "not_evidenced",
      reason: expect.stringContaining("not in the log in clear"),
    })
  })

  test("a part of a value that the log has only as a commitment: it is there, and is not read", () => {
    const recipient = { $secureml: "personal", commitment: "x" }
    const details = {
      dataset_name: "x",
      recipient,
      disclosed_at: "2026-03-01",
      phi_description: "labs",
      purpose_statement: "audit",
    }
    const control = "hipaa-528-b2-accounting-fields"
    const profile = { roles: ["covered_entity"], datasets: [{ name: "x", phi: true }] }
    const at = (more: object) => found([["data_disclosure", RECEIVED, { ...details, ...more }]], { control, profile })
    expect(at({})).toMatchObject({ outcome: "pass" })
    expect(at({ recipient: {} })).toMatchObject({
      outcome: "fail",
      reason: expect.stringContaining("recipient.name is missing"),
    })
  })

  test("a role, a fact, a jurisdiction", () => {
    expect(found([ASKED, IN_TIME], { without: ["roles"] })).toMatchObject({
      outcome: "needs_review",
      reason: expect.stringContaining("no roles are declared"),
    })
    expect(found([], { control: "gdpr-35-dpia" })).toMatchObject({
      outcome: "needs_review",
      reason: "the fact high_risk_processing is not declared",
    })
    expect(found([ASKED, IN_TIME], { without: ["jurisdictions"] })).toMatchObject({
      outcome: "not_evidenced",
      reason: expect.stringContaining("jurisdiction is missing"),
    })
  })

  test("a key without which an event belongs to no case: it is counted", () => {
    const finding = found([ASKED, IN_TIME, ["user_request", RECEIVED, { request_type: "access" }]])
    expect(finding).toMatchObject({
      outcome: "not_evidenced",
      population: 2,
      reason: expect.stringContaining("without request_id"),
    })
  })
})

describe("jurisdictions", () => {
  test.each([
    ["EU", 1],
    ["DE", 1],
    ["US", 0],
    ["US-CA", 0],
  ])("a request under %s is counted %i times for GDPR", (jurisdiction, population) => {
    const events = [request({ received_at: RECEIVED, jurisdiction }), IN_TIME]
    expect(found(events, { profile: { jurisdictions: ["EU", "US"] } }).population).toBe(population)
  })
})

describe("population", () => {
  test("is what the verified checkpoint covers; the rest is counted as not assessed", () => {
    const report = assess([ASKED, IN_TIME, request({}, RECEIVED, "r2")], { treeSize: 2 })
    expect(report.log).toMatchObject({ assessed: 2, not_assessed: 1 })
    expect(report.findings[0]).toMatchObject({ outcome: "pass", population: 1 })
  })

  test("leaves out what was recorded after the day of the assessment", () => {
    const report = assess([ASKED, IN_TIME], { asOf: "2026-03-20T00:00:00Z" })
    expect(report.log).toMatchObject({ assessed: 1, after_as_of: 1 })
    expect(report.findings[0]!.outcome).toBe("pending")
  })

  test("of a window leaves out what is older, unless something is still due", () => {
    const setting = { from: "2026-05-01T00:00:00Z" }
    expect(found([ASKED, IN_TIME], setting).population).toBe(0)
    expect(found([ASKED], setting)).toMatchObject({ population: 1, outcome: "fail" })
  })

  test("takes the worst of its items, and tells every exception with its events", () => {
    const finding = found([
      ASKED,
      IN_TIME,
      request({ received_at: RECEIVED }, RECEIVED, "r2"),
      request({}, RECEIVED, "r3"),
    ])
    expect(finding).toMatchObject({ outcome: "fail", counts: { fail: 1, not_evidenced: 1, pass: 1 }, population: 3 })
    expect(
      finding.exceptions.map(({ item, outcome, events }) => [item, outcome, events.map(({ index }) => index)]),
    ).toEqual([
      ['request_id "r2"', "fail", [2]],
      ['request_id "r3"', "not_evidenced", [3]],
    ])
  })
})

describe("tailoring", () => {
  test("leaves a control out, with its reason, and changes a severity", () => {
    const controls = { exclude: [{ id: "gdpr-12-3-respond", reason: "another desk" }] }
    expect(found([ASKED], { profile: { controls } })).toMatchObject({
      outcome: "not_applicable",
      reason: "left out by the profile: another desk",
    })
    expect(found([ASKED], { profile: { controls: { severity: { "gdpr-12-3-respond": "low" } } } }).severity).toBe("low")
  })

  test("a role that is not ours leaves a duty out", () => {
    expect(found([ASKED], { profile: { roles: ["processor"] } }).outcome).toBe("not_applicable")
  })
})

test("the words never say that anybody complies", () => {
  const report = JSON.stringify([assess([ASKED, IN_TIME]), assess([ASKED]), assess([])])
  expect(report).not.toMatch(/complian(t|ce)|complies/i)
})

test("memory is bounded: exceptions are told up to a thousand, and all are counted", () => {
  const events = Array.from(
    { length: 3_000 },
    (): Event => ["data_access", RECEIVED, { dataset_name: "x", purpose: "y" }],
  )
  const finding = found(events, { control: "gdpr-5-1-b-purpose" })
  expect(finding.counts.not_evidenced).toBe(3_000)
  expect(finding.exceptions).toHaveLength(1_000)
})

test("an event that does not fit does not hide an earlier one that does", () => {
  const review = (scope: string): Event => ["log_review", "2028-03-02T10:00:00Z", { scope: [scope], findings: "none" }]
  const profile = { facts: { high_risk_class: "annex_iii" } }
  const setting = { control: "aia-17-1-k-recordkeeping", profile, asOf: "2028-06-30T00:00:00Z" }
  expect(found([review("qms_records"), review("other")], setting).counts.pass).toBe(1)
  expect(found([review("other")], setting).outcome).toBe("not_evidenced")
})

test("an event before its register entry fails once the log has a register, wherever", () => {
  const access: Event = ["data_access", RECEIVED, { dataset_name: "x", purpose: "y" }]
  const entry: Event = [
    "processing_activity",
    "2026-03-03T08:00:00Z",
    { activity_id: "a", datasets: ["x"], purposes: ["y"], valid_from: "2026-01-01" },
  ]
  const control = "gdpr-5-1-b-purpose"
  expect(found([access], { control }).outcome).toBe("not_evidenced")
  expect(found([access, entry], { control }).outcome).toBe("fail")
  expect(found([entry, access], { control }).outcome).toBe("pass")
})
