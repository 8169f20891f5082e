import { describe, test } from "vitest"
import { LocalBlobs, LocalJournal, LocalMutex, openLogDirectory } from "../src/store/index.ts"
import { blobStoreConformance, journalConformance, mutexConformance } from "../src/testing.ts"
import { usePlace } from "./place.ts"

const place = usePlace()
const root = () => openLogDirectory(place.logDir, undefined)

describe("the embedded driver keeps the contract", () => {
  for (const { name, run } of blobStoreConformance(async () => new LocalBlobs(root()))) test(`blobs: ${name}`, run)
  for (const { name, run } of journalConformance(async () => new LocalJournal(root()))) test(`journal: ${name}`, run)
  for (const { name, run } of mutexConformance(async () => [LocalMutex.open(root())!, LocalMutex.open(root())!])) {
    test(`mutex: ${name}`, run)
  }
})
