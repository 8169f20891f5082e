/**
 * The operations that ran within one, and within those, as a tree. Reads only.
 * @module
 */
import type { AuditOperation, ChildOperation } from "../audit.ts"
import { childrenOf } from "../query/index.ts"
import { escapeText } from "./escape.ts"
import { statusStyle } from "./operation-text.ts"
import type { Output } from "./output.ts"
import { type Branch, treeLines } from "./tree.ts"

/** Operations that are shown: a run may have had a million calls inside. */
const MOST_SHOWN = 100

/** Lines of the tree, with a title; empty where nothing ran inside. */
export async function operationTree(
  { operationId, children }: AuditOperation,
  logDir: string,
  output: Output,
): Promise<string> {
  if (children.length === 0) return ""
  const below = new Map<string, readonly ChildOperation[]>([[operationId, children]])
  let shown = 0
  // Level by level; a crafted log may say that an operation ran within itself.
  for (let level = children.slice(0, MOST_SHOWN); level.length > 0 && shown < MOST_SHOWN; ) {
    shown += level.length
    const next: ChildOperation[] = []
    const found = await childrenOf(
      level.map((child) => child.operationId),
      logDir,
    )
    for (const [parent, ones] of found) {
      if (below.has(parent)) continue
      below.set(parent, ones)
      next.push(...ones.filter((one) => one.operationId !== operationId && !below.has(one.operationId)))
    }
    level = next.slice(0, MOST_SHOWN - shown)
  }
  const lines = treeLines(branchesOf(operationId, below, new Set([operationId]), output))
  const cut = lines.length > MOST_SHOWN
  if (cut) output.note(`only ${MOST_SHOWN} of the operations inside are shown; --json lists all direct ones`)
  return `${[output.styled("dim", "operations inside"), ...lines.slice(0, MOST_SHOWN)].join("\n")}\n`
}

function branchesOf(
  id: string,
  below: ReadonlyMap<string, readonly ChildOperation[]>,
  shown: Set<string>,
  output: Output,
): Branch[] {
  const branches: Branch[] = []
  for (const { operationId, operationName, status } of below.get(id) ?? []) {
    // Each once, whatever a crafted log says of who ran in whom.
    if (shown.has(operationId) || shown.size > MOST_SHOWN + 1) continue
    shown.add(operationId)
    const text = `${escapeText(operationName)}  ${styledStatus(status, output)}  ${output.styled("dim", escapeText(operationId))}`
    branches.push({ text, branches: branchesOf(operationId, below, shown, output) })
  }
  return branches
}

function styledStatus(status: string, output: Output): string {
  const style = statusStyle(status)
  return style === undefined ? escapeText(status) : output.styled(style, escapeText(status))
}
