/**
 * Logs with which runs begin: made once by the ledger itself, then copied.
 * @module
 */
import { clock } from "./clock.ts"
import { BEGINNING } from "./invariants.ts"
import { sealAndTidy } from "./ledger-work.ts"
import { STATE_DIRECTORY } from "./process.ts"
import { type Beginning, LOG, World } from "./world.ts"

const beginnings = new Map<number, Beginning>()

/** A sealed log with this many entries, of a writer whose journal is gone; none for 0. */
export async function beginningOf(size: number): Promise<Beginning | undefined> {
  if (size === 0) return undefined
  const known = beginnings.get(size) ?? (await make(size))
  beginnings.set(size, known)
  return known
}

async function make(size: number): Promise<Beginning> {
  const world = new World()
  const process = world.process(0)
  const t = new Date(clock.wallMs).toISOString()
  for (let seq = 0; seq < size; seq++) {
    process.writer.append(() => JSON.stringify({ id: `b${seq}`, t, writer: { id: BEGINNING, seq } }))
  }
  process.writer.retireIdle()
  await process.work([], (context) => sealAndTidy(context, process.writer, false))
  return { files: world.disk.copyOf(LOG), state: world.disk.copyOf(STATE_DIRECTORY) }
}
