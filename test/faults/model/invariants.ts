/**
 * What must hold after every command, whatever went wrong.
 * @module
 */
import type { Event } from "./events.ts"
import type { Process } from "./process.ts"
import { type EntryFacts, Objection } from "./published-log.ts"
import { look, type Sight } from "./sight.ts"
import { COPY, LOG, type World } from "./world.ts"

/** The writer of the entries with which a run begins. */
export const BEGINNING = "beginning"

/** Reads the disk as it is, and as it would be after the worst power failure, and checks both. */
export function checkAll(world: World): Sight {
  const { objections } = world.history
  if (objections.length > 0) throw new Objection(objections.join("; "))
  const now = look(world.disk.now, LOG)
  look(world.disk.now, COPY)
  checkOrder(now, world)
  const present = presentIn(now)
  world.settleLosses(present)
  for (const event of world.events.all) checkEvent(event, present, now)
  for (const process of world.alive) checkTold(process, world)
  const worst = look(world.disk.worst, LOG)
  const durable = presentIn(worst)
  for (const event of world.events.all) {
    if (event.durable && event.status === "recorded" && !durable.has(event.id)) {
      throw new Objection(`${event.id} is durable, but would not survive a power failure`)
    }
  }
  return now
}

/** Ids of the events that a reader finds. */
function presentIn(sight: Sight): ReadonlySet<string> {
  const ids = sealedIn(sight)
  for (const { id } of sight.lines) ids.add(id)
  return ids
}

/** Ids of the events that are in a tree. */
export function sealedIn({ logs }: Sight): Set<string> {
  const ids = new Set<string>()
  for (const { tree } of logs) for (const { id } of tree.entries.slice(beginningOf(tree.entries))) ids.add(id)
  return ids
}

function checkEvent({ id, status, hasPart }: Event, present: ReadonlySet<string>, { kept }: Sight): void {
  const isThere = present.has(id)
  if (status === "recorded" && !isThere) throw new Objection(`${id} was recorded and is gone`)
  if (status === "refused" && isThere) throw new Objection(`${id} was refused and is there`)
  if (hasPart && isThere && !kept.has(id)) throw new Objection(`${id} is there without the value kept beside it`)
}

/** What a failed sync took is told, to the number, once the writer has dealt with it. */
function checkTold(process: Process, { events }: World): void {
  if (process.isWaiting || process.writer.unsyncedBytes > 0) return
  const lost = events.all.filter((event) => event.process === process && event.status === "lost").length
  if (process.told !== lost) throw new Objection(`${lost} events were lost, ${process.told} were told of`)
}

/** Each writer's entries are in the trees once, in order, and nothing but a recovery passes over any. */
function checkOrder({ logs, lines }: Sight, world: World): void {
  const next = new Map<string, number>()
  const explained = new Map<string, Set<number>>()
  const sealed = new Map<string, string>()
  for (const { tree } of logs) {
    for (const entry of tree.entries.slice(beginningOf(tree.entries))) {
      const { writerId, seq, id, json } = entry
      const expected = next.get(writerId) ?? 0
      if (seq !== expected && !(seq > expected && explained.get(writerId)?.has(seq) === true)) {
        throw new Objection(`number ${seq} of a writer is in the tree where ${expected} is next (${id})`)
      }
      next.set(writerId, seq + 1)
      sealed.set(`${writerId} ${seq}`, id)
      for (const [writer, found] of Object.entries(json.recovery?.writers ?? {})) {
        explained.set(writer, (explained.get(writer) ?? new Set()).add(found))
      }
      checkKnown(entry, world)
    }
  }
  for (const entry of lines) {
    const id = sealed.get(`${entry.writerId} ${entry.seq}`)
    if (id !== undefined && id !== entry.id)
      throw new Objection(`${id} and ${entry.id} have the same writer and number`)
    sealed.set(`${entry.writerId} ${entry.seq}`, entry.id)
    checkKnown(entry, world)
  }
}

/** How many of the entries with which the run began a tree starts with. */
function beginningOf(entries: readonly EntryFacts[]): number {
  let count = 0
  while (entries[count]?.writerId === BEGINNING && entries[count]!.seq === count) count += 1
  return count
}

/** What is there is what somebody recorded. */
function checkKnown({ id, writerId, seq, json }: EntryFacts, { events }: World): void {
  const event = events.find(id)
  if (json.recovery !== undefined) return
  if (event?.writerId !== writerId || event.seq !== seq) throw new Objection(`${id} was not recorded like this`)
}
