/**
 * Messages for whoever watches: named channels of the process. The one place that knows node:diagnostics_channel.
 *
 * Invariants:
 * 1. `publish` never throws: what a subscriber throws Node reports as an uncaught exception, after the publisher has gone on.
 * 2. `hasSubscribers` costs nothing, so that a message is made only where somebody wants it.
 */
import { channel } from 'node:diagnostics_channel';

/** Where messages of one kind go. */
export interface Topic<Message> {
  readonly hasSubscribers: boolean;
  publish(message: Message): void;
}

/** The channel of that name. */
export function namedTopic<Message>(name: string): Topic<Message> {
  return channel(name);
}
