/**
 * Memory that runs out: while a call runs, what is asked for through one of the global constructors is refused from some size on, as the
 * engine refuses it.
 *
 * **Invariants:**
 * 1. Afterwards there is memory again, whatever the call threw.
 * 2. A view on memory that is there already asks for none, and is never refused.
 */
type Name = 'ArrayBuffer' | 'SharedArrayBuffer' | 'Int32Array' | 'Uint32Array';

/** Runs `call`, while no `name` is to be had of `least` bytes (a buffer) or numbers (an array) or more. What `call` throws is thrown. */
export function withoutMemory<T>(name: Name, least: number, call: () => T): T {
  const real = globalThis[name];
  const refusing = new Proxy(real, {
    construct: (target, args: unknown[], asked) => {
      const [size] = args;
      if (typeof size === 'number' && size >= least) throw new RangeError('Array buffer allocation failed');
      return Reflect.construct(target, args, asked) as object;
    },
  });
  Reflect.set(globalThis, name, refusing);
  try {
    return call();
  } finally {
    Reflect.set(globalThis, name, real);
  }
}
