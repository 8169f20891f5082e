import { describe, test } from "vitest"
import { blobStoreConformance, journalConformance, mutexConformance } from "../../../src/testing.ts"
import { Actor } from "./actor.ts"
import { Disk } from "./disk.ts"
import { Blobs, Files } from "./files.ts"
import { MemoryJournal } from "./journal.ts"
import { Lock, MemoryMutex } from "./signing-state.ts"

/** An actor to whom nothing happens. */
const calm = (): Actor => new Actor({ isDead: false, die: () => undefined, cutPower: () => undefined })
const disk = (): Disk => new Disk(Date.now)

describe("the stores in memory keep the contract while nothing goes wrong", () => {
  const blobs = async (): Promise<Blobs> => new Blobs(new Files(disk(), "log", calm()), () => undefined)
  for (const { name, run } of blobStoreConformance(blobs)) test(`blobs: ${name}`, run)
  const journal = async (): Promise<MemoryJournal> => new MemoryJournal(disk(), "log/.state/journal", calm())
  for (const { name, run } of journalConformance(journal)) test(`journal: ${name}`, run)
  const handles = async (): Promise<[MemoryMutex, MemoryMutex]> => {
    const lock = new Lock()
    return [new MemoryMutex(lock, calm()), new MemoryMutex(lock, calm())]
  }
  for (const { name, run } of mutexConformance(handles)) test(`mutex: ${name}`, run)
})
