/** Every control of the built-in catalogues has examples of what passes, what fails, and what shows nothing. */
import { beforeAll, describe, expect, test } from "vitest"
import ccpa from "../../../test/compliance/examples/ccpa.json" with { type: "json" }
import aiAct from "../../../test/compliance/examples/eu-ai-act.json" with { type: "json" }
import gdpr from "../../../test/compliance/examples/gdpr.json" with { type: "json" }
import hipaa from "../../../test/compliance/examples/hipaa.json" with { type: "json" }
import type { AuditRecord } from "../../event/index.ts"
import { builtInCatalogues } from "../catalogue/load.ts"
import type { Catalogue, Control } from "../catalogue/types.ts"
import { type LegalCalendars, openCalendars } from "../clock/legal-calendars.ts"
import { parseProfile } from "../profile.ts"
import { Assessment } from "./assess.ts"
import type { ControlFinding } from "./control.ts"

type Event = readonly [type: string, recorded: string, details: object, envelope?: object]
type Kind = "pass" | "fail" | "not_evidenced"

interface Example {
  readonly as_of?: string
  readonly profile?: object
  readonly pass: readonly Event[]
  readonly fail: readonly Event[]
  readonly not_evidenced: readonly Event[]
  readonly [override: string]: unknown
}

interface ExampleFile {
  readonly as_of: string
  readonly profile: object
  readonly rows: Readonly<Record<string, Example>>
}

const FILES: Readonly<Record<string, ExampleFile>> = {
  "secureml/gdpr": gdpr as unknown as ExampleFile,
  "secureml/hipaa": hipaa as unknown as ExampleFile,
  "secureml/ccpa": ccpa as unknown as ExampleFile,
  "secureml/eu-ai-act": aiAct as unknown as ExampleFile,
}

let calendars: LegalCalendars
beforeAll(async () => {
  calendars = await openCalendars()
})

function recordsOf(events: readonly Event[]): AuditRecord[] {
  return events.map(([event_type, timestamp, details, envelope], index) => ({
    v: 1,
    event_id: `event-${index}`,
    event_type,
    timestamp,
    operation_id: "operation-1",
    operation_name: "examples",
    sequence: index,
    writer: { id: "writer", seq: index },
    details: details as AuditRecord["details"],
    ...envelope,
    index,
    sealed: true,
  }))
}

/** What one example comes to. `pass_as_of`, `fail_profile` and the like override for one kind. */
function findingOf(catalogue: Catalogue, control: Control, file: ExampleFile, kind: Kind): ControlFinding {
  const row = file.rows[control.id]!
  const records = recordsOf(row[kind])
  const asOfMs = Date.parse((row[`${kind}_as_of`] ?? row.as_of ?? file.as_of) as string)
  const own = (row[`${kind}_profile`] ?? row.profile ?? {}) as object
  const profile = parseProfile({ ...file.profile, ...own }, calendars)
  const verdict = (row[`${kind}_verdict`] ?? "intact") as string
  const assessment = new Assessment({
    asOfMs,
    fromMs: undefined,
    toMs: asOfMs,
    profile,
    calendars,
    catalogues: [{ ...catalogue, controls: [control] }],
    integrity: { verdict, treeSize: records.length },
  })
  for (const record of records) assessment.see(record)
  return assessment.report("").findings[0]!
}

function isRead({ text_check }: Control): boolean {
  return ["text_read", "mirror"].includes(text_check.level)
}

for (const catalogue of builtInCatalogues()) {
  const file = FILES[catalogue.id]!
  describe(catalogue.id, () => {
    test("has examples for every control, and for no other", () => {
      expect(Object.keys(file.rows).sort()).toEqual(catalogue.controls.map(({ id }) => id).sort())
    })

    describe.each(catalogue.controls.map((control) => ({ id: control.id, control })))("$id", ({ control }) => {
      test("passes, as far as a machine can say", () => {
        const { outcome, reason, counts, population } = findingOf(catalogue, control, file, "pass")
        expect({ counts: { pass: counts.pass }, reason }).toEqual({ counts: { pass: population }, reason })
        expect(population, reason).toBeGreaterThan(0)
        const isWhole = isRead(control) && control.human.length === 0
        expect(outcome, reason).toBe(isWhole ? "pass" : "needs_review")
        expect(reason).toContain(`evidence consistent with ${control.provision}`)
      })

      test("fails", () => {
        const { outcome, reason, counts } = findingOf(catalogue, control, file, "fail")
        expect(outcome, reason).toBe("fail")
        expect(counts.fail).toBeGreaterThan(0)
      })

      test("shows nothing", () => {
        const { outcome, reason } = findingOf(catalogue, control, file, "not_evidenced")
        expect(outcome, reason).toBe("not_evidenced")
      })
    })
  })
}
