/**
 * Lines as the audit module of Python's secureml writes them: `asctime - secureml.audit.<id> - INFO - {json}`. Pure.
 *
 * In that module a detail or a context may replace `timestamp`, `operation_id` and the like in the JSON; what the
 * logging itself wrote before it, and the name of the file, cannot be replaced that way, so those count. Nothing is
 * looked for behind " - ", which may stand in names and texts.
 * @module
 */
import { isRecord } from "../event/index.ts"
import {
  type Candidate,
  type Fields,
  fieldOf,
  isOwnEntry,
  LineDamage,
  readEventType,
  readId,
  readName,
} from "./candidate.ts"
import { parseExactJson } from "./exact-json.ts"
import { type StoredTime, storedTime, type Zone } from "./zone.ts"

const HEAD =
  /^(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2},\d{3}) - secureml\.audit\.(.{1,256}?) - (?:[A-Z]{1,16}|Level \d{1,9}) - (?=\{)/
const LOG_SUFFIX = ".log"
/** The two times of a line are taken one after the other; further apart, the one in the JSON is not Python's own. */
const MAX_APART_MS = 60_000

/**
 * The record in a line.
 * @throws {@link LineDamage}
 */
export function readPythonLine(text: string, fileName: string, zone: Zone): Candidate {
  const head = HEAD.exec(text)
  if (head === null) throw new LineDamage("not_a_line")
  const record = parseExactJson(text.slice(head[0].length))
  if (!isRecord(record)) throw new LineDamage("not_a_line")
  if (isOwnEntry(record)) throw new LineDamage("text_log")
  const operationId = idOf(head[2]!)
  const operationName = nameOf(record, operationId, fileName)
  const { time, fromJson } = timeOf(record, head[1]!, zone)
  const { event_type: _, ...rest } = record
  const details: Record<string, unknown> = rest
  if (fromJson) delete details["timestamp"]
  if (details["operation_id"] === operationId) delete details["operation_id"]
  if (details["operation_name"] === operationName) delete details["operation_name"]
  return {
    eventType: readEventType(fieldOf(record, "event_type")),
    details,
    operationId,
    operationName,
    occurredAt: time.text,
    naive: time.naive,
  }
}

function idOf(id: string): string {
  try {
    return readId(id)
  } catch {
    throw new LineDamage("not_a_line")
  }
}

/** Python names the file `<operation>_<id>.log`. */
function nameOf(record: Fields, operationId: string, fileName: string): string {
  const tail = `_${operationId}${LOG_SUFFIX}`
  const fromFile = fileName.endsWith(tail) ? fileName.slice(0, -tail.length) : undefined
  for (const name of [fromFile, fieldOf(record, "operation_name"), fileName]) {
    try {
      return readName(name)
    } catch {
      // Python takes a blank name too; the next one will do.
    }
  }
  return "unnamed"
}

function timeOf(
  record: Fields,
  asctime: string,
  zone: Zone,
): { readonly time: StoredTime; readonly fromJson: boolean } {
  const logged = timeOrDamage(asctime, zone)
  try {
    const time = storedTime(fieldOf(record, "timestamp"), zone)
    const apartMs = Math.abs(Date.parse(time.text) - Date.parse(logged.text))
    if (apartMs <= MAX_APART_MS) return { time: { ...time, naive: true }, fromJson: true }
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error
  }
  return { time: logged, fromJson: false }
}

function timeOrDamage(asctime: string, zone: Zone): StoredTime {
  try {
    return storedTime(asctime, zone)
  } catch {
    throw new LineDamage("not_a_line")
  }
}
