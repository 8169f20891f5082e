import { describe, expect, test } from "vitest"
import {
  complianceCheck,
  dataAccess,
  dataTransformation,
  encodeValue,
  errorDetails,
  givenDetails,
  modelInference,
  modelTraining,
  userRequest,
} from "./index.ts"

type Method = (args: never, evidence?: Record<string, unknown>) => Record<string, unknown>

const ACCESS = { purpose: "p", numRecords: 0, columnsAccessed: ["age"], datasetName: "d" }
const TRANSFORMATION = { transformationType: "scale", inputData: "raw", outputData: null, parameters: { by: 2 } }
const TRAINING = { modelType: "forest", datasetName: "d", parameters: {} }
const INFERENCE = { modelId: "m", inputData: { a: 1 }, output: [0.1, 0.9] }
const CHECK = { checkType: "dpia", regulation: "GDPR", result: true, details: {} }
const REQUEST = { requestType: "erasure", userId: "u1", details: {}, status: "received" }

const KEYS: readonly (readonly [string, Method, object, string])[] = [
  ["dataAccess", dataAccess, { ...ACCESS, user: "u" }, "dataset_name,columns_accessed,num_records,purpose,user"],
  ["dataTransformation", dataTransformation, TRANSFORMATION, "transformation_type,input_data,output_data,parameters"],
  [
    "modelTraining",
    modelTraining,
    { ...TRAINING, privacyParameters: {}, metrics: {} },
    "model_type,dataset_name,parameters,metrics,privacy_parameters",
  ],
  ["modelInference", modelInference, { ...INFERENCE, confidence: 1 }, "model_id,input_data,output,confidence"],
  ["complianceCheck", complianceCheck, CHECK, "check_type,regulation,result,details"],
  ["userRequest", userRequest, REQUEST, "request_type,user_id,details,status"],
  ["errorDetails", errorDetails, { details: 1, message: "m", errorType: "E" }, "error_type,message,details"],
  [
    "optional fields left out",
    modelTraining,
    { ...TRAINING, metrics: undefined },
    "model_type,dataset_name,parameters",
  ],
  ["optional fields null", modelInference, { ...INFERENCE, confidence: null }, "model_id,input_data,output"],
]

test.each(KEYS)("%s: keys in the order of the public table", (_, method, args, keys) => {
  expect(Object.keys(method(args as never)).join(",")).toBe(keys)
})

const WRONG: readonly (readonly [string, Method, unknown, ErrorConstructor, RegExp])[] = [
  ["no arguments", dataAccess, undefined, TypeError, /logDataAccess takes an object/],
  ["an array", dataAccess, [], TypeError, /takes an object/],
  ["a missing name", dataAccess, { ...ACCESS, datasetName: undefined }, TypeError, /^datasetName .* missing/],
  ["an empty name", dataAccess, { ...ACCESS, datasetName: " " }, RangeError, /^datasetName must not be empty/],
  ["a name that is no string", dataAccess, { ...ACCESS, datasetName: 7 }, TypeError, /^datasetName .* number/],
  ["a negative count", dataAccess, { ...ACCESS, numRecords: -1 }, RangeError, /^numRecords .* from 0/],
  ["half a record", dataAccess, { ...ACCESS, numRecords: 1.5 }, RangeError, /^numRecords .* whole/],
  ["NaN records", dataAccess, { ...ACCESS, numRecords: Number.NaN }, RangeError, /^numRecords/],
  ["a count as text", dataAccess, { ...ACCESS, numRecords: "3" }, TypeError, /^numRecords .* string/],
  ["columns as text", dataAccess, { ...ACCESS, columnsAccessed: "age" }, TypeError, /^columnsAccessed .* array/],
  [
    "a column that is no string",
    dataAccess,
    { ...ACCESS, columnsAccessed: ["a", 1] },
    TypeError,
    /columnsAccessed\[1\]/,
  ],
  ["an empty user", dataAccess, { ...ACCESS, user: "" }, RangeError, /^user/],
  ["confidence over 1", modelInference, { ...INFERENCE, confidence: 87 }, RangeError, /^confidence .* 0 to 1/],
  ["confidence below 0", modelInference, { ...INFERENCE, confidence: -0.1 }, RangeError, /^confidence/],
  ["confidence NaN", modelInference, { ...INFERENCE, confidence: Number.NaN }, RangeError, /^confidence/],
  ["no output", modelInference, { modelId: "m", inputData: 1 }, TypeError, /^output is missing/],
  ["parameters as text", modelTraining, { ...TRAINING, parameters: "x" }, TypeError, /^parameters .* object/],
  ["a numeric result", complianceCheck, { ...CHECK, result: 1 }, TypeError, /^result must be true, false/],
  ["no status", userRequest, { ...REQUEST, status: undefined }, TypeError, /^status/],
  ["an empty message", errorDetails, { errorType: "E", message: "" }, RangeError, /^message/],
  [
    "a misspelt key",
    dataAccess,
    { ...ACCESS, datasetNmae: "d" },
    TypeError,
    /"datasetNmae"; did you mean datasetName\?/,
  ],
  [
    "a snake_case key",
    dataAccess,
    { ...ACCESS, num_records: 1 },
    TypeError,
    /"num_records"; did you mean numRecords\?/,
  ],
  ["a foreign key", dataAccess, { ...ACCESS, zebra: 1 }, TypeError, /"zebra"; it has datasetName, .*evidence/],
]

test.each(WRONG)("%s is refused, naming the field", (_, method, args, type, message) => {
  expect(() => method(args as never)).toThrow(type)
  expect(() => method(args as never)).toThrow(message)
})

const METHODS: readonly (readonly [string, Method])[] = [
  ["logDataAccess", dataAccess],
  ["logDataTransformation", dataTransformation],
  ["logModelTraining", modelTraining],
  ["logModelInference", modelInference],
  ["logComplianceCheck", complianceCheck],
  ["logUserRequest", userRequest],
  ["logError", errorDetails as Method],
  ["details", givenDetails as Method],
]

function revoked(target: object = {}): never {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy as never
}

/** Refuses to list its keys. */
const CLOSED = new Proxy(
  {},
  {
    ownKeys: () => {
      throw new Error("no")
    },
  },
) as never

test.each(METHODS)("a Proxy that cannot be asked is refused by the name of %s", (name, method) => {
  for (const given of [revoked(), revoked([])]) {
    expect(() => method(given)).toThrow(TypeError)
    expect(() => method(given)).toThrow(new RegExp(`^${name} (takes|must be) an object`))
  }
  if (name !== "details") expect(() => method(CLOSED)).toThrow(new RegExp(`^${name}: its first argument must be`))
})

test("a Proxy that cannot be asked is refused as evidence and as columns too", () => {
  for (const evidence of [revoked(), revoked([])]) {
    expect(() => dataAccess(ACCESS, evidence)).toThrow(/^evidence must be an object/)
    expect(() => givenDetails({ a: 1 }, evidence)).toThrow(/^evidence must be an object/)
  }
  expect(() => dataAccess(ACCESS, CLOSED)).toThrow(/^evidence /)
  expect(() => givenDetails(CLOSED, { a: 1 })).toThrow(/^details /)
  expect(() => dataAccess({ ...ACCESS, columnsAccessed: revoked([]) })).toThrow(/^columnsAccessed must be an array/)
})

test("messages never carry content", () => {
  expect.assertions(2)
  for (const numRecords of ["s3cr3t", { toString: () => "s3cr3t" }]) {
    try {
      dataAccess({ ...ACCESS, numRecords } as never)
    } catch (error) {
      expect(String(error)).not.toContain("s3cr3t")
    }
  }
})

test("user defaults to the actor, and yields to a named one", () => {
  expect(dataAccess(ACCESS, undefined, "ds1")).toMatchObject({ user: "ds1" })
  expect(dataAccess({ ...ACCESS, user: "u" }, undefined, "ds1")).toMatchObject({ user: "u" })
  expect(dataAccess(ACCESS)).not.toHaveProperty("user")
})

describe("evidence", () => {
  test("keys go in as written, after the named ones", () => {
    const evidence = JSON.parse('{"requestId":"r1","legal_basis":"consent","__proto__":{"polluted":1}}')
    const details = dataAccess(ACCESS, evidence)
    expect(Object.keys(details).slice(4)).toEqual(["requestId", "legal_basis", "__proto__"])
    expect(Object.getPrototypeOf(details)).toBe(Object.prototype)
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
  })

  test.each(["dataset_name", "user"])("a key owned by a named field is refused: %s", (key) => {
    expect(() => dataAccess(ACCESS, { [key]: 1 })).toThrow(new RegExp(`evidence\\.${key} .* choose another key`))
  })

  test("a getter that throws is marked, not thrown", () => {
    const evidence = {
      get bad(): never {
        throw new Error("no")
      },
    }
    const { json } = encodeValue(dataAccess(ACCESS, evidence), { limitBytes: 10_000 })
    expect(json).toContain('"bad":{"$secureml":"unreadable"}')
  })
})

test("each argument is read once, and one that cannot be read is named", () => {
  let reads = 0
  const args = {
    ...ACCESS,
    get datasetName(): string {
      reads++
      return "d"
    },
  }
  dataAccess(args)
  expect(reads).toBe(1)
  const broken = {
    ...ACCESS,
    get purpose(): never {
      throw new Error("no")
    },
  }
  expect(() => dataAccess(broken)).toThrow(/^purpose must be/)
})

test("an Error gives its name and message", () => {
  const unnamed = Object.assign(new Error(""), { name: "" })
  expect(errorDetails(new RangeError("too far"))).toEqual({ error_type: "RangeError", message: "too far" })
  expect(errorDetails(unnamed, { step: 3 })).toEqual({ error_type: "Error", message: "", step: 3 })
})

describe("details given to logEvent", () => {
  test("are taken as given, whatever the type", () => {
    const details = { num_records: -1 }
    expect(givenDetails(details)).toBe(details)
    expect(givenDetails(details, { extra: 1 })).toEqual({ num_records: -1, extra: 1 })
  })

  test.each([
    ["no object", "text", undefined, /details must be an object/],
    ["an array", [], undefined, /details must be an object/],
    ["a key said twice", { a: 1 }, { a: 2 }, /evidence\.a is already said by details\.a/],
  ])("%s is refused", (_, details, evidence, message) => {
    expect(() => givenDetails(details, evidence)).toThrow(message)
  })

  test("a getter that throws does not throw into the caller", () => {
    const details = Object.defineProperty({}, "odd", {
      enumerable: true,
      get: () => {
        throw new Error("no")
      },
    })
    expect(Object.keys(givenDetails(details, { extra: 1 }))).toEqual(["odd", "extra"])
  })
})
