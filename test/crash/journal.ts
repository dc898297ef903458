/**
 * What was done to a database, as the states that it went through, and the judgement over what a crash left of it.
 *
 * ```
 *   states        [ empty, s1, s2, s3, s4 ]      one more with each section that was unlocked
 *   acknowledged            ▲                    at the last commit that resolved
 *   allowed after a crash   [s2 … s4]            C1 durable, C2 atomic, C3 prefix, C4 no return
 * ```
 *
 * **Invariants:**
 * 1. A section is noted before it is unlocked: one that fails in its unlocking may be there or not.
 * 2. A commit is acknowledged by what was unlocked before the call, not by what is unlocked when it resolves.
 */
import type { Backend, BatchTx, ReadTx } from '../../src/api.js';
import { bucketsOf, copyOf, entriesOf, type State } from '../model/state.js';

/** Everything that a reader shows, walked and read key by key: the two ways must agree. */
export function shownBy(reader: ReadTx): State {
  const state: State = new Map();
  for (const name of reader.unsafeBuckets()) {
    const entries = new Map<string, Buffer>();
    reader.unsafeForEach(name, (key, value) => {
      entries.set(key.toString('latin1'), value);
      const read = reader.unsafeGet(name, key);
      if (read === undefined || !read.equals(value)) throw new Error('a walk and a point read do not agree');
    });
    state.set(name.toString('latin1'), entries);
  }
  return state;
}

/** A state as one string, so that two can be compared. */
export function fingerprint(state: State): string {
  const pieces: string[] = [];
  for (const name of bucketsOf(state)) {
    pieces.push(`bucket ${JSON.stringify(name)}`);
    for (const [key, value] of entriesOf(state, name)) pieces.push(`${key}=${value.length}:${value.toString('latin1', 0, 16)}`);
  }
  return pieces.join('\n');
}

const fingerprints = new WeakMap<State, string>();

/** The fingerprint of a state that does not change any more. */
function knownFingerprint(state: State): string {
  const known = fingerprints.get(state) ?? fingerprint(state);
  fingerprints.set(state, known);
  return known;
}

function isSame(one: State, other: State): boolean {
  for (const [name, entries] of one) {
    for (const [key, value] of entries) if (other.get(name)?.get(key)?.equals(value) !== true) return false;
  }
  return knownFingerprint(one) === knownFingerprint(other);
}

/** A copy of the database that is made elsewhere on the same disk. */
export interface Restoration {
  readonly path: string;
  readonly state: State;
  isDone: boolean;
}

/** The states of one database from its creation on. */
export class Journal {
  /** Called when something was acknowledged. */
  onAcknowledged: (() => void) | undefined;
  /** What was restored from snapshots, or is being. */
  restorations: Restoration[] = [];
  private states: State[] = [new Map()];
  private acknowledged = 0;
  /** Numbers the values, so that each differs from all others. */
  private valueCount = 0;

  /** The newest state that was unlocked. */
  get visible(): State {
    return this.states[this.states.length - 1] as State;
  }

  /** A section that does to both sides what `change` says. */
  update(backend: Backend, change: (section: Section) => void): void {
    const state = copyOf(this.visible);
    backend.update((tx) => {
      change(new Section(tx, state, (length) => this.nextValue(length)));
      this.states.push(state);
    });
  }

  /**
   * Waits for something that makes durable what is unlocked now. Who is interrupted before it awaits this leaves a failure that
   * nobody handles, and that is none.
   */
  durable(call: () => Promise<unknown>): Promise<void> {
    const at = this.states.length - 1;
    const done = call().then(() => {
      this.acknowledged = Math.max(this.acknowledged, at);
      this.onAcknowledged?.();
    });
    done.catch(() => {});
    return done;
  }

  /** Waits for a restore of `state` to `path`, which is not there before and whole afterwards. */
  async restored(path: string, state: State, call: () => Promise<void>): Promise<void> {
    const restoration = { path, state, isDone: false };
    this.restorations.push(restoration);
    await call();
    restoration.isDone = true;
    this.onAcknowledged?.();
  }

  /** The journal as it is now, apart from what comes. */
  copy(): Journal {
    const copy = new Journal();
    copy.states = [...this.states];
    copy.acknowledged = this.acknowledged;
    copy.valueCount = this.valueCount;
    copy.restorations = this.restorations.map((restoration) => ({ ...restoration }));
    return copy;
  }

  /** The journal of what can still be there when it was found out that `state` is. */
  reducedTo(state: State): Journal {
    const reduced = new Journal();
    reduced.states = [state];
    reduced.valueCount = this.valueCount + 1000;
    return reduced;
  }

  /** In words what is wrong with a state that was recovered, or undefined. */
  complaintAbout(found: State): string | undefined {
    const shown = knownFingerprint(found);
    const at = this.states.findLastIndex((state) => isSame(state, found));
    if (at >= this.acknowledged) return undefined;
    const range = `${this.acknowledged} (acknowledged) to ${this.states.length - 1}`;
    return at >= 0
      ? `state ${at} came back, allowed are ${range}`
      : `the state is none of those from ${range}:\n${shown.slice(0, 2000)}`;
  }

  private nextValue(length: number): Buffer {
    const number = ++this.valueCount;
    const value = Buffer.alloc(length, `value ${number}, `);
    // Every third one does not compress.
    if (number % 3 === 0) {
      for (let at = 8, bits = number; at < length; at++) {
        bits = (Math.imul(bits, 1_103_515_245) + 12_345) >>> 0;
        value[at] = bits >>> 16;
      }
    }
    if (length >= 4) value.writeUInt32BE(number, 0);
    return value;
  }
}

/** One section, written to the database and to the state side by side. */
export class Section {
  constructor(
    private readonly tx: BatchTx,
    private readonly state: State,
    private readonly nextValue: (length: number) => Buffer,
  ) {}

  create(bucket: string): void {
    this.tx.unsafeCreateBucket(bucket);
    if (!this.state.has(bucket)) this.state.set(bucket, new Map());
  }

  drop(bucket: string): void {
    this.tx.unsafeDeleteBucket(bucket);
    this.state.delete(bucket);
  }

  put(bucket: string, key: string, length: number): void {
    const value = this.nextValue(length);
    this.tx.unsafePut(bucket, key, value);
    this.state.get(bucket)?.set(key, value);
  }

  /** Puts `count` keys with numbers from `from` on, `step` apart. */
  puts(bucket: string, from: number, count: number, length: number, step = 1): void {
    for (let i = 0; i < count; i++) this.put(bucket, `key${String(from + i * step).padStart(4, '0')}`, length);
  }

  delete(bucket: string, key: string): void {
    this.tx.unsafeDelete(bucket, key);
    this.state.get(bucket)?.delete(key);
  }
}
