/**
 * Every checkpoint that anybody could ever see, and what must hold at the moment when one becomes visible.
 * @module
 */
import type { Disk, View } from "./disk.ts"
import { STATE_DIRECTORY } from "./process.ts"
import { Objection } from "./published-log.ts"
import { treeOf, verifierKeyIn } from "./sight.ts"
import { type Head, openHead } from "./signed-note.ts"
import { rememberedIn } from "./signing-state.ts"

/** The largest tree of an origin that was ever published. */
interface Longest {
  readonly leaves: readonly Buffer[]
  readonly roots: Map<number, string>
}

export class History {
  readonly #disk: Disk
  readonly #byOrigin = new Map<string, Longest>()
  /** What was wrong; the command that was running reports it. */
  readonly objections: string[] = []
  /** Notes in the order in which they became visible. */
  readonly notes: string[] = []

  constructor(disk: Disk) {
    this.#disk = disk
  }

  /** A reader can see this head from now on, whatever happens next. */
  headBecameVisible(directory: string, bytes: Uint8Array): void {
    const note = Buffer.from(bytes).toString()
    this.notes.push(note)
    try {
      const vkey = verifierKeyIn(this.#disk.now, directory)
      if (vkey === undefined) throw new Objection("a head was published before the verifier key")
      const head = openHead(note, vkey)
      this.#checkRemembered(head)
      // The power may fail now: all that the head names must be there then.
      this.#checkConsistent(head, treeOf(this.#disk.worst, directory, head).leaves)
    } catch (error) {
      if (!(error instanceof Objection)) throw error
      this.objections.push(`when a head became visible: ${error.message}`)
    }
  }

  /** The signature is remembered for good before anyone can see it. */
  #checkRemembered({ origin, note }: Head): void {
    if (rememberedNote(this.#disk.worst, origin) !== note)
      throw new Objection("its signature would be forgotten if the power failed")
  }

  #checkConsistent({ origin, size, root }: Head, leaves: readonly Buffer[]): void {
    const longest = this.#byOrigin.get(origin) ?? { leaves: [], roots: new Map<number, string>() }
    const known = longest.roots.get(size)
    if (known !== undefined && known !== root) throw new Objection(`two trees of size ${size} were signed`)
    const common = Math.min(size, longest.leaves.length)
    for (let n = 0; n < common; n++) {
      if (!leaves[n]!.equals(longest.leaves[n]!)) throw new Objection(`entry ${n} of a tree that was signed is another`)
    }
    if (size < longest.leaves.length) throw new Objection("a tree smaller than one signed before was signed")
    longest.roots.set(size, root)
    this.#byOrigin.set(origin, { leaves, roots: longest.roots })
  }
}

/** The signature that the user remembers for an origin. */
export function rememberedNote(view: View, origin: string): string | undefined {
  const file = view.get(`${STATE_DIRECTORY}/signed/${origin.replaceAll("/", "-")}`)
  return rememberedIn(file?.bytes)?.note
}
