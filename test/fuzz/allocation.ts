/**
 * Counts what is allocated by length: every way to ask for memory in bytes passes here while it is installed.
 *
 * **Invariants:**
 * 1. After `stop` everything is as it was before `start`.
 * 2. Views on memory that is there do not count, nor do copies of what is there: nobody can claim what does not exist.
 */

const arrays = ['Uint8Array', 'Uint16Array', 'Uint32Array', 'Int32Array', 'Float64Array'] as const;
const buffers = ['ArrayBuffer', 'SharedArrayBuffer'] as const;
const factories = ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const;

interface Constructor {
  readonly BYTES_PER_ELEMENT?: number;
  new (...given: unknown[]): object;
}

/** The meter. */
export class AllocationMeter {
  /** The largest single piece, and all pieces together, in bytes. */
  largest = 0;
  total = 0;
  private readonly undo: (() => void)[] = [];

  start(): void {
    this.largest = 0;
    this.total = 0;
    for (const name of [...arrays, ...buffers]) {
      const original = Reflect.get(globalThis, name) as Constructor;
      const unit = original.BYTES_PER_ELEMENT ?? 1;
      const construct = (target: Constructor, given: unknown[]): object => {
        if (typeof given[0] === 'number') this.count(given[0] * unit);
        return Reflect.construct(target, given) as object;
      };
      const counting = new Proxy(original, { construct });
      Reflect.set(globalThis, name, counting);
      this.undo.push(() => Reflect.set(globalThis, name, original));
    }
    for (const name of factories) {
      const original = Buffer[name].bind(Buffer) as (size: number) => Buffer;
      const before = Buffer[name];
      Reflect.set(Buffer, name, (size: number, ...rest: unknown[]) => {
        this.count(size);
        return Reflect.apply(original, Buffer, [size, ...rest]) as Buffer;
      });
      this.undo.push(() => Reflect.set(Buffer, name, before));
    }
  }

  stop(): void {
    for (let step = this.undo.pop(); step !== undefined; step = this.undo.pop()) step();
  }

  private count(bytes: number): void {
    this.largest = Math.max(this.largest, bytes);
    this.total += bytes;
  }
}
