/**
 * Lists of keys that an act was about, in the private state of the log and in the vault: whichever of the two is
 * restored from before gets those that it lacks from the other one. Each ends with a MAC under a key of the vault: who can
 * only write into the log can neither make nor change one. Does I/O.
 * @module
 */
import { equalBytes, utf8 } from "../bytes.ts"
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
  /** One line. */
  readonly format: (list: T) => string
  /** Whether it says how the act ended: it is never taken back by one that does not. */
  readonly isEnded: (list: T) => boolean
}

const DIRECTORIES = { erasures: ERASURES_DIRECTORY, restrictions: RESTRICTIONS_DIRECTORY } as const
const NAME = /^([0-9a-f-]{36})\.json$/
const NEWLINE = 10

/** What a list says; undefined where it was not written with the vault, if that is here to tell. */
export function openList<T extends { readonly id: string }>(
  { kind, parse }: ListFormat<T>,
  id: string,
  bytes: Uint8Array,
  vault: KeyVault | undefined,
): T | undefined {
  const end = bytes.indexOf(NEWLINE)
  const list = bytes.subarray(0, Math.max(0, end))
  const mac = bytes.subarray(end + 1)
  if (vault !== undefined && !equalBytes(mac, utf8(`${vault.macOf(kind, id, list)}\n`))) return undefined
  return parse(id, list)
}

function closed<T extends { readonly id: string }>(
  { kind, format }: ListFormat<T>,
  list: T,
  vault: KeyVault,
): Uint8Array {
  const text = format(list)
  return utf8(`${text}\n${vault.macOf(kind, list.id, utf8(text))}\n`)
}

/**
 * All lists of a kind that a log has.
 * @param vault - Where it is here, lists that were not written with it are left out.
 */
export async function readLists<T extends { readonly id: string }>(
  root: Pick<LogFiles, "read" | "names">,
  form: ListFormat<T>,
  vault: KeyVault | undefined,
): Promise<T[]> {
  const directory = DIRECTORIES[form.kind]
  const found: T[] = []
  for (const name of await root.names(directory)) {
    const id = NAME.exec(name)?.[1]
    const bytes = id === undefined ? undefined : await root.read(`${directory}/${name}`)
    const list = id === undefined || bytes === undefined ? undefined : openList(form, id, bytes, vault)
    if (list !== undefined) found.push(list)
  }
  return found
}

/** Once resolved the list survives power loss. */
export async function writeList<T extends { readonly id: string }>(
  root: LogFiles,
  form: ListFormat<T>,
  list: T,
  vault: KeyVault,
): Promise<void> {
  await root.replace(`${DIRECTORIES[form.kind]}/${list.id}.json`, closed(form, list, vault))
}

/** Keeps a list in the vault too. */
export function keepList<T extends { readonly id: string }>(form: ListFormat<T>, list: T, vault: KeyVault): void {
  vault.keepList(form.kind, list.id, closed(form, list, vault))
}

/** Brings log and vault to the same lists, and returns them. */
export async function shareLists<T extends { readonly id: string }>(
  root: LogFiles,
  vault: KeyVault,
  form: ListFormat<T>,
): Promise<readonly T[]> {
  const here = new Map((await readLists(root, form, vault)).map((list) => [list.id, list]))
  const there = new Map(
    [...vault.lists(form.kind)].flatMap(([id, bytes]) => {
      const list = openList(form, id, bytes, vault)
      return list === undefined ? [] : [[id, list] as const]
    }),
  )
  for (const [id, list] of there) {
    const known = here.get(id)
    if (known !== undefined && (form.isEnded(known) || !form.isEnded(list))) continue
    await writeList(root, form, list, vault)
    here.set(id, list)
  }
  for (const [id, list] of here) {
    const known = there.get(id)
    if (known === undefined || form.format(known) !== form.format(list)) keepList(form, list, vault)
  }
  return [...here.values()]
}
