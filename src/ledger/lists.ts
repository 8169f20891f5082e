/**
 * Lists of keys that an act was about, in the private state of the log and in the vault: whichever of the two is
 * restored from before gets those that it lacks from the other one. Does I/O.
 * @module
 */
import { equalBytes } from "../bytes.ts"
import {
  ERASURES_DIRECTORY,
  type KeyVault,
  type ListKind,
  type LogFiles,
  RESTRICTIONS_DIRECTORY,
} from "../store/index.ts"

/** How lists of one kind are written, and which of two tells more. */
export interface ListFormat<T extends { readonly id: string }> {
  readonly kind: ListKind
  /** Undefined for what is no list. */
  readonly parse: (id: string, bytes: Uint8Array) => T | undefined
  readonly format: (list: T) => Uint8Array
  /** Whether it says how the act ended: it is never taken back by one that does not. */
  readonly isEnded: (list: T) => boolean
}

const DIRECTORIES = { erasures: ERASURES_DIRECTORY, restrictions: RESTRICTIONS_DIRECTORY } as const
const NAME = /^([0-9a-f-]{36})\.json$/

/** All lists of a kind that a log has. */
export async function readLists<T extends { readonly id: string }>(
  root: Pick<LogFiles, "read" | "names">,
  { kind, parse }: ListFormat<T>,
): Promise<T[]> {
  const found: T[] = []
  for (const name of await root.names(DIRECTORIES[kind])) {
    const id = NAME.exec(name)?.[1]
    const bytes = id === undefined ? undefined : await root.read(`${DIRECTORIES[kind]}/${name}`)
    const list = id === undefined || bytes === undefined ? undefined : parse(id, bytes)
    if (list !== undefined) found.push(list)
  }
  return found
}

/** Once resolved the list survives power loss. */
export async function writeList<T extends { readonly id: string }>(
  root: LogFiles,
  { kind, format }: ListFormat<T>,
  list: T,
): Promise<void> {
  await root.replace(`${DIRECTORIES[kind]}/${list.id}.json`, format(list))
}

/** Brings log and vault to the same lists, and returns them. */
export async function shareLists<T extends { readonly id: string }>(
  root: LogFiles,
  vault: KeyVault,
  form: ListFormat<T>,
): Promise<readonly T[]> {
  const here = new Map((await readLists(root, form)).map((list) => [list.id, list]))
  const there = vault.lists(form.kind)
  for (const [id, bytes] of there) {
    const list = form.parse(id, bytes)
    const known = here.get(id)
    const isNews = known === undefined || (list !== undefined && form.isEnded(list) && !form.isEnded(known))
    if (list === undefined || !isNews) continue
    await writeList(root, form, list)
    here.set(id, list)
  }
  for (const [id, list] of here) {
    const known = there.get(id)
    const bytes = form.format(list)
    const isOlder = known !== undefined && !form.isEnded(list)
    if (!isOlder && (known === undefined || !equalBytes(known, bytes))) vault.keepList(form.kind, id, bytes)
  }
  return [...here.values()]
}
