/**
 * What the serialiser does with objects that are neither arrays nor plain: says which tag and which fields stand for
 * them. Reads the object only through intrinsics where there are some, so a subclass cannot lie about its content.
 * May throw what a getter, a Proxy or a toJSON throws; the serialiser marks that.
 * @module
 */

/** Stands for a value whose reading threw; written as `{"$secureml":"unreadable"}`. */
export const UNREADABLE: unique symbol = Symbol("unreadable")

/** How a non-plain object is written. Fields of a tag are encoded in their order. */
export type Form =
  | { readonly as: "plain" }
  | { readonly as: "value"; readonly value: unknown }
  | { readonly as: "tagged"; readonly kind: string; readonly fields: readonly (readonly [string, unknown])[] }
  | { readonly as: "map"; readonly size: number; readonly map: ReadonlyMap<unknown, unknown> }
  | { readonly as: "set"; readonly size: number; readonly set: ReadonlySet<unknown> }
  | { readonly as: "instance"; readonly className: string }

const CLASS_NAME_CHARS = 64
const MAX_RANK = 32
const DTYPE =
  /^(?:u?int(?:4|8|16|32|64)|float(?:8|16|32|64)?|double|half|bfloat16|bool|boolean|string|complex(?:64|128)?)$/
const brand = Object.prototype.toString
const mapSize = getterOf(Map.prototype, "size")
const setSize = getterOf(Set.prototype, "size")
const typedArrayType = getterOf(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)
const typedArrayLength = getterOf(Object.getPrototypeOf(Uint8Array.prototype), "length")
const viewBytes = getterOf(DataView.prototype, "byteLength")
const bufferBytes = getterOf(ArrayBuffer.prototype, "byteLength")
const regExpSource = getterOf(RegExp.prototype, "source")
// Browsers without cross-origin isolation have no SharedArrayBuffer.
const sharedBytes =
  typeof SharedArrayBuffer === "undefined" ? bufferBytes : getterOf(SharedArrayBuffer.prototype, "byteLength")
const UNBOX: Readonly<Record<string, () => unknown>> = {
  "[object Number]": Number.prototype.valueOf,
  "[object String]": String.prototype.valueOf,
  "[object Boolean]": Boolean.prototype.valueOf,
  "[object BigInt]": BigInt.prototype.valueOf,
  "[object Symbol]": Symbol.prototype.valueOf,
}

function getterOf(owner: object, name: PropertyKey): (self: unknown) => unknown {
  const read = Object.getOwnPropertyDescriptor(owner, name)?.get
  if (read === undefined) throw new TypeError(`this runtime has no getter ${String(name)}`)
  return (self) => Reflect.apply(read, self, [])
}

/** How to write an object whose prototype is neither null nor Object.prototype. */
export function formOf(value: object): Form {
  const known = builtinForm(value)
  if (known !== undefined) return known
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON === "function") return { as: "value", value: Reflect.apply(toJSON, value, []) }
  return classForm(value)
}

/** The same for what a toJSON returned: it is not asked again. */
export function formOfConverted(value: object): Form {
  return builtinForm(value) ?? classForm(value)
}

function classForm(value: object): Form {
  const tensor = tensorOf(value)
  if (tensor !== undefined) return tag("tensor", { type: classNameOf(value), ...tensor })
  return isForeignPlain(value) ? { as: "plain" } : { as: "instance", className: classNameOf(value) }
}

// Whatever `claimed` says is checked: an intrinsic throws on a stranger, and the stranger is then an instance.
function builtinForm(value: object): Form | undefined {
  if (ArrayBuffer.isView(value)) return viewForm(value)
  const claimed: string = Reflect.apply(brand, value, [])
  if (value instanceof Error || claimed === "[object Error]") return errorForm(value)
  switch (claimed) {
    case "[object Date]":
      return whenReal(() => tag("date", { value: isoOrNull(Reflect.apply(Date.prototype.getTime, value, [])) }))
    case "[object RegExp]":
      return whenReal(() => tag("regexp", { source: regExpSource(value), flags: String((value as RegExp).flags) }))
    case "[object Map]":
      return whenReal(() => ({ as: "map", size: Number(mapSize(value)), map: value as Map<unknown, unknown> }))
    case "[object Set]":
      return whenReal(() => ({ as: "set", size: Number(setSize(value)), set: value as Set<unknown> }))
    case "[object URL]":
      return value instanceof URL ? tag("url", { href: String(value.href) }) : undefined
    case "[object ArrayBuffer]":
      return whenReal(() => tag("bytes", { type: "ArrayBuffer", length: bufferBytes(value) }))
    case "[object SharedArrayBuffer]":
      return whenReal(() => tag("bytes", { type: "SharedArrayBuffer", length: sharedBytes(value) }))
    default: {
      const unbox = UNBOX[claimed]
      return unbox && whenReal(() => tag("boxed", { value: Reflect.apply(unbox, value, []) }))
    }
  }
}

function whenReal(form: () => Form): Form | undefined {
  try {
    return form()
  } catch {
    return undefined
  }
}

function tag(kind: string, fields: Record<string, unknown>): Form {
  return { as: "tagged", kind, fields: Object.entries(fields) }
}

function isoOrNull(time: number): string | null {
  return Number.isNaN(time) ? null : new Date(time).toISOString()
}

function viewForm(value: ArrayBufferView): Form {
  const type = typedArrayType(value)
  if (type === undefined) return tag("bytes", { type: "DataView", length: viewBytes(value) })
  const className = classNameOf(value)
  if (className === "Buffer") return tag("bytes", { type: "Buffer", length: typedArrayLength(value) })
  return tag("typed_array", { type, length: typedArrayLength(value) })
}

// No stack: it holds paths of the machine and grows the log. Own fields beyond these (a request, its headers) neither.
function errorForm(value: object): Form {
  const fields: [string, unknown][] = []
  for (const name of ["name", "message", "code", "cause", "errors"]) {
    const field = readField(value, name)
    if (field !== undefined) fields.push([name, field])
  }
  return { as: "tagged", kind: "error", fields }
}

/** A property, or {@link UNREADABLE} when reading it throws. */
export function readField(owner: object, name: PropertyKey): unknown {
  try {
    return (owner as Record<PropertyKey, unknown>)[name]
  } catch {
    return UNREADABLE
  }
}

/** `Tensor` and its like (tfjs, onnxruntime, transformers.js): element type and shape, never the values. */
export function tensorOf(value: object): { readonly dtype: string; readonly shape: readonly number[] } | undefined {
  const tensor = value as { shape?: unknown; dims?: unknown; dtype?: unknown; type?: unknown }
  const dtype = tensor.dtype ?? tensor.type
  if (typeof dtype !== "string" || !DTYPE.test(dtype)) return undefined
  const shape = tensor.shape ?? tensor.dims
  if (!Array.isArray(shape) || shape.length > MAX_RANK) return undefined
  return shape.every((size) => Number.isSafeInteger(size) && size >= 0) ? { dtype, shape: [...shape] } : undefined
}

// An object literal of another realm (a vm context, a test runner): its prototype is that realm's Object.prototype.
function isForeignPlain(value: object): boolean {
  const proto: object | null = Object.getPrototypeOf(value)
  return proto !== null && Object.getPrototypeOf(proto) === null && Object.hasOwn(proto, "isPrototypeOf")
}

/** The name of an object's class, shortened to 64 characters; "" when it has none to read. */
export function classNameOf(value: object): string {
  const proto = Object.getPrototypeOf(value) as { constructor?: { name?: unknown } } | null
  const name = proto?.constructor?.name
  if (typeof name === "string" && name !== "") return name.slice(0, CLASS_NAME_CHARS)
  // The constructor of a generator is no function, and has no name.
  return /^\[object ((?:Async)?Generator)\]$/.exec(Reflect.apply(brand, value, []))?.[1] ?? ""
}
