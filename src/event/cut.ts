/**
 * Cuts an encoded value to its limit, largest values first. Pure.
 *
 * The serialiser notes the span of every large value in the text that it wrote; here the spans become a tree, and
 * values are replaced by markers until the text fits. A value goes as a whole once more than
 * {@link CUTS_PER_CONTAINER} of its members would have to go.
 * @module
 */
import { type PersonalHandler, personalMarker, type SealedValue } from "./personal.ts"
import { quote, storedKey, utf8Bytes } from "./text.ts"

/** A value that was cut, and where its marker stands. */
export interface Omission {
  /** RFC 6901, relative to the encoded value, over keys as stored; "" is the value itself. */
  readonly pointer: string
  /** What was cut: string, array, object, map, bigint, … */
  readonly type: string
  /** Bytes of a string's text in UTF-8, or of a container's JSON; a lower bound where the value was not walked. */
  readonly bytes: number
}

/** A large value in the encoded text. Spans are in post-order: members come before what holds them. */
export interface Span {
  readonly start: number
  readonly end: number
  readonly key: string | number
  readonly type: string
  /** The string itself, to say its size; undefined for other values. */
  readonly text: string | undefined
  /** Members of an array, map or set; undefined for other values. */
  readonly length: number | undefined
  /** Set when the text already holds a marker instead of the value. */
  readonly omittedBytes: number | undefined
  /** Set when the text holds the marker of a personal value, its commitment still to be made. */
  readonly personal?: PersonalSpan | undefined
}

/** A personal value as encoded. */
export type PersonalSpan = Omit<SealedValue, "pointer"> & { readonly omitted: readonly Omission[] }

/** A value that was cut and is kept elsewhere: its text as encoded. */
export interface KeptValue {
  /** RFC 6901, relative to the encoded value. */
  readonly pointer: string
  readonly json: string
}

/** Makes the commitment that stands in a marker for a value kept elsewhere: {@link COMMITMENT_CHARS} characters. */
export type Commit = (kept: KeptValue) => string

/** Characters of a commitment: 32 bytes in base64. */
export const COMMITMENT_CHARS = 44
const CUTS_PER_CONTAINER = 16
/** More than any marker takes, so that cutting a value always helps. */
const MARKER_BYTES = 192

/** The marker that stands for a cut value. `exact` is false when `bytes` is a lower bound. */
export function omittedMarker(type: string, bytes: number, exact: boolean, length?: number): string {
  const count = length === undefined ? "" : `,"length":${length}`
  return `{"$secureml":"omitted","type":${quote(type)},"bytes":${bytes}${count}${exact ? "" : ',"exact":false'}}`
}

/** The marker that stands for a value kept elsewhere. */
function keptMarker(type: string, bytes: number, length: number | undefined, commitment: string): string {
  const count = length === undefined ? "" : `,"length":${length}`
  return `{"$secureml":"kept","type":${quote(type)},"bytes":${bytes}${count},"commitment":"${commitment}"}`
}

interface Node {
  readonly span: Span
  readonly members: readonly Node[]
  /** Bytes of the value as encoded, and as it stands after cutting. */
  readonly fullBytes: number
  bytes: number
  readonly exact: boolean
  readonly hasPersonal: boolean
  marker: string | undefined
}

/** Cuts `json` to `limitBytes`; the last span must be the whole value. */
export function cutToLimit(
  json: string,
  spans: readonly Span[],
  limitBytes: number,
  commit?: Commit,
  personal?: PersonalHandler,
): { json: string; omitted: Omission[]; kept: KeptValue[] } {
  const root = tree(json, spans)
  shrink(root, limitBytes, commit !== undefined)
  const cuts: Cuts = { omitted: [], kept: [], commit, personal }
  return { json: assemble(json, root, "", cuts), omitted: cuts.omitted, kept: cuts.kept }
}

/** What assembling a cut text finds. */
interface Cuts {
  readonly omitted: Omission[]
  readonly kept: KeptValue[]
  readonly commit: Commit | undefined
  readonly personal: PersonalHandler | undefined
}

function tree(json: string, spans: readonly Span[]): Node {
  const open: Node[] = []
  for (const span of spans) {
    let first = open.length
    while (first > 0 && open[first - 1]!.span.start >= span.start) first--
    open.push(node(json, span, open.splice(first)))
  }
  return open[open.length - 1]!
}

function node(json: string, span: Span, members: readonly Node[]): Node {
  let bytes = 0
  let at = span.start
  let exact = span.omittedBytes === undefined
  for (const member of members) {
    bytes += utf8Bytes(json, at, member.span.start) + member.bytes
    at = member.span.end
    exact &&= member.exact
  }
  bytes += utf8Bytes(json, at, span.end)
  const hasPersonal = span.personal !== undefined || members.some((member) => member.hasPersonal)
  return { span, members, fullBytes: bytes, bytes, exact, hasPersonal, marker: undefined }
}

function shrink(value: Node, budgetBytes: number, keep: boolean): void {
  if (value.bytes <= budgetBytes) return
  const largest = value.members.filter((member) => member.bytes > MARKER_BYTES).sort((a, b) => b.bytes - a.bytes)
  for (const member of largest.slice(0, CUTS_PER_CONTAINER)) {
    const before = member.bytes
    shrink(member, Math.max(MARKER_BYTES, before - (value.bytes - budgetBytes)), keep)
    value.bytes += member.bytes - before
    if (value.bytes <= budgetBytes) return
  }
  const { type, text, length } = value.span
  const bytes = text === undefined ? value.fullBytes : utf8Bytes(text)
  // Of a kept value only the length counts here; its commitment needs the pointer, which assembling knows.
  value.marker = keep
    ? keptMarker(type, bytes, length, "=".repeat(COMMITMENT_CHARS))
    : omittedMarker(type, bytes, value.exact, length)
  value.bytes = value.marker.length
}

function assemble(json: string, value: Node, pointer: string, cuts: Cuts): string {
  const { start, end, type, text, length, omittedBytes } = value.span
  if (value.marker !== undefined) {
    const bytes = text === undefined ? value.fullBytes : utf8Bytes(text)
    cuts.omitted.push({ pointer, type, bytes })
    if (cuts.commit === undefined) return value.marker
    const kept = { pointer, json: withCommitments(json, value, pointer, cuts) }
    cuts.kept.push(kept)
    return keptMarker(type, bytes, length, cuts.commit(kept))
  }
  if (value.span.personal !== undefined) return committed(value.span.personal, pointer, cuts)
  if (omittedBytes !== undefined) {
    cuts.omitted.push({ pointer, type, bytes: omittedBytes })
    return json.slice(start, end)
  }
  return withMembers(json, value, pointer, cuts, assemble)
}

/** The text of a value that is kept whole: only its personal values are replaced. */
function withCommitments(json: string, value: Node, pointer: string, cuts: Cuts): string {
  if (!value.hasPersonal) return json.slice(value.span.start, value.span.end)
  if (value.span.personal !== undefined) return committed(value.span.personal, pointer, cuts)
  return withMembers(json, value, pointer, cuts, withCommitments)
}

function withMembers(
  json: string,
  { span, members }: Node,
  pointer: string,
  cuts: Cuts,
  make: typeof assemble,
): string {
  let out = ""
  let at = span.start
  for (const member of members) {
    out += json.slice(at, member.span.start) + make(json, member, `${pointer}/${token(member.span.key)}`, cuts)
    at = member.span.end
  }
  return out + json.slice(at, span.end)
}

function committed({ json, subjects, omitted }: PersonalSpan, pointer: string, cuts: Cuts): string {
  for (const one of omitted) cuts.omitted.push({ ...one, pointer: pointer + one.pointer })
  return personalMarker(cuts.personal!.commit({ pointer, json, subjects }), subjects)
}

function token(key: string | number): string {
  return typeof key === "number" ? String(key) : storedKey(key).replaceAll("~", "~0").replaceAll("/", "~1")
}
