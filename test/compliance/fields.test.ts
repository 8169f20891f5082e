import { afterAll, describe, expect, test } from "vitest"
import { createTestTrail } from "../../src/testing.ts"
import { ARGUMENTS, fieldTable } from "./fields-used.ts"

test("catalogues/fields.json lists every field that a control asks for, and how it is given (else: vitest -u)", async () => {
  const table = {
    $comment:
      "Fields of events that the catalogues ask for. `evidence` is the option of that name of the typed methods, or a key of what logEvent is given.",
    v: 1,
    fields: fieldTable(),
  }
  await expect(`${JSON.stringify(table, null, 2)}\n`).toMatchFileSnapshot("../../catalogues/fields.json")
})

describe("what the table says of typed methods is what they do", async () => {
  const place = await createTestTrail()
  afterAll(() => place.cleanup?.())
  const { audit } = place
  const VALUES: Readonly<Record<string, unknown>> = {
    columnsAccessed: ["age"],
    numRecords: 1,
    parameters: { depth: 3 },
    metrics: { auc: 0.8 },
    privacyParameters: { epsilon: 1 },
    confidence: 0.5,
    result: true,
  }
  const methods: Readonly<Record<string, (args: never, options: object) => unknown>> = {
    data_access: (args, options) => audit.logDataAccess(args, options),
    data_transformation: (args, options) => audit.logDataTransformation(args, options),
    model_training: (args, options) => audit.logModelTraining(args, options),
    model_inference: (args, options) => audit.logModelInference(args, options),
    compliance_check: (args, options) => audit.logComplianceCheck(args, options),
    user_request: (args, options) => audit.logUserRequest(args, options),
  }
  test.each(Object.entries(ARGUMENTS))("%s", async (type, fields) => {
    const args = Object.fromEntries(Object.values(fields).map((name) => [name, VALUES[name] ?? `the ${name}`]))
    methods[type]!(args as never, { evidence: { some_evidence: "kept" } })
    const record = (await place.records()).find((one) => one.event_type === type)!
    // A user's id is personal by itself: the log has a marker, and no control asks for it.
    for (const [key, name] of Object.entries(fields))
      expect(record.details[key], key).toEqual(
        key === "user_id" ? expect.objectContaining({ $secureml: "personal" }) : args[name],
      )
    expect(record.details["some_evidence"]).toBe("kept")
  })
})
