/**
 * From the arguments of the typed methods to details: camelCase in, snake_case out, in the order of the public table.
 * Wrong arguments are TypeError or RangeError naming the field; optional fields that are left out stay absent. Pure.
 * @module
 */
import { readField } from "./exotic.ts"
import {
  anything,
  checkNoUnknownKeys,
  count,
  detailsFrom,
  type Field,
  type FieldCheck,
  names,
  probability,
  structure,
  text,
  verdict,
} from "./fields.ts"
import { isRecord, keysOf } from "./shape.ts"

/** Arguments of `logDataAccess`. */
export interface DataAccessArguments {
  readonly datasetName: string
  readonly columnsAccessed: readonly string[]
  /** A whole number from 0 on. */
  readonly numRecords: number
  readonly purpose: string
  /** Default: the actor's id. */
  readonly user?: string | undefined
}

/** Arguments of `logDataTransformation`. */
export interface DataTransformationArguments {
  readonly transformationType: string
  /** A name, or any structure that says what went in. */
  readonly inputData: unknown
  readonly outputData: unknown
  readonly parameters: object
}

/** Arguments of `logModelTraining`. */
export interface ModelTrainingArguments {
  readonly modelType: string
  readonly datasetName: string
  readonly parameters: object
  readonly metrics?: object | undefined
  readonly privacyParameters?: object | undefined
}

/** Arguments of `logModelInference`. */
export interface ModelInferenceArguments {
  readonly modelId: string
  readonly inputData: unknown
  /** Structured data; it is stored as such. */
  readonly output: unknown
  /** From 0 to 1. */
  readonly confidence?: number | undefined
}

/** Arguments of `logComplianceCheck`. */
export interface ComplianceCheckArguments {
  readonly checkType: string
  readonly regulation: string
  /** Passed or not, or a word for it such as "pass". */
  readonly result: boolean | string
  readonly details: unknown
}

/** Arguments of `logUserRequest`. */
export interface UserRequestArguments {
  readonly requestType: string
  readonly userId: string
  readonly details: unknown
  readonly status: string
}

/** Arguments of `logError`, which also takes an Error. */
export interface ErrorArguments {
  readonly errorType: string
  readonly message: string
  readonly details?: unknown
}

/** Keys of `details` that are the caller's own, as written. */
export type Evidence = Readonly<Record<string, unknown>> | undefined

type Details = Record<string, unknown> & { user?: unknown }

function required(argument: string, key: string, check: FieldCheck): Field {
  return { argument, key, check, optional: false }
}

function optional(argument: string, key: string, check: FieldCheck): Field {
  return { argument, key, check, optional: true }
}

const DATA_ACCESS = [
  required("datasetName", "dataset_name", text),
  required("columnsAccessed", "columns_accessed", names),
  required("numRecords", "num_records", count),
  required("purpose", "purpose", text),
  optional("user", "user", text),
]
const DATA_TRANSFORMATION = [
  required("transformationType", "transformation_type", text),
  required("inputData", "input_data", anything),
  required("outputData", "output_data", anything),
  required("parameters", "parameters", structure),
]
const MODEL_TRAINING = [
  required("modelType", "model_type", text),
  required("datasetName", "dataset_name", text),
  required("parameters", "parameters", structure),
  optional("metrics", "metrics", structure),
  optional("privacyParameters", "privacy_parameters", structure),
]
const MODEL_INFERENCE = [
  required("modelId", "model_id", text),
  required("inputData", "input_data", anything),
  required("output", "output", anything),
  optional("confidence", "confidence", probability),
]
const COMPLIANCE_CHECK = [
  required("checkType", "check_type", text),
  required("regulation", "regulation", text),
  required("result", "result", verdict),
  required("details", "details", anything),
]
const USER_REQUEST = [
  required("requestType", "request_type", text),
  required("userId", "user_id", text),
  required("details", "details", anything),
  required("status", "status", text),
]
const ERROR = [
  required("errorType", "error_type", text),
  required("message", "message", text),
  optional("details", "details", anything),
]

/** Details of `data_access`; `user` defaults to the actor's id. */
export function dataAccess(args: DataAccessArguments, evidence?: Evidence, actorId?: string): Details {
  const details = mapped(args, DATA_ACCESS, "logDataAccess")
  if (details.user === undefined && actorId !== undefined) details.user = actorId
  return withEvidence(details, evidence, DATA_ACCESS)
}

/** Details of `data_transformation`. */
export function dataTransformation(args: DataTransformationArguments, evidence?: Evidence): Details {
  return withEvidence(mapped(args, DATA_TRANSFORMATION, "logDataTransformation"), evidence, DATA_TRANSFORMATION)
}

/** Details of `model_training`. */
export function modelTraining(args: ModelTrainingArguments, evidence?: Evidence): Details {
  return withEvidence(mapped(args, MODEL_TRAINING, "logModelTraining"), evidence, MODEL_TRAINING)
}

/** Details of `model_inference`. */
export function modelInference(args: ModelInferenceArguments, evidence?: Evidence): Details {
  return withEvidence(mapped(args, MODEL_INFERENCE, "logModelInference"), evidence, MODEL_INFERENCE)
}

/** Details of `compliance_check`. */
export function complianceCheck(args: ComplianceCheckArguments, evidence?: Evidence): Details {
  return withEvidence(mapped(args, COMPLIANCE_CHECK, "logComplianceCheck"), evidence, COMPLIANCE_CHECK)
}

/** Details of `user_request`. */
export function userRequest(args: UserRequestArguments, evidence?: Evidence): Details {
  return withEvidence(mapped(args, USER_REQUEST, "logUserRequest"), evidence, USER_REQUEST)
}

/** Details of `error`: from arguments, or from an Error's name and message, which may be empty. */
export function errorDetails(args: ErrorArguments | Error, evidence?: Evidence): Details {
  const details = isError(args) ? errorFields(args) : mapped(args, ERROR, "logError")
  return withEvidence(details, evidence, ERROR)
}

/**
 * Details as `logEvent` takes them: any object, as given. Evidence adds keys that they do not have.
 *
 * @throws TypeError naming the field.
 */
export function givenDetails(details: unknown, evidence?: Evidence): object {
  if (!isRecord(details)) throw new TypeError('details must be an object, such as { model_id: "m1" }')
  if (evidence === undefined) return details
  const named: Details = {}
  for (const key of keysOf(details, "details")) put(named, key, readField(details, key))
  const owned = Object.keys(named).map((key) => required(`details.${key}`, key, anything))
  return withEvidence(named, evidence, owned)
}

function mapped(args: object, fields: readonly Field[], method: string): Details {
  if (!isRecord(args)) {
    throw new TypeError(`${method} takes an object first: { ${fields.map((field) => field.argument).join(", ")} }`)
  }
  checkNoUnknownKeys(args, fields, method)
  return detailsFrom(args, fields)
}

function withEvidence(details: Details, evidence: Evidence, fields: readonly Field[]): Details {
  if (evidence === undefined) return details
  if (!isRecord(evidence)) throw new TypeError("evidence must be an object whose keys go into details")
  for (const key of keysOf(evidence, "evidence")) {
    const owner = fields.find((field) => field.key === key)
    if (owner !== undefined) {
      throw new TypeError(`evidence.${key} is already said by ${owner.argument}: choose another key`)
    }
    put(details, key, readField(evidence, key))
  }
  return details
}

// Assigning to `__proto__` would change the prototype instead of adding a key.
function put(details: Details, key: string, value: unknown): void {
  if (key !== "__proto__") details[key] = value
  else Object.defineProperty(details, key, { value, enumerable: true, writable: true, configurable: true })
}

function isError(value: unknown): value is Error {
  try {
    return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]"
  } catch {
    // A Proxy that does not want to be asked is no Error to us.
    return false
  }
}

function errorFields(error: Error): Details {
  const name = readField(error, "name")
  const message = readField(error, "message")
  const isNamed = typeof name === "string" && name.trim() !== ""
  return { error_type: isNamed ? name : "Error", message: typeof message === "string" ? message : "" }
}
