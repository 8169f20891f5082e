/**
 * Cursors: where a page stopped, as opaque text. Pure. A cursor comes back from outside, so it is parsed strictly.
 * @module
 */
import { utf8, utf8Text } from "../bytes.ts"
import { AuditError } from "../errors.ts"

/** The next index to look at, in an order, and the size of the tree when the page was made. */
export interface Cursor {
  readonly order: "asc" | "desc"
  readonly treeSize: number
  readonly index: number
}

export function formatCursor({ order, treeSize, index }: Cursor): string {
  return Buffer.from(utf8(`1.${order}.${treeSize}.${index}`)).toString("base64url")
}

/** @throws {@link AuditError} `CURSOR_MALFORMED`: not a cursor of ours, or one of a query in the other order. */
export function parseCursor(text: string, order: "asc" | "desc"): Cursor {
  const match = /^1\.(asc|desc)\.(\d{1,16})\.(\d{1,16})$/.exec(utf8Text(Buffer.from(text, "base64url")) ?? "")
  const cursor =
    match === null
      ? undefined
      : { order: match[1] as "asc" | "desc", treeSize: Number(match[2]), index: Number(match[3]) }
  if (cursor === undefined || formatCursor(cursor) !== text || cursor.order !== order) {
    throw new AuditError("CURSOR_MALFORMED", "cursor must be the nextCursor of an earlier page with the same order")
  }
  return cursor
}
