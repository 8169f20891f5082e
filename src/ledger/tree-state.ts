/**
 * `.state/tree.json`: size and root of the tree built so far, and how far each writer's journal went into it.
 * Parsing and formatting are pure; the file is replaced atomically by whoever holds the mutex.
 * @module
 */
import { crc32 } from "node:zlib"
import { fromBase64, toBase64, utf8, utf8Text } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import { EMPTY_ROOT } from "../proof/index.ts"
import { type LogFiles, TREE_FILE } from "../store/index.ts"
import { parseObject } from "./identity.ts"

/** How far one writer's lines went into the tree. */
export interface WriterPosition {
  /** The next `writer.seq` to take. */
  readonly next: number
  /** Segment in which it is expected, and the byte offset behind the last line taken from it. */
  readonly segment: number
  readonly offset: number
  /** When its last segment went away, in milliseconds since 1970; the row follows later. */
  readonly goneMs?: number
}

/** The state of the tree. */
export interface TreeState {
  readonly size: number
  readonly root: Uint8Array
  readonly writers: ReadonlyMap<string, WriterPosition>
}

/** A writer that has not been seen yet starts here. */
export const UNSEEN: WriterPosition = { next: 0, segment: 0, offset: 0 }

export const EMPTY_TREE: TreeState = { size: 0, root: EMPTY_ROOT, writers: new Map() }

/** The stored state; the empty tree when there is none yet. */
export async function readTreeState(root: Pick<LogFiles, "read">): Promise<TreeState> {
  const bytes = await root.read(TREE_FILE)
  return bytes === undefined ? EMPTY_TREE : parseTreeState(bytes)
}

/** Once resolved the new state survives power loss. */
export function writeTreeState(root: LogFiles, tree: TreeState): Promise<void> {
  return root.replace(TREE_FILE, formatTreeState(tree))
}

export function formatTreeState(tree: TreeState): Uint8Array {
  const writers: Record<string, WriterPosition> = Object.fromEntries(tree.writers)
  const body = JSON.stringify({ v: 1, size: tree.size, root: toBase64(tree.root), writers }).slice(0, -1)
  return utf8(`${body},"crc32":"${crcText(body)}"}\n`)
}

/** @throws {@link AuditError} `TREE_STATE_DAMAGED`: also where one bit is another than was written. */
export function parseTreeState(bytes: Uint8Array): TreeState {
  const [, body, crc] = /^(\{.*),"crc32":"([0-9a-f]{8})"\}\n$/.exec(utf8Text(bytes) ?? "") ?? []
  if (body === undefined || crcText(body) !== crc) throw damaged()
  const { v, size, root, writers } = parseObject(`${body}}`)
  const rootHash = typeof root === "string" ? fromBase64(root) : undefined
  if (v !== 1 || !isCount(size) || rootHash?.length !== 32 || typeof writers !== "object" || writers === null) {
    throw damaged()
  }
  const positions = new Map<string, WriterPosition>()
  for (const [id, position] of Object.entries(writers)) positions.set(id, parsePosition(position))
  return { size, root: rootHash, writers: positions }
}

/** Tells a damaged file from a whole one, as in a journal; it is no defence against tampering. */
function crcText(body: string): string {
  return crc32(body).toString(16).padStart(8, "0")
}

function parsePosition(value: unknown): WriterPosition {
  const { next, segment, offset, goneMs } = (value ?? {}) as Record<string, unknown>
  if (!isCount(next) || !isCount(segment) || !isCount(offset)) throw damaged()
  return isCount(goneMs) ? { next, segment, offset, goneMs } : { next, segment, offset }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function damaged(): AuditError {
  return new AuditError(
    "TREE_STATE_DAMAGED",
    `${TREE_FILE} is damaged; run secureml audit recover, which rebuilds it from the published log`,
  )
}
